"""A CSV file as cells of text that know their line, or one sentence that says why it is none.

    path --unpack--> bytes --decode--> UTF-8 --separator, names--> cells, read by Polars

Polars reads: it parses CSV faster and more strictly than anything we would write. Only to look at the beginning, and to
find the line of something refused, the csv module of the standard library reads the same text.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import zipfile
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from throughline.data.cells import Cells, clean, said_of_sample, step_of_sample
from throughline.data.number_text import decimal_sign
from throughline.errors import DataError, quoted
from throughline.weights import Array

if TYPE_CHECKING:
    import polars as pl

SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
N_LOOKED_AT = 100
# A file with more bytes is not held in memory: it is read in a stream, twice, once to count its rows.
MOST_BYTES = 1 << 30
BEGINNING = 1 << 20
ZSTANDARD = b"\x28\xb5\x2f\xfd"
COMPRESSIONS: dict[bytes, tuple[str, Any]] = {
    b"\x1f\x8b": ("gzip", gzip.open),
    b"BZh": ("bzip2", bz2.open),
    b"\xfd7zXZ\x00": ("xz", lzma.open),
}
MARKS = {
    b"\xef\xbb\xbf": ("utf-8-sig", "UTF-8"),
    b"\xff\xfe\x00\x00": ("utf-32", "UTF-32"),
    b"\x00\x00\xfe\xff": ("utf-32", "UTF-32"),
    b"\xff\xfe": ("utf-16", "UTF-16"),
    b"\xfe\xff": ("utf-16", "UTF-16"),
}
# Bytes that text has no use for; in Latin-1 those from 128 to 159 as well.
NOT_IN_TEXT = bytes(set(range(32)) - set(b"\t\n\r\x0b\x0c")) + b"\x7f"


def read_csv_cells(path: Path, sha256: str) -> Cells:
    """Read a CSV file with a header row.

    Raises
    ------
    DataError
        If it is none, with the line where there is one to name.
    """
    if path.stat().st_size > MOST_BYTES:
        return _read_in_a_stream(path, sha256)
    raw, found = read_text(path)
    separator = separator_of(path, raw)
    names = column_names(path, raw, separator)
    frame = _parse(path, raw, separator, names)
    _refuse_short_lines(path, raw, separator, frame)
    cells = clean(Cells(path.name, frame))
    filled = cells.frame.select(any_filled(names)).to_series()
    if not filled.any():
        raise DataError("--data", "a CSV file with rows", f"{quoted(path)}, which has only a header", "check the file")
    places, n_rows = np.flatnonzero(filled.to_numpy()), int(filled.sum())
    step = step_of_sample(n_rows, len(names))
    kept = cells.frame.filter(filled).gather_every(step)
    return _finish(path, kept, cells.missing_as, found, separator, step, n_rows, places[::step], sha256)


def _finish(
    path: Path,
    frame: pl.DataFrame,
    missing_as: dict[str, tuple[str, ...]],
    found: dict[str, str],
    separator: str,
    step: int,
    n_rows: int,
    places: Array,
    sha256: str,
) -> Cells:
    decimal = decimal_sign(frame)
    sign = {".": "point", ",": "comma", "": "unclear"}[decimal]
    return Cells(
        name=path.name,
        frame=frame,
        decimal=decimal,
        found=found | {"separator": SEPARATORS[separator], "decimal sign": sign} | said_of_sample(step, n_rows),
        missing_as=missing_as,
        n_rows=n_rows,
        sha256=sha256,
        place=lambda row: f"line {_line_of(path, int(places[row]), separator)} of {quoted(path)}",
    )


def any_filled(names: list[str]) -> pl.Expr:
    """Return where a row has a cell that is not empty."""
    import polars as pl

    return pl.any_horizontal(pl.col(name).is_not_null() for name in names)


def _read_in_a_stream(path: Path, sha256: str) -> Cells:
    """Read a file that is too large to be held: its rows are counted first, and sampled if they are too many."""
    import polars as pl

    with path.open("rb") as file:
        beginning = file.read(BEGINNING)
    if any(beginning.startswith(magic) for magic in (*COMPRESSIONS, *MARKS, ZSTANDARD, b"PK")):
        received = f"{quoted(path)} of {path.stat().st_size:,} bytes that is packed or no plain UTF-8"
        raise DataError(
            "--data", "a plain UTF-8 file if it is that large", received, "unpack it, or save it as Parquet"
        )
    beginning = beginning[: beginning.rfind(b"\n") + 1]
    raw, found = as_utf8(path, beginning)
    separator = separator_of(path, raw)
    names = column_names(path, raw, separator)
    try:
        scanned = pl.scan_csv(path, separator=separator, infer_schema=False, new_columns=names)
        n_rows = scanned.select(pl.len()).collect(engine="streaming").item()
        step = step_of_sample(n_rows, len(names))
        kept = scanned.with_row_index("\0row").filter(pl.col("\0row") % step == 0).collect(engine="streaming")
    except pl.exceptions.PolarsError as error:
        received = f"{quoted(path)} ({first_line(error)})"
        raise DataError("--data", "a CSV file with lines that can be read", received, "mend that line") from error
    places = kept["\0row"].to_numpy()
    cells = clean(Cells(path.name, kept.drop("\0row")))
    filled = cells.frame.select(any_filled(names)).to_series()
    frame, places = cells.frame.filter(filled), places[filled.to_numpy()]
    return _finish(path, frame, cells.missing_as, found, separator, step, n_rows, places, sha256)


def read_text(path: Path) -> tuple[bytes, dict[str, str]]:
    """Return a text file as UTF-8 without a byte order mark, and how it was packed and encoded."""
    raw = path.read_bytes()
    if raw.startswith(ZSTANDARD):
        return _unpack_zstandard(path), {"format": "CSV", "compression": "Zstandard", "encoding": "UTF-8"}
    raw, compression = _unpack(path, raw)
    text, found = as_utf8(path, raw)
    return text, {"format": "CSV"} | ({"compression": compression} if compression else {}) | found


def _unpack(path: Path, raw: bytes) -> tuple[bytes, str]:
    try:
        for magic, (name, opened) in COMPRESSIONS.items():
            if raw.startswith(magic):
                with opened(io.BytesIO(raw)) as file:
                    return _bounded(path, file.read(MOST_BYTES + 1)), name
        if raw.startswith(b"PK\x03\x04"):
            with zipfile.ZipFile(io.BytesIO(raw)) as archive:
                members = [info for info in archive.infolist() if not info.is_dir()]
                if len(members) != 1:
                    received = f"{len(members)} files in {quoted(path)}"
                    raise DataError("--data", "an archive with one file in it", received, "unpack the one you mean")
                with archive.open(members[0]) as file:
                    return _bounded(path, file.read(MOST_BYTES + 1)), "ZIP"
    except (OSError, EOFError, zipfile.BadZipFile, lzma.LZMAError, RuntimeError, NotImplementedError) as error:
        received = f"{quoted(path)} ({str(error).rstrip('.')})"
        raise DataError("--data", "a packed file that can be unpacked", received, "pack it again") from error
    return raw, ""


def _bounded(path: Path, raw: bytes) -> bytes:
    if len(raw) > MOST_BYTES:
        received = f"more than {MOST_BYTES:,} bytes in {quoted(path)}"
        raise DataError("--data", "unpacked if it is that large", received, "unpack it, or save it as Parquet")
    return raw


def _unpack_zstandard(path: Path) -> bytes:
    import polars as pl

    try:
        return _bounded(path, "\n".join(pl.read_lines(path).to_series()).encode())
    except pl.exceptions.PolarsError as error:
        received = f"{quoted(path)} ({first_line(error)})"
        raise DataError("--data", "UTF-8 text if it is packed by Zstandard", received, "unpack it first") from error


def as_utf8(path: Path, raw: bytes) -> tuple[bytes, dict[str, str]]:
    """Return text as UTF-8 without a byte order mark, and what it was encoded in; refuse what is no text."""
    codec, name = next((known for mark, known in MARKS.items() if raw.startswith(mark)), _guess_encoding(path, raw))
    if codec not in ("utf-8", "ascii"):
        try:
            raw = raw.decode(codec).encode()
        except UnicodeDecodeError as error:
            received = f"{quoted(path)}, which begins as {name} and does not go on as that"
            raise DataError("--data", "a file of text", received, "save it again as UTF-8") from error
        raw = raw.removeprefix(b"\xef\xbb\xbf")
    if len(stripped := raw.translate(None, NOT_IN_TEXT)) < len(raw):
        at = next(i for i, byte in enumerate(raw) if byte in NOT_IN_TEXT)
        what = "zero byte" if raw[at] == 0 else f"byte 0x{raw[at]:02X}"
        line = raw.count(b"\n", 0, at) + 1
        received = f"{quoted(path)} with a {what} in line {line}"
        raise DataError("--data", "a CSV file of text", received, "save the table again as CSV or Parquet")
    if not stripped.strip():
        allowed = "a CSV file with a header and rows"
        raise DataError("--data", allowed, f"{quoted(path)}, which is empty", "check the file")
    if b"\n" not in raw and b"\r" in raw.strip():
        raw, name = raw.replace(b"\r", b"\n"), f"{name}, lines end in carriage returns"
    return raw, {"encoding": name}


def _guess_encoding(path: Path, raw: bytes) -> tuple[str, str]:
    beginning = raw[:BEGINNING]
    if beginning.count(0) > len(beginning) / 5:  # letters of most languages in two bytes, one of them zero
        low_first = beginning[1::2].count(0) > beginning[::2].count(0)
        return ("utf-16-le" if low_first else "utf-16-be"), "UTF-16"
    try:
        raw.decode("utf-8")
        return "utf-8", "UTF-8"
    except UnicodeDecodeError as error:
        return _one_byte_encoding(path, raw, error)


def _one_byte_encoding(path: Path, raw: bytes, error: UnicodeDecodeError) -> tuple[str, str]:
    """Tell Latin-1 and Windows-1252 from UTF-8 that is damaged: there most bytes above 127 still make characters."""
    text = raw.decode("utf-8", errors="replace")
    n_damaged = text.count("\ufffd")
    if sum(character > "\x7f" for character in text) > 2 * n_damaged:
        line = raw.count(b"\n", 0, error.start) + 1
        received = f"{quoted(path)} with the byte 0x{raw[error.start]:02X} in line {line}"
        raise DataError("--data", "UTF-8 throughout or not at all", received, "save it again as UTF-8") from error
    if not any(byte in raw for byte in range(0x80, 0xA0)):
        return "latin-1", "Latin-1"
    try:
        raw.decode("cp1252")
        return "cp1252", "Windows-1252"
    except UnicodeDecodeError as other:
        line = raw.count(b"\n", 0, other.start) + 1
        received = f"{quoted(path)} with the byte 0x{raw[other.start]:02X} in line {line}"
        allowed = "text in UTF-8, UTF-16, Latin-1 or Windows-1252"
        raise DataError("--data", allowed, received, "save it again as UTF-8") from other


def separator_of(path: Path, raw: bytes) -> str:
    """Return the separator that cuts the first lines most evenly, and into most cells."""
    beginning = raw[:BEGINNING]
    if len(raw) > BEGINNING:
        beginning = beginning[: beginning.rfind(b"\n") + 1]
    scores = {}
    for separator in SEPARATORS:
        reader = csv.reader(io.StringIO(beginning.decode(errors="ignore"), newline=""), delimiter=separator)
        try:
            counts = [len(record) for record in islice((record for record in reader if record), N_LOOKED_AT)]
        except csv.Error:
            continue
        even = sum(count == counts[0] for count in counts) / len(counts)
        scores[separator] = (counts[0] > 1, even, counts[0])
    cutting = [separator for separator, (cuts, _, _) in scores.items() if cuts]
    return max(cutting, key=lambda separator: scores[separator], default=",")


def column_names(path: Path, raw: bytes, separator: str) -> list[str]:
    """Return the names in the header, each of them once."""
    names = [name.strip() for name in next(_records(path, raw, separator))[1]]
    check_names(names, path)
    return names


def check_names(names: list[str], path: Path) -> None:
    """Refuse columns without a name, or with the name of another one."""
    if "" in names:
        received = f"no name for column {names.index('') + 1} of {quoted(path)}"
        remedy = "name it, or leave the column out if it only counts the rows"
        raise DataError("--data", "a table with a name for every column", received, remedy)
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:  # Polars would rename them without a word
        received = f"{quoted(repeated[0])} more than once in {quoted(path)}"
        raise DataError("--data", "a table with distinct column names", received, "rename one")


def _parse(path: Path, raw: bytes, separator: str, names: list[str]) -> pl.DataFrame:
    import polars as pl

    try:
        frame = pl.read_csv(raw, separator=separator, infer_schema=False, encoding="utf8")
    except pl.exceptions.PolarsError as error:
        raise _unreadable(path, raw, separator, len(names), error) from error
    return frame.rename(dict(zip(frame.columns, names, strict=True)))


def _records(path: Path, raw: bytes, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each record with the line on which it begins, the header first.

    Polars skips empty lines before the header and keeps the others as rows: so do we.
    """
    text = io.TextIOWrapper(io.BytesIO(raw), "utf-8", newline="")
    reader = csv.reader(text, delimiter=separator, strict=True)
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


def _line_of(path: Path, place: int, separator: str) -> int:
    """Return the line of a row: an error is rare enough to read the file once more for it."""
    raw, _ = read_text(path)
    return next(islice(_records(path, raw, separator), place + 1, None))[0]  # the header is a record, too


def _refuse_short_lines(path: Path, raw: bytes, separator: str, frame: pl.DataFrame) -> None:
    """Polars fills a short line with empty cells; which lines those are, only the csv module says."""
    if frame.width == 1 or not frame[frame.columns[-1]].has_nulls():
        return
    for line, record in _records(path, raw, separator):
        if len(record) < frame.width and any(value.strip() for value in record):
            raise _wrong_length(path, line, len(record), frame.width, separator)


def _unreadable(path: Path, raw: bytes, separator: str, n_names: int, error: Exception) -> DataError:
    """Say which line Polars means, as far as the csv module sees it."""
    remedy = "check its quotation marks"
    received = f"{quoted(path)} ({first_line(error)})"
    for line, record in _records(path, raw, separator):
        if len(record) > n_names:
            return _wrong_length(path, line, len(record), n_names, separator)
        if any('"' in value for value in record):
            received = f"line {line} of {quoted(path)} with a quotation mark inside a value"
            break
    return DataError("--data", "a CSV file with lines that can be read", received, remedy)


def first_line(error: Exception) -> str:
    """Return what an error of a library says first, to be quoted."""
    return str(error).strip().splitlines()[0].rstrip(".")


def _wrong_length(path: Path, line: int, n_values: int, n_names: int, separator: str) -> DataError:
    received = f"{n_values} instead of {n_names} in line {line} of {quoted(path)}"
    one = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}[separator]
    remedy = f"mend that line; a value with {one} in it needs quotation marks"
    return DataError("--data", "a table with one value for each column in every line", received, remedy)
