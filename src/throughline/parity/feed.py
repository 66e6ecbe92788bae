"""Batches and dropout masks, drawn once from the seed and given to every framework."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from throughline.frameworks.rows import batches, row_weights, targets
from throughline.spec import NetworkSpec, TrainSpec
from throughline.weights import Array


@dataclass(frozen=True)
class Batch:
    """What one training step is given, in the dtype of the network.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features)
        Raw rows.
    y : ndarray of shape (n_samples, n_outputs)
    row_weights : ndarray of shape (n_samples,) or None
    masks : list of ndarray of shape (n_samples, units), or None
        A dropout mask for each hidden layer: 0 or 1 / (1 - dropout).
    gates : list of ndarray of shape (n_samples, units), or None
        For each hidden layer 1 where a ReLU is to be open and 0 where it is to be shut, whatever the sign of its
        pre-activation.
    """

    X: Array
    y: Array
    row_weights: Array | None
    masks: list[Array] | None
    gates: list[Array] | None


@dataclass(frozen=True)
class Feed:
    """All steps of a training.

    Attributes
    ----------
    X, y : ndarray
        Raw rows and labels.
    order : ndarray of shape (n_steps, batch_size)
        The rows of each step; -1 fills up an incomplete batch.
    kept : list of ndarray of shape (n_steps, batch_size, units), bool
        For each hidden layer which outputs dropout keeps; empty without dropout.
    """

    X: Array
    y: Array
    order: Array
    kept: list[Array]

    @property
    def n_steps(self) -> int:
        """Steps in the feed."""
        return len(self.order)

    def batch(self, step: int, network: NetworkSpec, train: TrainSpec, gates: Sequence[Array] | None = None) -> Batch:
        """Return what a step is given.

        Parameters
        ----------
        step : int
            From 0.
        network, train : NetworkSpec, TrainSpec
        gates : sequence of ndarray of shape (n_steps, batch_size, units), bool, optional
            For each hidden layer.
        """
        rows = self.order[step][self.order[step] >= 0]
        n, dtype = len(rows), network.dtype
        y = self.y[rows]
        return Batch(
            X=self.X[rows].astype(dtype),
            y=targets(y, network.output, network.n_outputs, dtype),
            row_weights=row_weights(y, train, dtype),
            masks=[kept[step, :n].astype(dtype) / (1 - network.dropout) for kept in self.kept] or None,
            gates=None if gates is None else [layer[step, :n].astype(dtype) for layer in gates],
        )

    def save(self, path: Path) -> None:
        """Write the arrays as .npz, a bit for each mask entry."""
        np.savez(path, allow_pickle=False, X=self.X, y=self.y, order=self.order, **pack("kept", self.kept))


def load_feed(path: Path) -> Feed:
    """Read what `Feed.save` wrote; pickled objects are refused."""
    with np.load(path, allow_pickle=False) as arrays:
        return Feed(arrays["X"], arrays["y"], arrays["order"], unpack("kept", arrays))


def draw_feed(network: NetworkSpec, train: TrainSpec, X: Array, y: Array, n_steps: int) -> Feed:
    """Draw the order of the rows and the masks from the seed.

    Parameters
    ----------
    network : NetworkSpec
        Its hidden layers and dropout.
    train : TrainSpec
        Its batches and seed.
    X, y : ndarray of shape (n_samples, n_features) and (n_samples,)
    n_steps : int
    """
    rng = np.random.default_rng(train.shuffle_seed)
    order = np.full((n_steps, train.batch_size), -1, np.int32)
    step = 0
    while step < n_steps:
        epoch = rng.permutation(len(X)) if train.shuffle else np.arange(len(X))
        for rows in batches(epoch, train)[: n_steps - step]:
            order[step, : len(rows)] = rows
            step += 1
    mask_rng = np.random.default_rng([train.shuffle_seed, 1])
    sizes = network.hidden_units if network.dropout > 0 else ()
    kept = [mask_rng.random((n_steps, train.batch_size, units)) >= network.dropout for units in sizes]
    return Feed(X, y, order, kept)


def pack(name: str, layers: Sequence[Array]) -> dict[str, Array]:
    """Return arrays of bool, one a layer, as named arrays of bits."""
    packed = {f"{name}_{i}": np.packbits(layer, axis=-1) for i, layer in enumerate(layers)}
    return packed | {f"{name}_sizes": np.array([layer.shape[-1] for layer in layers], np.int64)}


def unpack(name: str, arrays: np.lib.npyio.NpzFile) -> list[Array]:
    """Return what `pack` was given."""
    return [
        np.unpackbits(arrays[f"{name}_{i}"], axis=-1, count=size).astype(bool)
        for i, size in enumerate(arrays[f"{name}_sizes"].tolist())
    ]
