"""ExecuTorch: PyTorch's program for devices, with the dense layers handed to XNNPACK.

The program reserves its memory beforehand, so its batch is free up to a limit; larger ones are answered in parts.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from throughline.formats.base import ExportInputs, Facts, Format, Route, Runner
from throughline.formats.torch_export import export_graph
from throughline.weights import Array

LARGEST_BATCH = 1024


def export(inputs: ExportInputs, path: Path) -> Facts:
    """Lower the graph of `torch.export`, delegate to XNNPACK what it can compute, and write the program."""
    import importlib.metadata

    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    graph = export_graph(inputs.network, LARGEST_BATCH)
    program = to_edge_transform_and_lower(graph, partitioner=[XnnpackPartitioner()]).to_executorch()
    path.write_bytes(program.buffer)
    plan = program.executorch_program.execution_plan[0]
    return {
        "exporter": "executorch.exir.to_edge_transform_and_lower",
        "executorch": importlib.metadata.version("executorch"),
        "delegates": ", ".join(delegate.id for delegate in plan.delegates) or "none",
        "operators_left": ", ".join(operator.name for operator in plan.operators) or "none",
    }


def read_facts(path: Path) -> Facts:
    """Return the identifier of the file's schema, which stands behind the first offset of a flat file."""
    return {"file_identifier": path.read_bytes()[4:8].decode("ascii", "replace")}


class ExecutorchRunner(Runner):
    """Runs the program in ExecuTorch's runtime; its Python binding takes and gives PyTorch tensors."""

    def __init__(self, path: Path) -> None:
        import importlib.metadata

        from executorch.runtime import Runtime

        # The method lives as long as its program does.
        self._program = Runtime.get().load_program(path)
        self._method = self._program.load_method("forward")
        version = importlib.metadata.version("executorch")
        backends = Runtime.get().backend_registry.registered_backend_names
        super().__init__(
            {
                "runtime": f"ExecuTorch {version}",
                "largest_batch": LARGEST_BATCH,
                "backends_here": ", ".join(sorted(backends)),
            }
        )

    def _predict(self, X: Array) -> Any:
        import torch

        parts = (X[start : start + LARGEST_BATCH] for start in range(0, len(X), LARGEST_BATCH))
        # The runtime hands out its own memory, which the next call overwrites.
        return np.concatenate([self._method.execute([torch.from_numpy(part)])[0].numpy().copy() for part in parts])


FORMAT = Format(
    name="executorch",
    title="ExecuTorch",
    chapter=4,
    order=3,
    framework="torch",
    routes=(Route(framework="torch", export=export),),
    suffix=".pte",
    runtime="ExecuTorch",
    runs_on="phones, boards",
    largest_batch=LARGEST_BATCH,
    preload=("torch", "executorch.runtime"),
    packages=("executorch",),
    extra="executorch",
    forbidden=("tensorflow", "keras", "throughline.frameworks.torch_net"),
    load=ExecutorchRunner,
    opener="executorch",
    distributions=("executorch", "torch"),
    read_facts=read_facts,
    stores_bare_arrays=True,
    good_for="PyTorch models on devices, where LiteRT and its conversion are not wanted",
)
