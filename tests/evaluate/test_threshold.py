"""The threshold on validation rows against trying every one of them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from throughline.evaluate import best_threshold

ROWS = st.lists(
    st.tuples(st.integers(0, 1), st.floats(0, 1, width=32), st.integers(1, 3)), min_size=2, max_size=40
).filter(lambda rows: len({y for y, _, _ in rows}) == 2)


def f1_at(threshold, y, p, weights=None):
    return f1_score(y, p > threshold, sample_weight=weights, zero_division=0)


@settings(deadline=None, max_examples=100)
@given(ROWS, st.booleans())
def test_no_threshold_has_a_higher_f1_and_none_as_high_is_nearer_to_one_half(rows, weighted):
    y, p, weights = (np.array(values) for values in zip(*rows, strict=True))
    p, weights = p.astype(np.float32), weights if weighted else None
    found = best_threshold(y, p, weights)
    # Between two probabilities that follow one another, all thresholds give the same labels.
    ends = np.unique([0.0, *p, 1.0])
    intervals = list(pairwise(ends))
    f1 = np.array([f1_at(start, y, p, weights) for start, _ in intervals])
    distances = np.array([max(0.0, start - 0.5, 0.5 - end) for start, end in intervals])
    (ours,) = [i for i, (start, end) in enumerate(intervals) if start <= found < end]
    assert f1[ours] == f1_at(found, y, p, weights)
    best = np.isclose(f1, f1.max(), rtol=1e-12)
    assert best[ours]
    assert distances[ours] == distances[best].min()


@settings(deadline=None)
@given(ROWS)
def test_a_row_of_weight_2_is_the_row_twice(rows):
    y, p, weights = (np.array(values) for values in zip(*rows, strict=True))
    assert best_threshold(y, p, weights) == best_threshold(np.repeat(y, weights), np.repeat(p, weights))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_labels_are_the_same_in_either_precision(dtype):
    near = np.nextafter(np.float32(0.3), np.float32(1))
    p, y = np.array([0.1, 0.3, near, 0.2], np.float32), np.array([0, 0, 1, 0])
    found = best_threshold(y, p)
    assert (p.astype(dtype) > dtype(found)).tolist() == [False, False, True, False]


def test_rows_that_are_told_apart_at_one_half_leave_it_there():
    assert best_threshold(np.array([0, 1, 0, 1]), np.array([0.2, 0.7, 0.4, 0.9])) == 0.5


def test_a_rare_class_moves_it_down():
    rng = np.random.default_rng(5)
    y = (rng.uniform(size=2000) < 0.05).astype(np.int64)
    p = 1 / (1 + np.exp(-(rng.normal(size=2000) + 2 * y - 3.5)))
    found = best_threshold(y, p)
    assert found < 0.4
    assert f1_at(found, y, p) > 1.5 * f1_at(0.5, y, p)
