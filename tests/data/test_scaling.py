"""Scaling against scikit-learn's, and where its statistics come from."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from sklearn.preprocessing import RobustScaler, StandardScaler

from throughline.data.scaling import IQR_OF_NORMAL, fit_robust_scaling, fit_scaling, scale
from throughline.data.split import split_rows
from throughline.data.tasks import make_classification

VALUES = st.integers(-(10**6), 10**6).map(lambda n: n / 64)  # exact in float32


@settings(deadline=None)
@given(npst.arrays(np.float32, st.tuples(st.integers(2, 30), st.integers(1, 4)), elements=VALUES))
def test_equals_standard_scaler(X: np.ndarray) -> None:
    reference = StandardScaler().fit(X.astype(np.float64))
    mean, std = fit_scaling(X)
    assert mean.dtype == std.dtype == np.float64
    np.testing.assert_allclose(mean, reference.mean_, rtol=1e-12, atol=1e-9)
    np.testing.assert_allclose(std, reference.scale_, rtol=1e-9)
    np.testing.assert_allclose(scale(X, mean, std), reference.transform(X.astype(np.float64)), atol=1e-7)


@pytest.mark.parametrize("value", [0.0, 0.1, 1 / 3, -1e30, 3e38, 1e-45])
@pytest.mark.parametrize("n_rows", [1, 7, 3000])
def test_a_constant_column_becomes_zero_in_either_precision(value: float, n_rows: int) -> None:
    X = np.full((n_rows, 1), value, np.float32)
    mean, std = fit_scaling(X)
    assert std.tolist() == [1.0]
    for dtype in (np.float32, np.float64):
        scaled = scale(X, mean.astype(dtype), std.astype(dtype))
        assert scaled.dtype == dtype
        np.testing.assert_allclose(scaled, 0, atol=abs(value) * 1e-12)


def test_no_deviation_is_taken_for_zero_by_a_runtime() -> None:
    # 1e-45 and 1e-40 are subnormal in float32: hardware that flushes them would divide by zero.
    X = np.array([[0.0, 0.0, 0.0], [1e-45, 1e-40, 1e-30]], np.float32)
    mean, std = fit_scaling(X)
    np.testing.assert_allclose(std, [1.0, 1.0, 5e-31], rtol=1e-6)
    assert np.isfinite(scale(X, mean.astype(np.float32), std.astype(np.float32))).all()


def test_statistics_come_from_the_training_rows_alone() -> None:
    split = split_rows(make_classification(0), 0)
    mean, std = fit_scaling(split.X_train)
    scaled = scale(split.X_train, mean, std)
    np.testing.assert_allclose(scaled.mean(axis=0), 0, atol=1e-9)
    np.testing.assert_allclose(scaled.std(axis=0), 1, rtol=1e-9)
    for X in (split.X_val, split.X_test):
        assert np.abs(scale(X, mean, std).mean(axis=0)).max() > 1e-3


@settings(deadline=None)
@given(npst.arrays(np.float32, st.tuples(st.integers(2, 30), st.integers(1, 4)), elements=VALUES | st.just(np.nan)))
def test_robust_scaling_equals_that_of_scikit_learn_where_there_is_a_spread(X: np.ndarray) -> None:
    median, spread = fit_robust_scaling(X)
    assert median.dtype == spread.dtype == np.float64
    filled = np.where(np.isnan(X).all(axis=0), 0, X).astype(np.float64)
    reference = RobustScaler(unit_variance=True).fit(filled)
    varies = spread > 0
    np.testing.assert_allclose(median, reference.center_, atol=1e-9)
    np.testing.assert_allclose(spread[varies], reference.scale_[varies], atol=1e-9)
    # scikit-learn puts 1 in the place of a range of 0, before it makes a deviation of it.
    np.testing.assert_allclose(reference.scale_[~varies] * IQR_OF_NORMAL, 1.0)


def test_a_few_extreme_numbers_move_mean_and_deviation_but_not_median_and_spread() -> None:
    X = np.random.default_rng(0).normal(50, 4, (1000, 1))
    extreme = X.copy()
    extreme[:10] = 1e6
    np.testing.assert_allclose(fit_robust_scaling(X), fit_scaling(X), rtol=0.05)
    np.testing.assert_allclose(fit_robust_scaling(extreme), fit_robust_scaling(X), rtol=0.05)
    assert fit_scaling(extreme)[1] > 1000 * fit_scaling(X)[1]
