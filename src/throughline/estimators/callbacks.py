"""What may look on while an estimator trains: one call an epoch, with what that epoch brought."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .checkpoint import Checkpoint


@dataclass(frozen=True)
class Epoch:
    """One epoch of a training, at its end.

    Attributes
    ----------
    number : int
        Counted from 1, as `n_iter_` is.
    n_epochs : int
        `max_iter`: more there will not be.
    loss : float
        The entry of `loss_curve_`.
    validation_score : float or None
        The entry of `validation_scores_`; None without validation rows.
    learning_rate : float
        Rate of the steps of this epoch.
    estimator : estimator
        The one that trains; its `coefs_` are the present ones.
    checkpoint : callable
        Returns a `Checkpoint` from which training goes on exactly.
    validation_metrics : dict of str to float
        The entries of `validation_history_`; empty without validation rows or metrics.
    """

    number: int
    n_epochs: int
    loss: float
    validation_score: float | None
    learning_rate: float
    estimator: Any
    checkpoint: Callable[[], Checkpoint]
    validation_metrics: dict[str, float] = field(default_factory=dict)


class Callback:
    """Base of callbacks; those that need no beginning or end may be plain functions of an `Epoch` instead.

    Examples
    --------
    >>> class StopAtGoal(Callback):
    ...     def on_epoch(self, epoch):
    ...         return epoch.loss < 0.1
    """

    def on_start(self, n_epochs: int) -> None:
        """Do what is needed before the first of at most `n_epochs` epochs."""

    def on_epoch(self, epoch: Epoch) -> bool | None:
        """Look at an epoch; return True to end the training."""

    def on_end(self) -> None:
        """Do what is needed after the last epoch, however it ended."""


class FunctionCallback(Callback):
    """A plain function as a callback."""

    def __init__(self, function: Callable[[Epoch], bool | None]) -> None:
        self.function = function

    def on_epoch(self, epoch: Epoch) -> bool | None:
        """Call the function."""
        return self.function(epoch)


class SaveCheckpoint(Callback):
    """Write a checkpoint every few epochs; the file is always a whole one.

    Parameters
    ----------
    path : str or path
        An `.npz` file; replaced each time.
    every : int, default=1
        Epochs between two checkpoints.
    """

    def __init__(self, path: str | os.PathLike[str], every: int = 1) -> None:
        self.path, self.every = path, every

    def on_epoch(self, epoch: Epoch) -> None:
        """Write if it is time, and after the last epoch."""
        if epoch.number % self.every == 0 or epoch.number == epoch.n_epochs:
            epoch.checkpoint().save(Path(self.path))


class ProgressBar(Callback):
    """A bar on the terminal with the present loss, validation score and metrics."""

    def on_start(self, n_epochs: int) -> None:
        """Draw the empty bar."""
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("epoch"), MofNCompleteColumn(), BarColumn(), TextColumn("{task.description}"))
        self._bar = Progress(*columns, TimeRemainingColumn())
        self._bar.start()
        self._task = self._bar.add_task("", total=n_epochs)

    def on_epoch(self, epoch: Epoch) -> None:
        """Move on."""
        score = "" if epoch.validation_score is None else f", validation score {epoch.validation_score:.4f}"
        # On lines of their own: beside each other they would be cut off.
        metrics = "".join(f"\n{name} {value:.4f}" for name, value in epoch.validation_metrics.items())
        self._bar.update(self._task, completed=epoch.number, description=f"loss {epoch.loss:.4f}{score}{metrics}")

    def on_end(self) -> None:
        """Leave the bar as it is."""
        self._bar.stop()
