"""What a framework module offers, and what a training gives back.

`numpy_net`, `keras_net` and `torch_net` are modules with the functions of `Framework`, so that they can
be read side by side and looped over in one test. NumPy arrays and `Weights` are the currency.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, cast

from throughline.data.split import Split
from throughline.errors import SpecError, UsageError
from throughline.spec import FRAMEWORK_TITLES, NetworkSpec, TrainSpec
from throughline.weights import Array, Weights

FRAMEWORKS = {
    "numpy": "throughline.frameworks.numpy_net",
    "keras": "throughline.frameworks.keras_net",
    "torch": "throughline.frameworks.torch_net",
}
CHAPTER_OF_FRAMEWORK = {"numpy": 2, "keras": 3, "torch": 4}
# Imported before the job arrives; "!" hides a package. Keras imports scikit-learn and matplotlib where it finds
# them, for wrappers and plots that are not used here: without them it is there in half the time.
PRELOAD = {
    "numpy": ["numpy"],
    "keras": ["!sklearn", "!matplotlib", "tensorflow", "keras"],
    "torch": ["torch"],
}

OnEpoch = Callable[["Epoch"], None]


@dataclass(frozen=True)
class Epoch:
    """Figures of one pass over the training rows.

    Attributes
    ----------
    number : int
        From 1.
    loss : float
        Mean training loss of the pass, dropout on, while the weights moved.
    val_loss, val_accuracy : float
        On the validation rows after the pass, dropout off.
    """

    number: int
    loss: float
    val_loss: float
    val_accuracy: float


class Framework(Protocol):
    """The functions of a framework module."""

    def build(self, spec: NetworkSpec, weights: Weights) -> Any:
        """Return the framework's own network object with these weights."""

    def get_weights(self, network: Any) -> Weights:
        """Return copies of all weights, kernels as (fan_in, fan_out)."""

    def set_weights(self, network: Any, weights: Weights) -> None:
        """Overwrite all weights, scaling included."""

    def fit(self, network: Any, spec: TrainSpec, split: Split, on_epoch: OnEpoch) -> list[Epoch]:
        """Train with early stopping; the network keeps the weights of the best epoch."""

    def predict(self, network: Any, X: Array) -> Array:
        """Return the probability of class 1 for raw rows, shape (n_samples,)."""

    def gradients(self, network: Any, X: Array, y: Array) -> list[Array]:
        """Return the gradient of the mean loss, dropout off, in the order of `Weights.parameters`."""


def load_framework(name: str) -> Framework:
    """Import the module of a framework.

    Raises
    ------
    UsageError
        If there is no framework of that name.
    """
    if name not in FRAMEWORKS:
        raise UsageError("framework", f"one of {', '.join(FRAMEWORKS)}", repr(name), "choose one of these")
    return cast(Framework, importlib.import_module(FRAMEWORKS[name]))


def refuse_other_epsilon(framework: str, own: str, spec: TrainSpec) -> None:
    """Refuse a placement of Adam's epsilon that a framework's stock optimizer does not have.

    Raises
    ------
    SpecError
        If the spec asks for another placement than the framework's own.
    """
    if spec.epsilon_placement not in ("own", own):
        allowed = f"'own' or '{own}' for the stock Adam of {FRAMEWORK_TITLES[framework]}"
        raise SpecError("epsilon_placement", allowed, repr(spec.epsilon_placement), "choose one, or train in NumPy")


def best_epoch(epochs: list[Epoch]) -> int:
    """Return the number of the epoch with the lowest validation loss, the first of equals."""
    return min(epochs, key=lambda epoch: (epoch.val_loss, epoch.number)).number
