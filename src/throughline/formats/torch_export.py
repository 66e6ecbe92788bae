"""`torch.export`: the graph as PyTorch's own intermediate form, successor of TorchScript."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from throughline.formats.base import ExportInputs, Facts, Format, Parameters, Port, Route, Runner
from throughline.formats.torchscript import cpu_facts, parameters_of_state
from throughline.weights import Array

INDEX_NAME = "model_weights_config.json"
# Numbers of torch._export.serde.schema.ScalarType.
DTYPES: dict[int, type[np.generic]] = {6: np.float16, 7: np.float32, 8: np.float64}


def export(inputs: ExportInputs, path: Path) -> Facts:
    """Export the graph and save it with its weights."""
    import torch

    torch.export.save(export_graph(inputs.network), path)
    return {"exporter": "torch.export.export", "torch": torch.__version__}


def export_graph(network: Any, largest_batch: int | None = None) -> Any:
    """Return the `torch.export` program with a free batch axis, without the paths of this machine.

    Parameters
    ----------
    network : PyTorchNN
    largest_batch : int, optional
        For runtimes that reserve their memory beforehand.
    """
    import torch

    # The example has two rows, since sizes 0 and 1 would be frozen.
    example = torch.zeros(2, len(network.mean), dtype=network.mean.dtype)
    batch = torch.export.Dim("batch", max=largest_batch)
    program = torch.export.export(network.eval(), (example,), dynamic_shapes=({0: batch},))
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # names source files of the exporting machine
    return program


def read_facts(path: Path) -> Facts:
    """Return the versions of PyTorch, archive, schema and operators, as the file states them."""
    with zipfile.ZipFile(path) as archive:
        members = {name.partition("/")[2]: name for name in archive.namelist()}
        model = json.loads(archive.read(members["models/model.json"]))
        version = archive.read(members["archive_version"]).decode().strip()
    schema = model["schema_version"]
    return {
        "written_by": f"PyTorch {model['torch_version']}",
        "archive_version": int(version),
        "schema_version": f"{schema['major']}.{schema['minor']}",
        "opsets": ", ".join(f"{name} {number}" for name, number in model["opset_version"].items()),
    }


def read_parameters(path: Path) -> Parameters:
    """Read the arrays from the archive itself, where each is a member of bare numbers; nothing is unpickled."""
    with zipfile.ZipFile(path) as archive:
        (index,) = (name for name in archive.namelist() if name.endswith(INDEX_NAME))
        entries = json.loads(archive.read(index))["config"]
        folder = index.removesuffix(INDEX_NAME)
        state = {
            name: _array(archive.read(folder + entry["path_name"]), entry["tensor_meta"])
            for name, entry in entries.items()
            if not entry["use_pickle"]
        }
    return parameters_of_state(state)


def _array(content: bytes, meta: dict[str, Any]) -> Array:
    return np.frombuffer(content, DTYPES[meta["dtype"]]).reshape([size["as_int"] for size in meta["sizes"]])


class TorchExportRunner(Runner):
    """Runs the exported graph; the Python class is not needed."""

    def __init__(self, path: Path) -> None:
        import torch

        torch.set_num_threads(1)
        program = torch.export.load(path)
        self._module = program.module()
        values = {node.name: node.meta["val"] for node in program.graph.nodes if "val" in node.meta}
        signature = program.graph_signature
        super().__init__(
            {"runtime": f"PyTorch {torch.__version__}", **cpu_facts()},
            [_port(name, values[name]) for name in signature.user_inputs],
            [_port("", values[name]) for name in signature.user_outputs],  # its outputs have a place, not a name
        )

    def _predict(self, X: Array) -> Any:
        import torch

        with torch.inference_mode():
            return self._module(torch.from_numpy(X)).numpy()


def _port(name: str, value: Any) -> Port:
    dtype = str(value.dtype).removeprefix("torch.")
    return Port(name=name, dtype=dtype, shape=[n if isinstance(n, int) else None for n in value.shape])


FORMAT = Format(
    name="torch-export",
    title="torch.export",
    chapter=4,
    order=1,
    framework="torch",
    routes=(Route(framework="torch", export=export),),
    in_every_run=True,
    suffix=".pt2",
    runtime="PyTorch",
    runs_on="where PyTorch is",
    preload=("torch", "torch.export"),
    forbidden=("tensorflow", "keras", "throughline.frameworks.torch_net"),
    load=TorchExportRunner,
    opener="torch-export",
    distributions=("torch",),
    read_facts=read_facts,
    read_parameters=read_parameters,
    good_for="PyTorch's compilers: AOTInductor and ExecuTorch start from this graph",
)
