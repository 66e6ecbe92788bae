"""Files with a fault, run as any other: the check fails, says why, and the parent lives on (rule 6)."""

from __future__ import annotations

import re
import shutil

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from throughline.formats import find_format
from throughline.verify.prove import prove

from .conftest import group

SOURCE = "20-64-32-1"


@pytest.fixture
def proof(start, exported_by, tmp_path):
    """Prove the file at `path` in the place of the format's own."""

    def judge(form, path):
        exported = exported_by(form.framework)
        network, rows = exported.network(form, SOURCE, path), exported.rows(SOURCE)
        with start(form.name, form.preload, tmp_path, form.environment) as child:
            return prove(form, child, network, rows, path.parent if path.parent.name != "1" else path.parent.parent)

    return judge


# --- ONNX files edited with onnx -------------------------------------------------------------------------------------


def initializer(model, name):
    return next(entry for entry in model.graph.initializer if entry.name == name)


def change(model, name, edit):
    entry = initializer(model, name)
    entry.CopyFrom(numpy_helper.from_array(edit(numpy_helper.to_array(entry).copy()), name))


def node_of(model, kind):
    return next(node for node in model.graph.node if node.op_type == kind)


def replace_input(model, old, new):
    for node in model.graph.node:
        node.input[:] = [new if name == old else name for name in node.input]


def transposed_kernel(model):
    # The layer is not square: its numbers are laid out as if fan_in and fan_out had changed places.
    change(model, "layers.3.weight", lambda W: np.ascontiguousarray(W.T).reshape(W.shape))


def swapped_columns(model):
    change(model, "layers.0.weight", lambda W: W[:, [1, 0, *range(2, 20)]])


def without_scaler(model):
    scaling = [node for node in model.graph.node if node.op_type in ("Sub", "Div")]
    assert [node.op_type for node in scaling] == ["Sub", "Div"]
    replace_input(model, scaling[1].output[0], "features")
    for node in scaling:
        model.graph.node.remove(node)
    for name in ("mean", "std"):
        model.graph.initializer.remove(initializer(model, name))


def doubled_sigmoid(model):
    last = node_of(model, "Sigmoid")
    last.output[0] = "once"
    model.graph.node.append(helper.make_node("Sigmoid", ["once"], ["probability"], "twice"))


def reversed_classes(model):
    node_of(model, "Sigmoid").output[0] = "other"
    model.graph.initializer.append(numpy_helper.from_array(np.float32(1), "one"))
    model.graph.node.append(helper.make_node("Sub", ["one", "other"], ["probability"], "reversed"))


def frozen_batch(model):
    for entry in (*model.graph.input, *model.graph.output):
        entry.type.tensor_type.shape.dim[0].dim_value = 1
    del model.graph.value_info[:]


def first_row_for_all(model):
    # What a graph does that was traced with one row and broadcasts its answer over the batch.
    node_of(model, "Sigmoid").output[0] = "each"
    zero = numpy_helper.from_array(np.zeros(1, np.int64), "zero")
    model.graph.initializer.append(zero)
    model.graph.node.extend(
        [
            helper.make_node("Gather", ["each", "zero"], ["first"], "first", axis=0),
            helper.make_node("Shape", ["each"], ["shape"], "shape"),
            helper.make_node("Expand", ["first", "shape"], ["probability"], "expanded"),
        ]
    )


def pooled_over_the_batch(model):
    # Right for one row alone: only the comparison of batch sizes can see it.
    node_of(model, "Sigmoid").output[0] = "each"
    model.graph.node.append(helper.make_node("ReduceMean", ["each"], ["mean_of_all"], "pooled", keepdims=1))
    model.graph.node.append(helper.make_node("Shape", ["each"], ["shape"], "shape"))
    model.graph.node.append(helper.make_node("Expand", ["mean_of_all", "shape"], ["probability"], "expanded"))


def two_outputs_a_row(model):
    node_of(model, "Sigmoid").output[0] = "one"
    model.graph.node.append(helper.make_node("Concat", ["one", "one"], ["probability"], "two", axis=1))
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 2


def nan_in_a_weight(model):
    change(model, "layers.3.weight", lambda W: np.where(W.max() == W, np.float32("nan"), W))


def one_percent_in_a_weight(model):
    change(model, "layers.6.weight", lambda W: np.where(np.abs(W) == np.abs(W).max(), W * np.float32(1.01), W))


def flipped_high_bit(model):
    # Bit 30, the highest of the exponent, of the first number: 0.3 becomes 1e38.
    change(model, "layers.3.weight", lambda W: flipped(W, bit=30))


def flipped_low_mantissa_bit(model):
    change(model, "layers.3.weight", lambda W: flipped(W, bit=16))


def flipped(W, bit):
    W.view(np.uint32).reshape(-1)[0] ^= np.uint32(1 << bit)
    return W


ONNX_FAULTS = [
    (transposed_kernel, "weights"),
    (swapped_columns, "weights"),
    (without_scaler, "values"),
    (doubled_sigmoid, "values"),
    (reversed_classes, "values"),
    (frozen_batch, "axes"),
    (first_row_for_all, "values"),
    (pooled_over_the_batch, "values"),
    (two_outputs_a_row, "shapes"),
    (nan_in_a_weight, "weights"),
    (one_percent_in_a_weight, "weights"),
    (flipped_high_bit, "weights"),
    (flipped_low_mantissa_bit, "weights"),
]
# What follows from a fault that an earlier check has named.
WRONG_ANSWERS = {transposed_kernel, swapped_columns, without_scaler, doubled_sigmoid, reversed_classes, nan_in_a_weight}


@group(find_format("onnx-float32"))
@pytest.mark.parametrize(("fault", "check"), ONNX_FAULTS, ids=[fault.__name__ for fault, _ in ONNX_FAULTS])
def test_edited_onnx_fails_by_the_check_that_names_the_fault(proof, exported_by, tmp_path, fault, check):
    form = find_format("onnx-float32")
    model = onnx.load(exported_by("torch").path(form, SOURCE))
    fault(model)
    path = tmp_path / "faulty.onnx"
    path.write_bytes(model.SerializeToString())
    record = proof(form, path)
    assert (record.status, record.failed_check) == ("failed", check), record.reason
    said = {entry.name: entry.said for entry in record.named_checks}
    assert record.reason == f"check '{check}': {said[check]}"
    failed = {entry.name for entry in record.named_checks if entry.status == "failed"}
    assert "values" in failed or fault not in WRONG_ANSWERS
    assert record.share_of_tolerance > 1 or not record.checks


@group(find_format("onnx-float32"))
def test_the_same_edit_without_a_fault_passes(proof, exported_by, tmp_path):
    path = tmp_path / "sound.onnx"
    path.write_bytes(onnx.load(exported_by("torch").path(find_format("onnx-float32"), SOURCE)).SerializeToString())
    record = proof(find_format("onnx-float32"), path)
    assert (record.status, record.reason) == ("passed", "")


# --- every format ----------------------------------------------------------------------------------------------------


def copied(source, folder):
    """Copy a file or a folder, the folder keeping its name, and return the copy and its largest file."""
    path = folder / source.name
    if source.is_file():
        shutil.copy(source, path)
        return path, path
    shutil.copytree(source, path)
    return path, max((file for file in path.rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)


def test_truncated_file_fails_and_leaves_the_parent_alone(form, exported, proof, tmp_path):
    path, largest = copied(exported.path(form, SOURCE), tmp_path)
    largest.write_bytes(largest.read_bytes()[: largest.stat().st_size // 2])
    record = proof(form, path)
    assert (record.status, record.checks, record.failed_check) == ("failed", [], "file")
    assert re.match(r"check 'file': (.* does not open it: .|It could not be run: .)", record.reason), record.reason
    assert {entry.said for entry in record.named_checks[1:-1]} == {"the check 'file' failed"}


@group(find_format("tflite-float32"))
@pytest.mark.parametrize("name", ["tflite-float32", "tflite-float16"])
def test_flipped_high_bit_in_a_tflite_weight_is_caught(exported_by, proof, tmp_path, name):
    form = find_format(name)
    exported = exported_by("keras")
    path, _ = copied(exported.path(form, SOURCE), tmp_path)
    dtype = np.dtype(form.stored_as)
    weight = exported.network(form, SOURCE).weights.kernels[1].astype(dtype)[0, 0]  # of the layer 64 to 32
    content = path.read_bytes()
    # TFLite stores kernels as (fan_out, fan_in): the first numbers are the first column.
    column = exported.network(form, SOURCE).weights.kernels[1].astype(dtype)[:, 0].tobytes()
    assert content.count(column) == 1
    at = content.index(column) + dtype.itemsize - 1
    assert content[at] == weight.tobytes()[-1]
    path.write_bytes(content[:at] + bytes([content[at] ^ 0x40]) + content[at + 1 :])
    record = proof(form, path)
    assert (record.status, record.failed_check) == ("failed", "weights"), record.reason
    assert "dense_2.kernel[0, 0] is stored in" in record.reason


@group(find_format("onnx-float32"))
def test_missing_file_fails_in_words(proof, tmp_path):
    record = proof(find_format("onnx-float32"), tmp_path / "nowhere.onnx")
    assert (record.status, record.size_bytes, record.reason) == ("failed", 0, "check 'file': There is no nowhere.onnx.")


@group(find_format("onnx-float32"))
def test_file_of_another_network_fails(exported_by, proof, tmp_path):
    form = find_format("onnx-float32")
    path, _ = copied(exported_by("torch").path(form, "3-5-1"), tmp_path)
    record = proof(form, path)
    assert (record.status, record.checks, record.failed_check) == ("failed", [], "axes")
    assert "must take 20 features" in record.reason
