"""What runs in child processes for the tests of the worker and of faults in networks with several outputs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import throughline.formats
from throughline.formats import with_made_from
from throughline.frameworks import base
from throughline.processes import Emit
from throughline.train import export_all, export_inputs
from throughline.verify.worker import examine_artifact
from throughline.weights import load_weights

BESIDE = Path(__file__).parent / "beside"


def examine_with_formats_beside(emit: Emit, **arguments: Any) -> dict[str, Any]:
    """Examine a file of a format that is described in the folder `beside`, as if it lay in the package."""
    throughline.formats.__path__.append(str(BESIDE))
    return examine_artifact(**arguments, emit=emit)


def export_changed(folder: str, names: list[str], changes: dict[str, str], emit: Emit) -> dict[str, dict[str, Any]]:
    """Build networks in PyTorch from the files of a folder, change them, and export them.

    `changes` maps the names of the files to functions of `throughline.verify.torch_faults`, or to nothing.
    """
    from throughline.verify import torch_faults

    net = base.load_framework("torch")
    made = {}
    for name, change in changes.items():
        weights, spec = load_weights(Path(folder) / f"{name}.safetensors")
        network = net.build(spec, weights)
        out = Path(folder) / name
        out.mkdir(exist_ok=True)
        changed = getattr(torch_faults, change)(network) if change else network
        inputs = export_inputs(changed, spec, weights, np.load(Path(folder) / "rows.npy"))
        made[name] = export_all("torch", inputs, with_made_from(names, "torch"), out, lambda event: None)
    return made
