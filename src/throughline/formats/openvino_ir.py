"""OpenVINO's intermediate representation: a graph in XML and its numbers beside it, both in float32.

Two things happen to it that the file does not say.

**Arithmetic.** On processors that have bfloat16 units OpenVINO computes in bfloat16 unless the hint
``INFERENCE_PRECISION_HINT`` asks for float32. The first format here is run with the hint; the second is the same file
as whoever loads it without the hint gets it.

**Scaling.** OpenVINO folds ``(x - mean) / std`` into ``x * (1 / std) - mean / std``. For a year with a deviation of
12 that subtracts 167 from 167, and loses as many digits: 6e-5 in the probability of a trial network, against 1e-7 with
the steps kept apart. A PRelu with slope 1, which changes no number, stands between them; OpenVINO does not fold
across it.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from throughline.formats.base import ExportInputs, Facts, Format, Port, Route, Runner
from throughline.weights import Array

GRAPH_NAME = "network.xml"
PRECISION = "INFERENCE_PRECISION_HINT"


def export_from_onnx(inputs: ExportInputs, path: Path) -> Facts:
    """Convert the ONNX file."""
    return _export(inputs.files["onnx-float32"], path)


def export_from_savedmodel(inputs: ExportInputs, path: Path) -> Facts:
    """Convert the SavedModel; TensorFlow is not needed for that."""
    return _export(inputs.files["savedmodel"], path)


def _export(source: Path, path: Path) -> Facts:
    """Keep the scaling unfolded, and write graph and numbers.

    `openvino.convert_model` would fold it before anybody can object, and reports its use to the maker.
    """
    import openvino

    model = openvino.Core().read_model(str(source))
    _keep_scaling_apart(model)
    path.mkdir()
    openvino.save_model(model, path / GRAPH_NAME, compress_to_fp16=False)
    _strip_runtime_info(path / GRAPH_NAME)
    return {"exporter": "openvino.Core.read_model, save_model", "openvino": openvino.__version__.split("-")[0]}


def _keep_scaling_apart(model: Any) -> None:
    import numpy as np
    from openvino import opset13

    division = next(node for node in model.get_ordered_ops() if node.get_type_name() == "Divide")
    barrier = opset13.prelu(division.input_value(0), opset13.constant(np.ones(1, np.float32)))
    division.input(0).replace_source_output(barrier.output(0))


def _strip_runtime_info(path: Path) -> None:
    # What the converter notes of itself includes the path of what it converted.
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(r"\s*<rt_info>.*</rt_info>(?=\s*</net>)", "", text, flags=re.DOTALL), encoding="utf-8")


class OpenvinoRunner(Runner):
    """Runs the graph on the CPU with one thread.

    Parameters
    ----------
    path : Path
    precision : {"f32", ""}
        What the hint asks for; empty for OpenVINO's own choice.
    """

    def __init__(self, path: Path, precision: str) -> None:
        import openvino

        core = openvino.Core()
        hint = {PRECISION: precision} if precision else {}
        compiled = core.compile_model(str(path / GRAPH_NAME), "CPU", {"INFERENCE_NUM_THREADS": 1, **hint})
        self._request = compiled.create_infer_request()
        (source,) = compiled.inputs
        (self._output,) = compiled.outputs
        super().__init__(
            {
                "runtime": f"OpenVINO {openvino.__version__.split('-')[0]}",
                "input": f"{source.any_name} {source.partial_shape}",
                "output": f"{self._output.any_name} {self._output.partial_shape}",
                "computed_in": compiled.get_property(PRECISION).to_string(),
                "threads": int(compiled.get_property("INFERENCE_NUM_THREADS")),
            },
            [_port(source)],
            [_port(self._output)],
        )

    def _predict(self, X: Array) -> Any:
        return self._request.infer(X)[self._output].copy()  # the request reuses its memory


def _port(tensor: Any) -> Port:
    shape = [None if axis.is_dynamic else axis.get_length() for axis in tensor.partial_shape]
    return Port(name=tensor.any_name, dtype=tensor.element_type.to_dtype().name, shape=shape)


def load_in_float32(path: Path) -> OpenvinoRunner:
    """Compile with the hint."""
    return OpenvinoRunner(path, "f32")


def load_by_default(path: Path) -> OpenvinoRunner:
    """Compile without it."""
    return OpenvinoRunner(path, "")


_SHARED: dict[str, Any] = {
    "chapter": 8,
    "framework": "torch",
    "routes": (
        Route(framework="torch", made_from="onnx-float32", export=export_from_onnx),
        Route(framework="keras", made_from="savedmodel", export=export_from_savedmodel),
    ),
    "suffix": "/",
    "runtime": "OpenVINO",
    "runs_on": "Intel and ARM processors",
    "preload": ("openvino",),
    "packages": ("openvino",),
    "extra": "openvino",
    "distributions": ("openvino",),
    "forbidden": ("tensorflow", "keras", "torch", "onnx"),
    "parts": (GRAPH_NAME, str(Path(GRAPH_NAME).with_suffix(".bin"))),
}

FORMATS = [
    Format(
        name="openvino",
        title="OpenVINO",
        order=2,
        load=load_in_float32,
        opener="openvino-float32",
        good_for="servers and desktops with Intel hardware, computed in float32 as the hint asks",
        **_SHARED,
    ),
    Format(
        name="openvino-default",
        title="OpenVINO default",
        order=3,
        load=load_by_default,
        opener="openvino",
        computed_in="bfloat16",
        good_for="the same without the hint: what a receiver gets who asks for nothing",
        **_SHARED,
    ),
]
