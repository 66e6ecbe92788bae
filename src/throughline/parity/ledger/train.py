"""What a child process does: train the seed's network under many settings, with many seeds each."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Protocol, cast

import msgspec
import numpy as np

from throughline.parity.ledger.setting import BATCH_SIZE, DROPOUT, HIDDEN_UNITS, Setting
from throughline.processes import Emit
from throughline.weights import Array

LEARNERS = {"keras": "KerasLearner", "torch": "TorchLearner"}


class Learner(Protocol):
    """A network in training, in some framework."""

    def begin(self, seed: int, parameters: Sequence[Array] | None) -> None:
        """Go back before the first step: to these kernels and biases, or to those that the framework draws."""

    def shuffled(self, n_rows: int) -> Array:
        """Return an order of the rows as the framework draws it."""

    def step(self, X: Array, y: Array, masks: Sequence[Array] | None) -> None:
        """Do one step; without masks dropout is the framework's own."""

    def logits(self, X: Array) -> Array:
        """Return the logits of rows, dropout off, shape (n_samples,)."""


def train_all(
    framework: str, settings: list[dict[str, Any]], rows: str, seeds: list[int], n_steps: int, emit: Emit
) -> list[list[dict[str, float]]]:
    """Train under each setting with each seed.

    Parameters
    ----------
    framework : {"keras", "torch"}
    settings : list of dict
        Fields of `Setting`.
    rows : str
        File with ``X_train``, ``y_train``, ``X_test``, ``y_test``, standardised, in float64.
    seeds : list of int
    n_steps : int
    emit : callable
        Receives ``{"setting": ..., "number": ..., "of": ...}``.

    Returns
    -------
    list of list of dict
        For each setting and seed the ``loss`` on the training rows and the ``accuracy`` on the test rows.
    """
    module = importlib.import_module(f"throughline.parity.ledger.{framework}_learner")
    make = getattr(module, LEARNERS[framework])
    found = []
    for number, fields in enumerate(settings, start=1):
        setting = msgspec.convert(fields, Setting)
        with np.load(rows, allow_pickle=False) as arrays:
            X_train, X_test, y_train = (arrays[name].astype(setting.dtype) for name in ("X_train", "X_test", "y_train"))
            y_test = arrays["y_test"]
        learner = cast(Learner, make(setting, X_train.shape[1], HIDDEN_UNITS))
        of_seeds = []
        for seed in seeds:
            emit({"number": number, "of": len(settings), "seed": seed})
            shared = initial_parameters(seed, X_train.shape[1], setting.dtype)
            learner.begin(seed, shared if setting.initial == "shared" else None)
            for batch, masks in feed(learner, setting, seed, len(X_train), n_steps):
                learner.step(X_train[batch], y_train[batch], masks)
            of_seeds.append(
                {
                    "loss": cross_entropy(learner.logits(X_train), y_train),
                    "accuracy": float(np.mean((learner.logits(X_test) > 0) == (y_test > 0.5))),
                }
            )
        found.append(of_seeds)
    return found


def initial_parameters(seed: int, n_features: int, dtype: str) -> list[Array]:
    """Return the weights at which all begin: kernels by Glorot's rule, drawn in float32 for both dtypes, biases 0."""
    rng = np.random.default_rng(seed)
    parameters: list[Array] = []
    for fan_in, fan_out in pairwise((n_features, *HIDDEN_UNITS, 1)):
        limit = np.sqrt(6 / (fan_in + fan_out))
        kernel = rng.uniform(-limit, limit, (fan_in, fan_out)).astype(np.float32)
        parameters += [kernel.astype(dtype), np.zeros(fan_out, dtype)]
    return parameters


def feed(
    learner: Learner, setting: Setting, seed: int, n_rows: int, n_steps: int
) -> Iterator[tuple[Array, list[Array] | None]]:
    """Give each step its rows and its masks; None leaves dropout to the framework."""
    order_rng, mask_rng = (np.random.default_rng([seed, i]) for i in (1, 2))
    n_kept = n_rows - n_rows % BATCH_SIZE if setting.last_batch == "drop" else n_rows
    step = 0
    while step < n_steps:
        order: Array = np.arange(n_rows)
        if setting.order == "shared":
            order = order_rng.permutation(n_rows)
        elif setting.order == "own":
            order = learner.shuffled(n_rows)
        for start in range(0, n_kept, BATCH_SIZE):
            if step == n_steps:
                return
            batch, masks = order[start : min(start + BATCH_SIZE, n_kept)], None
            # Drawn for a whole batch, so that a shorter one does not shift what follows.
            kept = [mask_rng.random((BATCH_SIZE, units))[: len(batch)] >= DROPOUT for units in HIDDEN_UNITS]
            if setting.masks == "shared":
                masks = [mask.astype(setting.dtype) / (1 - DROPOUT) for mask in kept]
            yield batch, masks
            step += 1


def cross_entropy(logits: Array, y: Array) -> float:
    """Return the mean loss of logits in float64, without clipping."""
    z = logits.astype(np.float64)
    return float(np.mean(np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))))
