"""Dates and times as people write them, and the parts of them that a network takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

YEAR_FIRST = ("%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d")
DAY_FIRST = ("%d.%m.%Y", "%d/%m/%Y", "%d-%m-%Y")
MONTH_FIRST = ("%m/%d/%Y", "%m-%d-%Y", "%m.%d.%Y")
TIMES = ("", "T%H:%M:%S%.f", " %H:%M:%S%.f", "T%H:%M", " %H:%M", "T%H:%M:%S%.f%#z", " %H:%M:%S%.f%#z")
LOOKS_LIKE_A_DATE = r"^(?:\d{4}[-/.]\d{1,2}[-/.]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.]\d{4})(?:[T ].*)?$"
PARTS = ("year", "month", "day", "weekday", "hour", "days")
MICROSECONDS_OF_A_DAY = 86_400_000_000


def moments_of_texts(texts: pl.Series, date_format: str) -> pl.Series:
    """Return texts as moments without a time zone, in UTC where they name one, and null where a text is none.

    Parameters
    ----------
    texts : polars.Series of String
    date_format : str
        Order of day, month and year; one with the year first is read in any case.

    Examples
    --------
    >>> import polars as pl
    >>> moments_of_texts(pl.Series(["31.1.2026", "2026-01-31T10:30"]), "%d.%m.%Y").dt.day().to_list()
    [31, 31]
    """
    import polars as pl

    found = pl.Series(texts.name, [None] * len(texts), pl.Datetime("us"))
    dated = texts.str.contains(LOOKS_LIKE_A_DATE)
    left = pl.select(pl.when(dated).then(texts).alias(texts.name)).to_series()
    for date in dict.fromkeys((date_format or YEAR_FIRST[0], *YEAR_FIRST)):
        for time in TIMES:
            if left.null_count() == len(left):
                return found
            read = without_zone(left.str.to_datetime(date + time, strict=False, time_unit="us"))
            found = found.fill_null(read)
            left = pl.select(pl.when(read.is_null()).then(left).alias(texts.name)).to_series()
    return found


def without_zone(moments: pl.Series) -> pl.Series:
    """Return moments as microseconds of UTC, or of the clock that nobody named."""
    import polars as pl

    if getattr(moments.dtype, "time_zone", None):
        moments = moments.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    return moments.cast(pl.Datetime("us"))


def date_formats_of(texts: pl.Series) -> list[str]:
    """Return the orders of day, month and year in which most of these texts are dates: the best first, or none.

    Two are returned only if both read every text and do not agree.

    Examples
    --------
    >>> import polars as pl
    >>> date_formats_of(pl.Series(["31/01/2026", "02/03/2026"])), date_formats_of(pl.Series(["01/02/2026"]))
    (['%d/%m/%Y'], ['%d/%m/%Y', '%m/%d/%Y'])
    """
    beginning = texts.drop_nulls().head(200)
    if not len(beginning) or beginning.str.contains(LOOKS_LIKE_A_DATE).mean() < 0.5:  # type: ignore[operator]
        return []
    n_read: dict[str, int] = {}
    for date in (YEAR_FIRST[0], *DAY_FIRST, *MONTH_FIRST):
        n_read[date] = len(moments_of_texts(beginning, date).drop_nulls())
    best = max(n_read.values())
    chosen = [date for date in n_read if n_read[date] == best]
    if len(chosen) == 1 or chosen[0] in YEAR_FIRST:
        return chosen[:1]
    first, second = (moments_of_texts(texts, date) for date in chosen[:2])
    if first.null_count() != second.null_count():
        return [chosen[0] if first.null_count() < second.null_count() else chosen[1]]
    return chosen[:1] if first.equals(second, null_equal=True) else chosen[:2]


def part_of_moments(moments: pl.Series, part: str) -> pl.Series:
    """Return one part of moments as float64: a field of the calendar, or days since 1970.

    Examples
    --------
    >>> import polars as pl
    >>> moments = moments_of_texts(pl.Series(["1970-01-02T12:00"]), "")
    >>> [part_of_moments(moments, part).item() for part in PARTS]
    [1970.0, 1.0, 2.0, 5.0, 12.0, 1.5]
    """
    import polars as pl

    if part == "days":
        return moments.dt.timestamp("us").cast(pl.Float64) / MICROSECONDS_OF_A_DAY
    values: pl.Series = getattr(moments.dt, part)()
    return values.cast(pl.Float64)
