"""An artefact alone in a child process: what it may import, what it answers, and what happens when it dies."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from throughline.errors import DamagedFileError, ForeignModuleError, OutputShapeError, ThroughlineError, WorkerError
from throughline.formats.base import Runner
from throughline.processes import Child
from throughline.verify.checks import check_shapes
from throughline.verify.worker import BATCH_SIZES, answer_cut, cuts

N_ROWS = 70
X = np.random.default_rng(0).random((N_ROWS, 4)).astype(np.float32)


@pytest.fixture
def examine(tmp_path, monkeypatch):
    """Examine a file of a format of the folder `beside`; return what the child returned and the answers it wrote."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)

    def call(name, rows=X, content="0.5", **further):
        artefact, rows_path, answers = tmp_path / "factor.txt", tmp_path / "rows.npy", tmp_path / "answers.npz"
        artefact.write_text(content)
        np.save(rows_path, rows)
        arguments = {"format_name": name, "path": str(artefact), "rows": str(rows_path), "answers": str(answers)}
        with Child(name, preload=["numpy"], log=tmp_path / "child.log") as child:
            found = child.call("contract:examine_with_formats_beside", arguments | further)
        with np.load(answers, allow_pickle=False) as arrays:
            return found, {cut: arrays[cut] for cut in arrays.files}

    return call


def test_sound_file_answers_every_row_in_every_cut(examine):
    found, answers = examine("mean")
    assert list(answers) == [*map(str, BATCH_SIZES), "all", "uneven"]
    for answer in answers.values():
        np.testing.assert_allclose(answer, 0.5 * X.mean(axis=1, keepdims=True), rtol=1e-6)
    assert found["facts"] == {
        "runtime": f"NumPy {np.__version__}",
        "factor": "0.5",
        "instruction_set": found["facts"]["instruction_set"],
    }
    assert (found["refused"], found["timing"]) == ({}, None)


def test_a_file_is_timed_when_that_is_asked_for(examine):
    found, _ = examine("mean", timed=True)
    assert 0 < found["timing"]["latency_us"] < 1e5
    assert found["timing"]["rows_per_s"] > 0
    assert found["timing"]["load_s"] > 0


@pytest.mark.parametrize("name", ["foreign", "late"])
def test_runtime_that_imports_what_it_was_to_leave_behind_is_caught(examine, tmp_path, name):
    with pytest.raises(ForeignModuleError, match=f"Running {name.capitalize()} must not import colorsys, but it did"):
        examine(name)
    assert not (tmp_path / "answers.npz").exists()


def test_frozen_batch_is_a_shape_that_does_not_fit(examine):
    _, answers = examine("batch")
    assert len(answers["33"]) == 3  # three batches, each answered with the row that came first of all
    with pytest.raises(OutputShapeError, match=r"in the cut '2' they have \(35, 1\)"):
        check_shapes(answers, N_ROWS)


def test_file_that_gives_no_row_back_is_caught(examine):
    _, answers = examine("silent")
    with pytest.raises(OutputShapeError, match=r"in the cut '1' they have \(0, 1\)"):
        check_shapes(answers, N_ROWS)


def test_empty_evaluation_set_is_refused_by_name(examine):
    with pytest.raises(OutputShapeError, match="no rows"):
        examine("mean", rows=X[:0])


def test_process_that_dies_is_told_with_its_status(examine, tmp_path):
    with pytest.raises(WorkerError, match="The process 'dying' died with status 9") as raised:
        examine("dying")
    assert not (tmp_path / "answers.npz").exists()
    assert isinstance(raised.value, ThroughlineError)


def test_file_that_does_not_load_is_told_with_what_the_runtime_said(examine):
    with pytest.raises(DamagedFileError, match="NumPy does not open it: ValueError: could not convert string to float"):
        examine("mean", content="half")


def test_rows_of_another_type_are_refused_in_every_cut_and_nothing_is_timed(examine):
    found, answers = examine("mean", rows=X.astype(np.float64), timed=True)
    assert set(found["refused"]) == set(cuts(N_ROWS))
    assert all("rows must be a float32 array of shape" in said for said in found["refused"].values())
    assert (answers, found["timing"]) == ({}, None)


def test_few_rows_fill_large_batches_over_again_and_count_once(examine):
    _, answers = examine("mean", rows=X[:2])
    assert list(answers) == [*map(str, BATCH_SIZES), "all", "uneven"]
    assert {len(answer) for answer in answers.values()} == {2}


@pytest.mark.parametrize("size", [1, 2, 33, 69, 70])
def test_batches_cover_every_row_once_and_in_order(size):
    class Recorder(Runner):
        def _predict(self, rows):
            seen.append(len(rows))
            return rows[:, :1]

    seen = []
    lengths = [size] * (N_ROWS // size) + [N_ROWS % size] * bool(N_ROWS % size)
    assert_array_equal(answer_cut(Recorder({}), X, lengths), X[:, :1])
    assert seen == lengths


@given(st.integers(1, 3000))
def test_every_cut_takes_each_row_once_or_fills_one_batch(n_rows):
    for name, lengths in cuts(n_rows).items():
        assert min(lengths) > 0
        assert sum(lengths) == (int(name) if name.isdigit() and int(name) > n_rows else n_rows)
        assert not name.isdigit() or set(lengths[:-1]) <= {int(name)}
