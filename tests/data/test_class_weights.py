"""Balanced class weights against their definition."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from throughline.data.class_weights import balanced_class_weights

COUNTS = st.lists(st.integers(1, 30), min_size=2, max_size=5)


@given(COUNTS)
def test_classes_add_up_to_the_same_and_rows_count_1_on_average(counts):
    y = np.repeat(np.arange(len(counts)), counts)
    found = balanced_class_weights(y)
    np.testing.assert_allclose(found, [len(y) / (len(counts) * count) for count in counts])
    np.testing.assert_allclose(np.mean(np.array(found)[y]), 1)


@given(COUNTS, st.integers(0, 2**32 - 1))
def test_with_weights_the_sums_of_weights_add_up_to_the_same(counts, seed):
    y = np.repeat(np.arange(len(counts)), counts)
    weights = np.random.default_rng(seed).uniform(0.1, 10, len(y))
    total = np.array(balanced_class_weights(y, weights))[y] * weights
    np.testing.assert_allclose(np.bincount(y, total), weights.sum() / len(counts))
