"""An ONNX graph in ONNX Runtime; disturbed by other initializers, and by noise in front of products."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from throughline.errors import DataError
from throughline.own_model.noise import Noise
from throughline.own_model.opened import OpenedModel, plain_name
from throughline.own_model.source import Source
from throughline.weights import Array

PRODUCTS = ("Conv", "Gemm", "MatMul")
NUMPY_OF_ONNX = {
    "tensor(float)": "float32",
    "tensor(double)": "float64",
    "tensor(float16)": "float16",
    "tensor(bool)": "bool",
}


def open_onnx(source: Source) -> OnnxModel:
    """Load and check the graph."""
    import onnx

    try:
        model = onnx.load(source.path)
        onnx.checker.check_model(model)
    except Exception as error:  # protobuf, the checker and the file system each have their own
        said = (str(error).strip().splitlines() or ["no message"])[0]
        raise DataError("MODEL", "a valid ONNX file", said, "export it again") from error
    return OnnxModel(model)


def session(model: Any) -> Any:
    """Return a session on the CPU with one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    serialized = model if isinstance(model, str) else model.SerializeToString()
    return onnxruntime.InferenceSession(serialized, options, providers=["CPUExecutionProvider"])


def numpy_dtype(onnx_type: str) -> str:
    """Return NumPy's name of a type.

    Examples
    --------
    >>> numpy_dtype("tensor(int64)"), numpy_dtype("tensor(float)")
    ('int64', 'float32')
    """
    return NUMPY_OF_ONNX.get(onnx_type, onnx_type.removeprefix("tensor(").rstrip(")"))


class OnnxModel(OpenedModel):
    """Answers through ONNX Runtime."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self._session = session(model)
        self._own_inputs = [entry.name for entry in self._session.get_inputs()]
        self.inputs = [plain_name(name) for name in self._own_inputs]
        self.dtypes = [numpy_dtype(entry.type) for entry in self._session.get_inputs()]
        # A free axis has a name, or None.
        self.shapes = [
            tuple(n if isinstance(n, int) else None for n in entry.shape[1:]) for entry in self._session.get_inputs()
        ]
        self.outputs = [entry.name for entry in self._session.get_outputs()]

    def answer(self, arrays: Sequence[Array]) -> dict[str, Array]:
        """Answer in one batch."""
        found = self._session.run(self.outputs, dict(zip(self._own_inputs, arrays, strict=True)))
        return {plain_name(name): np.asarray(value) for name, value in zip(self.outputs, found, strict=True)}

    @contextmanager
    def disturbed(self, noise: Noise, rng: np.random.Generator) -> Iterator[bool]:
        """Answer with another graph: initializers moved, noise in front of products."""
        import onnx
        from onnx import numpy_helper

        moved = onnx.ModelProto()
        moved.CopyFrom(self.model)
        n_moved = 0
        for entry in moved.graph.initializer:
            values = numpy_helper.to_array(entry)
            if values.dtype.kind == "f":
                entry.CopyFrom(numpy_helper.from_array(noise.weight(values, rng), entry.name))
                n_moved += 1
        if noise.moves_values:
            _put_noise_before_products(moved.graph, noise, rng)
        before, self._session = self._session, session(moved)
        try:
            yield bool(n_moved)
        finally:
            self._session = before

    @property
    def n_parameters(self) -> int:
        """Numbers in all initializers."""
        return sum(int(np.prod(entry.dims)) for entry in self.model.graph.initializer)


def _put_noise_before_products(graph: Any, noise: Noise, rng: np.random.Generator) -> None:
    """Let each product's input be ``x + r * step``, r uniform in ±1/2, the step a share of the range or of x itself."""
    from onnx import helper

    constants = {entry.name for entry in graph.initializer}
    nodes = []
    for number, node in enumerate(list(graph.node)):
        if node.op_type in PRODUCTS:
            for place in range(min(2, len(node.input))):
                name = node.input[place]
                if name in constants:
                    continue
                drawn = f"noise_{number}_{place}"
                seed = float(rng.integers(1, 2**20))
                nodes.append(
                    helper.make_node("RandomUniformLike", [name], [f"{drawn}_r"], low=-0.5, high=0.5, seed=seed)
                )
                nodes += _step_nodes(name, drawn, noise, helper)
                nodes.append(helper.make_node("Mul", [f"{drawn}_r", f"{drawn}_step"], [f"{drawn}_move"]))
                nodes.append(helper.make_node("Add", [name, f"{drawn}_move"], [drawn]))
                node.input[place] = drawn
        nodes.append(node)
    graph.ClearField("node")
    graph.node.extend(nodes)


def _step_nodes(name: str, drawn: str, noise: Noise, helper: Any) -> list[Any]:
    from onnx import TensorProto

    share = helper.make_tensor(
        f"{drawn}_s", TensorProto.FLOAT, [], [1 / noise.value_levels if noise.value_levels else 2.0**-7]
    )
    constant = helper.make_node("Constant", [], [f"{drawn}_share"], value=share)
    if not noise.value_levels:
        return [constant, helper.make_node("Mul", [name, f"{drawn}_share"], [f"{drawn}_step"])]
    return [
        constant,
        helper.make_node("ReduceMax", [name], [f"{drawn}_max"], keepdims=0),
        helper.make_node("ReduceMin", [name], [f"{drawn}_min"], keepdims=0),
        helper.make_node("Relu", [f"{drawn}_max"], [f"{drawn}_above"]),
        helper.make_node("Neg", [f"{drawn}_min"], [f"{drawn}_neg"]),
        helper.make_node("Relu", [f"{drawn}_neg"], [f"{drawn}_below"]),
        helper.make_node("Add", [f"{drawn}_above", f"{drawn}_below"], [f"{drawn}_range"]),
        helper.make_node("Mul", [f"{drawn}_range", f"{drawn}_share"], [f"{drawn}_step"]),
    ]
