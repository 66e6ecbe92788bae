"""What the frameworks are given: the same batches and masks for all, drawn from the seed, complete."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from throughline.parity.feed import draw_feed, load_feed
from throughline.parity.tasks import PARITY_TASKS, make_case, scaled_rows

CASE = make_case("seed", "adam", "float64", 0.3, 5)


@pytest.fixture(scope="module")
def rows():
    return scaled_rows("seed", 5)[:2]


def test_every_epoch_visits_every_row_once(rows):
    feed = draw_feed(CASE.network, CASE.train, *rows, n_steps=2 * 94)
    for epoch in (feed.order[:94], feed.order[94:]):
        assert sorted(epoch[epoch >= 0]) == list(range(3000))
        assert (epoch[-1] >= 0).sum() == 3000 % 32
    assert (feed.order[:94] != feed.order[94:]).any()


def test_a_dropped_last_batch_is_not_there(rows):
    train = dataclasses.replace(CASE.train, last_batch="drop", shuffle=False)
    feed = draw_feed(CASE.network, train, *rows, n_steps=94)
    assert (feed.order >= 0).all()
    np.testing.assert_array_equal(feed.order[0], feed.order[93])  # the 94th batch begins the second epoch


def test_masks_drop_at_their_rate_and_keep_the_mean(rows):
    feed = draw_feed(CASE.network, CASE.train, *rows, n_steps=200)
    assert [kept.shape for kept in feed.kept] == [(200, 32, 64), (200, 32, 32)]
    batch = feed.batch(93, CASE.network, CASE.train)
    assert [mask.shape for mask in batch.masks] == [(24, 64), (24, 32)]
    assert set(np.unique(batch.masks[0])) == {0.0, 1 / 0.7}
    assert all(abs(kept.mean() - 0.7) < 0.01 for kept in feed.kept)


def test_the_seed_alone_decides_and_the_file_keeps_it(rows, tmp_path):
    feed, again = (draw_feed(CASE.network, CASE.train, *rows, n_steps=60) for _ in range(2))
    feed.save(tmp_path / "feed.npz")
    for other in (again, load_feed(tmp_path / "feed.npz")):
        np.testing.assert_array_equal(other.order, feed.order)
        for mine, theirs in zip(other.kept, feed.kept, strict=True):
            np.testing.assert_array_equal(mine, theirs)
    other_seed = dataclasses.replace(CASE.train, shuffle_seed=6)
    assert (draw_feed(CASE.network, other_seed, *rows, n_steps=60).order != feed.order).any()


def test_without_dropout_there_are_no_masks(rows):
    network = dataclasses.replace(CASE.network, dropout=0.0)
    feed = draw_feed(network, CASE.train, *rows, n_steps=3)
    assert feed.batch(0, network, CASE.train).masks is None


@pytest.mark.parametrize("task", PARITY_TASKS)
def test_batches_are_in_the_dtype_of_the_network(task):
    for dtype in ("float32", "float64"):
        case = make_case(task, "sgd", dtype, 0.5, 1)
        if case.network.output != "linear":
            weights = tuple(float(i + 1) for i in range(max(2, case.network.n_outputs)))
            case = dataclasses.replace(case, train=dataclasses.replace(case.train, class_weight=weights))
        X, y = scaled_rows(task, 1)[:2]
        assert (X.shape, X.dtype, y.shape) == ((3000, 20), np.float32, (3000,))
        batch = draw_feed(case.network, case.train, X, y, 2).batch(1, case.network, case.train)
        assert batch.X.dtype == batch.y.dtype == batch.masks[0].dtype == dtype
        assert batch.y.shape == (32, case.network.n_outputs)
        if batch.row_weights is not None:
            assert batch.row_weights.dtype == dtype
            assert set(batch.row_weights) == set(weights)
