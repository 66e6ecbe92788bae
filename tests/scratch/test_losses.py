"""Losses and their gradients against scikit-learn, PyTorch and arithmetic by hand."""

import math
import warnings

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.metrics import log_loss, mean_poisson_deviance, mean_squared_error

from throughline.scratch import LOSSES, OUTPUT_ACTIVATIONS, sigmoid, softmax

RNG = np.random.default_rng(3)
N = 17
BINARY = (RNG.normal(scale=3, size=(N, 1)), RNG.integers(0, 2, (N, 1)).astype(float))
CATEGORICAL = (RNG.normal(scale=3, size=(N, 4)), np.eye(4)[RNG.integers(0, 4, N)])
VALUES = (RNG.normal(size=(N, 3)), RNG.normal(size=(N, 3)))
COUNTS = (RNG.normal(scale=2, size=(N, 3)), RNG.poisson(1.5, (N, 3)).astype(float))
CASES = {
    "binary_cross_entropy": BINARY,
    "categorical_cross_entropy": CATEGORICAL,
    "half_poisson_deviance": COUNTS,
    "mean_squared_error": VALUES,
}


def torch_half_poisson_deviance(z, y):
    # torch leaves out y log y - y, which has no gradient; and takes the mean over outputs, where we take their sum.
    left_out = torch.xlogy(y, y) - y
    return torch.nn.functional.poisson_nll_loss(z, y, reduction="sum") / len(z) + left_out.sum() / len(z)


TORCH = {
    "binary_cross_entropy": torch.nn.functional.binary_cross_entropy_with_logits,
    "categorical_cross_entropy": torch.nn.functional.cross_entropy,
    "half_poisson_deviance": torch_half_poisson_deviance,
    "mean_squared_error": torch.nn.functional.mse_loss,
}


def test_table_is_keyed_by_name():
    assert set(LOSSES) == set(CASES)
    assert all(loss.name == name and loss.output_activation in OUTPUT_ACTIVATIONS for name, loss in LOSSES.items())


@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_agree_with_torch(name):
    logits, y = CASES[name]
    z = torch.tensor(logits, requires_grad=True)
    expected = TORCH[name](z, torch.tensor(y))
    expected.backward()
    assert_allclose(LOSSES[name].value(logits, y), expected.item(), rtol=1e-14)
    assert_allclose(LOSSES[name].gradient(logits, y), z.grad.numpy(), rtol=1e-12, atol=1e-17)


def test_values_agree_with_sklearn():
    (z, y), (zs, ys), (values, targets) = BINARY, CATEGORICAL, VALUES
    p = sigmoid(z)
    assert_allclose(LOSSES["binary_cross_entropy"].value(z, y), log_loss(y, np.hstack([1 - p, p])), rtol=1e-12)
    assert_allclose(LOSSES["categorical_cross_entropy"].value(zs, ys), log_loss(ys, softmax(zs)), rtol=1e-12)
    assert_allclose(
        LOSSES["mean_squared_error"].value(values, targets), mean_squared_error(targets, values), rtol=1e-14
    )
    z, y = COUNTS
    deviances = [mean_poisson_deviance(y[:, i], np.exp(z[:, i])) for i in range(3)]
    assert_allclose(LOSSES["half_poisson_deviance"].value(z, y), sum(deviances) / 2, rtol=1e-13)


def test_by_hand():
    # p = 3/4 for the first row (y = 1) and 1/2 for the second (y = 0).
    logits, y = np.array([[math.log(3)], [0.0]]), np.array([[1], [0]])
    bce = LOSSES["binary_cross_entropy"]
    assert_allclose(bce.value(logits, y), (-math.log(3 / 4) - math.log(1 / 2)) / 2, rtol=1e-15)
    assert_allclose(bce.gradient(logits, y), [[(3 / 4 - 1) / 2], [(1 / 2 - 0) / 2]], rtol=1e-15)
    # Errors 1, -2, 3, 0 over two rows of two outputs: (1 + 4 + 9 + 0) / 4, gradient 2 e / 4.
    logits, y = np.array([[1.0, 0.0], [3.0, 5.0]]), np.array([[0.0, 2.0], [0.0, 5.0]])
    mse = LOSSES["mean_squared_error"]
    assert mse.value(logits, y) == 3.5
    assert_allclose(mse.gradient(logits, y), [[0.5, -1.0], [1.5, 0.0]], rtol=1e-15)
    # 2 expected where 3 were counted: 3 log(3/2) - 3 + 2; 1 expected where none was: 0 - 0 + 1.
    logits, y = np.array([[math.log(2)], [0.0]]), np.array([[3], [0]])
    deviance = LOSSES["half_poisson_deviance"]
    assert_allclose(deviance.value(logits, y), (3 * math.log(3 / 2) - 1 + 1) / 2, rtol=1e-15)
    assert_allclose(deviance.gradient(logits, y), [[(2 - 3) / 2], [(1 - 0) / 2]], rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_confident_mistakes_cost_their_logit_without_overflow(dtype):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        bce, cce = LOSSES["binary_cross_entropy"], LOSSES["categorical_cross_entropy"]
        z, y = np.array([[1e4], [-1e4], [1e4], [-1e4]], dtype=dtype), np.array([[0], [1], [1], [0]])
        assert bce.value(z, y) == 5e3  # 1e4 for each of the two wrong rows, 0 for the right ones
        assert_allclose(bce.gradient(z, y), [[0.25], [-0.25], [0], [0]])
        z, y = np.array([[1e4, -1e4, 0.0]], dtype=dtype), np.array([[0, 1, 0]])
        assert cce.value(z, y) == 2e4
        assert_allclose(cce.gradient(z, y), [[1, -1, 0]])


def test_a_count_that_no_number_can_hold_costs_infinitely_much_and_makes_no_noise():
    deviance = LOSSES["half_poisson_deviance"]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for y in (0.0, 3.0):
            assert deviance.value(np.array([[1e4]]), np.array([[y]])) == math.inf
            assert deviance.gradient(np.array([[1e4]]), np.array([[y]])) == math.inf
            assert_allclose(deviance.value(np.array([[-1e4]]), np.array([[y]])), y * 1e4, rtol=1e-2)


@pytest.mark.parametrize("count", [1e-3, 1.0, 1e3, 1e9])
def test_the_poisson_deviance_is_exact_near_its_zero(count):
    # y (e^t - 1 - t) = y t^2 / 2 for a small t; the difference y log(y / m) - y + m would lose it below y * 1e-16.
    z = math.log(count) + 1e-6
    t = z - math.log(count)
    value = LOSSES["half_poisson_deviance"].value(np.array([[z]]), np.array([[count]]))
    assert_allclose(value, count * t * t / 2, rtol=1e-4)


@pytest.mark.parametrize("name", CASES)
def test_gradient_keeps_dtype_whatever_the_labels_are(name):
    logits, y = CASES[name]
    for labels in (y, y.astype(np.int64), y.astype(np.float32)):
        assert LOSSES[name].gradient(logits.astype(np.float32), labels).dtype == np.float32
    assert isinstance(LOSSES[name].value(logits.astype(np.float32), y), float)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("function", ["value", "gradient"])
def test_shapes_that_numpy_would_broadcast_are_refused(name, function):
    logits, y = CASES[name]
    with pytest.raises(ValueError, match=r"y must have the shape of the logits, \(17, \d\), got \(17,\)"):
        getattr(LOSSES[name], function)(logits, y[:, 0])
    with pytest.raises(ValueError, match="at least one row"):
        getattr(LOSSES[name], function)(logits[:0], y[:0])
