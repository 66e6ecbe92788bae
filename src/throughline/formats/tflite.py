"""TFLite, in float32 and with float16 weights: one flat file for phones and small boards.

Both are converted from the SavedModel, so that what the edge runs is what the server runs, and both
are run by LiteRT, without TensorFlow.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from throughline.formats.base import Format, Runner
from throughline.formats.savedmodel import SIGNATURE
from throughline.weights import Array


def export_float32(saved_model: Path, path: Path) -> dict[str, str | int]:
    """Convert without optimisations."""
    return _convert(saved_model, path, lambda converter: None)


def export_float16(saved_model: Path, path: Path) -> dict[str, str | int]:
    """Convert with the default optimisations and float16 as the type of stored weights.

    The converter would store the mean and standard deviation of the inputs in float16 as well: infinite beyond
    65,504, and too coarse for a column of years. They are put back in float32.
    """
    import tensorflow as tf

    def set_options(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    facts = _convert(saved_model, path, set_options)
    plain = path.with_name(path.name + ".float32")
    _convert(saved_model, plain, lambda converter: None)
    n_restored = _restore_scaling(path, plain)
    plain.unlink()
    return facts | {"constants_kept_in_float32": n_restored}


def _convert(saved_model: Path, path: Path, set_options: Callable[[Any], None]) -> dict[str, str | int]:
    import tensorflow as tf

    converter = tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=[SIGNATURE])
    set_options(converter)
    path.write_bytes(converter.convert())
    return {"exporter": "tf.lite.TFLiteConverter.from_saved_model", "tensorflow": tf.__version__}


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
            }
        )
        self._n_rows = 0

    def _predict(self, X: Array) -> Any:
        if len(X) != self._n_rows:
            self._interpreter.resize_tensor_input(self._input["index"], X.shape)
            self._interpreter.allocate_tensors()
            self._n_rows = len(X)
        self._interpreter.set_tensor(self._input["index"], X)
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output["index"])


_SHARED: dict[str, Any] = {
    "chapter": 6,
    "framework": "keras",
    "made_from": "savedmodel",
    "suffix": ".tflite",
    "runtime": "LiteRT",
    "preload": ("ai_edge_litert.interpreter",),
    "forbidden": ("tensorflow", "keras", "torch"),
    "load": TfliteRunner,
}

FORMATS = [
    Format(
        name="tflite-float32",
        title="TFLite float32",
        order=0,
        export=export_float32,
        good_for="a phone or board that computes in float32, without TensorFlow",
        **_SHARED,
    ),
    Format(
        name="tflite-float16",
        title="TFLite float16",
        order=1,
        export=export_float16,
        stored_as="float16",
        good_for="the same with a smaller download: weights stored in 16 bits",
        **_SHARED,
    ),
]
