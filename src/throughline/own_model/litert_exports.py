"""From PyTorch to TFLite through litert-torch, at one batch size; and from that file to shorter types."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from throughline.formats.base import Facts
from throughline.formats.savedmodel import SIGNATURE
from throughline.own_model.export_inputs import ExportInputs
from throughline.own_model.runners import in_order
from throughline.weights import Array


def export_float32(inputs: ExportInputs, path: Path) -> Facts:
    """Convert for one row at a time: litert-torch takes no free axis (google-ai-edge/litert-torch#870)."""
    import litert_torch
    import torch

    from throughline.own_model.torch_exports import flat_module

    size = inputs.fixed_batch or 1
    rows = tuple(torch.from_numpy(array[:size].copy()) for array in inputs.arrays)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints its steps
        litert_torch.convert(flat_module(inputs), rows).export(str(path))
    version = importlib.metadata.version("litert-torch")
    return {"exporter": "litert_torch.convert", "litert-torch": version, "fixed_batch": size}


def export_float16(inputs: ExportInputs, path: Path) -> Facts:
    """Store kernels in float16."""
    from ai_edge_quantizer.algorithm_manager import AlgorithmName

    quantizer = _quantizer(inputs)
    quantizer.add_weight_only_config(".*", _all(), num_bits=16, algorithm_key=AlgorithmName.FLOAT_CASTING)
    return _write(inputs, quantizer.quantize(), path)


def export_dynamic(inputs: ExportInputs, path: Path) -> Facts:
    """Store kernels in int8; each batch sets its own range of inner values."""
    quantizer = _quantizer(inputs)
    quantizer.add_dynamic_config(".*", _all(), num_bits=8)
    return _write(inputs, quantizer.quantize(), path)


def export_int8(inputs: ExportInputs, path: Path) -> Facts:
    """Compute in int8 with the ranges of the sample; inputs and outputs stay in their type."""
    from ai_edge_quantizer.qtyping import TFLOperationName

    quantizer = _quantizer(inputs)
    quantizer.add_static_config(".*", _all(), activation_num_bits=8, weight_num_bits=8)
    for border in (TFLOperationName.INPUT, TFLOperationName.OUTPUT):
        quantizer.update_quantization_recipe(".*", border, algorithm_key="no_quantize")
    facts = _write(inputs, quantizer.quantize(_ranges(quantizer, _rows(inputs))), path)
    return facts | {"representative_rows": len(inputs.arrays[0])}


def _ranges(quantizer: Any, rows: Iterator[dict[str, Array]]) -> dict[str, Any]:
    """Return the range of each inner value over all rows.

    Given all rows at once, the quantizer takes a moving average, which after a few rows is the range of the first:
    answers of a small CNN then differed by a sixth of their size, and not by less than a hundredth.
    """
    from ai_edge_quantizer.utils.qsv_utils import min_max_update

    ranges: dict[str, Any] = {}
    for row in rows:
        for name, found in quantizer.calibrate({SIGNATURE: [row]}, num_threads=1).items():
            ranges[name] = min_max_update(ranges[name], found) if name in ranges else found
    return ranges


def _all() -> Any:
    from ai_edge_quantizer.qtyping import TFLOperationName

    return TFLOperationName.ALL_SUPPORTED


def _quantizer(inputs: ExportInputs) -> Any:
    from ai_edge_quantizer.quantizer import Quantizer

    return Quantizer(str(inputs.file))


def _rows(inputs: ExportInputs) -> Iterator[dict[str, Array]]:
    from ai_edge_litert.interpreter import Interpreter

    wanted = Interpreter(model_path=str(inputs.file)).get_signature_runner(SIGNATURE).get_input_details()
    size = inputs.fixed_batch or 1
    for start in range(0, len(inputs.arrays[0]) - size + 1, size):
        yield {
            name: array[start : start + size].astype(wanted[name]["dtype"])
            for name, array in zip(in_order(wanted), inputs.arrays, strict=True)
        }


def _write(inputs: ExportInputs, found: Any, path: Path) -> Facts:
    path.write_bytes(found.quantized_model)
    version = importlib.metadata.version("ai-edge-quantizer")
    return {
        "exporter": "ai_edge_quantizer.Quantizer.quantize",
        "ai-edge-quantizer": version,
        "fixed_batch": inputs.fixed_batch or 1,
    }
