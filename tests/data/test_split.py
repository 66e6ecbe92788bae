"""Every row in exactly one part, the classes shared out evenly, and a checksum that notices any change."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.data.split import FRACTIONS, Split, group_parts, load_split, split_rows, time_parts
from throughline.data.targets import MIN_ROWS_PER_CLASS
from throughline.data.tasks import Table
from throughline.errors import DataError
from throughline.spec import Task


def make_table(n_of_class_0: int, n_of_class_1: int) -> Table:
    """Return rows whose first column is their number, so that each can be recognised."""
    n = n_of_class_0 + n_of_class_1
    y = np.random.default_rng(0).permutation(np.repeat([0, 1], [n_of_class_0, n_of_class_1]))
    task = Task(name="t", kind="binary", feature_names=("row", "b"), class_names=("no", "yes"), source="a test")
    return Table(task, np.column_stack([np.arange(n), y * 0.5]).astype(np.float32), y.astype(np.int64))


def arrays_of(split: Split) -> dict[str, np.ndarray]:
    found = {field.name: getattr(split, field.name) for field in dataclasses.fields(split)}
    return {name: array for name, array in found.items() if array is not None}


def parts_of(split: Split) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    return {
        "train": (split.X_train, split.y_train),
        "validation": (split.X_val, split.y_val),
        "test": (split.X_test, split.y_test),
    }


@settings(max_examples=40, deadline=None)
@given(st.integers(MIN_ROWS_PER_CLASS, 200), st.integers(MIN_ROWS_PER_CLASS, 200), st.integers(0, 2**32 - 1))
def test_parts_are_disjoint_complete_and_stratified(n_of_class_0: int, n_of_class_1: int, seed: int) -> None:
    table = make_table(n_of_class_0, n_of_class_1)
    parts = parts_of(split_rows(table, seed))
    rows = np.concatenate([X[:, 0] for X, _ in parts.values()])
    np.testing.assert_array_equal(np.sort(rows), np.arange(len(table.y)))
    for name, (X, y) in parts.items():
        np.testing.assert_array_equal(y, table.y[X[:, 0].astype(int)])
        assert abs(len(y) - FRACTIONS[name] * len(table.y)) < 2  # two splits, each rounded once
        for code in (0, 1):
            share = np.mean(table.y == code) * len(y)
            assert abs(np.sum(y == code) - share) <= 1


def test_the_seed_decides() -> None:
    table = make_table(60, 40)
    assert split_rows(table, 3).sha256 == split_rows(table, 3).sha256
    assert split_rows(table, 3).sha256 != split_rows(table, 4).sha256


def test_checksum_covers_every_value_and_every_type() -> None:
    split = split_rows(make_table(60, 40), 0)
    for name, array in arrays_of(split).items():
        other = array.copy()
        other.reshape(-1)[-1] += 1
        changed = dataclasses.replace(split, **{name: other})
        retyped = dataclasses.replace(split, **{name: array.astype(np.float64)})
        assert len({split.sha256, changed.sha256, retyped.sha256}) == 3


def test_save_and_load(tmp_path: Path) -> None:
    split = split_rows(make_table(60, 40), 0)
    split.save(tmp_path / "split.npz")
    loaded = load_split(tmp_path / "split.npz")
    assert loaded.sha256 == split.sha256
    assert {name: array.dtype for name, array in arrays_of(loaded).items()} == {
        name: array.dtype for name, array in arrays_of(split).items()
    }


def test_pickles_are_refused(tmp_path: Path) -> None:
    arrays = {field.name: np.array([{"code": 1}], dtype=object) for field in dataclasses.fields(Split)}
    np.savez(tmp_path / "split.npz", **arrays)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_split(tmp_path / "split.npz")


@pytest.mark.parametrize("n_rare", [0, 1, MIN_ROWS_PER_CLASS - 1])
def test_a_rare_class_is_refused_by_name(n_rare: int) -> None:
    with pytest.raises(DataError, match=rf"at least {MIN_ROWS_PER_CLASS} rows .* got {n_rare} of 'yes' in a test"):
        split_rows(make_table(50, n_rare), 0)


def test_the_checksum_of_rows_without_weights_is_that_of_older_releases() -> None:
    split = split_rows(make_table(60, 40), 0)
    assert split.sha256 == "9af084e5dfb507d03a2966c0f9ebb7723ef3349c87f9bce41f10a6586c67f5a3"
    weighed = split_rows(dataclasses.replace(make_table(60, 40), weights=np.ones(100, np.float32)), 0)
    assert weighed.sha256 != split.sha256
    assert len(arrays_of(weighed)) == 9


def test_weights_go_with_their_rows(tmp_path: Path) -> None:
    table = make_table(60, 40)
    split = split_rows(dataclasses.replace(table, weights=table.X[:, 0] + 1), 3)
    split.save(tmp_path / "split.npz")
    loaded = load_split(tmp_path / "split.npz")
    for X, weights in ((loaded.X_train, loaded.weights_train), (loaded.X_test, loaded.weights_test)):
        np.testing.assert_array_equal(weights, X[:, 0] + 1)


@settings(max_examples=40, deadline=None)
@given(st.integers(5, 30), st.integers(60, 200), st.integers(0, 2**32 - 1), st.booleans())
def test_no_group_is_in_two_parts(n_groups: int, n: int, seed: int, stratified: bool) -> None:
    rng = np.random.default_rng(seed)
    groups = np.r_[np.arange(n_groups), rng.integers(0, n_groups, n - n_groups)]
    parts = group_parts(rng.integers(0, 2, n), groups, seed % 1000, stratified=stratified)
    rows = [parts.train, parts.validation, parts.test]
    np.testing.assert_array_equal(np.sort(np.concatenate(rows)), np.arange(n))
    assert sum(len(set(groups[part])) for part in rows) == len(set(groups))


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(DataError, match="--group must be a column with at least 5 groups, but got 4"):
        group_parts(np.zeros(40), np.arange(40) % 4, 0, stratified=True)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=20, max_size=200), st.randoms(use_true_random=False))
def test_by_time_no_part_is_older_than_the_one_before(moments: list[int], random: Random) -> None:
    random.shuffle(moments)
    ordered = np.array(moments, np.float64)
    first = np.sort(ordered)[[round(0.6 * len(moments)), round(0.8 * len(moments))]]
    if first[0] == ordered.min() or first[0] == first[1]:  # one moment has so many rows that a part would be empty
        with pytest.raises(DataError, match="can be cut in three"):
            time_parts(ordered)
        return
    parts = time_parts(ordered)
    rows = [parts.train, parts.validation, parts.test]
    np.testing.assert_array_equal(np.sort(np.concatenate(rows)), np.arange(len(moments)))
    assert ordered[parts.train].max() < ordered[parts.validation].min()
    assert ordered[parts.validation].max() < ordered[parts.test].min()
