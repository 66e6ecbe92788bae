"""The same network trained anew with other seeds, to tell what the framework does from what chance does.

Stock trainings, as in chapters 3 and 4, but short and of a fixed length: without early stopping every seed gets the
same number of steps, and few rows are visited the more often. Both frameworks are given the same initial weights and
the same order of the rows; dropout and the optimizer are their own.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np

from throughline.data.split import Split, load_split
from throughline.data.target_scaling import fit_target_scaling
from throughline.frameworks.base import load_framework
from throughline.frameworks.rows import row_weights, score, targets
from throughline.processes import Emit
from throughline.spec import NetworkSpec, TrainSpec
from throughline.weights import Weights, initial_weights, load_weights

N_EPOCHS, LEAST_STEPS = 8, 750


def replicate(
    framework: str, train_spec: str, split: str, initial: str, seeds: list[int], emit: Emit
) -> dict[str, float]:
    """Train with each seed and answer the test rows; for a child process.

    Parameters
    ----------
    framework : {"keras", "torch"}
    train_spec : str
        `TrainSpec` as JSON.
    split : str
        File written by `Split.save`.
    initial : str
        Weights written by `Weights.save`, whose scaling is kept and whose spec is used with other seeds.
    seeds : list of int
    emit : callable
        Receives ``{"seed": ..., "number": ..., "of": ...}``.

    Returns
    -------
    dict of str to float
        Test accuracy by seed, or R^2 where answers are amounts; weighted where rows are, at a threshold of one half.
    """
    net, rows = load_framework(framework), load_split(Path(split))
    scaling, spec = load_weights(Path(initial))
    rows = fit_target_scaling(spec, rows.y_train).standardize(rows)
    # All epochs as one long one: a framework pays for the beginning and the end of each.
    plan = dataclasses.replace(TrainSpec.from_json(train_spec), max_epochs=1, patience=None, shuffle=False, keep="last")
    network: Any = None
    accuracies = {}
    for number, seed in enumerate(seeds, start=1):
        emit({"seed": seed, "number": number, "of": len(seeds)})
        network_spec = dataclasses.replace(spec, seed=seed)
        weights = initial_weights(network_spec, scaling.mean, scaling.std)
        many = _shuffled_epochs(rows, seed, plan.batch_size)
        again = network is not None and framework == "keras"
        network = network if again else net.build(network_spec, weights)
        if again:
            _fit_keras_again(network, weights, many, plan, network_spec)
        else:
            net.fit(network, dataclasses.replace(plan, shuffle_seed=seed), many, lambda epoch: None)
        accuracies[str(seed)] = score(net.predict(network, rows.X_test), rows.y_test, spec.output, rows.weights_test)
    return accuracies


def _shuffled_epochs(rows: Split, seed: int, batch_size: int) -> Split:
    n_epochs = max(N_EPOCHS, math.ceil(LEAST_STEPS * batch_size / len(rows.X_train)))
    rng = np.random.default_rng([seed, N_EPOCHS])
    order = np.concatenate([rng.permutation(len(rows.X_train)) for _ in range(n_epochs)])
    weights = None if rows.weights_train is None else rows.weights_train[order]
    return dataclasses.replace(rows, X_train=rows.X_train[order], y_train=rows.y_train[order], weights_train=weights)


def _fit_keras_again(network: Any, weights: Weights, rows: Split, plan: TrainSpec, spec: NetworkSpec) -> None:
    """Train a network that is compiled already: compiling takes Keras longer than the training."""
    from throughline.frameworks.keras_net import dense_layers

    for layer, kernel, bias in zip(dense_layers(network), weights.kernels, weights.biases, strict=True):
        layer.set_weights([kernel, bias])
    optimizer = network.optimizer
    for variable in optimizer.variables:
        if variable is not optimizer.learning_rate:
            variable.assign(np.zeros(variable.shape, variable.dtype))
    dtype = rows.X_train.dtype.name
    y = targets(rows.y_train, spec.output, spec.n_outputs, dtype)
    counted = row_weights(rows.y_train, plan, dtype, rows.weights_train)
    network.fit(rows.X_train, y, sample_weight=counted, batch_size=plan.batch_size, shuffle=False, verbose=0)
