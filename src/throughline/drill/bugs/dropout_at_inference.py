"""Dropout stays on when the network answers."""

from __future__ import annotations

import numpy as np

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.trial import Trial


def twice_the_same(trial: Trial) -> float:
    """Return the largest difference between two answers to the same test row."""
    script, rng = trial.script, trial.generator()
    first, second = (script.sigmoid(script.answer(trial.training.kept, trial.prepared.test.X, rng)) for _ in range(2))
    return float(np.max(np.abs(first - second)))


BUG = Bug(
    name="dropout-at-inference",
    title="Dropout stays on when the network answers",
    before="masks = None  # dropout belongs to training",
    after="masks = draw_masks(len(X), rng)",
    sign=Sign(figure="file_difference", direction="above", by=0.2),
    probe=Probe(
        title="largest difference between two answers to the same test row",
        measure=twice_the_same,
        unit="decimal",
        apart=0.2,
    ),
    hints=(
        "The exported file disagrees with the network. Which of the two is the better one?",
        "The validation curve shakes more than the rows, which are the same in every epoch, can explain.",
        "Ask the same row twice.",
    ),
    why="A fifth of the hidden outputs is still set to zero when the network is asked, so it answers as a random part "
    "of itself, and otherwise the next time. Its curves shake and its accuracy is a little too low. The exported "
    "file has no dropout: it is the better network, and the comparison of the two is where it shows. In PyTorch "
    "it is the missing model.eval(), in Keras training=True.",
    confused_with=("transposed-kernel", "keeps-last-weights", "threshold-on-logits", "scaled-twice"),
    said_as=(
        "dropout left on",
        "dropout not turned off",
        "eval mode forgotten",
        "model.eval() missing",
        "training mode at inference",
        "training=True",
    ),
)
