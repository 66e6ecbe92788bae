"""The network and the optimizer that an estimator's parameters describe, in the words of `scratch`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ..scratch import MLP, Adam, AdamW, GradientDescent, Optimizer, RMSprop

# scikit-learn's names of activations, and the engine's; the output activation tells the loss.
HIDDEN = {"identity": "linear", "logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}
LOSSES = {
    "identity": "mean_squared_error",
    "logistic": "binary_cross_entropy",
    "softmax": "categorical_cross_entropy",
    "exp": "half_poisson_deviance",
}


def build_mlp(estimator: Any, dtype: np.dtype[Any] | None = None) -> MLP:
    """Return a network with copies of the present `coefs_` and `intercepts_`, in their dtype or another."""
    coefs, intercepts = estimator.coefs_, estimator.intercepts_
    rates = estimator.dropout
    return MLP(
        [len(coefs[0]), *(coef.shape[1] for coef in coefs)],
        hidden=HIDDEN[estimator.activation],
        loss=LOSSES[estimator.out_activation_],
        dropout=rates if np.ndim(rates) == 0 else tuple(rates),
        l2=estimator.alpha,
        dtype=dtype or coefs[0].dtype,
        parameters=[w for pair in zip(coefs, intercepts, strict=True) for w in pair],
    )


def descended_share(estimator: Any) -> float:
    """Return how much of the engine's loss scikit-learn descends on: of a squared error half its sum over outputs."""
    return estimator.n_outputs_ / 2 if estimator.out_activation_ == "identity" else 1.0


def reported_share(estimator: Any) -> float:
    """Return how much of the engine's loss scikit-learn reports: of a squared error half its mean over outputs."""
    return 0.5 if estimator.out_activation_ == "identity" else 1.0


def _descent(estimator: Any, rate: float) -> GradientDescent:
    descent = GradientDescent(rate, rate_in_velocity=True)
    descent.momentum = estimator.momentum  # scikit-learn allows 1, where nothing is ever forgotten
    descent.nesterov = estimator.nesterovs_momentum and estimator.momentum > 0
    return descent


def _adam(estimator: Any, rate: float) -> Adam:
    return Adam(rate, estimator.beta_1, estimator.beta_2, estimator.epsilon, epsilon_inside_correction=True)


def _adamw(estimator: Any, rate: float) -> AdamW:
    decay = estimator.weight_decay
    return AdamW(rate, estimator.beta_1, estimator.beta_2, estimator.epsilon, weight_decay=decay)


def _rmsprop(estimator: Any, rate: float) -> RMSprop:
    return RMSprop(rate, estimator.rho, estimator.epsilon)


# `solver` to the optimizer with a learning rate.
SOLVERS: dict[str, Callable[[Any, float], Optimizer]] = {
    "sgd": _descent,
    "adam": _adam,
    "adamw": _adamw,
    "rmsprop": _rmsprop,
}


def is_stochastic(estimator: Any) -> bool:
    """Say that `partial_fit` is there, for `available_if`; raise what it is to say if not."""
    if estimator.solver not in SOLVERS:
        raise AttributeError(
            f"partial_fit is only available for stochastic optimizers. {estimator.solver} is not stochastic."
        )
    return True
