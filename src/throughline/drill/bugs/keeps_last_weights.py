"""The best weights are kept by reference."""

from __future__ import annotations

import numpy as np

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.rows import RARE
from throughline.drill.trial import Trial


def distance_to_last(trial: Trial) -> float:
    """Return the largest difference between a kept weight and that of the last epoch."""
    pairs = zip(trial.training.kept, trial.training.last, strict=True)
    return max(float(np.max(np.abs(kept - last))) for kept, last in pairs)


BUG = Bug(
    name="keeps-last-weights",
    title="The weights of the last epoch are kept, not the best ones",
    before="log.kept[:] = [w.copy() for w in parameters]",
    after="log.kept[:] = parameters",
    case=RARE,
    sign=Sign(figure="kept_val_loss", direction="above", by=0.02),
    probe=Probe(
        title="largest difference between a kept weight and that of the last epoch",
        measure=distance_to_last,
        unit="decimal",
        apart=0.02,
    ),
    hints=(
        "The curves are as they should be. What was made of them is not.",
        "Read the lowest point of the validation curve, and compare it with the loss of the weights that were kept.",
        "Compare the kept weights with those of the last epoch.",
    ),
    why="At the best epoch the weights are not copied: their names are. The training goes on to change the same "
    "arrays in place, and what was kept as the best is the last. Nothing in the curves tells it, since they are "
    "measured on the way; the loss of the kept weights is that of the last epoch instead of the lowest. In "
    "PyTorch it is best = model.state_dict() without a deepcopy.",
    confused_with=("train-val-overlap", "dropout-at-inference", "scaler-leak", "lost-class-weights"),
    said_as=(
        "early stopping keeps the last weights",
        "best weights not restored",
        "state_dict not copied",
        "no deepcopy",
    ),
)
