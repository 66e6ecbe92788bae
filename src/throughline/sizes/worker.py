"""What a framework's process does: build networks of several sizes and export them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from throughline.formats.base import file_size_bytes
from throughline.frameworks.base import load_framework
from throughline.processes import Emit
from throughline.sizes.model import family
from throughline.train import export_all, export_inputs
from throughline.weights import Weights, initial_weights

N_ROWS = 200  # from which an int8 file learns its ranges; no size depends on them


def export_sizes(framework: str, names: list[str], ks: list[int], emit: Emit) -> dict[str, list[int]]:
    """Export networks with random weights, and return their bytes by format; a failure stops the measurement.

    Parameters
    ----------
    framework : {"keras", "torch"}
        The framework of this process.
    names : list of str
        Formats, in the order of making.
    ks : list of int
        Members of `sizes.model.family`.
    emit : callable
        Receives ``{"stage": ...}``.

    Returns
    -------
    dict of str to list of int
    """
    net = load_framework(framework)
    found: dict[str, list[int]] = {name: [] for name in names}
    for k in ks:
        spec = family(k)
        rng = np.random.default_rng(k)
        weights = initial_weights(spec, rng.normal(size=spec.n_inputs), rng.uniform(1, 100, spec.n_inputs))
        # Biases that are all 0 would be left out by some converters.
        biases = tuple(rng.normal(scale=0.1, size=bias.shape).astype(spec.dtype) for bias in weights.biases)
        weights = Weights(weights.mean, weights.std, weights.kernels, biases)
        rows = (weights.mean + weights.std * rng.normal(size=(N_ROWS, spec.n_inputs))).astype(np.float32)
        network = net.build(spec, weights)
        with tempfile.TemporaryDirectory() as folder:
            inputs = export_inputs(network, spec, weights, rows)
            made = export_all(framework, inputs, names, Path(folder), emit)
            for name in names:
                if "error" in made[name]:
                    raise RuntimeError(f"{name} of {spec.layer_sizes}: {made[name]['error']}")
                found[name].append(file_size_bytes(Path(made[name]["path"])))
    return found
