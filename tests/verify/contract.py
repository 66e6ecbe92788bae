"""What runs in child processes for the tests of the worker and of the verifier."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import throughline.formats
from throughline.formats import with_made_from
from throughline.frameworks.base import load_framework
from throughline.processes import Emit
from throughline.train import export_all, export_inputs
from throughline.verify.worker import run_artifact
from throughline.weights import load_weights

BESIDE = Path(__file__).parent / "beside"


def run_with_formats_beside(emit: Emit, **arguments: str) -> dict[str, Any]:
    """Run a file of a format that is described in the folder `beside`, as if it lay in the package."""
    throughline.formats.__path__.append(str(BESIDE))
    return run_artifact(**arguments, emit=emit)


def export_networks(framework: str, folder: str, names: list[str], n: int, emit: Emit) -> dict[str, dict[str, Any]]:
    """Export n networks; return by format and number what `export_all` says of each file."""
    net = load_framework(framework)
    found: dict[str, dict[str, Any]] = {name: {} for name in names}
    for number in range(n):
        weights, spec = load_weights(Path(folder) / f"{number}.safetensors")
        out = Path(folder) / str(number)
        out.mkdir()
        inputs = export_inputs(net.build(spec, weights), spec, weights, np.load(Path(folder) / f"{number}.npy"))
        made = export_all(framework, inputs, with_made_from(names, framework), out, lambda event: None)
        for name in names:
            found[name][str(number)] = made[name]
    return found
