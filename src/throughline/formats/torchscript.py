"""TorchScript: the network as a program that libtorch runs without Python.

Deprecated since PyTorch 2.11 and still what many servers load; `torch_export` is its successor.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from throughline.formats.base import (
    ExportInputs,
    Facts,
    Format,
    Parameters,
    Port,
    Route,
    Runner,
    StoredArray,
    named_parameters,
)
from throughline.weights import Array


def export(inputs: ExportInputs, path: Path) -> Facts:
    """Script the module itself, so that the batch stays free and nothing is frozen by an example row."""
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*torch.jit.*")
        torch.jit.script(inputs.network.eval()).save(str(path))
    drop_debug_records(path)
    return {"exporter": "torch.jit.script", "torch": torch.__version__}


def drop_debug_records(path: Path) -> None:
    """Rewrite a TorchScript file without the records that name source files of the exporting machine.

    Parameters
    ----------
    path : Path
        Such a record lies beside each piece of code in it; the program runs without them.

    Examples
    --------
    >>> import tempfile, warnings, zipfile, torch
    >>> with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")  # TorchScript is deprecated
    ...     path = Path(folder) / "linear.pt"
    ...     torch.jit.script(torch.nn.Linear(2, 1)).save(path)
    ...     drop_debug_records(path)
    ...     any(name.endswith(".debug_pkl") for name in zipfile.ZipFile(path).namelist())
    False
    """
    import torch

    archive = torch._C.PyTorchFileReader(str(path))
    kept = {name: archive.get_record(name) for name in archive.get_all_records() if not name.endswith(".debug_pkl")}
    writer = torch._C.PyTorchFileWriter(str(path))
    for name, content in kept.items():
        if name not in ("version", "byteorder") and not name.startswith(".data/"):  # these it writes by itself
            writer.write_record(name, content, len(content))
    writer.write_end_of_file()


def read_facts(path: Path) -> Facts:
    """Return the version of the archive, as the file states it."""
    with zipfile.ZipFile(path) as archive:
        (name,) = (name for name in archive.namelist() if re.fullmatch(r"[^/]+/version", name))
        return {"archive_version": int(archive.read(name))}


def read_parameters(path: Path) -> Parameters:
    """Read the state of the program; TorchScript's own reader takes tensors from it and no Python object."""
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*torch.jit.*")
        state = torch.jit.load(str(path), map_location="cpu").state_dict()
    return parameters_of_state({name: tensor.numpy() for name, tensor in state.items()})


def parameters_of_state(state: Mapping[str, Array]) -> Parameters:
    """Name the arrays of a `PyTorchNN`, which keeps kernels as (fan_out, fan_in)."""
    kernels = [name for name in state if name.endswith(".weight")]
    layers = named_parameters(
        (StoredArray(values=state[name].T), StoredArray(values=state[name.removesuffix("weight") + "bias"]))
        for name in kernels
    )
    return layers | {f"scaling.{name}": StoredArray(values=state[name]) for name in ("mean", "std") if name in state}


def cpu_facts() -> Facts:
    """Return how PyTorch computes in this process: threads, instruction set, precision of products in float32."""
    import torch

    return {
        "threads": torch.get_num_threads(),
        "instruction_set_here": torch.backends.cpu.get_cpu_capability(),
        "float32_products": torch.get_float32_matmul_precision(),
    }


class TorchScriptRunner(Runner):
    """Runs the program with the TorchScript interpreter; the Python class is not needed."""

    def __init__(self, path: Path) -> None:
        import torch

        torch.set_num_threads(1)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*torch.jit.*")
            self._program = torch.jit.load(str(path), map_location="cpu").eval()
        # The first argument is the module itself; a program of TorchScript says nothing of types and shapes.
        names = [argument.name for argument in self._program.forward.schema.arguments[1:]]
        super().__init__(
            {"runtime": f"libtorch {torch.__version__}", **cpu_facts()},
            [Port(name=name) for name in names],
        )

    def _predict(self, X: Array) -> Any:
        import torch

        with torch.inference_mode():
            return self._program(torch.from_numpy(X)).numpy()


FORMAT = Format(
    name="torchscript",
    title="TorchScript",
    chapter=4,
    order=0,
    framework="torch",
    routes=(Route(framework="torch", export=export),),
    in_every_run=True,
    suffix=".pt",
    runtime="libtorch",
    runs_on="servers, desktops",
    preload=("torch",),
    forbidden=("tensorflow", "keras", "throughline.frameworks.torch_net"),
    load=TorchScriptRunner,
    opener="torchscript",
    distributions=("torch",),
    read_facts=read_facts,
    read_parameters=read_parameters,
    good_for="a C++ program or an older PyTorch server: no Python class is needed",
)
