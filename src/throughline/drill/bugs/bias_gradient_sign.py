"""The gradient of the biases has the wrong sign."""

from __future__ import annotations

import numpy as np

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.probes import gradient_pairs
from throughline.drill.trial import Trial


def cosine_of_biases(trial: Trial) -> float:
    """Return the cosine between the gradients of the first biases and their central differences."""
    claimed, measured = gradient_pairs(trial)[1]
    return float(claimed @ measured / (np.linalg.norm(claimed) * np.linalg.norm(measured)))


BUG = Bug(
    name="bias-gradient-sign",
    title="The gradient of the biases has the wrong sign",
    before="gradients[2 * layer + 1] += dz.sum(axis=0)",
    after="gradients[2 * layer + 1] -= dz.sum(axis=0)",
    sign=Sign(figure="train_loss", direction="above", by=0.02),
    probe=Probe(
        title="cosine between the gradient of the first biases and central differences",
        measure=cosine_of_biases,
        unit="decimal",
        apart=1.5,
    ),
    hints=(
        "It learns, and something pulls the other way: the loss stays above what these rows allow.",
        "No learning rate cures it, and a smaller one only makes it slower.",
        "Check the gradient one array at a time. Half of the arrays pass.",
    ),
    why="The kernels go down the slope and the biases go up. There are few biases, and the kernels make up for much "
    "of what they do, so the network still learns: a wrong gradient is not a network that does not work, it is "
    "one that works less well than it could. Only a gradient check finds it for certain, and it names the arrays: "
    "kernels pass, biases fail with a cosine of -1.",
    confused_with=("relu-derivative-forgotten", "sum-instead-of-mean", "no-zero-grad", "lost-class-weights"),
    said_as=("wrong sign in the gradient", "sign error", "gradient ascent on the biases", "backprop wrong"),
)
