"""From a SavedModel to TFLite: float32, float16, dynamic range, int8; only TensorFlow is needed."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from throughline.formats.base import Facts
from throughline.formats.savedmodel import SIGNATURE
from throughline.formats.tflite import SCALING_OPERATORS, keep_in_float32
from throughline.own_model.export_inputs import ExportInputs
from throughline.weights import Array


def export_tflite_float32(inputs: ExportInputs, path: Path) -> Facts:
    """Convert without optimisations."""
    return _convert(inputs, path, lambda converter: None)


def export_tflite_float16(inputs: ExportInputs, path: Path) -> Facts:
    """Convert with weights stored in float16; what that would spoil stays in float32."""
    import tensorflow as tf

    def set_options(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.target_spec.supported_types = [tf.float16]

    facts = _convert(inputs, path, set_options)
    plain = path.with_name(path.name + ".float32")
    _convert(inputs, plain, lambda converter: None)
    n_kept = keep_in_float32(path, plain)
    plain.unlink()
    return facts | {"constants_kept_in_float32": n_kept}


def export_tflite_dynamic(inputs: ExportInputs, path: Path) -> Facts:
    """Convert with large kernels in int8; each batch sets its own range of inner values."""
    import tensorflow as tf

    def set_options(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]

    return _convert(inputs, path, set_options)


def export_tflite_int8(inputs: ExportInputs, path: Path) -> Facts:
    """Convert to int8 with the ranges of the sample; inputs and outputs stay in their type.

    Where the model scales its inputs itself, sums and products by element stay in float32: one step for all raw columns
    would be as coarse as the widest needs.
    """
    import tensorflow as tf

    def rows() -> Iterator[dict[str, Array]]:
        size = inputs.fixed_batch or 1
        for start in range(0, len(inputs.arrays[0]) - size + 1, size):
            yield {n: a[start : start + size] for n, a in zip(inputs.names, inputs.arrays, strict=True)}

    def set_options(converter: Any) -> None:
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = rows

    facts: Facts = {"representative_rows": len(inputs.arrays[0])}
    if not inputs.scales_inputs:
        return facts | _convert(inputs, path, set_options)
    converter = _converter(inputs)
    set_options(converter)
    options = tf.lite.experimental.QuantizationDebugOptions(denylisted_ops=SCALING_OPERATORS)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*tf.lite.Interpreter is deprecated.*")
        debugger = tf.lite.experimental.QuantizationDebugger(
            converter=converter, debug_dataset=rows, debug_options=options
        )
    path.write_bytes(debugger.get_nondebug_quantized_model())
    exporter = "tf.lite.experimental.QuantizationDebugger.get_nondebug_quantized_model"
    return facts | {"exporter": exporter, "tensorflow": tf.__version__}


def _convert(inputs: ExportInputs, path: Path, set_options: Callable[[Any], None]) -> Facts:
    import tensorflow as tf

    converter = _converter(inputs)
    set_options(converter)
    path.write_bytes(converter.convert())
    return {"exporter": "tf.lite.TFLiteConverter.from_saved_model", "tensorflow": tf.__version__}


def _converter(inputs: ExportInputs) -> Any:
    import tensorflow as tf

    return tf.lite.TFLiteConverter.from_saved_model(str(inputs.file), signature_keys=[SIGNATURE])
