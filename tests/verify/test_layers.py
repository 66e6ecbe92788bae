"""The first layer at which two networks part: the one that was altered, and no other."""

from __future__ import annotations

import numpy as np
import pytest

from throughline.frameworks import numpy_net
from throughline.verify.layers import compare_layers, first_apart, sentence
from throughline.verify.reference import scaled
from throughline.weights import Weights

from .test_tolerance import sound_network


def inside(spec, weights, X):
    """Pre-activations in float32, as an artefact would compute them."""
    network = numpy_net.build(spec, weights)
    X = ((X - weights.mean) / weights.std).astype(np.float32)
    return [z.astype(np.float32) for z in network.mlp.forward(X).z]


@pytest.mark.parametrize("seed", range(60))
def test_sound_networks_part_nowhere(seed):
    spec, weights, X = sound_network(seed)
    gaps = compare_layers(spec, weights, X, inside(spec, weights, X), "float32")
    assert len(gaps) == len(weights.kernels)
    assert first_apart(gaps) is None
    assert sentence(gaps, len(gaps)).startswith(f"all {len(gaps)} layers agree")


@pytest.mark.parametrize("layer", [0, 1, 2])
def test_the_altered_layer_is_named(layer):
    spec, weights, X = next(
        found for found in map(sound_network, range(100)) if len(found[1].kernels) == 3 and found[0].hidden_units[0] > 9
    )
    kernels = [kernel.copy() for kernel in weights.kernels]
    kernels[layer] *= np.float32(1.01)
    altered = Weights(weights.mean, weights.std, tuple(kernels), weights.biases)
    gaps = compare_layers(spec, weights, X, inside(spec, altered, X), "float32")
    assert first_apart(gaps) == layer + 1
    assert sentence(gaps, 3).startswith(f"they part at layer {layer + 1} of 3: ")


def test_a_scaler_left_out_shows_in_the_first_layer_and_nan_too():
    spec, weights, X = sound_network(3)
    raw = Weights(weights.mean * 0, weights.std * 0 + 1, weights.kernels, weights.biases)
    assert first_apart(compare_layers(spec, weights, X, inside(spec, raw, X), "float32")) == 1
    found = inside(spec, weights, X)
    found[-1] = found[-1] * np.float32("nan")
    assert first_apart(compare_layers(spec, weights, X, found, "float32")) == len(found)


def test_layers_of_another_shape_part():
    spec, weights, X = sound_network(3)
    found = inside(spec, weights, X)
    found[0] = found[0][:, :-1]
    assert first_apart(compare_layers(spec, weights, X, found, "float32")) == 1
    assert scaled(spec, weights, X).dtype == np.float64
