"""Run one artefact alone: a child process that gets the file and the rows, nothing else (rule 3)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from throughline.errors import ForeignModuleError, OutputShapeError
from throughline.formats import find_format
from throughline.formats.base import Runner
from throughline.processes import Emit
from throughline.weights import Array

BATCH_SIZES = (1, 2, 33)  # the whole set is added: a size-1 axis frozen by an exporter shows at 2 and 33
WARM_UP_CALLS = 50
TIMED_CALLS = 400
TIMED_S = 0.3


def run_artifact(format_name: str, path: str, rows: str, answers: str, emit: Emit) -> dict[str, Any]:
    """Load an artefact, answer all rows at every batch size, and time it.

    Parameters
    ----------
    format_name : str
        A name from `throughline.formats`.
    path : str
        The artefact.
    rows : str
        A .npy file of raw rows, float32, shape (n_samples, n_features).
    answers : str
        Where to write the answers, .npz with one array a batch size.
    emit : callable
        Not used.

    Returns
    -------
    dict
        ``facts``, ``load_s``, ``latency_us`` (median of one row) and ``rows_per_s`` (whole set).

    Raises
    ------
    OutputShapeError
        If there are no rows.
    ForeignModuleError
        If the runtime imported a framework that the artefact is meant to leave behind.
    """
    form = find_format(format_name)
    X = np.load(rows, allow_pickle=False)
    if not len(X):
        raise OutputShapeError("There are no rows to answer, so nothing would be proven.")
    started = time.perf_counter()
    with form.load(Path(path)) as runner:
        load_s = time.perf_counter() - started
        answered = {str(size): answer_in_batches(runner, X, size) for size in (*BATCH_SIZES, len(X))}
        latency_s = _median_seconds(lambda: runner.predict(X[:1]))
        whole_s = _median_seconds(lambda: runner.predict(X))
        facts = dict(runner.facts)
    foreign = sorted(name for name in form.forbidden if name in sys.modules)
    if foreign:
        raise ForeignModuleError(f"Running {form.title} must not import {', '.join(foreign)}, but it did.")
    np.savez(answers, **answered)  # type: ignore[arg-type]  # numpy/numpy#29226: the stub types **kwds as bool
    return {"facts": facts, "load_s": load_s, "latency_us": 1e6 * latency_s, "rows_per_s": len(X) / whole_s}


def answer_in_batches(runner: Runner, X: Array, batch_size: int) -> Array:
    """Answer all rows, `batch_size` at a time, the last batch as it comes."""
    batches = [runner.predict(X[start : start + batch_size]) for start in range(0, len(X), batch_size)]
    return np.concatenate(batches)


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
