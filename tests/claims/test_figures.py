"""Whatever writes a number for people, the scanner reads back, and no other digit passes for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from throughline.claims.figures import find_figures
from throughline.report import formatting, spoken

SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹"
SHARES = st.floats(0.002, 1)
SIZES = st.integers(1, 10**8)
WRITERS: dict[str, tuple[Callable[[Any], str], st.SearchStrategy[Any]]] = {
    "spoken.percent": (spoken.percent, SHARES),
    "spoken.decimal": (lambda value: spoken.decimal(value, 2), st.floats(0.01, 1e6)),
    "spoken.small": (spoken.small, st.floats(1e-18, 1e4)),
    "spoken.data_size": (spoken.data_size, SIZES),
    "spoken.duration": (lambda seconds: spoken.duration(1e6 * seconds), st.floats(1e-6, 100)),
    "spoken.counted": (lambda n: spoken.counted(n, "row"), SIZES),
    "percent": (formatting.percent, SHARES),
    "points": (lambda value: formatting.points(value) + " points", st.floats(-0.5, 0.5)),
    "decimal": (formatting.decimal, st.floats(0.01, 1e6)),
    "count": (formatting.count, SIZES),
    "scientific": (formatting.scientific, st.floats(1e-18, 1e6)),
    "size": (formatting.size, SIZES),
    "duration": (formatting.duration, st.floats(1e-6, 1e4)),
    "microseconds": (lambda seconds: formatting.microseconds(1e6 * seconds), st.floats(1e-6, 1000)),
}


@pytest.mark.parametrize("name", WRITERS)
@given(data=st.data())
def test_a_written_number_is_read_and_a_changed_digit_is_not(name: str, data: st.DataObject) -> None:
    write, numbers = WRITERS[name]
    value = data.draw(numbers)
    text = write(value).replace(formatting.NARROW_SPACE, " ")
    assume(not text.startswith("below"))
    (figure,) = find_figures(f"It is {text}, as measured.")
    assert figure.stands_for(value)

    digits = [place for place, character in enumerate(text) if character.isdigit()]
    place = data.draw(st.sampled_from(digits))
    alphabet = SUPERSCRIPTS if text[place] in SUPERSCRIPTS else "0123456789"
    digit = data.draw(st.sampled_from(alphabet).filter(lambda other: other != text[place]))
    changed = text[:place] + digit + text[place + 1 :]
    other = next(find_figures(f"It is {changed}, as measured."), None)
    if other is None:  # 00⁻¹⁸: digits that are no figure are found as such
        return
    # Where a number lies in the middle between two figures, either may be written.
    in_the_middle = any(abs(abs(read - value) - room) < 1e-5 * room for read, room in other.readings())
    assert in_the_middle or changed in ("0", "-0") or not other.stands_for(value)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("converged after 58 mistakes in 6 epochs.", ["58", "6"]),
        ("p is 3.8 × 10⁻⁷, below 10⁻⁶; 4.9e-04", ["3.8 × 10⁻⁷", "10⁻⁶", "4.9e-04"]),
        ("91.9 % to 95 %, −0.33 to 0.09", ["91.9 %", "95 %", "−0.33", "0.09"]),
        ("1 in 20 rows; 2 min 5 s", ["1 in 20", "2 min 5 s"]),
        ("twenty-one epochs; two hundred rows", ["twenty-one epochs", "two hundred rows"]),
        ("float16, int8, SHA-256, F1, v2.13.0 and C99 are names", []),
        ("one neuron, and one line", []),
        ("8,112 here", ["8,112"]),
    ],
)  # fmt: skip
def test_figures_are_found_whole(text: str, found: list[str]) -> None:
    assert [figure.text for figure in find_figures(text)] == found


@pytest.mark.parametrize(
    ("text", "value", "meant"),
    [
        ("1 in 20", 0.05, True),
        ("1 in 20", 0.056, False),
        ("about 38,000", 38_223, True),
        ("38,000", 38_223, False),
        ("about 38,000", 39_001, False),
        ("−0.21 points", 0.0021, False),
        ("0.21 points", -0.0021, True),
        ("ten seeds", 10, True),
        ("nine minutes", 560, True),
        ("161 microseconds", 160.8e-6, True),
    ],
)
def test_how_exactly_a_figure_is_meant(text: str, value: float, meant: bool) -> None:
    assert next(find_figures(text)).stands_for(value) is meant
