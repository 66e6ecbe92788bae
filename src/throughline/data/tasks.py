"""The built-in tasks, and the small sets of chapters 1 and 2.

A task is a function from a seed to a `Table`; `TASKS` is the table of them that ``--task`` offers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from throughline.errors import UsageError, quoted
from throughline.record import TableRecord
from throughline.spec import Column, Task
from throughline.weights import Array


@dataclass(frozen=True)
class Parts:
    """Positions of the rows of each part, in the order in which the part has them."""

    train: Array
    validation: Array
    test: Array


@dataclass(frozen=True)
class Table:
    """Raw rows with their labels.

    Attributes
    ----------
    task : Task
        What the columns and classes are called.
    X : ndarray of shape (n_samples, n_features), float32
        Raw rows, in the type in which every runtime receives them.
    y : ndarray of shape (n_samples,)
        Codes as int64, positions in ``task.class_names``; for regression values as float32.
    columns : tuple of Column
        What each column of `X` is; none for a built-in task, whose numbers are never missing.
    parts : Parts or None
        Which rows are for training, validation and test; None: not decided yet.
    weights : ndarray of shape (n_samples,), float32, or None
        How much each row counts.
    record : TableRecord or None
        What was found in the file that the rows come from.
    """

    task: Task
    X: Array
    y: Array
    columns: tuple[Column, ...] = ()
    parts: Parts | None = None
    weights: Array | None = None
    record: TableRecord | None = None


def make_classification(seed: int) -> Table:
    """Draw 5,000 rows of 20 features with unlike scales, one label in ten redrawn at random.

    A tenth of the labels is redrawn and half of those come out wrong, so no model can expect more
    than about 95 %: an honest ceiling instead of a perfect score. Columns have random offsets and
    scales from 1 to 100, so that a network without its scaling fails visibly.
    """
    from sklearn import datasets

    n_features = 20
    X, y = datasets.make_classification(
        n_samples=5000,
        n_features=n_features,
        n_informative=10,
        n_redundant=5,
        class_sep=1.7,
        flip_y=0.10,
        shift=None,
        scale=None,
        random_state=seed,
    )
    task = Task(
        name="make-classification",
        kind="binary",
        feature_names=tuple(f"x{i}" for i in range(n_features)),
        class_names=("class 0", "class 1"),
        source="sklearn.datasets.make_classification(n_samples=5000, n_features=20, n_informative=10, "
        f"n_redundant=5, class_sep=1.7, flip_y=0.10, shift=None, scale=None, random_state={seed})",
    )
    return Table(task, X.astype(np.float32), y.astype(np.int64))


def breast_cancer(seed: int) -> Table:
    """Load the Wisconsin diagnostic set of scikit-learn: 569 rows, 30 features; the seed changes nothing."""
    from sklearn import datasets

    bunch = datasets.load_breast_cancer()
    task = Task(
        name="breast-cancer",
        kind="binary",
        feature_names=tuple(str(name) for name in bunch.feature_names),
        class_names=tuple(str(name) for name in bunch.target_names),
        source="sklearn.datasets.load_breast_cancer()",
    )
    return Table(task, bunch.data.astype(np.float32), bunch.target.astype(np.int64))


TASKS: dict[str, Callable[[int], Table]] = {
    "make-classification": make_classification,
    "breast-cancer": breast_cancer,
}


def load_task(name: str, seed: int) -> Table:
    """Return the rows of a built-in task.

    Raises
    ------
    UsageError
        If there is no task of that name.
    """
    if name not in TASKS:
        raise UsageError("--task", f"one of {', '.join(TASKS)}", quoted(name), "choose one or pass a file with --data")
    return TASKS[name](seed)


@dataclass(frozen=True)
class SeparableSet:
    """Points in the plane with the separator that made them.

    Attributes
    ----------
    X : ndarray of shape (n_samples, 2)
    y : ndarray of shape (n_samples,)
        0 or 1.
    coef : ndarray of shape (2,)
    intercept : float
        A separator of all points: ``X @ coef + intercept`` is positive exactly where ``y`` is 1.
    """

    X: Array
    y: Array
    coef: Array
    intercept: float


def separable(seed: int, n_samples: int = 400, margin: float = 0.03) -> SeparableSet:
    """Draw points in a square and leave out a corridor of half-width `margin` along a random line."""
    rng = np.random.default_rng(seed)
    angle = rng.uniform(0, 2 * np.pi)
    coef, intercept = np.array([np.cos(angle), np.sin(angle)]), float(rng.uniform(-0.5, 0.5))
    X = rng.uniform(-2, 2, (4 * n_samples, 2))
    scores = X @ coef + intercept
    kept = np.flatnonzero(np.abs(scores) >= margin)[:n_samples]
    return SeparableSet(X[kept], (scores[kept] > 0).astype(np.int64), coef, intercept)


def xor(seed: int, n_samples: int = 400) -> tuple[Array, Array]:
    """Draw points around the four corners of XOR: opposite corners share a class."""
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 2, (n_samples, 2))
    X = 2.0 * corners - 1 + rng.normal(0, 0.25, (n_samples, 2))
    return X, np.logical_xor(corners[:, 0], corners[:, 1]).astype(np.int64)


def two_moons(seed: int, n_samples: int = 400) -> tuple[Array, Array]:
    """Draw two interleaving half circles with a little noise."""
    from sklearn import datasets

    X, y = datasets.make_moons(n_samples=n_samples, noise=0.12, random_state=seed)
    return X, y.astype(np.int64)
