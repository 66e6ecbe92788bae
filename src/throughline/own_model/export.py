"""Bring a model to formats and prove each; every step that imports a framework is a child process of its own."""

from __future__ import annotations

import dataclasses
import os
import re
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from throughline.environment import installed_versions
from throughline.errors import DataError, ThroughlineError, UsageError, WorkerError, quoted
from throughline.formats import load_formats
from throughline.formats.availability import missing_runtime
from throughline.formats.base import Format, file_sha256, file_size_bytes
from throughline.output import folder_written_whole, write_whole
from throughline.own_model.export_inputs import LONGEST_REASON
from throughline.own_model.judge import judge, labels_of
from throughline.own_model.noise import NOISE_OF_FORMAT, NOISES, ROUNDING
from throughline.own_model.opened import ENVIRONMENT, PRELOAD
from throughline.own_model.record import ArtefactRecord, ExportRecord
from throughline.own_model.routes import CONVERTERS, SOURCE_PROCESS, Route, find_family, find_route
from throughline.own_model.sample import read_labels, read_sample
from throughline.own_model.source import Source, find_source
from throughline.processes import Child
from throughline.progress import OnEvent, Stage, ignore
from throughline.weights import Array

DISTRIBUTIONS = ("numpy", "keras", "tensorflow", "tensorflow-cpu", "torch", "onnx", "onnxruntime", "ai-edge-litert")
EXTRA_DISTRIBUTIONS = ("openvino", "executorch")
PROOF_NAME = "proof.npz"


def export_model(
    model: str,
    sample: Path,
    to: str,
    labels: Path | None,
    out: Path | None,
    trust: bool,
    on_event: OnEvent = ignore,
    on_source: Callable[[Source], None] = lambda source: None,
) -> tuple[ExportRecord, Path]:
    """Export a model to formats, prove each, and write a folder with all of it.

    Parameters
    ----------
    model : str
        Path or ``file.py:factory``.
    sample : Path
        Rows to answer.
    to : str
        Names of formats separated by commas, or ``all``.
    labels : Path, optional
        True classes of the rows.
    out : Path, optional
        Folder to write; default ``exports/NAME``.
    trust : bool
        Whether code that came with a file may be run.
    on_event : callable
    on_source : callable
        Receives what MODEL was found to be when all that was given has been checked, before it is loaded.

    Returns
    -------
    (ExportRecord, Path)
        The record, and the folder.

    Raises
    ------
    UsageError
        If something that was given cannot be used.
    """
    started = time.perf_counter()
    source = find_source(model, trust)
    wanted = _formats(to)
    family = find_family(source)
    rows = read_sample(sample)
    n_rows = len(next(iter(rows.values())))
    true_labels = None if labels is None else read_labels(labels, n_rows)
    final = out or Path("exports") / source.name
    with (
        folder_written_whole(final) as folder,
        tempfile.TemporaryDirectory(prefix="throughline-export-") as work,
        Export(source, family, folder, Path(work), on_event) as export,
    ):
        on_source(source)
        record = export.run(wanted, rows, true_labels)
        record = dataclasses.replace(record, wall_s=round(time.perf_counter() - started, 3))
        keep_proof(folder, Path(work), true_labels)
        write_whole(folder / "record.json", record.to_json())
    return record, final


def keep_proof(folder: Path, work: Path, labels: Array | None) -> None:
    """Keep what the artefacts were judged by, so that a bundle of them can be made: rows, answers and noise.

    Parameters
    ----------
    folder : Path
        The export, in which `PROOF_NAME` is written.
    work : Path
        What `answer_source` has left there.
    labels : ndarray of shape (n_samples,) or None
    """
    arrays: dict[str, Array] = {} if labels is None else {"labels": labels}
    for kind in ("inputs", "source", "noise"):
        with np.load(work / f"{kind}.npz", allow_pickle=False) as found:
            arrays |= {f"{kind}:{name}": found[name] for name in found.files}
    np.savez(folder / PROOF_NAME, **arrays)  # type: ignore[arg-type]  # numpy/numpy#29226


def _formats(to: str) -> list[str]:
    known = load_formats()
    if to.strip() == "all":
        return list(known)
    names = [name.strip() for name in to.split(",") if name.strip()]
    unknown = [name for name in names if name not in known]
    if unknown or not names:
        received = quoted(unknown[0]) if unknown else "nothing"
        raise UsageError("--to", f"all, or names out of {', '.join(known)}", received, "choose some of these")
    return list(dict.fromkeys(names))


@dataclass
class Export:
    """One export; a context manager that leaves no child behind."""

    source: Source
    family: str
    folder: Path
    work: Path
    on_event: OnEvent
    _children: list[Child] = field(default_factory=list)
    _closed: bool = False

    def run(self, wanted: Sequence[str], rows: Mapping[str, Array], labels: Array | None) -> ExportRecord:
        """Take the source's answers, then make and prove each format, as many at a time as there are cores."""
        np.savez(self.work / "sample.npz", **{f"array:{n}": a for n, a in rows.items()})  # type: ignore[arg-type]
        names = self._with_made_from(wanted)
        described = self._described(names)
        self.source = dataclasses.replace(self.source, state=described["state"])
        expected = _by_batch(self.work / "source.npz")
        if labels is not None:
            _check_labels(labels, expected[max(expected)])
        made: dict[str, Future[ArtefactRecord]] = {}
        with ThreadPoolExecutor(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 2) as pool:
            try:
                for name in names:  # a format comes after what it is made from
                    made[name] = pool.submit(self._artefact, name, described, made, expected, labels)
                artefacts = [made[name].result() for name in load_formats() if name in made]
            except BaseException:
                self.close()
                pool.shutdown(cancel_futures=True)
                raise
        largest = expected[max(expected)]
        batches = [np.stack([found[name].astype(np.float64) for found in expected.values()]) for name in largest]
        return ExportRecord(
            model=self.source.name,
            kind=self.source.kind,
            safety=self.source.safety,
            inputs=described["inputs"],
            outputs=described["outputs"],
            n_parameters=described["n_parameters"],
            n_rows=len(next(iter(rows.values()))),
            batch_sizes=described["batch_sizes"],
            refused_batch_sizes=described["refused_batch_sizes"],
            source_batch_difference=max(float(np.ptp(stacked, axis=0).max()) for stacked in batches),
            accuracy=_accuracy(largest, labels),
            artefacts=artefacts,
            versions=installed_versions((*DISTRIBUTIONS, *EXTRA_DISTRIBUTIONS)),
            wall_s=0.0,
        )

    def _with_made_from(self, wanted: Sequence[str]) -> list[str]:
        names = set(wanted)
        formats = list(load_formats())
        for _ in formats:  # what a format is made from may itself be made from another
            for name in list(names):
                route = find_route(self.family, name)
                if isinstance(route, Route) and route.made_from not in ("", "MODEL"):
                    names.add(route.made_from)
        first = [name for name in ("savedmodel", "onnx-float32") if name in names]
        return first + [name for name in formats if name in names and name not in first]

    def _described(self, names: Sequence[str]) -> dict[str, Any]:
        process = SOURCE_PROCESS[self.family]
        possible = [name for name in names if isinstance(find_route(self.family, name), Route)]
        noises = {NOISE_OF_FORMAT[name] for name in possible if name in NOISE_OF_FORMAT}
        noises = {n for n in noises if any(not missing_runtime(load_formats()[f]) for f in _formats_of(n, possible))}
        arguments = {
            "source": dataclasses.asdict(self.source),
            "process": process,
            "sample": str(self.work / "sample.npz"),
            "work": str(self.work),
            "noises": [ROUNDING.name, *(name for name in NOISES if name in noises)],
        }
        described: dict[str, Any] = self._call(
            "source", PRELOAD[process], ENVIRONMENT[process], "throughline.own_model.answers:answer_source", arguments
        )
        return described

    def _artefact(
        self,
        name: str,
        described: dict[str, Any],
        made: Mapping[str, Future[ArtefactRecord]],
        expected: dict[int, dict[str, Array]],
        labels: Array | None,
    ) -> ArtefactRecord:
        """Make one format and prove it."""
        form = load_formats()[name]
        route = find_route(self.family, name)
        because = self._not_possible(form, route, described, made)
        if because or not isinstance(route, Route):
            return _not_run(form, because)
        path = self.folder / "models" / (name + form.suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            found = self._exported(form, route, path, described)
        except WorkerError as error:
            _remove(path)
            return _not_run(form, f"its exporter died: {self._said(str(error))}")
        if "refused" in found:
            _remove(path)
            return _not_run(form, f"its exporter refused: {self._said(found['refused'])}")
        record = ArtefactRecord(name=name, title=form.title, status="failed", made_from=route.made_from)
        if "broken" in found:
            _remove(path)
            return dataclasses.replace(record, reason=self._said(found["broken"]))
        record = dataclasses.replace(
            record,
            path=path.relative_to(self.folder).as_posix(),
            size_bytes=file_size_bytes(path),
            sha256=file_sha256(path),
            facts=found["facts"],
            export_s=round(found["export_s"], 3),
        )
        try:
            return self._proven(form, path, described, expected, labels, record)
        except ThroughlineError as error:
            return dataclasses.replace(record, reason=self._said(str(error)))

    def _not_possible(
        self, form: Format, route: Route | str, described: dict[str, Any], made: Mapping[str, Future[ArtefactRecord]]
    ) -> str:
        if isinstance(route, str):
            return route
        missing = missing_runtime(form) or route.missing
        if missing:
            return missing
        noise = NOISE_OF_FORMAT.get(form.name, ROUNDING.name)
        if noise not in described["noises"]:
            return (
                f"the inside of this model cannot be reached, so no tolerance can be derived for {noise}; "
                "export the model it was made from"
            )
        if route.made_from in made and not made[route.made_from].result().path:
            return f"it is made from {route.made_from}, which was not made"
        return ""

    def _exported(self, form: Format, route: Route, path: Path, described: dict[str, Any]) -> dict[str, Any]:
        file = ""
        if route.made_from == "MODEL":
            file = self.source.path
        elif route.made_from:
            file = str(self.folder / "models" / (route.made_from + load_formats()[route.made_from].suffix))
        arguments = {
            "source": dataclasses.asdict(self.source),
            "process": route.process,
            "export": route.export,
            "file": file,
            "path": str(path),
            "work": str(self.work),
            "described": described,
        }
        found: dict[str, Any] = self._call(
            f"export {form.name}",
            PRELOAD.get(route.process) or CONVERTERS[route.process],
            ENVIRONMENT.get(route.process, {}),
            "throughline.own_model.export_inputs:export_artefact",
            arguments,
        )
        return found

    def _proven(
        self,
        form: Format,
        path: Path,
        described: dict[str, Any],
        expected: dict[int, dict[str, Array]],
        labels: Array | None,
        record: ArtefactRecord,
    ) -> ArtefactRecord:
        answers = self.work / f"answers-{form.name}.npz"
        fixed = record.facts.get("fixed_batch")  # some exporters take one batch size alone
        expected = {size: found for size, found in expected.items() if fixed in (None, size)}
        arguments = {
            "format_name": form.name,
            "path": str(path),
            "inputs": str(self.work / "inputs.npz"),
            "outputs": list(described["outputs"]),
            "batch_sizes": list(expected),
            "answers": str(answers),
        }
        measured = self._call(
            f"prove {form.name}",
            form.preload,
            form.environment,
            "throughline.own_model.runners:run_artefact",
            arguments,
        )
        with np.load(self.work / "noise.npz", allow_pickle=False) as arrays:
            noise = {name: arrays[name] for name in arrays.files}
        found = _by_batch(answers)
        judgement = judge(found, expected, noise, NOISE_OF_FORMAT.get(form.name, ROUNDING.name))
        return dataclasses.replace(
            record,
            status="failed" if judgement.failure else "passed",
            reason=judgement.failure,
            outputs=judgement.outputs,
            verdict=judgement.verdict,
            tolerance_reason=judgement.reason,
            accuracy=_accuracy(found[max(found)], labels),
            load_s=round(measured["load_s"], 3),
        )

    def _call(
        self,
        name: str,
        preload: Sequence[str],
        environment: Mapping[str, str],
        function: str,
        arguments: Mapping[str, Any],
    ) -> Any:
        if self._closed:  # interrupted between two children
            raise WorkerError("The export was stopped.")
        child = Child(name, preload=preload, log=self.work / f"{name.replace(' ', '-')}.log", environment=environment)
        self._children.append(child)
        stage: Callable[[Mapping[str, Any]], None] = lambda message: self.on_event(Stage(name, message["stage"]))  # noqa: E731
        self.on_event(Stage(name, "begin"))
        try:
            with child:
                return child.call(function, arguments, stage)
        finally:
            self.on_event(Stage(name, ""))

    def _said(self, text: str) -> str:
        """Return the first line of a reason, without places of this machine; logs are gone when it is read."""
        text = re.sub(r"; see \S*\.log$", "", text.strip())
        for place in (self.work, self.folder):
            text = text.replace(f"{place}{os.sep}", "").replace(str(place), "")
        text = text.splitlines()[0]
        return text if len(text) <= 2 * LONGEST_REASON else text[: 2 * LONGEST_REASON - 3] + "..."

    def close(self) -> None:
        """Stop every child that still runs, and start no more."""
        self._closed = True
        for child in list(self._children):
            child.stop()

    def __enter__(self) -> Export:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _remove(path: Path) -> None:
    """Remove what an exporter wrote before it failed."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _formats_of(noise: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if NOISE_OF_FORMAT.get(name) == noise]


def _not_run(form: Format, reason: str) -> ArtefactRecord:
    return ArtefactRecord(name=form.name, title=form.title, status="not_run", reason=reason)


def _by_batch(path: Path) -> dict[int, dict[str, Array]]:
    found: dict[int, dict[str, Array]] = {}
    with np.load(path, allow_pickle=False) as arrays:
        for key in arrays.files:
            size, name = key.split("/", 1)
            found.setdefault(int(size), {})[name] = arrays[key]
    return found


def _classes(answers: Mapping[str, Array]) -> tuple[Array, int] | None:
    """Return the classes that the first output with classes gives, and how many it knows."""
    for values in answers.values():
        given = labels_of(values) if values.dtype.kind == "f" else None
        if given is not None:
            return given, max(2, int(values.shape[-1]))
    return None


def _check_labels(labels: Array, answers: Mapping[str, Array]) -> None:
    found = _classes(answers)
    shapes = ", ".join(f"{name} {values.shape}" for name, values in answers.items())
    if found is None:
        allowed = "left out for a model without an output of shape (rows, classes) or of probabilities"
        raise DataError("--labels", allowed, shapes, "export without it")
    _, n_classes = found
    if labels.max() >= n_classes:
        allowed = f"class numbers from 0 to {n_classes - 1}, since the model's outputs are {shapes}"
        raise DataError("--labels", allowed, str(labels.max()), "number the classes as its outputs are")


def _accuracy(answers: Mapping[str, Array], labels: Array | None) -> float | None:
    """Return the share of right classes of the first output that has classes."""
    found = None if labels is None else _classes(answers)
    return None if found is None else float(np.mean(found[0] == labels))
