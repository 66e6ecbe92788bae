"""Quantities that several bugs are told by; a bug file has its own where it is the only one to ask."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np

from throughline.drill.trial import Trial, request_of
from throughline.scratch import GradientDescent
from throughline.weights import Array

N_ENTRIES = 12  # of an array that are compared with central differences
STEP = 1e-5


@contextmanager
def replaced(module: ModuleType, name: str, value: Any) -> Iterator[None]:
    """Put something else in the place of a name of the script, for a while."""
    kept = getattr(module, name)
    setattr(module, name, value)
    try:
        yield
    finally:
        setattr(module, name, kept)


class _Listener(GradientDescent):
    """Gradient descent that writes down what it is given and what it does with it."""

    def __init__(self, learning_rate: float) -> None:
        super().__init__(learning_rate)
        self.gradients: list[Array] = []
        self.steps: list[Array] = []

    def update(self, parameters: list[Array], gradients: list[Array]) -> None:
        before = _flat(parameters)
        super().update(parameters, gradients)
        self.gradients.append(_flat(gradients))
        self.steps.append(_flat(parameters) - before)


def listen(trial: Trial) -> tuple[list[Array], list[Array]]:
    """Train once more, one epoch long, and return the gradients and the steps."""
    heard: list[_Listener] = []

    def make(learning_rate: float) -> _Listener:
        heard.append(_Listener(learning_rate))
        return heard[0]

    script = trial.script
    with replaced(script, "GradientDescent", make), replaced(script, "N_EPOCHS", 1), np.errstate(all="ignore"):
        script.train(trial.prepared, trial.seed)
    return heard[0].gradients, heard[0].steps


def step_over_gradient(trial: Trial) -> float:
    """Return the length of the first step over that of its gradient."""
    gradients, steps = listen(trial)
    return float(np.linalg.norm(steps[0]) / np.linalg.norm(gradients[0]))


def gradient_pairs(trial: Trial) -> list[tuple[Array, Array]]:
    """Return, for each array at its initial values, some of the gradient that is claimed, and central differences."""
    script, part = trial.script, trial.prepared.train
    # Not the script's own initial values: at weights of 0 there would be nothing to compare.
    rng, weights = trial.generator(), script.class_weights(part.y)
    sizes = (part.X.shape[1], *script.HIDDEN_UNITS, 1)
    shapes = [shape for fan_in, fan_out in itertools.pairwise(sizes) for shape in ((fan_in, fan_out), fan_out)]
    parameters = [rng.normal(0, 0.3, shape) for shape in shapes]
    claimed = [np.zeros_like(w) for w in parameters]
    script.backward(parameters, claimed, script.forward(parameters, part.X, None), part.y, weights)

    def loss() -> float:
        return float(script.LOSS.value(script.forward(parameters, part.X, None).logits, part.y, weights[:, 0]))

    pairs = []
    for w, gradient in zip(parameters, claimed, strict=True):
        entries = rng.permutation(w.size)[:N_ENTRIES]
        pairs.append((gradient.flat[entries], np.array([_slope(w, int(i), loss) for i in entries])))
    return pairs


def _slope(w: Array, i: int, loss: Any) -> float:
    original = w.flat[i]
    w.flat[i] = original + STEP
    above = loss()
    w.flat[i] = original - STEP
    below = loss()
    w.flat[i] = original
    return float((above - below) / (2 * STEP))


def relative_error(pair: tuple[Array, Array]) -> float:
    """Return the distance of two gradients, as a share of their lengths."""
    claimed, measured = pair
    return float(np.linalg.norm(claimed - measured) / (np.linalg.norm(claimed) + np.linalg.norm(measured)))


def rows_in_service(trial: Trial) -> Array:
    """Return the rows that the service hands to the file when the new rows are requested."""
    seen: list[Array] = []
    run_file = trial.script.run_file

    def watch(file: bytes, X: Array) -> Array:
        seen.append(X)
        answers: Array = run_file(file, X)
        return answers

    with replaced(trial.script, "run_file", watch):
        trial.script.serve(trial.file, trial.prepared, request_of(trial.table), trial.table.names)
    return seen[0]


def _flat(arrays: list[Array]) -> Array:
    return np.concatenate([array.ravel() for array in arrays])
