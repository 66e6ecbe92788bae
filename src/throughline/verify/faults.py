"""Faults to test the verifier with: each is really built in, into a source that is exported again, or into a file.

A fault sits in the weights from which a source is rebuilt, in the live network before it is exported, in the finished
file, or in the rows. `FAULTS` is the table; `self_test` builds every one of them and holds against the table which
check caught it.
"""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from throughline.data.scaling import fit_scaling
from throughline.data.split import Split
from throughline.formats import find_format
from throughline.formats.openvino_ir import GRAPH_NAME
from throughline.formats.savedmodel import SIGNATURE
from throughline.record import CheckName
from throughline.weights import Array, Weights

LAYER = 1  # whose kernel is damaged: the second, which is not square
INT8_FORMATS = ("tflite-dynamic", "tflite-int8", "onnx-int8")


@dataclass(frozen=True, kw_only=True)
class Case:
    """The sound network into which faults are built.

    Attributes
    ----------
    weights, earlier : Weights
        As kept, and as they were after the first epoch.
    split : Split
    """

    weights: Weights
    earlier: Weights
    split: Split


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One way to be wrong; where a file can be edited, that comes before an edit of the network.

    Attributes
    ----------
    name : str
    caught_by : tuple of CheckName
        The check that must be the first to fail; several where the format decides which.
    in_weights : callable or None
        ``in_weights(case) -> Weights`` from which the source is rebuilt.
    in_network : mapping of framework to callable
        ``change(network) -> network``, before it is exported.
    in_file : mapping of str to callable
        ``edit(path, weights)`` by format, or by "any".
    empty_rows : bool
        Whether it is the evaluation set that is at fault.
    recorded_sha256 : bool
        Whether the file came to harm after its checksum was taken.
    stored_as : tuple of str
        Types of storage in which it is a fault; empty for all.
    nowhere_in : mapping of str to str
        By format, why it cannot be in it.
    """

    name: str
    caught_by: tuple[CheckName, ...]
    in_weights: Callable[[Case], Weights] | None = None
    in_network: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    in_file: Mapping[str, Callable[[Path, Weights], None]] = field(default_factory=dict)
    empty_rows: bool = False
    recorded_sha256: bool = False
    stored_as: tuple[str, ...] = ()
    nowhere_in: Mapping[str, str] = field(default_factory=dict)


# --- in the weights --------------------------------------------------------------------------------------------------


def _with_kernel(weights: Weights, layer: int, kernel: Array) -> Weights:
    kernels = [*weights.kernels]
    kernels[layer] = np.ascontiguousarray(kernel)
    return dataclasses.replace(weights, kernels=tuple(kernels))


def transposed_kernel(case: Case) -> Weights:
    """Lay a kernel out as if fan_in and fan_out had changed places."""
    kernel = case.weights.kernels[LAYER]
    return _with_kernel(case.weights, LAYER, np.ascontiguousarray(kernel.T).reshape(kernel.shape))


def swapped_columns(case: Case) -> Weights:
    """Take the first two input columns for each other."""
    order = [1, 0, *range(2, len(case.weights.mean))]
    return _with_kernel(case.weights, 0, case.weights.kernels[0][order])


def scaler_left_out(case: Case) -> Weights:
    """Take raw rows for scaled ones."""
    weights = case.weights
    return dataclasses.replace(weights, mean=np.zeros_like(weights.mean), std=np.ones_like(weights.std))


def scaler_from_wrong_split(case: Case) -> Weights:
    """Scale with mean and deviation of the validation rows."""
    mean, std = fit_scaling(case.split.X_val)
    dtype = case.weights.mean.dtype
    return dataclasses.replace(case.weights, mean=mean.astype(dtype), std=std.astype(dtype))


def nan_in_a_weight(case: Case) -> Weights:
    """Lose one number."""
    kernel = case.weights.kernels[LAYER].copy()
    kernel.flat[np.abs(kernel).argmax()] = np.nan
    return _with_kernel(case.weights, LAYER, kernel)


def earlier_epoch(case: Case) -> Weights:
    """Export the weights of the first epoch instead of those that were kept."""
    return case.earlier


def reversed_classes(case: Case) -> Weights:
    """Answer with the probability of class 0; of several classes, with all of them from the last to the first."""
    weights = case.weights
    if len(weights.biases[-1]) > 1:
        kernels, biases = ((*arrays[:-1], arrays[-1][..., ::-1].copy()) for arrays in (weights.kernels, weights.biases))
        return dataclasses.replace(weights, kernels=kernels, biases=biases)
    return dataclasses.replace(
        weights,
        kernels=(*weights.kernels[:-1], -weights.kernels[-1]),
        biases=(*weights.biases[:-1], -weights.biases[-1]),
    )


# --- in the live network ---------------------------------------------------------------------------------------------


def in_both(change: str) -> dict[str, Callable[[Any], Any]]:
    """Return the function of that name of `torch_faults` and of `keras_faults`, imported when it is called."""

    def changed(module: str) -> Callable[[Any], Any]:
        return lambda network: getattr(importlib.import_module(f"throughline.verify.{module}"), change)(network)

    return {"torch": changed("torch_faults"), "keras": changed("keras_faults")}


# --- in the finished file --------------------------------------------------------------------------------------------


def largest_file(path: Path) -> Path:
    """Return the file, or the largest one of a folder."""
    if path.is_file():
        return path
    return max((file for file in path.rglob("*") if file.is_file()), key=lambda file: file.stat().st_size)


def truncate(path: Path, weights: Weights) -> None:
    """Keep the first half."""
    file = largest_file(path)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def flip_a_bit(path: Path, weights: Weights) -> None:
    """Flip the lowest bit of the exponent of a layer's largest weight, which doubles or halves it.

    Raises
    ------
    ValueError
        If the file holds the number in no form that is known here.
    """
    _flip(path, weights, {"<f4": 1 << 23, "<f2": 1 << 10})


def flip_the_lowest_bit(path: Path, weights: Weights) -> None:
    """Flip the lowest bit of a layer's largest weight: the next number that the type has.

    Raises
    ------
    ValueError
        As `flip_a_bit`.
    """
    _flip(path, weights, {"<f4": 1, "<f2": 1})


def overflow_float16(path: Path, weights: Weights) -> None:
    """Store a layer's largest weight as infinity, as a converter does with what float16 cannot hold.

    Raises
    ------
    ValueError
        As `flip_a_bit`.
    """
    kernel = weights.kernels[LAYER]
    largest = kernel.flat[np.abs(kernel).argmax()]
    stored, infinite = (np.array(value, "<f2").view("<u2") for value in (largest, np.copysign(np.inf, largest)))
    _flip(path, weights, {"<f2": int(stored ^ infinite)})


def flip_in_int8(form_name: str, bit: int) -> Callable[[Path, Weights], None]:
    """Return what flips one bit of a layer's largest weight, which the file of this format holds as a whole number."""

    def flip(path: Path, weights: Weights) -> None:
        read = find_format(form_name).read_parameters
        assert read is not None  # every int8 format has it
        stored = read(path)[f"dense_{LAYER + 1}.kernel"].values
        content = bytearray(path.read_bytes())
        if not _flip_among(content, stored, weights.kernels[LAYER], bit):
            raise ValueError("the file holds the weight in no known form")
        path.write_bytes(bytes(content))

    return flip


def in_int8(bit: int) -> dict[str, Callable[[Path, Weights], None]]:
    """Return `flip_in_int8` for each format that stores whole numbers."""
    return {name: flip_in_int8(name, bit) for name in INT8_FORMATS}


def _flip(path: Path, weights: Weights, bits: Mapping[str, int]) -> None:
    kernel = weights.kernels[LAYER]
    for file in [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file()):
        content = bytearray(file.read_bytes())
        found = any(_flip_among(content, kernel.astype(dtype), kernel, bit) for dtype, bit in bits.items())
        if found or ("<f4" in bits and _flip_digit(content, kernel, bits["<f4"])):
            file.write_bytes(bytes(content))
            return
    raise ValueError("the file holds the weight in no known form")


def _flip_among(content: bytearray, stored: Array, kernel: Array, bit: int) -> bool:
    """Flip a bit of the largest weight, found among its neighbours: its own bytes could be found by chance."""
    row, unit = np.unravel_index(np.abs(kernel).argmax(), kernel.shape)
    for matrix, at, place in ((stored, row, unit), (stored.T, unit, row)):  # in either layout
        line = np.array(matrix[at])
        start = content.find(line.tobytes())
        if start >= 0:
            line.view(f"<u{line.itemsize}")[place] ^= bit
            content[start : start + line.nbytes] = line.tobytes()
            return True
    return False


def _flip_digit(content: bytearray, kernel: Array, bit: int) -> bool:
    """Write the largest weight with one bit flipped, where it is written out."""
    largest = np.array([kernel.flat[np.abs(kernel).argmax()]], np.float32)
    written = f"{largest[0]:.9g}".encode()
    start = content.find(written)
    if start < 0:
        return False
    largest.view("<u4")[0] ^= bit
    content[start : start + len(written)] = f"{largest[0]:.9g}".encode()
    return True


def freeze_onnx_batch(path: Path, weights: Weights) -> None:
    """Say 1 where the batch is free."""
    import onnx

    model = onnx.load(path)
    for entry in (*model.graph.input, *model.graph.output):
        entry.type.tensor_type.shape.dim[0].dim_value = 1
    del model.graph.value_info[:]
    path.write_bytes(model.SerializeToString())


def freeze_openvino_batch(path: Path, weights: Weights) -> None:
    """Give the graph the shape of one row."""
    import openvino

    # Read from elsewhere: what was read from a file is mapped to it, and cannot be written over it.
    sound = path.with_name(f"{path.name}-sound")
    path.rename(sound)
    model = openvino.Core().read_model(str(sound / GRAPH_NAME))
    model.reshape([1, len(weights.mean)])
    path.mkdir()
    openvino.save_model(model, path / GRAPH_NAME, compress_to_fp16=False)


def freeze_torch_export_batch(path: Path, weights: Weights) -> None:
    """Export the program again, with one row as its example and no word on what is free."""
    import torch

    rows = torch.zeros(1, len(weights.mean))
    torch.export.save(torch.export.export(torch.export.load(path).module(), (rows,)), path)


def freeze_savedmodel_batch(path: Path, weights: Weights) -> None:
    """Save the folder again with a signature of one row."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    sound = loaded.signatures[SIGNATURE]
    name, output = "features", "probability"
    row = tf.TensorSpec((1, len(weights.mean)), tf.float32, name=name)
    one = tf.function(lambda features: {output: sound(features=features)[output]}, input_signature=[row])
    tf.saved_model.save(loaded, str(path), signatures={SIGNATURE: one})


def freeze_keras_batch(path: Path, weights: Weights) -> None:
    """Give the network an input of one row."""
    import keras

    network = keras.saving.load_model(path, compile=False)
    answer = rows = keras.Input(batch_shape=(1, len(weights.mean)), name="features")
    for layer in network.layers:
        answer = layer(answer)
    keras.Model(rows, answer).save(path)


def freeze_tflite_batch(path: Path, weights: Weights) -> None:
    """Drop the signatures of the shapes, where the free axis is told apart from a 1."""
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(path))
    for tensor in model.subgraphs[0].tensors:
        tensor.shapeSignature = None
    flatbuffer_utils.write_model(model, str(path))


# Formats that are written from the weights alone have no network in which a layer could be wrong.
WEIGHTS_ALONE = dict.fromkeys(("neutral", "c99"), "it is written from the weights, without a network")

FAULTS: tuple[Fault, ...] = (
    Fault(name="transposed kernel", caught_by=("weights",), in_weights=transposed_kernel),
    Fault(name="two swapped input columns", caught_by=("weights",), in_weights=swapped_columns),
    # Where the scaling is stored in another form, its answers show it.
    Fault(name="scaler left out", caught_by=("weights", "values"), in_weights=scaler_left_out),
    Fault(name="scaler from the wrong split", caught_by=("weights", "values"), in_weights=scaler_from_wrong_split),
    # A Keras file does not open, since the layer is none of Keras' own.
    Fault(
        name="dropout left on",
        caught_by=("values", "file"),
        in_network=in_both("leave_dropout_on"),
        nowhere_in=WEIGHTS_ALONE,
    ),
    # Formats that write numbers as text or check them have no word for NaN, and do not open.
    Fault(name="NaN in one weight", caught_by=("weights", "file"), in_weights=nan_in_a_weight),
    Fault(name="weights of an earlier epoch", caught_by=("weights",), in_weights=earlier_epoch),
    Fault(name="class order reversed", caught_by=("weights",), in_weights=reversed_classes),
    Fault(
        name="sigmoid applied twice",
        caught_by=("values",),
        in_network=in_both("apply_sigmoid_twice"),
        nowhere_in=WEIGHTS_ALONE,
    ),
    Fault(
        name="float16 overflow",
        caught_by=("weights",),
        in_file={"any": overflow_float16},
        stored_as=("float16",),
    ),
    Fault(
        name="batch axis frozen at 1",
        caught_by=("axes",),
        in_file={
            **dict.fromkeys(("onnx-float32", "onnx-float16", "onnx-int8"), freeze_onnx_batch),
            **dict.fromkeys(("tflite-float32", "tflite-float16", "tflite-dynamic", "tflite-int8"), freeze_tflite_batch),
            **dict.fromkeys(("openvino", "openvino-default"), freeze_openvino_batch),
            "torch-export": freeze_torch_export_batch,
            "savedmodel": freeze_savedmodel_batch,
            "keras": freeze_keras_batch,
        },
        # A program of TorchScript declares no shape, but may be written for one row.
        in_network={"torch": in_both("answer_one_row")["torch"]},
        nowhere_in={"neutral": "it holds numbers and no graph", "c99": "its function takes one row at a time"},
    ),
    Fault(name="truncated file", caught_by=("file",), in_file={"any": truncate}, recorded_sha256=True),
    Fault(name="truncated file, no checksum", caught_by=("file",), in_file={"any": truncate}),
    Fault(
        name="one flipped bit in a weight",
        caught_by=("file",),
        in_file={"any": flip_a_bit, **in_int8(1 << 6)},
        recorded_sha256=True,
    ),
    Fault(
        name="one flipped bit, no checksum",
        caught_by=("file", "weights"),
        in_file={"any": flip_a_bit, **in_int8(1 << 6)},
    ),
    Fault(
        name="lowest bit flipped, no checksum",
        caught_by=("file", "weights"),
        in_file={"any": flip_the_lowest_bit, **in_int8(1)},
    ),
    Fault(name="empty evaluation set", caught_by=("shapes",), empty_rows=True),
    Fault(
        name="output of the wrong length",
        caught_by=("shapes",),
        in_network=in_both("answer_twice"),
        nowhere_in=WEIGHTS_ALONE,
    ),
)
