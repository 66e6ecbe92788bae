"""Measure the ledger: both frameworks under every setting and seed, side by side; then what each default does."""

from __future__ import annotations

import dataclasses
import tempfile
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from throughline.environment import describe_environment
from throughline.errors import UsageError
from throughline.evaluate import equivalence_test, mean_interval
from throughline.parity.ledger.setting import ENTRIES, Entry, Setting
from throughline.parity.stepper import PRELOADS
from throughline.processes import Child
from throughline.progress import OnEvent, Stage, ignore
from throughline.record import LedgerLine, LedgerRecord
from throughline.spec import FRAMEWORK_TITLES
from throughline.weights import Array

N_TRAIN = 3000  # not a multiple of 32: the last batch is incomplete
LEAST_SEEDS = 3

Outcomes = dict[Setting, dict[str, Array]]


def measure_ledger(
    n_steps: int = 1000,
    n_seeds: int = 10,
    entries: Sequence[Entry] = ENTRIES,
    on_event: OnEvent = ignore,
) -> LedgerRecord:
    """Switch each default back on, one at a time and all together, and measure what it does.

    Parameters
    ----------
    n_steps : int, default=1000
        Steps of each training.
    n_seeds : int, default=10
        Trainings of each setting; at least 3.
    entries : sequence of Entry, optional
        The last one is the whole of which the others are shares.
    on_event : callable, optional
        Told what each process does, from two threads.

    Returns
    -------
    LedgerRecord

    Raises
    ------
    UsageError
        If a number is too small.
    WorkerError
        If a child process died.
    """
    _check(n_steps, n_seeds)
    started, seeds = time.perf_counter(), list(range(n_seeds))
    with tempfile.TemporaryDirectory(prefix="throughline-ledger-") as work:
        n_test = _write_rows(Path(work))
        settings = {side: list(dict.fromkeys(getattr(entry, side) for entry in entries)) for side in ("keras", "torch")}
        with ThreadPoolExecutor(2) as pool:
            futures = {
                side: pool.submit(_train, side, settings[side], Path(work), seeds, n_steps, on_event)
                for side in settings
            }
            outcomes = {side: future.result() for side, future in futures.items()}
    lines = [_line(entry, outcomes["keras"][entry.keras], outcomes["torch"][entry.torch]) for entry in entries]
    whole, last = lines[-1].gap, entries[-1]
    stock = outcomes["keras"][last.keras]["accuracy"], outcomes["torch"][last.torch]["accuracy"]
    return LedgerRecord(
        n_steps=n_steps,
        n_train=N_TRAIN,
        n_test=n_test,
        seeds=seeds,
        lines=[dataclasses.replace(line, share=line.gap / whole) for line in lines],
        equivalence=equivalence_test(("keras", "torch"), *stock),
        wall_s=round(time.perf_counter() - started, 3),
        environment=describe_environment(),
    )


def _check(n_steps: int, n_seeds: int) -> None:
    if n_steps < 1:
        raise UsageError("--steps", "a whole number from 1", str(n_steps), "pass for example --steps 1000")
    if n_seeds < LEAST_SEEDS:
        raise UsageError("--seeds", f"at least {LEAST_SEEDS}", str(n_seeds), "pass for example --seeds 10")


def _write_rows(work: Path) -> int:
    """Write the built-in task's rows, standardised by those that train; return the number of test rows."""
    from throughline.data.scaling import fit_scaling, scale
    from throughline.data.tasks import make_classification

    table = make_classification(seed=0)
    mean, std = fit_scaling(table.X[:N_TRAIN])
    X = scale(table.X.astype(np.float64), mean.astype(np.float64), std.astype(np.float64))
    y = table.y.astype(np.float64)
    rows = {"X_train": X[:N_TRAIN], "y_train": y[:N_TRAIN], "X_test": X[N_TRAIN:], "y_test": y[N_TRAIN:]}
    np.savez(work / "rows.npz", **rows)  # type: ignore[arg-type]  # the stub takes every keyword for allow_pickle
    return len(X) - N_TRAIN


def _train(
    framework: str, settings: list[Setting], work: Path, seeds: list[int], n_steps: int, on_event: OnEvent
) -> Outcomes:
    """Train under all settings in a child; return loss and accuracy of each seed."""
    process = f"ledger {framework}"
    on_event(Stage(process, f"import {FRAMEWORK_TITLES[framework]}"))

    def on_message(message: Mapping[str, Any]) -> None:
        on_event(Stage(process, f"setting {message['number']} of {message['of']}, seed {message['seed']}"))

    arguments = {
        "framework": framework,
        "settings": [dataclasses.asdict(setting) for setting in settings],
        "rows": str(work / "rows.npz"),
        "seeds": seeds,
        "n_steps": n_steps,
    }
    try:
        with Child(process, preload=PRELOADS[framework], log=work / f"{framework}.log") as child:
            found = child.call("throughline.parity.ledger.train:train_all", arguments, on_message)
    finally:
        on_event(Stage(process, ""))
    return {
        setting: {key: np.array([outcome[key] for outcome in of_seeds]) for key in ("loss", "accuracy")}
        for setting, of_seeds in zip(settings, found, strict=True)
    }


def _line(entry: Entry, keras: dict[str, Array], torch: dict[str, Array]) -> LedgerLine:
    gaps = np.abs(keras["loss"] - torch["loss"])
    return LedgerLine(
        name=entry.name,
        title=entry.title,
        keras_does=entry.keras_does,
        torch_does=entry.torch_does,
        torch_stands_for=entry.torch_stands_for,
        sentence=entry.sentence,
        gap=float(np.median(gaps)),
        gap_low=float(gaps.min()),
        gap_high=float(gaps.max()),
        share=1.0,  # of what is known once all lines are there
        keras_accuracy=float(keras["accuracy"].mean()),
        torch_accuracy=float(torch["accuracy"].mean()),
        accuracy_difference=mean_interval(keras["accuracy"] - torch["accuracy"]),
    )
