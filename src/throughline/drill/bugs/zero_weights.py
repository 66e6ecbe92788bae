"""All weights start at zero."""

from __future__ import annotations

import numpy as np

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.trial import Trial


def spread_of_units(trial: Trial) -> float:
    """Return the largest difference between two units of the first layer after training."""
    return float(np.ptp(trial.training.last[0], axis=1).max())


BUG = Bug(
    name="zero-weights",
    title="All weights start at zero",
    before="kernel = rng.uniform(-limit, limit, (fan_in, fan_out))",
    after="kernel = np.zeros((fan_in, fan_out))",
    sign=Sign(figure="train_loss", direction="above", by=0.2),
    probe=Probe(
        title="largest difference between the weights of two units of the first layer, after training",
        measure=spread_of_units,
        unit="decimal",
        apart=0.3,
    ),
    hints=(
        "What is log 2?",
        "Every row gets the same answer, in the first epoch and in the last.",
        "Look at the units of the first layer, side by side.",
    ),
    why="Two units with the same weights get the same gradient and stay the same for ever: random weights are there "
    "to break that symmetry. With zeros and ReLU it is worse, for every hidden output is 0 and so is every "
    "gradient but that of the last bias. The loss is that of a constant answer, log 2 = 0.693 where both classes "
    "count the same. A small learning rate has a loss that falls, however slowly.",
    confused_with=("learning-rate-too-small", "learning-rate-too-large", "sigmoid-twice", "shuffled-labels"),
    said_as=("weights initialised to zero", "zero initialisation", "symmetry not broken", "all units the same"),
)
