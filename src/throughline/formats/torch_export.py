"""`torch.export`: the graph as PyTorch's own intermediate form, successor of TorchScript."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.formats.base import Format, Runner
from throughline.weights import Array

if TYPE_CHECKING:
    from throughline.frameworks.torch_net import PyTorchNN


def export(network: PyTorchNN, path: Path) -> dict[str, str | int]:
    """Export with a free batch axis; the example has two rows, since sizes 0 and 1 would be frozen."""
    import torch

    example = torch.zeros(2, len(network.mean), dtype=network.mean.dtype)
    program = torch.export.export(network.eval(), (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # names source files of the exporting machine
    torch.export.save(program, path)
    return {"exporter": "torch.export.export", "torch": torch.__version__}


class TorchExportRunner(Runner):
    """Runs the exported graph; the Python class is not needed."""

    def __init__(self, path: Path) -> None:
        import torch

        torch.set_num_threads(1)
        self._module = torch.export.load(path).module()
        super().__init__({"runtime": f"PyTorch {torch.__version__}", "threads": torch.get_num_threads()})

    def _predict(self, X: Array) -> Any:
        import torch

        with torch.inference_mode():
            return self._module(torch.from_numpy(X)).numpy()


FORMAT = Format(
    name="torch-export",
    title="torch.export",
    chapter=4,
    order=1,
    framework="torch",
    suffix=".pt2",
    runtime="PyTorch",
    preload=("torch", "torch.export"),
    forbidden=("tensorflow", "keras", "throughline.frameworks.torch_net"),
    export=export,
    load=TorchExportRunner,
    good_for="PyTorch's compilers: AOTInductor and ExecuTorch start from this graph",
)
