"""What the multi-layer perceptron and its gradient check accept, and what they say to anything else.

No part of the reading order.
"""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .activations import ACTIVATIONS, Activation, FloatArray
from .losses import LOSSES, Loss

Masks = Sequence[FloatArray | None]


# --- settings of a network -------------------------------------------------------------------------------------------


def check_layer_sizes(layer_sizes: Sequence[int], loss: str) -> tuple[int, ...]:
    """Return the sizes as a tuple of int, after checking that the loss can use the last one."""
    sizes: tuple[Any, ...] = tuple(layer_sizes)
    if len(sizes) < 2 or any(not isinstance(size, int | np.integer) or size < 1 for size in sizes):
        raise ValueError(f"layer_sizes must name at least inputs and outputs, each an int above 0, got {sizes}.")
    if loss not in LOSSES:
        raise ValueError(f"loss must be one of {sorted(LOSSES)}, got {loss!r}.")
    if loss == "categorical_cross_entropy" and sizes[-1] < 2:
        raise ValueError(f"layer_sizes must end in 2 or more for categorical_cross_entropy, got {sizes}.")
    return tuple(int(size) for size in sizes)


def check_not_negative(name: str, value: float) -> float:
    """Return the value, after checking that it is finite and at least 0."""
    if not (math.isfinite(value) and value >= 0.0):
        raise ValueError(f"{name} must be a finite number of at least 0, got {value!r}.")
    return float(value)


def check_hidden(hidden: str | Sequence[str], n_hidden: int) -> tuple[Activation, ...]:
    """Return one activation per hidden layer."""
    names = (hidden,) if isinstance(hidden, str) else tuple(hidden)
    if any(name not in ACTIVATIONS for name in names):
        raise ValueError(f"hidden must name activations out of {sorted(ACTIVATIONS)}, got {hidden!r}.")
    if isinstance(hidden, str):
        names *= n_hidden
    if len(names) != n_hidden:
        raise ValueError(f"hidden must be one name or one for each of {n_hidden} hidden layers, got {hidden!r}.")
    return tuple(ACTIVATIONS[name] for name in names)


def check_dropout(dropout: float | Sequence[float], n_hidden: int) -> tuple[float, ...]:
    """Return one rate per hidden layer."""
    rates = tuple(map(float, dropout)) if isinstance(dropout, Sequence) else (float(dropout),) * n_hidden
    if len(rates) != n_hidden:
        raise ValueError(f"dropout must be one rate or one for each of {n_hidden} hidden layers, got {dropout!r}.")
    if any(not 0.0 <= rate < 1.0 for rate in rates):
        raise ValueError(f"dropout must lie in [0, 1), got {dropout!r}.")
    return rates


def check_dtype(dtype: npt.DTypeLike) -> np.dtype[np.floating]:
    """Return the dtype, float32 or float64."""
    for allowed in (np.float32, np.float64):
        if np.dtype(dtype) == allowed:
            return np.dtype(allowed)
    raise ValueError(f"dtype must be float32 or float64, got {np.dtype(dtype)}.")


def check_parameters(
    parameters: Sequence[npt.ArrayLike], layer_sizes: tuple[int, ...], dtype: np.dtype[np.floating]
) -> list[FloatArray]:
    """Return copies in the dtype."""
    copies: list[FloatArray] = [np.array(w, dtype=dtype) for w in parameters]
    expected = [shape for fan_in, fan_out in pairwise(layer_sizes) for shape in ((fan_in, fan_out), (fan_out,))]
    if (shapes := [w.shape for w in copies]) != expected:
        raise ValueError(f"parameters must have the shapes {expected}, got {shapes}.")
    for i, w in enumerate(copies):
        check_finite(f"parameters[{i}]", w)
    return copies


# --- arrays and numbers it is called with ----------------------------------------------------------------------------


def check_rows(name: str, X: npt.ArrayLike, n_features: int, dtype: np.dtype[np.floating]) -> FloatArray:
    """Return the rows in the dtype; cheap enough for every step."""
    rows: FloatArray = np.asarray(X, dtype=dtype)
    if rows.ndim != 2 or rows.shape[1] != n_features or len(rows) == 0:
        raise ValueError(f"{name} must have shape (n_samples, {n_features}) with at least one row, got {rows.shape}.")
    return rows


def check_targets(
    name: str, y: npt.ArrayLike, shape: tuple[int, int], loss: Loss, dtype: np.dtype[np.floating]
) -> FloatArray:
    """Return the targets in the dtype, after checking that the loss makes sense for their values."""
    targets: FloatArray = np.asarray(y, dtype=dtype)
    if targets.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, got {targets.shape}.")
    check_finite(name, targets)
    if loss.output_activation == "exp" and targets.min() < 0:
        raise ValueError(f"{name} must be counts or amounts of at least 0, got {targets.min()}.")
    if loss.output_activation in ("sigmoid", "softmax") and (targets.min() < 0 or targets.max() > 1):
        raise ValueError(f"{name} must lie in [0, 1], got values from {targets.min()} to {targets.max()}.")
    if loss.output_activation == "softmax" and not np.allclose(targets.sum(axis=1), 1.0):
        raise ValueError(f"{name} must be one-hot, each row adding up to 1, got a row that does not.")
    return targets


def check_masks(
    masks: Masks | None, n_samples: int, units: tuple[int, ...], dtype: np.dtype[np.floating]
) -> list[FloatArray | None]:
    """Return one mask in the dtype, or None, per hidden layer."""
    if masks is None:
        return [None] * len(units)
    expected = [(n_samples, n) for n in units]
    shapes = [None if mask is None else mask.shape for mask in masks]
    if len(shapes) != len(expected) or any(got not in (None, want) for got, want in zip(shapes, expected, strict=True)):
        raise ValueError(f"masks must have the shapes {expected}, or None in their place, got {shapes}.")
    return [None if mask is None else mask.astype(dtype, copy=False) for mask in masks]


def check_finite(name: str, array: FloatArray) -> None:
    """Refuse NaN and infinity."""
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must hold finite numbers only, got NaN or infinity.")


def check_at_least_1(**settings: int | None) -> None:
    """Refuse counts below 1; None stands for a setting that is off."""
    for name, value in settings.items():
        if value is not None and value < 1:
            raise ValueError(f"{name} must be at least 1, got {value!r}.")


# --- a network or layer of someone's own, for the gradient check -----------------------------------------------------


def check_step(step: float, eps: float) -> float:
    """Return the step, after checking that half of it still shows in a number of that precision."""
    if not (math.isfinite(step) and step >= 4 * eps):
        raise ValueError(f"step must be a finite number of at least {4 * eps:.1g}, got {step!r}: leave it out.")
    return step


def check_offers(own: Any, names: tuple[str, ...], when: str, otherwise: str) -> None:
    """Refuse an object without these attributes."""
    missing = [name for name in names if not hasattr(own, name)]
    if missing:
        raise ValueError(
            f"network must be an MLP or have {', '.join(names)} {when}, got {type(own).__name__} without "
            f"{', '.join(missing)}: add what is missing, or {otherwise}."
        )


def check_own_parameters(parameters: Any, once_more: Any) -> list[FloatArray]:
    """Return the parameters as a list, after checking that a nudge of theirs is felt; they are to be read twice."""
    if not isinstance(parameters, list | tuple):
        raise ValueError(
            f"parameters must be a list of arrays, got {type(parameters).__name__}: give the arrays themselves, in the "
            "order of their gradients."
        )
    for i, (w, again) in enumerate(zip(parameters, once_more, strict=True)):
        dtype = getattr(w, "dtype", type(w).__name__)
        if not isinstance(w, np.ndarray) or dtype not in (np.float32, np.float64):
            raise ValueError(f"parameters[{i}] must be an array of float32 or float64, got {dtype}: convert it.")
        if not w.flags.writeable or not (w.size == 0 or np.may_share_memory(w, again)):
            raise ValueError(
                f"parameters[{i}] must be the array that is computed with, got "
                f"{'a copy' if w.flags.writeable else 'one that is read-only'}: the check nudges it in place."
            )
    return list(parameters)


def check_loss(loss: Any) -> FloatArray:
    """Return the loss as an array of no dimension."""
    if np.ndim(loss) != 0:
        raise ValueError(f"loss(X, y) must return one number, got an array of shape {np.shape(loss)}: take its mean.")
    return np.array(loss, np.float64)


def check_outputs(outputs: Any) -> FloatArray:
    """Return the outputs of a layer in double precision, and in memory that the layer cannot write into."""
    if not isinstance(outputs, np.ndarray) or outputs.dtype.kind != "f":
        kind = outputs.dtype if isinstance(outputs, np.ndarray) else type(outputs).__name__
        raise ValueError(f"forward(X) must return an array of floats, got {kind}: return the outputs alone.")
    return np.array(outputs, np.float64)


def check_repeats(first: FloatArray, second: FloatArray) -> None:
    """Refuse what is not finite, or not the same the second time."""
    if not np.isfinite(first).all():
        raise ValueError("network must answer finite numbers, got NaN or infinity: try smaller parameters or rows.")
    if not np.array_equal(first, second):
        raise ValueError(
            f"network must answer the same twice, got {first.ravel()[:1]} and then {second.ravel()[:1]}: switch its "
            "dropout off, or fix what it draws."
        )


@contextmanager
def check_unchanged(method: str, parameters: Sequence[FloatArray]) -> Iterator[None]:
    """Refuse a backward pass that takes the step as well, and undo it."""
    before = [w.copy() for w in parameters]
    yield
    if not all(np.array_equal(w, b, equal_nan=True) for w, b in zip(parameters, before, strict=True)):
        for w, b in zip(parameters, before, strict=True):
            w[...] = b
        raise ValueError(f"{method} must not change the parameters, got other ones: leave the step to an optimizer.")


def check_gradients(
    source: str, gradients: Any, arrays: Sequence[FloatArray], names: Sequence[str]
) -> list[FloatArray]:
    """Return copies of the gradients, after checking that there is one for each array, of its shape."""
    if not isinstance(gradients, list | tuple) or len(gradients) != len(arrays):
        got = len(gradients) if isinstance(gradients, list | tuple) else type(gradients).__name__
        raise ValueError(
            f"{source} must return one gradient for each of {', '.join(names)}, got {got}: add or drop some."
        )
    for gradient, array, name in zip(gradients, arrays, names, strict=True):
        if np.shape(gradient) != array.shape:
            raise ValueError(
                f"{source} must return a gradient of shape {array.shape} for {name}, got {np.shape(gradient)}: sum "
                "over what shares it, and mind the order of a product."
            )
    return [np.array(gradient, np.float64) for gradient in gradients]
