"""Tolerances of several outputs and of values: the same formula, output by output, and sound networks inside it."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from throughline.scratch import softmax
from throughline.spec import NetworkSpec
from throughline.verify.reference import numpy_answers, numpy_layers
from throughline.verify.tolerance import SAFETY, _log_odds, derive_tolerance
from throughline.weights import Weights, initial_weights

from .test_tolerance import numpy_float32, sound_network, through_float16
from .test_tolerance_short_types import bfloat16, int8

N_NETWORKS = 40
ENDS = [("softmax", 4), ("linear", 1)]


def network_ending_in(output, n_outputs, seed):
    """Give a network of `sound_network` another end, of a unit of its own."""
    spec, weights, X = sound_network(seed)
    rng = np.random.default_rng(seed)
    spec = dataclasses.replace(spec, output=output, n_outputs=n_outputs)
    unit = 10.0 ** rng.uniform(-2, 3) if output == "linear" else 1.0
    last = initial_weights(spec, weights.mean, weights.std).kernels[-1]
    kernels = (*weights.kernels[:-1], (unit * 2 * last).astype(np.float32))
    biases = (*weights.biases[:-1], (unit * rng.normal(scale=0.5, size=n_outputs)).astype(np.float32))
    return spec, Weights(weights.mean, weights.std, kernels, biases), X


def shares(output, n_outputs, answer):
    found = []
    for seed in range(N_NETWORKS):
        spec, weights, X = network_ending_in(output, n_outputs, seed)
        answers, tolerance = answer(spec, weights, X)
        assert tolerance.per_row.shape == answers.shape
        found.append((np.abs(answers - numpy_answers(spec, weights, X)) / tolerance.per_row).max())
    return np.array(found)


@pytest.mark.parametrize(("output", "n_outputs"), ENDS)
@pytest.mark.parametrize("stored_as", ["float32", "float16"])
def test_no_false_alarm_in_float32_and_with_weights_in_float16(output, n_outputs, stored_as):
    def answer(spec, weights, X):
        stored = through_float16(weights) if stored_as == "float16" else weights
        return numpy_float32(spec, stored, X), derive_tolerance(spec, weights, X, stored_as)

    used = shares(output, n_outputs, answer)
    print(f"largest share {used.max():.3f}, median {np.median(used):.3f} of {N_NETWORKS} networks")
    assert used.max() < 0.7
    assert np.median(used) > (0.005 if stored_as == "float32" else 0.05)


@pytest.mark.parametrize(("output", "n_outputs"), ENDS)
def test_no_false_alarm_in_int8(output, n_outputs):
    def answer(spec, weights, X):
        answers, quantization = int8(spec, weights, X, X[: len(X) // 2])
        return answers, derive_tolerance(spec, weights, X, "int8", "int8", quantization)

    used = shares(output, n_outputs, answer)
    print(f"largest share {used.max():.3f}, median {np.median(used):.3f} of {N_NETWORKS} networks")
    assert used.max() < 1
    assert 0.1 < np.median(used) < 0.6


@pytest.mark.parametrize(("output", "n_outputs"), ENDS)
def test_no_false_alarm_in_bfloat16(output, n_outputs):
    used = shares(
        output,
        n_outputs,
        lambda spec, weights, X: (
            bfloat16(spec, weights, X),
            derive_tolerance(spec, weights, X, "float32", "bfloat16"),
        ),
    )
    print(f"largest share {used.max():.3f}, median {np.median(used):.3f} of {N_NETWORKS} networks")
    assert used.max() < 1
    assert 0.02 < np.median(used) < 0.6


# --- the formula -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["float32", "float16", "bfloat16", "int8"])
@given(seed=st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_one_probability_is_the_second_of_two_classes_whose_first_has_logit_0(kind, seed):
    spec, weights, X = sound_network(seed)
    two = dataclasses.replace(spec, output="softmax", n_outputs=2)
    kernel, bias = weights.kernels[-1], weights.biases[-1]
    both = Weights(
        weights.mean,
        weights.std,
        (*weights.kernels[:-1], np.hstack([np.zeros_like(kernel), kernel])),
        (*weights.biases[:-1], np.concatenate([np.zeros_like(bias), bias])),
    )
    arguments, of_two = [kind], [kind]
    if kind == "bfloat16":
        arguments = of_two = ["float32", kind]
    if kind == "int8":
        quantization = int8(spec, weights, X, X)[1]
        last = dataclasses.replace(quantization.layers[-1], kernel=[0.0, *quantization.layers[-1].kernel])
        arguments = [kind, kind, quantization]
        of_two = [kind, kind, dataclasses.replace(quantization, layers=[*quantization.layers[:-1], last])]
    one = derive_tolerance(spec, weights, X, *arguments)
    found = derive_tolerance(two, both, X, *of_two)
    # The output functions themselves round a little differently.
    u = 2.0**-24
    last_apart = 2 * u * math.sqrt(2)
    rtol = 1e-3 if kind == "float16" else 1e-9  # a zero may be half a subnormal off in float16
    np.testing.assert_allclose(found.per_row[:, 1] - last_apart, one.per_row, rtol=rtol, atol=1e-12)
    np.testing.assert_allclose(found.per_row[:, 0], found.per_row[:, 1], rtol=1e-6, atol=1e-12)


@given(st.integers(0, 2**32 - 1), st.integers(2, 9))
@settings(max_examples=50, deadline=None)
def test_slopes_of_the_log_odds_times_those_of_the_sigmoid_are_the_jacobian_of_softmax(seed, n_classes):
    z = np.random.default_rng(seed).normal(scale=4.0, size=(20, n_classes))
    p = softmax(z)
    for k in range(n_classes):
        odds, slopes = _log_odds(z, k)
        jacobian = p[:, [k]] * ((np.arange(n_classes) == k) - p)  # (n_samples, n_classes), row k
        np.testing.assert_allclose(slopes * (p[:, k] * (1 - p[:, k]))[:, None], jacobian, rtol=1e-9, atol=1e-15)
        np.testing.assert_allclose(1 / (1 + np.exp(-odds)), p[:, k], rtol=1e-12)


@pytest.mark.parametrize(("output", "n_outputs"), [("softmax", 3), ("linear", 1)])
def test_float16_part_is_the_root_sum_of_squares_of_what_each_weight_does(output, n_outputs):
    """Move every kernel and bias by its own half unit, one by one, and add the squares of what the logit does."""
    spec = NetworkSpec(
        n_inputs=3,
        hidden_units=(4, 3),
        hidden_activation="tanh",
        dtype="float64",
        seed=2,
        output=output,
        n_outputs=n_outputs,
    )
    rng = np.random.default_rng(8)
    drawn = initial_weights(spec, [1.0, -20.0, 0.3], [2.0, 30.0, 0.1])
    weights = dataclasses.replace(drawn, biases=tuple(rng.normal(size=bias.shape) for bias in drawn.biases))
    X = (weights.mean + weights.std * rng.normal(size=(5, 3))).astype(np.float32)

    def logits():
        if output == "linear":
            return numpy_layers(spec, weights, X)[-1]
        p = numpy_answers(spec, weights, X)
        return np.log(p / (1 - p))

    variance = np.zeros((len(X), n_outputs))
    for array in weights.parameters:  # the scaling stays in float32
        for i in np.ndindex(array.shape):
            kept, step = array[i], 2.0**-11 * abs(array[i]) / 100
            array[i] = kept + step
            up = logits()
            array[i] = kept - step
            variance += np.square(100 * (up - logits()) / 2)
            array[i] = kept
    distance = SAFETY * np.sqrt(variance)
    found = derive_tolerance(spec, weights, X, "float16")
    if output == "linear":
        np.testing.assert_allclose(found.per_row, distance[:, 0], rtol=1e-3)
        assert found.scale == np.ptp(numpy_answers(spec, weights, X))
    else:
        here = numpy_answers(spec, weights, X)
        moved = [np.abs(1 / (1 + np.exp(-(logits() + sign * distance))) - here) for sign in (1, -1)]
        np.testing.assert_allclose(found.per_row, np.maximum(*moved), rtol=1e-3)


def test_a_tolerance_of_values_goes_with_their_unit():
    spec, weights, X = network_ending_in("linear", 1, 5)
    larger = dataclasses.replace(
        weights,
        kernels=(*weights.kernels[:-1], 1024 * weights.kernels[-1]),
        biases=(*weights.biases[:-1], 1024 * weights.biases[-1]),
    )
    for arguments in (["float32"], ["float16"], ["float32", "bfloat16"]):
        one, other = (derive_tolerance(spec, each, X, *arguments) for each in (weights, larger))
        np.testing.assert_allclose(other.per_row, 1024 * one.per_row, rtol=1e-6)
        assert other.scale == pytest.approx(1024 * one.scale)


def test_the_reason_says_of_what_the_sensitivity_is():
    for output, n_outputs, words in (("softmax", 3, "of the log odds of each class"), ("linear", 1, "of the value")):
        spec, weights, X = network_ending_in(output, n_outputs, 1)
        reason = derive_tolerance(spec, weights, X, "float16").reason
        assert f"each times its sensitivity {words}; weights rounded to float16" in reason


def test_rows_that_are_all_alike_are_judged_by_their_size():
    spec, weights, X = network_ending_in("linear", 1, 3)
    (value,) = numpy_answers(spec, weights, X[:1])
    assert derive_tolerance(spec, weights, X[:1], "float32").scale == pytest.approx(abs(value))
