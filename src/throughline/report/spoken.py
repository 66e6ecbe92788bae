"""Numbers as they are written for a speaker, and as they are said.

The first half formats a measured value (``94.2 %``, ``2.9 × 10⁻¹⁰``) so that rounding never moves it across a value
it is compared with. The second half reads such text aloud (``ninety-four point two percent``), which is what words are
counted on.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from throughline.claims.cited import Cited, marked, plain, says_its_field

NOT_A_NUMBER = "not a number"
MOST_DIGITS = 12
LONGEST_WHOLE = 12  # digits of a whole number that is written out
SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
PLAIN_DIGITS = str.maketrans("⁻⁰¹²³⁴⁵⁶⁷⁸⁹", "-0123456789")
SMALL_WORDS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
TENS_WORDS = ["-", "-", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
SCALES = ((10**12, "trillion"), (10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
NUMERAL = re.compile(
    r"(?P<whole>\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?P<fraction>\.\d+)?(?: × 10(?P<power>⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+))?(?P<percent> ?%)?"
)


@says_its_field
def percent(share: float, apart_from: Sequence[float] = ()) -> str:
    """Write a share of 1 as a percentage, with one decimal or as many as it takes.

    Parameters
    ----------
    share : float
    apart_from : sequence of float
        Shares that the rounded figure must stand on the same side of as `share` does; 0 and 1 always are,
        so that "100 %" means all.

    Examples
    --------
    >>> percent(0.942), percent(1.0), percent(0.99996), percent(0.9496, apart_from=[0.95])
    ('94.2 %', '100 %', '99.996 %', '94.96 %')
    """
    if not math.isfinite(share):
        return NOT_A_NUMBER
    hundredfold = [round(100 * other, 10) for other in (0.0, 1.0, *apart_from)]
    return f"{decimal(round(100 * share, 10), 1, hundredfold)} %"


@says_its_field
def decimal(value: float, digits: int, apart_from: Sequence[float] = ()) -> str:
    """Write with at most `digits` decimals, more only to stay apart; thousands are separated, trailing zeros cut."""
    if not math.isfinite(value):
        return NOT_A_NUMBER
    text = _first_apart(value, digits, apart_from, lambda n, number: f"{number:,.{n}f}")
    return text.rstrip("0").rstrip(".") if "." in text else text


@says_its_field
def small(value: float, apart_from: Sequence[float] = ()) -> str:
    """Write with two significant digits, as a power of ten below a thousandth.

    Examples
    --------
    >>> small(2.94e-10), small(0.0012), small(0.0), small(1e-6)
    ('2.9 × 10⁻¹⁰', '0.0012', '0', '1 × 10⁻⁶')
    """
    if not math.isfinite(value):
        return NOT_A_NUMBER
    if value == 0 or abs(value) >= 1:
        return decimal(value, 1, apart_from)
    text = _first_apart(value, 1, apart_from, lambda n, number: f"{number:.{n}e}")
    mantissa, exponent = text.split("e")
    if int(exponent) >= -3:
        return f"{float(text):.{MOST_DIGITS}f}".rstrip("0").rstrip(".")
    mantissa = mantissa.rstrip("0").rstrip(".")
    return f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"


@says_its_field
def p_value(p: float, significance: float) -> str:
    """Write a p-value after "p is": three decimals, never rounded across the level of significance.

    Examples
    --------
    >>> p_value(0.31, 0.05), p_value(0.0496, 0.05), p_value(2e-5, 0.05)
    ('0.31', '0.0496', 'below 0.001')
    """
    return "below 0.001" if p < 0.001 else decimal(p, 2 if p > 2 * significance else 3, (significance, 1.0))


@says_its_field
def data_size(n_bytes: int, apart_from: Sequence[float] = ()) -> str:
    """Write bytes as kilobytes or megabytes, of a thousand and a million bytes.

    Examples
    --------
    >>> data_size(812), data_size(8_612), data_size(123_456)
    ('812 bytes', '8.6 kilobytes', '123 kilobytes')
    """
    return _with_unit(n_bytes, ((1, "bytes"), (1000, "kilobytes"), (10**6, "megabytes")), apart_from)


@says_its_field
def amount(value: float, apart_from: Sequence[float] = ()) -> str:
    """Write a size in a unit that is not known: three significant digits, more only to stay apart.

    Examples
    --------
    >>> amount(59.514), amount(0.012345), amount(123_456.7), amount(4.2e-7), amount(59.514, [59.451])
    ('59.5', '0.0123', 'about 123,000', '4.2 × 10⁻⁷', '59.51')
    """
    if not math.isfinite(value):
        return NOT_A_NUMBER
    if value == 0:
        return "0"
    mantissa, exponent = _first_apart(value, 2, apart_from, lambda n, number: f"{number:.{n}e}").split("e")
    if not -5 < int(exponent) < LONGEST_WHOLE:
        mantissa = mantissa.rstrip("0").rstrip(".")
        return f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"
    rounded = float(f"{mantissa}e{exponent}")
    n_decimals = max(0, len(mantissa.partition(".")[2]) - int(exponent))
    text = f"{rounded:,.{n_decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return f"about {text}" if abs(rounded - value) > 0.5 else text  # only where whole digits were cut


def signed(value: float, write: Callable[..., str], apart_from: Sequence[float] = ()) -> str:
    """Write a size as `write` does, after the word that a speaker says for its sign; what is not 0 is never 0.

    Examples
    --------
    >>> signed(-0.1234, ratio), signed(-0.0004, ratio), signed(0.5, ratio)
    ('minus 0.12', 'minus 0.0004', '0.5')
    """
    same_side = [abs(other) for other in apart_from if (other < 0) == (value < 0)]
    return f"minus {write(-value, [0.0, *same_side])}" if value < 0 else write(value, [0.0, *same_side])


def ratio(value: float, apart_from: Sequence[float] = ()) -> str:
    """Write a number about 1 with two decimals, more only to stay apart."""
    return decimal(value, 2, apart_from)


def duration(microseconds: float) -> str:
    """Write a time in the unit in which it is said.

    Examples
    --------
    >>> duration(3.24), duration(1250.0)
    ('3.2 microseconds', '1.2 milliseconds')
    """
    text = _with_unit(plain(microseconds), ((1, "microseconds"), (1000, "milliseconds"), (10**6, "seconds")))
    in_seconds: Any = microseconds * 1e-6
    return marked(text, in_seconds.field) if isinstance(in_seconds, Cited) else text


def counted(n: int, noun: str) -> str:
    """Write a number of things; `noun` is in the singular and takes an s.

    Examples
    --------
    >>> counted(0, "label"), counted(1, "label"), counted(1200, "row")
    ('no labels', '1 label', '1,200 rows')
    """
    return f"{n:,} {noun}{'' if n == 1 else 's'}" if n else f"no {noun}s"


def listed(items: Sequence[str]) -> str:
    """Join as in a sentence: ``a, b and c``."""
    return " and ".join(filter(None, [", ".join(items[:-1]), *items[-1:]]))


def _with_unit(value: float, units: Sequence[tuple[int, str]], apart_from: Sequence[float] = ()) -> str:
    scale, unit = max((pair for pair in units if pair[0] <= value), default=units[0])
    scaled = value / scale
    return f"{decimal(scaled, 0 if scaled >= 100 else 1, [other / scale for other in apart_from])} {unit}"


def _first_apart(value: float, digits: int, apart_from: Sequence[float], write: Callable[[int, float], str]) -> str:
    """Return the shortest text that stands to every other value, exact or rounded alike, as `value` itself does."""
    for n in range(digits, MOST_DIGITS):
        text = write(n, value)
        shown = _read(text)
        others = [(other, against) for other in apart_from for against in (other, _read(write(n, other)))]
        if all(_sign(shown - against) == _sign(value - other) for other, against in others):
            return text
    return write(MOST_DIGITS, value)


def _read(text: str) -> float:
    return float(text.replace(",", ""))


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def read_aloud(text: str) -> str:
    """Spell out every numeral and the signs that are spoken.

    Examples
    --------
    >>> read_aloud("94.2 % of 1,000 rows; 3 × 10⁻¹⁰ with float16 in torch.export")
    'ninety-four point two percent of one thousand rows; three times ten to the minus ten with float sixteen in torch dot export'
    """  # noqa: E501
    text = NUMERAL.sub(_say_numeral, text)
    text = re.sub(r"(?<=[A-Za-z])\.(?=[A-Za-z])", " dot ", text).replace("++", " plus plus").replace("_", " ")
    text = text.replace("R²", "R squared")
    return " ".join(text.split())


@lru_cache(maxsize=4096)  # walks count the same sentences at hundreds of levels
def count_words(text: str) -> int:
    """Count the words of `text` as it is read aloud; "ninety-four" is two."""
    return len(re.findall(r"\w[\w'’]*", read_aloud(text)))


def say_whole(n: int) -> str:
    """Spell out a whole number from 0.

    Examples
    --------
    >>> say_whole(94), say_whole(3457)
    ('ninety-four', 'three thousand four hundred fifty-seven')
    """
    for scale, name in SCALES:
        if n >= scale:
            rest = f" {say_whole(n % scale)}" if n % scale else ""
            return f"{say_whole(n // scale)} {name}{rest}"
    if n < 20:
        return SMALL_WORDS[n]
    return TENS_WORDS[n // 10] + (f"-{SMALL_WORDS[n % 10]}" if n % 10 else "")


def _say_numeral(match: re.Match[str]) -> str:
    words = [say_whole(int(match["whole"].replace(",", "")))]
    if match["fraction"]:
        words += ["point", *(SMALL_WORDS[int(digit)] for digit in match["fraction"][1:])]
    if match["power"]:
        power = int(match["power"].translate(PLAIN_DIGITS))
        words += ["times ten to the", *(["minus"] if power < 0 else []), say_whole(abs(power))]
    if match["percent"]:
        words.append("percent")
    before, after = match.string[: match.start()][-1:], match.string[match.end() :][:1]
    return (" " if before.isalnum() else "") + " ".join(words) + (" " if after.isalnum() else "")
