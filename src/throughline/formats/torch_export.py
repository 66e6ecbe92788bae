"""`torch.export`: the graph as PyTorch's own intermediate form, successor of TorchScript."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from throughline.formats.base import ExportInputs, Facts, Format, Port, Route, Runner
from throughline.weights import Array


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
            {"runtime": f"PyTorch {torch.__version__}", "threads": torch.get_num_threads()},
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
    good_for="PyTorch's compilers: AOTInductor and ExecuTorch start from this graph",
)
