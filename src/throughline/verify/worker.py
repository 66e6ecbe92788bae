"""Run one artefact alone: a child process that gets the file and the rows, nothing else (rule 3)."""

from __future__ import annotations

import dataclasses
import sys
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from throughline.errors import (
    DamagedFileError,
    ForeignModuleError,
    MissingPackageError,
    OutputShapeError,
    ThroughlineError,
)
from throughline.formats import find_format
from throughline.formats.base import Format, Runner
from throughline.processes import Emit
from throughline.verify.stored import parameters_path, save_parameters
from throughline.weights import Array

# All rows at once and uneven batches are added: an axis that an exporter froze at 1 shows at 2 and 33.
BATCH_SIZES = (1, 2, 7, 33, 1000)
WARM_UP_CALLS = 50
TIMED_CALLS = 400
TIMED_S = 0.3


@dataclass(frozen=True, kw_only=True)
class Timing:
    """How fast a runtime is.

    Attributes
    ----------
    load_s : float
    latency_us : float
        Median time of one row, microseconds.
    rows_per_s : float
        All rows at once.
    """

    load_s: float
    latency_us: float
    rows_per_s: float


def examine_artifact(
    format_name: str, path: str, rows: str, answers: str, emit: Emit, contents: bool = True, timed: bool = False
) -> dict[str, Any]:
    """Load an artefact, read what it declares, and answer all rows, cut into batches in many ways.

    A cut that the runtime refuses does not end the others.

    Parameters
    ----------
    format_name : str
        A name from `throughline.formats`.
    path : str
        The artefact.
    rows : str
        A .npy file of raw rows, float32, shape (n_samples, n_features).
    answers : str
        Where to write the answers, .npz with one array for each of `cuts`.
    emit : callable
        Not used.
    contents : bool
        Whether to read the file itself as well, as `with_contents` does, which may need the format's own library.
    timed : bool
        Whether to time the runtime too, once it has answered.

    Returns
    -------
    dict
        ``facts``; ``inputs`` and ``outputs`` (lists of `Port`); ``refused``: by cut, what the runtime said; ``timing``
        (a `Timing`, or None); and what `with_contents` found.

    Raises
    ------
    OutputShapeError
        If there are no rows.
    DamagedFileError
        If the runtime does not open the file.
    ForeignModuleError
        If the runtime imported a framework that the artefact is meant to leave behind.
    """
    form = find_format(format_name)
    X = np.load(rows, allow_pickle=False)
    if not len(X):
        raise OutputShapeError("There are no rows to answer, so nothing would be proven.")
    started = time.perf_counter()
    try:
        runner = form.load(Path(path))
    except MissingPackageError:
        raise
    except Exception as error:
        traceback.print_exc()  # into the log of this process
        raise DamagedFileError(f"{form.runtime} does not open it: {_in_a_line(error)}.") from error
    load_s = time.perf_counter() - started
    answered: dict[str, Array] = {}
    refused: dict[str, str] = {}
    with runner:
        for name, lengths in cuts(len(X)).items():
            try:
                answered[name] = answer_cut(runner, X, lengths)
            except Exception as error:
                refused[name] = _in_a_line(error)
        found: dict[str, Any] = {
            "facts": dict(runner.facts),
            "inputs": [dataclasses.asdict(port) for port in runner.inputs],
            "outputs": [dataclasses.asdict(port) for port in runner.outputs],
            "refused": refused,
            "timing": dataclasses.asdict(_time(runner, X, load_s)) if timed and not refused else None,
        }
    foreign = sorted(name for name in form.forbidden if name in sys.modules)
    if foreign:
        raise ForeignModuleError(f"Running {form.title} must not import {', '.join(foreign)}, but it did.")
    np.savez(answers, **answered)  # type: ignore[arg-type]  # numpy/numpy#29226: the stub types **kwds as bool
    found["facts"] |= {"instruction_set": instruction_set()}
    return with_contents(found, form, Path(path), Path(answers)) if contents else found


def with_contents(found: dict[str, Any], form: Format, path: Path, answers: Path) -> dict[str, Any]:
    """Add what the file itself says and holds; its numbers are written beside the answers.

    Returns
    -------
    dict
        With the file's own ``facts``, ``foreign_operators``, and ``unreadable``: why its numbers cannot be read, or an
        empty text.
    """
    operators = form.read_foreign_operators(path) if form.read_foreign_operators else []
    facts = form.read_facts(path) if form.read_facts else {}
    unreadable = ""
    if form.read_parameters is not None:
        try:
            save_parameters(parameters_path(answers), form.read_parameters(path))
        except Exception as error:  # whatever a damaged file does to its reader
            traceback.print_exc()
            unreadable = _in_a_line(error)
    return found | {"facts": found["facts"] | facts, "foreign_operators": operators, "unreadable": unreadable}


def instruction_set() -> str:
    """Return the widest vector instructions of this processor, as NumPy finds them."""
    extensions = np.show_config(mode="dicts")["SIMD Extensions"]
    return str((extensions.get("found") or extensions["baseline"])[-1])


def examine_artifacts(jobs: list[dict[str, Any]], emit: Emit) -> list[dict[str, Any]]:
    """Examine several files of one format, one after another; one that fails leaves its error in its place.

    All are answered before the first is read: a reader may import what the next file must do without.
    """

    def kept(examine: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return examine()
        except ThroughlineError as error:
            return {"error": {"kind": type(error).__name__, "args": list(error.args)}}

    answered = [kept(partial(examine_artifact, **job, emit=emit, contents=False)) for job in jobs]
    return [
        found
        if "error" in found
        else kept(
            partial(with_contents, found, find_format(job["format_name"]), Path(job["path"]), Path(job["answers"]))
        )
        for job, found in zip(jobs, answered, strict=True)
    ]


def read_quantization(format_name: str, path: str, emit: Emit) -> dict[str, Any]:
    """Read the steps of an int8 file; the library that reads them may be a heavy one."""
    form = find_format(format_name)
    assert form.read_quantization is not None  # asked of no other
    found: dict[str, Any] = msgspec.to_builtins(form.read_quantization(Path(path)))
    return found


def cuts(n_rows: int) -> dict[str, list[int]]:
    """Return the lengths of the batches into which all rows are cut, by name: every size, all, and uneven ones.

    Examples
    --------
    >>> cuts(9)["7"], sum(cuts(9)["uneven"])
    ([7, 2], 9)
    """
    named = {str(size): _batches_of(size, n_rows) for size in BATCH_SIZES}
    uneven, left = [], n_rows
    lengths = np.random.default_rng(0).integers(1, max(2, n_rows // 3), size=n_rows)
    for length in lengths:
        if left <= 0:
            break
        uneven.append(min(int(length), left))
        left -= uneven[-1]
    return named | {"all": [n_rows], "uneven": uneven}


def _batches_of(size: int, n_rows: int) -> list[int]:
    if n_rows < size:
        return [size]  # the rows are repeated until they fill it
    return [size] * (n_rows // size) + ([n_rows % size] if n_rows % size else [])


def answer_cut(runner: Runner, X: Array, lengths: list[int]) -> Array:
    """Answer all rows in batches of these lengths; rows are repeated where they do not fill them."""
    total = sum(lengths)
    repeated = X if total == len(X) else np.resize(X, (total, X.shape[1]))
    ends = np.cumsum(lengths)
    answered = np.concatenate(
        [runner.predict(repeated[end - length : end]) for end, length in zip(ends, lengths, strict=True)]
    )
    # Only the right number of answers may be cut: any other is for the check of shapes to see.
    return answered[: len(X)] if len(answered) == total else answered


def _in_a_line(error: Exception) -> str:
    said = str(error).strip().splitlines() or ["no message"]
    return f"{type(error).__name__}: {said[0].rstrip('.')}"


def _time(runner: Runner, X: Array, load_s: float) -> Timing:
    one_s = _median_seconds(lambda: runner.predict(X[:1]))
    whole_s = _median_seconds(lambda: runner.predict(X))
    return Timing(load_s=load_s, latency_us=1e6 * one_s, rows_per_s=len(X) / whole_s)


def _median_seconds(call: Callable[[], object]) -> float:
    for _ in range(WARM_UP_CALLS):
        call()
    seconds: list[float] = []
    until = time.perf_counter() + TIMED_S
    while len(seconds) < TIMED_CALLS and (len(seconds) < 3 or time.perf_counter() < until):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))
