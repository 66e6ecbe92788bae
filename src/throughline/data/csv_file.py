"""A CSV file as cells of text that know their line, or one sentence that says why it is none.

    path --read_cells--> bytes -> text -> names of the columns -> cells, read by Polars

Polars reads: it parses CSV faster and more strictly than anything we would write. Only to look at the
header, and to find the line of something refused, the csv module of the standard library reads the same text.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from throughline.errors import DataError, quoted
from throughline.weights import Array

if TYPE_CHECKING:
    import polars as pl

OTHER_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}
OTHER_FORMATS = {
    b"\x1f\x8b": "compressed by gzip",
    b"PK\x03\x04": "a ZIP archive or a spreadsheet",
    b"\xd0\xcf\x11\xe0": "a spreadsheet",
    b"PAR1": "Parquet",
    b"\xff\xfe": "UTF-16 text",
    b"\xfe\xff": "UTF-16 text",
}


@dataclass(frozen=True)
class Cells:
    """The cells of a table as text, without blanks around them; a cell with nothing in it is an empty text.

    Attributes
    ----------
    path : Path
    text : str
        The whole file.
    frame : polars.DataFrame
        Text columns; lines with nothing in any cell are left out.
    places : ndarray of int
        For each row of `frame` its place in the file, from 0, the header and empty lines before it not counted.
    """

    path: Path
    text: str
    frame: pl.DataFrame
    places: Array

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return self.frame.columns

    def refusal(self, row: int, column: str, parameter: str, allowed: str, remedy: str) -> DataError:
        """Return the error about one cell; a line too short to have that cell is refused for being short.

        Parameters
        ----------
        row : int
            Of `frame`.
        column, parameter, allowed, remedy : str
            The parameter is the argument that the cell makes unusable, `allowed` what cells must be.
        """
        place = self.places[row] + 1  # the header is a record, too
        line, record = next(found for i, found in enumerate(_records(self.path, self.text)) if i == place)
        if len(record) < len(self.names):
            return _wrong_length(self.path, line, len(record), len(self.names))
        value = self.frame[column][row]
        found = quoted(value) if value else "nothing"
        return DataError(
            parameter, allowed, f"{found} in column {quoted(column)}, line {line} of {quoted(self.path)}", remedy
        )


def read_cells(path: Path) -> Cells:
    """Read a CSV file with a header row.

    Raises
    ------
    DataError
        If it is none, with the line where there is one to name.
    """
    import polars as pl

    raw = _read_bytes(path)
    text = _as_text(raw, path)
    names = _column_names(text, path)
    try:
        frame = pl.read_csv(raw, infer_schema=False, encoding="utf8")
    except pl.exceptions.PolarsError as error:
        raise _unreadable(path, text, len(names), error) from error
    frame = frame.rename(dict(zip(frame.columns, names, strict=True)))
    frame = frame.select(pl.all().str.strip_chars().fill_null(""))
    filled = frame.select(pl.any_horizontal(pl.all() != "")).to_series()
    if not filled.any():
        raise DataError("--data", "a CSV file with rows", f"{quoted(path)}, which has only a header", "check the file")
    return Cells(path, text, frame.filter(filled), np.flatnonzero(filled.to_numpy()))


def _read_bytes(path: Path) -> bytes:
    if path.suffix.lower() != ".csv":
        raise DataError("--data", "a .csv file", quoted(path), "save the table as CSV with commas and a header row")
    try:
        str(path).encode("utf-8")  # the record, which is JSON, must be able to say it
        if path.exists() and not path.is_file():  # reading a device or a pipe might never end
            raise DataError(
                "--data", "a file", f"{quoted(path)}, which is a folder or a device", "pass the file itself"
            )
        return path.read_bytes()
    except UnicodeEncodeError as error:
        raise DataError("--data", "a file whose name is UTF-8", quoted(path), "rename it") from error
    except OSError as error:
        received = f"{quoted(path)} ({error.strerror})"
        raise DataError("--data", "a file that can be read", received, "check the path") from error


def _as_text(raw: bytes, path: Path) -> str:
    allowed = "a CSV file of plain UTF-8 text"
    for magic, what in OTHER_FORMATS.items():
        if raw.startswith(magic):
            raise DataError("--data", allowed, f"{quoted(path)}, which is {what}", "unpack it or save it again as that")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        received = f"{quoted(path)} with the byte 0x{raw[error.start]:02X} in line {line}"
        raise DataError("--data", allowed, received, "save it again as UTF-8") from error
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise DataError("--data", allowed, f"{quoted(path)} with a zero byte in line {line}", "save it again as UTF-8")
    if not text.strip():
        raise DataError(
            "--data", "a CSV file with a header and rows", f"{quoted(path)}, which is empty", "check the file"
        )
    if "\n" not in text and "\r" in text.strip():
        received = f"{quoted(path)}, whose lines end in carriage returns alone"
        raise DataError("--data", "a CSV file with line feeds at the ends of its lines", received, "save it again")
    return text


def _column_names(text: str, path: Path) -> list[str]:
    names = [name.strip() for name in next(_records(path, text))[1]]
    for separator, plural in OTHER_SEPARATORS.items():
        if len(names) == 1 and separator in names[0]:
            received = f"{quoted(path)}, whose header {quoted(names[0])} has {plural}"
            raise DataError("--data", "a table with commas between its values", received, "save it again with commas")
    if "" in names:
        received = f"no name for column {names.index('') + 1} of {quoted(path)}"
        remedy = "name it, or leave the column out if it only counts the rows"
        raise DataError("--data", "a table with a name for every column", received, remedy)
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:  # Polars would rename them without a word
        received = f"{quoted(repeated[0])} more than once in {quoted(path)}"
        raise DataError("--data", "a table with distinct column names", received, "rename one")
    return names


def _records(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the line on which it begins, the header first.

    Polars skips empty lines before the header and keeps the others as rows: so do we.
    """
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    begun = False
    while True:
        line = reader.line_num + 1
        try:
            record = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            received = f"line {line} of {quoted(path)} ({error})"
            remedy = "check that each quotation mark that opens is closed"
            raise DataError("--data", "a CSV file with lines that can be read", received, remedy) from error
        begun = begun or bool(record)
        if begun:
            yield line, record


def _unreadable(path: Path, text: str, n_names: int, error: Exception) -> DataError:
    """Say which line Polars means, as far as the csv module sees it."""
    remedy = "check its quotation marks"
    received = f"{quoted(path)} ({str(error).strip().splitlines()[0].rstrip('.')})"
    for line, record in _records(path, text):
        if len(record) > n_names:
            return _wrong_length(path, line, len(record), n_names)
        if any('"' in value for value in record):
            received = f"line {line} of {quoted(path)} with a quotation mark inside a value"
            break
    return DataError("--data", "a CSV file with lines that can be read", received, remedy)


def _wrong_length(path: Path, line: int, n_values: int, n_names: int) -> DataError:
    received = f"{n_values} instead of {n_names} in line {line} of {quoted(path)}"
    remedy = "mend that line; a value with a comma in it needs quotation marks"
    return DataError("--data", "a table with one value for each column in every line", received, remedy)
