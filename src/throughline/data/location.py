"""Where a table is: a file, or a table in the file of a database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs, unquote

from throughline.errors import DataError, quoted

ENGINES = ("duckdb", "sqlite")


@dataclass(frozen=True)
class Location:
    """A file, and the table in it if it is a database.

    Attributes
    ----------
    path : Path
    engine : {"", "duckdb", "sqlite"}
    table : str
    """

    path: Path
    engine: str = ""
    table: str = ""

    @property
    def name(self) -> str:
        """How a record calls it: without the folder, since records travel."""
        return f"{self.path.name}?table={self.table}" if self.engine else self.path.name

    @property
    def stem(self) -> str:
        """Name without suffixes, those of a compression too; of a database its table."""
        return self.table or self.path.name.split(".")[0] or self.path.stem


def locate(given: str | Path) -> Location:
    """Read what was given as ``--data``.

    Parameters
    ----------
    given : str or Path
        A path, or ``duckdb:///file.db?table=t`` or ``sqlite:///file.db?table=t``; three slashes come before a
        relative path, and a fourth begins an absolute one.

    Raises
    ------
    DataError
        If it is the address of a database without a path or a table.

    Examples
    --------
    >>> locate("sqlite:///shop.db?table=orders").name
    'shop.db?table=orders'
    """
    if isinstance(given, Path):
        return Location(given)
    engine, colon, rest = given.partition("://")
    if not colon or "/" in engine:
        return Location(Path(given))
    path, _, query = rest.partition("?")
    table = parse_qs(query).get("table", [""])[0]
    if engine not in ENGINES or not path.startswith("/") or path == "/" or not table:
        allowed = "a file, duckdb:///FILE?table=NAME or sqlite:///FILE?table=NAME"
        raise DataError("--data", allowed, quoted(given), "name a file of this machine and a table in it")
    return Location(Path(unquote(path[1:])), engine, table)


@contextmanager
def unchanged(path: Path) -> Iterator[str]:
    """Give the SHA-256 of a file while it is read, and refuse it if it is another one afterwards.

    Raises
    ------
    DataError
        If the path is no readable file, or the file changed.
    """
    before = _fingerprint(path)
    yield before[0]
    if _fingerprint(path) != before:
        received = f"{quoted(path)}, which changed while it was read"
        raise DataError("--data", "a file that stays as it is", received, "wait until it is whole, or read a copy")


def _fingerprint(path: Path) -> tuple[str, int, int]:
    try:
        str(path).encode("utf-8")  # the record, which is JSON, must be able to say it
        if path.exists() and not path.is_file():  # reading a device or a pipe might never end
            received = f"{quoted(path)}, which is a folder or a device"
            raise DataError("--data", "a file", received, "pass the file itself")
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        status = path.stat()
        return digest, status.st_size, status.st_mtime_ns
    except UnicodeEncodeError as error:
        raise DataError("--data", "a file whose name is UTF-8", quoted(path), "rename it") from error
    except OSError as error:
        received = f"{quoted(path)} ({error.strerror})"
        raise DataError("--data", "a file that can be read", received, "check the path") from error
