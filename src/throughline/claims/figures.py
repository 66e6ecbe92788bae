"""Find the figures of a text, and say how exactly each of them is meant.

A figure is digits with what belongs to them (a sign, thousands, decimals, a power of ten, a unit), or a number word
with a unit. It stands for every value that would be rounded to it: ``94.1 %`` for shares from 0.9405 to 0.9415.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from throughline.report.spoken import PLAIN_DIGITS, SMALL_WORDS, TENS_WORDS

BYTES = {"B": 1, "byte": 1, "kB": 1e3, "kilobyte": 1e3, "MB": 1e6, "megabyte": 1e6, "GB": 1e9, "gigabyte": 1e9}
SECONDS = {
    "µs": 1e-6,
    "microsecond": 1e-6,
    "ms": 1e-3,
    "millisecond": 1e-3,
    "s": 1.0,
    "second": 1.0,
    "min": 60.0,
    "minute": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
}
BYTES |= {f"{unit}s": scale for unit, scale in BYTES.items() if unit.endswith("byte")}
SECONDS |= {f"{unit}s": scale for unit, scale in SECONDS.items() if unit.endswith(("second", "minute", "hour"))}
SHARES = {"%": 0.01, "percent": 0.01}
POINTS = {"percentage point": 0.01, "percentage points": 0.01, "point": 0.01, "points": 0.01}
COUNTED = [
    "rows",
    "epochs",
    "mistakes",
    "parameters",
    "weights",
    "units",
    "labels",
    "seeds",
    "steps",
    "batches",
    "networks",
    "layers",
    "features",
    "files",
    "formats",
    "exports",
    "claims",
    "bars",
    "degrees",
    "words",
    "samples",
    "cores",
    "processors",
    "fields",
    "chapters",
    "trainings",
]
UNITS = {**BYTES, **SECONDS, **SHARES, **POINTS}
WORDS = {word: n for n, word in enumerate(SMALL_WORDS)} | {
    word: 10 * n for n, word in enumerate(TENS_WORDS) if word != "-"
}
SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6, "billion": 10**9}
# Words in front of a round number that say that its zeros are not counted.
ROUNDED = re.compile(r"(?:about|around|nearly|some|roughly|almost)\s+$", re.IGNORECASE)
TOLERANCE = 0.5 + 1e-6  # of the last digit, and what a tie needs to be rounded either way

_unit = "|".join(map(re.escape, sorted(UNITS, key=len, reverse=True)))
_number = r"(?:\d{1,3}(?:,\d{3})+(?!\d)|\d+)(?:\.\d+)?"
_word = "|".join(WORDS)
_sign = r"(?:(?<![^\s(\[,;:=±/])[−+-])?"
FIGURE = re.compile(
    rf"""
    (?<![\w.])(?<![A-Za-z]-)
    (?: (?P<minutes>\d+)\ min\ (?P<seconds>\d+)\ s
      | 1\ in\ (?P<one_in>\d+)
      | (?P<sign>{_sign})
        (?: (?P<mantissa>{_number})\ ×\ 10(?P<power>[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)
          | 10(?P<only_power>[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+)
          | (?P<scientific>\d(?:\.\d+)?e[-+]?\d+)
          | (?P<number>{_number})(?:[ -]?(?P<unit>{_unit})(?!\w))?
        )
    )(?![\w⁻])
    | \b(?P<words>(?:{_word})(?:-(?:{_word}))?(?:\ (?:{"|".join(SCALES)}))?)
      \ (?P<word_unit>{_unit}|{"|".join(COUNTED)})\b
    """,
    re.VERBOSE,
)


@dataclass(frozen=True)
class Figure:
    """A figure in a text.

    Attributes
    ----------
    text : str
    start, end : int
        Its place.
    value, step : float
        The number as written, and the worth of its last digit.
    unit : str
        "%", "kB" and so on; empty for a number alone.
    """

    text: str
    start: int
    end: int
    value: float
    step: float
    unit: str

    def readings(self) -> list[tuple[float, float]]:
        """Return what the figure may stand for in a record: values, and how far from each a field may be."""
        scale = UNITS.get(self.unit, 1.0)
        return [(self.value * scale, self.step * scale * TOLERANCE)]

    def stands_for(self, value: float) -> bool:
        """Whether `value` would be rounded to this figure.

        Examples
        --------
        >>> figure = next(find_figures("94.1 % of the rows"))
        >>> figure.stands_for(0.9412), figure.stands_for(0.942)
        (True, False)
        """
        own_sign = self.text[0] in "−+-"
        return any(
            abs(given - read) <= room + 1e-12 * abs(read)
            for read, room in self.readings()
            for given in ((value,) if own_sign else (value, -value))
        )


def find_figures(text: str) -> Iterator[Figure]:
    """Yield the figures of a text, in order.

    Parameters
    ----------
    text : str
        With ordinary spaces.

    Examples
    --------
    >>> [figure.text for figure in find_figures("It took 2.9 × 10⁻¹⁰ s, ten seeds and −0.21 points of float16.")]
    ['2.9 × 10⁻¹⁰', 'ten seeds', '−0.21 points']
    """
    for match in FIGURE.finditer(text):
        value, step = _worth(match, text)
        unit = match["unit"] or (match["word_unit"] if match["word_unit"] in UNITS else "") or ""
        unit = "s" if match["minutes"] else unit
        yield Figure(match[0], match.start(), match.end(), value, step, unit)


def _worth(match: re.Match[str], text: str) -> tuple[float, float]:
    if match["minutes"]:
        return 60.0 * int(match["minutes"]) + int(match["seconds"]), 1.0
    if match["one_in"]:
        share = 1 / int(match["one_in"])
        return share, share * share  # what one more or one less would change
    if match["words"]:
        return _words_worth(match["words"]), 1.0
    sign = -1.0 if (match["sign"] or "") in ("−", "-") else 1.0
    if match["only_power"]:
        power = 10.0 ** int(match["only_power"].translate(PLAIN_DIGITS))
        return sign * power, power / 10  # written so only where the next digit is 0
    if match["scientific"]:
        mantissa, power_of_ten = match["scientific"].split("e")
        scale = 10.0 ** int(power_of_ten)
    else:
        mantissa = (match["mantissa"] or match["number"]).replace(",", "")
        scale = 10.0 ** int(match["power"].translate(PLAIN_DIGITS)) if match["power"] else 1.0
    step = 10.0 ** -len(mantissa.partition(".")[2])
    if "." not in mantissa and ROUNDED.search(text[: match.start()]):
        step = 10.0 ** min(len(mantissa) - len(mantissa.rstrip("0")), len(mantissa) - 1)
    return sign * float(mantissa) * scale, step * scale


def _words_worth(words: str) -> float:
    first, _, scale = words.partition(" ")
    return float(sum(WORDS[part] for part in first.split("-")) * SCALES.get(scale, 1))
