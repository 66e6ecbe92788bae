"""Judge two trajectories: how far apart they are, whether that meets the bars, and what the second run proved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from throughline.parity.departure import count_flips, first_flip, first_step_over, loss_differences
from throughline.parity.follow import Trajectory
from throughline.parity.record import BARS, N_EARLY_STEPS, Departure, GateFlip, Pair
from throughline.parity.tasks import Case
from throughline.weights import Array

# Who is run again with the other's gates: the one that is back first. scikit-learn cannot be told its gates.
FORCED_FIRST = ("numpy", "torch", "keras")


@dataclass
class Judgement:
    """Two trajectories of a case while they are judged.

    Attributes
    ----------
    case : Case
    names : (str, str)
        The frameworks.
    differences : ndarray of shape (n_steps,)
        Of the loss.
    weights : float
        Largest difference of a weight after the last step.
    step : int or None
        First step whose losses differ by more than the bar.
    flip : GateFlip or None
        The first gate that differs, if it does so up to that step.
    n_forced, forced_loss : int and (float or None)
        Of the second run, as in `Departure`.
    """

    case: Case
    names: tuple[str, str]
    differences: Array
    weights: float
    step: int | None = None
    flip: GateFlip | None = None
    n_forced: int = 0
    forced_loss: float | None = None

    @classmethod
    def judge(cls, case: Case, names: tuple[str, str], trajectories: Mapping[str, Trajectory]) -> Judgement:
        """Compare two trajectories, before any second run."""
        first, second = (trajectories[name] for name in names)
        weights = max(
            float(np.abs(a - b).max(initial=0.0)) for a, b in zip(first.parameters, second.parameters, strict=True)
        )
        pair = cls(case, names, loss_differences(first, second), weights)
        pair.step = first_step_over(pair.differences, BARS[case.network.dtype])
        if pair.step is not None:
            flip = first_flip(names, first, second)
            pair.flip = flip if flip is not None and flip.step <= pair.step else None
        return pair

    @property
    def forced(self) -> tuple[str, str]:
        """Who is run again, and whose gates it is given."""
        chosen = next(name for name in FORCED_FIRST if name in self.names)
        return chosen, self.names[1 - self.names.index(chosen)]

    def take_proof(self, again: Trajectory, other: Trajectory) -> None:
        """Compare the second run of the one with the first of the other."""
        self.n_forced = count_flips(again, other)
        self.forced_loss = float(loss_differences(again, other).max())

    def record(self) -> Pair:
        """Return the verdict."""
        bars = BARS[self.case.network.dtype]
        departure = None
        if self.step is not None:
            departure = Departure(
                step=self.step,
                flip=self.flip,
                forced=self.forced[0],
                n_forced=self.n_forced,
                forced_loss=self.forced_loss,
            )
        explained = bars.gates_explain and self.forced_loss is not None and self.forced_loss <= bars.loss
        early_loss = float(self.differences[:N_EARLY_STEPS].max())  # no flipped gate excuses what is over its bar
        return Pair(
            first=self.names[0],
            second=self.names[1],
            loss=float(self.differences.max()),
            loss_step=int(self.differences.argmax()),
            early_loss=early_loss,
            weights=self.weights,
            departure=departure,
            met=(self.step is None or explained)
            and early_loss <= bars.early_loss
            and (bars.weights is None or self.weights <= bars.weights),
        )
