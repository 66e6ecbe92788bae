"""The backward pass leaves out the slope of the activation."""

from __future__ import annotations

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.probes import gradient_pairs, relative_error
from throughline.drill.trial import Trial


def error_of_first_kernel(trial: Trial) -> float:
    """Return the relative error of the gradient of the first kernel."""
    return relative_error(gradient_pairs(trial)[0])


BUG = Bug(
    name="relu-derivative-forgotten",
    title="The derivative of the ReLU is left out",
    before="dz = da * slope",
    after="dz = da",
    sign=Sign(figure="train_loss", direction="above", by=0.01),
    probe=Probe(
        title="relative error of the gradient of the first kernel against central differences",
        measure=error_of_first_kernel,
        unit="scientific",
        apart=0.05,
    ),
    hints=(
        "It learns, and settles above what these rows allow. Something is almost right.",
        "A network without hidden layers would not have it.",
        "Check the gradient one array at a time: the last layer passes.",
    ),
    why="A unit whose ReLU is at 0 has no say in the output, so nothing may be passed back through it. Without the "
    "factor it is moved all the same, by an error that it has not caused. The last layer is right, the layers "
    "before it are moved in a direction that is only roughly downhill. It learns, a little worse; the gradient "
    "check says so at once, and says where.",
    confused_with=("bias-gradient-sign", "sum-instead-of-mean", "learning-rate-too-small", "zero-weights"),
    said_as=("relu derivative missing", "activation gradient forgotten", "no gate in the backward pass"),
)
