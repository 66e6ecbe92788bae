"""The gradient check: true gradients pass, false ones do not, and it says what it could not judge."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from throughline.scratch import ACTIVATIONS, LOSSES, MLP, gradient_check

N_OUTPUTS = {"binary_cross_entropy": 1, "categorical_cross_entropy": 3, "mean_squared_error": 2}


def make_case(sizes, hidden, loss, seed, n_samples=6, dtype=np.float64):
    rng = np.random.default_rng(seed)
    mlp = MLP((*sizes, N_OUTPUTS[loss]), hidden=hidden, loss=loss, seed=seed, dropout=0.3, dtype=dtype)
    for bias in mlp.biases:
        bias[...] = rng.normal(scale=0.3, size=bias.shape)
    X = rng.normal(size=(n_samples, sizes[0]))
    if loss == "mean_squared_error":
        return mlp, X, rng.normal(size=(n_samples, 2))
    labels = rng.integers(0, max(2, N_OUTPUTS[loss]), n_samples)
    return mlp, X, np.eye(3)[labels] if loss == "categorical_cross_entropy" else labels[:, None]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_backpropagation_passes_over_architectures(data):
    sizes = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    hidden = data.draw(st.tuples(*[st.sampled_from(sorted(ACTIVATIONS))] * (len(sizes) - 1)))
    loss = data.draw(st.sampled_from(sorted(LOSSES)))
    mlp, X, y = make_case(sizes, hidden, loss, seed=data.draw(st.integers(0, 10**6)))
    masks = mlp.draw_masks(len(X), np.random.default_rng(0)) if data.draw(st.booleans()) else None
    check = gradient_check(mlp, X, y, masks=masks)
    assert check.largest < 1e-6
    assert check.n_checked + check.n_skipped_kinks == sum(w.size for w in mlp.parameters)
    assert check.n_skipped_kinks <= 0.2 * check.n_checked


@pytest.mark.parametrize("loss", LOSSES)
@pytest.mark.parametrize("hidden", ACTIVATIONS)
def test_float32_passes_its_own_bar(hidden, loss):
    mlp, X, y = make_case((4, 8, 6), hidden, loss, seed=1, n_samples=16, dtype=np.float32)
    check = gradient_check(mlp, X, y)
    assert check.largest < 1e-2
    assert check.n_checked > 0.5 * sum(w.size for w in mlp.parameters)


class Faulty(MLP):
    """A network whose backward pass is spoiled in one place."""

    fault = None

    def backward(self, trace, y):
        gradients = super().backward(trace, y)
        self.fault(gradients)
        return gradients


def flip_sign(gradients):
    gradients[0] *= -1


def forget_factor(gradients):
    gradients[2] *= 1.001


def swap_two_entries(gradients):
    gradients[0][[0, 1]] = gradients[0][[1, 0]]


def drop_bias(gradients):
    gradients[1][...] = 0.0


def one_entry_off(gradients):
    gradients[0][0, 0] += 1e-5


def not_a_number(gradients):
    gradients[3][0] = np.nan


@pytest.mark.parametrize("fault", [flip_sign, forget_factor, swap_two_entries, drop_bias, one_entry_off, not_a_number])
def test_a_wrong_gradient_does_not_pass(fault):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(10, 3)), rng.integers(0, 2, (10, 1))
    faulty = Faulty((3, 4, 1), hidden="tanh")
    faulty.fault = fault
    assert gradient_check(MLP((3, 4, 1), hidden="tanh"), X, y).largest < 1e-6
    assert not gradient_check(faulty, X, y).largest < 1e-6


def test_kinks_are_skipped_and_counted():
    # Row 0 puts unit 0 exactly on its kink, so its bias and both its weights are skipped; unit 1 is well clear.
    mlp = MLP((2, 2, 1), parameters=[[[1.0, 1.0], [1.0, 1.0]], [-2.0, 3.0], [[1.0], [1.0]], [0.0]])
    check = gradient_check(mlp, np.array([[1.0, 1.0], [4.0, 5.0]]), np.array([[0.0], [1.0]]))
    assert (check.n_skipped_kinks, check.n_checked) == (3, 6)
    assert check.largest < 1e-6


def test_an_array_with_nothing_compared_is_not_called_right():
    mlp = MLP((1, 1, 1), parameters=[[[1.0]], [0.0], [[1.0]], [0.0]])
    check = gradient_check(mlp, np.array([[0.0], [0.0]]), np.array([[0.0], [1.0]]))  # its one bias sits on a kink
    assert check.n_skipped_kinks == 1
    assert check.relative_errors[1] == check.largest == math.inf


def test_dead_and_saturated_networks_pass():
    X, y = np.ones((3, 2)), np.array([[0.0], [1.0], [1.0]])
    dead = MLP((2, 3, 1), parameters=[np.ones((2, 3)), np.full(3, -9.0), np.ones((3, 1)), [0.5]])
    assert gradient_check(dead, X, y).relative_errors[:3] == [0.0, 0.0, 0.0]
    saturated = MLP((2, 3, 1), hidden="sigmoid", parameters=[np.full((2, 3), 12.0), [0, 0, 0], np.ones((3, 1)), [0.5]])
    assert gradient_check(saturated, X, y).largest < 1e-6


def test_sampling_is_capped_seeded_and_leaves_the_network_alone():
    mlp, X, y = make_case((10, 12), "tanh", "binary_cross_entropy", seed=0)
    before = [w.copy() for w in mlp.parameters]
    check = gradient_check(mlp, X, y, max_per_array=5)
    assert check.n_checked == 5 + 5 + 5 + 1
    assert check == gradient_check(mlp, X, y, max_per_array=5)
    assert check != gradient_check(mlp, X, y, max_per_array=5, seed=1)
    for w, b in zip(mlp.parameters, before, strict=True):
        assert_array_equal(w, b)


def test_a_coarse_step_shows_its_truncation_error():
    mlp, X, y = make_case((3, 4), "tanh", "mean_squared_error", seed=0)
    coarse, finer = (gradient_check(mlp, X, y, step=h).largest for h in (1e-2, 1e-3))
    assert 50 < coarse / finer < 200  # the formula is of second order: a tenth of the step, a hundredth of the error


@pytest.mark.parametrize("setting", [{"step": 0.0}, {"step": math.nan}, {"max_per_array": 0}])
def test_settings_out_of_range_are_refused(setting):
    mlp, X, y = make_case((2,), (), "binary_cross_entropy", seed=0)
    with pytest.raises(ValueError, match=f"{next(iter(setting))} must be"):
        gradient_check(mlp, X, y, **setting)
