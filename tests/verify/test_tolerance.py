"""Derived tolerances: sound networks stay inside, the formula is the one that is written down, and it is not wide."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from throughline.frameworks import numpy_net
from throughline.scratch import ACTIVATIONS, sigmoid
from throughline.spec import NetworkSpec
from throughline.verify.reference import numpy_answers
from throughline.verify.tolerance import ACTIVATION_ROUNDINGS, SAFETY, derive_tolerance
from throughline.weights import Weights, initial_weights

N_NETWORKS = 300


def sound_network(seed):
    """Any architecture from 1-1-1 to 50-128-128-128-1, weights as drawn up to five times that, unlike scales."""
    rng = np.random.default_rng(seed)
    spec = NetworkSpec(
        n_inputs=int(rng.integers(1, 51)),
        hidden_units=tuple(int(units) for units in rng.integers(1, 129, rng.integers(1, 4))),
        hidden_activation=("relu", "tanh", "sigmoid")[seed % 3],
        seed=seed,
    )
    std = 10.0 ** rng.uniform(-3, 4, spec.n_inputs)
    mean = std * rng.uniform(-1, 1, spec.n_inputs) * 10.0 ** rng.uniform(-2, 2)
    drawn = initial_weights(spec, mean, std)
    gain = np.float32(10.0 ** rng.uniform(-0.5, 0.7))
    biases = tuple(rng.normal(scale=0.5, size=bias.shape).astype(np.float32) for bias in drawn.biases)
    weights = Weights(drawn.mean, drawn.std, tuple(gain * kernel for kernel in drawn.kernels), biases)
    spread = 10.0 ** rng.uniform(-1, 0.7)  # of the rows, against the deviation they are scaled with
    X = (mean + spread * std * rng.normal(size=(100, spec.n_inputs))).astype(np.float32)
    return spec, weights, X


def numpy_float32(spec, weights, X):
    return numpy_net.predict(numpy_net.build(spec, weights), X)


def torch_float32(spec, weights, X):
    from throughline.frameworks import torch_net

    return torch_net.predict(torch_net.build(spec, weights), X)


def shares(stored_as, artefact):
    """How much of its tolerance each of many sound networks uses."""
    found = []
    for seed in range(N_NETWORKS):
        spec, weights, X = sound_network(seed)
        tolerance = derive_tolerance(spec, weights, X, stored_as).per_row
        source = torch_float32(spec, weights, X).astype(np.float64)
        found.append((np.abs(artefact(spec, weights, X) - source) / tolerance).max())
    return np.array(found)


@pytest.mark.xdist_group("torch")
def test_no_false_alarm_between_two_implementations():
    used = shares("float32", numpy_float32)
    print(f"largest share {used.max():.3f}, median {np.median(used):.3f} of {N_NETWORKS} networks")
    assert used.max() < 0.5  # the largest seen is 0.12: room for runtimes that add in another order
    assert np.median(used) > 0.005  # and not so wide that it could not be exceeded


@pytest.mark.xdist_group("torch")
def test_no_false_alarm_with_weights_stored_in_float16():
    used = shares("float16", lambda spec, weights, X: numpy_float32(spec, through_float16(weights), X))
    print(f"largest share {used.max():.3f}, median {np.median(used):.3f} of {N_NETWORKS} networks")
    assert used.max() < 0.7  # the largest seen is 0.28
    assert np.median(used) > 0.05


def through_float16(weights):
    """Round kernels and biases; the scaling stays in float32."""
    return weights.with_parameters([array.astype(np.float16).astype(np.float32) for array in weights.parameters])


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_float32_stays_within_rounding_of_the_float64_reference(seed):
    spec, weights, X = sound_network(seed)
    tolerance = derive_tolerance(spec, weights, X, "float32").rounding_only
    assert (np.abs(numpy_float32(spec, weights, X) - numpy_answers(spec, weights, X)) <= tolerance).all()


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_tolerances_are_finite_positive_and_wider_for_float16(seed):
    spec, weights, X = sound_network(seed)
    narrow, wide = (derive_tolerance(spec, weights, X, stored_as) for stored_as in ("float32", "float16"))
    assert narrow.per_row.shape == wide.per_row.shape == (len(X),)
    assert np.isfinite(wide.per_row).all()
    assert (narrow.per_row > 0).all()
    np.testing.assert_array_equal(narrow.per_row, narrow.rounding_only)
    np.testing.assert_array_equal(wide.rounding_only, narrow.rounding_only)
    assert (wide.per_row >= narrow.per_row).all()  # equal where the sigmoid is flat
    assert (wide.per_row > 2 * narrow.per_row).any() or narrow.per_row.max() < 2e-6


# --- the formula -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("activation", ACTIVATION_ROUNDINGS)
def test_tolerance_of_a_one_unit_network_worked_out_by_hand(activation):
    spec = NetworkSpec(n_inputs=1, hidden_units=(1,), hidden_activation=activation)
    mean, std, w1, b1, w2, b2, x = 2.0, 4.0, 0.5, 0.25, -1.5, 0.125, 10.0
    weights = Weights(*(np.array([v], np.float32) for v in (mean, std)), kernels(w1, w2), vectors(b1, b2))
    u = 2.0**-24
    a0 = (x - mean) / std
    z1 = np.array(w1 * a0 + b1)
    a1 = ACTIVATIONS[activation].forward(z1)
    z2 = w2 * a1 + b2
    slope = w2 * ACTIVATIONS[activation].derivative(z1, a1)  # d logit / d z1
    variance = (math.sqrt(2) * u * (abs(a1 * w2) + abs(b2))) ** 2
    variance += (w2 * ACTIVATION_ROUNDINGS[activation] * u * max(1.0, abs(a1))) ** 2
    variance += (slope * math.sqrt(2) * u * (abs(a0 * w1) + abs(b1))) ** 2
    variance += (slope * w1 * 4 * u * a0) ** 2
    distance = SAFETY * math.sqrt(2 * variance)
    expected = max(sigmoid(z2 + distance) - sigmoid(z2), sigmoid(z2) - sigmoid(z2 - distance)) + 16 * u
    found = derive_tolerance(spec, weights, np.array([[x]], np.float32), "float32")
    assert found.per_row[0] == pytest.approx(expected, rel=1e-6)


def kernels(*values):
    return tuple(np.array([[value]], np.float32) for value in values)


def vectors(*values):
    return tuple(np.array([value], np.float32) for value in values)


def test_float16_part_is_the_root_sum_of_squares_of_what_each_weight_does():
    """Move every kernel and bias by its own half unit, one by one, and add the squares of what the logit does."""
    spec = NetworkSpec(n_inputs=3, hidden_units=(4, 3), hidden_activation="tanh", dtype="float64", seed=2)
    rng = np.random.default_rng(8)
    drawn = initial_weights(spec, [1.0, -20.0, 0.3], [2.0, 30.0, 0.1])
    weights = dataclasses.replace(drawn, biases=tuple(rng.normal(size=bias.shape) for bias in drawn.biases))
    X = (weights.mean + weights.std * rng.normal(size=(5, 3))).astype(np.float32)

    def logit():
        p = numpy_answers(spec, weights, X)
        return np.log(p / (1 - p))

    variance = np.zeros(len(X))
    for array in weights.parameters:  # the scaling stays in float32
        for i in np.ndindex(array.shape):
            kept, step = array[i], 2.0**-11 * abs(array[i]) / 100
            array[i] = kept + step
            up = logit()
            array[i] = kept - step
            variance += np.square(100 * (up - logit()) / 2)
            array[i] = kept
    distance, here = SAFETY * np.sqrt(variance), numpy_answers(spec, weights, X)
    moved = [np.abs(sigmoid(logit() + sign * distance) - here) for sign in (1, -1)]
    found = derive_tolerance(spec, weights, X, "float16").per_row
    np.testing.assert_allclose(found, np.maximum(*moved), rtol=1e-3)


def test_float16_shows_where_a_weight_is_large():
    spec, weights, X = sound_network(9)
    large = dataclasses.replace(weights, biases=(*weights.biases[:-1], weights.biases[-1] * 0 + 8))
    small = dataclasses.replace(weights, biases=(*weights.biases[:-1], weights.biases[-1] * 0))
    wide, narrow = (
        # in logits, so that the slope of the sigmoid at the two biases does not matter
        derive_tolerance(spec, each, X, "float16").per_row / (p * (1 - p))
        for each in (large, small)
        for p in [numpy_answers(spec, each, X)]
    )
    assert (wide > narrow).all()


def test_float64_is_judged_by_float64():
    spec, weights, X = sound_network(4)
    spec64 = dataclasses.replace(spec, dtype="float64")
    narrow = derive_tolerance(spec64, weights.astype("float64"), X, "float32").per_row
    wide = derive_tolerance(spec, weights, X, "float32").per_row
    # Near 1e-15 the difference of two sigmoids has one digit: the order of magnitude is what can be asked for.
    np.testing.assert_allclose(narrow / wide, 2.0**-29, rtol=0.2)


def test_reason_names_the_formula_and_its_inputs():
    spec = NetworkSpec(n_inputs=20)
    weights = initial_weights(spec, np.zeros(20), np.ones(20))
    reason = derive_tolerance(spec, weights, np.ones((2, 20), np.float32), "float32").reason
    assert reason.startswith("6 times the root of the summed squares")
    for input_ in ("6.0e-08", "3 layers", "fan-in up to 64"):
        assert input_ in reason
    assert "float16 (4.9e-04)" in derive_tolerance(spec, weights, np.ones((2, 20), np.float32), "float16").reason


@pytest.mark.parametrize("stored_as", ["float32", "float16"])
def test_weights_that_are_not_finite_explain_nothing(stored_as):
    spec, weights, X = sound_network(3)
    broken = dataclasses.replace(weights, biases=(weights.biases[0] * np.float32("nan"), *weights.biases[1:]))
    with np.errstate(invalid="ignore"):
        tolerance = derive_tolerance(spec, broken, X, stored_as).per_row
    assert not (np.full(len(X), 1e-9) <= tolerance).any()
