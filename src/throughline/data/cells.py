"""The cells of a table, whatever file they came from, and where each of them stands.

    CSV, Parquet, Arrow, spreadsheet, database, rows of a program  --read-->  Cells  --kinds, encode-->  numbers

Cells of a text file are text; those of the others have the types that the file gives them. Either way a cell without a
value is null here: one that is empty, or holds one of the texts in `MISSING`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from throughline.errors import DataError, quoted
from throughline.weights import Array

if TYPE_CHECKING:
    import polars as pl

# What a cell says, in small letters, when it has no value.
MISSING = ("", "na", "n/a", "null", "nan", "?")
# A table with more cells is sampled. A fixed number and not a share of the memory, so that the same file gives the same
# rows on every machine: as texts they take about 4 GB at most, as numbers half a gigabyte.
MOST_CELLS = 100_000_000


@dataclass(frozen=True)
class Cells:
    """A table before anything is made of its cells.

    Attributes
    ----------
    name : str
        Of the file, for messages and the record.
    frame : polars.DataFrame
        Null where a cell is empty; no blanks around texts.
    decimal : {".", ",", ""}
        Decimal sign of numbers in texts; empty if numbers are written with a sign of which nobody can say which it is.
    found : dict of str to str
        What the reader found out: format, encoding, separator, decimal sign.
    missing_as : dict of str to tuple of str
        By column the texts that stood for no value.
    n_rows : int
        Rows of the file, of which `frame` has a sample if they are many.
    sha256 : str
        Of the file.
    place : callable
        Says where a row of `frame` stands: "line 7 of 'table.csv'".
    """

    name: str
    frame: pl.DataFrame
    decimal: Literal[".", ",", ""] = "."
    found: dict[str, str] = field(default_factory=dict)
    missing_as: dict[str, tuple[str, ...]] = field(default_factory=dict)
    n_rows: int = 0
    sha256: str = ""
    place: Callable[[int], str] = lambda row: f"row {row + 1}"

    @property
    def names(self) -> list[str]:
        """Names of the columns."""
        return self.frame.columns

    def __len__(self) -> int:
        return len(self.frame)

    def refusal(self, row: int, column: str, parameter: str, allowed: str, remedy: str) -> DataError:
        """Return the error about one cell.

        Parameters
        ----------
        row : int
            Of `frame`.
        column, parameter, allowed, remedy : str
            The parameter is the argument that the cell makes unusable, `allowed` what cells must be.
        """
        value = self.frame[column][row]
        found = "nothing" if value is None else quoted(value)
        return DataError(parameter, allowed, f"{found} in column {quoted(column)}, {self.place(row)}", remedy)

    def take(self, rows: Array) -> Cells:
        """Return some of the rows, which keep their places."""
        from dataclasses import replace

        place = self.place
        return replace(self, frame=self.frame[rows], place=lambda row: place(int(rows[row])))


def cells_of_rows(rows: Iterable[Mapping[str, Any]]) -> Cells:
    """Take rows of a program, such as those of a request in JSON.

    Parameters
    ----------
    rows : iterable of mapping
        Values by the name of their column; a column that a row does not have is empty there.

    Raises
    ------
    DataError
        If there are none, or a value is neither number, text, truth value nor date.

    Examples
    --------
    >>> cells_of_rows([{"age": 31, "city": "Bern"}, {"age": None, "city": "?"}]).frame.rows()
    [(31, 'Bern'), (None, None)]
    """
    import polars as pl

    given = list(rows)
    if not given:
        raise DataError("rows", "one or more", "none", "pass a list with a mapping from names to values for each row")
    names = list(dict.fromkeys(name for row in given for name in row))
    frame = pl.DataFrame([series_of_values(name, [row.get(name) for row in given]) for name in names])
    return clean(Cells("rows", frame, n_rows=len(given)))


def series_of_values(name: str, values: list[Any]) -> pl.Series:
    """Return values as a column; of several types as text, so that the one that does not fit can be shown."""
    import polars as pl

    try:
        return pl.Series(name, values, strict=True)
    except (TypeError, pl.exceptions.PolarsError, OverflowError):
        return pl.Series(name, [None if value is None else str(value) for value in values], pl.String)


def clean(cells: Cells) -> Cells:
    """Return the cells without blanks around texts and null where there is no value, and which texts stood for that."""
    from dataclasses import replace

    import polars as pl

    frame, missing_as = cells.frame, dict[str, tuple[str, ...]]()
    made = []
    for series in frame.iter_columns():
        if series.dtype in (pl.Categorical, pl.Enum):
            series = series.cast(pl.String)
        if series.dtype == pl.String:
            series = series.str.strip_chars()
            if written := _written_for_missing(series):
                missing_as[series.name] = written
                empty = series.is_in(written)
                series = pl.select(pl.when(empty).then(None).otherwise(series).alias(series.name)).to_series()
        elif series.dtype.is_float() and series.is_nan().any():
            missing_as[series.name] = ("NaN",)
            series = series.fill_nan(None)
        made.append(series)
    return replace(cells, frame=pl.DataFrame(made), missing_as=missing_as)


def _written_for_missing(texts: pl.Series) -> tuple[str, ...]:
    """Return the texts of a column that stand for no value; only distinct short ones are looked at."""
    short = texts.filter(texts.str.len_bytes() <= max(map(len, MISSING))).unique()
    return tuple(short.filter(short.str.to_lowercase().is_in(MISSING)).sort().to_list())


def step_of_sample(n_rows: int, n_columns: int) -> int:
    """Return 1 if a table is read whole, and otherwise k for a sample of every k-th row."""
    return -(-n_rows * n_columns // MOST_CELLS) if n_rows * n_columns > MOST_CELLS else 1


def said_of_sample(step: int, n_rows: int) -> dict[str, str]:
    """Say which rows were read."""
    return {"rows": "all" if step == 1 else f"a sample: every {step}th of {n_rows:,}"}


def places_of(step: int, n_kept: int) -> Array:
    """Return the places of sampled rows."""
    return np.arange(n_kept) * step
