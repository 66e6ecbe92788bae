"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.claims.figures import find_figures
from throughline.report import formatting
from throughline.report.formatting import (
    DASH,
    amount,
    count,
    decimal,
    difference,
    duration,
    in_unit,
    microseconds,
    percent,
    points,
    ratio,
    scientific,
    size,
)
from throughline.report.view import reproduce_command


def plain(text: str) -> str:
    return text.replace(formatting.NARROW_SPACE, " ")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (percent(0.94125), "94.1 %"),
        (percent(1.0), "100.0 %"),
        (percent(0.05, 0), "5 %"),
        (points(-0.0123), "−1.23"),
        (points(0.0123, 1), "1.2"),
        (points(-0.00004), "0.00"),
        (ratio(1.303), "130 %"),
        (ratio(0.0994), "9.9 %"),
        (ratio(0.0996), "10 %"),
        (ratio(1e-9), "below 0.1 %"),
        (ratio(0.0), "0 %"),
        (decimal(0.12345), "0.123"),
        (count(1234567), "1,234,567"),
        (amount(59.514), "59.5"),
        (amount(9.996), "10.0"),
        (amount(-0.012345), "−0.0123"),
        (amount(123456.7), "123,457"),
        (amount(-2.5e-7), "−2.5 × 10⁻⁷"),
        (amount(3.2e12), "3.2 × 10¹²"),
        (amount(3198.27, 4), "3,198"),
        (difference(-0.0187), "−0.019"),
        (difference(-0.0002), "0.000"),
        (in_unit(0.46945, "ratio"), "0.469"),
        (in_unit(-0.1, "ratio"), "−0.100"),
        (in_unit(0.9639, "percent", 2), "96.39 %"),
        (in_unit(3.2e-9, "number"), "3.2 × 10⁻⁹"),
        (scientific(3.14e-9), "3.1 × 10⁻⁹"),
        (scientific(1e-6), "10⁻⁶"),
        (scientific(0), "0"),
        (scientific(0.0051), "0.0051"),
        (scientific(-2.5e-5), "-2.5 × 10⁻⁵"),
        (scientific(123.0), "123"),
        (scientific(54_321), "5.4 × 10⁴"),
        (size(812), "812 B"),
        (size(17_300), "17.3 kB"),
        (size(100_000), "100 kB"),
        (size(2_500_000), "2.5 MB"),
        (duration(0), "0 s"),
        (duration(0.0000042), "4.2 µs"),
        (duration(0.067), "67 ms"),
        (duration(13.42), "13.4 s"),
        (duration(127), "2 min 7 s"),
        (microseconds(1300), "1.3 ms"),
        (formatting.p_value(0.845), "0.845"),
        (formatting.p_value(2e-5), "2.0 × 10⁻⁵"),
        (formatting.framework_title("torch"), "PyTorch"),
    ],
)
def test_numbers(text: str, expected: str) -> None:
    assert plain(text) == expected


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_what_is_not_a_number_is_a_dash(value: float | None) -> None:
    writers = (percent, points, ratio, decimal, amount, difference, count, scientific, size, duration, microseconds)
    for write in (*writers, formatting.p_value):
        assert write(value) == DASH
    for unit in ("percent", "ratio", "number"):
        assert in_unit(value, unit) == DASH


@given(st.floats(-1e15, 1e15), st.integers(1, 6))
def test_an_amount_is_written_to_its_digits(value: float, digits: int) -> None:
    written = amount(value, digits)
    (figure,) = find_figures(plain(written))
    assert figure.text == plain(written)
    assert figure.stands_for(value) or abs(value) < 1e-4
    if 1e-4 <= abs(value) < 1e9:
        assert abs(figure.value - value) <= 0.51 * 10.0 ** -(digits - 1) * abs(value)


def test_command_leaves_out_places_and_what_was_not_given() -> None:
    arguments = {"data": "my rows.csv", "target": "y", "task": None, "out": "runs", "chapters": (3, 4), "strict": True}
    expected = "throughline run --data 'my rows.csv' --target y --chapters 3,4 --strict --seed 3"
    assert reproduce_command(arguments, 3) == expected
