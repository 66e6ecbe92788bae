"""What the multi-layer perceptron accepts, and what it says to anything else; no part of the reading order."""

import math
from collections.abc import Sequence
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
    if loss.output_activation != "linear" and (targets.min() < 0 or targets.max() > 1):
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
