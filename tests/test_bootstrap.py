"""The bootstrap's metrics against scikit-learn with sample weights, and its intervals against what they promise."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference

from throughline.bootstrap import bootstrap_intervals, metrics

REFERENCES = {
    "accuracy": lambda y, p, w: reference.accuracy_score(y, p > 0.5, sample_weight=w),
    "roc_auc": lambda y, p, w: reference.roc_auc_score(y, p, sample_weight=w),
    "average_precision": lambda y, p, w: reference.average_precision_score(y, p, sample_weight=w),
    "log_loss": lambda y, p, w: reference.log_loss(y, p, sample_weight=w, labels=[0, 1]),
    "brier": lambda y, p, w: reference.brier_score_loss(y, p, sample_weight=w),
} | {
    f"{name}_{code}": lambda y, p, w, score=score, code=code: score(
        y, p > 0.5, pos_label=code, sample_weight=w, zero_division=0
    )
    for name, score in (
        ("precision", reference.precision_score),
        ("recall", reference.recall_score),
        ("f1", reference.f1_score),
    )
    for code in (0, 1)
}


@given(n=st.integers(4, 60), seed=st.integers(0, 10_000), digits=st.sampled_from([1, 2, 8]))
@settings(max_examples=60, deadline=None)
def test_every_metric_is_that_of_scikit_learn_with_weights(n: int, seed: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    y = np.append(rng.integers(0, 2, n - 2), [0, 1])
    p = np.round(np.clip(0.5 + 0.3 * (y - 0.5) + 0.3 * rng.normal(size=n), 0.001, 0.999), digits)  # with ties
    p = np.clip(p, 0.01, 0.99)
    weights = rng.integers(0, 4, (3, n)).astype(float)
    weights[:, -2:] += 1  # both classes have some
    found = metrics(y, p, weights, threshold=0.5)
    assert found.keys() == REFERENCES.keys()
    for name, values in found.items():
        expected = [REFERENCES[name](y, p, w) for w in weights]
        np.testing.assert_allclose(values, expected, rtol=1e-12, atol=1e-12, err_msg=name)


def test_the_value_is_the_one_of_all_rows() -> None:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 200)
    p = np.clip(0.5 + 0.4 * (y - 0.5) + 0.3 * rng.normal(size=200), 0.01, 0.99)
    intervals = bootstrap_intervals(y, p, 0.5, n_resamples=200)
    for name, interval in intervals.items():
        assert interval.value == pytest.approx(REFERENCES[name](y, p, None), abs=1e-12), name
        assert interval.low <= interval.value <= interval.high, name


def test_the_interval_of_a_share_is_as_wide_as_its_standard_error_says() -> None:
    y = np.tile([0, 1], 500)
    p = np.where(np.arange(1000) < 900, y, 1 - y) * 0.8 + 0.1  # 90 % right
    interval = bootstrap_intervals(y, p, 0.5, n_resamples=4000)["accuracy"]
    half = 1.96 * (0.9 * 0.1 / 1000) ** 0.5
    assert interval.low == pytest.approx(0.9 - half, abs=0.003)
    assert interval.high == pytest.approx(0.9 + half, abs=0.003)


def test_with_weights_the_value_is_the_weighted_one_and_the_interval_as_wide_as_its_standard_error() -> None:
    rng = np.random.default_rng(0)
    y = np.tile([0, 1], 500)
    p, weights = np.where(rng.uniform(size=1000) < 0.9, y, 1 - y) * 0.8 + 0.1, 10 ** rng.uniform(-1, 1, 1000)
    intervals = bootstrap_intervals(y, p, 0.5, weights, n_resamples=4000)
    for name, interval in intervals.items():
        assert interval.value == pytest.approx(REFERENCES[name](y, p, weights), abs=1e-12), name
    # The delta method's standard error of a ratio of two sums.
    found, right = intervals["accuracy"], (p > 0.5) == y
    half = 1.96 * np.sqrt(np.sum(np.square(weights * (right - found.value)))) / weights.sum()
    assert found.low == pytest.approx(found.value - half, abs=0.004)
    assert found.high == pytest.approx(found.value + half, abs=0.004)


def test_resamples_without_one_of_the_classes_are_drawn_again() -> None:
    y, p = np.array([0, 0, 0, 0, 0, 1]), np.array([0.1, 0.2, 0.3, 0.4, 0.6, 0.9])
    intervals = bootstrap_intervals(y, p, 0.5, n_resamples=500)  # a third of all resamples has class 0 alone
    assert all(np.isfinite([i.low, i.high]).all() for i in intervals.values())


def test_parts_do_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(1)
    y, p = rng.integers(0, 2, 50), rng.random(50)
    whole = bootstrap_intervals(y, p, 0.5, n_resamples=100, seed=3)
    assert whole == bootstrap_intervals(y, p, 0.5, n_resamples=100, seed=3)
    assert whole != bootstrap_intervals(y, p, 0.5, n_resamples=100, seed=4)
    monkeypatch.setattr("throughline.bootstrap.CHUNK", 50 * 7)
    parts = bootstrap_intervals(y, p, 0.5, n_resamples=100, seed=3)
    assert all(parts[name].value == whole[name].value for name in whole)
