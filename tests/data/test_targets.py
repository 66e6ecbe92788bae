"""What is to be predicted: classes or amounts, which class is the positive one, and rows without any."""

from __future__ import annotations

import numpy as np
import pytest

from throughline.data.cells import cells_of_rows
from throughline.data.targets import Target, code_target
from throughline.errors import DataError, UsageError


def code(values: list[object], task: str | None = None, positive: str | None = None) -> Target:
    return code_target(cells_of_rows([{"y": value} for value in values]), "y", task, positive)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "kind", "class_names"),
    [
        (["no", "yes"] * 20, "binary", ("no", "yes")),
        ([False, True] * 20, "binary", ("false", "true")),
        ([2.5, 1.5] * 20, "binary", ("1.5", "2.5")),
        (["c", "a", "b"] * 20, "multiclass", ("a", "b", "c")),
        ([10, 9, 8] * 20, "multiclass", ("8", "9", "10")),
        (["1", "2", "unknown"] * 20, "multiclass", ("1", "2", "unknown")),
        ([0.5, 1.5, 2.5] * 20, "regression", ()),
        (list(range(21)) * 20, "regression", ()),
        (list(range(12)) * 2, "regression", ()),
    ],
)
def test_kinds_of_tasks(values: list[object], kind: str, class_names: tuple[str, ...]) -> None:
    found = code(values)
    assert (found.kind, found.class_names) == (kind, class_names)
    assert len(found.y) == len(found.kept) == len(values)
    if class_names:
        texts = [str(value).lower() if isinstance(value, bool) else str(value) for value in values]
        assert [class_names[code] for code in found.y] == texts
        assert found.y.dtype == np.int64
    else:
        np.testing.assert_array_equal(found.y, np.array(values, np.float32))


def test_the_kind_that_is_asked_for() -> None:
    assert code([1, 2, 3] * 20, "regression").kind == "regression"
    assert code(list(range(30)) * 20, "multiclass").class_names == tuple(map(str, range(30)))
    with pytest.raises(DataError, match="exactly two classes, but got 3 in 'y' of 'rows', namely '1', '2', '3'"):
        code([1, 2, 3] * 20, "binary")
    with pytest.raises(DataError, match="numbers in every filled cell of 'y', but got 'a' in column 'y', row 1"):
        code(["a", "b"] * 20, "regression")
    with pytest.raises(DataError, match="numbers from -1e18 to 1e18, but got 'inf' in column 'y', row 2"):
        code([0.5, float("inf"), 1.5] * 20)


def test_the_positive_class_comes_last() -> None:
    assert code(["no", "yes"] * 20, positive="no").class_names == ("yes", "no")
    np.testing.assert_array_equal(code(["no", "yes"] * 20, positive="no").y, [1, 0] * 20)
    for values, positive, sentence in (
        (["no", "yes"] * 20, "maybe", "--positive must be one of 'no', 'yes', but got 'maybe'"),
        (["a", "b", "c"] * 20, "a", "--positive must be left out unless there are two classes"),
        ([0.5, 1.5, 2.5] * 20, "a", "--positive must be left out for regression"),
    ):
        with pytest.raises(UsageError, match=sentence):
            code(values, positive=positive)


def test_rows_without_a_target_are_left_out() -> None:
    found = code(["no", None, "yes", "NA", "?"] * 20)
    np.testing.assert_array_equal(found.kept % 5, [0, 2] * 20)
    np.testing.assert_array_equal(found.y, [0, 1] * 20)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ([1] * 20, "two or more values, but got only '1' in 'y'"),
        ([None] * 20, "two or more values, but got nothing in 'y'"),
        ([f"c{i % 25}" for i in range(50)], "at least 10 rows of each class, but got 25 classes in 50 rows of 'y'"),
    ],
)
def test_targets_that_are_refused(values: list[object], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        code(values)
