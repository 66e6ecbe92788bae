"""``throughline verify``: a finished run, one file of it, files that were altered, and misuse."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest

from throughline.__main__ import _exit_status
from throughline.formats.base import file_sha256
from throughline.record import CHECKS, load_record
from throughline.verify.record import VerifyRecord

pytestmark = pytest.mark.xdist_group("run")
QUICK = ["--no-source", "--search", "0", "--json"]


def verified(done) -> VerifyRecord:
    assert done.stdout, done.stderr
    return msgspec.json.decode(done.stdout, type=VerifyRecord)


@pytest.fixture
def copy(finished_run, tmp_path) -> Path:
    """The finished run in a place where it may be damaged."""
    folder = tmp_path / "breast"
    shutil.copytree(finished_run.folder, folder)
    return folder


def test_a_sound_run_is_verified_file_by_file(finished_run):
    done = finished_run.call(["verify", str(finished_run.folder), "--rows", str(finished_run.data), "--json"])
    assert done.returncode == 0, done.stderr
    record = verified(done)
    assert [(entry.name, entry.framework) for entry in record.artefacts] == [
        (entry.name, entry.framework) for entry in finished_run.record.formats
    ]
    assert record.n_rows == finished_run.record.split.n_test
    assert "held-out rows of breast.csv" in record.rows
    for entry, recorded in zip(record.artefacts, finished_run.record.formats, strict=True):
        assert (entry.status, entry.findings, entry.layers) == ("passed", [], [])
        assert [check.name for check in entry.checks] == list(CHECKS)
        assert {check.status for check in entry.checks} <= {"passed", "not_run"}
        # Conversion error: what the run measured; implementation error: against NumPy in float64.
        assert entry.conversion == pytest.approx(recorded.largest_difference, abs=2e-7)
        assert 0 < entry.implementation <= entry.tolerance
        assert entry.accuracy == recorded.test_accuracy
        assert entry.certificate.n_rows == record.n_rows
        assert entry.worst.n_evaluated > record.n_rows
        assert entry.worst.difference >= entry.worst.held_out_difference * 0.5
        assert entry.facts["runtime"]
        assert entry.facts["instruction_set"]
    onnx = next(entry for entry in record.artefacts if entry.name == "onnx-float32")
    assert (onnx.facts["opset"], onnx.facts["ir_version"]) == (20, 10)
    assert onnx.facts["producer"].startswith("pytorch")
    assert f"{len(record.artefacts)} of {len(record.artefacts)} artefacts verified" in done.stderr
    assert max(map(len, done.stderr.splitlines())) <= 80


def test_one_artefact_of_a_run_is_named_by_its_path(finished_run):
    path = finished_run.folder / "models" / "torch" / "onnx-float32.onnx"
    done = finished_run.call(["verify", str(path), "--rows", str(finished_run.data), *QUICK])
    (entry,) = verified(done).artefacts
    assert (done.returncode, entry.name, entry.status) == (0, "onnx-float32", "passed")
    assert (entry.conversion, entry.conversion_reason, entry.worst) == (None, "not asked for", None)


def test_a_changed_byte_is_caught_by_the_checksum_before_the_file_is_opened(finished_run, copy):
    path = copy / "models" / "torch" / "onnx-float32.onnx"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    done = finished_run.call(["verify", str(path), "--rows", str(finished_run.data), *QUICK])
    (entry,) = verified(done).artefacts
    assert done.returncode == 1
    assert [(check.name, check.error) for check in entry.failed] == [("file", "DamagedFileError")]
    assert {check.status for check in entry.checks[1:]} == {"not_run"}
    assert "0 of 1 artefacts verified, 1 failed" in done.stderr


def test_a_wrong_weight_with_a_new_checksum_is_caught_by_its_numbers_its_values_and_its_layer(finished_run, copy):
    import onnx
    from onnx import numpy_helper

    path = copy / "models" / "torch" / "onnx-float32.onnx"
    model = onnx.load(path)
    kernel = next(entry for entry in model.graph.initializer if entry.name == "layers.3.weight")
    kernel.CopyFrom(numpy_helper.from_array(1.5 * numpy_helper.to_array(kernel), kernel.name))
    onnx.save(model, path)
    renew_checksum(copy, "onnx-float32", path)
    done = finished_run.call(["verify", str(path), "--rows", str(finished_run.data), *QUICK])
    (entry,) = verified(done).artefacts
    assert done.returncode == 1
    assert [check.name for check in entry.failed[:2]] == ["weights", "values"]
    assert "dense_2.kernel[" in entry.failed[0].said
    assert next(gap.layer for gap in entry.layers if gap.parts) == 2
    assert "they part at layer 2 of 3" in done.stderr


def renew_checksum(folder, name, path):
    record = load_record(folder)
    formats = [
        dataclasses.replace(entry, sha256=file_sha256(path)) if entry.name == name else entry
        for entry in record.formats
    ]
    (folder / "record.json").write_text(dataclasses.replace(record, formats=formats).to_json(), encoding="utf-8")


def test_weights_that_are_not_those_of_the_record_prove_nothing(finished_run, copy):
    shutil.copy(copy / "models/keras/weights.safetensors", copy / "models/torch/weights.safetensors")
    done = finished_run.call(["verify", str(copy), "--rows", str(finished_run.data), *QUICK])
    assert (done.returncode, done.stdout) == (1, "")
    assert "The kept weights models/torch/weights.safetensors have the digest" in done.stderr


def test_rows_without_labels_leave_the_metric_out_and_no_rows_fail(finished_run, tmp_path):
    path = finished_run.folder / "models" / "keras" / "tflite-float32.tflite"
    n_features = finished_run.record.network.n_inputs
    np.save(tmp_path / "rows.npy", np.random.default_rng(0).normal(10, 3, (40, n_features)))
    done = finished_run.call(["verify", str(path), "--rows", str(tmp_path / "rows.npy"), *QUICK])
    (entry,) = verified(done).artefacts
    assert (done.returncode, entry.accuracy) == (0, None)
    assert [check.name for check in entry.checks if check.status == "not_run"] == ["metric"]
    np.savez(tmp_path / "none.npz", X=np.zeros((0, n_features)), y=np.zeros(0))
    done = finished_run.call(["verify", str(path), "--rows", str(tmp_path / "none.npz"), *QUICK])
    (entry,) = verified(done).artefacts
    assert done.returncode == 1
    assert [(check.name, check.error) for check in entry.failed] == [("shapes", "OutputShapeError")]


def test_misuse_is_refused_in_a_sentence(finished_run, tmp_path, capsys):
    folder = str(finished_run.folder)
    (tmp_path / "text.txt").write_text("rows")
    np.save(tmp_path / "narrow.npy", np.zeros((3, 2)))
    np.savez(tmp_path / "unnamed.npz", rows=np.zeros((3, 30)))
    cases = [
        ([], "RUN must be the folder of a run or a bundle, or an artefact in it, but got none"),
        (["nowhere"], "RUN must be the folder of a run or an artefact in it, but got 'nowhere'"),
        ([folder], "--rows must be given, since the run read 'breast.csv', but got none: pass --rows breast.csv"),
        ([f"{folder}/report.html"], "RUN must be one of its artefacts, models/"),
        ([folder, "--rows", str(tmp_path / "text.txt")], "--rows must be a CSV file with rows, but got"),
        ([folder, "--rows", str(tmp_path / "none.csv")], "--rows must be a .npz file with an array X"),
        ([folder, "--rows", str(tmp_path / "narrow.npy")], "--rows must be numbers of shape (n_samples, 30)"),
        ([folder, "--rows", str(tmp_path / "unnamed.npz")], "--rows must be a .npz file with an array X"),
        ([folder, "--search", "-1"], "--search must be seconds from 0, but got -1.0"),
        ([folder, "--formats", "c99"], "--formats, --seed and --write must be left out without --self-test"),
        ([folder, "--self-test"], "RUN and --rows must be left out with --self-test"),
        (["--self-test", "--formats", "tflite"], "format must be one of "),
    ]
    for arguments, said in cases:
        assert _exit_status(["verify", *arguments]) == 2, arguments
        captured = capsys.readouterr()
        assert captured.err.replace("\n", " ").startswith(f"throughline: {said}"), captured.err
        assert captured.out == ""
