"""A run of the script, with a bug in it or without, and the figures that it reports."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from throughline.drill.bug import Bug, FigureName, Unit
from throughline.drill.mutation import load_script
from throughline.drill.rows import Case, RawTable, draw_table
from throughline.weights import Array


@dataclass(frozen=True)
class Trial:
    """What a run of the script left.

    Attributes
    ----------
    script : module
        The script that ran; probes ask its functions.
    table : RawTable
    prepared, training : object
        `Prepared` and `Training` of that script.
    file : bytes
        The exported ONNX file.
    figures : dict of FigureName to float
    seed : int
    """

    script: ModuleType
    table: RawTable
    prepared: Any
    training: Any
    file: bytes
    figures: dict[FigureName, float]
    seed: int

    def generator(self) -> np.random.Generator:
        """Return a source of randomness, the same each time."""
        return np.random.default_rng((self.seed, 3))

    def raw(self, part: Any) -> Array:
        """Return the raw rows of a part of the table."""
        rows: Array = self.table.X[part.rows]
        return rows


@functools.lru_cache(maxsize=32)  # the sound twin is asked for again by the evidence
def run_trial(bug: Bug | None, case: Case, seed: int) -> Trial:
    """Draw the rows, run the script on them, and take its figures.

    Parameters
    ----------
    bug : Bug or None
        None runs the script as it is.
    case : Case
    seed : int
        Of rows, split, weights and batches: the twins differ in the bug alone.

    Returns
    -------
    Trial
    """
    script, table = load_script(bug), draw_table(case, seed)
    with np.errstate(all="ignore"):  # a training that diverges is one of the symptoms
        prepared = script.prepare(table, seed)
        training = script.train(prepared, seed)
        file = script.export(training.kept, prepared)
        trial = Trial(script, table, prepared, training, file, {}, seed)
        trial.figures.update(_figures(trial))
    return trial


def _figures(trial: Trial) -> dict[FigureName, float]:
    script, test, training = trial.script, trial.prepared.test, trial.training
    rng = trial.generator()
    logits = script.answer(training.kept, test.X, rng)
    labels, probabilities = script.labels_of(logits), script.sigmoid(logits)
    answers = script.run_file(trial.file, trial.raw(test))
    served = script.serve(trial.file, trial.prepared, request_of(trial.table), trial.table.names)
    train, val = (script.answer(training.kept, part.X, rng) for part in (trial.prepared.train, trial.prepared.val))
    return {
        "train_loss": training.losses[-1],
        "val_loss": training.val_losses[-1],
        "kept_val_loss": script.loss_of(val, trial.prepared.val.y),
        "train_accuracy": script.accuracy(train, trial.prepared.train.y),
        "val_accuracy": script.accuracy(val, trial.prepared.val.y),
        "test_accuracy": script.accuracy(logits, test.y),
        "labelled_1": float(labels.mean()),
        "file_difference": float(np.max(np.abs(answers - probabilities))),
        "file_flips": float(np.sum((answers > script.THRESHOLD) != labels)),
        "service_accuracy": float(np.mean(served[:, 0] == trial.table.y_new)),
    }


def request_of(table: RawTable) -> str:
    """Write the new rows as the service receives them."""
    return json.dumps([dict(zip(table.names, row, strict=True)) for row in table.X_new.tolist()])


FIGURES: dict[FigureName, tuple[str, Unit]] = {
    "train_loss": ("training loss, last epoch", "decimal"),
    "val_loss": ("validation loss, last epoch", "decimal"),
    "kept_val_loss": ("validation loss, kept weights", "decimal"),
    "train_accuracy": ("training accuracy", "percent"),
    "val_accuracy": ("validation accuracy", "percent"),
    "test_accuracy": ("test accuracy", "percent"),
    "labelled_1": ("rows labelled 1", "percent"),
    "file_difference": ("exported file, largest difference", "scientific"),
    "file_flips": ("exported file, labels that differ", "count"),
    "service_accuracy": ("accuracy on new rows, in service", "percent"),
}
