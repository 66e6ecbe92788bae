"""ONNX with a free batch axis: one graph that many runtimes and languages load."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path
from typing import Any

import numpy as np

from throughline.formats.base import ExportInputs, Facts, Format, Port, Route, Runner
from throughline.weights import Array

INPUT_NAME = "features"
OUTPUT_NAME = "probability"
# The newest that ONNX Runtime 1.31 loads are opset 26 and IR 13; older ones are loaded by more runtimes.
OPSET = 20
IR_VERSION = 10


def export(inputs: ExportInputs, path: Path) -> Facts:
    """Export through `torch.export` with a free batch axis."""
    import torch

    network = inputs.network
    example = torch.zeros(2, len(network.mean), dtype=network.mean.dtype)
    with contextlib.redirect_stdout(io.StringIO()):  # the exporter prints its steps
        program = torch.onnx.export(
            network.eval(),
            (example,),
            input_names=[INPUT_NAME],
            output_names=[OUTPUT_NAME],
            dynamic_shapes=({0: torch.export.Dim("batch")},),
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert program is not None  # None only where a path was given
    model = program.model_proto
    return {"exporter": "torch.onnx.export(dynamo=True)", "torch": torch.__version__} | write_onnx(model, path)


def write_onnx(model: Any, path: Path) -> Facts:
    """Strip what names this machine, check, write one file, and say what the file says of itself."""
    import onnx

    model.ir_version = IR_VERSION
    _strip_metadata(model)
    onnx.checker.check_model(model, full_check=True)
    path.write_bytes(model.SerializeToString())
    written = onnx.load(path)
    return {
        "onnx": onnx.__version__,
        "opset": next(entry.version for entry in written.opset_import if entry.domain in ("", "ai.onnx")),
        "ir_version": written.ir_version,
    }


def _strip_metadata(model: Any) -> None:
    # The exporter notes source lines and stack traces of the exporting machine at every node.
    model.ClearField("metadata_props")
    graph = model.graph
    for entry in (graph, *graph.node, *graph.input, *graph.output, *graph.initializer, *graph.value_info):
        entry.ClearField("metadata_props")
        entry.ClearField("doc_string")


class OnnxRunner(Runner):
    """Runs the graph in ONNX Runtime on the CPU with one thread."""

    def __init__(self, path: Path) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        (self._input,) = self._session.get_inputs()
        (self._output,) = self._session.get_outputs()
        super().__init__(
            {
                "runtime": f"ONNX Runtime {onnxruntime.__version__}",
                "input": f"{self._input.name} {self._input.shape}",
                "output": f"{self._output.name} {self._output.shape}",
                "threads": 1,
            },
            [_port(self._input)],
            [_port(self._output)],
        )

    def _predict(self, X: Array) -> Any:
        (answer,) = self._session.run([self._output.name], {self._input.name: X})
        return answer


def _port(argument: Any) -> Port:
    # "tensor(float)" is what ONNX Runtime calls float32; a free axis is a name or None.
    dtype = argument.type.removeprefix("tensor(").removesuffix(")").replace("float16", "half")
    dtype = {"float": "float32", "double": "float64", "half": "float16"}.get(dtype, dtype)
    return Port(name=argument.name, dtype=dtype, shape=[n if isinstance(n, int) else None for n in argument.shape])


def read_foreign_operators(path: Path) -> list[str]:
    """Return the operators outside the standard set, and the arrays that lie in other files."""
    import onnx
    from onnx import external_data_helper

    model = onnx.load(path, load_external_data=False)
    nodes = [*model.graph.node, *(node for function in model.functions for node in function.node)]
    foreign = {f"{node.domain}.{node.op_type}" for node in nodes if node.domain not in ("", "ai.onnx")}
    beside = [entry.name for entry in model.graph.initializer if external_data_helper.uses_external_data(entry)]
    return [*sorted(foreign), *(f"{name}, stored in another file" for name in beside)]


def read_facts(path: Path) -> Facts:
    """Return opset, IR version and producer, as the file states them."""
    import onnx

    model = onnx.load(path, load_external_data=False)
    return {
        "opset": next(entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")),
        "ir_version": model.ir_version,
        "producer": f"{model.producer_name} {model.producer_version}".strip() or "none",
    }


def read_layers(path: Path, X: Array) -> list[Array]:
    """Return what each dense layer puts out before its activation: the same graph with more outputs."""
    import onnx
    import onnxruntime
    from onnx import TensorProto, helper

    model = onnx.load(path)
    names = [node.output[0] for node in model.graph.node if node.op_type in ("Gemm", "MatMul")]
    known = {entry.name for entry in model.graph.output}
    model.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names if name not in known
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [np.asarray(array) for array in session.run(names, {session.get_inputs()[0].name: X})]


# What the three ONNX formats have in common.
SHARED: dict[str, Any] = {
    "chapter": 7,
    "framework": "torch",
    "suffix": ".onnx",
    "runtime": "ONNX Runtime",
    "runs_on": "servers, desktops, phones, browsers",
    "preload": ("onnxruntime",),
    "environment": {"ORT_DISABLE_TELEMETRY": "1"},
    "forbidden": ("torch", "tensorflow", "keras", "onnx"),
    "load": OnnxRunner,
    "opener": "onnxruntime",
    "distributions": ("onnxruntime",),
    "port_names": (INPUT_NAME, OUTPUT_NAME),
    "read_foreign_operators": read_foreign_operators,
    "read_facts": read_facts,
    "read_layers": read_layers,
}

FORMAT = Format(
    name="onnx-float32",
    title="ONNX float32",
    order=0,
    routes=(Route(framework="torch", export=export),),
    in_every_run=True,
    good_for="any language and vendor runtime: C++, C#, Java, browsers, accelerators",
    **SHARED,
)
