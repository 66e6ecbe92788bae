"""Answers on their way into a file, part by part; it appears whole or not at all."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.errors import OutputError, quoted

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = (".csv", ".parquet")
OF_THE_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
Write = Callable[["pl.DataFrame"], None]


def check_out(out: Path) -> None:
    """Refuse at once what could only fail after all rows.

    Raises
    ------
    OutputError
        If it is no name of a CSV or Parquet file, exists already, or its folder does not.
    """
    if out.suffix.lower() not in SUFFIXES:
        raise OutputError("--out", "a file that ends in .csv or .parquet", quoted(out), "give it one of these endings")
    try:
        str(out).encode()
        out.lstat()  # `exists` would take a name that cannot be for one that is free
        taken = True
    except (FileNotFoundError, NotADirectoryError):
        taken = False
    except (OSError, ValueError) as error:
        received = f"{quoted(out)} ({getattr(error, 'strerror', None) or 'not a name for a file'})"
        raise OutputError("--out", "a file that can be written", received, "choose another") from error
    if taken:
        raise OutputError("--out", "a new file", f"{quoted(out)}, which exists", "choose another or remove it")
    if not out.parent.is_dir():
        received = f"{quoted(out)}, whose folder does not exist"
        raise OutputError("--out", "a file in a folder that exists", received, "make the folder or choose another")


@contextmanager
def written_whole(out: Path, work: Path) -> Iterator[Write]:
    """Give a function that takes one part after another, and rename the file to `out` when all went well.

    Parameters
    ----------
    out : Path
        Its suffix says whether it is CSV or Parquet.
    work : Path
        Folder for the parts of a Parquet file, which polars joins in a stream.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    beside = out.with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        if out.suffix.lower() == ".parquet":
            yield from _parquet(beside, work)
        else:
            yield from _csv(beside)
        os.replace(beside, out)
    except OSError as error:
        if error.errno not in OF_THE_DISK and str(beside) not in str(error.filename):
            raise  # what is done meanwhile has errors of its own
        received = f"{quoted(out)} ({error.strerror})"
        raise OutputError("--out", "a file that can be written", received, "choose another") from error
    finally:
        beside.unlink(missing_ok=True)


def _csv(beside: Path) -> Iterator[Write]:
    with beside.open("wb") as file:

        def write(frame: pl.DataFrame) -> None:
            frame.write_csv(file, include_header=file.tell() == 0)

        yield write


def _parquet(beside: Path, work: Path) -> Iterator[Write]:
    import polars as pl

    parts: list[Path] = []

    def write(frame: pl.DataFrame) -> None:
        parts.append(work / f"part-{len(parts):09}.parquet")
        frame.write_parquet(parts[-1])

    yield write
    pl.scan_parquet(parts).sink_parquet(beside)
