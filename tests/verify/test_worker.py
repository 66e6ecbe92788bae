"""An artefact alone in a child process: what it may import, what it answers, and what happens when it dies."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from throughline.errors import ForeignModuleError, OutputShapeError, ThroughlineError, WorkerError
from throughline.formats.base import Runner
from throughline.processes import Child
from throughline.verify.compare import compare
from throughline.verify.tolerance import Tolerance
from throughline.verify.worker import answer_in_batches

N_ROWS = 70
X = np.random.default_rng(0).random((N_ROWS, 4)).astype(np.float32)


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a format of the folder `beside`; return what the child returned and the answers it wrote."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)

    def call(name, rows=X, content="0.5"):
        artefact, rows_path, answers = tmp_path / "factor.txt", tmp_path / "rows.npy", tmp_path / "answers.npz"
        artefact.write_text(content)
        np.save(rows_path, rows)
        arguments = {"format_name": name, "path": artefact, "rows": rows_path, "answers": answers}
        with Child(name, preload=["numpy"], log=tmp_path / "child.log") as child:
            found = child.call(
                "contract:run_with_formats_beside", {key: str(value) for key, value in arguments.items()}
            )
        with np.load(answers, allow_pickle=False) as arrays:
            return found, {int(size): arrays[size] for size in arrays.files}

    return call


def test_sound_file_answers_every_row_at_every_batch_size(run):
    found, answers = run("mean")
    assert list(answers) == [1, 2, 33, N_ROWS]
    for answer in answers.values():
        np.testing.assert_allclose(answer, 0.5 * X.mean(axis=1, keepdims=True), rtol=1e-6)
    assert found["facts"] == {"runtime": f"NumPy {np.__version__}", "factor": "0.5"}
    assert 0 < found["latency_us"] < 1e5
    assert found["rows_per_s"] > 0
    assert found["load_s"] > 0


@pytest.mark.parametrize("name", ["foreign", "late"])
def test_runtime_that_imports_what_it_was_to_leave_behind_is_caught(run, tmp_path, name):
    with pytest.raises(ForeignModuleError, match=f"Running {name.capitalize()} must not import colorsys, but it did"):
        run(name)
    assert not (tmp_path / "answers.npz").exists()


def test_frozen_batch_is_a_shape_that_does_not_fit(run):
    _, answers = run("batch")
    expected = 0.5 * X.mean(axis=1)
    tolerance = Tolerance(np.full(N_ROWS, 1e-6), np.full(N_ROWS, 1e-6), "", "")
    assert len(answers[33]) == 3  # three batches, each answered with the row that came first of all
    with pytest.raises(OutputShapeError, match=r"at batch size 2 they have \(35, 1\)"):
        compare(answers, expected, tolerance)


def test_file_that_gives_no_row_back_is_caught(run):
    _, answers = run("silent")
    with pytest.raises(OutputShapeError, match=r"at batch size 1 they have \(0, 1\)"):
        compare(answers, np.zeros(N_ROWS), Tolerance(np.ones(N_ROWS), np.ones(N_ROWS), "", ""))


def test_empty_evaluation_set_is_refused_by_name(run):
    with pytest.raises(OutputShapeError, match="no rows"):
        run("mean", rows=X[:0])


def test_process_that_dies_is_told_with_its_status(run, tmp_path):
    with pytest.raises(WorkerError, match="The process 'dying' died with status 9") as raised:
        run("dying")
    assert not (tmp_path / "answers.npz").exists()
    assert isinstance(raised.value, ThroughlineError)


def test_file_that_does_not_load_is_told_with_what_the_runtime_said(run):
    with pytest.raises(WorkerError, match="failed with ValueError: could not convert string to float: 'half'"):
        run("mean", content="half")


def test_rows_of_another_type_are_refused_in_the_child(run):
    with pytest.raises(ThroughlineError, match="rows must be a float32 array of shape"):
        run("mean", rows=X.astype(np.float64))


def test_few_rows_give_fewer_batch_sizes(run):
    _, answers = run("mean", rows=X[:2])
    assert list(answers) == [1, 2, 33]
    assert {len(answer) for answer in answers.values()} == {2}


@pytest.mark.parametrize("size", [1, 2, 33, 69, 70, 71])
def test_batches_cover_every_row_once_and_in_order(size):
    class Recorder(Runner):
        def _predict(self, rows):
            seen.append(len(rows))
            return rows[:, :1]

    seen = []
    assert_array_equal(answer_in_batches(Recorder({}), X, size), X[:, :1])
    assert max(seen) == min(size, N_ROWS)
    assert seen[:-1] == [size] * (len(seen) - 1)
