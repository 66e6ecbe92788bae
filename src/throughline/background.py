"""Trainings and verifications in child processes, side by side, while the chapters are told.

A small pool of threads, each minding one child. Work is taken in the order in which it was given: first
the trainings, then the verification whose runtime takes longest to import, so that the import happens
while the other framework still trains.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import numpy as np

from throughline.data.split import Split
from throughline.errors import WorkerError
from throughline.formats.availability import missing_runtime
from throughline.formats.base import Format, FrameworkName
from throughline.frameworks.base import CHAPTER_OF_FRAMEWORK, PRELOAD
from throughline.processes import Child
from throughline.progress import OnEvent, Stage
from throughline.record import FormatRecord, Span, TrainingRecord
from throughline.spec import NetworkSpec, TrainSpec
from throughline.verify.prove import HeldOutRows, TrainedNetwork, held_out_rows, not_run, prove
from throughline.weights import Weights, load_weights

CHAPTER_OF_EVALUATION = 5


class Background:
    """Child processes of one run; a context manager that leaves none behind.

    Parameters
    ----------
    folder : Path
        The run's folder while it is being written; ``models/<framework>/`` is made in it.
    work : Path
        Folder for what only the processes need: arrays and logs.
    on_event : callable
        Told what each process does.
    started : float or None
        When the run began, by `time.perf_counter`; None: now.

    Attributes
    ----------
    spans : list of Span
        What ran when, in seconds since the run began.
    """

    def __init__(self, folder: Path, work: Path, on_event: OnEvent, started: float | None = None) -> None:
        self.folder, self.work, self.on_event = folder, work, on_event
        self.spans: list[Span] = []
        self.started = time.perf_counter() if started is None else started
        self._pool = ThreadPoolExecutor(max_workers=max(2, os.cpu_count() or 2), thread_name_prefix="child")
        self._rows: Future[HeldOutRows] = Future()
        self._children: list[Child] = []
        self._trainers: dict[str, Child] = {}
        self._lock = threading.Lock()
        self._closed = False

    def train(
        self, framework: str, train_spec: TrainSpec, exports: list[str], *, stay: bool = False
    ) -> Future[TrainedNetwork]:
        """Start a training; its process imports the framework at once and waits for the rows.

        Parameters
        ----------
        framework : {"keras", "torch"}
        train_spec : TrainSpec
        exports : list of str
            Formats to export, in the order of making.
        stay : bool, default=False
            Whether the process stays for `replicate`.
        """
        return self._pool.submit(self._train, framework, train_spec, exports, stay)

    def replicate(
        self, framework: str, train_spec: TrainSpec, trained: Future[TrainedNetwork], seeds: list[int]
    ) -> Future[dict[str, float]]:
        """Train anew with other seeds in the process that has trained and stayed; return test accuracy by seed."""
        return self._pool.submit(self._replicate, framework, train_spec, trained, seeds)

    def export(
        self, source: FrameworkName, framework: FrameworkName, exports: list[str], network: Future[TrainedNetwork]
    ) -> Future[TrainedNetwork]:
        """Rebuild a network in the other framework when it is trained, and export it from there.

        Parameters
        ----------
        source, framework : {"keras", "torch"}
            Where it was trained, and where it is built again.
        exports : list of str
            Formats to export, in the order of making.
        network : Future of TrainedNetwork

        Returns
        -------
        Future of TrainedNetwork
            The same network with these exports alone.
        """
        return self._pool.submit(self._export, source, framework, exports, network)

    def verify(self, form: Format, source: FrameworkName, network: Future[TrainedNetwork]) -> Future[FormatRecord]:
        """Start a verification; its process imports the runtime at once and waits for the artefact."""
        return self._pool.submit(self._verify, form, source, network)

    def provide(self, split: Split, initial: Weights, spec: NetworkSpec) -> None:
        """Hand over the rows and the start weights, for which the processes wait."""
        split.save(self.work / "split.npz")
        initial.save(self.work / "initial.safetensors", spec)
        self._rows.set_result(held_out_rows(split, self.work / "rows.npy"))

    @property
    def rows(self) -> HeldOutRows:
        """The held-out rows, once they were handed over."""
        return self._rows.result()

    def _train(self, framework: str, train_spec: TrainSpec, exports: list[str], stay: bool) -> TrainedNetwork:
        process, chapter = f"train {framework}", CHAPTER_OF_FRAMEWORK[framework]
        out = self.folder / "models" / framework
        out.mkdir(parents=True, exist_ok=True)
        clock = StageClock(self, process, chapter)
        clock.enter(f"import {framework}")

        def on_message(message: Mapping[str, Any]) -> None:
            if "stage" in message:
                clock.enter(message["stage"], message["chapter"])
            else:
                text = f"epoch {message['epoch']}, validation accuracy {message['val_accuracy']:.1%}"
                self.on_event(Stage(process, text))

        with contextlib.ExitStack() as stack:
            child = self._child(process, PRELOAD[framework])
            if stay:
                self._trainers[framework] = child  # stopped by `_replicate`, or with the others
            else:
                stack.enter_context(child)
            stack.enter_context(clock)
            self._rows.result()
            arguments = {
                "framework": framework,
                "train_spec": train_spec.to_json(),
                "split": str(self.work / "split.npz"),
                "initial": str(self.work / "initial.safetensors"),
                "out": str(out),
                "exports": exports,
            }
            result = child.call("throughline.train:train_once", arguments, on_message)
        return _read_back(out, result)

    def _replicate(
        self, framework: str, train_spec: TrainSpec, trained: Future[TrainedNetwork], seeds: list[int]
    ) -> dict[str, float]:
        process = f"seeds {framework}"
        trained.result()
        clock = StageClock(self, process, CHAPTER_OF_EVALUATION)
        clock.enter(f"train {framework} with {len(seeds)} seeds")

        def on_message(message: Mapping[str, Any]) -> None:
            self.on_event(Stage(process, f"seed {message['number']} of {message['of']}"))

        with self._trainers[framework] as child, clock:
            arguments = {
                "framework": framework,
                "train_spec": train_spec.to_json(),
                "split": str(self.work / "split.npz"),
                "initial": str(self.work / "initial.safetensors"),
                "seeds": seeds,
            }
            accuracies: dict[str, float] = child.call("throughline.replicate:replicate", arguments, on_message)
        return accuracies

    def _export(
        self, source: FrameworkName, framework: FrameworkName, exports: list[str], network: Future[TrainedNetwork]
    ) -> TrainedNetwork:
        process, chapter = f"export {source} through {framework}", CHAPTER_OF_FRAMEWORK[framework]
        out = self.folder / "models" / source
        clock = StageClock(self, process, chapter)
        clock.enter(f"import {framework}")
        with self._child(process, PRELOAD[framework]) as child, clock:
            trained = network.result()
            arguments = {
                "source": source,
                "framework": framework,
                "weights": str(out / "weights.safetensors"),
                "split": str(self.work / "split.npz"),
                "out": str(out),
                "exports": exports,
            }
            made = child.call(
                "throughline.train:export_rebuilt",
                arguments,
                lambda message: clock.enter(message["stage"], message["chapter"]),
            )
        return dataclasses.replace(trained, exports=made)

    def _verify(self, form: Format, source: FrameworkName, network: Future[TrainedNetwork]) -> FormatRecord:
        missing = missing_runtime(form)
        if missing:
            return not_run(form, source, missing)
        process = f"verify {form.name}" if source == form.framework else f"verify {form.name} from {source}"
        clock = StageClock(self, process, form.chapter)
        clock.enter(f"import the runtime of {form.title}")
        with self._child(process, form.preload, form.environment) as child, clock:
            trained, held_out = network.result(), self._rows.result()
            clock.enter(f"verify {form.title}")
            return prove(form, child, trained, held_out, self.folder)

    def _child(self, name: str, preload: Sequence[str], environment: Mapping[str, str] | None = None) -> Child:
        with self._lock:
            if self._closed:
                raise WorkerError(f"The process '{name}' was not started, because the run is being stopped.")
            log = self.work / f"{name.replace(' ', '-')}.log"
            child = Child(name, preload=preload, log=log, environment=environment)
            self._children.append(child)
            return child

    def close(self) -> None:
        """Stop every child that still runs and wait for the threads that mind them."""
        with self._lock:
            self._closed = True
            children = list(self._children)
        self._rows.cancel()  # nobody must wait for rows that will not come
        for child in children:
            child.stop()
        self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class StageClock:
    """Turns the stages of one process into spans and events."""

    def __init__(self, background: Background, process: str, chapter: int) -> None:
        self._background, self._process, self._chapter = background, process, chapter
        self._name, self._since = "", 0.0

    def enter(self, name: str, chapter: int | None = None) -> None:
        """End the present stage and begin another, of another chapter if one is given; an empty name only ends."""
        now = time.perf_counter()
        if self._name:
            start = self._since - self._background.started
            span = Span(
                name=self._name,
                process=self._process,
                chapter=self._chapter,
                start_s=round(start, 3),
                seconds=round(now - self._since, 3),
            )
            self._background.spans.append(span)
        self._name, self._since, self._chapter = name, now, self._chapter if chapter is None else chapter
        self._background.on_event(Stage(self._process, name))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.enter("")


def _read_back(out: Path, result: dict[str, Any]) -> TrainedNetwork:
    weights, spec = load_weights(out / "weights.safetensors")
    with (
        np.load(out / "answers.npz", allow_pickle=False) as answers,
        np.load(out / "gradients.npz", allow_pickle=False) as gradients,
    ):
        network = TrainedNetwork(
            record=msgspec.convert(result["training"], TrainingRecord),
            spec=spec,
            weights=weights,
            val_answers=answers["val"],
            test_answers=answers["test"],
            gradients=[gradients[f"arr_{i}"] for i in range(len(gradients.files))],
            exports=result["exports"],
        )
    for name in ("answers.npz", "gradients.npz"):
        (out / name).unlink()  # between processes only; the run keeps models and record
    return network
