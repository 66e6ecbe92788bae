"""Activations against PyTorch, against finite differences, and at magnitudes where naive formulas overflow."""

import math
import warnings

import numpy as np
import pytest
import scipy.special
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from throughline.scratch import ACTIVATIONS, OUTPUT_ACTIVATIONS, sigmoid, softmax
from throughline.scratch.activations import erf

TORCH = {
    "linear": lambda z: z.clone(),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
}
Z = np.concatenate([np.linspace(-30, 30, 241), np.random.default_rng(0).normal(size=100)]).reshape(11, 31)  # holds 0


def test_table_is_keyed_by_name():
    assert set(ACTIVATIONS) == set(TORCH)
    assert all(activation.name == name for name, activation in ACTIVATIONS.items())
    assert set(OUTPUT_ACTIVATIONS) == {"exp", "linear", "sigmoid", "softmax"}


@pytest.mark.parametrize("name", TORCH)
def test_value_and_derivative_agree_with_autograd(name):
    z = torch.tensor(Z, requires_grad=True)
    expected = TORCH[name](z)
    expected.sum().backward()
    a = ACTIVATIONS[name].forward(Z)
    # gelu adds 1 to an error function near -1: exact to a rounding of 1, times z.
    assert_allclose(a, expected.detach().numpy(), rtol=1e-14, atol=4e-15 if name == "gelu" else 1e-300)
    # 1 - a^2 and a (1 - a) cancel where a is near 1: exact to a rounding of 1, not of the tiny result.
    assert_allclose(ACTIVATIONS[name].derivative(Z, a), z.grad.numpy(), rtol=1e-13, atol=4e-16)


@pytest.mark.parametrize("name", TORCH)
def test_derivative_agrees_with_central_differences(name):
    forward, h = ACTIVATIONS[name].forward, 1e-5
    z = Z[np.abs(Z) > h].reshape(1, -1)  # away from the kink of relu
    assert_allclose(
        ACTIVATIONS[name].derivative(z, forward(z)), (forward(z + h) - forward(z - h)) / (2 * h), rtol=1e-6, atol=1e-9
    )


def test_slope_of_relu_at_its_kink_is_zero():
    relu = ACTIVATIONS["relu"]
    assert_array_equal(relu.derivative(np.zeros(1), np.zeros(1)), [0.0])


def test_error_function_agrees_with_that_of_the_standard_library():
    x = np.concatenate([np.linspace(-7, 7, 200_001), np.random.default_rng(0).normal(size=50_000)])
    exact = np.array([math.erf(value) for value in x])
    assert np.abs(erf(x) - exact).max() <= 4e-16
    assert np.all(np.abs(erf(x) - exact) <= 6 * np.spacing(np.abs(exact)))
    assert_allclose(erf(x), scipy.special.erf(x), rtol=0, atol=4e-16)
    assert_allclose(erf(x.astype(np.float32)), exact, rtol=0, atol=6e-7)
    assert_array_equal(erf(np.array([-np.inf, -0.0, 0.0, np.inf, np.nan])), [-1.0, -0.0, 0.0, 1.0, np.nan])


def test_values_by_hand():
    assert_allclose(sigmoid(np.array([np.log(3.0), -np.log(3.0)])), [0.75, 0.25], rtol=1e-15)
    assert_allclose(softmax(np.log([[1.0, 2.0, 5.0]])), [[0.125, 0.25, 0.625]], rtol=1e-15)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_no_warning_and_no_nan_at_large_magnitudes(dtype):
    z = np.array([[-1e4, 0.0, 1e4], [1e4, 1e4, -1e4]], dtype=dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert_array_equal(sigmoid(z), [[0.0, 0.5, 1.0], [1.0, 1.0, 0.0]])
        assert_array_equal(softmax(z), [[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]])
        for activation in ACTIVATIONS.values():
            a = activation.forward(z)
            assert np.isfinite(a).all()
            assert np.isfinite(activation.derivative(z, a)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_dtype_is_preserved(dtype):
    z = Z.astype(dtype)
    assert softmax(z).dtype == dtype
    for activation in ACTIVATIONS.values():
        a = activation.forward(z)
        assert a.dtype == activation.derivative(z, a).dtype == dtype


@settings(deadline=None)
@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=6), st.floats(-1e4, 1e4))
def test_softmax_rows_are_distributions_that_a_shift_leaves_alone(row, shift):
    z = np.array([row])
    assert_allclose(softmax(z).sum(), 1.0, rtol=1e-14)
    assert_allclose(softmax(z + shift), softmax(z), atol=1e-11)  # z + shift itself rounds at 1e4 * eps


@settings(deadline=None)
@given(st.floats(-1e4, 1e4))
def test_sigmoid_is_symmetric_and_is_softmax_of_two_logits(z):
    column = np.array([[z]])
    assert_allclose(sigmoid(column) + sigmoid(-column), 1.0, rtol=1e-15)
    assert_allclose(softmax(np.array([[z, 0.0]]))[0, 0], sigmoid(column)[0, 0], rtol=1e-14)
