"""Numbers as people read them: the only way in which a figure reaches the page.

Each function takes one value of a RunRecord and returns text; `FILTERS` offers them to the templates.
A value that is not a finite number becomes a dash, so that a damaged record shows its gap and no page fails.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from throughline.claims.cited import cite, length, marked, plain, says_its_field
from throughline.spec import FRAMEWORK_TITLES

DASH = "–"
MINUS = "−"
NARROW_SPACE = "\u202f"  # between a number and its unit, never broken at the end of a line
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")
_Formatter = Callable[..., str]


def _finite(function: _Formatter) -> _Formatter:
    @says_its_field
    @functools.wraps(function)
    def formatted(value: float | None, *arguments: int) -> str:
        return DASH if value is None or not math.isfinite(value) else function(value, *arguments)

    return formatted


@_finite
def percent(share: float, digits: int = 1) -> str:
    """Write a share of 1 as a percentage.

    Examples
    --------
    >>> percent(0.9412).replace(NARROW_SPACE, " ")
    '94.1 %'
    """
    return f"{100 * share:.{digits}f}{NARROW_SPACE}%"


def points(difference: float | None, digits: int = 2) -> str:
    """Write a difference of two shares of 1 in percentage points, without the unit.

    Examples
    --------
    >>> points(0.0012), points(-0.0012), points(-0.00001)
    ('0.12', '−0.12', '0.00')
    """
    return _signed(None if difference is None else 100 * difference, digits)


@_finite
def _signed(value: float, digits: int) -> str:
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text.replace("-", MINUS)


@_finite
def ratio(share: float) -> str:
    """Write a share that may be tiny or above 1 as a percentage; what is not 0 is never written as 0.

    Examples
    --------
    >>> [ratio(share).replace(NARROW_SPACE, " ") for share in (1.3, 0.0394, 1.3e-6, 0.0)]
    ['130 %', '3.9 %', 'below 0.1 %', '0 %']
    """
    if 0 < share < 0.001:
        return f"below {percent(0.001)}"
    return percent(share, 1 if 0 < share < 0.0995 else 0)


@_finite
def decimal(value: float, digits: int = 3) -> str:
    """Write a number with a fixed count of decimals."""
    return f"{value:,.{digits}f}"


@_finite
def amount(value: float, digits: int = 3) -> str:
    """Write a number in a unit that is not known, such as the target's, with all its whole digits.

    Examples
    --------
    >>> [amount(value) for value in (59.514, -1.3292, 0.012345, 123456.7, 0.0)]
    ['59.5', '−1.33', '0.0123', '123,457', '0']
    >>> amount(0.00000123).replace(NARROW_SPACE, " ")
    '1.2 × 10⁻⁶'
    """
    if value == 0:
        return "0"
    if not 1e-4 <= abs(value) < 1e9:
        return scientific(value).replace("-", MINUS)
    whole_digits = int(f"{abs(value):.{digits - 1}e}".split("e")[1]) + 1  # of the rounded number: 9.996 is 10.0
    return f"{value:,.{max(0, digits - whole_digits)}f}".replace("-", MINUS)


def difference(value: float | None, digits: int = 3) -> str:
    """Write a difference with a fixed count of decimals, and with a true minus.

    Examples
    --------
    >>> difference(-0.01869), difference(0.0004), difference(-0.0001)
    ('−0.019', '0.000', '0.000')
    """
    return _signed(value, digits)


@_finite
def count(value: float) -> str:
    """Write a whole number with its thousands parted.

    Examples
    --------
    >>> count(3457)
    '3,457'
    """
    return f"{value:,.0f}"


@_finite
def scientific(value: float) -> str:
    """Write a number of any size with two digits, as a power of ten where that is shorter.

    Examples
    --------
    >>> scientific(3.14e-9).replace(NARROW_SPACE, " ")
    '3.1 × 10⁻⁹'
    >>> scientific(1e-6), scientific(0.25), scientific(0.0)
    ('10⁻⁶', '0.25', '0')
    """
    if value == 0 or 0.001 <= abs(value) < 10_000:
        return f"{value:.2g}" if abs(value) < 100 else count(value)
    mantissa, exponent = f"{value:.1e}".split("e")
    if value == float(f"1e{exponent}"):
        return f"10{str(int(exponent)).translate(_SUPERSCRIPTS)}"
    return f"{mantissa}{NARROW_SPACE}×{NARROW_SPACE}10{str(int(exponent)).translate(_SUPERSCRIPTS)}"


@_finite
def size(n_bytes: float) -> str:
    """Write bytes in B, kB or MB of 1,000 each."""
    for unit, factor in (("MB", 1e6), ("kB", 1e3)):
        if n_bytes >= factor:
            return _with_unit(n_bytes / factor, unit)
    return f"{n_bytes:.0f}{NARROW_SPACE}B"


@_finite
def duration(seconds: float) -> str:
    """Write a time in µs, ms, s or minutes, whichever reads best.

    Examples
    --------
    >>> duration(0.0042).replace(NARROW_SPACE, " ")
    '4.2 ms'
    """
    if seconds == 0:
        return f"0{NARROW_SPACE}s"
    if seconds >= 60:
        minutes, rest = divmod(round(seconds), 60)
        return f"{minutes}{NARROW_SPACE}min {rest}{NARROW_SPACE}s"
    for unit, factor in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= factor:
            return _with_unit(seconds / factor, unit)
    return _with_unit(seconds * 1e6, "µs")


def microseconds(value: float | None) -> str:
    """Write a time that is given in microseconds."""
    return duration(None if value is None else value * 1e-6)


@_finite
def p_value(value: float) -> str:
    """Write a probability of a test; very small ones as a power of ten."""
    return decimal(value, 3) if value >= 0.001 else scientific(value)


def in_unit(value: float | None, unit: str, digits: int = 1) -> str:
    """Write a measured figure in the unit of a `record.Bar`: a percentage with `digits` decimals, or a number.

    Examples
    --------
    >>> [in_unit(0.4695, unit).replace(NARROW_SPACE, " ") for unit in ("percent", "ratio", "number")]
    ['46.9 %', '0.469', '0.47']
    """
    if unit == "percent":
        return percent(value, digits)
    return difference(value) if unit == "ratio" else scientific(value)


def named(name: str, field: str) -> str:
    """Write a name that was given from outside; where it could be taken for a figure, it says its field.

    Examples
    --------
    >>> named("setosa", "task.class_names[0]")
    'setosa'
    """
    return marked(name, field)


def class_name(name: str, code: int) -> str:
    """Write the name of the class with this code; see `named`."""
    return named(name, f"task.class_names[{plain(code)}]")


def framework_title(name: str) -> str:
    """Write a framework's name as its makers do."""
    return FRAMEWORK_TITLES.get(name, name)


def _with_unit(value: float, unit: str) -> str:
    digits = 0 if value >= 100 else 1 if value >= 10 else 2
    text = f"{value:.{digits}f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text) + NARROW_SPACE + unit


FILTERS: dict[str, Callable[..., Any]] = {
    function.__name__: function
    for function in (
        percent,
        points,
        ratio,
        decimal,
        amount,
        difference,
        count,
        scientific,
        in_unit,
        named,
        class_name,
        size,
        duration,
        microseconds,
        p_value,
        framework_title,
    )
} | {"length": length, "cited": cite}  # in place of Jinja's own: the length of a list of the record is a figure too
