"""The trajectory of scikit-learn's multi-layer perceptron: its backpropagation and its optimizers.

`partial_fit` would do a step for each call, but gives the loss only from clipped probabilities, in which a confident
mistake has lost its digits. Its two parts are called instead, `_backprop` and the optimizer's `update_params`, and
the loss is taken from the logits. What else differs:

- alpha is divided by the rows of the batch: alpha is l2 times their number;
- the squared error is halved, and with it every gradient: twice the learning rate makes up for it in SGD, half the
  epsilon in Adam; both are exact, being powers of 2.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from throughline.data.scaling import scale
from throughline.parity.feed import Batch
from throughline.parity.stepper import Step
from throughline.scratch import LOSSES
from throughline.spec import NetworkSpec, TrainSpec
from throughline.weights import Array, Weights

ACTIVATIONS = {"relu": "relu", "tanh": "tanh", "sigmoid": "logistic", "linear": "identity"}


class SklearnStepper:
    """An `MLPClassifier` or `MLPRegressor` in training."""

    def __init__(self, spec: NetworkSpec, train: TrainSpec, weights: Weights) -> None:
        self.spec, self.train = spec, train
        self.mean, self.std = weights.mean, weights.std
        self.share_of_loss = 0.5 if spec.output == "linear" else 1.0
        self.estimator = _fitted_estimator(spec, train)
        self.estimator.coefs_ = [kernel.copy() for kernel in weights.kernels]
        self.estimator.intercepts_ = [bias.copy() for bias in weights.biases]
        self.optimizer = _optimizer(train, self.estimator.coefs_ + self.estimator.intercepts_, self.share_of_loss)
        self.n_steps = 0

    def step(self, batch: Batch) -> Step:
        """Do one step as `partial_fit` does."""
        estimator, X = self.estimator, scale(batch.X, self.mean, self.std)
        sizes = list(pairwise(self.spec.layer_sizes))
        activations: list[Array] = [X, *(np.empty(0) for _ in sizes)]
        coefs = [np.empty(shape, X.dtype) for shape in sizes]
        intercepts = [np.empty(fan_out, X.dtype) for _, fan_out in sizes]
        counted = len(X) if batch.row_weights is None else float(batch.row_weights.sum())
        estimator.alpha = self.share_of_loss * self.train.l2 * counted
        _, coefs, intercepts = estimator._backprop(
            X, batch.y, batch.row_weights, activations, [None] * len(sizes), coefs, intercepts
        )
        layers = zip(activations[:-1], estimator.coefs_, estimator.intercepts_, strict=True)
        z = [a @ kernel + bias for a, kernel, bias in layers]
        loss = LOSSES[self.spec.loss].value(z[-1], batch.y, batch.row_weights)
        rate = self.train.learning_rate_at(self.n_steps)
        if self.train.optimizer == "adam":
            self.optimizer.learning_rate_init = rate  # from which it computes its rate anew in each step
        else:
            self.optimizer.learning_rate = rate / self.share_of_loss
        self.optimizer.update_params(estimator.coefs_ + estimator.intercepts_, coefs + intercepts)
        self.n_steps += 1
        return Step(loss, z)

    def weights(self) -> Weights:
        """Return copies of the present weights."""
        kernels, biases = (
            [array.copy() for array in part] for part in (self.estimator.coefs_, self.estimator.intercepts_)
        )
        return Weights(self.mean.copy(), self.std.copy(), tuple(kernels), tuple(biases))


def start(network: NetworkSpec, train: TrainSpec, weights: Weights) -> SklearnStepper:
    """Return the network before its first step."""
    return SklearnStepper(network, train, weights)


def _fitted_estimator(spec: NetworkSpec, train: TrainSpec) -> Any:
    """Return an estimator that has seen a row of each class and is set up for training."""
    from sklearn.neural_network import MLPClassifier, MLPRegressor

    kind = MLPRegressor if spec.output == "linear" else MLPClassifier
    estimator = kind(
        hidden_layer_sizes=spec.hidden_units,
        activation=ACTIVATIONS[spec.hidden_activation],
        solver="adam" if train.optimizer == "adam" else "sgd",
        batch_size=1,
        alpha=0.0,
        random_state=0,
    )
    y = np.arange(max(2, spec.n_outputs))
    X = np.zeros((len(y), spec.n_inputs), spec.dtype)
    return estimator.partial_fit(X, y) if spec.output == "linear" else estimator.partial_fit(X, y, classes=y)


def _optimizer(train: TrainSpec, parameters: list[Array], share_of_loss: float) -> Any:
    from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

    if train.optimizer == "adam":
        return AdamOptimizer(parameters, train.learning_rate, train.beta_1, train.beta_2, train.epsilon * share_of_loss)
    momentum = 0.0 if train.optimizer == "sgd" else train.momentum
    return SGDOptimizer(parameters, momentum=momentum, nesterov=train.optimizer == "nesterov")
