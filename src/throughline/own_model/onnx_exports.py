"""From an ONNX file: weights stored in float16, and int8 in QDQ form."""

from __future__ import annotations

import logging
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from throughline.formats.base import Facts
from throughline.own_model.export_inputs import ExportInputs
from throughline.weights import Array

# Whose kernels are stored in 16 bits; scalings and statistics stay in float32, and may be beyond float16.
WEIGHTED = ("Conv", "ConvTranspose", "Gemm", "MatMul", "LSTM", "GRU", "RNN", "Gather", "Einsum")
QUANTIZED = ["Conv", "Gemm", "MatMul"]
FEWEST_NUMBERS = 16  # below that a Cast costs more than it saves


def export_float16(inputs: ExportInputs, path: Path) -> Facts:
    """Store kernels in float16, and put a Cast to float32 in front of each."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    model = onnx.load(str(inputs.file))
    graph = model.graph
    weighted = {name for node in graph.node if node.op_type in WEIGHTED for name in node.input}
    casts = []
    for entry in graph.initializer:
        values = numpy_helper.to_array(entry)
        fits = np.abs(values).max(initial=0) <= np.finfo(np.float16).max if values.dtype == np.float32 else False
        if entry.name in weighted and fits and values.size >= FEWEST_NUMBERS:
            name = entry.name
            entry.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.float16"))
            casts.append(helper.make_node("Cast", [entry.name], [name], f"unpack_{name}", to=TensorProto.FLOAT))
    nodes = list(graph.node)
    graph.ClearField("node")
    graph.node.extend([*casts, *nodes])
    facts: Facts = {"exporter": "onnx: initializers in float16, Cast to float32", "arrays_in_float16": len(casts)}
    return facts | _write(model, path)


def export_int8(inputs: ExportInputs, path: Path) -> Facts:
    """Quantize products with the ranges of the sample; kernels in 7 bits, so that no processor saturates."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    import onnx
    import onnxruntime
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    logging.disable(logging.WARNING)  # it recommends a preprocessing that would fold nothing here
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "quantized.onnx"
        quantize_static(
            str(inputs.file),
            str(made),
            _reader(inputs),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=QUANTIZED,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            per_channel=True,
            reduce_range=True,
            calibrate_method=CalibrationMethod.MinMax,
            extra_options={"OpTypesToExcludeOutputQuantization": QUANTIZED},
        )
        model = onnx.load(made)
    n_int8 = sum(entry.data_type == onnx.TensorProto.INT8 for entry in model.graph.initializer)
    facts: Facts = {
        "exporter": "onnxruntime.quantization.quantize_static(QDQ, per_channel, reduce_range)",
        "onnxruntime": onnxruntime.__version__,
        "representative_rows": len(inputs.arrays[0]),
        "arrays_in_int8": n_int8,
    }
    return facts | _write(model, path)


def _reader(inputs: ExportInputs) -> Any:
    from onnxruntime.quantization import CalibrationDataReader

    from throughline.own_model.onnx_model import session

    own_names = [entry.name for entry in session(str(inputs.file)).get_inputs()]
    size = inputs.fixed_batch or len(inputs.arrays[0])

    class Rows(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime has no types
        def __init__(self) -> None:
            self._batches = self._all()

        def _all(self) -> Iterator[dict[str, Array]]:
            for start in range(0, len(inputs.arrays[0]) - size + 1, size):
                yield {n: a[start : start + size] for n, a in zip(own_names, inputs.arrays, strict=True)}

        def get_next(self) -> dict[str, Array] | None:
            return next(self._batches, None)

    return Rows()


def _write(model: Any, path: Path) -> Facts:
    """Write one file; its opset and IR stay those of the file that was converted."""
    import onnx

    model.producer_name = ""
    model.ClearField("metadata_props")
    onnx.checker.check_model(model)
    path.write_bytes(model.SerializeToString())
    opset = next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx"))
    return {"onnx": onnx.__version__, "opset": opset, "ir_version": model.ir_version}
