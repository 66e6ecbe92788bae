"""From a SavedModel to TFLite by TensorFlow's converter: the options of each kind, the same for every model."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throughline.formats.base import Facts
from throughline.formats.savedmodel import SIGNATURE
from throughline.weights import Array

# The scaling of the inputs, (x - mean) / std: the converter turns the division into a product. After it features
# are selected, NaN among them.
SCALING_OPERATORS = ["SUB", "DIV", "MUL"]
# Operators whose constants are weights.
PRODUCTS = (
    *("FULLY_CONNECTED", "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "CONV_3D", "BATCH_MATMUL"),
    *("GATHER", "EMBEDDING_LOOKUP", "UNIDIRECTIONAL_SEQUENCE_LSTM"),
)
HALF_STEP = 2.0**-11  # of float16, as a share of the number


def convert(saved_model: Path, path: Path) -> Facts:
    """Convert without optimisations."""
    return _write(_converter(saved_model), path)


def convert_float16(saved_model: Path, path: Path) -> Facts:
    """Convert with the default optimisations and float16 as the type of stored weights.

    The converter would store the mean and standard deviation of the inputs in float16 as well: infinite beyond
    65,504, and too coarse for a column of years. `keep_in_float32` puts them back.
    """
    import tensorflow as tf

    converter = _optimising(saved_model)
    converter.target_spec.supported_types = [tf.float16]
    facts = _write(converter, path)
    plain = path.with_name(path.name + ".float32")
    convert(saved_model, plain)
    n_restored = keep_in_float32(path, plain)
    plain.unlink()
    return facts | {"constants_kept_in_float32": n_restored}


def convert_dynamic_range(saved_model: Path, path: Path) -> Facts:
    """Convert with the default optimisations alone: large kernels in int8; each batch sets its own range."""
    return _write(_optimising(saved_model), path)


def convert_int8(
    saved_model: Path, path: Path, samples: Sequence[dict[str, Array]], in_float32: Sequence[str] = ()
) -> Facts:
    """Convert to int8 with the ranges of samples; inputs and outputs stay in their type.

    Parameters
    ----------
    saved_model, path : Path
    samples : sequence of dict of str to ndarray
        What the model is to take in, one call each.
    in_float32 : sequence of str
        Operators to be left alone: those of the scaling, where the model scales its inputs itself. One step for all raw
        columns would be as coarse as the widest of them needs, and the narrow ones would vanish (320 of 1,000 labels
        flipped in a trial). The converter leaves single operators alone only when asked through its debugger, which
        debugs nothing here.
    """
    import tensorflow as tf

    def representative() -> Iterator[dict[str, Array]]:
        yield from samples

    converter = _optimising(saved_model)
    converter.representative_dataset = representative
    if not in_float32:
        return _write(converter, path)
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=list(in_float32))
    with warnings.catch_warnings():
        # It says that the interpreter with which it would compare has moved to another package.
        warnings.filterwarnings("ignore", message=".*tf.lite.Interpreter is deprecated.*")
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter, debug_dataset=representative, debug_options=options
        )
    path.write_bytes(debugger.get_nondebug_quantized_model())
    exporter = "tf.lite.experimental.QuantizationDebugger.get_nondebug_quantized_model"
    return {"exporter": exporter, "tensorflow": tf.__version__}


def _converter(saved_model: Path) -> Any:
    import tensorflow as tf

    return tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=[SIGNATURE])


def _optimising(saved_model: Path) -> Any:
    import tensorflow as tf

    converter = _converter(saved_model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    return converter


def _write(converter: Any, path: Path) -> Facts:
    import tensorflow as tf

    path.write_bytes(converter.convert())
    return {"exporter": "tf.lite.TFLiteConverter.from_saved_model", "tensorflow": tf.__version__}


def keep_in_float32(path: Path, plain: Path) -> int:
    """Put those constants of a float16 file back into float32 that must not be rounded to 16 bits.

    These are the constants by column or by channel of operators that are no products, such as the mean and the standard
    deviation of inputs: a difference of two large numbers has none of the digits that rounding took. And any constant,
    kernels included, that loses more than half a step of float16 of its largest number: beyond 65,504 it would be
    infinite, and below 6e-5 it has fewer digits.

    Parameters
    ----------
    path : Path
        The file with float16 constants, rewritten in place.
    plain : Path
        The same model, converted without optimisations.

    Returns
    -------
    int
        How many constants were put back; 0 if the converter made another graph for float16.
    """
    from tensorflow.lite.tools import flatbuffer_utils

    model, exact = (flatbuffer_utils.read_model(str(file)) for file in (path, plain))
    n_restored = sum(
        _restore(model, graph, exact, exact_graph)
        for graph, exact_graph in zip(model.subgraphs, exact.subgraphs, strict=True)
    )
    if n_restored:
        flatbuffer_utils.write_model(model, str(path))
    return n_restored


def _restore(model: Any, graph: Any, exact: Any, exact_graph: Any) -> int:
    from tensorflow.lite.python import schema_py_generated as schema

    dequantize = schema.BuiltinOperator.DEQUANTIZE
    products = {getattr(schema.BuiltinOperator, name) for name in PRODUCTS}
    unpacked = {op.outputs[0]: op for op in graph.operators if code_of(model, op) == dequantize}
    computing = [op for op in graph.operators if code_of(model, op) != dequantize]
    # Without the unpacking the two graphs are the same operators in the same order.
    if [code_of(model, op) for op in computing] != [code_of(exact, op) for op in exact_graph.operators]:
        return 0
    n_restored = 0
    for op, exact_op in zip(computing, exact_graph.operators, strict=True):
        for tensor, exact_tensor in zip(op.inputs, exact_op.inputs, strict=True):
            if tensor not in unpacked:
                continue
            data = exact.buffers[exact_graph.tensors[exact_tensor].buffer].data
            if data is None or not _must_stay(data, exact_graph.tensors[exact_tensor], code_of(model, op) in products):
                continue
            replaced = unpacked.pop(tensor)
            graph.operators.remove(replaced)
            model.buffers.append(schema.BufferT(data=data))
            graph.tensors[tensor].buffer = len(model.buffers) - 1
            if not any(replaced.inputs[0] in other.inputs for other in graph.operators):
                model.buffers[graph.tensors[replaced.inputs[0]].buffer].data = None
            n_restored += 1
    return n_restored


def _must_stay(data: Any, tensor: Any, in_product: bool) -> bool:
    by_channel = sum(n > 1 for n in (tensor.shape if tensor.shape is not None else ())) <= 1
    if by_channel and not in_product:
        return True
    values = np.frombuffer(bytes(data), np.float32)
    with np.errstate(over="ignore"):
        lost = np.abs(values - values.astype(np.float16).astype(np.float32)).max(initial=0)
    return bool(lost > HALF_STEP * np.abs(values).max(initial=0))


def code_of(model: Any, operator: Any) -> int:
    """Return the number of an operator in the schema's enumeration; old files have it in a field of its own."""
    entry = model.operatorCodes[operator.opcodeIndex]
    return max(int(entry.builtinCode), int(entry.deprecatedBuiltinCode))
