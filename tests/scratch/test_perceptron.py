"""The perceptron against a loop written independently, against scikit-learn, and against Novikoff's theorem."""

import warnings

import numpy as np
import pytest
import sklearn.linear_model
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from throughline.scratch import Perceptron, margin, novikoff_bound


def separable(seed, n_samples=60, n_features=3, gap=0.05):
    """Rows and labels with a known separator whose boundary no row is closer to than `gap`."""
    rng = np.random.default_rng(seed)
    coef, intercept = rng.normal(size=n_features), rng.normal() * 0.3
    X = rng.normal(size=(20 * n_samples, n_features))
    distance = (X @ coef + intercept) / np.linalg.norm(coef)
    X, distance = X[np.abs(distance) > gap][:n_samples], distance[np.abs(distance) > gap][:n_samples]
    return X, (distance > 0).astype(int), coef, intercept


def overlapping(seed, n_samples=80, n_features=4):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n_samples, n_features)), rng.integers(0, 2, n_samples)


def naive(X, y, n_epochs):
    """The same rule once more, in plain Python on augmented rows."""
    w = [0.0] * (len(X[0]) + 1)
    mistakes = []
    for _ in range(n_epochs):
        mistakes.append(0)
        for row, label in zip(X.tolist(), y.tolist(), strict=True):
            row = [*row, 1.0]
            z = sum(a * b for a, b in zip(w, row, strict=True))
            if (label == 1 and z <= 0) or (label == 0 and z >= 0):
                w = [a + b if label == 1 else a - b for a, b in zip(w, row, strict=True)]
                mistakes[-1] += 1
        if mistakes[-1] == 0:
            break
    return w, mistakes


@pytest.mark.parametrize("data", [separable(0)[:2], separable(1)[:2], overlapping(0), overlapping(1)])
def test_agrees_with_a_naive_loop(data):
    perceptron = Perceptron(max_epochs=30).fit(*data)
    w, mistakes = naive(*data, 30)
    assert perceptron.mistakes_ == mistakes
    assert_allclose([*perceptron.coef_, perceptron.intercept_], w, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("learning_rate", [1.0, 0.5])
@pytest.mark.parametrize("data", [separable(2)[:2], overlapping(2)])
def test_agrees_with_sklearn(data, learning_rate):
    ours = Perceptron(learning_rate, max_epochs=20).fit(*data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that a fixed number of epochs may not have converged
        theirs = sklearn.linear_model.Perceptron(
            penalty=None, eta0=learning_rate, shuffle=False, tol=None, max_iter=20
        ).fit(*data)
    assert_allclose(ours.coef_, theirs.coef_[0], rtol=1e-12, atol=1e-12)
    assert_allclose(ours.intercept_, theirs.intercept_[0], rtol=1e-12, atol=1e-12)
    assert_array_equal(ours.predict(data[0]), theirs.predict(data[0]))


def test_by_hand():
    # Row 0 (x = 2, class 1): z = 0 is a mistake,  w = 2, b = 1.  Row 1 (x = 1, class 0): z = 3 is one, w = 1, b = 0.
    # Next epoch: row 0 has z = 2, right; row 1 has z = 1, wrong: w = 0, b = -1. Then row 0 z = -1: w = 2, b = 0; ...
    perceptron = Perceptron(max_epochs=2).fit([[2.0], [1.0]], [1, 0])
    assert perceptron.mistakes_ == [2, 1]
    assert perceptron.updates_ == [(0, 0), (0, 1), (1, 1)]
    assert_array_equal(perceptron.path_, [[0, 0], [2, 1], [1, 0], [0, -1]])
    assert not perceptron.converged_
    assert_array_equal(perceptron.predict([[2.0], [-5.0]]), [0, 0])


def test_a_row_on_the_boundary_is_a_mistake_for_either_class():
    for label in (0, 1):
        assert Perceptron().fit([[1.0]], [label]).mistakes_ == [1, 0]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([0.05, 0.2, 0.5]), st.booleans())
def test_mistakes_never_exceed_novikoffs_bound(seed, gap, shuffle):
    X, y, coef, intercept = separable(seed, n_samples=30, n_features=2, gap=gap)
    assume(len(X) > 1)
    perceptron = Perceptron(max_epochs=100_000, shuffle=shuffle, seed=seed).fit(X, y)
    assert perceptron.converged_
    assert perceptron.score(X, y) == 1.0
    total = sum(perceptron.mistakes_)
    assert total <= novikoff_bound(X, y, coef, intercept)
    # The solution it found separates too, so its own margin gives another valid bound.
    assert total <= novikoff_bound(X, y, perceptron.coef_, perceptron.intercept_)


def test_novikoffs_bound_is_reached():
    # With their signs the augmented rows are (1, 1) and (1, -1): at right angles, so neither helps the other.
    X, y = np.array([[1.0], [-1.0]]), np.array([1, 0])
    assert sum(Perceptron().fit(X, y).mistakes_) == 2
    assert_allclose(novikoff_bound(X, y, [1.0], 0.0), 2.0, rtol=1e-15)  # R^2 = 2, gamma = 1


def test_margin_by_hand_and_its_scale():
    X, y = [[3.0, 0.0], [0.0, 0.0]], [1, 0]
    # w = (2, 0, -1): row 0 gives 6 - 1 = 5, row 1 gives -(-1) = 1, ||w|| = sqrt(5).
    assert_allclose(margin([2.0, 0.0], -1.0, X, y), 1 / np.sqrt(5), rtol=1e-15)
    assert_allclose(margin([20.0, 0.0], -10.0, X, y), 1 / np.sqrt(5), rtol=1e-15)
    assert_allclose(margin([2.0, 0.0], -1.0, X, [0, 1]), -5 / np.sqrt(5), rtol=1e-15)
    assert_allclose(novikoff_bound(X, y, [2.0, 0.0], -1.0), 10 * 5, rtol=1e-14)  # R^2 = 9 + 1


def test_bound_needs_a_separator():
    X, y = [[-1.0], [1.0]], [0, 1]
    with pytest.raises(ValueError, match="must separate the classes"):
        novikoff_bound(X, y, [-1.0], 0.0)
    with pytest.raises(ValueError, match="must not all be zero"):
        novikoff_bound(X, y, [0.0], 0.0)
    with pytest.raises(ValueError, match="one weight per feature, 1, got 2"):
        margin([1.0, 1.0], 0.0, X, y)


def test_path_and_updates_tell_the_same_story():
    X, y, *_ = separable(4)
    perceptron = Perceptron(learning_rate=0.5, shuffle=True, seed=1).fit(X, y)
    assert len(perceptron.updates_) == sum(perceptron.mistakes_) == len(perceptron.path_) - 1
    signs = 2 * y - 1
    steps = [0.5 * signs[i] * np.append(X[i], 1.0) for _, i in perceptron.updates_]
    assert_allclose(np.diff(perceptron.path_, axis=0), steps, atol=1e-12)
    assert_array_equal(perceptron.path_[0], 0.0)
    assert_array_equal(perceptron.path_[-1], [*perceptron.coef_, perceptron.intercept_])
    epochs = [epoch for epoch, _ in perceptron.updates_]
    assert [epochs.count(epoch) for epoch in range(perceptron.n_epochs_)] == perceptron.mistakes_


def test_without_a_recorded_path_the_answer_is_the_same():
    X, y, *_ = separable(4)
    full, lean = Perceptron().fit(X, y), Perceptron(record_path=False).fit(X, y)
    assert_array_equal(full.coef_, lean.coef_)
    assert lean.mistakes_ == full.mistakes_
    assert lean.updates_ == []
    assert_array_equal(lean.path_, full.path_[[0, -1]])


def test_shuffling_is_seeded():
    X, y = overlapping(5)
    runs = [Perceptron(shuffle=True, seed=seed, max_epochs=3).fit(X, y).coef_ for seed in (1, 1, 2)]
    assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_xor_never_converges():
    X, y = np.array([[0, 0], [0, 1], [1, 0], [1, 1]]), np.array([0, 1, 1, 0])
    perceptron = Perceptron(max_epochs=50).fit(X, y)
    assert not perceptron.converged_
    assert perceptron.n_epochs_ == 50
    assert min(perceptron.mistakes_) > 0


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda: Perceptron(learning_rate=0).fit([[1.0]], [1]), "learning_rate must"),
        (lambda: Perceptron(max_epochs=0).fit([[1.0]], [1]), "max_epochs must be at least 1, got 0"),
        (lambda: Perceptron().fit([1.0], [1]), "X must have shape"),
        (lambda: Perceptron().fit(np.zeros((0, 2)), []), "at least one row"),
        (lambda: Perceptron().fit([[np.nan]], [1]), "X must hold finite numbers"),
        (lambda: Perceptron().fit([[1.0]], [[1]]), r"y must have shape \(1,\)"),
        (lambda: Perceptron().fit([[1.0], [2.0]], [-1, 1]), r"only the labels 0 and 1, got \[-1, 1\]"),
        (lambda: Perceptron().predict([[1.0]]), "fit must be called"),
        (lambda: Perceptron().fit([[1.0]], [1]).predict([[1.0, 2.0]]), "X must have 1 features"),
    ],
)
def test_what_it_refuses(act, message):
    with pytest.raises(ValueError, match=message):
        act()
