"""The detection matrix, built for real: every fault is caught by the check that is named for it (rule 6)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from throughline.data.split import split_rows
from throughline.data.tasks import load_task
from throughline.errors import UsageError
from throughline.formats import load_formats
from throughline.formats.base import EXPORTING_FRAMEWORKS, StoredArray
from throughline.record import CHECKS
from throughline.spec import NetworkSpec
from throughline.verify import faults, self_test
from throughline.verify.detection_page import detection_page
from throughline.verify.faults import FAULTS, Case
from throughline.verify.reference import numpy_answers
from throughline.verify.self_test import SOUND, Cell, SelfTest, run_self_test
from throughline.weights import initial_weights

# As the issue names them.
DEMANDED = {
    *("transposed kernel", "two swapped input columns", "scaler left out", "scaler from the wrong split"),
    *("dropout left on", "NaN in one weight", "weights of an earlier epoch", "class order reversed"),
    *("sigmoid applied twice", "float16 overflow", "batch axis frozen at 1", "truncated file"),
    *("one flipped bit in a weight", "empty evaluation set", "output of the wrong length"),
}


def test_all_fifteen_faults_are_in_the_table_each_in_one_place():
    names = [fault.name for fault in FAULTS]
    assert len(DEMANDED) == 15
    assert set(names) >= DEMANDED
    assert len(set(names)) == len(names)
    for fault in FAULTS:
        # A network may be edited where no file can be.
        places = [fault.in_weights, fault.in_network or fault.in_file or None]
        assert sum(place is not None for place in places) + fault.empty_rows == 1
        assert set(fault.nowhere_in) <= set(load_formats())
        assert not set(fault.nowhere_in) & set(fault.in_file)
        assert set(fault.caught_by) <= set(CHECKS)


@pytest.fixture(scope="module")
def case():
    split = split_rows(load_task("make-classification", 0), 0)
    spec = NetworkSpec(n_inputs=20)
    mean, std = split.X_train.mean(axis=0), split.X_train.std(axis=0)
    weights, earlier = (initial_weights(dataclasses.replace(spec, seed=seed), mean, std) for seed in (1, 2))
    return spec, Case(weights=weights, earlier=earlier, split=split)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.in_weights], ids=lambda fault: fault.name)
def test_a_fault_in_the_weights_changes_answers_and_leaves_the_sound_network_alone(fault, case):
    spec, sound = case
    before = sound.weights.digest
    altered = fault.in_weights(sound)
    altered.check(spec)
    assert sound.weights.digest == before
    assert altered.digest != before
    if fault.name == "NaN in one weight":
        assert sum(np.isnan(array).sum() for array in altered.parameters) == 1
        return
    X = sound.split.X_test
    assert np.abs(numpy_answers(spec, altered, X) - numpy_answers(spec, sound.weights, X)).max() > 1e-3


def test_columns_are_formats_and_where_a_route_of_its_own_leads_there_the_other_framework():
    columns = self_test.all_columns()
    assert len(set(columns)) == len(columns)
    assert set(columns) >= set(load_formats())
    for label in set(columns) - set(load_formats()):
        column = self_test.find_column(label)
        assert column.framework != column.form.framework
        assert column.form.route_from(column.framework).framework == column.framework
    with pytest.raises(UsageError, match="--formats must be 'c99@keras' or 'c99@torch', but got 'c99@jax'"):
        self_test.find_column("c99@jax")
    assert EXPORTING_FRAMEWORKS == ("keras", "torch")


@pytest.mark.parametrize("bit", [1, 1 << 6])
def test_flipping_in_an_int8_file_changes_one_bit_of_the_largest_weight(case, tmp_path, monkeypatch, bit):
    _, sound = case
    kernel = sound.weights.kernels[faults.LAYER]
    step = np.abs(kernel).max(axis=0) / 127
    stored = StoredArray(values=np.rint(kernel / step).astype(np.int8), step=step)
    read = dataclasses.replace(
        load_formats()["onnx-int8"], read_parameters=lambda path: {f"dense_{faults.LAYER + 1}.kernel": stored}
    )
    monkeypatch.setattr(faults, "find_format", lambda name: read)
    path = tmp_path / "net.bin"
    before = b"head" + np.ascontiguousarray(stored.values.T).tobytes() + b"tail"
    path.write_bytes(before)
    faults.flip_in_int8("onnx-int8", bit)(path, sound.weights)
    apart = np.bitwise_xor(np.frombuffer(before, np.uint8), np.frombuffer(path.read_bytes(), np.uint8))
    at = int(np.ravel_multi_index(np.unravel_index(np.abs(kernel).argmax(), kernel.shape)[::-1], kernel.T.shape))
    assert (int(apart[4 + at]), int(apart.sum())) == (bit, bit)
    path.write_bytes(b"nothing of it")
    with pytest.raises(ValueError, match="in no known form"):
        faults.flip_in_int8("onnx-int8", bit)(path, sound.weights)


@pytest.mark.parametrize("dtype", ["<f4", "<f2"])
@pytest.mark.parametrize("transposed", [False, True])
def test_flipping_changes_one_bit_of_the_largest_weight(case, tmp_path, dtype, transposed):
    _, sound = case
    kernel = sound.weights.kernels[faults.LAYER]
    before = b"head" + np.ascontiguousarray(kernel.T if transposed else kernel).astype(dtype).tobytes() + b"tail"
    path = tmp_path / "net.bin"
    path.write_bytes(before)
    faults.flip_a_bit(path, sound.weights)
    apart = np.bitwise_xor(np.frombuffer(before, np.uint8), np.frombuffer(path.read_bytes(), np.uint8))
    assert np.unpackbits(apart).sum() == 1
    after = np.frombuffer(path.read_bytes()[4:-4], dtype).astype(float)
    changed = np.flatnonzero(after != np.frombuffer(before[4:-4], dtype))
    assert len(changed) == 1
    largest = np.abs(kernel).max()
    assert abs(after[changed[0]]) == pytest.approx(largest * 2, rel=1e-3) or abs(after[changed[0]]) == pytest.approx(
        largest / 2, rel=1e-3
    )


def test_a_file_without_the_weight_is_not_damaged_in_silence(case, tmp_path):
    path = tmp_path / "net.bin"
    path.write_bytes(b"nothing of it")
    with pytest.raises(ValueError, match="in no known form"):
        faults.flip_a_bit(path, case[1].weights)


def cell(fault, outcome, form="c99"):
    return Cell(fault=fault, format=form, outcome=outcome)


def matrix(*cells):
    names = list(dict.fromkeys(each.fault for each in cells))
    return SelfTest(formats=["c99"], faults=names, cells=list(cells), network=[20, 1], n_rows=1, wall_s=0.1)


def test_the_matrix_passes_only_if_something_was_caught_and_nothing_missed():
    good = (cell(SOUND, "passed"), cell("a", "caught"))
    assert matrix(*good).passed
    assert not matrix(*good, cell("b", "missed")).passed
    assert not matrix(cell(SOUND, "false alarm"), cell("a", "caught")).passed
    assert matrix(*good, cell("b", "none")).untested == ["b"]
    assert matrix(*good, cell("b", "refused")).untested == ["b"]
    assert matrix(*good, cell("b", "refused"), cell("b", "caught", "keras")).untested == []
    assert not matrix(cell(SOUND, "passed"), cell("a", "none")).passed
    assert not matrix(cell(SOUND, "not_run"), cell("a", "not_run")).passed


@pytest.mark.xdist_group("tensorflow")
def test_every_fault_is_caught_by_its_named_check_and_sound_files_pass():
    found = run_self_test(("onnx-float32", "tflite-int8", "tflite-float16", "torchscript", "c99"))
    assert [(each.fault, each.format, each.check, each.said) for each in found.wrong] == []
    assert found.passed
    assert found.untested == []
    assert {each.fault for each in found.cells if each.outcome == "caught"} >= DEMANDED
    assert {each.format for each in found.cells if each.outcome == "passed"} == set(found.formats)
    for each in found.cells:
        fault = next((fault for fault in FAULTS if fault.name == each.fault), None)
        assert (each.outcome == "caught") == (each.check != "")
        assert each.outcome != "caught" or each.check in fault.caught_by
    # Each of these was not seen before the stored numbers were read.
    for name in ("NaN in one weight", "one flipped bit, no checksum", "lowest bit flipped, no checksum"):
        assert found.cell(name, "tflite-int8").error == "WeightError"
    assert found.cell("lowest bit flipped, no checksum", "tflite-float16").also == []
    assert found.cell("NaN in one weight", "onnx-float32").error == "WeightError"
    assert found.cell("batch axis frozen at 1", "onnx-float32").error == "AxisError"
    assert found.cell("truncated file", "onnx-float32").error == "DamagedFileError"
    # What is wrong inside is seen by later checks as well, so that each of them is tested too.
    for fault in FAULTS:
        if fault.in_weights is not None:
            assert "values" in found.cell(fault.name, "onnx-float32").also
    page = detection_page(found)
    assert f"{len([c for c in found.cells if c.outcome == 'caught'])} of " in page
    assert "MISSED" not in page
    assert all(f"| {name} | sound | " in page for name in found.formats)
    assert "labels" in found.cell("class order reversed", "onnx-float32").also
    assert "batches" in found.cell("dropout left on", "onnx-float32").also


@pytest.mark.xdist_group("torch")
def test_a_verifier_that_sees_nothing_fails_its_own_test(monkeypatch):
    monkeypatch.setattr(self_test, "judge", lambda expected, examine: sound_verification(expected))
    found = run_self_test(("c99",))
    assert not found.passed
    assert {each.outcome for each in found.cells if each.fault == "transposed kernel"} == {"missed"}


def sound_verification(expected):
    from throughline.record import Check
    from throughline.verify.record import Verification

    checks = [Check(name=name, status="passed", said="looked away") for name in CHECKS]
    return Verification(name=expected.form.name, title="", framework="", path="", status="passed", checks=checks)
