"""The search finds a disagreement that the rows do not show, inside their range, within its bounds."""

from __future__ import annotations

import numpy as np

from throughline.verify.worst_case import POPULATION, search


def rows(n_rows=300, n_features=4):
    return np.random.default_rng(1).normal(size=(n_rows, n_features)).astype(np.float32)


def disagreeing_at(place, width=0.5):
    """Two answers that differ most at one place in the box, where none of the rows lies."""

    def answer(X):
        expected = np.full(len(X), 0.5)
        return expected + 0.3 * np.exp(-np.square(X - place).sum(axis=1) / (2 * width**2)), expected

    return answer


def test_it_finds_a_peak_between_the_rows():
    X = rows()
    place = np.array([2.0, -2.0, 2.0, -2.0])
    answer = disagreeing_at(place)
    on_rows = np.abs(np.subtract(*answer(X))).max()
    row, found = search(answer, X, longest_s=20)
    assert on_rows < 0.05
    assert abs(found["answered"] - found["expected"]) > 0.29
    np.testing.assert_allclose(row, place, atol=0.2)
    assert row.dtype == np.float32


def test_it_stays_inside_the_range_of_the_rows_and_within_its_bounds():
    X, seen = rows(), []

    def answer(asked):
        seen.append(asked)
        return np.abs(asked).sum(axis=1), np.zeros(len(asked))

    _, found = search(answer, X, most_rows=20 * POPULATION, longest_s=20)
    asked = np.concatenate(seen)
    assert (asked >= X.min(axis=0)).all()
    assert (asked <= X.max(axis=0)).all()
    assert found["n_evaluated"] == len(asked) <= 20 * POPULATION
    corner = np.maximum(np.abs(X.min(axis=0)), np.abs(X.max(axis=0))).sum()
    assert found["answered"] > 0.97 * corner


def test_it_ends_in_time_and_is_never_less_than_the_rows():
    X = rows()
    _, found = search(disagreeing_at(X[7], 0.1), X, longest_s=0.0)
    assert found["n_evaluated"] == len(X) + POPULATION
    assert found["answered"] - found["expected"] > 0.3 - 1e-6


def test_an_answer_that_is_not_a_number_is_the_worst_of_all():
    X = rows()

    def answer(asked):
        return np.where(asked[:, 0] > 1.5, np.nan, 0.5), np.full(len(asked), 0.5)

    row, found = search(answer, X)
    assert found["answered"] is None
    assert row[0] > 1.5
