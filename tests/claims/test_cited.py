"""A number that knows its field is still that number, and its field says how to compute it again."""

from __future__ import annotations

import math
import operator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.claims.cited import cite, length, marked_figures, plain, replace_marks, unmarked
from throughline.claims.fields import MissingFieldError, read_field
from throughline.record import RunRecord

NUMBERS = st.one_of(
    st.integers(-(10**6), 10**6), st.floats(-1e6, 1e6, allow_nan=False).filter(lambda x: x == 0 or abs(x) > 1e-6)
)
OPERATORS = (operator.add, operator.sub, operator.mul, operator.truediv)


@given(NUMBERS, NUMBERS, st.sampled_from(OPERATORS), st.sampled_from(["both", "left", "right"]))
def test_arithmetic_is_that_of_plain_numbers_and_can_be_done_again(a: Any, b: Any, operate: Any, cited: str) -> None:
    if operate is operator.truediv and b == 0:
        return
    if cited == "right" and isinstance(a, float) and isinstance(b, int):
        return  # a float does not ask an int: the result is right, and cites nothing
    data = {"a": a, "b": b}
    left = cite(a, "a") if cited != "right" else a
    right = cite(b, "b") if cited != "left" else b
    found = operate(left, right)
    assert plain(found) == operate(a, b)
    assert type(plain(found)) is type(operate(a, b))
    assert read_field(data, found.field) == operate(a, b)


@given(st.lists(NUMBERS, min_size=1, max_size=5))
def test_sums_of_sums_keep_their_brackets(numbers: list[Any]) -> None:
    data = {f"n{place}": number for place, number in enumerate(numbers)}
    total: Any = cite(numbers[0], "n0")
    for place, number in enumerate(numbers[1:], start=1):
        total = 2 * (total - cite(number, f"n{place}"))
    assert math.isclose(read_field(data, (-total).field), -plain(total), rel_tol=1e-9, abs_tol=1e-9)
    assert read_field(data, abs(total).field) == abs(plain(total))


def test_a_cited_record_is_equal_and_each_of_its_numbers_can_be_found_again(record: RunRecord) -> None:
    import dataclasses

    cited = cite(record)
    assert cited == record
    parts = {part.name: getattr(record, part.name) for part in dataclasses.fields(record)}

    def visit(value: Any) -> int:
        if hasattr(value, "field"):
            if isinstance(value, int | float):
                assert read_field(parts, value.field) == value
                return 1
            assert read_field(parts, length(value).field) == len(value)
        if dataclasses.is_dataclass(value):
            return sum(visit(getattr(value, part.name)) for part in dataclasses.fields(value))
        if isinstance(value, dict):
            return sum(map(visit, value.values()))
        return sum(map(visit, value)) if isinstance(value, list | tuple) else 0

    assert visit(cited) > 500


def test_marks_are_seen_by_nobody() -> None:
    from throughline.report.spoken import count_words, percent, read_aloud

    accuracy = cite(0.9412, "keras.val_accuracy")
    text = f"Keras gets {percent(accuracy)} after {cite(12, 'keras.best_epoch')} epochs."
    assert unmarked(text) == "Keras gets 94.1 % after 12 epochs."
    assert list(marked_figures(text)) == [("94.1 %", "keras.val_accuracy"), ("12", "keras.best_epoch")]
    assert count_words(text) == count_words(unmarked(text))
    assert unmarked(read_aloud(text)) == read_aloud(unmarked(text))
    assert (
        replace_marks(text, lambda figure, field: field)
        == "Keras gets keras.val_accuracy after keras.best_epoch epochs."
    )


@pytest.mark.parametrize(
    "field",
    [
        "nothing",
        "a.b",
        "a[3]",
        "rows[c].n",
        "__class__",
        "a.__class__",
        "open('x')",
        "a if a else b",
        "a +",
        "none",
        "1 / 0",
    ],
)
def test_what_is_no_field_is_missing_and_nothing_is_executed(field: str) -> None:
    with pytest.raises(MissingFieldError):
        read_field({"a": [1, 2], "rows": [{"name": "b", "n": 1}], "none": None}, field)


def test_a_bar_that_is_missed_in_one_record_takes_no_name_from_another() -> None:
    from throughline.record import make_bar

    for measured in (0.5, 0.9):  # `missed_in` is the chapter of a bar that was missed, and 0 of the other
        (bar,) = cite([make_bar(3, "12", measured, "above", 0.8)], "bars")
        assert list(marked_figures(f"{bar.chapter}")) == [("3", "bars[0].chapter")]
