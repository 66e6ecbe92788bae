"""What runs in child processes for the tests of the formats: exports, files alone, and files with a fault."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from throughline.formats import load_formats, with_made_from
from throughline.formats.availability import missing_runtime
from throughline.frameworks.base import load_framework
from throughline.processes import Emit
from throughline.train import export_all, export_inputs
from throughline.weights import load_weights

EXPORTS = ("first", "second")
# Machine code is compiled for these: half a minute each, so they are exported once and from one network.
SLOW = ("aotinductor", "executorch")
SLOW_EXPORT = ("20-64-32-1", "first")


def export_networks(
    framework: str, sources: dict[str, str], rows: dict[str, str], out: str, emit: Emit
) -> dict[str, Any]:
    """Build each source network, let it answer its rows, and export it twice to every format it gets to directly."""
    net = load_framework(framework)
    direct = [
        name
        for name, form in load_formats().items()
        if form.exporting_framework(framework) == framework and not missing_runtime(form)
    ]
    found: dict[str, Any] = {}
    for source, path in sources.items():
        weights, spec = load_weights(Path(path))
        network = net.build(spec, weights)
        np.save(Path(out) / f"answers-{source}-{framework}.npy", net.predict(network, np.load(rows[source])))
        found[source] = {}
        for export in EXPORTS:
            folder = Path(out) / source / export
            folder.mkdir(parents=True, exist_ok=True)
            names = [name for name in direct if name not in SLOW or (source, export) == SLOW_EXPORT]
            inputs = export_inputs(network, spec, weights, np.load(training_rows(rows[source])))
            found[source][export] = export_all(framework, inputs, with_made_from(names, framework), folder, emit)
    return found


def training_rows(rows: str) -> str:
    """Where the rows lie from which an int8 file learns its ranges: others than those on which it is judged."""
    return rows.replace(".npy", "-training.npy")


def rebuild(framework: str, weights: str, emit: Emit) -> dict[str, float]:
    """Build a network from the neutral form and return which of its arrays are not the same, and how far off."""
    net = load_framework(framework)
    source, spec = load_weights(Path(weights))
    rebuilt = net.get_weights(net.build(spec, source)).named_arrays()
    apart = {name: np.abs(rebuilt[name] / array - 1).max() for name, array in source.named_arrays().items()}
    return {name: float(share) for name, share in apart.items() if share > 0}
