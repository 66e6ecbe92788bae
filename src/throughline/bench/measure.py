"""Measure every artefact of a run or a bundle: a process each, one at a time, in rounds.

In every round each artefact has its turn in a fresh process, in an order drawn anew, so that whatever changes on the
machine meanwhile changes it for all of them. All processes are kept on the same processor with one thread.
"""

from __future__ import annotations

import datetime
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import numpy as np

from throughline.bench.accounts import account_bytes
from throughline.bench.figures import FIGURES
from throughline.bench.intervals import LEAST_ROUNDS, measured, verdict
from throughline.bench.processors import describe_processors, pinned
from throughline.bundle.load import is_bundle, load_bundle
from throughline.bundle.manifest import Artefact, Manifest
from throughline.data.of_run import rows_of_run
from throughline.environment import describe_environment
from throughline.errors import DataError, UsageError
from throughline.formats import load_formats
from throughline.formats.availability import missing_runtime
from throughline.formats.base import Format, file_sha256, file_size_bytes
from throughline.processes import Child
from throughline.progress import OnEvent, Stage, ignore
from throughline.record import ArtefactBench, BenchRecord, Measured, load_record
from throughline.sizes.record import load_measured
from throughline.spec import FRAMEWORK_TITLES, NetworkSpec
from throughline.weights import Array

N_THREADS = 1


@dataclass(frozen=True)
class Subject:
    """One artefact to measure, and what is in it.

    Attributes
    ----------
    n_numbers : int
        Kernels, biases and scaling together.
    spec : NetworkSpec or None
        None of a model that was brought.
    received : dict or None
        Of a model that was brought, its artefact as the manifest has it, with ``classes``.
    """

    form: Format
    framework: str
    title: str
    path: Path
    n_numbers: int
    spec: NetworkSpec | None = None
    received: dict[str, Any] | None = None


@dataclass(frozen=True)
class Subjects:
    """What there is to measure, and the rows to do it with: as in the rows of a bundle, by ``input.<name>``."""

    name: str
    found: list[Subject]
    not_measured: dict[str, str]
    arrays: dict[str, Array]

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.arrays.values())))


def bench(path: Path, data: Path | None = None, rounds: int = 7, on_event: OnEvent = ignore) -> BenchRecord:
    """Measure all artefacts.

    Parameters
    ----------
    path : Path
        Folder of a finished run, or of a bundle.
    data : Path, optional
        The CSV file that the run read, where it read one; a bundle has its rows with it.
    rounds : int
        Processes for each artefact, at least `LEAST_ROUNDS`.
    on_event : callable, optional
        Told which artefact has its turn.

    Returns
    -------
    BenchRecord

    Raises
    ------
    UsageError
        If there is nothing to measure.
    VerificationError
        If a file is no longer what was proven.
    """
    started = time.perf_counter()
    if rounds < LEAST_ROUNDS:
        remedy = "fewer cannot say how sure a median is"
        raise UsageError("--rounds", f"a whole number from {LEAST_ROUNDS}", str(rounds), remedy)
    subjects = _of_bundle(path, data) if is_bundle(path) else _of_run(path, data)
    if not subjects.found:
        raise UsageError("RUN or BUNDLE", "one with artefacts that can run here", "none", "export some formats")
    processors = describe_processors()
    with TemporaryDirectory() as temporary:
        work = Path(temporary)
        np.savez(work / "rows.npz", **subjects.arrays)  # type: ignore[arg-type]  # numpy/numpy#29226
        taken = _rounds(subjects.found, rounds, work, processors.pinned_to, on_event)
    artefacts = [_summed_up(subject, taken[subject.title]) for subject in subjects.found]
    return BenchRecord(
        name=subjects.name,
        created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        n_rounds=rounds,
        n_rows=subjects.n_rows,
        n_threads=N_THREADS,
        processors=processors,
        artefacts=artefacts,
        not_measured=subjects.not_measured,
        verdicts=[verdict(name, found) for name in FIGURES if (found := _having(name, artefacts))],
        wall_s=round(time.perf_counter() - started, 3),
        environment=describe_environment(),
    )


def _of_bundle(path: Path, data: Path | None) -> Subjects:
    if data is not None:
        raise UsageError("--data", "left out for a bundle", f"'{data}'", "its rows are in it")
    bundle = load_bundle(path)
    bundle.require_intact()
    manifest = bundle.manifest
    rows = bundle.load_rows(manifest.artefacts[0].name)
    if min(manifest.rows.batch_sizes) > 1:
        received = f"one that takes {min(manifest.rows.batch_sizes)} rows at a time"
        raise UsageError("BUNDLE", "of a model that answers single rows", received, "export it with a free batch axis")
    spec = manifest.trained.network if manifest.trained else None
    found, absent = [], {}
    for entry in manifest.artefacts:
        form = load_formats().get(entry.name)
        missing = f"this release knows no format '{entry.name}'" if form is None else missing_runtime(form)
        if form is None or missing:
            absent[entry.title] = missing
        else:
            path, numbers, received_entry = bundle.path_of(entry), manifest.n_parameters, _received(manifest, entry)
            found.append(Subject(form, manifest.framework, entry.title, path, numbers, spec, received_entry))
    arrays = {f"input.{entry.name}": rows.inputs[entry.name] for entry in manifest.inputs}
    return Subjects(manifest.name, found, absent, arrays if rows.labels is None else arrays | {"labels": rows.labels})


def _received(manifest: Manifest, entry: Artefact) -> dict[str, Any] | None:
    if manifest.trained is not None:
        return None
    free = manifest.inputs[0].shape[0] is None
    largest = entry.largest_batch if free else max(manifest.rows.batch_sizes)
    classes = None if manifest.classes is None else msgspec.to_builtins(manifest.classes)
    plain: dict[str, Any] = msgspec.to_builtins(entry)
    return plain | {"classes": classes, "largest_batch": largest}


def _of_run(path: Path, data: Path | None) -> Subjects:
    record = load_record(path)
    folder = path if path.is_dir() else path.parent
    split = rows_of_run(record, data)
    sources = {entry.framework for entry in record.formats}
    found, absent = [], {}
    several = len({(entry.name) for entry in record.formats}) < len(record.formats) and len(sources) > 1
    for entry in record.formats:
        title = f"{entry.title}, {FRAMEWORK_TITLES[entry.framework]}" if several else entry.title
        form = load_formats().get(entry.name)
        missing = f"this release knows no format '{entry.name}'" if form is None else missing_runtime(form)
        if entry.status != "passed":
            absent[title] = f"{entry.status.replace('_', ' ')}: {entry.reason}"
        elif form is None or missing:
            absent[title] = missing
        else:
            artefact = folder / entry.path
            if not artefact.exists() or file_sha256(artefact) != entry.sha256:
                received = f"another {entry.path}"
                raise DataError("RUN", "a folder with the files that it has proven", received, "run again")
            numbers = record.network.n_parameters + 2 * record.network.n_inputs  # mean and standard deviation
            found.append(Subject(form, entry.framework, title, artefact, numbers, record.network))
    X, y = split.proven_rows
    arrays = {"input.features": X}
    # An amount is no label: how near answers come to it does not depend on the format, and chapter 5 says it.
    labels = {} if record.network.output == "linear" else {"labels": y}
    return Subjects(record.name, found, absent, arrays | labels)


def _rounds(
    subjects: list[Subject], rounds: int, work: Path, processor: int | None, on_event: OnEvent
) -> dict[str, list[dict[str, Any]]]:
    rng = np.random.default_rng(0)
    taken: dict[str, list[dict[str, Any]]] = {subject.title: [] for subject in subjects}
    for number in range(1, rounds + 1):
        for position in rng.permutation(len(subjects)):
            subject = subjects[position]
            on_event(Stage("bench", f"round {number} of {rounds}: {subject.title}"))
            taken[subject.title].append(_one_round(subject, work, processor))
    on_event(Stage("bench", ""))
    return taken


def _one_round(subject: Subject, work: Path, processor: int | None) -> dict[str, Any]:
    answered: list[float] = []
    form = subject.form

    def on_message(message: Mapping[str, Any]) -> None:
        answered.append(time.perf_counter())

    with pinned(processor):  # a process begins where its parent is
        child = Child(f"bench {form.name}", preload=form.preload, log=work / "bench.log", environment=form.environment)
    with child:
        arguments = {"format_name": form.name, "path": str(subject.path), "received": subject.received}
        arguments |= {"rows": str(work / "rows.npz"), "output": subject.spec.output if subject.spec else ""}
        found: dict[str, Any] = child.call("throughline.bench.worker:measure_round", arguments, on_message)
    found["figures"]["start_s"] = answered[0] - child.started
    return found


def _having(name: str, artefacts: list[ArtefactBench]) -> dict[str, Measured]:
    return {entry.title: entry.figures[name] for entry in artefacts if name in entry.figures}


def _predicted(form: Format, spec: NetworkSpec | None) -> float | None:
    sizes = load_measured()
    model = sizes.model_of(form.name) if sizes else None
    return model.predict(spec) if model and spec else None


def _summed_up(subject: Subject, taken: list[dict[str, Any]]) -> ArtefactBench:
    form, last = subject.form, taken[-1]
    left_out = {name: reason for each in taken for name, reason in each["left_out"].items()}
    figures: dict[str, Measured] = {
        name: measured([each["figures"][name] for each in taken]) for name in FIGURES if name not in left_out
    }
    threads = [each["n_threads"] for each in taken if each["n_threads"] is not None]
    return ArtefactBench(
        name=form.name,
        title=subject.title,
        runtime=form.runtime,
        stored_as=form.stored_as,
        computed_in=form.computed_in,
        framework=subject.framework,
        size_bytes=file_size_bytes(subject.path),
        account=account_bytes(form.opener, subject.path, subject.n_numbers),
        predicted_bytes=_predicted(form, subject.spec),
        accuracy=last["accuracy"],
        figures=figures,
        facts=last["facts"],
        n_threads=max(threads, default=None),
        processor_share=float(np.median([each["processor_share"] for each in taken])),
        left_out=left_out,
    )
