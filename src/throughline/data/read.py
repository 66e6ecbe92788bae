"""Which reader a file has: what it begins with decides, not its name."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

from throughline.data.cells import Cells
from throughline.data.csv_file import read_csv_cells
from throughline.data.location import locate, unchanged
from throughline.data.typed_file import (
    read_arrow,
    read_arrow_stream,
    read_database,
    read_parquet,
    read_spreadsheet,
)
from throughline.errors import DataError, quoted

READERS: dict[bytes, Callable[[Path, str], Cells]] = {
    b"PAR1": read_parquet,
    b"ARROW1": read_arrow,
    b"\xff\xff\xff\xff": read_arrow_stream,
    b"\xd0\xcf\x11\xe0": read_spreadsheet,
}
NO_TABLES = {
    b"SQLite format 3": "is a database, to be passed as sqlite:///FILE?table=NAME",
    b"%PDF": "is PDF",
    b"\x89PNG": "is a picture",
    b"{": "looks like JSON",
    b"<": "looks like HTML or XML",
}
SHEETS = ("xl/workbook.xml", "xl/workbook.bin", "content.xml")


def read_cells(given: str | Path) -> Cells:
    """Read a table.

    Parameters
    ----------
    given : str or Path
        A file of CSV (also packed), Parquet, Arrow or a spreadsheet, or the address of a table in a database.

    Returns
    -------
    Cells

    Raises
    ------
    DataError
        If there is no table, or its file changed meanwhile.
    """
    location = locate(given)
    with unchanged(location.path) as sha256:
        if location.engine:
            return read_database(location, sha256)
        return reader_of(location.path)(location.path, sha256)


def reader_of(path: Path) -> Callable[[Path, str], Cells]:
    """Return what reads a file, by its first bytes; refuse what is known to be no table."""
    with path.open("rb") as file:
        beginning = file.read(16)
    for magic, what in NO_TABLES.items():
        if beginning.startswith(magic):
            allowed = "a table as CSV, Parquet, Arrow or a spreadsheet"
            raise DataError("--data", allowed, f"{quoted(path)}, which {what}", "save it as one of these")
    if beginning.startswith(b"PK\x03\x04") and _is_spreadsheet(path):
        return read_spreadsheet
    return next((reader for magic, reader in READERS.items() if beginning.startswith(magic)), read_csv_cells)


def _is_spreadsheet(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name in SHEETS for name in archive.namelist())
    except zipfile.BadZipFile as error:
        received = f"{quoted(path)}, an archive that is damaged"
        raise DataError("--data", "a whole file", received, "pack or save it again") from error
