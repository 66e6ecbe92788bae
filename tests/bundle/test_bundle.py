"""What a sender sees: what is in a bundle, what is refused, and that nothing is written then."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from throughline.bundle import check as receiver
from throughline.bundle import load_bundle
from throughline.bundle.build import BundleRequest, make_bundle
from throughline.bundle.column_graphs import column_graphs
from throughline.bundle.manifest import FORMAT_VERSION
from throughline.errors import DataError, UsageError, VerificationError
from throughline.formats import load_formats
from throughline.formats.base import file_sha256
from throughline.weights import load_weights

from .contract import sign_again

pytestmark = pytest.mark.xdist_group("run")


def test_every_format_is_opened_by_the_receiver() -> None:
    openers = {form.opener for form in load_formats().values()}
    openers |= {graph.form.opener for graph in column_graphs().values()}
    assert openers == set(receiver.RUNTIMES)
    assert receiver.FORMAT_VERSION == FORMAT_VERSION


def test_the_manifest_says_what_is_there(bundle_folder: Path, bundled: list[str], finished_run: Any) -> None:
    bundle = load_bundle(bundle_folder)
    manifest, record = bundle.manifest, finished_run.record
    assert [entry.name for entry in manifest.artefacts] == bundled
    trained = manifest.trained
    assert trained is not None
    assert (trained.task, trained.network, trained.framework) == (record.task, record.network, "torch")
    assert trained.weights_digest == record.pytorch.weights_digest
    assert manifest.licence == "CC0-1.0"
    assert (bundle_folder / "MODEL_CARD.md").read_text(encoding="utf-8") == manifest.model_card
    weights, _ = load_weights(finished_run.folder / "models" / "torch" / "weights.safetensors")
    assert trained.preprocessing.mean == weights.mean.astype(float).tolist()
    for entry in manifest.artefacts:
        assert file_sha256(bundle.path_of(entry)) == entry.sha256
        assert entry.parity.route.startswith("PyTorch")
        assert 0 < entry.parity.share_of_tolerance <= 1
    # What the run has proven is what was sent, byte for byte.
    (of_run,) = (e for e in record.formats if (e.name, e.framework) == ("onnx-float32", "torch"))
    sent = manifest.artefact("onnx-float32")
    assert sent is not None
    assert (sent.sha256, sent.parity.largest_difference) == (of_run.sha256, of_run.largest_difference)
    (features,), (probability,) = sent.inputs, sent.outputs
    assert (features.name, features.dtype, features.shape) == ("features", "float32", [None, 30])
    assert (probability.name, probability.shape) == ("probability", [None, 1])
    assert bundle.require_intact()


def test_rows_and_tolerances(bundle_folder: Path, bundled: list[str], finished_run: Any) -> None:
    bundle = load_bundle(bundle_folder)
    rows = {name: bundle.load_rows(name) for name in bundled}
    first = rows[bundled[0]]
    assert first.inputs["features"].shape == (114, 30)
    assert first.inputs["features"].dtype == np.float32
    accuracy = next(e for e in finished_run.record.evaluation.networks if e.framework == "torch").accuracy.value
    assert np.mean((first.expected["probability"][:, 0] > 0.5) == first.labels) == pytest.approx(accuracy)
    for name in bundled:
        own, expected, tolerance, repeats = (
            kind["probability"]
            for kind in (rows[name].own, rows[name].expected, rows[name].tolerance, rows[name].repeats)
        )
        assert (np.abs(own - expected)[:, 0] <= tolerance).all()
        assert (repeats <= tolerance).all()
    of_float16 = rows["tflite-float16"]
    assert of_float16.repeats["probability"].max() < of_float16.tolerance["probability"].max() / 10


def test_the_card_tells_what_a_person_needs(bundle_folder: Path, bundled: list[str]) -> None:
    card = load_bundle(bundle_folder).manifest.model_card
    for words in ("mean radius", "`malignant`", "`benign`", "CC0-1.0", "PyTorch", "python check.py", "95 % intervals"):
        assert words in card
    for name in bundled:
        assert f"`models/{name}" in card


def request(finished: Any, out: Path, **given: Any) -> BundleRequest:
    plain = {"source": str(finished.folder), "formats": ("neutral",), "data": finished.data, "out": out}
    return BundleRequest(**plain | given)


REFUSED: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "no formats": ({"formats": ()}, UsageError, "--to must be names out of savedmodel, .* or all, but got none"),
    "unknown format": ({"formats": ("onnx",)}, UsageError, "--to must be names out of .* or all, but got 'onnx'"),
    "no texts": (
        {"formats": ("onnx-strings",)},
        UsageError,
        "since this network has no column of texts, but got 'onnx-strings'",
    ),
    "unknown network": ({"network": "numpy"}, UsageError, "--network must be one of keras, torch, but got 'numpy'"),
    "no data": ({"data": None}, UsageError, "--data must be the file 'breast.csv' that the run has read"),
    "no run": ({"source": "nowhere"}, DataError, "RUN must be the folder of a run"),
}


@pytest.mark.parametrize(("given", "kind", "said"), REFUSED.values(), ids=REFUSED)
def test_refused(given: dict[str, Any], kind: type[Exception], said: str, finished_run: Any, tmp_path: Path) -> None:
    with pytest.raises(kind, match=said):
        make_bundle(request(finished_run, tmp_path / "send", **given))
    assert not list(tmp_path.iterdir())


def test_other_rows_than_those_of_the_run_are_refused(finished_run: Any, tmp_path: Path) -> None:
    lines = finished_run.data.read_text().splitlines()
    other = tmp_path / "breast.csv"
    other.write_text("\n".join([lines[0], *reversed(lines[1:])]) + "\n")
    with pytest.raises(DataError, match="--data must be the rows of the run, with the checksum"):
        make_bundle(request(finished_run, tmp_path / "send", data=other))
    assert list(tmp_path.iterdir()) == [other]


def test_a_folder_in_use_is_refused(finished_run: Any, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("x")
    with pytest.raises(UsageError, match="--out must be a new or empty folder"):
        make_bundle(request(finished_run, tmp_path))


@pytest.mark.parametrize(
    ("path", "kind", "said"),
    [
        ("models/torch/onnx-float32.onnx", VerificationError, "is missing or no longer what the run has proven"),
        ("models/torch/weights.safetensors", DataError, "a folder with the weights of its record"),
    ],
)
def test_a_run_that_was_changed_is_not_sent(
    path: str, kind: type[Exception], said: str, finished_run: Any, tmp_path: Path
) -> None:
    run = Path(shutil.copytree(finished_run.folder, tmp_path / "run"))
    content = bytearray((run / path).read_bytes())
    content[-5] ^= 1
    (run / path).write_bytes(content)
    with pytest.raises(kind, match=said):
        make_bundle(
            request(finished_run, tmp_path / "send", source=str(run), formats=("onnx-float32",), network="torch")
        )
    assert list(tmp_path.iterdir()) == [run]


MANIFESTS: dict[str, tuple[Callable[[dict[str, Any]], None], str]] = {
    "version": (lambda m: m.update(format_version=99), "got version 99"),
    "path outside": (lambda m: m["artefacts"][0].update(path="../secret"), "inside its folder, but got '../secret'"),
    "absolute path": (lambda m: m["rows"].update(path="/etc/passwd"), "inside its folder, but got '/etc/passwd'"),
    "field left out": (lambda m: m.pop("classes"), "classes"),
}


@pytest.mark.parametrize(("change", "said"), MANIFESTS.values(), ids=MANIFESTS)
def test_manifests_that_are_refused(change: Callable[[dict[str, Any]], None], said: str, copy: Path) -> None:
    sign_again(copy, change)
    with pytest.raises(DataError, match=said):
        load_bundle(copy)


def test_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="BUNDLE must be a bundle of format version 2"):
        load_bundle(tmp_path)


def test_rows_that_cannot_be_read(copy: Path) -> None:
    np.savez(copy / "rows.npz", X=np.zeros(3))
    with pytest.raises(VerificationError, match=r"rows\.npz cannot be read"):
        load_bundle(copy).load_rows("neutral")
    (copy / "rows.npz").write_bytes(b"PK")
    with pytest.raises(VerificationError, match=r"rows\.npz cannot be read"):
        load_bundle(copy).load_rows("neutral")


def test_the_manifest_comes_back_as_it_was_written(bundle_folder: Path) -> None:
    manifest = load_bundle(bundle_folder).manifest
    assert json.loads(manifest.to_json()) == json.loads((bundle_folder / "manifest.json").read_text(encoding="utf-8"))
    assert dataclasses.replace(manifest) == manifest
