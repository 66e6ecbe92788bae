"""Numbers as they are written on a whiteboard: rounded, computed from rounded ones, and with a bound on the error.

Decimal arithmetic does what a person with a pocket calculator does: it takes the digits that are shown, computes, and
rounds half up. Beside each number goes a bound on how far it is from the number that no rounding has touched, by the
usual rules: errors of a sum add up, and a function passes an error on times its largest slope.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext

DIGITS = 4
PRECISION = 40  # of what lies between two rounded numbers
SMALLEST_PLAIN = Decimal("0.0001")
MINUS = "−"
_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


@dataclass(frozen=True)
class Rounded:
    """A number as it is shown.

    Attributes
    ----------
    value : Decimal
        The digits shown; everything after is computed from these.
    error : Decimal
        At most so far from the number without any rounding.
    """

    value: Decimal
    error: Decimal

    def __str__(self) -> str:
        """Return the digits.

        Examples
        --------
        >>> str(rounded(-0.5)), str(rounded(2 / 3)), str(rounded(0.00001234))
        ('−0.5', '0.6667', '1.234 × 10⁻⁵')
        """
        return _text(self.value)

    @property
    def inside(self) -> str:
        """The digits as they stand inside a sum or a product: a negative number in parentheses."""
        return f"({self})" if self.value < 0 else str(self)

    @property
    def negated(self) -> Rounded:
        """The number with the other sign."""
        return Rounded(-self.value, self.error)


def rounded(exact: Decimal | float, error: Decimal = Decimal(0)) -> Rounded:
    """Round to `DIGITS` significant digits, half up.

    Parameters
    ----------
    exact : Decimal or float
        What comes out of the numbers before it.
    error : Decimal
        What their own errors amount to in it.

    Examples
    --------
    >>> rounded(0.123456).value, rounded(0.123456).error < Decimal("0.0001")
    (Decimal('0.1235'), True)
    """
    exact = Decimal(repr(exact)) if isinstance(exact, float) else exact
    value = _round(exact)
    return Rounded(value, error + abs(value - exact))


def total(products: Iterable[tuple[Rounded, Rounded]], others: Iterable[Rounded] = ()) -> Rounded:
    """Add up products and single numbers, and round once.

    Examples
    --------
    >>> str(total([(rounded(0.5), rounded(0.3)), (rounded(-2.0), rounded(0.1))], [rounded(0.1)]))
    '0.05'
    """
    with localcontext(prec=PRECISION):
        exact = error = Decimal(0)
        for a, b in products:
            exact += a.value * b.value
            error += abs(a.value) * b.error + abs(b.value) * a.error + a.error * b.error
        for a in others:
            exact += a.value
            error += a.error
        return rounded(exact, error)


def difference(a: Rounded, b: Rounded) -> Rounded:
    """Subtract, without rounding: it is a part of a line, not a line.

    Examples
    --------
    >>> str(difference(rounded(1.0), rounded(0.01831)))
    '0.98169'
    """
    with localcontext(prec=PRECISION):
        return Rounded(a.value - b.value, a.error + b.error)


def quotient(a: Rounded, b: Rounded) -> Rounded:
    """Divide by a number whose error is smaller than itself, and round."""
    with localcontext(prec=PRECISION):
        exact = a.value / b.value
        return rounded(exact, (a.error + abs(exact) * b.error) / (abs(b.value) - b.error))


def _round(exact: Decimal) -> Decimal:
    return Context(prec=DIGITS, rounding=ROUND_HALF_UP).plus(exact)


def _text(value: Decimal) -> str:
    if value == 0:
        return "0"
    if abs(value) >= SMALLEST_PLAIN:
        return f"{value:f}".replace("-", MINUS)
    mantissa, exponent = f"{value:e}".split("e")
    return f"{mantissa} × 10{exponent.replace('+', '').translate(_SUPERSCRIPTS)}".replace("-", MINUS, 1)
