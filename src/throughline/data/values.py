"""Columns of cells as numbers, moments or texts: the three ways in which everything else looks at them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from throughline.data.moment_text import moments_of_texts, without_zone
from throughline.data.number_text import DecimalSign, numbers_of_texts

if TYPE_CHECKING:
    import polars as pl


def as_numbers(cells: pl.Series, decimal: DecimalSign) -> pl.Series:
    """Return float64, null where a cell is empty or no number; truth values count as 0 and 1."""
    import polars as pl

    if cells.dtype == pl.String:
        return numbers_of_texts(cells, decimal)
    if cells.dtype.is_numeric() or cells.dtype in (pl.Boolean, pl.Null):
        return cells.cast(pl.Float64)
    return pl.Series(cells.name, [None] * len(cells), pl.Float64)


def as_moments(cells: pl.Series, date_format: str) -> pl.Series:
    """Return moments, null where a cell is empty or none."""
    import polars as pl

    if cells.dtype == pl.String:
        return moments_of_texts(cells, date_format)
    if cells.dtype == pl.Date or isinstance(cells.dtype, pl.Datetime):
        return without_zone(cells.cast(pl.Datetime("us")) if cells.dtype == pl.Date else cells)
    return pl.Series(cells.name, [None] * len(cells), pl.Datetime("us"))


def as_texts(cells: pl.Series) -> pl.Series:
    """Return texts, null where a cell is empty; 1, 1.0 and "1.0" are the same text, whatever file they stand in.

    Examples
    --------
    >>> import polars as pl
    >>> as_texts(pl.Series([1.0, 2.5, None])).to_list(), as_texts(pl.Series(["1.0", "a"])).to_list()
    (['1', '2.5', None], ['1', 'a'])
    """
    import polars as pl

    if cells.dtype.is_integer() or cells.dtype == pl.Boolean:
        return cells.cast(pl.String)
    texts = cells.cast(pl.String)
    if not texts.str.contains(".0", literal=True).any():
        return texts
    return texts.str.replace(r"^([+-]?\d+)\.0+$", "$1")
