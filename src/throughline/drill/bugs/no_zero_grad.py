"""Gradients of all steps so far are added up."""

from __future__ import annotations

import itertools

import numpy as np

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.probes import listen
from throughline.drill.trial import Trial


def cosine_of_consecutive(trial: Trial) -> float:
    """Return the mean cosine between the gradients of two steps in a row, in the first epoch."""
    gradients, _ = listen(trial)
    units = [gradient / np.linalg.norm(gradient) for gradient in gradients]
    return float(np.mean([a @ b for a, b in itertools.pairwise(units)]))


BUG = Bug(
    name="no-zero-grad",
    title="Gradients are not set to zero between steps",
    before="zero(gradients)",
    after="",
    sign=Sign(figure="train_loss", direction="above", by=0.15),
    probe=Probe(
        title="cosine between the gradients of two steps in a row, mean of the first epoch",
        measure=cosine_of_consecutive,
        unit="decimal",
        apart=0.25,
    ),
    hints=(
        "The first epochs are as good as any. What gets worse with every step?",
        "The loss swings: it overshoots, comes back and overshoots again, as a weight on a spring without "
        "friction does.",
        "Look at two steps in a row. They are taken on different rows, and still point almost the same way.",
    ),
    why="Each step is taken along the sum of all gradients since the start: momentum of 1, without any friction. The "
    "network learns fast at first, then cannot stop, and oscillates with growing swings. A learning rate that is "
    "too large is bad from the first step on; this gets bad. In PyTorch it is the missing optimizer.zero_grad().",
    confused_with=("learning-rate-too-large", "sum-instead-of-mean", "keeps-last-weights", "bias-gradient-sign"),
    said_as=("no zero_grad", "zero_grad missing", "gradients accumulate", "gradient accumulation", "gradients add up"),
)
