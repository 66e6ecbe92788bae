"""What tests of several folders share: one finished run on a small real table."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from throughline.record import RunRecord, load_record


@dataclass(frozen=True)
class FinishedRun:
    """What `throughline run` left: exit status, output, folder and record."""

    status: int
    stdout: str
    stderr: str
    folder: Path
    data: Path
    record: RunRecord

    def call(self, arguments: list[str]) -> subprocess.CompletedProcess[str]:
        """Call the command once more."""
        return run_throughline(arguments)


@pytest.fixture(scope="session")
def breast_cancer_csv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scikit-learn's real set as a CSV file with a column of words as its target."""
    import polars as pl
    from sklearn.datasets import load_breast_cancer

    bunch = load_breast_cancer()
    frame = pl.DataFrame(bunch.data, schema=[str(name) for name in bunch.feature_names])
    path = tmp_path_factory.mktemp("data") / "breast.csv"
    frame.with_columns(diagnosis=pl.Series(bunch.target_names[bunch.target])).write_csv(path)
    return path


@pytest.fixture(scope="session")
def finished_run(breast_cancer_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """One whole run through the command line; tests that use it share the xdist group "run"."""
    folder = tmp_path_factory.mktemp("runs") / "breast"
    command = ["run", "--data", str(breast_cancer_csv), "--target", "diagnosis", "--out", str(folder), "--json"]
    done = run_throughline(command)
    assert done.returncode == 0, done.stderr
    record = load_record(folder)
    assert json.loads(done.stdout)["name"] == record.name
    return FinishedRun(done.returncode, done.stdout, done.stderr, folder, breast_cancer_csv, record)


@pytest.fixture(scope="session")
def bundled() -> list[str]:
    """The formats of `bundle_folder`: one that the run has exported from PyTorch, and four that it has not."""
    return ["tflite-float16", "onnx-float32", "onnx-int8", "neutral", "c99"]


@pytest.fixture(scope="session")
def bundle_of_all(finished_run: FinishedRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the run's PyTorch network in every format that can be made here."""
    from throughline.formats import load_formats
    from throughline.formats.availability import missing_runtime

    folder = tmp_path_factory.mktemp("bundles") / "all"
    command = ["bundle", str(finished_run.folder), "--data", str(finished_run.data), "--out", str(folder)]
    done = finished_run.call([*command, "--to", "all", "--network", "torch", "--licence", "CC0-1.0"])
    assert done.returncode == 0, done.stderr
    n_formats = sum(not missing_runtime(form) for form in load_formats().values())
    assert f"in {n_formats} formats, proven on 114 rows" in done.stdout
    return folder


@pytest.fixture(scope="session")
def bundle_folder(bundle_of_all: Path, bundled: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same bundle with few formats, as if it had been asked for these alone."""
    from throughline.bundle import load_bundle
    from throughline.bundle.build import sign

    folder = Path(shutil.copytree(bundle_of_all, tmp_path_factory.mktemp("bundles") / "send"))
    manifest = load_bundle(folder).manifest
    for entry in manifest.artefacts:
        if entry.name not in bundled:
            top = folder / "models" / Path(entry.path).parts[1]
            shutil.rmtree(top) if top.is_dir() else top.unlink()
    kept = [entry for entry in manifest.artefacts if entry.name in bundled]
    sign(folder, dataclasses.replace(manifest, artefacts=kept))
    return folder


@pytest.fixture
def copy(bundle_folder: Path, tmp_path: Path) -> Path:
    """A copy of the bundle that a test may damage."""
    return Path(shutil.copytree(bundle_folder, tmp_path / "received"))


def run_throughline(
    arguments: list[str], cwd: Path | None = None, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Call the command as a user does, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "throughline", *arguments],
        capture_output=True,
        text=True,
        cwd=cwd,
        env=os.environ | (env or {}),
        timeout=900,
        check=False,
    )
