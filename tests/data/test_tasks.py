"""The built-in rows are what they promise: separable, reproducible, and no easier than they say."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Perceptron
from sklearn.svm import SVC

from throughline.data.scaling import fit_scaling, scale
from throughline.data.split import require_enough_rows, split_rows
from throughline.data.tasks import TASKS, load_task, make_classification, separable, two_moons, xor
from throughline.errors import UsageError

SEEDS = [0, 1, 7, 2**32 - 1]


@pytest.mark.parametrize("margin", [0.05, 0.15, 0.4])
@pytest.mark.parametrize("seed", SEEDS)
def test_separable_is_separated_with_the_promised_margin(seed: int, margin: float) -> None:
    points = separable(seed, margin=margin)
    scores = points.X @ points.coef + points.intercept
    np.testing.assert_array_equal(points.y, scores > 0)
    distances = np.abs(scores) / np.linalg.norm(points.coef)
    assert distances.min() >= margin
    assert points.X.shape == (400, 2)
    assert np.abs(points.X).max() <= 2
    assert 0.1 < points.y.mean() < 0.9


@pytest.mark.parametrize("name", TASKS)
def test_a_task_can_be_trained_on(name: str) -> None:
    table = load_task(name, 0)
    assert (table.X.dtype, table.y.dtype) == (np.float32, np.int64)
    assert table.X.shape == (len(table.y), len(table.task.feature_names))
    assert np.isfinite(table.X).all()
    assert set(table.y.tolist()) == {0, 1}
    require_enough_rows(table.y, table.task.class_names, table.task.source)


def test_make_classification_is_reproducible_and_follows_its_seed() -> None:
    first, again, other = (make_classification(seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.X, again.X)
    np.testing.assert_array_equal(first.y, again.y)
    assert not np.array_equal(first.X, other.X)
    assert "random_state=3" in first.task.source


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_make_classification_has_a_ceiling_of_about_95_percent(seed: int) -> None:
    split = split_rows(make_classification(seed), seed)
    mean, std = fit_scaling(split.X_train)
    model = SVC().fit(scale(split.X_train, mean, std), split.y_train)
    assert 0.91 < model.score(scale(split.X_test, mean, std), split.y_test) < 0.97


def test_make_classification_needs_its_scaling() -> None:
    spread = make_classification(0).X.std(axis=0)
    assert spread.max() / spread.min() > 10


@pytest.mark.parametrize("make", [xor, two_moons])
def test_no_line_solves_the_problems_of_chapter_2(make: object) -> None:
    X, y = make(0)  # type: ignore[operator]
    assert X.shape == (400, 2)
    assert abs(y.mean() - 0.5) < 0.1
    assert Perceptron(random_state=0).fit(X, y).score(X, y) < 0.95
    assert SVC(gamma=2).fit(X, y).score(X, y) > 0.97


@pytest.mark.parametrize(("name", "shown"), [("nope", "'nope'"), ("", "''"), ("x" * 99, "'" + "x" * 57 + "...'")])
def test_unknown_task(name: str, shown: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_task(name, 0)
    message = f"--task must be one of make-classification, breast-cancer, but got {shown}: choose one or"
    assert str(caught.value).startswith(message)
