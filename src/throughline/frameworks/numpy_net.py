"""Chapter 2: the same network from `scratch`, behind the functions that the frameworks share."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from throughline.data.features import features
from throughline.data.split import Split
from throughline.frameworks.base import Epoch, OnEpoch, Stopping, divergence
from throughline.frameworks.rows import answers, batches, row_weights, score, targets
from throughline.scratch import MLP, Adam, AdamW, GradientDescent, RMSprop, Trace
from throughline.spec import Column, NetworkSpec, TrainSpec
from throughline.weights import Array, Weights


@dataclass
class NumpyNet:
    """What becomes of raw rows, and the `MLP` behind it."""

    mean: Array
    std: Array
    mlp: MLP
    columns: tuple[Column, ...] = ()

    def features(self, X: Array) -> Array:
        """Return what the first layer takes in, shape (n_samples, n_features)."""
        return features(X, self.columns, self.mean, self.std)


def build(spec: NetworkSpec, weights: Weights) -> NumpyNet:
    """Return the network of `scratch.MLP` with these weights."""
    mlp = MLP(
        spec.layer_sizes,
        hidden=spec.hidden_activation,
        loss=spec.loss,
        dropout=spec.dropout,
        dtype=spec.dtype,
        parameters=weights.parameters,
    )
    return NumpyNet(weights.mean.copy(), weights.std.copy(), mlp, spec.columns)


def get_weights(network: NumpyNet) -> Weights:
    """Return copies of all weights; kernels are (fan_in, fan_out) here as in `Weights`."""
    copies = [array.copy() for array in network.mlp.parameters]
    return Weights(network.mean.copy(), network.std.copy(), tuple(copies[0::2]), tuple(copies[1::2]))


def set_weights(network: NumpyNet, weights: Weights) -> None:
    """Overwrite all weights, scaling included."""
    network.mean, network.std = weights.mean.copy(), weights.std.copy()
    for mine, given in zip(network.mlp.parameters, weights.parameters, strict=True):
        mine[...] = given


@np.errstate(over="ignore", invalid="ignore")  # a training that diverges raises an error, so it need not warn
def fit(network: NumpyNet, spec: TrainSpec, split: Split, on_epoch: OnEpoch) -> list[Epoch]:
    """Train with backpropagation written out, and early stopping on the validation loss."""
    mlp, output = network.mlp, network.mlp.loss.output_activation
    spec.check_fits(output, mlp.layer_sizes[-1])
    optimizer, stopping, rng = make_optimizer(spec), Stopping(spec), np.random.default_rng(spec.shuffle_seed)
    X, X_val = network.features(split.X_train), network.features(split.X_val)
    y, y_val = (targets(labels, output, mlp.layer_sizes[-1], mlp.dtype.name) for labels in (split.y_train, split.y_val))
    weights = row_weights(split.y_train, spec, mlp.dtype.name, split.weights_train)
    weights_val = row_weights(split.y_val, spec, mlp.dtype.name, split.weights_val)
    epochs: list[Epoch] = []
    initial, step = get_weights(network), 0

    for number in range(1, spec.max_epochs + 1):
        losses, counts = [], []
        for rows in batches(rng.permutation(len(X)) if spec.shuffle else np.arange(len(X)), spec):
            masks = mlp.draw_masks(len(rows), rng)
            _, loss, slopes = loss_and_gradients(
                mlp, spec, X[rows], y[rows], masks, None if weights is None else weights[rows]
            )
            losses.append(loss)
            counts.append(len(rows))
            if not math.isfinite(loss):
                break
            optimizer.learning_rate = spec.learning_rate_at(step)
            optimizer.update(mlp.parameters, slopes)
            step += 1

        val_loss = _loss(mlp, spec, mlp.forward(X_val).logits, y_val, weights_val)
        if not math.isfinite(losses[-1] + val_loss):
            failure = divergence("numpy", number, losses, val_loss, get_weights(network))
            set_weights(network, stopping.good or initial)
            raise failure
        val_accuracy = score(answers(mlp.predict_proba(X_val)), split.y_val, output)
        epochs.append(Epoch(number, float(np.average(losses, weights=counts)), val_loss, val_accuracy))
        on_epoch(epochs[-1])
        if stopping.after(epochs[-1], lambda: get_weights(network)):
            break

    set_weights(network, stopping.kept)
    return epochs


def loss_and_gradients(
    mlp: MLP, spec: TrainSpec, X: Array, y: Array, masks: Sequence[Array | None] | None, row_weights: Array | None
) -> tuple[Trace, float, list[Array]]:
    """Do the forward and the backward pass of one step.

    Parameters
    ----------
    mlp : MLP
    spec : TrainSpec
        Its rule for weights and its L2.
    X : ndarray of shape (n_samples, n_features)
        Scaled rows.
    y : ndarray of shape (n_samples, n_outputs)
    masks : sequence of (ndarray or None), optional
        Dropout masks.
    row_weights : ndarray of shape (n_samples,), optional

    Returns
    -------
    trace : Trace
        Of the forward pass.
    loss : float
        Weighted, without the penalty.
    gradients : list of ndarray
        Of loss and penalty, in the order of `MLP.parameters`.
    """
    trace = mlp.forward(X, masks)
    gradients = mlp.backward(trace, y, row_weights)
    share = _share(spec, row_weights)
    if share is not None:
        gradients = [gradient * share for gradient in gradients]
    if spec.l2 > 0:
        for gradient, kernel in zip(gradients[0::2], mlp.kernels, strict=True):
            gradient += spec.l2 * kernel
    return trace, _loss(mlp, spec, trace.logits, y, row_weights), gradients


def _loss(mlp: MLP, spec: TrainSpec, logits: Array, y: Array, row_weights: Array | None) -> float:
    share = _share(spec, row_weights)
    return mlp.loss.value(logits, y, row_weights) * (1.0 if share is None else float(share))


def _share(spec: TrainSpec, row_weights: Array | None) -> np.floating[Any] | None:
    """Return what turns a sum divided by the weights, as the MLP has it, into one divided by the rows."""
    return None if row_weights is None or spec.weight_mean == "weights" else row_weights.mean()


def make_optimizer(spec: TrainSpec) -> GradientDescent | RMSprop | Adam:
    """Return the optimizer of `scratch` that the spec names; its "own" rules are PyTorch's."""
    rate = spec.learning_rate
    if spec.optimizer == "sgd":
        return GradientDescent(rate)
    if spec.optimizer in ("momentum", "nesterov"):
        inside = spec.momentum_form == "rate_inside"
        return GradientDescent(rate, spec.momentum, nesterov=spec.optimizer == "nesterov", rate_in_velocity=inside)
    if spec.optimizer == "rmsprop":
        return RMSprop(rate, spec.rho, spec.epsilon, epsilon_inside_root=spec.root_epsilon == "inside")
    before = spec.epsilon_placement == "before_correction"
    if spec.optimizer == "adamw":
        return AdamW(rate, spec.beta_1, spec.beta_2, spec.epsilon, before, spec.weight_decay)
    return Adam(rate, spec.beta_1, spec.beta_2, spec.epsilon, before)


def predict(network: NumpyNet, X: Array) -> Array:
    """Return probabilities or values, shape (n_samples,), or (n_samples, n_classes) under softmax."""
    return answers(network.mlp.predict_proba(network.features(X)))


def gradients(network: NumpyNet, X: Array, y: Array) -> list[Array]:
    """Return the gradients of backpropagation, dropout off."""
    mlp = network.mlp
    wanted = targets(y, mlp.loss.output_activation, mlp.layer_sizes[-1], mlp.dtype.name)
    return list(mlp.backward(mlp.forward(network.features(X)), wanted))
