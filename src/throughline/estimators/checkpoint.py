"""A training that was interrupted, as a file: read back, it goes on bit for bit as if nothing had happened."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..scratch.activations import FloatArray

RandomWords = dict[str, Any]


@dataclass(frozen=True)
class Checkpoint:
    """All that the next epoch depends on, besides the data and the estimator's own settings.

    Attributes
    ----------
    parameters, best_parameters : ndarray of shape (n_parameters,)
        The present ones, and those of the best validation score.
    memory : ndarray
        What the optimizer remembers, in its own units.
    order : ndarray of shape (n_samples,), int
        The order of the rows in the last epoch, which the next one shuffles further.
    t, scale, rate : int, float and float
        Steps taken; the scale of the gradients in `memory`, and the learning rate it belongs to.
    masks : dict or None
        State of the generator of dropout masks.
    start, random : dict
        State of the random generator before and after what was trained: the former draws the validation rows once
        more, the latter goes on.
    learning_rate : float
        That of the next epoch.
    progress : dict
        The fitted attributes and counters so far: `n_iter_`, `t_`, `loss_curve_`, `best_loss_`, ...
    stopped : bool
        Whether training had come to its end.
    """

    parameters: FloatArray
    best_parameters: FloatArray
    memory: FloatArray
    order: npt.NDArray[np.intp]
    t: int
    scale: float
    rate: float
    masks: RandomWords | None
    start: RandomWords
    random: RandomWords
    learning_rate: float
    progress: dict[str, Any]
    stopped: bool

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an `.npz` file; it appears whole or not at all."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
        others = json.dumps({name: value for name, value in values.items() if name not in arrays}, default=_to_list)
        beside = Path(f"{os.fspath(path)}.partial")
        try:
            with beside.open("wb") as file:
                np.savez(file, allow_pickle=False, others=np.array(others), **arrays)
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Checkpoint:
        """Read a file that `save` wrote; nothing in it is executed.

        Raises
        ------
        ValueError
            If it is not such a file.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays = {name: file[name] for name in file.files}
            return cls(**json.loads(str(arrays.pop("others"))), **arrays)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{os.fspath(path)!r} must be a file that Checkpoint.save wrote: {error}") from error


def random_words(state: Any) -> RandomWords:
    """Return what `RandomState.get_state(legacy=False)` returns as plain data."""
    return {**state, "state": {name: _to_list(value) for name, value in state["state"].items()}}


def random_from(words: RandomWords) -> np.random.RandomState:
    """Return a generator in that state."""
    random = np.random.RandomState()
    key = np.array(words["state"]["key"], np.uint32)
    random.set_state({**words, "state": {**words["state"], "key": key}})
    return random


def _to_list(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
