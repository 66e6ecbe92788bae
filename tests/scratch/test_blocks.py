"""The block engine against the plain loop: not nearly the same weights but the same bits, by the same mistakes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from throughline.scratch import Perceptron, novikoff_bound
from throughline.scratch.blocks import GRAM_ROWS, BlockPerceptron

METHODS = st.sampled_from(["auto", "jump", "gram"])


def plain(X, signs, steps=None, order=None, n_epochs=1, fit_intercept=True):
    """One row at a time; return every weight vector after every row, and the rows that were mistakes."""
    coef, intercept, seen, mistakes = np.zeros(X.shape[1], X.dtype), 0.0, [], []
    for _ in range(n_epochs):
        for i in range(len(X)) if order is None else order:
            if signs[i] * (X[i] @ coef + intercept) <= 0:
                size = 1.0 if steps is None else steps[i]
                coef = coef + X.dtype.type(size) * signs[i] * X[i]
                intercept += float(size * signs[i]) if fit_intercept else 0.0
                mistakes.append(int(i))
            seen.append((coef, intercept))
    return seen, mistakes


def make(kind, seed, n_samples, n_features):
    """Rows of several kinds; on grids, margins of exactly zero are common."""
    rng = np.random.default_rng(seed)
    if kind == "grid":
        X = rng.integers(-2, 3, (n_samples, n_features)).astype(float)
    elif kind == "eighths":
        X = rng.integers(-2, 3, (n_samples, n_features)) / 8
    elif kind == "tenths":  # not exact in binary, so margins that ought to be zero are rounding errors
        X = rng.integers(-2, 3, (n_samples, n_features)) / 10
    elif kind == "duplicates":
        X = rng.normal(size=(1 + n_samples // 8, n_features))[rng.integers(0, 1 + n_samples // 8, n_samples)]
    elif kind == "scales":
        X = rng.normal(size=(n_samples, n_features)) * 10.0 ** rng.integers(-8, 9, (n_samples, n_features))
    else:
        X = rng.normal(size=(n_samples, n_features))
    signs = np.where(X @ rng.normal(size=n_features) > 0, 1.0, -1.0)
    signs[rng.random(n_samples) < rng.choice([0.0, 0.05, 0.5])] *= -1
    return X, signs


@settings(max_examples=150, deadline=None)
@given(
    kind=st.sampled_from(["normal", "grid", "eighths", "tenths", "duplicates", "scales"]),
    seed=st.integers(0, 10**6),
    n_samples=st.integers(1, 200),
    n_features=st.integers(1, 24),
    block_rows=st.sampled_from([None, 1, 7, 64, 65, 130]),
    method=METHODS,
    fit_intercept=st.booleans(),
    shuffle=st.booleans(),
    weighted=st.booleans(),
)
def test_same_bits_and_same_mistakes_as_one_row_at_a_time(
    kind, seed, n_samples, n_features, block_rows, method, fit_intercept, shuffle, weighted
):
    X, signs = make(kind, seed, n_samples, n_features)
    rng = np.random.default_rng(seed)
    order = rng.permutation(n_samples) if shuffle else None
    steps = rng.choice([0.0, 0.1, 1.0, 3.0], n_samples) if weighted else None
    seen, mistakes = plain(X, signs, steps, order, 2, fit_intercept)
    blocks = BlockPerceptron(
        X, signs, steps=steps, fit_intercept=fit_intercept, block_rows=block_rows, method=method, record=True
    )
    epochs = [blocks.run_epoch(order) for _ in range(2)]
    assert blocks.updates == mistakes
    assert_array_equal(blocks.coef, seen[-1][0])
    assert blocks.intercept == seen[-1][1]
    assert sum(epoch.mistakes for epoch in epochs) == len(mistakes)


@settings(max_examples=40, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    kind=st.sampled_from(["normal", "grid", "tenths", "scales"]),
    method=METHODS,
    weighted=st.booleans(),
)
def test_same_bits_in_float32_with_a_wide_intercept(seed, kind, method, weighted):
    X, signs = make(kind, seed, 150, 5)
    X, signs = X.astype(np.float32), signs.astype(np.float32)
    steps = np.random.default_rng(seed).choice([0.1, 0.7], 150) if weighted else None
    seen, mistakes = plain(X, signs, steps, n_epochs=2)
    blocks = BlockPerceptron(X, signs, steps=steps, method=method, record=True)
    for _ in range(2):
        blocks.run_epoch()
    assert blocks.coef.dtype == np.float32
    assert blocks.updates == mistakes
    assert_array_equal(blocks.coef, seen[-1][0])
    assert blocks.intercept == seen[-1][1]


def test_float32_has_few_doubts_too():
    X, signs = make("normal", 2, 5000, 20)
    narrow = BlockPerceptron(X.astype(np.float32), signs.astype(np.float32))
    narrow.run_epoch()
    assert narrow.doubts < 50


@pytest.mark.parametrize("method", ["jump", "gram"])
def test_the_learners_perceptron_gets_the_same_answer(method):
    X, signs = make("normal", 3, 3000, 20)
    learner = Perceptron(max_epochs=4, record_path=False).fit(X, signs > 0)
    blocks = BlockPerceptron(X, signs, method=method)
    assert [blocks.run_epoch().mistakes for _ in range(learner.n_epochs_)] == learner.mistakes_
    assert_array_equal(blocks.coef, learner.coef_)
    assert blocks.intercept == learner.intercept_


@pytest.mark.parametrize("method", ["jump", "gram"])
def test_columns_that_lie_apart_in_memory(method):
    X, signs = make("normal", 5, 300, 9)
    X = np.asfortranarray(X)
    seen, mistakes = plain(X, signs)
    blocks = BlockPerceptron(X, signs, method=method, record=True)
    blocks.run_epoch()
    assert blocks.updates == mistakes
    assert_array_equal(blocks.coef, seen[-1][0])


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e-100, 1e100, 1e150])
@pytest.mark.parametrize("method", ["jump", "gram"])
def test_at_the_ends_of_the_format_every_row_is_decided_by_itself(scale, method):
    X, signs = make("normal", 1, 130, 3)
    X = X * scale
    with np.errstate(all="ignore"):
        seen, mistakes = plain(X, signs, fit_intercept=False)
    blocks = BlockPerceptron(X, signs, fit_intercept=False, method=method, record=True)
    blocks.run_epoch()
    assert blocks.updates == mistakes
    assert_array_equal(blocks.coef, seen[-1][0])
    assert blocks.doubts == 130


@pytest.mark.parametrize("method", ["jump", "gram"])
def test_doubts_are_rare_on_continuous_rows_and_found_on_grids(method):
    X, signs = make("normal", 2, 5000, 20)
    continuous = BlockPerceptron(X, signs, method=method)
    continuous.run_epoch()
    assert continuous.doubts == 1  # the first row, where all weights are zero
    X, signs = make("tenths", 2, 5000, 3)
    grid = BlockPerceptron(X, signs, method=method)
    grid.run_epoch()
    assert grid.doubts > 50


def test_the_bound_holds_for_the_margins_of_a_gram_block():
    # Margins kept up to date through 64 corrections, against the exact ones of the same rows.
    for seed in range(20):
        X, signs = make("scales" if seed % 2 else "normal", seed, GRAM_ROWS, 20)
        blocks = BlockPerceptron(X, signs, method="gram", record=True)
        blocks.run_epoch()
        kept = blocks._m[:GRAM_ROWS].astype(np.longdouble)
        exact = signs * (X.astype(np.longdouble) @ blocks.coef.astype(np.longdouble) + blocks.intercept)
        error = float(np.abs(kept - exact).max())
        assert 0 < error <= blocks._bound


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), first=st.integers(1, 250), method=METHODS, weighted=st.booleans())
def test_lazy_average_is_the_mean_of_all_weights(seed, first, method, weighted):
    X, signs = make("normal", seed, 100, 4)
    steps = np.random.default_rng(seed).random(100) if weighted else None
    seen, _ = plain(X, signs, steps, n_epochs=2)
    blocks = BlockPerceptron(X, signs, steps=steps, average_from=first, method=method, block_rows=70)
    for _ in range(2):
        blocks.run_epoch()
    coef, intercept, n_averaged = blocks.averaged()
    assert n_averaged == max(0, 200 - first + 1)
    wanted = seen[first - 1 :] or seen[-1:]
    assert_allclose(coef, np.mean([c for c, _ in wanted], axis=0), rtol=0, atol=1e-12)
    assert_allclose(intercept, np.mean([b for _, b in wanted]), rtol=0, atol=1e-12)


def test_rest_counts_in_the_average():
    X, signs = np.array([[1.0], [-1.0]]), np.array([1.0, -1.0])
    blocks = BlockPerceptron(X, signs, average_from=1)
    while blocks.run_epoch().mistakes:
        pass
    rested = blocks.t
    before = blocks.averaged()[0]
    blocks.rest(10)
    assert_allclose(blocks.averaged()[0], (rested * before + 10 * blocks.coef) / (rested + 10), rtol=1e-14)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), kind=st.sampled_from(["normal", "grid"]), method=METHODS)
def test_the_pocket_is_never_worse_than_the_last_weights(seed, kind, method):
    X, signs = make(kind, seed, 150, 4)
    blocks = BlockPerceptron(X, signs, pocket=True, method=method)
    plain_blocks = BlockPerceptron(X, signs, method=method)
    for _ in range(3):
        blocks.run_epoch()
        plain_blocks.run_epoch()
    assert_array_equal(blocks.coef, plain_blocks.coef)  # looking changes nothing
    coef, intercept, n_right = blocks.pocketed()
    assert n_right == np.sum((X @ coef + intercept > 0) == (signs > 0))
    assert n_right >= np.sum((X @ blocks.coef + blocks.intercept > 0) == (signs > 0))


def test_the_pocket_holds_what_a_long_run_left():
    # 99 rows of either side, then ten lies: the last weights have believed the lies, those in the pocket have not.
    rng = np.random.default_rng(0)
    x = np.concatenate([rng.uniform(1, 2, 99), -rng.uniform(1, 2, 99), np.full(10, 1.5)])
    signs = np.concatenate([np.tile([1.0], 99), np.tile([-1.0], 99), np.full(10, -1.0)])
    order = np.concatenate([rng.permutation(198), np.arange(198, 208)])
    blocks = BlockPerceptron(x[:, None], signs, pocket=True)
    blocks.run_epoch(order)
    assert blocks.pocketed()[2] == 198
    assert np.sum((x * blocks.coef[0] + blocks.intercept > 0) == (signs > 0)) < 198


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_novikoffs_bound_is_never_exceeded(seed):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(200, 3))
    distance = X @ rng.normal(size=3)
    X, distance = X[np.abs(distance) > 0.2], distance[np.abs(distance) > 0.2]
    blocks = BlockPerceptron(X, np.sign(distance))
    total = 0
    while mistakes := blocks.run_epoch().mistakes:
        total += mistakes
    assert total <= novikoff_bound(X, distance > 0, blocks.coef, blocks.intercept)


def test_the_loss_is_the_sum_of_what_was_missing():
    X, signs = make("normal", 4, 500, 6)
    expected, coef, intercept = 0.0, np.zeros(6), 0.0
    for x, s in zip(X, signs, strict=True):
        margin = s * (x @ coef + intercept)
        if margin <= 0:
            expected, coef, intercept = expected - margin, coef + s * x, intercept + s
    for method in ("jump", "gram"):
        assert_allclose(BlockPerceptron(X, signs, method=method).run_epoch().loss, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda X, s: BlockPerceptron(X, s, intercept=1.0, fit_intercept=False), "intercept must be 0"),
        (lambda X, s: BlockPerceptron(X, s, method="guess"), "method must be 'auto', 'jump' or 'gram', got 'guess'"),
        (lambda X, s: BlockPerceptron(X, s).pocketed(), "pocket must be True"),
        (lambda X, s: BlockPerceptron(X * np.nan, s).run_epoch(), "X must hold finite"),
        (lambda X, s: BlockPerceptron(X / 0, s).run_epoch(), "X must hold finite numbers only"),
    ],
)
def test_what_it_refuses(act, message):
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=message):
        act(np.ones((3, 2)), np.array([1.0, -1.0, 1.0]))
