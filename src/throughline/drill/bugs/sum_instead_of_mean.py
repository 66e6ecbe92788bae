"""The gradient is that of the sum of the losses, not of their mean."""

from __future__ import annotations

import numpy as np

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.probes import gradient_pairs
from throughline.drill.trial import Trial


def claimed_over_measured(trial: Trial) -> float:
    """Return the length of the gradient of the last kernel over that of its central differences."""
    claimed, measured = gradient_pairs(trial)[-2]
    return float(np.linalg.norm(claimed) / np.linalg.norm(measured))


BUG = Bug(
    name="sum-instead-of-mean",
    title="The gradient lacks the mean over the batch",
    before="da = weights * (sigmoid(trace.logits) - y) / weights.sum()",
    after="da = weights * (sigmoid(trace.logits) - y)",
    sign=Sign(figure="val_loss", direction="above", by=0.05),
    probe=Probe(
        title="gradient of all training rows over central differences, as a ratio of lengths",
        measure=claimed_over_measured,
        unit="decimal",
        apart=100,
    ),
    hints=(
        "The steps are too long, but not a hundred times: it learns something, and cannot settle.",
        "Half the batch size would halve the trouble. A learning rate does not know of the batch size.",
        "Compare the gradient with central differences: its direction is right.",
    ),
    why="The loss is a mean over the batch and its gradient is taken of the sum, so every step is longer by the "
    "number of rows in the batch: 32 times. Curves alone hardly tell it from a learning rate that is too large, "
    "and the cure looks the same. What tells it is that the gradient check fails by exactly the number of rows, "
    "and that the trouble changes with the batch size.",
    confused_with=("learning-rate-too-large", "no-zero-grad", "bias-gradient-sign", "relu-derivative-forgotten"),
    said_as=("loss without the mean", "sum instead of mean", "reduction=sum", "not divided by the batch size"),
)
