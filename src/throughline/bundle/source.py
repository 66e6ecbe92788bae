"""What child processes do while a bundle is made: the trained network, and each artefact as a receiver opens it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from throughline.formats import find_format
from throughline.frameworks.base import load_framework
from throughline.processes import Emit
from throughline.weights import load_weights


def answer_rows(framework: str, weights: str, rows: str, answers: str, emit: Emit) -> None:
    """Build the network again where it was trained, and let it answer.

    Parameters
    ----------
    framework : {"keras", "torch"}
        The framework of this process.
    weights : str
        File written by `Weights.save`.
    rows, answers : str
        A .npy file of raw rows, and the one to write.
    emit : callable
        Not used.
    """
    net = load_framework(framework)
    trained, spec = load_weights(Path(weights))
    np.save(answers, net.predict(net.build(spec, trained), np.load(rows, allow_pickle=False)))


def read_steps(files: dict[str, str], emit: Emit) -> dict[str, Any]:
    """Read the steps of int8 files, by format; None for the others."""
    found = {}
    for name, path in files.items():
        read = find_format(name).read_quantization
        found[name] = None if read is None else msgspec.to_builtins(read(Path(path)))
    return found


def open_as_receiver(opener: str, path: str, rows: str, answers: str, emit: Emit) -> dict[str, Any]:
    """Open an artefact with `check.py`'s own function, let it answer, and return what it says of itself.

    Parameters
    ----------
    opener : str
        An entry of `check.RUNTIMES`.
    path : str
        The artefact.
    rows, answers : str
        A .npy file of raw rows, and the one to write.
    emit : callable
        Not used.
    """
    from throughline.bundle.check import RUNTIMES

    opened = RUNTIMES[opener].open(Path(path))
    np.save(answers, np.asarray(opened.predict(np.load(rows, allow_pickle=False))))
    return {"runtime": opened.runtime, "inputs": opened.inputs, "outputs": opened.outputs}
