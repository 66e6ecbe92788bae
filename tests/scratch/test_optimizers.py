"""Optimizers against torch.optim, and against the rules of Keras and scikit-learn written out again."""

import math

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from throughline.scratch import Adam, GradientDescent, RMSprop

N_STEPS = 10
SHAPES = [(4, 3), (3,), (3, 1), (1,)]


def start():
    rng = np.random.default_rng(5)
    return [rng.normal(size=shape) for shape in SHAPES]


def gradients_of(parameters, step):
    """Gradients that depend on the parameters, so that an early mistake grows, and span eight magnitudes."""
    return [(w - step) * 10.0 ** (i * 2 - 6) for i, w in enumerate(parameters)]


def run(optimizer, parameters):
    for step in range(N_STEPS):
        optimizer.update(parameters, gradients_of(parameters, step))
    return parameters


def run_torch(make_optimizer):
    tensors = [torch.tensor(w, requires_grad=True) for w in start()]
    optimizer = make_optimizer(tensors)
    for step in range(N_STEPS):
        for tensor, gradient in zip(tensors, gradients_of([t.detach().numpy() for t in tensors], step), strict=True):
            tensor.grad = torch.tensor(gradient)
        optimizer.step()
    return [tensor.detach().numpy() for tensor in tensors]


def assert_same(ours, theirs, rtol=1e-13):
    for a, b in zip(ours, theirs, strict=True):
        assert_allclose(a, b, rtol=rtol, atol=1e-15)


@pytest.mark.parametrize(("momentum", "nesterov"), [(0.0, False), (0.9, False), (0.9, True)])
def test_gradient_descent_agrees_with_torch_for_ten_steps(momentum, nesterov):
    ours = run(GradientDescent(0.05, momentum, nesterov), start())
    assert_same(ours, run_torch(lambda ws: torch.optim.SGD(ws, lr=0.05, momentum=momentum, nesterov=nesterov)))


@pytest.mark.parametrize("nesterov", [False, True])
def test_gradient_descent_agrees_with_the_keras_rule(nesterov):
    # Keras: v = momentum * v - lr * g, then w += v, or w += momentum * v - lr * g with Nesterov.
    parameters = start()
    velocities = [np.zeros(shape) for shape in SHAPES]
    for step in range(N_STEPS):
        for i, g in enumerate(gradients_of(parameters, step)):
            velocities[i] = 0.8 * velocities[i] - 0.05 * g
            parameters[i] = parameters[i] + (0.8 * velocities[i] - 0.05 * g if nesterov else velocities[i])
    assert_same(run(GradientDescent(0.05, 0.8, nesterov), start()), parameters)


@pytest.mark.parametrize("nesterov", [False, True])
def test_a_rate_in_the_velocity_stays_with_what_it_was_when_it_joined(nesterov):
    # The same rule as Keras has, while the rate halves at every step.
    parameters, ours = start(), start()
    velocities = [np.zeros(shape) for shape in SHAPES]
    optimizer = GradientDescent(0.05, 0.8, nesterov, rate_in_velocity=True)
    for step in range(N_STEPS):
        optimizer.learning_rate = rate = 0.05 * 0.5**step
        optimizer.update(ours, gradients_of(ours, step))
        for i, g in enumerate(gradients_of(parameters, step)):
            velocities[i] = 0.8 * velocities[i] - rate * g
            parameters[i] = parameters[i] + (0.8 * velocities[i] - rate * g if nesterov else velocities[i])
    assert_same(ours, parameters)


@pytest.mark.parametrize("epsilon", [1e-7, 1e-3])
def test_rmsprop_agrees_with_torch_and_with_the_keras_rule(epsilon):
    ours = run(RMSprop(0.01, 0.8, epsilon), start())
    assert_same(ours, run_torch(lambda ws: torch.optim.RMSprop(ws, lr=0.01, alpha=0.8, eps=epsilon)))
    parameters, squares = start(), [np.zeros(shape) for shape in SHAPES]
    for step in range(N_STEPS):
        for i, g in enumerate(gradients_of(parameters, step)):
            squares[i] = 0.8 * squares[i] + 0.2 * g**2
            parameters[i] = parameters[i] - 0.01 * g / np.sqrt(squares[i] + epsilon)
    assert_same(run(RMSprop(0.01, 0.8, epsilon, epsilon_inside_root=True), start()), parameters)


@pytest.mark.parametrize("epsilon", [1e-8, 1e-3])
def test_adam_agrees_with_torch_for_ten_steps(epsilon):
    ours = run(Adam(0.01, 0.8, 0.99, epsilon), start())
    assert_same(ours, run_torch(lambda ws: torch.optim.Adam(ws, lr=0.01, betas=(0.8, 0.99), eps=epsilon)))


@pytest.mark.parametrize("epsilon", [1e-7, 1e-3])
def test_adam_with_epsilon_inside_agrees_with_the_keras_rule(epsilon):
    # One scalar at a time, in the form Keras' source has: m += (g - m) (1 - b1), v += (g^2 - v) (1 - b2).
    lr, b1, b2 = 0.01, 0.8, 0.99
    parameters = start()
    moments = [(np.zeros(shape), np.zeros(shape)) for shape in SHAPES]
    for step in range(N_STEPS):
        alpha = lr * math.sqrt(1 - b2 ** (step + 1)) / (1 - b1 ** (step + 1))
        for w, g, (m, v) in zip(parameters, gradients_of(parameters, step), moments, strict=True):
            for i in np.ndindex(w.shape):
                m[i] += (g[i] - m[i]) * (1 - b1)
                v[i] += (g[i] ** 2 - v[i]) * (1 - b2)
                w[i] -= alpha * m[i] / (math.sqrt(v[i]) + epsilon)
    assert_same(run(Adam(lr, b1, b2, epsilon, epsilon_inside_correction=True), start()), parameters)


def test_adam_with_epsilon_inside_agrees_with_sklearn():
    from sklearn.neural_network._stochastic_optimizers import AdamOptimizer

    parameters = start()
    theirs = AdamOptimizer(parameters, learning_rate_init=0.01, beta_1=0.8, beta_2=0.99, epsilon=1e-3)
    for step in range(N_STEPS):
        theirs.update_params(parameters, gradients_of(parameters, step))
    assert_same(run(Adam(0.01, 0.8, 0.99, 1e-3, epsilon_inside_correction=True), start()), parameters)


def test_where_epsilon_joins_matters():
    outside, inside = run(Adam(0.01, epsilon=1e-3), start()), run(Adam(0.01, 0.9, 0.999, 1e-3, True), start())
    assert max(np.abs(a - b).max() for a, b in zip(outside, inside, strict=True)) > 1e-3


def test_first_steps_by_hand():
    w = np.array([1.0])
    Adam(0.1, 0.9, 0.999, epsilon=1.0).update([w], [np.array([3.0])])  # m_hat = 3, v_hat = 9
    assert_allclose(w, 1 - 0.1 * 3 / (3 + 1), rtol=1e-14)
    w = np.array([1.0])
    optimizer = GradientDescent(0.1, momentum=0.5)
    optimizer.update([w], [np.array([2.0])])  # v = 2, w = 0.8
    optimizer.update([w], [np.array([4.0])])  # v = 0.5 * 2 + 4 = 5, w = 0.3
    assert_allclose(w, 0.3, rtol=1e-14)


OPTIMIZERS = {
    "descent": lambda: GradientDescent(0.1),
    "nesterov": lambda: GradientDescent(0.1, 0.9, True),
    "adam": lambda: Adam(),
    "adam_epsilon_inside": lambda: Adam(epsilon_inside_correction=True),
}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_update_is_in_place_keeps_float32_and_leaves_gradients_alone(name):
    parameters = [w.astype(np.float32) for w in start()]
    same, before = list(parameters), [w.copy() for w in parameters]
    gradients = [np.ones_like(w) for w in parameters]
    optimizer = OPTIMIZERS[name]()
    optimizer.update(parameters, gradients)
    optimizer.update(parameters, gradients)
    for w, s, b, g in zip(parameters, same, before, gradients, strict=True):
        assert w is s
        assert w.dtype == np.float32
        assert (w < b).all()
        assert_array_equal(g, 1.0)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_shapes_are_checked(name):
    optimizer = OPTIMIZERS[name]()
    with pytest.raises(ValueError, match=r"gradients must have the shapes \[\(2, 2\)\], got \[\(2,\)\]"):
        optimizer.update([np.zeros((2, 2))], [np.zeros(2)])
    optimizer.update([np.zeros(2)], [np.zeros(2)])
    with pytest.raises(ValueError, match="parameters must have the shapes"):
        optimizer.update([np.zeros(3)], [np.zeros(3)])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GradientDescent(0.0), "learning_rate must be a finite number above 0, got 0.0"),
        (lambda: GradientDescent(math.nan), "learning_rate must be a finite number above 0, got nan"),
        (lambda: GradientDescent(momentum=1.0), r"momentum must lie in \[0, 1\), got 1.0"),
        (lambda: GradientDescent(nesterov=True), "nesterov=True needs a momentum above 0"),
        (lambda: Adam(learning_rate=-1.0), "learning_rate must"),
        (lambda: Adam(beta_1=1.0), "beta_1 must"),
        (lambda: Adam(beta_2=-0.1), "beta_2 must"),
        (lambda: Adam(epsilon=0.0), "epsilon must"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()
