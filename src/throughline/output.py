"""Everything is written beside its place and then renamed: it appears whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from throughline.errors import OutputError, quoted


def write_whole(path: Path, text: str) -> None:
    """Write a text file in UTF-8, replacing an older one in a single step.

    Parameters
    ----------
    path : Path
    text : str
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        beside.write_text(text, encoding="utf-8", newline="\n")
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def folder_written_whole(final: Path) -> Iterator[Path]:
    """Give a folder to write in, and rename it to `final` when all went well; otherwise remove it.

    Parameters
    ----------
    final : Path
        A new or an empty folder; its parents are made where they are missing.

    Yields
    ------
    Path
        A hidden folder beside `final`.

    Raises
    ------
    OutputError
        If `final` holds something already, or cannot be written.
    """
    final = _checked(final)
    beside = final.parent / f".{final.name}.partial-{os.getpid()}"
    made = [parent for parent in (final.parent, *final.parent.parents) if not parent.exists()]
    try:
        try:
            beside.mkdir(parents=True)
        except (OSError, ValueError) as error:
            raise _unwritable(final, getattr(error, "strerror", None) or "not a name for a folder") from error
        yield beside
        os.replace(beside, final)
    except BaseException:
        shutil.rmtree(beside, ignore_errors=True)
        for parent in made:
            with suppress(OSError):  # someone else may have put something there meanwhile
                parent.rmdir()
        raise


def _checked(final: Path) -> Path:
    """Refuse now what would fail only after the whole run."""
    try:
        str(final).encode()  # the record names the folder, and JSON is UTF-8
        # Without "..": parents that exist only to be left again would be made and stay behind.
        final = Path(os.path.abspath(final)) if ".." in final.parts else final
        taken = final.is_symlink() or (final.exists() and (not final.is_dir() or any(final.iterdir())))
    except (OSError, ValueError) as error:
        raise _unwritable(final, getattr(error, "strerror", None) or "not a name for a folder") from error
    if taken:
        received = f"{quoted(final)}, which exists"
        raise OutputError("--out", "a new or empty folder", received, "choose another or remove it")
    return final


def _unwritable(final: Path, reason: str) -> OutputError:
    received = f"{quoted(final)} ({reason})"
    return OutputError("--out", "a folder that can be written", received, "choose another with --out")
