"""Numbers as people write them in a text: decimal point or comma, and separators of thousands where they are clear.

``1,234`` alone is one thousand or one and a bit. Which it is can only be seen from the other numbers of the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import polars as pl

DecimalSign = Literal[".", ",", ""]
BLANKS = r"[ \u{00A0}\u{202F}'\u{2019}]"
# Thousands in groups of three, the first of which does not begin with zero.
GROUPED = {
    ".": rf"^[+-]?[1-9]\d{{0,2}}(?:(?:,\d{{3}})+|(?:{BLANKS}\d{{3}})+)(?:\.\d+)?$",
    ",": rf"^[+-]?[1-9]\d{{0,2}}(?:(?:\.\d{{3}})+|(?:{BLANKS}\d{{3}})+)(?:,\d+)?$",
}
# Evenly spaced cells of a column are enough for its vote.
MOST_LOOKED_AT = 10_000
PLAIN_WITH_COMMA = r"^[+-]?(?:\d+,?\d*|,\d+)(?:[eE][+-]?\d+)?$"
WORDS_WITH_SIGN = r"(?i)^[+-]?inf(?:inity)?$"


def numbers_of_texts(texts: pl.Series, decimal: DecimalSign) -> pl.Series:
    """Return texts as numbers, and null where a text is none.

    Parameters
    ----------
    texts : polars.Series of String
        Without blanks around them.
    decimal : {".", ",", ""}
        With an empty one, digits without any sign are all that is certain.

    Examples
    --------
    >>> import polars as pl
    >>> numbers_of_texts(pl.Series(["1.5", "1,234.5", "1,5", "3 km"]), ".").to_list()
    [1.5, 1234.5, None, None]
    >>> numbers_of_texts(pl.Series(["1.234,5", "1,5", "1.5"]), ",").to_list()
    [1234.5, 1.5, None]
    """
    import polars as pl

    plain = texts if decimal != "," else _with_point(texts)
    numbers = plain.cast(pl.Float64, strict=False)
    if decimal == "" or numbers.null_count() == texts.null_count():
        return numbers
    grouped = texts.str.contains(GROUPED[decimal])
    if not grouped.any():
        return numbers
    separators = BLANKS + (r"|\." if decimal == "," else "|,")
    ungrouped = texts.str.replace_all(separators, "").str.replace(",", ".", literal=True)
    made = ungrouped.cast(pl.Float64, strict=False)
    return pl.select(pl.when(grouped).then(made).otherwise(numbers).alias(texts.name)).to_series()


def _with_point(texts: pl.Series) -> pl.Series:
    """Return what is plain in the convention with a comma with a point, and null for the rest."""
    import polars as pl

    fits = texts.str.contains(PLAIN_WITH_COMMA) | texts.str.contains(WORDS_WITH_SIGN)
    return pl.select(pl.when(fits).then(texts.str.replace(",", ".", literal=True)).alias(texts.name)).to_series()


class DecimalVotes:
    """Finds the decimal sign that a file uses, from all of it at once or one part after another.

    Every column of texts with commas votes: for the convention in which more of its cells are numbers. If all its cells
    are numbers in both, such as ``1,234``, it has no vote, and decides nothing if there is any other.
    """

    def __init__(self) -> None:
        self._votes = {".": 0, ",": 0}
        self._undecided = self._has_comma = False

    def count(self, frame: pl.DataFrame, most_looked_at: int = MOST_LOOKED_AT) -> None:
        """Let the columns of a frame vote."""
        import polars as pl

        for column in frame.iter_columns():
            if column.dtype == pl.String:
                self._has_comma = self._has_comma or bool(column.str.contains(",", literal=True).any())
                self._count_column(column.gather_every(max(1, len(column) // most_looked_at)))

    def _count_column(self, texts: pl.Series) -> None:
        signed = texts.filter(
            texts.str.contains(r"^[+-]?[\d.,]*\d[\d.,]*(?:[eE][+-]?\d+)?$") & texts.str.contains("[.,]")
        )
        if not len(signed) or len(signed) < len(texts.drop_nulls()) / 10:
            return
        with_point, with_comma = (len(numbers_of_texts(signed, sign).drop_nulls()) for sign in (".", ","))
        if with_point != with_comma:
            self._votes["." if with_point > with_comma else ","] += 1
        elif with_point and bool(signed.str.contains(",", literal=True).any()):
            self._undecided = True

    @property
    def sign(self) -> DecimalSign:
        """The sign, or nothing where nobody can say which it is."""
        if not self._has_comma:
            return "."
        if self._votes["."] or self._votes[","]:
            return "," if self._votes[","] > self._votes["."] else "."
        return "" if self._undecided else "."


def decimal_sign(frame: pl.DataFrame) -> DecimalSign:
    """Return the decimal sign that a file uses, by the votes of all its columns.

    Examples
    --------
    >>> import polars as pl
    >>> decimal_sign(pl.DataFrame({"a": ["1,5", "2,25"], "b": ["1.234", "5.678"]}))
    ','
    >>> decimal_sign(pl.DataFrame({"a": ["1,234"], "b": ["0.5"]})), decimal_sign(pl.DataFrame({"a": ["1,234"]}))
    ('.', '')
    """
    votes = DecimalVotes()
    votes.count(frame)
    return votes.sign
