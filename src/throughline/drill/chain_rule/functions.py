"""The functions of a sheet: each with its slope, how both are written, and how they read with numbers in them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, localcontext

from throughline.drill.chain_rule.rounded import PRECISION, Rounded, rounded


@dataclass(frozen=True, kw_only=True)
class Function:
    """An activation as a person computes it.

    Attributes
    ----------
    apply : callable
        ``apply(z)``, rounded.
    slope : callable
        ``slope(z, a)``, not rounded: it is a factor of the next line, not a line.
    formula, slope_formula : str
        Of z, and of z and a.
    with_numbers : callable
        ``with_numbers(z)`` reads the formula with z in it.
    slope_with_numbers : callable
        ``slope_with_numbers(z, a)`` likewise, as a factor.
    """

    apply: Callable[[Rounded], Rounded]
    slope: Callable[[Rounded, Rounded], Rounded]
    formula: str
    slope_formula: str
    with_numbers: Callable[[Rounded], str]
    slope_with_numbers: Callable[[Rounded, Rounded], str]


def sigmoid(z: Rounded) -> Rounded:
    """Return 1 / (1 + exp(-z)); its slope is nowhere above a quarter.

    Examples
    --------
    >>> str(sigmoid(rounded(0.3)))
    '0.5744'
    """
    with localcontext(prec=PRECISION):
        return rounded(1 / (1 + (-z.value).exp()), z.error / 4)


def _sigmoid_slope(z: Rounded, a: Rounded) -> Rounded:
    return Rounded(a.value * (1 - a.value), a.error * (abs(1 - 2 * a.value) + a.error))


def tanh(z: Rounded) -> Rounded:
    """Return the hyperbolic tangent; its slope is nowhere above 1.

    Examples
    --------
    >>> str(tanh(rounded(-0.3)))
    '−0.2913'
    """
    with localcontext(prec=PRECISION):
        e = (-2 * abs(z.value)).exp()
        return rounded(((1 - e) / (1 + e)).copy_sign(z.value), z.error)


def _tanh_slope(z: Rounded, a: Rounded) -> Rounded:
    return Rounded(1 - a.value * a.value, a.error * (2 * abs(a.value) + a.error))


def relu(z: Rounded) -> Rounded:
    """Return max(0, z)."""
    return Rounded(max(Decimal(0), z.value), z.error)


def _relu_slope(z: Rounded, a: Rounded) -> Rounded:
    # Where the sign of z is not certain, nor is the slope.
    return Rounded(Decimal(int(z.value > 0)), Decimal(int(abs(z.value) <= z.error)))


def negative_log(p: Rounded) -> Rounded:
    """Return -ln p."""
    with localcontext(prec=PRECISION):
        left = p.value - p.error
        return rounded(-p.value.ln(), p.error / left if left > 0 else Decimal("Infinity"))


def log_1_plus_exp(z: Rounded) -> Rounded:
    """Return ln(1 + e^z), which is -ln(1 - sigmoid(z)) also where the sigmoid rounds to 1; its slope is below 1.

    Examples
    --------
    >>> str(log_1_plus_exp(rounded(20.0)))
    '20.00'
    """
    with localcontext(prec=PRECISION):
        return rounded((1 + z.value.exp()).ln(), z.error)


FUNCTIONS: dict[str, Function] = {
    "sigmoid": Function(
        apply=sigmoid,
        slope=_sigmoid_slope,
        formula="1 / (1 + e^(−z))",
        slope_formula="a · (1 − a)",
        with_numbers=lambda z: f"1 / (1 + e^{z.negated.inside})",
        slope_with_numbers=lambda z, a: f"{a} · (1 − {a})",
    ),
    "tanh": Function(
        apply=tanh,
        slope=_tanh_slope,
        formula="tanh(z)",
        slope_formula="1 − a²",
        with_numbers=lambda z: f"tanh {z.inside}",
        slope_with_numbers=lambda z, a: f"(1 − {a.inside}²)",
    ),
    "relu": Function(
        apply=relu,
        slope=_relu_slope,
        formula="max(0, z)",
        slope_formula="1 where z > 0, else 0",
        with_numbers=lambda z: f"max(0, {z})",
        slope_with_numbers=lambda z, a: str(int(z.value > 0)),
    ),
}
