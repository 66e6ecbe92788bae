"""One round of one artefact: a fresh process loads it, answers once, warms up, and is timed."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throughline.bench.memory import begin_peak, n_threads, peak_bytes
from throughline.evaluate import THRESHOLD
from throughline.formats import find_format
from throughline.processes import Emit
from throughline.weights import Array

WARM_UP_CALLS = 50
MOST_CALLS, LEAST_CALLS = 2000, 200  # below 100 the 99th percentile would be the largest of all
LATENCY_S, THROUGHPUT_S = 0.5, 0.2
BATCHES = (32, 1024)


def measure_round(format_name: str, path: str, rows: str, labels: str, emit: Emit) -> dict[str, Any]:
    """Measure everything once.

    Parameters
    ----------
    format_name : str
        A name from `throughline.formats`.
    path : str
        The artefact.
    rows, labels : str
        .npy files of raw rows and of their classes.
    emit : callable
        Told when the first answer is there.

    Returns
    -------
    dict
        The figures of `bench.figures` but for ``start_s``, which the parent's clock knows, and ``accuracy``, ``facts``,
        ``n_threads``, ``processor_share``.
    """
    form = find_format(format_name)
    X, y = np.load(rows, allow_pickle=False), np.load(labels, allow_pickle=False)
    before = begin_peak()
    started = time.perf_counter()
    with form.load(Path(path)) as runner:
        loaded = time.perf_counter()
        runner.predict(X[:1])
        answered = time.perf_counter()
        emit({"answered": True})
        accuracy = float(np.mean((runner.predict(X).reshape(-1) > THRESHOLD) == y))
        single = [X[i : i + 1] for i in range(len(X))]
        seconds = _time_calls(runner.predict, single, LATENCY_S, LEAST_CALLS)
        rates, share = {}, 0.0
        for size in BATCHES:
            batches = [np.resize(np.roll(X, -start, axis=0), (size, X.shape[1])) for start in range(0, len(X), 97)]
            processor, wall = time.process_time(), time.perf_counter()
            taken = _time_calls(runner.predict, batches, THROUGHPUT_S, 3)
            share = (time.process_time() - processor) / (time.perf_counter() - wall)
            rates[f"rows_per_s_{size}"] = size / float(np.median(taken))
        facts, threads = dict(runner.facts), n_threads()
        memory = peak_bytes() - before
    return {
        "load_s": loaded - started,
        "first_s": answered - loaded,
        **{f"p{q}_us": 1e6 * float(np.quantile(seconds, q / 100)) for q in (50, 95, 99)},
        **rates,
        "memory_bytes": max(0, memory),
        "accuracy": accuracy,
        "facts": facts,
        "n_threads": threads,
        "processor_share": share,
    }


def _time_calls(
    call: Callable[[Array], object], arguments: Sequence[Array], seconds_s: float, at_least: int
) -> list[float]:
    """Time calls with one argument after another, after a warm-up; the collector of garbage waits meanwhile."""
    until = time.perf_counter() + seconds_s / 2
    for i in range(WARM_UP_CALLS):
        call(arguments[i % len(arguments)])
        if time.perf_counter() > until and i >= 2:
            break
    taken: list[float] = []
    gc.collect()
    gc.disable()
    try:
        until = time.perf_counter() + seconds_s
        while len(taken) < MOST_CALLS and (len(taken) < at_least or time.perf_counter() < until):
            argument = arguments[len(taken) % len(arguments)]
            started = time.perf_counter()
            call(argument)
            taken.append(time.perf_counter() - started)
    finally:
        gc.enable()
    return taken
