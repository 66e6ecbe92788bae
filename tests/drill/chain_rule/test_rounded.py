"""The shown digits are what a calculator gives, and the bound holds for every number that it stands for."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.drill.chain_rule.functions import FUNCTIONS, negative_log
from throughline.drill.chain_rule.rounded import DIGITS, Rounded, difference, quotient, rounded, total

NUMBERS = st.floats(-100, 100).filter(lambda x: x == 0 or abs(x) > 1e-6)
SHARES = st.floats(-1, 1)
FLOAT_ERROR = 1e-12  # of the reference


def inside(number: Rounded, share: float) -> float:
    """A number that the shown one may stand for, anywhere within its bound."""
    return float(number.value) + share * float(number.error)


@given(NUMBERS)
def test_rounding_keeps_the_leading_digits(x: float) -> None:
    shown = rounded(x)
    assert abs(float(shown.value) - x) <= 0.5 * 10 ** (1 - DIGITS) * abs(x) + 1e-300
    assert abs(float(shown.value) - x) <= float(shown.error) + 1e-15 * abs(x)
    assert rounded(shown.value).value == shown.value


@pytest.mark.parametrize(("exact", "text"), [("0.12345", "0.1235"), ("-0.12345", "−0.1235"), ("99.995", "100.0")])
def test_a_half_goes_up_as_on_a_calculator(exact: str, text: str) -> None:
    assert str(rounded(Decimal(exact))) == text


@given(st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=4), st.lists(NUMBERS, max_size=2), SHARES, SHARES)
def test_sums_of_products_stay_within_the_bound(
    pairs: list[tuple[float, float]], others: list[float], first: float, second: float
) -> None:
    products = [(rounded(a), rounded(b)) for a, b in pairs]
    added = [rounded(x) for x in others]
    result = total(products, added)
    true = sum(inside(a, first) * inside(b, second) for a, b in products) + sum(inside(x, first) for x in added)
    assert abs(float(result.value) - true) <= float(result.error) * (1 + 1e-9) + FLOAT_ERROR * 1e4


@given(NUMBERS, st.floats(0.01, 100), SHARES, SHARES)
def test_differences_and_quotients_stay_within_the_bound(x: float, y: float, first: float, second: float) -> None:
    a, b = rounded(x), rounded(y)
    for result, true in (
        (difference(a, b), inside(a, first) - inside(b, second)),
        (quotient(a, b), inside(a, first) / inside(b, second)),
    ):
        assert abs(float(result.value) - true) <= float(result.error) * (1 + 1e-9) + FLOAT_ERROR * 1e4


REFERENCES = {
    "sigmoid": (lambda z: 1 / (1 + math.exp(-z)), lambda z: math.exp(-z) / (1 + math.exp(-z)) ** 2),
    "tanh": (math.tanh, lambda z: 1 - math.tanh(z) ** 2),
    "relu": (lambda z: max(z, 0.0), lambda z: float(z > 0)),
}


def test_every_function_has_a_reference() -> None:
    assert REFERENCES.keys() == FUNCTIONS.keys()


@pytest.mark.parametrize("name", FUNCTIONS)
@given(z=st.floats(-20, 20).filter(lambda z: abs(z) > 1e-4), error=st.floats(0, 0.1), share=SHARES)
def test_functions_and_slopes_stay_within_the_bound(name: str, z: float, error: float, share: float) -> None:
    shown = rounded(z, Decimal(repr(error)))
    a = FUNCTIONS[name].apply(shown)
    slope = FUNCTIONS[name].slope(shown, a)
    value, derivative = REFERENCES[name]
    true = inside(shown, share)
    assert abs(float(a.value) - value(true)) <= float(a.error) + FLOAT_ERROR
    assert abs(float(slope.value) - derivative(true)) <= float(slope.error) + FLOAT_ERROR


@given(st.floats(0.001, 1), SHARES)
def test_logarithm_stays_within_the_bound(p: float, share: float) -> None:
    shown = rounded(p)
    result = negative_log(shown)
    assert abs(float(result.value) + math.log(inside(shown, share))) <= float(result.error) + FLOAT_ERROR
