"""Every row in exactly one part, the classes shared out evenly, and a checksum that notices any change."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.data.split import FRACTIONS, MIN_ROWS_PER_CLASS, Split, load_split, split_rows
from throughline.data.tasks import Table
from throughline.errors import DataError
from throughline.spec import Task


def make_table(n_of_class_0: int, n_of_class_1: int) -> Table:
    """Return rows whose first column is their number, so that each can be recognised."""
    n = n_of_class_0 + n_of_class_1
    y = np.random.default_rng(0).permutation(np.repeat([0, 1], [n_of_class_0, n_of_class_1]))
    task = Task(name="t", kind="binary", feature_names=("row", "b"), class_names=("no", "yes"), source="a test")
    return Table(task, np.column_stack([np.arange(n), y * 0.5]).astype(np.float32), y.astype(np.int64))


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
    for field in dataclasses.fields(split):
        array = getattr(split, field.name)
        other = array.copy()
        other.reshape(-1)[-1] += 1
        changed = dataclasses.replace(split, **{field.name: other})
        retyped = dataclasses.replace(split, **{field.name: array.astype(np.float64)})
        assert len({split.sha256, changed.sha256, retyped.sha256}) == 3


def test_save_and_load(tmp_path: Path) -> None:
    split = split_rows(make_table(60, 40), 0)
    split.save(tmp_path / "split.npz")
    loaded = load_split(tmp_path / "split.npz")
    assert loaded.sha256 == split.sha256
    for field in dataclasses.fields(split):
        assert getattr(loaded, field.name).dtype == getattr(split, field.name).dtype


def test_pickles_are_refused(tmp_path: Path) -> None:
    arrays = {field.name: np.array([{"code": 1}], dtype=object) for field in dataclasses.fields(Split)}
    np.savez(tmp_path / "split.npz", **arrays)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        load_split(tmp_path / "split.npz")


@pytest.mark.parametrize("n_rare", [0, 1, MIN_ROWS_PER_CLASS - 1])
def test_a_rare_class_is_refused_by_name(n_rare: int) -> None:
    with pytest.raises(DataError, match=rf"at least {MIN_ROWS_PER_CLASS} rows .* got {n_rare} of 'yes' in a test"):
        split_rows(make_table(50, n_rare), 0)
