"""TFLite, in float32, with float16 weights, and in int8: one flat file for phones and small boards.

All are converted from the SavedModel, so that what the edge runs is what the server runs, and all
are run by LiteRT, without TensorFlow.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from throughline.formats.base import ExportInputs, Facts, Format, LayerSteps, Port, Quantization, Route, Runner
from throughline.formats.savedmodel import SIGNATURE
from throughline.weights import Array

# The scaling of the inputs, (x - mean) / std: the converter turns the division into a product. Before it features are
# selected, NaN among them.
SCALING_OPERATORS = ["SUB", "DIV", "MUL"]
SELECTING_OPERATORS = ["GATHER", "NOT_EQUAL", "ABS", "LESS", "SELECT", "SELECT_V2", "CAST", "CONCATENATION"]


def export_float32(inputs: ExportInputs, path: Path) -> Facts:
    """Convert without optimisations."""
    return _convert(inputs, path, lambda converter: None)


def export_float16(inputs: ExportInputs, path: Path) -> Facts:
    """Convert with the default optimisations and float16 as the type of stored weights.

    The converter would store the mean and standard deviation of the inputs in float16 as well: infinite beyond
    65,504, and too coarse for a column of years. They are put back in float32.
    """
    import tensorflow as tf

    def set_options(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    facts = _convert(inputs, path, set_options)
    plain = path.with_name(path.name + ".float32")
    _convert(inputs, plain, lambda converter: None)
    n_restored = _restore_scaling(path, plain)
    plain.unlink()
    return facts | {"constants_kept_in_float32": n_restored}


def export_dynamic_range(inputs: ExportInputs, path: Path) -> Facts:
    """Convert with the default optimisations alone: kernels of 1,024 numbers or more in int8, the rest in float32."""
    import tensorflow as tf

    def set_options(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]

    return _convert(inputs, path, set_options)


def export_int8(inputs: ExportInputs, path: Path) -> Facts:
    """Convert everything after the scaling to int8, with the ranges that training rows need.

    One step for all raw columns would be as coarse as the widest of them needs, and the narrow ones would vanish (320
    of 1,000 labels flipped in a trial): the scaling stays in float32, and with it the type of input and output. The
    converter leaves single operators alone only when asked through its debugger, which debugs nothing here.
    """
    import tensorflow as tf

    from throughline.frameworks.keras_net import INPUT_NAME

    def representative_rows() -> Iterator[dict[str, Array]]:
        for row in inputs.rows:
            yield {INPUT_NAME: row[None]}

    converter = _converter(inputs)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative_rows
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=SCALING_OPERATORS + SELECTING_OPERATORS)
    with warnings.catch_warnings():
        # It says that the interpreter with which it would compare has moved to another package.
        warnings.filterwarnings("ignore", message=".*tf.lite.Interpreter is deprecated.*")
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter, debug_dataset=representative_rows, debug_options=options
        )
    path.write_bytes(debugger.get_nondebug_quantized_model())
    return {
        "exporter": "tf.lite.experimental.QuantizationDebugger.get_nondebug_quantized_model",
        "tensorflow": tf.__version__,
        "representative_rows": len(inputs.rows),
    }


def _convert(inputs: ExportInputs, path: Path, set_options: Callable[[Any], None]) -> Facts:
    import tensorflow as tf

    converter = _converter(inputs)
    set_options(converter)
    path.write_bytes(converter.convert())
    return {"exporter": "tf.lite.TFLiteConverter.from_saved_model", "tensorflow": tf.__version__}


def _converter(inputs: ExportInputs) -> Any:
    import tensorflow as tf

    return tf.lite.TFLiteConverter.from_saved_model(str(inputs.files["savedmodel"]), signature_keys=[SIGNATURE])


def _restore_scaling(path: Path, plain: Path) -> int:
    """Give the element-wise operators of a float16 file their constants of the float32 file; return how many."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model, exact = (flatbuffer_utils.read_model(str(file)) for file in (path, plain))
    graph, exact_graph = model.subgraphs[0], exact.subgraphs[0]
    dequantize = schema.BuiltinOperator.DEQUANTIZE
    unpacked = {op.outputs[0]: op for op in graph.operators if _code(model, op) == dequantize}
    computing = [op for op in graph.operators if _code(model, op) != dequantize]
    n_restored = 0
    # Without the unpacking the two graphs are the same operators in the same order.
    for op, exact_op in zip(computing, exact_graph.operators, strict=True):
        if _code(model, op) == schema.BuiltinOperator.FULLY_CONNECTED:
            continue
        for tensor, exact_tensor in zip(op.inputs, exact_op.inputs, strict=True):
            if tensor in unpacked:
                buffer = exact.buffers[exact_graph.tensors[exact_tensor].buffer]
                model.buffers[graph.tensors[tensor].buffer].data = buffer.data
                replaced = unpacked.pop(tensor)
                graph.operators.remove(replaced)
                model.buffers[graph.tensors[replaced.inputs[0]].buffer].data = None
                n_restored += 1
    flatbuffer_utils.write_model(model, str(path))
    return n_restored


def _code(model: Any, operator: Any) -> int:
    entry = model.operatorCodes[operator.opcodeIndex]
    return max(int(entry.builtinCode), int(entry.deprecatedBuiltinCode))


def read_quantization(path: Path) -> Quantization:
    """Read the steps of the dense layers and of the output from the tensors of the file."""
    from tensorflow.lite.python import schema_py_generated as schema
    from tensorflow.lite.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model(str(path))
    graph = model.subgraphs[0]
    dense = [op for op in graph.operators if _code(model, op) == schema.BuiltinOperator.FULLY_CONNECTED]
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
    last = next(op for op in graph.operators if _code(model, op) == schema.BuiltinOperator.LOGISTIC)
    return Quantization(layers=layers, output=_Steps(graph.tensors[last.outputs[0]]).step)


class _Steps:
    """Steps and range of one int8 tensor; no steps if it is in float32."""

    def __init__(self, tensor: Any) -> None:
        from tensorflow.lite.python import schema_py_generated as schema

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
        # `shape` says 1 where the batch is free: `shape_signature` says -1.
        super().__init__(
            {
                "runtime": f"LiteRT {ai_edge_litert.__version__}",
                "input_signature": str(self._input["shape_signature"].tolist()),
                "threads": 1,
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
