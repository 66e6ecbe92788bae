"""Chapter 1: a perceptron learns a line, and makes no more mistakes than Novikoff's theorem allows."""

from __future__ import annotations

from typing import Any

import numpy as np

from throughline.chapters.base import Chapter, Run
from throughline.data.features import features_of
from throughline.data.tasks import SeparableSet, separable
from throughline.estimators.perceptron import Perceptron as Perceptrons
from throughline.record import Bar, PerceptronRecord, PlanePicture, make_bar
from throughline.scratch import Perceptron, margin, novikoff_bound
from throughline.weights import Array

TEST_SHARE = 0.25
MAX_LINES_DRAWN = 12
# On a task whose classes overlap a perceptron never stops by itself.
TASK_MAX_EPOCHS = 20
TASK_MAX_ROWS = 5000


def tell(run: Run) -> list[Bar]:
    """Learn the separable set; then show the same rule on the run's own classes, which may overlap."""
    points = separable(run.seed)
    n_test = int(TEST_SHARE * len(points.X))
    X, y, X_test, y_test = points.X[n_test:], points.y[n_test:], points.X[:n_test], points.y[:n_test]
    perceptron = Perceptron().fit(X, y)
    bound = novikoff_bound(X, y, points.coef, points.intercept)
    record = PerceptronRecord(
        n_train=len(X),
        n_test=len(X_test),
        n_epochs=perceptron.n_epochs_,
        mistakes_per_epoch=list(perceptron.mistakes_),
        n_mistakes=sum(perceptron.mistakes_),
        converged=perceptron.converged_,
        radius=float(np.sqrt(np.square(X).sum(axis=1) + 1).max()),  # of the augmented rows [x, 1]
        margin=margin(points.coef, points.intercept, X, y),
        margin_found=margin(perceptron.coef_, perceptron.intercept_, X, y),
        novikoff_bound=bound,
        train_accuracy=perceptron.score(X, y),
        test_accuracy=perceptron.score(X_test, y_test),
        picture=_picture(points, X, y, perceptron.path_),
        **_on_task(run),
    )
    run.parts["perceptron"] = record
    return [
        make_bar(1, "perceptron test accuracy", record.test_accuracy, "above", 0.95),
        make_bar(1, "mistakes as a share of Novikoff's bound", record.n_mistakes / bound, "at most", 1.0),
    ]


def _on_task(run: Run) -> dict[str, Any]:
    """Let perceptrons learn the run's own task: one, or one a class against the rest, with their best weights kept."""
    if run.network.output == "linear":
        return {"task_test_accuracy": None, "task_n_epochs": 0, "task_converged": False}
    X, X_test = (
        features_of(run.network, run.initial, rows).astype(np.float64)
        for rows in (run.split.X_train[:TASK_MAX_ROWS], run.split.X_test)
    )
    # No tolerance: they stop where no row is on the wrong side, or after the last epoch.
    learned = Perceptrons(max_iter=TASK_MAX_EPOCHS, tol=None, pocket=True, random_state=run.seed)
    learned.fit(X, run.split.y_train[:TASK_MAX_ROWS])
    names = run.table.task.class_names
    several = len(names) > 2
    return {
        "task_test_accuracy": float(learned.score(X_test, run.split.y_test)),
        "task_n_epochs": int(learned.n_iter_),
        "task_converged": bool(learned.converged_.all()),
        "task_classes_separated": [
            names[code] for code, apart in zip(learned.classes_, learned.converged_, strict=False) if apart and several
        ],
    }


def _picture(points: SeparableSet, X: Array, y: Array, path: Array) -> PlanePicture:
    # Early lines move most: geometric spacing shows them all and then ever fewer, the last included.
    shown = np.unique(np.geomspace(1, len(path), min(MAX_LINES_DRAWN, len(path))).round().astype(int)) - 1
    low, high = points.X.min(axis=0) - 0.1, points.X.max(axis=0) + 0.1
    return PlanePicture(
        points=[(round(float(a), 3), round(float(b), 3), int(label)) for (a, b), label in zip(X, y, strict=True)],
        lines=[(float(a), float(b), float(c)) for a, b, c in path[shown]],
        grid=[],
        extent=(float(low[0]), float(high[0]), float(low[1]), float(high[1])),
    )


CHAPTER = Chapter(1, "Perceptron", (), tell)
