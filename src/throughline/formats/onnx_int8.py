"""ONNX in int8: static quantization in QDQ form, one step for each output unit of a kernel.

Three choices, each against a way to be wrong:

* The scaling of the inputs stays in float32. One step for all raw columns would be as coarse as the widest of them
  needs, and the narrow ones would vanish: 320 of 1,000 labels flipped in a trial.
* Kernels use 7 of their 8 bits. Processors without VNNI add two products in 16 bits and saturate silently (MLAS'
  VPMADDUBSW kernels); with 7 bits no two products can, and the file gives the same answers everywhere.
* What a layer puts out is not rounded a second time: only the inputs of the products are in 8 bits.
"""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from throughline.formats.base import ExportInputs, Facts, Format, LayerSteps, Quantization, Route
from throughline.formats.onnx_float32 import INPUT_NAME, SHARED, write_onnx

# Of DequantizeLinear's inputs: what is unpacked, its step, its zero point.
STORED, STEP, ZERO = 0, 1, 2


def export(inputs: ExportInputs, path: Path) -> Facts:
    """Quantize the float32 file with the ranges that training rows need."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnx
    import onnxruntime
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    with _without_warnings(), tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "quantized.onnx"
        quantize_static(
            str(inputs.files["onnx-float32"]),
            str(made),
            _rows_reader(inputs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=["Gemm", "MatMul"],
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"OpTypesToExcludeOutputQuantization": ["Gemm", "MatMul"]},
        )
        model = onnx.load(made)
    model.producer_name = ""
    facts: Facts = {
        "exporter": "onnxruntime.quantization.quantize_static(QDQ, per_channel, reduce_range)",
        "onnxruntime": onnxruntime.__version__,
        "representative_rows": len(inputs.rows),
    }
    return facts | write_onnx(model, path)


@contextmanager
def _without_warnings() -> Iterator[None]:
    # The quantizer recommends a preprocessing that would fold nothing here.
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    yield
    logging.disable(before)


def _rows_reader(inputs: ExportInputs) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    class Rows(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            self._batches: Iterator[dict[str, Any]] = iter([{INPUT_NAME: inputs.rows}])

        def get_next(self) -> dict[str, Any] | None:
            return next(self._batches, None)

    return Rows()


def read_quantization(path: Path) -> Quantization:
    """Read the steps from the nodes that unpack each layer's input and kernel."""
    import numpy as np
    import onnx
    from onnx import numpy_helper

    graph = onnx.load(path).graph
    arrays = {entry.name: numpy_helper.to_array(entry) for entry in graph.initializer}
    unpacking = {node.output[0]: node.input for node in graph.node if node.op_type == "DequantizeLinear"}
    layers = []
    for node in graph.node:
        if node.op_type not in ("Gemm", "MatMul"):
            continue
        activation, kernel = unpacking[node.input[0]], unpacking[node.input[1]]
        step, zero = float(arrays[activation[STEP]]), arrays[activation[ZERO]]
        limits = np.iinfo(zero.dtype)
        layers.append(
            LayerSteps(
                kernel=[float(value) for value in np.ravel(arrays[kernel[STEP]])],
                input=step,
                input_range=((limits.min - int(zero)) * step, (limits.max - int(zero)) * step),
            )
        )
    return Quantization(layers=layers)


FORMAT = Format(
    name="onnx-int8",
    title="ONNX int8",
    order=2,
    routes=(Route(framework="torch", made_from="onnx-float32", export=export),),
    stored_as="int8",
    computed_in="int8",
    read_quantization=read_quantization,
    good_for="large networks on CPUs with integer units: a quarter of the weights' bytes",
    **SHARED,
)
