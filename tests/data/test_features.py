"""Features of mixed columns against scikit-learn's imputer, indicator, scaler and one-hot encoder."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from throughline.data.features import feature_names, features, features_of, fit_columns, select, select_features
from throughline.data.scaling import IQR_OF_NORMAL, fit_scaling
from throughline.spec import Column, NetworkSpec
from throughline.weights import initial_weights

LABELS = ("a", "b", "c")


def columns_of(n_numbers: int, n_categories: int) -> tuple[Column, ...]:
    numbers = [Column(name=f"x{i}", source=f"x{i}", flag_missing=i % 2 == 0) for i in range(n_numbers)]
    coded = [
        Column(name=f"c{i}", source=f"c{i}", encoding="category", labels=LABELS, flag_missing=i == 1)
        for i in range(n_categories)
    ]
    return tuple(numbers + coded)


def rows_of(n_numbers: int, n_categories: int, n_rows: int, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    numbers = rng.normal(rng.uniform(-1e4, 1e4, n_numbers), 10.0 ** rng.uniform(-1, 3, n_numbers), (n_rows, n_numbers))
    rows = np.hstack([numbers, rng.integers(0, len(LABELS) + 1, (n_rows, n_categories))]).astype(np.float32)
    rows[1:][rng.uniform(size=(n_rows - 1, rows.shape[1])) < 0.2] = np.nan
    return rows


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 4), st.integers(0, 3), st.integers(5, 60), st.integers(0, 2**32 - 1))
def test_equals_scikit_learn(n_numbers, n_categories, n_rows, seed):
    X = rows_of(n_numbers, n_categories, n_rows, seed)
    columns, mean, std = fit_columns(X, columns_of(n_numbers, n_categories))
    numbers, codes = X[:, :n_numbers].astype(np.float64), X[:, n_numbers:]
    filled = SimpleImputer(strategy="median", keep_empty_features=True).fit_transform(numbers)
    flagged = [i for i, column in enumerate(columns) if column.flag_missing]
    wanted = [StandardScaler().fit_transform(filled)]
    if flagged:
        wanted.append(MissingIndicator(features="all").fit_transform(X[:, flagged]).astype(float))
    if n_categories:
        slots = [np.arange(len(LABELS) + 1, dtype=np.float32)] * n_categories
        encoder = OneHotEncoder(categories=slots, handle_unknown="ignore", sparse_output=False)
        wanted.append(encoder.fit(np.zeros((1, n_categories), np.float32)).transform(codes))
    found = features(X, columns, mean, std)
    assert found.dtype == np.float64
    assert found.shape == (n_rows, len(feature_names(columns)))
    np.testing.assert_allclose(found, np.hstack(wanted), rtol=1e-6, atol=1e-6)  # a fill is a float32


def test_without_columns_there_is_only_the_scaling():
    X = rows_of(3, 0, 20, 0)[:1].repeat(4, axis=0) * np.arange(1, 5, dtype=np.float32)[:, None]
    columns, mean, std = fit_columns(X, ())
    assert columns == ()
    np.testing.assert_array_equal([mean, std], fit_scaling(X))
    np.testing.assert_array_equal(features(X, (), mean, std), (X.astype(np.float64) - mean) / std)


def test_robust_scaling_is_of_the_filled_cells_and_falls_back_column_by_column():
    nan = np.nan
    X = np.array([[1, 0, nan, 2], [2, 0, nan, 1], [3, 0, nan, 3], [nan, 0, 7, 0], [4, 9, 7, 1], [900, 0, 8, 2]])
    columns = (*columns_of(3, 0), columns_of(0, 1)[0])
    found, mean, std = fit_columns(X, columns, "robust")
    _, standard_mean, standard_std = fit_columns(X, columns)
    np.testing.assert_allclose(mean[[0, 2, 3]], [3.0, 7.0, 0.0])
    np.testing.assert_allclose(std[[0, 2, 3]] * IQR_OF_NORMAL, [2.0, 0.5, IQR_OF_NORMAL])
    assert (mean[1], std[1]) == (standard_mean[1], standard_std[1])  # five of its six cells are 0
    assert [column.fill for column in found[:3:2]] == [0.0, 0.0]  # a median is where a robust scale begins


def test_codes_are_not_scaled_and_a_code_from_nowhere_is_no_label():
    columns = columns_of(0, 1)
    _, mean, std = fit_columns(np.array([[0.0], [3.0], [2.0]], np.float32), columns)
    assert (mean, std) == (0.0, 1.0)
    found = features(np.array([[2.0], [7.0], [0.5], [np.nan]], np.float32), columns, mean, std)
    assert found.tolist() == [[0, 0, 1, 0], [0] * 4, [0] * 4, [0] * 4]


def test_a_column_that_is_always_empty_is_filled_with_0():
    (column,), mean, std = fit_columns(np.full((4, 1), np.nan, np.float32), (Column(name="x", source="x"),))
    assert (column.fill, mean, std) == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_dtype_is_that_of_the_scaled_rows(dtype):
    columns = columns_of(2, 2)
    assert select_features(rows_of(2, 2, 5, 1).astype(dtype), columns).dtype == dtype


def test_kernels_of_what_was_never_seen_start_at_0():
    seen, unseen = (
        Column(name="c", source="c", encoding="category", labels=LABELS, has_other=other) for other in (True, False)
    )
    spec = NetworkSpec(n_inputs=3, columns=(seen, Column(name="x", source="x", flag_missing=True), unseen))
    assert spec.layer_sizes[0] == len(feature_names(spec.columns)) == select(spec.columns).n_features
    weights = initial_weights(spec, np.zeros(3), np.ones(3))
    weights.check(spec)
    still = [name for name, row in zip(feature_names(spec.columns), weights.kernels[0], strict=True) if not row.any()]
    assert still == ["c = other"]
    assert not weights.kernels[0][-1].any()
    assert features_of(spec, weights, np.zeros((2, 3))).shape == (2, spec.n_features)
