"""Tolerances of files that store or compute in int8 or bfloat16: sound files stay inside, and faults do not."""

from __future__ import annotations

import numpy as np
import pytest

from throughline.data.scaling import scale
from throughline.errors import LabelFlipError, OutputValueError
from throughline.formats.base import LayerSteps, Quantization
from throughline.frameworks.rows import answers
from throughline.scratch import ACTIVATIONS, OUTPUT_ACTIVATIONS, sigmoid
from throughline.spec import NetworkSpec
from throughline.verify.checks import check_labels, check_values
from throughline.verify.compare import verdict_on
from throughline.verify.reference import numpy_answers
from throughline.verify.tolerance import SAFETY, derive_tolerance
from throughline.weights import Weights

from .test_tolerance import sound_network

N_NETWORKS = 300
LEVELS = 255


def int8(spec, weights, X, training_rows):
    """A file in int8 as NumPy computes it, and the steps that would be read back from it.

    Kernels have 7 bits and a step a unit, inputs of layers 8 bits over the range of the training rows.
    """
    activation = ACTIVATIONS[spec.hidden_activation].forward
    calibrated, a = (scale(rows.astype(np.float64), weights.mean, weights.std) for rows in (training_rows, X))
    layers = []
    for i, (kernel, b) in enumerate(zip(weights.kernels, weights.biases, strict=True)):
        steps = np.maximum(np.abs(kernel).max(axis=0) / 64, 1e-12).astype(np.float64)
        low, high = min(calibrated.min(), 0.0), max(calibrated.max(), 1e-12)
        step = (high - low) / LEVELS
        zero = np.round(-low / step)
        layers.append(LayerSteps(kernel=list(steps), input=step, input_range=(-zero * step, (LEVELS - zero) * step)))
        stored = (np.clip(np.round(a / step + zero), 0, LEVELS) - zero) * step
        a = stored @ (np.round(kernel / steps) * steps) + b
        calibrated = calibrated @ kernel + b
        if i < len(weights.kernels) - 1:
            a, calibrated = activation(a), activation(calibrated)
    return answered(spec, a), Quantization(layers=layers)


def bfloat16(spec, weights, X):
    """What a processor with bfloat16 units answers: inputs, kernels, biases and sums rounded."""
    activation = ACTIVATIONS[spec.hidden_activation].forward
    a = scale(X.astype(np.float64), weights.mean, weights.std)
    for i, (kernel, b) in enumerate(zip(weights.kernels, weights.biases, strict=True)):
        a = rounded(rounded(a) @ rounded(kernel) + rounded(b))
        if i < len(weights.kernels) - 1:
            a = activation(a)
    return rounded(answered(spec, a))


def answered(spec, sums):
    """Put what the network ends in behind its last sums."""
    return answers(OUTPUT_ACTIVATIONS[spec.output](sums))


def rounded(values):
    """Round to the nearest bfloat16, which is a float32 with the lower half of its bits gone."""
    bits = np.asarray(values, np.float32).view(np.uint32)
    kept = (bits + np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1))) & np.uint32(0xFFFF0000)
    return kept.view(np.float32).astype(np.float64)


def shares(answer):
    found = []
    for seed in range(N_NETWORKS):
        spec, weights, X = sound_network(seed)
        answers, tolerance = answer(spec, weights, X)
        found.append((np.abs(answers - numpy_answers(spec, weights, X)) / tolerance.per_row).max())
    return np.array(found)


def test_no_false_alarm_in_int8():
    def answer(spec, weights, X):
        answers, quantization = int8(spec, weights, X, X[: len(X) // 2])
        return answers, derive_tolerance(spec, weights, X, "int8", "int8", quantization)

    used = shares(answer)
    print(f"largest share {used.max():.3f}, median {np.median(used):.3f} of {N_NETWORKS} networks")
    assert used.max() < 1
    assert 0.1 < np.median(used) < 0.5  # neither near an alarm nor so wide that it could not be exceeded


def test_no_false_alarm_in_bfloat16():
    used = shares(
        lambda spec, weights, X: (
            bfloat16(spec, weights, X),
            derive_tolerance(spec, weights, X, "float32", "bfloat16"),
        )
    )
    print(f"largest share {used.max():.3f}, median {np.median(used):.3f} of {N_NETWORKS} networks")
    assert used.max() < 1
    assert 0.02 < np.median(used) < 0.5


def one_unit():
    spec = NetworkSpec(n_inputs=1, hidden_units=(1,), hidden_activation="tanh")
    weights = Weights(*(np.array([v]) for v in (0.0, 1.0)), ([[0.5]], [[-1.5]]), ([0.25], [0.125]))
    return spec, Weights(
        weights.mean, weights.std, *(tuple(map(np.array, w)) for w in (weights.kernels, weights.biases))
    )


def test_int8_of_a_one_unit_network_worked_out_by_hand():
    spec, weights = one_unit()
    layers = [
        LayerSteps(kernel=[0.004], input=0.01, input_range=(-1.0, 1.0), pre_activation=0.02),
        LayerSteps(kernel=[0.012], input=1 / 128),
    ]
    x, clipped = 1.25, 1.0
    z2, of_artefact = (-1.5 * np.tanh(0.5 * each + 0.25) + 0.125 for each in (x, clipped))
    z1 = 0.5 * clipped + 0.25
    local = (clipped * 0.004) ** 2 + 0.02**2 + (0.004 * 0.01) ** 2 + (0.5 * 0.01) ** 2
    reach = SAFETY / 2 * np.sqrt(local / 12)
    slope = 1.5 * max(1 - np.tanh(z1 + d) ** 2 for d in (-reach, 0, reach))  # the steepest within reach
    second = (np.tanh(z1) * 0.012) ** 2 + (0.012 / 128) ** 2 + (1.5 / 128) ** 2
    distance = SAFETY * np.sqrt((second + slope**2 * local) / 12) + abs(of_artefact - z2)
    expected = max(abs(sigmoid(z2 + d) - sigmoid(z2)) for d in (-distance, distance)) + 1 / 256
    X = np.array([[x]], np.float32)
    found = derive_tolerance(spec, weights, X, "int8", "int8", Quantization(layers=layers, output=1 / 256))
    assert found.per_row[0] == pytest.approx(expected, rel=1e-4)  # rounding in float32 adds little
    assert found.explanation == "explained (int8)"
    for part in ("kernels in steps up to 1.2e-02", "inputs up to 1.0e-02", "the probability 3.9e-03"):
        assert part in found.reason


def test_a_row_that_sets_its_own_step_is_judged_by_it():
    spec, weights = one_unit()
    layers = [LayerSteps(kernel=[0.004], input=None), LayerSteps(kernel=[0.0], input=0.0)]
    X = np.array([[0.1], [100.0]], np.float32)
    found = derive_tolerance(spec, weights, X, "int8", "int8", Quantization(layers=layers))
    narrow, _ = found.per_row - found.rounding_only
    same = [LayerSteps(kernel=[0.004], input=0.1 / 127), LayerSteps(kernel=[0.0], input=0.0)]
    fixed = derive_tolerance(spec, weights, X, "int8", "int8", Quantization(layers=same))
    assert narrow == pytest.approx((fixed.per_row - fixed.rounding_only)[0], rel=1e-3)
    assert "inputs by each row's own range" in found.reason


def test_a_file_that_rounds_nothing_is_judged_like_float32():
    spec, weights, X = sound_network(2)
    layers = [LayerSteps(kernel=[0.0] * len(b), input=0.0) for b in weights.biases]
    found = derive_tolerance(spec, weights, X, "int8", "int8", Quantization(layers=layers))
    np.testing.assert_allclose(found.per_row, found.rounding_only, rtol=1e-12)


def test_int8_without_its_steps_is_refused():
    spec, weights, X = sound_network(2)
    with pytest.raises(ValueError, match="needs its steps"):
        derive_tolerance(spec, weights, X, "int8", "int8")


def network_of_the_usual_size(seed=5):
    rng = np.random.default_rng(seed)
    spec = NetworkSpec(n_inputs=20, seed=seed)
    from throughline.weights import initial_weights

    weights = initial_weights(spec, rng.normal(size=20), 10.0 ** rng.uniform(-1, 2, 20))
    X = (weights.mean + weights.std * rng.normal(size=(1000, 20))).astype(np.float32)
    return spec, weights, X


def judged(spec, weights, X, answers, tolerance):
    expected = numpy_answers(spec, weights, X)
    check_values({"33": answers}, expected, tolerance)
    check_labels({"33": answers}, expected, tolerance)
    return verdict_on(np.abs(answers - expected), tolerance)


def test_sound_int8_and_bfloat16_are_explained():
    spec, weights, X = network_of_the_usual_size()
    answers, steps = int8(spec, weights, X, X[:500])
    assert judged(spec, weights, X, answers, derive_tolerance(spec, weights, X, "int8", "int8", steps)) == (
        "explained (int8)"
    )
    tolerance = derive_tolerance(spec, weights, X, "float32", "bfloat16")
    assert judged(spec, weights, X, bfloat16(spec, weights, X), tolerance) == "explained (bfloat16 compute)"


def swapped_columns(weights):
    kernel = weights.kernels[0][[1, 0, *range(2, 20)]]
    return Weights(weights.mean, weights.std, (kernel, *weights.kernels[1:]), weights.biases)


def scaler_left_out(weights):
    return Weights(weights.mean * 0, weights.std * 0 + 1, weights.kernels, weights.biases)


def last_bias_forgotten(weights):
    biases = (*weights.biases[:-1], weights.biases[-1] + np.float32(1))
    return Weights(weights.mean, weights.std, weights.kernels, biases)


@pytest.mark.parametrize("fault", [swapped_columns, scaler_left_out, last_bias_forgotten])
def test_a_fault_in_an_int8_file_is_not_explained_by_its_steps(fault):
    spec, weights, X = network_of_the_usual_size()
    _, steps = int8(spec, weights, X, X[:500])
    answers, _ = int8(spec, fault(weights), X, X[:500])
    with pytest.raises((LabelFlipError, OutputValueError)):
        judged(spec, weights, X, answers, derive_tolerance(spec, weights, X, "int8", "int8", steps))
