"""Chapter 2: the same network from `scratch`, behind the functions that the frameworks share."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from throughline.data.scaling import scale
from throughline.data.split import Split
from throughline.frameworks.base import Epoch, OnEpoch
from throughline.scratch import MLP, Adam
from throughline.spec import NetworkSpec, TrainSpec
from throughline.weights import Array, Weights


@dataclass
class NumpyNet:
    """The scaling and the `MLP` behind it."""

    mean: Array
    std: Array
    mlp: MLP


def build(spec: NetworkSpec, weights: Weights) -> NumpyNet:
    """Return the network of `scratch.MLP` with these weights."""
    mlp = MLP(
        spec.layer_sizes,
        hidden=spec.hidden_activation,
        dropout=spec.dropout,
        dtype=spec.dtype,
        parameters=weights.parameters,
    )
    return NumpyNet(weights.mean.copy(), weights.std.copy(), mlp)


def get_weights(network: NumpyNet) -> Weights:
    """Return copies of all weights; kernels are (fan_in, fan_out) here as in `Weights`."""
    copies = [array.copy() for array in network.mlp.parameters]
    return Weights(network.mean.copy(), network.std.copy(), tuple(copies[0::2]), tuple(copies[1::2]))


def set_weights(network: NumpyNet, weights: Weights) -> None:
    """Overwrite all weights, scaling included."""
    network.mean, network.std = weights.mean.copy(), weights.std.copy()
    for mine, given in zip(network.mlp.parameters, weights.parameters, strict=True):
        mine[...] = given


def fit(network: NumpyNet, spec: TrainSpec, split: Split, on_epoch: OnEpoch) -> list[Epoch]:
    """Train with the loop of `scratch.MLP` and early stopping on the validation loss."""
    optimizer = Adam(
        spec.learning_rate,
        spec.beta_1,
        spec.beta_2,
        spec.epsilon,
        epsilon_inside_correction=spec.epsilon_placement == "before_correction",
    )
    epochs: list[Epoch] = []

    def after_epoch(index: int, loss: float, val_loss: float | None) -> None:
        labels = predict(network, split.X_val) > 0.5
        assert val_loss is not None  # there are validation rows
        epochs.append(Epoch(index + 1, loss, val_loss, float(np.mean(labels == split.y_val))))
        on_epoch(epochs[-1])

    network.mlp.fit(
        scale(split.X_train, network.mean, network.std),
        split.y_train[:, None],
        optimizer=optimizer,
        n_epochs=spec.max_epochs,
        batch_size=spec.batch_size,
        X_val=scale(split.X_val, network.mean, network.std),
        y_val=split.y_val[:, None],
        patience=spec.patience,
        rng_seed=spec.shuffle_seed,
        on_epoch=after_epoch,
    )
    return epochs


def predict(network: NumpyNet, X: Array) -> Array:
    """Return the probability of class 1, shape (n_samples,)."""
    return network.mlp.predict_proba(scale(X, network.mean, network.std))[:, 0]


def gradients(network: NumpyNet, X: Array, y: Array) -> list[Array]:
    """Return the gradients of backpropagation, dropout off."""
    trace = network.mlp.forward(scale(X, network.mean, network.std))
    return list(network.mlp.backward(trace, y[:, None]))
