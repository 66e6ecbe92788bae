"""Compare the trajectories of several frameworks: prepare, let each follow in its process, judge, prove departures."""

from __future__ import annotations

import os
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from throughline.environment import describe_environment
from throughline.errors import SpecError, UsageError, WorkerError, quoted
from throughline.parity.expressible import FRAMEWORKS, TITLES, check_expressible
from throughline.parity.feed import draw_feed
from throughline.parity.follow import good_weights_path, load_trajectory
from throughline.parity.judge import FORCED_FIRST, Judgement
from throughline.parity.record import BARS, CaseRecord, Pair, ParityRecord
from throughline.parity.stepper import PRELOADS
from throughline.parity.tasks import Case, scaled_rows
from throughline.processes import Child
from throughline.progress import OnEvent, Stage, ignore
from throughline.weights import initial_weights

Changes = Mapping[str, Mapping[str, Any]]


def compare_trajectories(
    cases: Sequence[Case],
    n_steps: int,
    frameworks: Sequence[str] = (),
    changes: Changes | None = None,
    on_event: OnEvent = ignore,
) -> ParityRecord:
    """Let frameworks do the same trainings step by step, and compare losses and weights.

    Parameters
    ----------
    cases : sequence of Case
        The trainings; each framework does all of them in one process.
    n_steps : int
        Steps of each training.
    frameworks : sequence of str, optional
        Out of numpy, keras, torch and sklearn; one that cannot express a case is then refused. By default all, and
        each is left out of the cases that it cannot express.
    changes : mapping of str to mapping, optional
        For a framework the fields of its `TrainSpec` that are to be other than the case says, so that their effect,
        or the watchfulness of the comparison, can be measured.
    on_event : callable, optional
        Told what each process does, from several threads.

    Returns
    -------
    ParityRecord

    Raises
    ------
    UsageError
        If there is nothing to compare.
    SpecError
        If a framework that was asked for cannot express a case; nothing has been trained then.
    WorkerError
        If a child process died.
    """
    started = time.perf_counter()
    _check(cases, n_steps, frameworks)
    with _work_folder() as work:
        comparison = _Comparison(list(cases), n_steps, tuple(frameworks), changes or {}, work, on_event)
        records = comparison.run()
    return ParityRecord(
        n_steps=n_steps,
        seed=cases[0].network.seed,
        bars=BARS,
        cases=records,
        wall_s=round(time.perf_counter() - started, 3),
        environment=describe_environment(),
    )


@dataclass
class _Comparison:
    cases: list[Case]
    n_steps: int
    asked: tuple[str, ...]
    changes: Changes
    work: Path
    on_event: OnEvent

    def run(self) -> list[CaseRecord]:
        left_out = [self._left_out(case) for case in self.cases]
        jobs: dict[str, list[dict[str, str]]] = {name: [] for name in self.asked or FRAMEWORKS}
        for case, reasons in zip(self.cases, left_out, strict=True):
            self._prepare(case)
            for name in jobs:
                if name not in reasons:
                    jobs[name].append(self._job(name, case))
        diverged = self._follow(jobs)
        compared = [
            self._pairs(case, [name for name in jobs if name not in reasons], diverged)
            for case, reasons in zip(self.cases, left_out, strict=True)
        ]
        self._prove(compared)
        return [
            self._record(case, reasons, diverged, [pair.record() for pair in pairs])
            for case, reasons, pairs in zip(self.cases, left_out, compared, strict=True)
        ]

    def _left_out(self, case: Case) -> dict[str, str]:
        """Return which frameworks cannot express a case, and why; one that was asked for is refused."""
        reasons = {}
        for name in self.asked or FRAMEWORKS:
            try:
                check_expressible(name, case.network, replace(case.train, **self.changes.get(name, {})))
            except SpecError as error:
                if self.asked:
                    raise
                reasons[name] = str(error)
        return reasons

    def _prepare(self, case: Case) -> None:
        """Write what all frameworks are given for a case."""
        X, y, mean, std = scaled_rows(case.task, case.network.seed)
        draw_feed(case.network, case.train, X, y, self.n_steps).save(self._file(case, "feed.npz"))
        # Drawn in float32 for both dtypes, so that both begin at the same point.
        narrow = replace(case.network, dtype="float32")
        weights = initial_weights(narrow, mean, std).astype(case.network.dtype)
        weights.save(self._file(case, "safetensors"), case.network)

    def _job(self, framework: str, case: Case, gates_of: str = "") -> dict[str, str]:
        """Return what a child is told; with `gates_of` it is given the gates of another framework."""
        return {
            "name": f"{case.name}, gates of {TITLES[gates_of]}" if gates_of else case.name,
            "network": case.network.to_json(),
            "train": replace(case.train, **self.changes.get(framework, {})).to_json(),
            "feed": str(self._file(case, "feed.npz")),
            "initial": str(self._file(case, "safetensors")),
            "gates": str(self._out(gates_of, case)) if gates_of else "",
            "out": str(self._out(framework, case, gates_of)),
        }

    def _file(self, case: Case, suffix: str) -> Path:
        return self.work / f"{self.cases.index(case)}-{case.name}.{suffix}"

    def _out(self, framework: str, case: Case, gates_of: str = "") -> Path:
        return self._file(case, f"{framework}{f'.gates-of-{gates_of}' if gates_of else ''}.npz")

    def _follow(self, jobs: dict[str, list[dict[str, str]]]) -> dict[str, str]:
        """Let each framework do its jobs in a child; return how those that diverged did so, by the file not written."""
        busy = {name: todo for name, todo in jobs.items() if todo}
        # The slow ones first: what is short fits in beside them.
        order = sorted(busy, key=("keras", "torch", "numpy", "sklearn").index)
        with ThreadPoolExecutor(max(2, os.cpu_count() or 2)) as pool, _Children() as children:
            futures = {name: pool.submit(self._follow_one, name, busy[name], children) for name in order}
            wait(futures.values(), return_when=FIRST_EXCEPTION)
            said = {name: future.result() for name, future in futures.items() if future.done()}
        return {
            job["out"]: text
            for name, texts in said.items()
            for job, text in zip(busy[name], texts, strict=True)
            if text
        }

    def _follow_one(self, framework: str, jobs: list[dict[str, str]], children: _Children) -> list[str]:
        process = f"follow {framework}"
        self.on_event(Stage(process, f"import {TITLES[framework]}"))

        def on_message(message: Mapping[str, Any]) -> None:
            self.on_event(Stage(process, f"{message['case']} ({message['number']} of {message['of']})"))

        try:
            with children.begin(process, framework, self.work / f"{framework}.log") as child:
                arguments = {"framework": framework, "jobs": jobs}
                said: list[str] = child.call("throughline.parity.follow:follow_all", arguments, on_message)
        finally:
            self.on_event(Stage(process, ""))
        return said

    def _pairs(self, case: Case, names: list[str], diverged: dict[str, str]) -> list[Judgement]:
        outs = {name: self._out(name, case) for name in names}
        done = {name: load_trajectory(out) for name, out in outs.items() if str(out) not in diverged}
        return [Judgement.judge(case, pair, done) for pair in combinations(done, 2)]

    def _prove(self, compared: list[list[Judgement]]) -> None:
        """Run one of each two that parted again, with the gates of the other."""
        parted = [pair for pairs in compared for pair in pairs if pair.step is not None and pair.flip is not None]
        jobs: dict[str, list[dict[str, str]]] = {name: [] for name in FORCED_FIRST}
        for pair in parted:
            forced, other = pair.forced
            jobs[forced].append(self._job(forced, pair.case, gates_of=other))
        self._follow(jobs)
        for pair in parted:
            forced, other = pair.forced
            out = self._out(forced, pair.case, other)
            if out.exists():  # it may have diverged
                pair.take_proof(load_trajectory(out), load_trajectory(self._out(other, pair.case)))

    def _record(self, case: Case, left_out: dict[str, str], diverged: dict[str, str], pairs: list[Pair]) -> CaseRecord:
        names = [name for name in self.asked or FRAMEWORKS if name not in left_out]
        outs = {name: self._out(name, case) for name in names}
        done = next((out for out in outs.values() if str(out) not in diverged), None)
        losses = load_trajectory(done).losses if done else None
        broken = {name: out for name, out in outs.items() if str(out) in diverged}
        return CaseRecord(
            task=case.task,
            optimizer=case.train.optimizer,
            dtype=case.network.dtype,
            layer_sizes=list(case.network.layer_sizes),
            dropout=case.network.dropout,
            frameworks=names,
            left_out=left_out,
            diverged={name: diverged[str(out)] for name, out in broken.items()},
            good_weights={name: str(good_weights_path(out)) for name, out in broken.items()},
            pairs=pairs,
            first_loss=None if losses is None else float(losses[0]),
            last_loss=None if losses is None else float(losses[-1]),
        )


class _Children:
    """The children of one round; when one fails or the user interrupts, none is left behind."""

    def __init__(self) -> None:
        self._children: list[Child] = []
        self._lock = threading.Lock()
        self._closed = False

    def begin(self, process: str, framework: str, log: Path) -> Child:
        """Start a child, unless the round is over already."""
        with self._lock:
            if self._closed:
                raise WorkerError(f"The process '{process}' was not started, since another failed.")
            self._children.append(Child(process, preload=PRELOADS[framework], log=log))
            return self._children[-1]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._closed = True
            for child in self._children:
                child.stop()


def _check(cases: Sequence[Case], n_steps: int, frameworks: Sequence[str]) -> None:
    if not cases:
        raise UsageError("cases", "one or more", "none", "name a task, an optimizer and a dtype")
    if n_steps < 1:
        raise UsageError("--steps", "a whole number from 1", str(n_steps), "pass for example --steps 1000")
    unknown = [name for name in frameworks if name not in FRAMEWORKS]
    if unknown:
        allowed = f"some of {', '.join(FRAMEWORKS)}"
        raise UsageError("--framework", allowed, quoted(unknown[0]), "choose two or more of these")
    if len(frameworks) == 1:
        raise UsageError("--framework", "two or more", quoted(frameworks[0]), "name another to compare it with")


@contextmanager
def _work_folder() -> Iterator[Path]:
    """Give a folder; afterwards only the logs of a crash and the good weights of a diverged training stay."""
    work = Path(tempfile.mkdtemp(prefix="throughline-parity-"))
    kept: tuple[str, ...] = (".good.safetensors",)
    try:
        yield work
    except Exception:
        kept = (".good.safetensors", ".log")
        raise
    finally:
        for file in work.iterdir():
            if not file.name.endswith(kept):
                file.unlink()
        if not any(work.iterdir()):
            shutil.rmtree(work)
