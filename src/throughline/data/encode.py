"""Cells to the numbers of a row, by what `Column` says: one pass for training and for every row that comes later.

    cells  --encode-->  float32 of shape (n_samples, n_inputs), NaN where empty, codes for categories

What becomes of a cell depends on that cell and its column alone, never on other rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from throughline.data.cells import Cells
from throughline.data.moment_text import part_of_moments
from throughline.data.values import as_moments, as_numbers, as_texts
from throughline.errors import DataError, quoted
from throughline.spec import Column
from throughline.weights import Array

if TYPE_CHECKING:
    import polars as pl

# Its square is a finite float32, and so is the variance of such numbers, which Keras keeps in that type.
LARGEST_NUMBER = 1e18


def encode(cells: Cells, columns: tuple[Column, ...], parameter: str = "--data") -> Array:
    """Return the rows that a network takes.

    Parameters
    ----------
    cells : Cells
        With at least the columns of the file that are named as sources; in any order.
    columns : tuple of Column
    parameter : str
        What messages call the cells.

    Returns
    -------
    ndarray of shape (n_samples, n_inputs), float32

    Raises
    ------
    DataError
        If a column is missing, or a cell is nothing that its column can be.

    Examples
    --------
    >>> from throughline.data.cells import cells_of_rows
    >>> columns = (Column(name="age", source="age"),
    ...            Column(name="city", source="city", encoding="category", labels=("Bern", "Rome")))
    >>> encode(cells_of_rows([{"city": "Rome", "age": "31"}, {"city": "Oslo"}]), columns)
    array([[31.,  1.],
           [nan,  2.]], dtype=float32)
    """
    missing = [column.source for column in columns if column.source not in cells.names]
    if missing:
        more = len(set(missing)) - 1
        received = f"{quoted(cells.name)} without {quoted(missing[0])}" + (f" and {more} more" if more else "")
        raise DataError(parameter, "a table with every column of the network", received, "add the column")
    X = np.empty((len(cells), len(columns)), np.float32, order="F")
    moments: dict[str, pl.Series] = {}
    for i, column in enumerate(columns):
        if column.encoding == "number":
            encoded = _numbers(cells, column, parameter)
        elif column.encoding == "boolean":
            encoded = _booleans(cells, column, parameter)
        elif column.is_category:
            encoded = _codes(cells, column)
        else:
            if column.source not in moments:
                moments[column.source] = _moments(cells, column, parameter)
            encoded = part_of_moments(moments[column.source], column.encoding)
        X[:, i] = encoded.fill_null(float("nan")).to_numpy()
    return np.ascontiguousarray(X)


def raw_columns(cells: Cells, columns: tuple[Column, ...], parameter: str = "--data") -> dict[str, Array]:
    """Return what a graph takes that looks texts up itself: one array a column, texts for categories and truth values.

    Parameters
    ----------
    cells, columns, parameter :
        As for `encode`, which refuses the same cells.

    Returns
    -------
    dict of str to ndarray of shape (n_samples,)
        By the name of the column: texts, empty where the cell is; float32, NaN where it is, for numbers and for the
        parts of dates.

    Examples
    --------
    >>> from throughline.data.cells import cells_of_rows
    >>> columns = (Column(name="age", source="age"),
    ...            Column(name="city", source="city", encoding="category", labels=("Bern", "Rome")))
    >>> for name, values in raw_columns(cells_of_rows([{"city": "Oslo", "age": "31"}, {"age": 7}]), columns).items():
    ...     print(name, values)
    age [31.  7.]
    city ['Oslo' '']
    """
    X = encode(cells, columns, parameter)
    found: dict[str, Array] = {}
    for i, column in enumerate(columns):
        if column.labels:
            texts = as_texts(cells.frame[column.source]).fill_null("").to_list()
            found[column.name] = np.array(texts, np.str_)
        else:
            found[column.name] = X[:, i]
    return found


def unused_columns(cells: Cells, columns: tuple[Column, ...]) -> list[str]:
    """Return the columns of a table that no network gets: at prediction they are ignored, and said to be."""
    sources = {column.source for column in columns}
    return [name for name in cells.names if name not in sources]


def _numbers(cells: Cells, column: Column, parameter: str) -> pl.Series:
    series = cells.frame[column.source]
    numbers = as_numbers(series, cells.decimal)
    if numbers.null_count() > series.null_count():
        raise _wrong(cells, column, numbers, parameter, f"numbers in column {quoted(column.source)}")
    usable = (numbers.abs() <= LARGEST_NUMBER) | numbers.is_null()
    if not usable.all():
        row = int((~usable).arg_max() or 0)
        allowed = "numbers from -1e18 to 1e18"
        remedy = "mend the cell" + (", or leave the column out with --drop" if parameter == "--data" else "")
        raise cells.refusal(row, column.source, parameter, allowed, remedy)
    return numbers


def _booleans(cells: Cells, column: Column, parameter: str) -> pl.Series:
    import polars as pl

    series = cells.frame[column.source]
    if series.dtype == pl.Boolean:
        return series.cast(pl.Float64)
    small = as_texts(series).str.to_lowercase()
    read = small.replace_strict(list(column.labels), [0.0, 1.0], default=None, return_dtype=pl.Float64)
    if read.null_count() > series.null_count():
        allowed = f"{quoted(column.labels[0])} or {quoted(column.labels[1])} in column {quoted(column.source)}"
        raise _wrong(cells, column, read, parameter, allowed)
    return read


def _codes(cells: Cells, column: Column) -> pl.Series:
    import polars as pl

    texts = as_texts(cells.frame[column.source])
    n_labels = len(column.labels)
    codes = texts.replace_strict(
        list(column.labels), [float(code) for code in range(n_labels)], default=float(n_labels), return_dtype=pl.Float64
    )
    return pl.select(pl.when(texts.is_not_null()).then(codes)).to_series()


def _moments(cells: Cells, column: Column, parameter: str) -> pl.Series:
    series = cells.frame[column.source]
    moments = as_moments(series, column.date_format)
    if moments.null_count() > series.null_count():
        written = {"": "2026-01-31"}.get(column.date_format, column.date_format)
        allowed = f"dates such as {written} in column {quoted(column.source)}"
        raise _wrong(cells, column, moments, parameter, allowed)
    return moments


def _wrong(cells: Cells, column: Column, read: pl.Series, parameter: str, allowed: str) -> DataError:
    row = int((cells.frame[column.source].is_not_null() & read.is_null()).arg_max() or 0)
    if column.encoding == "number" and cells.decimal == "":
        allowed += " with a decimal sign that is clear"
    return cells.refusal(row, column.source, parameter, allowed, "mend the cell or leave it empty")
