"""Random networks from 1-4-1 to 100-256-256-10, with every activation and every output, and rows for them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from throughline.spec import ActivationName, NetworkSpec, OutputName
from throughline.weights import Array, Weights, initial_weights

N_NETWORKS = 50
N_ROWS = 200
N_TRAINING_ROWS = 500
ACTIVATIONS: tuple[ActivationName, ...] = ("relu", "tanh", "sigmoid", "gelu", "linear")
OUTPUTS: tuple[OutputName, ...] = ("sigmoid", "softmax", "linear")
ENDS = {0: (1, (4,), 1), 1: (100, (256, 256), 10)}


@dataclass(frozen=True, kw_only=True)
class Drawn:
    """A network nobody trained, and rows as they would come to it.

    Attributes
    ----------
    spec : NetworkSpec
    weights : Weights
    X : ndarray of shape (n_samples, n_features), float32
    training_rows : ndarray of shape (n_training_rows, n_features), float32
        Others from the same distribution, from which int8 files learn their ranges.
    """

    spec: NetworkSpec
    weights: Weights
    X: Array
    training_rows: Array


def draw(number: int) -> Drawn:
    """Return a network; the same for the same number.

    Sizes are drawn on a logarithmic scale. Columns have scales from 1/100 to 1,000 and lie up to 100 deviations away
    from 0, biases are not 0, kernels are up to three times as large as at the start of a training, and values have
    units of their own. Numbers 0 and 1 are the smallest and the largest network.

    Parameters
    ----------
    number : int

    Examples
    --------
    >>> draw(0).spec.layer_sizes, draw(1).spec.layer_sizes, draw(1).spec.output
    ((1, 4, 1), (100, 256, 256, 10), 'softmax')
    """
    rng = np.random.default_rng(number)
    n_inputs = int(np.round(10 ** rng.uniform(0, 2)))
    hidden = tuple(int(np.round(10 ** rng.uniform(np.log10(4), np.log10(256)))) for _ in range(rng.integers(1, 3)))
    output = OUTPUTS[number % len(OUTPUTS)]
    n_outputs = int(rng.integers(2, 11)) if output == "softmax" else 1
    n_inputs, hidden, n_outputs = ENDS.get(number, (n_inputs, hidden, n_outputs))
    spec = NetworkSpec(
        n_inputs=n_inputs,
        hidden_units=hidden,
        hidden_activation=ACTIVATIONS[number % len(ACTIVATIONS)],
        output=output,
        n_outputs=n_outputs,
        seed=number,
    )
    std = 10.0 ** rng.uniform(-2, 3, n_inputs)
    far = 10.0 ** rng.uniform(-1, 2, n_inputs) * rng.choice((-1, 1), n_inputs)  # as a year is from 0
    drawn = initial_weights(spec, far * std, std)
    gain, unit = 10.0 ** rng.uniform(-0.3, 0.5), 10.0 ** rng.uniform(-2, 3) if output == "linear" else 1.0
    kernels = [gain * kernel for kernel in drawn.kernels]
    biases = [rng.normal(scale=0.3, size=bias.shape) for bias in drawn.biases]
    kernels[-1], biases[-1] = unit * kernels[-1], unit * biases[-1]
    weights = replace(drawn, kernels=tuple(kernels), biases=tuple(biases)).astype(spec.dtype)
    X, training_rows = (
        (weights.mean + weights.std * rng.normal(size=(n_rows, n_inputs))).astype(np.float32)
        for n_rows in (N_ROWS, N_TRAINING_ROWS)
    )
    return Drawn(spec=spec, weights=weights, X=X, training_rows=training_rows)
