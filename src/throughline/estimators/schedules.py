"""Learning rates that change as training goes on: scikit-learn's three, and any function of the epoch."""

from __future__ import annotations

import math
from collections.abc import Callable

# scikit-learn's own: "adaptive" divides by 5 until the rate is this small.
ADAPTIVE_DIVISOR = 5.0
ADAPTIVE_END = 1e-6

Schedule = str | Callable[[int], float]


class LearningRate:
    """The rate of the coming epoch.

    Parameters
    ----------
    schedule : {"constant", "invscaling", "adaptive"} or callable
        A callable gets the number of the epoch, from 0, and returns its rate.
    initial : float
        The first rate of the other three.
    power_t : float, default=0.5
        "invscaling" divides `initial` by (samples seen + 1) to this power.

    Attributes
    ----------
    rate : float
        The present rate.

    Examples
    --------
    >>> halving = LearningRate(lambda epoch: 0.1 / 2**epoch, initial=0.1)
    >>> halving.start_epoch(3)
    >>> halving.rate
    0.0125
    """

    def __init__(self, schedule: Schedule, initial: float, power_t: float = 0.5) -> None:
        self._schedule, self._initial, self._power_t = schedule, initial, power_t
        self.rate = float(initial)

    def start_epoch(self, epoch: int) -> None:
        """Ask a callable for the rate of this epoch.

        Raises
        ------
        ValueError
            If it does not return a finite number above 0.
        """
        if callable(self._schedule):
            self.rate = float(self._schedule(epoch))
            if not (math.isfinite(self.rate) and self.rate > 0):
                raise ValueError(f"learning_rate({epoch}) must return a finite number above 0, got {self.rate!r}.")

    def end_epoch(self, n_seen: int) -> None:
        """Let "invscaling" decay with the samples seen so far."""
        if self._schedule == "invscaling":
            self.rate = self._initial / (n_seen + 1) ** self._power_t

    def reached_plateau(self) -> str:
        """Return what follows from a plateau, in words; "adaptive" goes on with a fifth of the rate if it can."""
        if self._schedule != "adaptive":
            return "Stopping."
        if self.rate <= ADAPTIVE_END:
            return "Learning rate too small. Stopping."
        self.rate /= ADAPTIVE_DIVISOR
        return f"Setting learning rate to {self.rate:f}"
