"""From ONNX or a SavedModel to OpenVINO's own form; the framework is not needed for that."""

from __future__ import annotations

from pathlib import Path

from throughline.formats.base import Facts
from throughline.formats.openvino_ir import GRAPH_NAME, strip_runtime_info
from throughline.own_model.export_inputs import ExportInputs


def export(inputs: ExportInputs, path: Path) -> Facts:
    """Convert, and write graph and numbers in float32."""
    import openvino

    model = openvino.Core().read_model(str(inputs.file))
    path.mkdir()
    openvino.save_model(model, path / GRAPH_NAME, compress_to_fp16=False)
    strip_runtime_info(path / GRAPH_NAME)
    return {"exporter": "openvino.Core.read_model, save_model", "openvino": openvino.__version__.split("-")[0]}
