"""A learning rate a hundred times too large."""

from __future__ import annotations

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.probes import step_over_gradient

BUG = Bug(
    name="learning-rate-too-large",
    title="The learning rate is a hundred times too large",
    before="LEARNING_RATE = 0.1",
    after="LEARNING_RATE = 10.0",
    sign=Sign(figure="train_loss", direction="above", by=0.2),
    probe=Probe(
        title="length of the first step over that of its gradient", measure=step_over_gradient, unit="decimal", apart=5
    ),
    hints=(
        "It is bad from the first epoch on, and does not get better.",
        "Look how much of the loss changes from one epoch to the next, without going anywhere.",
        "How long is a step, compared with the gradient that it follows?",
    ),
    why="A step along the gradient lowers the loss only where the slope is still about the same at its other end. "
    "These steps leap over every valley. The first of them throw most units to where they are 0 on every row; a "
    "ReLU that is dead has no gradient to come back with, and only the last bias still swings to and fro.",
    confused_with=("sum-instead-of-mean", "no-zero-grad", "shuffled-labels", "zero-weights"),
    said_as=("learning rate too high", "learning rate too big", "lr x100", "step size too large", "training diverges"),
)
