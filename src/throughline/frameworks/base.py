"""What a framework module offers, and what a training gives back.

`numpy_net`, `keras_net` and `torch_net` are modules with the functions of `Framework`, so that they can
be read side by side and looped over in one test. NumPy arrays and `Weights` are the currency.
"""

from __future__ import annotations

import importlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np

from throughline.data.split import Split
from throughline.errors import DivergenceError, SpecError, UsageError
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
        Mean training loss of the pass, dropout on, while the weights moved; weighted, without the L2 penalty.
    val_loss, val_accuracy : float
        On the validation rows after the pass, dropout off. The loss is weighted as in training; in the accuracy every
        row counts alike. For a linear output it is the coefficient of determination R^2, as in scikit-learn's `score`.
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
        """Train, with early stopping where the spec says so; the network is left with the weights to keep.

        Raises
        ------
        SpecError
            If the framework cannot train like that; nothing has been trained then.
        DivergenceError
            If the loss is no longer finite; the network is left with the last weights whose epoch was finite.
        """

    def predict(self, network: Any, X: Array) -> Array:
        """Return the answers for raw rows.

        Probabilities of class 1, shape (n_samples,); of each class, shape (n_samples, n_classes), under softmax;
        values, shape (n_samples,), under a linear output.
        """

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


# The rules of each framework's stock optimizers: which field, for which optimizers it matters, and its only value.
STOCK_RULES = {
    "keras": {
        "epsilon_placement": (("adam", "adamw"), "before_correction"),
        "root_epsilon": (("rmsprop",), "inside"),
        "momentum_form": (("momentum", "nesterov"), "rate_inside"),
    },
    "torch": {
        "epsilon_placement": (("adam", "adamw"), "after_correction"),
        "root_epsilon": (("rmsprop",), "outside"),
        "momentum_form": (("momentum", "nesterov"), "rate_outside"),
    },
}


def refuse_other_than_stock(framework: str, spec: TrainSpec, *, weighted: bool = False) -> None:
    """Refuse what a framework's stock training does not have.

    Parameters
    ----------
    framework : str
    spec : TrainSpec
    weighted : bool, default=False
        Whether some rows count more than others.

    Raises
    ------
    SpecError
        With the field, the framework, and the nearest thing it can do.
    """
    title = FRAMEWORK_TITLES[framework]
    for field, (optimizers, own) in STOCK_RULES[framework].items():
        value = getattr(spec, field)
        if spec.optimizer in optimizers and value not in ("own", own):
            allowed = f"'own' or '{own}' for the stock '{spec.optimizer}' of {title}"
            raise SpecError(field, allowed, repr(value), "choose one, or train in NumPy")
    if framework == "keras" and weighted and spec.weight_mean != "rows":
        allowed = f"'rows' for the weights of {title}"
        raise SpecError("weight_mean", allowed, repr(spec.weight_mean), "choose it, or train in PyTorch")


@dataclass
class Stopping:
    """Watches the validation loss: which weights to keep, and when to stop.

    Attributes
    ----------
    spec : TrainSpec
        Its patience, min_delta and keep.
    best_number : int
        Epoch with the lowest loss so far, from 1; 0 before the first.
    best : object or None
        What was copied after that epoch.
    good : object or None
        What was copied after the last epoch whose losses were finite.
    """

    spec: TrainSpec
    best_loss: float = math.inf
    best_number: int = 0
    best: Any = None
    good: Any = None

    def after(self, epoch: Epoch, copy: Callable[[], Any]) -> bool:
        """Take note of an epoch, for which `copy` gives the weights; return whether to stop."""
        self.good = copy()
        if epoch.val_loss < self.best_loss - self.spec.min_delta:
            self.best_loss, self.best_number, self.best = epoch.val_loss, epoch.number, self.good
        return self.spec.patience is not None and epoch.number - self.best_number >= self.spec.patience

    @property
    def kept(self) -> Any:
        """The copy that the spec says to keep."""
        return self.best if self.spec.keep == "best" else self.good


def divergence(
    framework: str, epoch: int, losses: Sequence[float], val_loss: float, weights: Weights
) -> DivergenceError:
    """Say where a training broke down.

    Parameters
    ----------
    framework : str
    epoch : int
        From 1.
    losses : sequence of float
        Of the steps of this epoch, as far as they are known.
    val_loss : float
        After this epoch.
    weights : Weights
        At that moment.
    """
    broken = [step for step, loss in enumerate(losses, start=1) if not math.isfinite(loss)]
    when = f"epoch {epoch}, step {broken[0]} of it: its loss is {losses[broken[0] - 1]}" if broken else f"epoch {epoch}"
    return DivergenceError(
        f"Training in {FRAMEWORK_TITLES[framework]} diverged in {when}; the loss on validation rows is {val_loss}; "
        f"{describe_weights(weights)}; lower the learning rate or look for extreme values in the columns."
    )


def describe_weights(weights: Weights) -> str:
    """Name the first layer that is not finite, if any, and the largest finite weight.

    Examples
    --------
    >>> import numpy as np
    >>> kernels = (np.array([[9e9]]), np.array([[np.nan]]))
    >>> print(describe_weights(Weights(np.zeros(1), np.ones(1), kernels, (np.zeros(1), np.zeros(1)))))
    weights of layer 2 are not finite; the largest finite weight, 9.0e+09, is in layer 1
    """
    layers = [np.concatenate([k.ravel(), b]) for k, b in zip(weights.kernels, weights.biases, strict=True)]
    broken = [number for number, values in enumerate(layers, start=1) if not np.isfinite(values).all()]
    sizes = [float(np.abs(values[np.isfinite(values)]).max(initial=0.0)) for values in layers]
    largest, where = max(sizes), int(np.argmax(sizes)) + 1
    if not broken:
        return f"the largest weight, {largest:.1e}, is in layer {where}"
    return f"weights of layer {broken[0]} are not finite; the largest finite weight, {largest:.1e}, is in layer {where}"


def best_epoch(epochs: list[Epoch], min_delta: float = 0.0) -> int:
    """Return the number of the epoch with the lowest validation loss, the first of equals.

    Parameters
    ----------
    epochs : list of Epoch
    min_delta : float
        By how much a loss must be lower to count as lower.
    """
    number, best_loss = 0, math.inf
    for epoch in epochs:
        if epoch.val_loss < best_loss - min_delta:
            number, best_loss = epoch.number, epoch.val_loss
    return number
