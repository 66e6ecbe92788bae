"""Where two trajectories part: the ReLU gate that flipped, and the proof that it was this.

A pre-activation within rounding of 0 can be positive in one framework and negative in the other. The gate of that
unit is then open for that row in the one and shut in the other, and the gradient of a whole column of weights differs
by a finite amount, not by a rounding. From then on the two are different trainings. The proof: run one of them again
with the gates of the other; if the gate was the cause, they now stay together to the end.
"""

from __future__ import annotations

import numpy as np

from throughline.parity.follow import Trajectory
from throughline.parity.record import N_EARLY_STEPS, Bars, GateFlip
from throughline.weights import Array


def loss_differences(first: Trajectory, second: Trajectory) -> Array:
    """Return the absolute difference of the losses at every step, shape (n_steps,)."""
    difference: Array = np.abs(first.losses - second.losses)
    return difference


def first_step_over(differences: Array, bars: Bars) -> int | None:
    """Return the first step whose losses differ by more than the bar, or None."""
    allowed = np.full(len(differences), bars.loss)
    allowed[:N_EARLY_STEPS] = bars.early_loss
    over = np.flatnonzero(differences > allowed)
    return int(over[0]) if len(over) else None


def first_flip(names: tuple[str, str], first: Trajectory, second: Trajectory) -> GateFlip | None:
    """Return the first gate that is open in one trajectory and shut in the other.

    Parameters
    ----------
    names : (str, str)
        The frameworks.
    first, second : Trajectory
        Of the same case.

    Returns
    -------
    GateFlip or None
        None if all gates agree, or if the pre-activation was too far from 0 in one for rounding to be the cause.
    """
    steps = [np.flatnonzero((a != b).any(axis=(1, 2))) for a, b in zip(first.gates, second.gates, strict=True)]
    flipped = [(int(found[0]), layer) for layer, found in enumerate(steps) if len(found)]
    if not flipped:
        return None
    step, layer = min(flipped)
    row, unit = (int(i) for i in np.argwhere(first.gates[layer][step] != second.gates[layer][step])[0])
    z = [trajectory.z_at((step, layer, row, unit)) for trajectory in (first, second)]
    if z[0] is None or z[1] is None:
        return None
    pre_activations = {names[0]: z[0], names[1]: z[1]}
    return GateFlip(step=step, layer=layer + 1, unit=unit, row=row, pre_activations=pre_activations)


def count_flips(first: Trajectory, second: Trajectory) -> int:
    """Return how many gates differ over all steps."""
    return sum(int((a != b).sum()) for a, b in zip(first.gates, second.gates, strict=True))
