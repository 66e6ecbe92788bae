"""What a chapter is, and what the chapters of one run share."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from throughline.data.split import Split
from throughline.data.tasks import Table
from throughline.evaluate import labels_of
from throughline.formats import load_formats
from throughline.record import Bar, FormatRecord, make_bar
from throughline.spec import FRAMEWORK_TITLES, NetworkSpec, TrainSpec
from throughline.verify.prove import TrainedNetwork
from throughline.weights import Array, Weights

Part = Literal["validation", "test"]
ThresholdRule = Literal["0.5", "best"]


@dataclass
class Run:
    """One run while it happens.

    Attributes
    ----------
    seed : int
    table, split : Table, Split
        The run's own task.
    network, train, initial : NetworkSpec, TrainSpec, Weights
        What every framework builds, how it trains, and where it starts.
    models : Path
        Folder of the models.
    trained : dict of str to Future of TrainedNetwork
        By framework, running in the background.
    verified : dict of (str, str) to Future of FormatRecord
        By format and framework, running in the background.
    parts : dict
        Fields of the `RunRecord`, filled in by the chapters.
    numpy_test_answers : ndarray of shape (n_test,) or (n_test, n_classes), or None
        Answers of the network of chapter 2, for chapter 5.
    numpy_val_answers : ndarray or None
        The same on the validation rows.
    threshold_rule : {"0.5", "best"}
        How chapter 5 chooses the threshold of two classes.
    weighted_by : str
        Column of the weights of the rows, if they have any.
    """

    seed: int
    table: Table
    split: Split
    network: NetworkSpec
    train: TrainSpec
    initial: Weights
    models: Path
    trained: dict[str, Future[TrainedNetwork]]
    verified: dict[tuple[str, str], Future[FormatRecord]]
    parts: dict[str, Any] = field(default_factory=dict)
    numpy_test_answers: Array | None = None
    numpy_val_answers: Array | None = None
    threshold_rule: ThresholdRule = "0.5"
    weighted_by: str = ""

    def in_float64(self, weights: Weights) -> tuple[NetworkSpec, Weights]:
        """Return the run's architecture and these weights in float64."""
        return replace(self.network, dtype="float64"), weights.astype("float64")

    def formats_of(self, chapter: int) -> list[FormatRecord]:
        """Wait for the verifications of a chapter and return them."""
        formats = load_formats()
        return [future.result() for (name, _), future in self.verified.items() if formats[name].chapter == chapter]


@dataclass(frozen=True)
class Chapter:
    """One chapter.

    Attributes
    ----------
    number : int
    title : str
    needs : tuple of int
        Chapters whose results it uses.
    tell : callable
        Fills its part of ``run.parts`` and returns its bars.
    """

    number: int
    title: str
    needs: tuple[int, ...]
    tell: Callable[[Run], list[Bar]]


LEAST_VAL_ACCURACY = 0.90


def quality_bar(run: Run, number: int, framework: str, part: Part, score: float, required: float) -> Bar:
    """Return the bar of a network's accuracy or R^2 on a part of the rows.

    A built-in task promises an accuracy. A table of one's own promises none: there a network must beat who gives every
    row the label that is commonest in that part, or the mean amount. Who weighs the classes does not ask for accuracy,
    but for the mean of the recalls of all classes, in which no constant answer gets more than its share.

    Parameters
    ----------
    run : Run
    number : int
        Of the chapter.
    framework : str
    part : {"validation", "test"}
    score : float
        Accuracy, the mean of the recalls with class weights, or R^2 where answers are amounts.
    required : float
        Of a built-in task.
    """
    title = FRAMEWORK_TITLES[framework]
    if run.network.output == "linear":
        return make_bar(number, f"{title} {part} R²", score, "above", 0.0, "ratio")
    if run.train.class_weight is not None:
        chance = 1 / len(run.train.class_weight)
        return make_bar(number, f"{title} {part} accuracy, all classes alike", score, "above", chance)
    if run.table.record is None:
        kind: Literal["above", "at least"] = "above" if part == "validation" else "at least"
        return make_bar(number, f"{title} {part} accuracy", score, kind, required)
    # Validation accuracies count every row once; figures of the test rows are weighted.
    y, weights = (run.split.y_val, None) if part == "validation" else (run.split.y_test, run.split.weights_test)
    shares = np.bincount(y, weights)
    return make_bar(number, f"{title} {part} accuracy", score, "above", float(shares.max() / shares.sum()))


def tell_training(run: Run, *, number: int, framework: str, part: str) -> list[Bar]:
    """Put the training of a framework into the record and return its bars, those of its exports included."""
    trained = run.trained[framework].result()
    run.parts[part] = trained.record
    score = trained.record.val_accuracy
    if run.train.class_weight is not None:
        from sklearn.metrics import balanced_accuracy_score

        score = float(balanced_accuracy_score(run.split.y_val, labels_of(trained.val_answers)))
    return [
        quality_bar(run, number, framework, "validation", score, LEAST_VAL_ACCURACY),
        proof_bar(number, run.formats_of(number)),
    ]


def proof_bar(number: int, formats: list[FormatRecord]) -> Bar:
    """Return the bar that every exported file of a chapter is proven, of those that could run here."""
    judged = [record for record in formats if record.status != "not_run"]
    share = sum(record.status == "passed" for record in judged) / len(judged) if judged else 0.0
    return make_bar(number, "exported files proven to be the same model", share, "at least", 1.0)
