"""The answers that are right: the plain NumPy network in float64, and what its layers compute on the way."""

from __future__ import annotations

import numpy as np

from throughline.data.scaling import scale
from throughline.scratch import MLP
from throughline.spec import NetworkSpec
from throughline.weights import Array, Weights


def numpy_answers(spec: NetworkSpec, weights: Weights, X: Array) -> Array:
    """Return the probabilities of the plain NumPy network in float64: the reference of all implementations."""
    if not len(X):
        return np.zeros(0)
    return _mlp(spec, weights).predict_proba(scaled(weights, X))[:, 0]


def numpy_layers(spec: NetworkSpec, weights: Weights, X: Array) -> list[Array]:
    """Return the pre-activations of each dense layer in float64, shape (n_samples, fan_out)."""
    return list(_mlp(spec, weights).forward(scaled(weights, X)).z)


def _mlp(spec: NetworkSpec, weights: Weights) -> MLP:
    return MLP(spec.layer_sizes, hidden=spec.hidden_activation, parameters=weights.parameters)


def scaled(weights: Weights, X: Array) -> Array:
    """Return the scaled rows in float64."""
    return scale(X, weights.mean.astype(np.float64), weights.std.astype(np.float64))
