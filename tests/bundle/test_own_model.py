"""Bundles of a model of one's own: two inputs, two outputs, from the model itself and from a folder of an export."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from throughline.bundle import load_bundle
from throughline.bundle.build import BundleRequest, make_bundle
from throughline.bundle.verify import verify_bundle
from throughline.errors import DataError, UsageError, VerificationError
from throughline.record import CHECKS
from throughline.verify.finished_run import VerifyRequest

from .contract import check, sign_again, spoil

pytestmark = pytest.mark.xdist_group("torch")
MODELS = Path(__file__).parents[1] / "own_model" / "torch_models.py"
FORMATS = ["torchscript", "onnx-float32", "onnx-int8"]
RNG = np.random.default_rng(5)
LEFT, RIGHT = RNG.normal(size=(7, 5)).astype(np.float32), RNG.normal(size=(7, 3)).astype(np.float32)


def throughline(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "throughline", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=300, check=False)


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    np.savez(folder / "rows.npz", right=RIGHT, left=LEFT)  # in another order than the arguments of the model
    (folder / "labels.txt").write_text("0 1 2 0 1 2 0")
    return folder


@pytest.fixture(scope="module")
def exported(sample: Path) -> Path:
    """The folder of an export."""
    options = ["--sample", "rows.npz", "--labels", "labels.txt", "--to", ",".join(FORMATS), "--out", "export"]
    done = throughline("export", f"{MODELS}:two_in_two_out", *options, cwd=sample)
    assert done.returncode == 0, done.stderr
    return sample / "export"


@pytest.fixture(scope="module")
def bundle(exported: Path, sample: Path) -> Path:
    done = throughline("bundle", "export", "--to", "all", "--out", "send", "--licence", "MIT", cwd=sample)
    assert done.returncode == 0, done.stderr
    assert f"two_in_two_out in {len(FORMATS)} formats, proven on 7 rows." in done.stdout
    assert "c99 left out: the export did not make it" in done.stdout
    return sample / "send"


@pytest.fixture
def copied(bundle: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(bundle, tmp_path / "received"))


def test_the_manifest_names_every_input_and_output(bundle: Path) -> None:
    manifest = load_bundle(bundle).manifest
    assert [(entry.name, entry.dtype, entry.shape) for entry in manifest.inputs] == [
        ("left", "float32", [None, 5]),
        ("right", "float32", [None, 3]),
    ]
    assert [(entry.name, entry.shape) for entry in manifest.outputs] == [("three", [None, 3]), ("one", [None, 1])]
    assert manifest.trained is None
    assert manifest.brought is not None
    assert (manifest.brought.kind, manifest.rows.batch_sizes) == ("factory", [1, 2, 7])
    assert manifest.classes is not None
    assert (manifest.classes.output, manifest.classes.threshold) == ("three", None)
    for entry in manifest.artefacts:
        assert {port.of for port in entry.outputs} == {"three", "one"}
        assert [port.of for port in entry.inputs] == ["left", "right"]
    card = (bundle / "MODEL_CARD.md").read_text(encoding="utf-8")
    for words in ("| in | `left` | float32 | 5 |", "| out | `three` | float32 | 3 |", "MIT", "`three` tells the class"):
        assert words in card


def test_the_receiver_proves_every_output(bundle: Path) -> None:
    done = check(bundle, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)["artefacts"]
    assert list(found) == FORMATS
    accuracies = {result["accuracy"] for name, result in found.items() if name != "onnx-int8"}
    assert accuracies == {load_bundle(bundle).manifest.brought.accuracy}  # type: ignore[union-attr]
    for result in found.values():
        assert result["output"] in ("three", "one")
        assert result["largest_difference"] <= result["tolerance"]


def test_every_output_of_every_row_counts(copied: Path) -> None:
    for output in ("three", "one"):
        for kind in ("expected", "answers.onnx-float32"):
            sound = (copied / "rows.npz").read_bytes()
            spoil(copied, lambda arrays, key=f"{kind}.{output}": arrays[key].__setitem__((4, 0), 0.0))  # type: ignore[misc]
            done = check(copied, "onnx-float32")
            assert done.returncode == 1
            assert f"FAILED    values: '{output}' of row 4 differs" in done.stdout
            (copied / "rows.npz").write_bytes(sound)


FAULTS: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "inputs swapped": (lambda m: swap(m["artefacts"][1]["inputs"], "of"), "shapes|runs"),
    "output twice": (lambda m: m["artefacts"][1]["outputs"][0].update(of="one"), "names"),
    "output gone": (lambda m: m["artefacts"][1]["outputs"].pop(), "names"),
    "another type": (lambda m: m["artefacts"][1]["inputs"][0].update(dtype="int64"), "types"),
    "another shape": (lambda m: m["artefacts"][1]["outputs"][0].update(shape=[None, 4]), "shapes"),
    "model shape": (lambda m: m["outputs"][0].update(shape=[None, 4]), "intact"),
}


def swap(entries: list[dict[str, Any]], key: str) -> None:
    entries[0][key], entries[1][key] = entries[1][key], entries[0][key]


@pytest.mark.parametrize(("change", "checks"), FAULTS.values(), ids=FAULTS)
def test_a_manifest_that_says_otherwise(change: Callable[[dict[str, Any]], None], checks: str, copied: Path) -> None:
    sign_again(copied, change)
    result = json.loads(check(copied, "onnx-float32", "--json").stdout)["artefacts"]["onnx-float32"]
    assert result["status"] == "failed"
    assert result["check"] in checks.split("|")


def test_verify_takes_it(bundle: Path, copied: Path) -> None:
    record = verify_bundle(VerifyRequest(path=bundle))
    assert record.passed
    assert [entry.name for entry in record.artefacts] == FORMATS
    for entry in record.artefacts:
        by_name = {found.name: found.status for found in entry.checks}
        assert list(by_name) == list(CHECKS)
        wanted = dict.fromkeys(CHECKS, "passed") | ({"dtypes": "not_run"} if entry.name == "torchscript" else {})
        assert {
            name: by_name[name] for name in ("file", "names", "dtypes", "values", "labels", "metric", "hygiene")
        } == {name: wanted[name] for name in ("file", "names", "dtypes", "values", "labels", "metric", "hygiene")}
    assert set(record.left_out) == {"worst case", "implementation error", "layer by layer"}
    models = copied / "models"
    shutil.copyfile(models / "onnx-int8.onnx", models / "onnx-float32.onnx")
    sign_again(copied, lambda m: m["artefacts"][1].update(sha256=sha_of(m, "models/onnx-float32.onnx")))
    record = verify_bundle(VerifyRequest(path=models / "onnx-float32.onnx"))
    (entry,) = record.artefacts
    assert (record.passed, entry.failed[0].name, entry.failed[0].error) == (False, "values", "OutputValueError")


def sha_of(manifest: dict[str, Any], name: str) -> str:
    sha: str = manifest["files"][name]
    return sha


def test_a_model_that_takes_one_row_alone(sample: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", LEFT)
    options = ["--sample", "x.npy", "--to", "onnx-float32", "--out", "send"]
    done = throughline("bundle", f"{MODELS}:frozen", *options, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    manifest = load_bundle(tmp_path / "send").manifest
    assert (manifest.rows.batch_sizes, manifest.inputs[0].shape) == ([1], [1, 5])
    assert "Exactly 1 rows at a time" in manifest.model_card
    assert verify_bundle(VerifyRequest(path=tmp_path / "send")).passed


def test_an_export_that_was_changed_is_not_sent(exported: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exported, tmp_path / "export"))
    path = folder / "models" / "onnx-float32.onnx"
    path.write_bytes(path.read_bytes() + b"x")
    request = BundleRequest(source=str(folder), formats=("onnx-float32",), out=tmp_path / "send")
    with pytest.raises(VerificationError, match="no longer what was proven: export again"):
        make_bundle(request)
    (folder / "proof.npz").write_bytes(b"PK")
    with pytest.raises(DataError, match="MODEL must be a folder that throughline export has left"):
        make_bundle(request)
    assert list(tmp_path.iterdir()) == [folder]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"formats": ("c99",)}, "--to must be formats that torch_models-two_in_two_out gets to, but got 'c99'"),
        ({"data": Path("x.csv")}, "--data and --network must be left out for a model of one's own"),
        ({"labels": Path("x.txt")}, "--labels and --trust must be left out for a finished export"),
        ({"source": "model.keras"}, "--sample must be given for a model of one's own"),
    ],
)
def test_misuse(given: dict[str, Any], said: str, exported: Path, tmp_path: Path) -> None:
    plain = {"source": str(exported), "formats": ("onnx-float32",), "out": tmp_path / "send"}
    with pytest.raises(UsageError, match=said):
        make_bundle(BundleRequest(**plain | given))
    assert not list(tmp_path.iterdir())
