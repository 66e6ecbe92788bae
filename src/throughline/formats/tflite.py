"""TFLite, in float32, with float16 weights, and in int8: one flat file for phones and small boards.

All are converted from the SavedModel, so that what the edge runs is what the server runs, and all
are run by LiteRT, without TensorFlow.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from throughline.formats.base import (
    FOLDED,
    ExportInputs,
    Facts,
    Format,
    LayerSteps,
    Parameters,
    Port,
    Quantization,
    Route,
    Runner,
    StoredArray,
    named_parameters,
)
from throughline.formats.savedmodel import SIGNATURE
from throughline.formats.tflite_converter import (
    SCALING_OPERATORS,
    code_of,
    convert,
    convert_dynamic_range,
    convert_float16,
    convert_int8,
)
from throughline.weights import Array

# Numbers of the schema's enumeration of types.
DTYPES: dict[int, type[np.generic]] = {0: np.float32, 1: np.float16, 2: np.int32, 9: np.int8}
SELECTING_OPERATORS = ["GATHER", "NOT_EQUAL", "ABS", "LESS", "SELECT", "SELECT_V2", "CAST", "CONCATENATION"]


def export_float32(inputs: ExportInputs, path: Path) -> Facts:
    """Convert the SavedModel without optimisations."""
    return convert(inputs.files["savedmodel"], path)


def export_float16(inputs: ExportInputs, path: Path) -> Facts:
    """Convert it with weights stored in float16, and in float32 what that would spoil, the scaling above all."""
    return convert_float16(inputs.files["savedmodel"], path)


def export_dynamic_range(inputs: ExportInputs, path: Path) -> Facts:
    """Convert it with kernels of 1,024 numbers or more in int8, the rest in float32."""
    return convert_dynamic_range(inputs.files["savedmodel"], path)


def export_int8(inputs: ExportInputs, path: Path) -> Facts:
    """Convert everything after the scaling to int8, with the ranges that training rows need."""
    from throughline.frameworks.keras_net import INPUT_NAME

    samples = [{INPUT_NAME: row[None]} for row in inputs.rows]
    kept = SCALING_OPERATORS + SELECTING_OPERATORS
    facts = convert_int8(inputs.files["savedmodel"], path, samples, kept)
    return facts | {"representative_rows": len(inputs.rows)}


def read_quantization(path: Path) -> Quantization:
    """Read the steps of the dense layers and of the output from the tensors of the file."""
    from ai_edge_litert import schema_py_generated as schema

    model = _read(path)
    graph = model.subgraphs[0]
    dense = _dense(model)
    # What a layer puts out is its own rounding only where it is not what the next one takes in.
    taken = {op.inputs[0] for op in dense}
    layers = []
    for op in dense:
        source, kernel, sums = (_Steps(graph.tensors[index]) for index in (op.inputs[0], op.inputs[1], op.outputs[0]))
        n_units = int(graph.tensors[op.inputs[1]].shape[0])
        own = sums if op.outputs[0] not in taken else None
        layers.append(
            LayerSteps(
                # One step for the whole kernel, or one for each of its rows: kernels lie as (fan_out, fan_in) here.
                kernel=kernel.steps if len(kernel.steps) == n_units else (kernel.steps or [0.0]) * n_units,
                input=source.step if source.steps or not kernel.steps else None,
                input_range=source.range,
                pre_activation=own.step if own else 0.0,
                pre_activation_range=own.range if own else None,
            )
        )
    answer = graph.outputs[0]
    last = next(op for op in graph.operators if op.outputs[0] == answer)
    if code_of(model, last) == schema.BuiltinOperator.DEQUANTIZE:
        answer = last.inputs[0]
    # A value is the last sum itself, whose step counts there.
    output = 0.0 if answer == dense[-1].outputs[0] else _Steps(graph.tensors[answer]).step
    return Quantization(layers=layers, output=output)


def read_facts(path: Path) -> Facts:
    """Return version of the schema, oldest runtime and converter, as the file states them."""
    model = _read(path)
    noted = {entry.name.decode(): bytes(model.buffers[entry.buffer].data) for entry in model.metadata or []}
    facts: Facts = {"schema_version": int(model.version), "description": (model.description or b"").decode()}
    for name, key in (("min_runtime_version", "oldest_runtime"), ("reduced_precision_support", "reduced_precision")):
        if name in noted:
            facts[key] = noted[name].rstrip(b"\x00").decode()
    # A table of its own, in which the only text is the version of TensorFlow.
    converter = re.search(rb"\d+\.\d+\.\d+[\w.-]*", noted.get("CONVERSION_METADATA", b""))
    return facts | ({"converter": f"TensorFlow {converter.group().decode()}"} if converter else {})


def read_parameters(path: Path) -> Parameters:
    """Read kernel and bias of each dense layer; the scaling is stored as a reciprocal.

    The scaling of a single column is folded into the first layer by the converter.
    """
    from ai_edge_litert import schema_py_generated as schema

    model = _read(path)
    graph = model.subgraphs[0]
    unpacked = {
        op.outputs[0]: op.inputs[0] for op in graph.operators if code_of(model, op) == schema.BuiltinOperator.DEQUANTIZE
    }

    def stored(index: int) -> StoredArray:
        tensor = graph.tensors[unpacked.get(index, index)]
        dtype = DTYPES[tensor.type]
        values = np.frombuffer(bytes(model.buffers[tensor.buffer].data), dtype).reshape(tensor.shape)
        step = tensor.quantization.scale if np.issubdtype(dtype, np.integer) else None
        return StoredArray(values=values.T, step=step)  # kernels lie as (fan_out, fan_in) here

    named = named_parameters(
        (stored(op.inputs[1]), stored(op.inputs[2]) if len(op.inputs) > 2 and op.inputs[2] >= 0 else None)
        for op in _dense(model)
    )
    scaling = any(code_of(model, op) == schema.BuiltinOperator.SUB for op in graph.operators)
    return named if scaling else {name.replace("dense_1.", FOLDED): array for name, array in named.items()}


def _read(path: Path) -> Any:
    from ai_edge_litert.tools import flatbuffer_utils

    return flatbuffer_utils.read_model(str(path))


def _dense(model: Any) -> list[Any]:
    from ai_edge_litert import schema_py_generated as schema

    return [op for op in model.subgraphs[0].operators if code_of(model, op) == schema.BuiltinOperator.FULLY_CONNECTED]


class _Steps:
    """Steps and range of one int8 tensor; no steps if it is in float32."""

    def __init__(self, tensor: Any) -> None:
        from ai_edge_litert import schema_py_generated as schema

        stored = tensor.quantization
        is_int8 = tensor.type == schema.TensorType.INT8 and stored is not None and stored.scale is not None
        self.steps = [float(step) for step in stored.scale] if is_int8 else []
        self.step = self.steps[0] if is_int8 else 0.0
        self.range = None
        if is_int8:
            zero = int(stored.zeroPoint[0])
            self.range = ((-128 - zero) * self.step, (127 - zero) * self.step)


class TfliteRunner(Runner):
    """Runs a .tflite file in the LiteRT interpreter, resized to each batch."""

    def __init__(self, path: Path) -> None:
        import ai_edge_litert
        from ai_edge_litert.interpreter import Interpreter

        self._interpreter = Interpreter(model_path=str(path), num_threads=1)
        (self._input,) = self._interpreter.get_input_details()
        (self._output,) = self._interpreter.get_output_details()
        self._interpreter.allocate_tensors()
        delegated = any(op["op_name"] == "DELEGATE" for op in self._interpreter._get_ops_details())
        # `shape` says 1 where the batch is free: `shape_signature` says -1.
        super().__init__(
            {
                "runtime": f"LiteRT {ai_edge_litert.__version__}",
                "input_signature": str(self._input["shape_signature"].tolist()),
                "threads": 1,
                "delegate": "XNNPACK" if delegated else "none",
            },
            *self._ports(),
        )
        self._n_rows = 0

    def _ports(self) -> tuple[list[Port], list[Port]]:
        signatures = self._interpreter.get_signature_list()
        # Without a signature the tensors have only the names that the converter gave them.
        named = signatures.get(SIGNATURE, {"inputs": [self._input["name"]], "outputs": [self._output["name"]]})
        return _port(named["inputs"], self._input), _port(named["outputs"], self._output)

    def _predict(self, X: Array) -> Any:
        if len(X) != self._n_rows:
            self._interpreter.resize_tensor_input(self._input["index"], X.shape)
            self._interpreter.allocate_tensors()
            self._n_rows = len(X)
        self._interpreter.set_tensor(self._input["index"], X)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output["index"])


def _port(names: list[str], details: Any) -> list[Port]:
    shape = [None if n == -1 else int(n) for n in details["shape_signature"]]
    return [Port(name=", ".join(names), dtype=details["dtype"].__name__, shape=shape)]


def read_foreign_operators(path: Path) -> list[str]:
    """Return custom and Select operators: the runtime notes them by name when it opens the file."""
    from ai_edge_litert.interpreter import Interpreter

    operators = Interpreter(model_path=str(path), num_threads=1)._get_ops_details()
    names = {str(operator["op_name"]) for operator in operators}
    return sorted(name for name in names if name.startswith(("Flex", "CUSTOM", "Custom")))


def read_layers(path: Path, X: Array) -> list[Array]:
    """Return what each dense layer puts out; the runtime has put the ReLU behind it into the same operator."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1, experimental_preserve_all_tensors=True)
    (source,) = interpreter.get_input_details()
    interpreter.resize_tensor_input(source["index"], X.shape)
    interpreter.allocate_tensors()
    interpreter.set_tensor(source["index"], X)
    interpreter.invoke()
    dense = [op for op in interpreter._get_ops_details() if op["op_name"] == "FULLY_CONNECTED"]
    return [interpreter.get_tensor(op["outputs"][0]) for op in dense]


def _from_saved_model(export: Callable[[ExportInputs, Path], Facts]) -> tuple[Route, ...]:
    return (Route(framework="keras", made_from="savedmodel", export=export),)


_SHARED: dict[str, Any] = {
    "chapter": 6,
    "framework": "keras",
    "suffix": ".tflite",
    "runtime": "LiteRT",
    "runs_on": "phones, boards, servers",
    "preload": ("ai_edge_litert.interpreter",),
    "forbidden": ("tensorflow", "keras", "torch"),
    "load": TfliteRunner,
    "opener": "litert",
    "distributions": ("ai-edge-litert",),
    "port_names": ("features", "probability"),
    "read_foreign_operators": read_foreign_operators,
    "read_facts": read_facts,
    "read_parameters": read_parameters,
}

FORMATS = [
    Format(
        name="tflite-float32",
        title="TFLite float32",
        order=0,
        routes=_from_saved_model(export_float32),
        in_every_run=True,
        read_layers=read_layers,
        good_for="a phone or board that computes in float32, without TensorFlow",
        **_SHARED,
    ),
    Format(
        name="tflite-float16",
        title="TFLite float16",
        order=1,
        routes=_from_saved_model(export_float16),
        in_every_run=True,
        stored_as="float16",
        read_layers=read_layers,
        good_for="the same with a smaller download: weights stored in 16 bits",
        **_SHARED,
    ),
    Format(
        name="tflite-dynamic",
        title="TFLite dynamic range",
        order=2,
        routes=_from_saved_model(export_dynamic_range),
        stored_as="int8",
        short_from=1024,
        computed_in="int8",
        read_quantization=read_quantization,
        good_for="smaller downloads without representative rows: each row sets its own range",
        **_SHARED,
    ),
    Format(
        name="tflite-int8",
        title="TFLite int8",
        order=3,
        routes=_from_saved_model(export_int8),
        stored_as="int8",
        computed_in="int8",
        read_quantization=read_quantization,
        good_for="microcontrollers and accelerators that multiply in 8 bits alone",
        **_SHARED,
    ),
]
