"""A learning rate a hundred times too small."""

from __future__ import annotations

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.probes import step_over_gradient

BUG = Bug(
    name="learning-rate-too-small",
    title="The learning rate is a hundred times too small",
    before="LEARNING_RATE = 0.1",
    after="LEARNING_RATE = 0.001",
    sign=Sign(figure="train_loss", direction="above", by=0.2),
    probe=Probe(
        title="length of the first step over that of its gradient",
        measure=step_over_gradient,
        unit="decimal",
        apart=0.05,
    ),
    hints=(
        "Training and validation loss fall together. Which of the two would part from the other if something were "
        "learned by heart?",
        "In the last epoch both still fall, at the pace of the first ones.",
        "How long is a step, compared with the gradient that it follows?",
    ),
    why="Everything is right, and a hundred times too slow: both losses still fall along a line when the epochs are "
    "used up, without a gap between them. More epochs would do as well as a larger rate. A network that cannot "
    "learn the task has a loss that has stopped to fall.",
    confused_with=("zero-weights", "sigmoid-twice", "shuffled-labels", "relu-derivative-forgotten"),
    said_as=(
        "learning rate too low",
        "learns too slowly",
        "lr / 100",
        "step size too small",
        "too few epochs",
    ),
)
