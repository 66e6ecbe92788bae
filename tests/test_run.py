"""The main job from end to end, on scikit-learn's breast cancer rows as a CSV file."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import msgspec
import numpy as np
import pytest

from throughline.errors import UsageError
from throughline.formats import load_formats
from throughline.formats.base import file_sha256, file_size_bytes
from throughline.record import CHECKS, json_schema, reproducible_figures
from throughline.run import RunRequest, run
from throughline.verify.worker import BATCH_SIZES
from throughline.weights import load_weights

pytestmark = pytest.mark.xdist_group("run")


def test_every_chapter_is_told_and_every_bar_met(finished_run: Any) -> None:
    record = finished_run.record
    assert record.chapters == [1, 2, 3, 4, 5, 6, 7]
    assert {bar.chapter for bar in record.bars} == {1, 2, 3, 4, 5, 6, 7}
    assert [bar for bar in record.bars if not bar.met] == []
    for part in ("perceptron", "mlp", "keras", "pytorch", "evaluation"):
        assert getattr(record, part) is not None


def test_every_format_is_exported_and_proven(finished_run: Any) -> None:
    records = {entry.name: entry for entry in finished_run.record.formats}
    assert list(records) == [name for name, form in load_formats().items() if form.in_every_run]
    n_test = finished_run.record.split.n_test
    for entry in records.values():
        assert (entry.status, entry.reason) == ("passed", "")
        assert [(check.batch_size, check.n_rows) for check in entry.checks] == [
            (size, n_test) for size in (*BATCH_SIZES, n_test)
        ]
        assert [check.name for check in entry.named_checks] == list(CHECKS)
        assert {check.status for check in entry.named_checks} <= {"passed", "not_run"}
        assert 0 <= entry.largest_difference <= entry.tolerance
        assert entry.latency_us > 0
        assert entry.rows_per_s > 0


def test_files_are_those_of_the_record(finished_run: Any) -> None:
    folder, record = finished_run.folder, finished_run.record
    assert sorted(path.name for path in folder.iterdir()) == [
        "models",
        "record.json",
        "report.html",
        "talking_points.md",
    ]
    for entry in record.formats:
        path = folder / entry.path
        assert (file_size_bytes(path), file_sha256(path)) == (entry.size_bytes, entry.sha256)
    for training in record.trainings():
        weights, spec = load_weights(folder / training.weights_path)
        assert (weights.digest, spec) == (training.weights_digest, record.network)


def test_nothing_else_is_left_beside_the_run(finished_run: Any) -> None:
    assert [path.name for path in finished_run.folder.parent.iterdir()] == [finished_run.folder.name]


def test_all_frameworks_start_at_the_same_weights(finished_run: Any) -> None:
    assert len({training.initial_digest for training in finished_run.record.trainings()}) == 1
    assert len({training.weights_digest for training in finished_run.record.trainings()}) == 3


@pytest.mark.parametrize("position", [0, 1])
def test_the_networks_answer_is_a_weighted_sum_of_its_units_maps(finished_run: Any, position: int) -> None:
    from scipy.interpolate import RegularGridInterpolator

    problem = finished_run.record.mlp.problems[position]
    units, answers = np.array(problem.units), np.array(problem.picture.grid)
    assert units.shape == (problem.layer_sizes[-2], 16, 16)
    ends = np.linspace(0, 1, len(answers)), np.linspace(0, 1, 16)
    places = np.stack(np.meshgrid(ends[1], ends[1], indexing="ij"), axis=-1)
    p = RegularGridInterpolator((ends[0], ends[0]), answers)(places)

    def unexplained(p: Any) -> float:
        unsure = (p > 0.02) & (p < 0.98)  # elsewhere the answers are rounded too coarsely
        logits = np.log(p[unsure] / (1 - p[unsure]))
        design = np.column_stack([units[:, unsure].T, np.ones(unsure.sum())])
        assert len(logits) > 3 * design.shape[1]
        residual = logits - design @ np.linalg.lstsq(design, logits, rcond=None)[0]
        return float(residual.var() / logits.var())

    assert unexplained(p) < 0.02
    assert unexplained(p[::-1]) > 0.1  # a map that is upside down would be noticed


def test_record_fits_its_schema(finished_run: Any) -> None:
    jsonschema.validate(json.loads((finished_run.folder / "record.json").read_text()), json_schema())


def test_schema_in_docs_is_the_present_one() -> None:
    written = Path(__file__).parent.parent / "docs" / "record.schema.json"
    present = json.loads(json.dumps(json_schema()))  # tuples become lists
    assert json.loads(written.read_text()) == present, "run: python -m throughline.record > docs/record.schema.json"


def test_record_survives_json(finished_run: Any) -> None:
    record = finished_run.record
    assert msgspec.json.decode(record.to_json(), type=type(record)) == record


def test_a_record_with_nan_is_not_written(finished_run: Any) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dataclasses.replace(finished_run.record, wall_s=float("nan")).to_json()


def test_record_names_no_path_of_this_machine(finished_run: Any) -> None:
    text = (finished_run.folder / "record.json").read_text()
    assert str(finished_run.folder.parent) not in text
    assert str(Path.home()) + os.sep not in text


def test_scaling_comes_from_the_training_rows_alone(finished_run: Any) -> None:
    from throughline.data.of_run import rows_of_run

    split = rows_of_run(finished_run.record, finished_run.data)
    assert split.sha256 == finished_run.record.split.sha256
    weights, _ = load_weights(finished_run.folder / "models/torch/weights.safetensors")
    X = split.X_train.astype(np.float64)
    np.testing.assert_allclose(weights.mean, X.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(weights.std, X.std(axis=0), rtol=1e-6)


def test_same_seed_gives_the_same_figures_for_numpy_and_pytorch(finished_run: Any, tmp_path: Path) -> None:
    request = RunRequest(data=finished_run.data, target="diagnosis", out=tmp_path / "again", chapters=(1, 2, 4))
    again, _ = run(request)
    assert again.chapters == [1, 2, 4]
    for part in ("perceptron", "mlp", "pytorch", "split"):
        first, second = getattr(finished_run.record, part), getattr(again, part)
        assert reproducible_figures(first) == reproducible_figures(second), part
    exported = [reproducible_figures(entry) for entry in again.formats]
    assert exported == [reproducible_figures(e) for e in finished_run.record.formats if e.chapter == 4]
    assert (again.keras, again.evaluation) == (None, None)


def test_an_existing_run_is_never_overwritten(finished_run: Any) -> None:
    before = file_sha256(finished_run.folder)
    with pytest.raises(UsageError, match="--out must be a new or empty folder"):
        run(RunRequest(data=finished_run.data, target="diagnosis", out=finished_run.folder))
    assert file_sha256(finished_run.folder) == before


def test_exit_status_tells_a_failed_file_always_and_a_missed_bar_when_strict(finished_run: Any) -> None:
    from throughline.cli.run import exit_status

    record = finished_run.record
    failed = [dataclasses.replace(record.formats[0], status="failed", reason="other answers"), *record.formats[1:]]
    not_run = [dataclasses.replace(record.formats[0], status="not_run", reason="not installed"), *record.formats[1:]]
    missed = [dataclasses.replace(record.bars[0], met=False), *record.bars[1:]]
    for changes, plain, strict in (
        ({}, 0, 0),
        ({"formats": failed}, 1, 1),
        ({"formats": not_run}, 0, 0),
        ({"bars": missed}, 0, 1),
    ):
        changed = dataclasses.replace(record, **changes)
        assert (exit_status(changed, strict=False), exit_status(changed, strict=True)) == (plain, strict), changes


def test_labels_that_nothing_predicts_miss_a_bar_and_strict_says_so(finished_run: Any, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    # One row in ten has the rare label: no network does better than never to say it.
    labels = rng.permutation(np.arange(300) % 10 == 0).astype(int)
    rows = [f"{a},{b},{label}" for a, b, label in zip(*rng.normal(size=(2, 300)), labels, strict=True)]
    (tmp_path / "noise.csv").write_text("\n".join(["a,b,label", *rows]))
    arguments = ["run", "--data", str(tmp_path / "noise.csv"), "--target", "label", "--chapters", "4"]
    done = finished_run.call([*arguments, "--strict", "--out", str(tmp_path / "run")])
    assert done.returncode == 1, done.stderr
    assert "1 of 2 bars met" in done.stdout
    assert (tmp_path / "run" / "report.html").exists()


def test_report_command_writes_the_same_page_again(finished_run: Any) -> None:
    page = finished_run.folder / "report.html"
    before = page.read_bytes()
    done = finished_run.call(["report", str(finished_run.folder)])
    assert done.returncode == 0, done.stderr
    assert page.read_bytes() == before


@pytest.mark.skipif(os.name != "posix", reason="2026-11-22: sends POSIX signals and looks at /proc")
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_leaves_nothing(tmp_path: Path, signum: signal.Signals) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "throughline", "run", "--out", str(tmp_path / "new" / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"TMPDIR": str(temporary), "PYTHONUNBUFFERED": "1"},
        text=True,
    )
    assert process.stdout is not None
    assert "1 Perceptron" in process.stdout.readline()  # the children have been started by then
    children = _children_of(process.pid)
    assert len(children) >= 2
    process.send_signal(signum)
    _, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stderr.strip() == "throughline: interrupted; nothing was written."
    assert [pid for pid in children if Path(f"/proc/{pid}").exists()] == []
    assert list(temporary.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["temporary"]


def test_a_crash_in_a_child_is_told_and_nothing_half_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from throughline.errors import WorkerError

    # A module that shadows PyTorch in the children and dies on import: what a broken installation does.
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "torch.py").write_text("raise OSError('libtorch is damaged')\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "broken"))
    with pytest.raises(WorkerError, match="libtorch is damaged"):
        run(RunRequest(chapters=(4,), out=tmp_path / "out"))
    assert not (tmp_path / "out").exists()
    assert [path.name for path in tmp_path.iterdir()] == ["broken"]


def _children_of(pid: int) -> list[int]:
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError, ValueError):
            if int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]) == pid:
                found.append(int(entry.name))
    return found
