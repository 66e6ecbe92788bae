"""The gradient check: true gradients pass, false ones do not, and it says what it could not judge."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from throughline.scratch import ACTIVATIONS, LOSSES, MLP, gradient_check
from throughline.scratch.gradcheck import KINKED

N_OUTPUTS = {
    "binary_cross_entropy": 1,
    "categorical_cross_entropy": 3,
    "half_poisson_deviance": 2,
    "mean_squared_error": 2,
}


def make_case(sizes, hidden, loss, seed, n_samples=6, dtype=np.float64):
    rng = np.random.default_rng(seed)
    mlp = MLP((*sizes, N_OUTPUTS[loss]), hidden=hidden, loss=loss, seed=seed, dropout=0.3, dtype=dtype)
    for bias in mlp.biases:
        bias[...] = rng.normal(scale=0.3, size=bias.shape)
    X = rng.normal(size=(n_samples, sizes[0]))
    if loss == "mean_squared_error":
        return mlp, X, rng.normal(size=(n_samples, 2))
    if loss == "half_poisson_deviance":
        return mlp, X, rng.poisson(2.0, (n_samples, 2))
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
    assert not gradient_check(faulty, X, y).passed


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
    assert not check.passed


def test_every_kink_of_an_activation_is_known():
    z = np.array([-1e-9, 1e-9])
    jumps = {name: np.ptp(f.derivative(z, f.forward(z))) for name, f in ACTIVATIONS.items()}
    assert {name for name, jump in jumps.items() if jump > 1e-6} == set(KINKED)


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


@pytest.mark.parametrize("setting", [{"step": 0.0}, {"step": 1e-17}, {"step": math.nan}, {"max_per_array": 0}])
def test_settings_out_of_range_are_refused(setting):
    mlp, X, y = make_case((2,), (), "binary_cross_entropy", seed=0)
    with pytest.raises(ValueError, match=f"{next(iter(setting))} must be"):
        gradient_check(mlp, X, y, **setting)


# --- layers of someone's own -----------------------------------------------------------------------------------------


class Dense:
    """A layer as a learner writes it."""

    def __init__(self, fan_in, fan_out, seed=0, dtype=np.float64):
        rng = np.random.default_rng(seed)
        self.W, self.b = rng.normal(size=(fan_in, fan_out)).astype(dtype), rng.normal(size=fan_out).astype(dtype)
        self.parameters = [self.W, self.b]

    def forward(self, X):
        self.X = X
        return X @ self.W + self.b

    def backward(self, upstream):
        return upstream @ self.W.T, self.X.T @ upstream, upstream.sum(axis=0)


class Relu:
    """No parameters; writes into the upstream gradient, as many do."""

    def forward(self, X):
        self.off = X <= 0
        return np.where(self.off, 0, X)

    def backward(self, upstream):
        upstream[self.off] = 0
        return upstream


class LeakyRelu(Relu):
    def forward(self, X):
        self.off = X <= 0
        return np.where(self.off, 0.1 * X, X)

    def backward(self, upstream):
        upstream[self.off] *= 0.1
        return upstream


class Tanh:
    """Answers in a buffer of its own, which the next call overwrites."""

    buffer = None

    def forward(self, X):
        if self.buffer is None or self.buffer.shape != X.shape:
            self.buffer = np.empty_like(X)
        return np.tanh(X, out=self.buffer)

    def backward(self, upstream):
        return (upstream * (1 - self.buffer**2),)


class LayerNorm:
    """Mixes the features of a row."""

    def __init__(self, n_features, seed=0):
        self.scale, self.shift = 1 + np.random.default_rng(seed).normal(size=(2, n_features)) / 5
        self.parameters = (self.scale, self.shift)

    def forward(self, X):
        self.deviation = np.sqrt(X.var(axis=1, keepdims=True) + 1e-2)
        self.x = (X - X.mean(axis=1, keepdims=True)) / self.deviation
        return self.scale * self.x + self.shift

    def backward(self, upstream):
        dx = upstream * self.scale
        dx = dx - dx.mean(axis=1, keepdims=True) - self.x * (dx * self.x).mean(axis=1, keepdims=True)
        return dx / self.deviation, (upstream * self.x).sum(axis=0), upstream.sum(axis=0)


class MaxOfPairs:
    """Rows of another shape come out than went in; a kink wherever two neighbours are equal."""

    def forward(self, X):
        self.pairs = X.reshape(len(X), -1, 2)
        return self.pairs.max(axis=2)

    def backward(self, upstream):
        first = self.pairs.argmax(axis=2, keepdims=True) == np.arange(2)
        return (first * upstream[:, :, None]).reshape(len(upstream), -1)


class Convolution:
    """Over the last axis of (n_samples, length), with parameters that are views of one array."""

    def __init__(self, width, seed=0):
        self.flat = np.random.default_rng(seed).normal(size=width + 1)
        self.kernel, self.bias = self.flat[:-1], self.flat[-1:]

    @property
    def parameters(self):
        return [self.flat[:-1], self.flat[-1:]]

    def forward(self, X):
        self.windows = np.lib.stride_tricks.sliding_window_view(X, len(self.kernel), axis=1)
        return self.windows @ self.kernel + self.bias

    def backward(self, upstream):
        dX = np.zeros((len(upstream), upstream.shape[1] + len(self.kernel) - 1))
        for i, weight in enumerate(self.kernel):
            dX[:, i : i + upstream.shape[1]] += weight * upstream
        return dX, np.einsum("nl,nlk->k", upstream, self.windows), upstream.sum(keepdims=True).reshape(1)


LAYERS = {
    "dense": lambda n, k: Dense(n, k),
    "relu": lambda n, k: Relu(),
    "leaky": lambda n, k: LeakyRelu(),
    "tanh": lambda n, k: Tanh(),
    "norm": lambda n, k: LayerNorm(n),
    "max": lambda n, k: MaxOfPairs(),
    "convolution": lambda n, k: Convolution(min(n, 3)),
}


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(sorted(LAYERS)),
    n_rows=st.integers(1, 6),
    n_features=st.sampled_from([2, 4, 6]),
    n_units=st.integers(1, 5),
    integers=st.booleans(),
    seed=st.integers(0, 10**6),
)
def test_layers_pass_and_kinks_are_left_out(name, n_rows, n_features, n_units, integers, seed):
    rng = np.random.default_rng(seed)
    # Whole numbers put rows exactly on kinks: zeros of a ReLU, pairs of equals.
    X = rng.integers(-2, 3, (n_rows, n_features)) if integers else rng.normal(size=(n_rows, n_features))
    layer = LAYERS[name](n_features, n_units)
    check = gradient_check(layer, X, seed=seed)
    equals = {"relu": X == 0, "leaky": X == 0, "max": np.repeat(X[:, 0::2] == X[:, 1::2], 2, axis=1)}
    n_kinks = int(equals.get(name, np.zeros(1)).sum())
    assert check.n_skipped_kinks == n_kinks
    assert check.n_checked + n_kinks == X.size + sum(w.size for w in getattr(layer, "parameters", []))
    assert check.passed or n_kinks == X.size
    assert len(check.relative_errors) == 1 + len(getattr(layer, "parameters", []))


@settings(max_examples=200, deadline=None)
@given(distance=st.floats(0, 1.2), scale=st.sampled_from([0.1, 1.0, 30.0]), far=st.floats(-3, 3))
def test_no_place_of_a_kink_is_overlooked(distance, scale, far):
    # The kink lies at any share of the step away, between h/2 and h or nearer; what is not seen must not matter.
    h = np.finfo(float).eps ** (1 / 3)
    X = np.array([[distance * h, 1.0, far]])

    class Steep(Relu):
        def forward(self, X):
            return scale * super().forward(X) + np.sin(X)

        def backward(self, upstream):
            return scale * super().backward(upstream.copy()) + np.cos(X) * upstream

    check = gradient_check(Steep(), X)
    assert check.passed
    assert check.n_skipped_kinks <= 2
    if distance < 0.99:
        assert check.n_skipped_kinks >= 1


class Missing(Dense):
    def backward(self, upstream):
        dX, dW, db = super().backward(upstream)
        return dX, 2 * dW, db


class WrongAxis(Dense):
    """Shapes agree where there are as many rows as units."""

    def backward(self, upstream):
        dX, dW, _ = super().backward(upstream)
        return dX, dW, upstream.sum(axis=1)


class Transposed(Dense):
    def backward(self, upstream):
        dX, dW, db = super().backward(upstream)
        return dX, dW.T, db


class NoBias(Dense):
    def backward(self, upstream):
        dX, dW, db = super().backward(upstream)
        return dX, dW, np.zeros_like(db)


class MeanOfRows(Dense):
    def backward(self, upstream):
        dX, dW, db = super().backward(upstream)
        return dX, dW, db / len(upstream)


class NotTransposed(Dense):
    def backward(self, upstream):
        _, dW, db = super().backward(upstream)
        return upstream @ self.W, dW, db


class NoGate(Dense):
    def forward(self, X):
        return np.maximum(super().forward(X), 0)


WRONG = {Missing: 1, WrongAxis: 2, Transposed: 1, NoBias: 2, MeanOfRows: 2, NotTransposed: 0}


@settings(max_examples=60, deadline=None)
@given(layer=st.sampled_from(list(WRONG)), n=st.integers(4, 7), seed=st.integers(0, 10**6), single=st.booleans())
def test_a_wrong_layer_is_caught_where_it_is_wrong(layer, n, seed, single):
    dtype = np.float32 if single else np.float64
    X = np.random.default_rng(seed).normal(size=(n, n))  # square, so that no shape gives it away
    check = gradient_check(layer(n, n, seed, dtype), X, seed=seed)
    assert check.bar == (1e-2 if single else 1e-6)
    assert [error < check.bar for error in check.relative_errors] == [i != WRONG[layer] for i in range(3)]
    assert not check.passed


def test_a_forgotten_gate_is_wrong_everywhere():
    assert min(gradient_check(NoGate(4, 3), np.random.default_rng(0).normal(size=(9, 4))).relative_errors) > 0.1


def test_the_rows_of_a_layer_may_have_any_shape():
    class Outer:
        def __init__(self):
            self.parameters = [np.random.default_rng(1).normal(size=(2, 3, 4))]

        def forward(self, X):
            self.X = X
            return np.einsum("nhwc,cij->nhwij", X, self.parameters[0])

        def backward(self, upstream):
            dX = np.einsum("nhwij,cij->nhwc", upstream, self.parameters[0])
            return dX, np.einsum("nhwc,nhwij->cij", self.X, upstream)

    check = gradient_check(Outer(), np.random.default_rng(0).normal(size=(3, 5, 5, 2)))
    assert check.passed
    assert check.n_checked == 150 + 24


# --- networks of someone's own ---------------------------------------------------------------------------------------


class Chain:
    """Layers one after the other and a loss of its own, the half squared or the absolute error."""

    def __init__(self, layers, absolute=False):
        self.layers, self.absolute = layers, absolute

    @property
    def parameters(self):
        return [w for layer in self.layers for w in getattr(layer, "parameters", [])]

    def _forward(self, X):
        for layer in self.layers:
            X = layer.forward(X)
        return X

    def loss(self, X, y):
        error = self._forward(X) - y
        return float(np.abs(error).mean() if self.absolute else np.square(error).mean() / 2)

    def gradients(self, X, y):
        error = self._forward(X) - y
        d, gradients = (np.sign(error) if self.absolute else error) / error.size, []
        for layer in reversed(self.layers):
            answers = layer.backward(d)
            d, *own = [answers] if isinstance(answers, np.ndarray) else answers
            gradients = [*own, *gradients]
        return gradients


@settings(max_examples=60, deadline=None)
@given(
    units=st.lists(st.integers(2, 5), min_size=2, max_size=4),
    between=st.sampled_from([Relu, LeakyRelu, Tanh]),
    absolute=st.booleans(),
    wrong=st.sampled_from([None, *WRONG]),
    seed=st.integers(0, 10**6),
)
def test_networks_pass_unless_a_layer_is_wrong(units, between, absolute, wrong, seed):
    rng = np.random.default_rng(seed)
    if wrong is not None:  # and must show: no ReLU that may be off, no signs that may cancel, where zeros are right
        units, absolute = [units[0]] * len(units), False
        between = LeakyRelu if between is Relu else between
    X, y = rng.normal(size=(units[0], units[0])), rng.normal(size=(units[0], units[-1]))
    layers = []
    for i, (fan_in, fan_out) in enumerate(pairwise(units)):
        layers += [Dense(fan_in, fan_out, seed + i), between()]
    if wrong is not None:
        layers[0] = wrong(units[0], units[0], seed)
    check = gradient_check(Chain(layers, absolute), X, y)
    n_parameters = sum(w.size for w in Chain(layers).parameters)
    assert check.n_checked + check.n_skipped_kinks == n_parameters
    assert check.n_skipped_kinks <= n_parameters / 4
    first_is_wrong = wrong not in (None, NotTransposed)  # nobody asks the first layer for dX
    assert check.passed or first_is_wrong
    if first_is_wrong:
        assert not check.relative_errors[WRONG[wrong] - 1] < 1e-6


def test_an_mlp_in_these_words_gets_the_same_verdict():
    class Wrapped:
        def __init__(self, mlp):
            self.mlp, self.parameters = mlp, mlp.parameters

        def loss(self, X, y):
            return self.mlp.loss_value(X, y)

        def gradients(self, X, y):
            return self.mlp.backward(self.mlp.forward(X), y)

    for loss in LOSSES:
        mlp, X, y = make_case((4, 5), "relu", loss, seed=3)
        own, ours = gradient_check(Wrapped(mlp), X, y), gradient_check(mlp, X, y)
        assert own.passed
        assert ours.passed
        assert own.n_checked == ours.n_checked


def test_what_is_checked_is_left_as_it_was():
    class Breaks(Dense):
        calls = 0

        def forward(self, X):
            self.calls += 1
            if self.calls == 20:
                raise RuntimeError("broken")
            return super().forward(X)

    X = np.random.default_rng(0).normal(size=(2, 3))
    layer, kept = Breaks(3, 4), [w.copy() for w in Dense(3, 4).parameters]
    rows = X.copy()
    with pytest.raises(RuntimeError, match="broken"):
        gradient_check(layer, X)
    gradient_check(layer, X)
    for w, before in zip(layer.parameters, kept, strict=True):
        assert_array_equal(w, before)
    assert_array_equal(X, rows)


class Random(Dense):
    def forward(self, X):
        return super().forward(X) * (np.random.default_rng().random(self.W.shape[1]) > 0.5)


class Copies(Dense):
    @property
    def parameters(self):
        return [self.W.copy(), self.b.copy()]

    @parameters.setter
    def parameters(self, value):
        pass


class TakesTheStep(Dense):
    def backward(self, upstream):
        answers = super().backward(upstream)
        self.W -= 0.1 * answers[1]
        return answers


class Answers(Dense):
    """Gives one wrong kind of answer."""

    def __init__(self, forward=None, backward=None, parameters=None):
        super().__init__(2, 3)
        self.own_forward, self.own_backward = forward, backward
        self.parameters = self.parameters if parameters is None else parameters

    def forward(self, X):
        return super().forward(X) if self.own_forward is None else self.own_forward(super().forward(X))

    def backward(self, upstream):
        answers = super().backward(upstream)
        return answers if self.own_backward is None else self.own_backward(*answers)


class OwnLoss(Chain):
    """Gives another loss or other gradients."""

    def __init__(self, loss=None, gradients=None):
        super().__init__([Dense(2, 1)])
        self.own_loss, self.own_gradients = loss, gradients

    def loss(self, X, y):
        return super().loss(X, y) if self.own_loss is None else self.own_loss

    def gradients(self, X, y):
        return super().gradients(X, y) if self.own_gradients is None else self.own_gradients


ROWS, TARGETS = np.random.default_rng(0).normal(size=(5, 2)), np.ones((5, 1))


@pytest.mark.parametrize(
    ("network", "y", "message"),
    [
        (Random(2, 9), None, "network must answer the same twice, got .*: switch its dropout off"),
        (Copies(2, 3), None, r"parameters\[0\] must be the array that is computed with, got a copy"),
        (TakesTheStep(2, 3), None, "backward must not change the parameters, got other ones: leave the step"),
        (object(), None, "must be an MLP or have forward, backward when y is not given, got object without forward, b"),
        (object(), TARGETS, "have parameters, loss, gradients when y is given, got object without parameters, loss, g"),
        (Dense(2, 3), TARGETS, "got Dense without loss, gradients: add what is missing, or leave y out"),
        (Chain([]), None, "got Chain without forward, backward: add what is missing, or pass y"),
        (Chain([]), TARGETS, "parameters must hold at least one array, got none"),
        (MLP((2, 1)), None, "y must hold the targets of the rows for an MLP, got None"),
        (Answers(parameters=np.ones(3)), None, "parameters must be a list of arrays, got ndarray"),
        (Answers(parameters=dict), None, "parameters must be a list of arrays, got type"),
        (
            Answers(parameters=[np.arange(3)]),
            None,
            r"parameters\[0\] must be an array of float32 or float64, got int64",
        ),
        (
            Answers(parameters=[1.0]),
            None,
            r"parameters\[0\] must be an array of float32 or float64, got float: convert",
        ),
        (Answers(parameters=[np.broadcast_to(1.0, 3)]), None, r"parameters\[0\] must be .* got one that is read-only"),
        (Answers(forward=lambda z: z.tolist()), None, r"forward\(X\) must return an array of floats, got list"),
        (
            Answers(forward=lambda z: (z, z)),
            None,
            r"must return an array of floats, got tuple: return the outputs alone",
        ),
        (Answers(forward=lambda z: z > 0), None, r"must return an array of floats, got bool"),
        (Answers(forward=lambda z: z / 0), None, "network must answer finite numbers, got NaN or infinity"),
        (
            Answers(backward=lambda dX, dW, db: dX),
            None,
            r"backward\(upstream\) must return one gradient for each of X, pa",
        ),
        (
            Answers(backward=lambda dX, dW, db: (dX, dW)),
            None,
            r"for each of X, parameters\[0\], parameters\[1\], got 2",
        ),
        (Answers(backward=lambda dX, dW, db: None), None, "must return one gradient for each of X, .* got NoneType"),
        (
            Answers(backward=lambda dX, dW, db: (dX, dW.T, db)),
            None,
            r"of shape \(2, 3\) for parameters\[0\], got \(3, 2\)",
        ),
        (Answers(backward=lambda dX, dW, db: (dX, dW, dX)), None, r"of shape \(3,\) for parameters\[1\], got \(5, 2\)"),
        (
            OwnLoss(loss=np.ones(5)),
            TARGETS,
            r"loss\(X, y\) must return one number, got an array of shape \(5,\): take its",
        ),
        (OwnLoss(loss=np.nan), TARGETS, "network must answer finite numbers"),
        (OwnLoss(gradients=[np.ones((2, 1))]), TARGETS, r"gradients\(X, y\) must return one gradient .* got 1"),
        (
            OwnLoss(gradients=[np.ones((2, 1)), 1.0]),
            TARGETS,
            r"of shape \(1,\) for parameters\[1\], got \(\): sum over",
        ),
    ],
)
@pytest.mark.filterwarnings("ignore:divide by zero")
def test_what_it_refuses(network, y, message):
    with pytest.raises(ValueError, match=message):
        gradient_check(network, ROWS, y)


def test_masks_are_for_our_network():
    with pytest.raises(ValueError, match="masks must be None for anything but an MLP, got 1: fix those"):
        gradient_check(Dense(2, 3), ROWS, masks=[None])


def test_a_step_that_is_refused_takes_nothing_along():
    layer = TakesTheStep(2, 3)
    before = layer.W.copy()
    with pytest.raises(ValueError, match="must not change"):
        gradient_check(layer, ROWS)
    assert_array_equal(layer.W, before)
