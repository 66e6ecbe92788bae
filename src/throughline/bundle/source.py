"""What child processes do for a bundle: read steps, and open or check an artefact as its receiver does."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from throughline.bundle.column_graphs import find_runnable
from throughline.errors import ForeignModuleError
from throughline.formats import find_format
from throughline.processes import Emit


def read_steps(files: dict[str, str], emit: Emit) -> dict[str, Any]:
    """Read the steps of int8 files, by format; None for the others."""
    found = {}
    for name, path in files.items():
        read = find_format(name).read_quantization
        found[name] = None if read is None else msgspec.to_builtins(read(Path(path)))
    return found


def open_as_receiver(
    opener: str,
    path: str,
    rows: str,
    outputs: list[str],
    batch_size: int,
    answers: str,
    emit: Emit,
    ports: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Open an artefact with `check.py`'s own function, let it answer, and return what it says of itself.

    Parameters
    ----------
    opener : str
        An entry of `check.RUNTIMES`.
    path : str
        The artefact.
    rows : str
        An .npz file, one array an input of the model, in its order.
    outputs : list of str
        Of the model, in its order.
    batch_size : int
        How many rows to ask at a time.
    answers : str
        The .npz file to write, one array an output.
    emit : callable
        Not used.
    ports : dict of str to str, optional
        Which of the arrays each input takes, where that is known.

    Returns
    -------
    dict
        ``runtime``, and ``inputs`` and ``outputs`` in the order of the file, each with the name ``of`` the input or
        output of the model that it is.
    """
    from throughline.bundle.check import RUNTIMES, tensor

    with np.load(rows, allow_pickle=False) as arrays:
        given = {name: arrays[name] for name in arrays.files}
    opened = RUNTIMES[opener].open(Path(path))
    if ports is None:
        sources = paired(opened.inputs or [tensor(None, None, None)] * len(given), list(given))
    else:
        sources = [entry | {"of": ports[entry["name"]]} for entry in opened.inputs]
    targets = paired(opened.outputs or [tensor(None, None, None)] * len(outputs), outputs)
    chosen = [given[entry["of"]] for entry in sources]
    starts = range(0, len(chosen[0]), batch_size)
    parts = [opened.answer([array[start : start + batch_size].copy() for array in chosen]) for start in starts]
    whole = [np.concatenate([np.asarray(part) for part in found]) for found in zip(*parts, strict=True)]
    found = {entry["of"]: array for entry, array in zip(targets, whole, strict=True)}
    np.savez(answers, **found)  # type: ignore[arg-type]  # numpy/numpy#29226
    return {"runtime": opened.runtime, "inputs": sources, "outputs": targets}


def check_as_receiver(folder: str, name: str, emit: Emit) -> dict[str, Any]:
    """Make the checks of `check.py` on one artefact of a bundle whose files are known to be intact.

    Parameters
    ----------
    folder : str
        The bundle.
    name : str
        Of the artefact.
    emit : callable
        Not used.

    Returns
    -------
    dict
        As `check.check_artefact` returns it.

    Raises
    ------
    ForeignModuleError
        If the runtime imported a framework that the artefact is meant to leave behind.
    """
    from throughline.bundle.check import check_artefact, files_to_run, read_manifest

    manifest = read_manifest(Path(folder))
    found = check_artefact(Path(folder), manifest, next(e for e in files_to_run(manifest) if e["name"] == name))
    form = find_runnable(name) or find_format(name)
    foreign = sorted(module for module in form.forbidden if sys.modules.get(module) is not None)
    if foreign:
        raise ForeignModuleError(f"Running {form.title} must not import {', '.join(foreign)}, but it did.")
    return found


def paired(said: list[dict[str, Any]], names: list[str]) -> list[dict[str, Any]]:
    """Tell which input or output of the model each one of a file is: by name where the names agree, else by place.

    Examples
    --------
    >>> left, right = {"name": "left:0"}, {"name": "serving_default_right:0"}
    >>> [entry["of"] for entry in paired([right, left], ["left", "right"])]
    ['right', 'left']
    >>> [entry["of"] for entry in paired([{"name": None}, {"name": None}], ["left", "right"])]
    ['left', 'right']
    """
    from throughline.own_model.opened import plain_name

    # TensorFlow puts its own words around a name.
    own = [plain_name((entry["name"] or "").split(":")[0].removeprefix("serving_default_")) for entry in said]
    by_plain = {plain_name(name): name for name in names}
    if len(set(own)) == len(own) and set(own) <= set(by_plain):
        return [entry | {"of": by_plain[plain]} for entry, plain in zip(said, own, strict=True)]
    return [entry | {"of": name} for entry, name in zip(said, names, strict=False)]
