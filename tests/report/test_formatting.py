"""Numbers as people read them."""

from __future__ import annotations

import math

import pytest

from throughline.report import formatting
from throughline.report.formatting import (
    DASH,
    count,
    decimal,
    duration,
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
    for write in (percent, points, ratio, decimal, count, scientific, size, duration, microseconds, formatting.p_value):
        assert write(value) == DASH


def test_command_leaves_out_places_and_what_was_not_given() -> None:
    arguments = {"data": "my rows.csv", "target": "y", "task": None, "out": "runs", "chapters": (3, 4), "strict": True}
    expected = "throughline run --data 'my rows.csv' --target y --chapters 3,4 --strict --seed 3"
    assert reproduce_command(arguments, 3) == expected
