"""Where the bytes of an artefact go, read from the file itself as far as its format can be read.

A reader takes the path and how many numbers the network has, and returns a `ByteAccount` whose parts add up to the size
on disk. Where a container cannot be taken apart, weights are what the specification says and the rest is container.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from throughline.formats.base import file_size_bytes
from throughline.record import ByteAccount

FLOAT32_BYTES = 4
# Of QuantizeLinear and DequantizeLinear: what follows the tensor itself, its step and its zero point.
STEP_INPUTS = slice(1, 3)


def account_bytes(opener: str, path: Path, n_numbers: int) -> ByteAccount:
    """Return the account of an artefact.

    Parameters
    ----------
    opener : str
        As in `formats.base.Format`.
    path : Path
    n_numbers : int
        Kernels, biases and scaling together, for containers that cannot be read.

    Returns
    -------
    ByteAccount

    Raises
    ------
    ValueError
        If the parts do not add up to the size: then a reader counts something twice.
    """
    found = READERS.get(opener, _container)(path, n_numbers)
    size_bytes = file_size_bytes(path)
    parts = (found.weights, found.quantisation, found.graph, found.metadata, found.padding, found.container)
    if found.total != size_bytes or min(parts) < 0:
        raise ValueError(f"the parts of {path.name} are {parts}, which is not its size of {size_bytes} bytes")
    return found


def _onnx(path: Path, n_numbers: int) -> ByteAccount:
    import onnx

    model = onnx.load(path)
    steps = {
        name
        for node in model.graph.node
        if node.op_type in ("QuantizeLinear", "DequantizeLinear")
        for name in node.input[STEP_INPUTS]
    }
    weights = quantisation = 0
    for array in model.graph.initializer:
        n_bytes = _stored_bytes(array)
        if array.name in steps:
            quantisation += n_bytes
        else:
            weights += n_bytes
    whole = path.stat().st_size
    for entry in (model.graph, *model.graph.node, *model.graph.initializer, *model.graph.input, *model.graph.output):
        entry.ClearField("doc_string")
        entry.ClearField("metadata_props")
    for field in ("producer_name", "producer_version", "domain", "model_version", "doc_string", "metadata_props"):
        model.ClearField(field)
    metadata = whole - model.ByteSize()
    return ByteAccount(
        weights=weights,
        quantisation=quantisation,
        graph=whole - metadata - weights - quantisation,
        metadata=metadata,
        read_from="protobuf: initializers, those of Quantize and Dequantize nodes apart; the rest is nodes",
    )


def _stored_bytes(array: Any) -> int:
    """Return the bytes of the numbers of an initializer, however they are stored."""
    from onnx import numpy_helper

    return len(array.raw_data) if array.HasField("raw_data") else int(numpy_helper.to_array(array).nbytes)


def _tflite(path: Path, n_numbers: int) -> ByteAccount:
    """Read the flatbuffer with the schema that LiteRT brings; gaps before aligned numbers are padding."""
    from ai_edge_litert import schema_py_generated as schema

    content = path.read_bytes()
    model = schema.Model.GetRootAs(content, 0)
    described = {model.Metadata(i).Buffer() for i in range(model.MetadataLength())}
    metadata = sum(model.Buffers(i).DataLength() for i in described)
    metadata += len(model.Description() or b"")
    quantisation = weights = padding = 0
    constant = set()
    for g in range(model.SubgraphsLength()):
        graph = model.Subgraphs(g)
        for t in range(graph.TensorsLength()):
            tensor = graph.Tensors(t)
            constant.add(tensor.Buffer())
            steps = tensor.Quantization()
            if steps is not None:
                quantisation += 4 * (steps.ScaleLength() + steps.MinLength() + steps.MaxLength())
                quantisation += 8 * steps.ZeroPointLength()
    for i in constant - described:
        buffer = model.Buffers(i)
        weights += buffer.DataLength()
        if buffer.DataLength():
            padding += _zeros_before(content, buffer._tab.Vector(buffer._tab.Offset(4)) - 4)
    return ByteAccount(
        weights=weights,
        quantisation=quantisation,
        graph=len(content) - weights - quantisation - metadata - padding,
        metadata=metadata,
        padding=padding,
        read_from="flatbuffer: buffers of tensors, steps and ranges of tensors, metadata; the rest is graph",
    )


def _zeros_before(content: bytes, position: int) -> int:
    """Count zero bytes before a vector, at most as many as an alignment of 16 needs.

    Zeros that belong to what lies before count as well, up to 3 of them for a vector of offsets or small numbers, so
    this is an upper bound.
    """
    count = 0
    while count < 15 and content[position - 1 - count] == 0:
        count += 1
    return count


def _neutral(path: Path, n_numbers: int) -> ByteAccount:
    content = (path / "weights.safetensors").read_bytes()
    n_header = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + n_header]
    padding = n_header - len(header.rstrip(b" "))
    said = json.dumps(json.loads(header)["__metadata__"], separators=(",", ":")).encode()
    metadata = len(said) + (path / "spec.json").stat().st_size
    return ByteAccount(
        weights=len(content) - 8 - n_header,
        graph=8 + n_header - padding - len(said),
        metadata=metadata,
        padding=padding,
        read_from="safetensors: the header's metadata and spec.json, its table of arrays, its spaces, the arrays",
    )


def _c99(path: Path, n_numbers: int) -> ByteAccount:
    texts = [(path / name).read_text(encoding="ascii") for name in ("network.h", "network.c")]
    weights = sum(len(body) for text in texts for body in re.findall(r"\] = \{(.*?)\};", text, re.DOTALL))
    comments = sum(len(comment) for text in texts for comment in re.findall(r"/\*.*?\*/", text, re.DOTALL))
    return ByteAccount(
        weights=weights,
        graph=file_size_bytes(path) - weights - comments,
        metadata=comments,
        read_from="C: numbers between braces as decimal text, comments, the rest is code",
    )


def _savedmodel(path: Path, n_numbers: int) -> ByteAccount:
    sizes = {file.relative_to(path).as_posix(): file.stat().st_size for file in path.rglob("*") if file.is_file()}
    data = sum(size for name, size in sizes.items() if name.startswith("variables/variables.data"))
    weights = min(FLOAT32_BYTES * n_numbers, data)
    graph, metadata = sizes.get("saved_model.pb", 0), sizes.get("fingerprint.pb", 0)
    return ByteAccount(
        weights=weights,
        graph=graph,
        metadata=metadata,
        container=sum(sizes.values()) - weights - graph - metadata,
        read_from="files of the folder; weights as the specification counts them, the rest of the variables container",
    )


def _openvino(path: Path, n_numbers: int) -> ByteAccount:
    numbers, graph = (path / "network.bin").stat().st_size, (path / "network.xml").stat().st_size
    weights = min(FLOAT32_BYTES * n_numbers, numbers)
    return ByteAccount(
        weights=weights,
        graph=graph,
        container=numbers - weights,
        read_from="files of the folder; weights as the specification counts them, other constants container",
    )


def _container(path: Path, n_numbers: int) -> ByteAccount:
    whole = file_size_bytes(path)
    weights = min(FLOAT32_BYTES * n_numbers, whole)
    return ByteAccount(
        weights=weights, container=whole - weights, read_from="weights as the specification counts them in float32"
    )


# By the opener of a format; what is not here is a container.
READERS: dict[str, Callable[[Path, int], ByteAccount]] = {
    "onnxruntime": _onnx,
    "litert": _tflite,
    "neutral": _neutral,
    "c99": _c99,
    "savedmodel": _savedmodel,
    "openvino": _openvino,
    "openvino-float32": _openvino,
}
