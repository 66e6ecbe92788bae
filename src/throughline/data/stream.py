"""A table of any length, some rows at a time: what is predicted is neither sampled nor held in memory.

    file --look through--> decimal sign --read again--> cells, cells, cells, ...

Training reads a table as a whole (`data.read`), since columns are recognised from all their cells. Here every cell
stands for itself; only the decimal sign belongs to the file, so a large text file is gone through once before for it.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from throughline.data.cells import Cells, clean
from throughline.data.csv_file import (
    BEGINNING,
    COMPRESSIONS,
    MARKS,
    MOST_BYTES,
    ZSTANDARD,
    any_filled,
    as_utf8,
    column_names,
    first_line,
    read_csv_cells,
    read_text,
    separator_of,
)
from throughline.data.location import locate, unchanged
from throughline.data.number_text import DecimalVotes
from throughline.data.read import reader_of
from throughline.data.typed_file import (
    part_of_file,
    read_arrow,
    read_parquet,
    rows_of_database,
    rows_of_file,
)
from throughline.errors import DataError, quoted

if TYPE_CHECKING:
    import polars as pl

# At a time. A row of 50 columns of text takes about 2 kB, so this is some 40 MB.
N_ROWS = 20_000
# A text file up to this size is read as in training, with the number of the line in every refusal.
MOST_BYTES_AT_ONCE = 1 << 26
# In each part, of each column: there are many parts.
CELLS_THAT_VOTE = 500


def stream_cells(given: str | Path, n_rows: int = N_ROWS) -> Iterator[Cells]:
    r"""Give the rows of a table, some at a time, in the order of the file and none left out.

    A line of a text file in which no cell is filled is no row.

    Parameters
    ----------
    given : str or Path
        As for `data.read.read_cells`.
    n_rows : int
        Most rows at a time.

    Yields
    ------
    Cells
        At least one row; all with the same columns.

    Raises
    ------
    DataError
        If there is no table, it has no rows, or its file changed meanwhile.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table = Path(folder, "table.csv")
    ...     _ = table.write_text("city;size\nBern;1,5\nRome;?\n")
    ...     [cells.frame.rows() for cells in stream_cells(table, n_rows=1)]
    [[('Bern', '1,5')], [('Rome', None)]]
    """
    location = locate(given)
    with unchanged(location.path) as sha256:
        path, reader = location.path, None if location.engine else reader_of(location.path)
        if location.engine:
            yield from _parts(path, rows_of_database(location, n_rows))
        elif reader is read_parquet:
            yield from _parts(path, rows_of_file(path, "Parquet", lambda: _scan(path, "parquet"), n_rows))
        elif reader is read_arrow:
            yield from _parts(path, rows_of_file(path, "Arrow", lambda: _scan(path, "ipc"), n_rows))
        elif reader is not None and reader is not read_csv_cells:
            yield from _slices(reader(path, sha256), n_rows)
        elif path.stat().st_size <= MOST_BYTES_AT_ONCE and not _is_packed(path):
            yield from _slices(read_csv_cells(path, sha256), n_rows)
        else:
            yield from _parts_of_csv(path, n_rows)


def _scan(path: Path, kind: str) -> pl.LazyFrame:
    import polars as pl

    scanned: pl.LazyFrame = getattr(pl, f"scan_{kind}")(path)
    return scanned


def _slices(cells: Cells, n_rows: int) -> Iterator[Cells]:
    for start in range(0, len(cells), n_rows):
        yield cells.take(np.arange(start, min(start + n_rows, len(cells))))


def _parts(path: Path, frames: Iterator[pl.DataFrame]) -> Iterator[Cells]:
    n_before = 0
    for frame in frames:
        if len(frame):
            yield part_of_file(path, frame, n_before)
            n_before += len(frame)
    if not n_before:
        raise DataError("--data", "a table with rows", f"{quoted(path)}, which has none", "check the file")


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(4).startswith((*COMPRESSIONS, ZSTANDARD, b"PK"))


def _parts_of_csv(path: Path, n_rows: int) -> Iterator[Cells]:
    """Read a large text file twice, once for its decimal sign."""
    beginning, scan = _opened(path)
    separator = separator_of(path, beginning)
    names = column_names(path, beginning, separator)

    def frames() -> Iterator[pl.DataFrame]:
        import polars as pl

        try:
            scanned = scan(separator, names)
            yield from scanned.with_row_index("\0row").collect_batches(chunk_size=n_rows)
        except pl.exceptions.PolarsError as error:
            received = f"{quoted(path)} ({first_line(error)})"
            raise DataError("--data", "a CSV file with lines that can be read", received, "mend that line") from error

    votes = DecimalVotes()
    for frame in frames():
        votes.count(frame.drop("\0row"), CELLS_THAT_VOTE)
    found = False
    for frame in frames():
        places = frame["\0row"].to_numpy()
        cells = replace(clean(Cells(path.name, frame.drop("\0row"))), decimal=votes.sign)
        filled = cells.frame.select(any_filled(names)).to_series()
        if filled.any():
            found = True
            kept = places[filled.to_numpy()]
            yield replace(cells, frame=cells.frame.filter(filled), place=_place(path, kept))
    if not found:
        raise DataError("--data", "a CSV file with rows", f"{quoted(path)}, which has only a header", "check the file")


def _place(path: Path, places: np.ndarray) -> Callable[[int], str]:
    return lambda row: f"row {int(places[row]) + 1} of {quoted(path)}"


def _opened(path: Path) -> tuple[bytes, Callable[[str, list[str]], pl.LazyFrame]]:
    """Return how a text file begins, and what scans it: plain UTF-8 from where it lies, all else unpacked in memory."""
    import polars as pl

    def scan(source: Path | io.BytesIO, separator: str, names: list[str]) -> pl.LazyFrame:
        return pl.scan_csv(source, separator=separator, infer_schema=False, new_columns=names)

    if not _is_packed(path) and _is_plain_utf8(path):
        with path.open("rb") as file:
            beginning = file.read(BEGINNING)
        as_utf8(path, beginning)  # refuses what is no text
        return beginning[: beginning.rfind(b"\n") + 1] or beginning, lambda separator, names: scan(
            path, separator, names
        )
    if path.stat().st_size > MOST_BYTES:
        received = f"{quoted(path)} of {path.stat().st_size:,} bytes that is packed or no plain UTF-8"
        raise DataError(
            "--data", "a plain UTF-8 file if it is that large", received, "unpack it, or save it as Parquet"
        )
    raw, _ = read_text(path)
    return raw, lambda separator, names: scan(io.BytesIO(raw), separator, names)


def _is_plain_utf8(path: Path) -> bool:
    """Decode a file as it lies, a block at a time; what is no text is refused with its line."""
    import codecs

    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as file:
        block = file.read(BEGINNING)
        if block.startswith(tuple(MARKS)):
            return False
        try:
            while block:
                decoder.decode(block)
                if b"\0" in block or (b"\r" in block and b"\n" not in block):
                    return False  # `read_text` says what it is, or refuses it
                block = file.read(BEGINNING)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True
