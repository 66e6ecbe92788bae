"""Held-out rows beside the models: as written, as many as a page can carry, and refused when damaged."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.errors import DataError
from throughline.held_out import MAX_BYTES, HeldOut, held_out, load_held_out
from throughline.verify.tolerance import derive_tolerance
from throughline.weights import load_weights


def some_rows(n_rows: int, n_features: int, seed: int = 0) -> HeldOut:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n_rows, n_features)).astype(np.float32)
    y = rng.integers(0, 2, n_rows)
    return held_out(X, y, rng.random((n_rows, 1)), rng.random(n_rows), rng.integers(-3, 9, (40, n_features)))


@settings(max_examples=25, deadline=None)
@given(n_rows=st.integers(1, 40), n_features=st.integers(1, 5), seed=st.integers(0, 9))
def test_what_was_written_is_read(
    n_rows: int, n_features: int, seed: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("rows") / "held_out.npz"
    written = some_rows(n_rows, n_features, seed)
    written.save(path)
    read = load_held_out(path)
    for field in dataclasses.fields(HeldOut):
        array = getattr(read, field.name)
        np.testing.assert_array_equal(array, getattr(written, field.name))
        assert array.dtype == getattr(written, field.name).dtype
    assert read.whole.all()
    assert (np.diff(read.quantiles, axis=0) >= 0).all()


def test_many_rows_are_cut_to_what_a_page_can_carry() -> None:
    found = some_rows(30_000, 20)
    assert len(found.X) == len(found.y) == len(found.answers) == len(found.tolerance) == 12_500
    assert found.X.nbytes == MAX_BYTES
    wide = np.ones((3, 300_000), np.float32)
    assert len(held_out(wide, np.ones(3), np.ones(3), np.ones(3), wide[:1]).X) == 1


@pytest.mark.parametrize("damage", ["bytes", "empty", "missing", "nan", "shape", "words", "none"])
def test_damaged_rows_are_refused(damage: str, tmp_path: Path) -> None:
    path = tmp_path / "held_out.npz"
    rows = some_rows(6, 3)
    arrays: dict[str, Any] = {field.name: getattr(rows, field.name) for field in dataclasses.fields(HeldOut)}
    if damage == "missing":
        del arrays["whole"]
    elif damage == "nan":
        arrays["answers"] = np.full(6, np.nan)
    elif damage == "shape":
        arrays["tolerance"] = np.zeros(5)
    elif damage == "words":
        arrays["answers"] = np.array(["a"] * 6)
    elif damage == "none":
        arrays = {name: array if name in ("quantiles", "whole") else array[:0] for name, array in arrays.items()}
    np.savez(path, **arrays)
    if damage in ("bytes", "empty"):
        path.write_bytes(path.read_bytes()[:100] if damage == "bytes" else b"")
    with pytest.raises(DataError, match=r"RUN must be a folder whose held-out rows are as the run wrote them, but got"):
        load_held_out(path)


@pytest.mark.xdist_group("run")
def test_a_run_keeps_its_test_rows_and_what_the_file_answered(finished_run: Any) -> None:
    from throughline.data.of_run import rows_of_run

    folder, record = finished_run.folder, finished_run.record
    found = load_held_out(folder / "models" / "held_out.npz")
    split = rows_of_run(record, finished_run.data)
    np.testing.assert_array_equal(found.X, split.X_test)
    np.testing.assert_array_equal(found.y, split.y_test)
    np.testing.assert_array_equal(found.quantiles[[0, 4]], [split.X_train.min(axis=0), split.X_train.max(axis=0)])
    (entry,) = (entry for entry in record.formats if entry.name == "onnx-float32")
    assert np.mean((found.answers > 0.5) == found.y) == entry.test_accuracy
    weights, spec = load_weights(folder / "models/torch/weights.safetensors")
    np.testing.assert_allclose(found.tolerance, derive_tolerance(spec, weights, split.X_test, "float32").per_row, 1e-6)
