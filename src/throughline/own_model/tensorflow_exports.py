"""From a SavedModel to TFLite: float32, float16, dynamic range, int8; only TensorFlow is needed."""

from __future__ import annotations

from pathlib import Path

from throughline.formats.base import Facts
from throughline.formats.tflite_converter import (
    SCALING_OPERATORS,
    convert,
    convert_dynamic_range,
    convert_float16,
    convert_int8,
)
from throughline.own_model.export_inputs import ExportInputs


def export_tflite_float32(inputs: ExportInputs, path: Path) -> Facts:
    """Convert without optimisations."""
    return convert(_saved_model(inputs), path)


def export_tflite_float16(inputs: ExportInputs, path: Path) -> Facts:
    """Convert with weights stored in float16; what that would spoil stays in float32."""
    return convert_float16(_saved_model(inputs), path)


def export_tflite_dynamic(inputs: ExportInputs, path: Path) -> Facts:
    """Convert with large kernels in int8; each batch sets its own range of inner values."""
    return convert_dynamic_range(_saved_model(inputs), path)


def export_tflite_int8(inputs: ExportInputs, path: Path) -> Facts:
    """Convert to int8 with the ranges of the sample; where the model scales its inputs, that stays in float32."""
    size, n_rows = inputs.fixed_batch or 1, len(inputs.arrays[0])
    samples = [
        {name: array[start : start + size] for name, array in zip(inputs.names, inputs.arrays, strict=True)}
        for start in range(0, n_rows - size + 1, size)
    ]
    facts = convert_int8(_saved_model(inputs), path, samples, SCALING_OPERATORS if inputs.scales_inputs else ())
    return {"representative_rows": n_rows} | facts


def _saved_model(inputs: ExportInputs) -> Path:
    assert inputs.file is not None  # what is made from a file has one
    return inputs.file
