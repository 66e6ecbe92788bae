"""Rows are shuffled, labels are not."""

from __future__ import annotations

import numpy as np

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.trial import Trial


def own_labels(trial: Trial) -> float:
    """Return the share of training rows that have the label which the table gives them."""
    part = trial.prepared.train
    return float(np.mean(part.y[:, 0] == trial.table.y[part.rows]))


BUG = Bug(
    name="shuffled-labels",
    title="Rows and labels are shuffled differently",
    before="X, y = table.X[order], table.y[order, None]",
    after="X, y = table.X[order], table.y[:, None]",
    sign=Sign(figure="test_accuracy", direction="below", by=0.2),
    probe=Probe(
        title="training rows that carry the label which the table gives them",
        measure=own_labels,
        unit="percent",
        apart=0.3,
    ),
    hints=(
        "Compare the accuracy with that of a coin, on the training rows and on all others.",
        "The training loss does fall a little, and the validation loss rises: there is something to learn by "
        "heart, and nothing to learn.",
        "Take the first training row and look up its label in the table.",
    ),
    why="The rows are put into a random order and the labels stay in the old one, so that a row has the label of some "
    "other row. Nothing in the columns tells the label any more. The network learns rows by heart, slowly, and "
    "on all others it is a coin; validation and test rows are shuffled wrongly in the same way, so they do not "
    "show otherwise. Neither optimizer nor size of the network changes anything about it, which is what tells it "
    "from a training that is merely slow.",
    confused_with=("learning-rate-too-small", "learning-rate-too-large", "columns-reordered", "zero-weights"),
    said_as=(
        "labels shuffled",
        "labels permuted",
        "targets do not match the rows",
        "X and y out of order",
        "misaligned",
    ),
)
