"""A run whose rows have weights, with class weights, robust scaling and a threshold of its own; and its bundle."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.utils.class_weight import compute_class_weight

from throughline.data.of_run import rows_of_run
from throughline.data.split import Split
from throughline.evaluate import best_threshold
from throughline.record import RunRecord
from throughline.run import RunRequest, run
from throughline.verify.reference import numpy_answers
from throughline.weights import load_weights

from .conftest import run_throughline

pytestmark = pytest.mark.xdist_group("run")


@dataclass(frozen=True)
class WeightedRun:
    """The run's record, its folder, its table, and the rows once more."""

    record: RunRecord
    folder: Path
    data: Path
    rows: Split

    def answers(self, framework: str, X: Any) -> Any:
        """Answer with the weights that the run has kept."""
        training = next(entry for entry in self.record.trainings() if entry.framework == framework)
        weights, spec = load_weights(self.folder / training.weights_path)
        return numpy_answers(spec, weights, X)


@pytest.fixture(scope="module")
def weighted_run(tmp_path_factory: pytest.TempPathFactory) -> WeightedRun:
    """Rows of which one in twelve is of class "yes", with one column of extreme values and one mostly 0."""
    rng = np.random.default_rng(3)
    x = rng.normal(size=(900, 2))
    label = np.where(x @ [1.5, -1.0] + rng.normal(size=900) > 2.9, "yes", "no")
    extreme, mostly = np.exp(3 * rng.normal(size=900)), np.where(rng.uniform(size=900) < 0.8, 0.0, x[:, 0])
    counts = rng.integers(1, 6, 900)
    lines = ["a,b,extreme,mostly,counts,label"]
    lines += [f"{a},{b},{e},{m},{n},{y}" for (a, b), e, m, n, y in zip(x, extreme, mostly, counts, label, strict=True)]
    folder = tmp_path_factory.mktemp("weighted")
    (folder / "rare.csv").write_text("\n".join(lines))
    record, made = run(
        RunRequest(
            data=folder / "rare.csv",
            target="label",
            weights="counts",
            class_weights="balanced",
            scaling="robust",
            threshold="best",
            chapters=(5,),
            seeds=3,
            out=folder / "run",
        )
    )
    return WeightedRun(record, made, folder / "rare.csv", rows_of_run(record, folder / "rare.csv"))


def test_class_weights_are_those_of_the_weighted_training_rows(weighted_run: WeightedRun) -> None:
    rows = weighted_run.rows
    balanced = compute_class_weight(
        "balanced", classes=np.array([0, 1]), y=rows.y_train, sample_weight=rows.weights_train
    )
    assert weighted_run.record.train.class_weight == pytest.approx(tuple(balanced))
    assert balanced[1] > 4 * balanced[0]
    bars = [bar.text for bar in weighted_run.record.bars if "all classes alike" in bar.text]
    assert len(bars) == 4  # Keras and PyTorch, on validation and on test rows


def test_numbers_are_scaled_by_median_and_range_but_those_that_have_none(weighted_run: WeightedRun) -> None:
    record, X = weighted_run.record, weighted_run.rows.X_train.astype(np.float64)
    weights, spec = load_weights(weighted_run.folder / "models/torch/weights.safetensors")
    assert spec.scaling == record.network.scaling == "robust"
    low, median, high = np.quantile(X, [0.25, 0.5, 0.75], axis=0)
    np.testing.assert_allclose(weights.mean[:3], median[:3], rtol=1e-6)
    np.testing.assert_allclose(weights.std[:3], (high - low)[:3] / 1.3489795, rtol=1e-6)
    np.testing.assert_allclose([weights.mean[3], weights.std[3]], [X[:, 3].mean(), X[:, 3].std()], rtol=1e-6)
    assert record.table is not None
    assert [warning.column for warning in record.table.warnings if warning.kind == "scaling"] == ["mostly"]


@pytest.mark.parametrize("framework", ["keras", "torch"])
def test_the_threshold_is_the_one_of_the_validation_rows_and_figures_are_weighted(
    weighted_run: WeightedRun, framework: str
) -> None:
    rows, evaluation = weighted_run.rows, weighted_run.record.evaluation
    assert evaluation is not None
    assert (evaluation.threshold_rule, evaluation.weighted_by) == ("best", "counts")
    found = next(network for network in evaluation.networks if network.framework == framework)
    threshold = evaluation.threshold_of(framework)
    assert threshold == found.threshold
    assert threshold == best_threshold(rows.y_val, weighted_run.answers(framework, rows.X_val), rows.weights_val)
    p = weighted_run.answers(framework, rows.X_test)
    said, w = p > threshold, rows.weights_test
    assert found.accuracy.value == pytest.approx(metrics.accuracy_score(rows.y_test, said, sample_weight=w))
    assert found.classes[1].f1 == pytest.approx(metrics.f1_score(rows.y_test, said, sample_weight=w))
    assert found.average_precision == pytest.approx(
        metrics.average_precision_score(rows.y_test, p, sample_weight=w), abs=1e-5
    )
    assert found.plain_accuracy is not None
    assert found.plain_accuracy.value == pytest.approx(metrics.accuracy_score(rows.y_test, p > 0.5))
    files = [entry for entry in weighted_run.record.formats if entry.framework == framework]
    assert {entry.test_accuracy for entry in files} == {found.plain_accuracy.value}


def test_report_and_talking_points_say_so_and_every_figure_is_backed(weighted_run: WeightedRun) -> None:
    page = (weighted_run.folder / "report.html").read_text()
    for said in ("weighted by counts", "highest F1 of yes on the validation rows", "Plain accuracy", "PR AUC"):
        assert said in page
    points = (weighted_run.folder / "talking_points.md").read_text()
    for said in ("Rows have weights here", "I chose on the validation rows", "precision-recall curve"):
        assert said in points
    done = run_throughline(["claims", str(weighted_run.folder), "--check"])
    assert done.returncode == 0, done.stdout


def test_a_bundle_has_the_threshold_and_checks_labels_by_it(weighted_run: WeightedRun, tmp_path: Path) -> None:
    command = ["bundle", str(weighted_run.folder), "--data", str(weighted_run.data), "--network", "torch"]
    done = run_throughline([*command, "--to", "neutral", "--out", str(tmp_path / "send")])
    assert done.returncode == 0, done.stderr
    manifest = json.loads((tmp_path / "send" / "manifest.json").read_text())
    assert weighted_run.record.evaluation is not None
    assert manifest["classes"]["threshold"] == weighted_run.record.evaluation.threshold_of("torch")
    checked = subprocess.run([sys.executable, str(tmp_path / "send" / "check.py")], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout
