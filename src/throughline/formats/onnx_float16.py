"""ONNX with weights stored in float16.

Kernels and biases lie in the file in 16 bits, and a Cast in front of each turns them into float32: half the download,
the same arithmetic. Casting the whole graph to float16 is the other custom. It pays on accelerators, whose compilers
choose the type of their arithmetic anyway, while on a CPU without float16 units ONNX Runtime would cast back and forth
at every node and be slower than float32. ONNX Runtime folds these casts once, at loading.

The scaling of the inputs stays in float32, as in `tflite`: a mean of 150,000 has no float16.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from throughline.errors import DataError
from throughline.formats.base import ExportInputs, Facts, Format, Route
from throughline.formats.onnx_float32 import SHARED, write_onnx


def export(inputs: ExportInputs, path: Path) -> Facts:
    """Store the kernels and biases of the float32 file in float16."""
    import onnx

    model = onnx.load(inputs.files["onnx-float32"])
    graph = model.graph
    dense = {name for node in graph.node if node.op_type in ("Gemm", "MatMul") for name in node.input[1:]}
    casts = [_stored_in_float16(array) for array in graph.initializer if array.name in dense]
    nodes = list(graph.node)
    graph.ClearField("node")
    graph.node.extend([*casts, *nodes])  # the nodes of a graph stand in the order in which they are computed
    facts: Facts = {"exporter": "onnx: initializers in float16, Cast to float32", "arrays_in_float16": len(casts)}
    return facts | write_onnx(model, path)


def _stored_in_float16(array: Any) -> Any:
    """Round an initializer in place, under another name, and return the node that gives it back in float32."""
    import numpy as np
    from onnx import TensorProto, helper, numpy_helper

    name, values = array.name, numpy_helper.to_array(array)
    if np.abs(values).max(initial=0) > np.finfo(np.float16).max:
        largest = f"{np.abs(values).max():.3g} in {name}"
        raise DataError("weights stored in float16", "at most 65504", largest, "deploy another format")
    array.CopyFrom(numpy_helper.from_array(values.astype(np.float16), f"{name}.float16"))
    return helper.make_node("Cast", [array.name], [name], f"unpack_{name}", to=TensorProto.FLOAT)


FORMAT = Format(
    name="onnx-float16",
    title="ONNX float16",
    order=1,
    routes=(Route(framework="torch", made_from="onnx-float32", export=export),),
    stored_as="float16",
    good_for="the same with a smaller download: weights stored in 16 bits",
    **SHARED,
)
