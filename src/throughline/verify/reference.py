"""The answers that are right: the plain NumPy network in float64, and what its layers compute on the way."""

from __future__ import annotations

import numpy as np

from throughline.data.features import features_of
from throughline.frameworks.rows import answers
from throughline.scratch import MLP
from throughline.spec import NetworkSpec
from throughline.weights import Array, Weights


def numpy_answers(spec: NetworkSpec, weights: Weights, X: Array) -> Array:
    """Return the answers of the plain NumPy network in float64: the reference of all implementations.

    Shape (n_samples,), or (n_samples, n_outputs) where there are several.
    """
    if not len(X):
        return answers(np.zeros((0, spec.n_outputs)))
    return answers(_mlp(spec, weights).predict_proba(scaled(spec, weights, X)))


def numpy_layers(spec: NetworkSpec, weights: Weights, X: Array) -> list[Array]:
    """Return the pre-activations of each dense layer in float64, shape (n_samples, fan_out)."""
    return list(_mlp(spec, weights).forward(scaled(spec, weights, X)).z)


def _mlp(spec: NetworkSpec, weights: Weights) -> MLP:
    return MLP(spec.layer_sizes, hidden=spec.hidden_activation, loss=spec.loss, parameters=weights.parameters)


def scaled(spec: NetworkSpec, weights: Weights, X: Array) -> Array:
    """Return what the first layer takes in, in float64."""
    return features_of(spec, weights.astype("float64"), X)
