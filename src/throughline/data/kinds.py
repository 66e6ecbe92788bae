"""What each column of a table is: looked up in all its cells, said with a reason, and open to being overruled."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from throughline.data.cells import Cells
from throughline.data.moment_text import date_formats_of
from throughline.data.number_text import numbers_of_texts
from throughline.data.values import as_moments, as_numbers, as_texts
from throughline.errors import DataError, UsageError, quoted

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["number", "boolean", "category", "date", "identifier", "constant", "text", "unusable"]
USED: tuple[Kind, ...] = ("number", "boolean", "category", "date")
CHOOSABLE: tuple[Kind, ...] = (*USED, "identifier", "text")
# What stands for no, and what for yes, in small letters.
BOOLEANS = {("false", "true"), ("no", "yes"), ("n", "y"), ("f", "t"), ("off", "on"), ("nein", "ja"), ("non", "oui")}
IDENTIFIER_NAME = r"(?i:(^|[\s_.-])(id|ids|uuid|guid|index|key|nr|rowid)$|^unnamed)|[a-z](Id|ID)$"
# A text that few rows share says nothing that a network could learn.
MOST_DISTINCT = 0.5
WORDS_OF_FREE_TEXT = 4.0


@dataclass(frozen=True)
class Decision:
    """What a column is taken for.

    Attributes
    ----------
    name : str
    kind : Kind
    reason : str
        With the figures that decided.
    date_format : str
        Order of day, month and year in its texts; empty with the year first, and for other kinds.
    labels : tuple of str
        Of a boolean: what stands for 0 and for 1.
    n_missing, n_distinct : int
        Empty cells, and distinct values of the others.
    chosen : bool
        Whether it was asked for.
    """

    name: str
    kind: Kind
    reason: str
    date_format: str = ""
    labels: tuple[str, ...] = ()
    n_missing: int = 0
    n_distinct: int = 0
    chosen: bool = False

    @property
    def used(self) -> bool:
        """Whether a network gets it."""
        return self.kind in USED


def decide_kinds(cells: Cells, left_out: Mapping[str, str], chosen: Mapping[str, str]) -> list[Decision]:
    """Decide for every column of a table.

    Parameters
    ----------
    cells : Cells
    left_out : mapping of str to str
        Columns that are no inputs, and why; those are not looked at.
    chosen : mapping of str to str
        Kinds that were asked for, by column.

    Returns
    -------
    list of Decision
        In the order of the file, without those left out.

    Raises
    ------
    UsageError
        If a kind is asked for that there is not, or for a column that there is not.
    DataError
        If the cells of a column are of several kinds.
    """
    for name, kind in chosen.items():
        if kind not in CHOOSABLE:
            allowed = f"COLUMN= followed by one of {', '.join(CHOOSABLE)}"
            raise UsageError("--kind", allowed, quoted(kind), "choose one of these")
        if name not in cells.names:
            raise UsageError("--kind", "given for columns of the file", quoted(name), "check the name")
        if name in left_out:
            raise UsageError("--kind", "given for inputs", f"{quoted(name)}, {left_out[name]}", "leave it out")
    return [_decide(cells, name, chosen.get(name)) for name in cells.names if name not in left_out]


def _decide(cells: Cells, name: str, asked: str | None) -> Decision:
    from dataclasses import replace

    series = cells.frame[name]
    n_missing = series.null_count()
    n_distinct = 0 if series.dtype.is_nested() else series.drop_nulls().n_unique()
    found = _as_asked(cells, series, asked) if asked else _infer(cells, series, n_distinct)
    return replace(found, n_missing=n_missing, n_distinct=n_distinct, chosen=bool(asked))


def _as_asked(cells: Cells, series: pl.Series, asked: str) -> Decision:
    name, reason = series.name, "asked for with --kind"
    if asked == "boolean":
        pair = _boolean_pair(series)
        if pair is None:
            values = as_texts(series).drop_nulls().unique().sort().to_list()
            if len(values) != 2:
                received = f"{len(values)} in {quoted(name)}"
                raise DataError("--kind", "boolean for a column with two values", received, "choose category")
            pair = (values[0].lower(), values[1].lower())
        return Decision(name, "boolean", reason, labels=pair)
    if asked == "date":
        date_format = _date_format(cells, series) or ""
        moments = as_moments(series, date_format)
        if moments.null_count() > series.null_count():
            raise _mixed(cells, series, moments, f"dates, as --kind says of {quoted(name)}")
        return Decision(name, "date", reason, date_format=date_format)
    return Decision(name, next(kind for kind in get_args(Kind) if kind == asked), reason)


def _infer(cells: Cells, series: pl.Series, n_distinct: int) -> Decision:
    import polars as pl

    name, dtype, n_filled = series.name, series.dtype, len(series) - series.null_count()
    if dtype.is_nested() or dtype in (pl.Binary, pl.Object, pl.Duration):
        return Decision(name, "unusable", f"cells of the type {dtype} are no numbers, texts or dates")
    if n_filled == 0:
        return Decision(name, "constant", "every cell is empty")
    if n_distinct == 1 and n_filled == len(series):
        return Decision(name, "constant", f"every cell is {quoted(series[0])}")
    if dtype == pl.Boolean:
        return Decision(name, "boolean", "truth values", labels=("false", "true"))
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return Decision(name, "date", "dates" if dtype == pl.Date else "moments")
    if dtype.is_numeric():
        return _number_or_identifier(series, n_distinct, "numbers")
    texts = as_texts(series)  # of times of day, too
    return _infer_from_texts(cells, texts.rename(name), n_distinct, n_filled)


def _infer_from_texts(cells: Cells, texts: pl.Series, n_distinct: int, n_filled: int) -> Decision:
    name = texts.name
    pair = _boolean_pair(texts)
    if pair is not None:
        return Decision(name, "boolean", f"only {quoted(pair[0])} and {quoted(pair[1])}", labels=pair)
    if cells.decimal == "":
        _refuse_unclear_signs(cells, texts)
    numbers = numbers_of_texts(texts, cells.decimal)
    n_numbers = len(texts) - numbers.null_count()
    if n_numbers == n_filled:
        return _number_or_identifier(numbers, n_distinct, "numbers in every filled cell")
    if n_numbers >= n_filled / 2:
        raise _mixed(cells, texts, numbers, f"numbers, as {n_numbers:,} of its {n_filled:,} filled cells are")
    date_format = _date_format(cells, texts)
    if date_format is not None:
        moments = as_moments(texts, date_format)
        n_moments = len(texts) - moments.null_count()
        if n_moments == n_filled:
            return Decision(name, "date", "dates in every filled cell", date_format=date_format)
        raise _mixed(cells, texts, moments, f"dates, as {n_moments:,} of its {n_filled:,} filled cells are")
    return _text_or_category(texts, n_distinct, n_filled)


def _refuse_unclear_signs(cells: Cells, texts: pl.Series) -> None:
    unclear = texts.str.contains(",", literal=True) & numbers_of_texts(texts, ".").is_not_null()
    if unclear.any():
        allowed = "a table with numbers whose decimal sign is clear"
        remedy = "write them without separators of thousands"
        raise cells.refusal(int(unclear.fill_null(False).arg_max() or 0), texts.name, "--data", allowed, remedy)


def _text_or_category(texts: pl.Series, n_distinct: int, n_filled: int) -> Decision:
    words = float((texts.drop_nulls().str.count_matches(r"\s+") + 1).mean() or 0.0)  # type: ignore[arg-type]
    figures = f"{n_distinct:,} texts in {n_filled:,} filled cells"
    if n_distinct > MOST_DISTINCT * n_filled:
        if words >= WORDS_OF_FREE_TEXT:
            return Decision(texts.name, "text", f"{figures}, {words:.0f} words each")
        return Decision(texts.name, "identifier", f"{figures}, too few of them twice")
    return Decision(texts.name, "category", figures)


def _number_or_identifier(numbers: pl.Series, n_distinct: int, reason: str) -> Decision:
    """Whole numbers that count the rows, or are distinct and called an identifier, are one."""
    import polars as pl

    name = numbers.name
    if n_distinct == len(numbers) and not numbers.has_nulls():
        whole = numbers.cast(pl.Float64)
        first = whole[0]
        if first in (0.0, 1.0) and (whole == pl.Series(range(len(whole))).cast(pl.Float64) + first).all():
            return Decision(name, "identifier", f"counts the rows from {first:.0f}")
        if (whole.floor() == whole).all() and pl.Series([name]).str.contains(IDENTIFIER_NAME).item():
            return Decision(name, "identifier", f"{n_distinct:,} distinct whole numbers under such a name")
    return Decision(name, "number", reason)


def _boolean_pair(series: pl.Series) -> tuple[str, str] | None:
    values = as_texts(series.drop_nulls().head(1000)).unique()
    if len(values) > 6:  # three ways of writing each
        return None
    small = as_texts(series).str.to_lowercase().drop_nulls().unique().sort().to_list()
    return next((pair for pair in BOOLEANS if len(small) == 2 and set(pair) == set(small)), None)


def _date_format(cells: Cells, series: pl.Series) -> str | None:
    import polars as pl

    if series.dtype != pl.String:
        return None
    formats = date_formats_of(series)
    if len(formats) > 1:
        row = int(series.is_not_null().arg_max() or 0)
        allowed = "a table whose dates can be read in one way"
        remedy = "write the year first, such as 2026-01-31, or leave the column out with --drop"
        raise cells.refusal(row, series.name, "--data", allowed, remedy)
    return formats[0].replace("%Y-%m-%d", "") if formats else None


def _mixed(cells: Cells, texts: pl.Series, read: pl.Series, kind_of_most: str) -> DataError:
    row = int((texts.is_not_null() & read.is_null()).arg_max() or 0)
    allowed = f"a table with one kind of value in each column, here {kind_of_most}"
    remedy = "mend the cell, leave the column out with --drop, or say with --kind that it is a category"
    return cells.refusal(row, texts.name, "--data", allowed, remedy)


def require_numbers(cells: Cells, name: str) -> pl.Series:
    """Return a column as numbers, and refuse the first cell that is none."""
    series = cells.frame[name]
    numbers = as_numbers(series, cells.decimal)
    if numbers.null_count() > series.null_count():
        row = int((series.is_not_null() & numbers.is_null()).arg_max() or 0)
        allowed = f"numbers in every filled cell of {quoted(name)}"
        if cells.decimal == "":
            allowed += ", written without separators of thousands since the decimal sign is unclear"
        raise cells.refusal(row, name, "--data", allowed, "mend the cell or leave the column out")
    return numbers
