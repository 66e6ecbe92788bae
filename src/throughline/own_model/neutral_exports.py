"""From the neutral form of the package's own networks to formats that need no framework: itself, and C99."""

from __future__ import annotations

from pathlib import Path

from throughline.formats import c99, neutral
from throughline.formats.base import ExportInputs as NetworkInputs
from throughline.formats.base import Facts
from throughline.own_model.export_inputs import ExportInputs
from throughline.own_model.source import neutral_weights


def export_neutral(inputs: ExportInputs, path: Path) -> Facts:
    """Write weights and specification anew."""
    return neutral.export(_network_inputs(inputs), path)


def export_c99(inputs: ExportInputs, path: Path) -> Facts:
    """Write header and source."""
    return c99.export(_network_inputs(inputs), path)


def _network_inputs(inputs: ExportInputs) -> NetworkInputs:
    assert inputs.file is not None  # the route converts MODEL
    weights, spec = neutral_weights(inputs.file)
    return NetworkInputs(network=None, spec=spec, weights=weights, rows=inputs.arrays[0], files={})
