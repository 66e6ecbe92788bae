"""The run's own ONNX model inside its report: the file, its runtime, and held-out rows to check it on.

Everything is in the page as base64 and unpacked by the browser, so that it opens from a disk without a network. The
runtime (`vendor/`) stays in gzip, which browsers unpack themselves: 4.9 MB of page instead of 19.
"""

from __future__ import annotations

import base64
import functools
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from throughline.errors import ThroughlineError
from throughline.record import RunRecord

SLIDER_STEPS = 200  # fine enough for the eye, and an arrow key still moves something
TITLE = "ONNX float32"


@dataclass(frozen=True)
class Absent:
    """Why the model is not in the page.

    Attributes
    ----------
    reason : str
        Sentences.
    """

    reason: str


@dataclass(frozen=True)
class Panel:
    """What the page needs to run the model.

    Attributes
    ----------
    position : int
        Place among the record's formats of the file that is inside.
    whole : bool
        Whether all held-out rows are inside.
    data : mapping
        For the script: features with the range of the training rows, classes, held-out rows, the model.
    runtime : mapping of str to str
        base64 of gzip: ``script``, ``wasm``, ``licence``, ``notices``.
    """

    position: int
    whole: bool
    data: Mapping[str, Any]
    runtime: Mapping[str, str]


RECORD_ALONE = Absent("This page was written from the record alone; the model lies in the run’s folder.")
LEFT_OUT = Absent("It was left out of this page, as --no-embed asks.")


def offer(record: RunRecord, folder: Path) -> Panel | Absent:
    """Return what the page needs to run the model of a finished run, or why it cannot.

    Parameters
    ----------
    record : RunRecord
    folder : Path
        The run's folder, with its models.

    Returns
    -------
    Panel or Absent
    """
    from throughline.evaluate import threshold_of
    from throughline.formats.base import file_sha256
    from throughline.held_out import FILE_NAME, load_held_out, offered

    entry = offered(record.formats)
    if record.network.output != "sigmoid":
        return Absent("It shows the probability of one class; this network answers otherwise.")
    if entry is None:
        return Absent(f"{TITLE} was not exported in this run.")
    if entry.status != "passed":
        return Absent(f"{TITLE} was not proven in this run, so it is not offered.")
    model, rows = folder / entry.path, folder / "models" / FILE_NAME
    if not rows.is_file():
        return Absent("This run kept no held-out rows: it ran with --no-embed, or was made by an older release.")
    if not model.is_file() or file_sha256(model) != entry.sha256:
        return Absent(f"The file {entry.path} is missing or is not the one that was proven.")
    try:
        found = load_held_out(rows)
    except ThroughlineError as error:
        return Absent(f"The held-out rows of this run cannot be read: {error}")
    if found.X.shape[1] != len(record.task.feature_names):
        return Absent("The held-out rows of this run have other columns than its record.")
    low, first, median, third, high = found.quantiles.tolist()
    features = [
        _feature(*values)
        for values in zip(record.task.feature_names, low, first, median, third, high, found.whole, strict=True)
    ]
    data = {
        "features": features,
        "classes": record.task.class_names,
        "threshold": threshold_of(record, entry.framework),
        "tolerance": entry.tolerance,
        "rows": _numbers(found.X),
        "answers": _numbers(found.answers),
        "tolerances": _numbers(found.tolerance),
        "labels": base64.b64encode(found.y.astype("u1").tobytes()).decode(),
        "model": base64.b64encode(model.read_bytes()).decode(),
    }
    whole = len(found.X) == record.split.n_test
    return Panel(position=record.formats.index(entry), whole=whole, data=data, runtime=_runtime())


def _feature(
    name: str, low: float, first: float, median: float, third: float, high: float, whole: bool
) -> dict[str, Any]:
    """Describe a slider; a feature that never changed gets some room all the same."""
    room = 0.0 if high > low else max(1.0, abs(low) / 10)
    step = (high - low + 2 * room) / SLIDER_STEPS
    return {
        "name": name,
        "low": low - room,
        "quartiles": [first, median, third],
        "high": high + room,
        "step": max(1, round(step)) if whole else step,
    }


def _numbers(array: Any) -> str:
    """Write float32, little end first, as base64: exact, and half as long as digits."""
    return base64.b64encode(array.astype("<f4").tobytes()).decode()


@functools.cache  # the same for every page
def _runtime() -> dict[str, str]:
    files = {
        "script": "ort.wasm.bundle.min.mjs",
        "wasm": "ort-wasm-simd-threaded.wasm",
        "licence": "LICENSE",
        "notices": "ThirdPartyNotices.txt",
    }
    vendor = resources.files("throughline.report").joinpath("vendor")
    return {key: base64.b64encode(vendor.joinpath(f"{name}.gz").read_bytes()).decode() for key, name in files.items()}
