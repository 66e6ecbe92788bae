"""What labels become on their way into a network, and answers on their way out; the same in every framework."""

from __future__ import annotations

import numpy as np

from throughline.errors import SpecError
from throughline.spec import TrainSpec
from throughline.weights import Array


def targets(y: Array, output: str, n_outputs: int, dtype: str) -> Array:
    """Return what the outputs should be.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Codes of classes, or values under a linear output.
    output : {"sigmoid", "softmax", "linear"}
    n_outputs : int
    dtype : str

    Returns
    -------
    ndarray of shape (n_samples, n_outputs)
        One-hot rows under softmax, otherwise one column.
    """
    wanted: Array = np.eye(n_outputs, dtype=dtype)[y] if output == "softmax" else y.astype(dtype)[:, None]
    return wanted


def row_weights(y: Array, spec: TrainSpec, dtype: str, own: Array | None = None) -> Array | None:
    """Return how much each row counts in the loss: as much as it does itself, times as much as its class.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
    spec : TrainSpec
        Its class weights.
    dtype : str
    own : ndarray of shape (n_samples,), optional
        How much each row counts itself; only the ratios matter.

    Returns
    -------
    ndarray of shape (n_samples,), or None
        None if all count alike.

    Examples
    --------
    >>> import numpy as np
    >>> own, spec = np.array([1.0, 1.0, 4.0]), TrainSpec(class_weight=(1.0, 3.0))
    >>> row_weights(np.array([0, 1, 0]), spec, "float64", own)
    array([0.5, 1.5, 2. ])
    """
    if own is None:
        return None if spec.class_weight is None else np.asarray(spec.class_weight, dtype)[y]
    shares = own / own.mean(dtype=np.float64)
    weights: Array = shares if spec.class_weight is None else shares * np.asarray(spec.class_weight)[y]
    return weights.astype(dtype)


def answers(outputs: Array) -> Array:
    """Return outputs of shape (n_samples, n_outputs) as (n_samples,) where there is one, and as they are otherwise."""
    return outputs[:, 0] if outputs.shape[1] == 1 else outputs


def score(answered: Array, y: Array, output: str, weights: Array | None = None) -> float:
    """Return the share of right labels, or under a linear output the coefficient of determination R^2.

    Parameters
    ----------
    answered : ndarray of shape (n_samples,) or (n_samples, n_classes)
    y : ndarray of shape (n_samples,)
    output : {"sigmoid", "softmax", "linear"}
    weights : ndarray of shape (n_samples,), optional
        How much each row counts.

    Examples
    --------
    >>> import numpy as np
    >>> score(np.array([0.2, 0.7, 0.6]), np.array([0, 1, 0]), "sigmoid").__round__(4)
    0.6667
    """
    if output == "linear":
        counted = np.ones(len(y)) if weights is None else weights
        errors, spread = np.square(y - answered), np.square(y - np.average(y, weights=counted))
        return 1.0 - float(np.sum(counted * errors) / np.sum(counted * spread))
    labels = answered.argmax(axis=1) if output == "softmax" else answered > 0.5
    return float(np.average(labels == y, weights=weights))


def batches(order: Array, spec: TrainSpec) -> list[Array]:
    """Cut the order of an epoch's rows into batches.

    Raises
    ------
    SpecError
        If an incomplete batch is to be dropped and there is no other.
    """
    n_kept = len(order) - len(order) % spec.batch_size if spec.last_batch == "drop" else len(order)
    if n_kept == 0:
        allowed = f"at most the {len(order)} training rows when the last batch is dropped"
        raise SpecError("batch_size", allowed, repr(spec.batch_size), "make it smaller or keep the last batch")
    return [order[start : min(start + spec.batch_size, n_kept)] for start in range(0, n_kept, spec.batch_size)]
