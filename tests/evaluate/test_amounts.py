"""Figures of amounts against scikit-learn, their intervals, and the test of two networks against SciPy."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from throughline.bootstrap import bootstrap_amounts, metrics_of_amounts
from throughline.evaluate import evaluate_amounts, paired_errors


def answered(n_rows: int, seed: int, far: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    y = far + rng.normal(size=n_rows)
    return y.astype(np.float32), (y + 0.4 * rng.normal(size=n_rows) + 0.1).astype(np.float32)


@given(n_rows=st.integers(3, 80), seed=st.integers(0, 10_000), far=st.sampled_from([0.0, 30.0, -4000.0]))
@settings(max_examples=60, deadline=None)
def test_weighted_figures_are_those_of_scikit_learn(n_rows: int, seed: int, far: float) -> None:
    y, p = (array.astype(np.float64) for array in answered(n_rows, seed, far))
    weights = np.random.default_rng(seed).integers(0, 4, (2, n_rows)).astype(float) + np.eye(2, n_rows)
    weights[:, -1] += 1
    found = metrics_of_amounts(y, p, weights)
    for i, w in enumerate(weights):
        assert found["r2"][i] == pytest.approx(reference.r2_score(y, p, sample_weight=w), rel=1e-6, abs=1e-9)
        assert found["rmse"][i] == pytest.approx(reference.root_mean_squared_error(y, p, sample_weight=w))
        assert found["mae"][i] == pytest.approx(reference.mean_absolute_error(y, p, sample_weight=w))
        assert found["bias"][i] == pytest.approx(np.average(p - y, weights=w))


def test_one_network() -> None:
    y, p = answered(1000, 0, far=100.0)
    found = evaluate_amounts("torch", y, p, training_mean=99.0)
    assert found.r2.value == pytest.approx(reference.r2_score(y, p), rel=1e-6)
    assert found.baseline_rmse == pytest.approx(np.sqrt(np.var(y.astype(float)) + (y.astype(float).mean() - 99) ** 2))
    assert found.r2.low < found.r2.value < found.r2.high
    assert found.bias.low > 0
    assert len(found.points) == 400
    assert found.error_quantiles == sorted(found.error_quantiles)
    assert found.error_quantiles[3] == pytest.approx(np.median(p.astype(float) - y.astype(float)))
    assert set(found.points) <= {(float(f"{a:.6g}"), float(f"{b:.6g}")) for a, b in zip(y, p, strict=True)}


def test_the_interval_of_the_bias_is_that_of_a_mean() -> None:
    y, p = answered(2000, 1)
    error = (p - y).std() / np.sqrt(2000)
    found = bootstrap_amounts(y.astype(float), p.astype(float))["bias"]
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.1)


def test_two_networks() -> None:
    y, first = answered(300, 2)
    second = y + 2 * (first - y)
    found = paired_errors(("keras", "torch"), y, first, second)
    apart = np.abs(first.astype(float) - y) - np.abs(second.astype(float) - y)
    assert found.p_value == pytest.approx(float(scipy.stats.wilcoxon(apart).pvalue))
    assert found.p_value < 0.001
    assert found.difference.high < 0
    assert found.correlation == pytest.approx(np.corrcoef(first, second)[0, 1])
    assert found.largest_apart == pytest.approx(np.abs(first.astype(float) - second).max())


def test_two_networks_with_the_same_answers() -> None:
    y, first = answered(50, 3)
    found = paired_errors(("keras", "torch"), y, first, first)
    assert (found.p_value, found.difference.value, found.largest_apart) == (1.0, 0.0, 0.0)


def test_a_network_that_answers_one_amount_has_no_correlation() -> None:
    y, first = answered(50, 4)
    found = paired_errors(("keras", "torch"), y, first, np.full(50, 2.0))
    assert found.correlation == 0.0
