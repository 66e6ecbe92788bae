"""One round of one artefact: a fresh process loads it, answers once, warms up, and is timed."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from throughline.bench.memory import begin_peak, n_threads, peak_bytes
from throughline.formats import find_format
from throughline.formats.base import Facts, Format
from throughline.frameworks.rows import answers, score
from throughline.processes import Emit
from throughline.weights import Array

WARM_UP_CALLS = 50
MOST_CALLS, LEAST_CALLS = 2000, 200
FEWEST_CALLS = {"p50_us": 3, "p95_us": 20, "p99_us": 100}  # below, a percentile would be the largest of all
LATENCY_S, THROUGHPUT_S = 0.5, 0.2
LONGEST_S = 5.0  # of timing single rows; a large model answers fewer of them
LONGEST_CALL_S = 2.0
BATCHES = (32, 1024)


Call = Callable[[Sequence[Array]], Array]


def measure_round(
    format_name: str, path: str, rows: str, received: dict[str, Any] | None, output: str, emit: Emit
) -> dict[str, Any]:
    """Measure everything once.

    Parameters
    ----------
    format_name : str
        A name from `throughline.formats`.
    path : str
        The artefact.
    rows : str
        An .npz file with ``input.<name>`` and, where classes are known, ``labels``.
    received : dict or None
        Of a model that was brought, its artefact as the manifest has it, with ``classes``; None for a dense network.
    output : str
        What a dense network ends in.
    emit : callable
        Told when the first answer is there.

    Returns
    -------
    dict
        ``figures``, those of `bench.figures` but for ``start_s``, which the parent's clock knows; ``left_out``, those
        that could not be measured, with the reason; and ``accuracy``, ``facts``, ``n_threads``, ``processor_share``.
    """
    form = find_format(format_name)
    with np.load(rows, allow_pickle=False) as arrays:
        given = {name.removeprefix("input."): arrays[name] for name in arrays.files if name.startswith("input.")}
        y = arrays["labels"] if "labels" in arrays.files else None
    inputs = list(given.values()) if received is None else [given[entry["of"]] for entry in received["inputs"]]
    n_rows = len(inputs[0])
    before = begin_peak()
    started = time.perf_counter()
    with _loaded(form, Path(path), received) as (answer, facts):
        loaded = time.perf_counter()
        single = [[array[i : i + 1] for array in inputs] for i in range(n_rows)]
        answer(single[0])
        answered = time.perf_counter()
        emit({"answered": True})
        accuracy = None if y is None else _accuracy(answer, inputs, y, received, output)
        figures = {"load_s": loaded - started, "first_s": answered - loaded}
        left_out = {}
        seconds = _time_calls(answer, single, LATENCY_S, LEAST_CALLS)
        for name, fewest in FEWEST_CALLS.items():
            if len(seconds) < fewest:
                left_out[name] = f"only {len(seconds)} rows were answered in {LONGEST_S:g} s"
            else:
                figures[name] = 1e6 * float(np.quantile(seconds, int(name[1:3]) / 100))
        share = 0.0
        for size in BATCHES:
            if reason := _too_much(size, received, float(np.median(seconds))):
                left_out[f"rows_per_s_{size}"] = reason
                continue
            batches = [[_batch(array, start, size) for array in inputs] for start in range(0, n_rows, 97)]
            processor, wall = time.process_time(), time.perf_counter()
            taken = _time_calls(answer, batches, THROUGHPUT_S, 3)
            share = (time.process_time() - processor) / (time.perf_counter() - wall)
            figures[f"rows_per_s_{size}"] = size / float(np.median(taken))
        threads, figures["memory_bytes"] = n_threads(), max(0, peak_bytes() - before)
    return {
        "figures": figures,
        "left_out": left_out,
        "accuracy": accuracy,
        "facts": facts,
        "n_threads": threads,
        "processor_share": share,
    }


@contextmanager
def _loaded(form: Format, path: Path, received: Mapping[str, Any] | None) -> Iterator[tuple[Call, Facts]]:
    """Open the artefact; of a model that was brought as check.py does, with as many inputs as it has."""
    if received is None:
        with form.load(path) as runner:
            yield (lambda arrays: runner.predict(arrays[0])), dict(runner.facts)
        return
    from throughline.bundle.check import RUNTIMES

    opened = RUNTIMES[form.opener].open(path)
    classes = received["classes"]
    outputs = [entry["of"] for entry in received["outputs"]]
    place = outputs.index(classes["output"]) if classes else 0
    yield (lambda arrays: np.asarray(opened.answer(list(arrays))[place])), {"runtime": opened.runtime}


def _accuracy(
    answer: Call, inputs: Sequence[Array], y: Array, received: Mapping[str, Any] | None, output: str
) -> float:
    from throughline.bundle.check import labels

    size = (len(y) if received is None else received["largest_batch"]) or len(y)
    parts = [answer([array[start : start + size] for array in inputs]) for start in range(0, len(y), size)]
    whole = np.concatenate(parts)
    if received is None:
        return score(answers(whole.reshape(len(y), -1)), y, output)
    return float(np.mean(labels(whole, received["classes"]["threshold"]) == y))


def _too_much(size: int, received: Mapping[str, Any] | None, row_s: float) -> str:
    """Say why a batch is not asked for; empty if it is."""
    most = None if received is None else received["largest_batch"]
    if most is not None and size > most:
        return f"it takes at most {most} rows at a time"
    if size * row_s > LONGEST_CALL_S:
        return f"a call would take about {size * row_s:.0f} s"
    return ""


def _batch(array: Array, start: int, size: int) -> Array:
    return np.resize(np.roll(array, -start, axis=0), (size, *array.shape[1:]))


def _time_calls(answer: Call, arguments: Sequence[Sequence[Array]], seconds_s: float, at_least: int) -> list[float]:
    """Time calls with one argument after another, after a warm-up; the collector of garbage waits meanwhile."""
    until = time.perf_counter() + seconds_s / 2
    for i in range(WARM_UP_CALLS):
        answer(arguments[i % len(arguments)])
        if time.perf_counter() > until and i >= 2:
            break
    taken: list[float] = []
    gc.collect()
    gc.disable()
    try:
        begin = time.perf_counter()
        while len(taken) < MOST_CALLS:
            spent = time.perf_counter() - begin
            if len(taken) >= 3 and (spent > LONGEST_S or (len(taken) >= at_least and spent > seconds_s)):
                break
            argument = arguments[len(taken) % len(arguments)]
            started = time.perf_counter()
            answer(argument)
            taken.append(time.perf_counter() - started)
    finally:
        gc.enable()
    return taken
