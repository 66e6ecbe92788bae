"""Make a bundle out of a finished run: one network, in the formats asked for, each proven before it goes in.

record.json ──► which network, which formats
weights     ──► its framework's process: expected answers, missing exports, steps of int8 files
artefacts   ──► proven (those of the run already are), opened once as the receiver will
all of it   ──► a hidden folder, in which check.py must pass, and which is then renamed

The parent imports neither framework: each works in a process of its own, and each artefact in that of its runtime.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import hashlib
import importlib.metadata
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from throughline.bundle.card import model_card
from throughline.bundle.manifest import (
    CARD_NAME,
    CHECK_NAME,
    FORMAT_VERSION,
    MANIFEST_NAME,
    MODELS_NAME,
    ROWS_NAME,
    SUMS_NAME,
    Artefact,
    HeldOut,
    Manifest,
    Preprocessing,
    Tensor,
)
from throughline.data.of_run import rows_of_run
from throughline.data.split import Split
from throughline.environment import describe_environment
from throughline.errors import DataError, MissingPackageError, UsageError, VerificationError, quoted
from throughline.evaluate import THRESHOLD
from throughline.formats import find_format, load_formats, with_made_from
from throughline.formats.base import EXPORTING_FRAMEWORKS, Format, FrameworkName, Quantization, file_sha256
from throughline.frameworks.base import PRELOAD
from throughline.output import folder_written_whole, write_whole
from throughline.processes import Child
from throughline.progress import OnEvent, Stage, ignore
from throughline.record import FormatRecord, RunRecord, TrainingRecord, load_record
from throughline.spec import FRAMEWORK_TITLES, NetworkSpec
from throughline.verify.prove import HeldOutRows, TrainedNetwork, missing_runtime, prove
from throughline.verify.tolerance import derive_tolerance
from throughline.weights import Array, Weights, load_weights

ALL_FORMATS = "all"
INPUT_NAME, OUTPUT_NAME = "features", "probability"
# The same package under the name by which it is found on every system.
INSTALLED_AS = {"tensorflow": ("tensorflow", "tensorflow-cpu")}


@dataclass(frozen=True, kw_only=True)
class BundleRequest:
    """What to put into a bundle.

    Attributes
    ----------
    run : Path
        Folder of a finished run.
    formats : tuple of str
        Names, or "all" for every one that can be made and run here.
    out : Path
        Folder to write, new or empty.
    data : Path, str or None
        The CSV file that the run read, where it read one.
    network : {"keras", "torch"} or None
        Whose network; None takes the one from which fewest formats need a way through the other framework.
    licence : str
        As the receiver is to read it, an SPDX identifier for instance.
    """

    run: Path
    formats: tuple[str, ...]
    out: Path
    data: Path | str | None = None
    network: str | None = None
    licence: str = ""


@dataclass(frozen=True)
class Made:
    """What was made."""

    folder: Path
    manifest: Manifest
    checked: dict[str, dict[str, Any]]  # by artefact, as check.py has found it
    sha256: str  # of SHA256SUMS
    left_out: dict[str, str] = field(default_factory=dict)  # formats that "all" could not include, and why


@dataclass(frozen=True)
class _Source:
    """The network that goes into the bundle, and where its run lies."""

    folder: Path
    record: RunRecord
    training: TrainingRecord
    framework: FrameworkName
    weights: Weights
    spec: NetworkSpec

    @property
    def weights_path(self) -> Path:
        return self.folder / self.training.weights_path


def make_bundle(request: BundleRequest, on_event: OnEvent = ignore) -> Made:
    """Make the bundle; it appears whole or not at all.

    Parameters
    ----------
    request : BundleRequest
    on_event : callable, optional
        Told what is being done.

    Returns
    -------
    Made

    Raises
    ------
    UsageError
        If the request cannot be carried out.
    VerificationError
        If an artefact is not the network, or the bundle does not pass its own check.
    """
    record = load_record(request.run)
    folder = request.run if request.run.is_dir() else request.run.parent
    forms, left_out = _forms(request.formats)
    source = _source(folder, record, _framework(record, forms, request.network))
    split = rows_of_run(record, request.data)
    with folder_written_whole(request.out) as bundle, tempfile.TemporaryDirectory() as temporary:
        maker = _Maker(source, split, bundle, Path(temporary), on_event)
        manifest = maker.make(forms, request.licence)
        on_event(Stage("bundle", f"run {CHECK_NAME}"))
        checked = _check(bundle)
    return Made(request.out, manifest, checked["artefacts"], checked["bundle"], left_out)


def _forms(names: Sequence[str]) -> tuple[list[Format], dict[str, str]]:
    """Return the formats in the order of the chapters, and why "all" leaves some out."""
    known = load_formats()
    if not names:
        allowed = f"names out of {', '.join(known)}, or all"
        raise UsageError("--to", allowed, "none", "pass for example --to onnx-float32")
    wanted = [find_format(name) for name in names if name != ALL_FORMATS]
    for form in wanted:
        if not form.opener:
            remedy = "choose another format"
            raise UsageError("--to", f"formats that {CHECK_NAME} can open", quoted(form.name), remedy)
        if missing := missing_runtime(form):
            raise MissingPackageError("--to", "formats that can be made here", quoted(form.name), missing)
    if ALL_FORMATS not in names:
        return [form for form in known.values() if form in wanted], {}
    missing_here = {form.name: missing_runtime(form) for form in known.values() if form.opener}
    return [known[name] for name, missing in missing_here.items() if not missing], {
        name: missing for name, missing in missing_here.items() if missing
    }


def _framework(record: RunRecord, forms: list[Format], wanted: str | None) -> FrameworkName:
    trained = {training.framework for training in record.trainings()}
    here = [framework for framework in EXPORTING_FRAMEWORKS if framework in trained]
    if not here:
        received = f"one with the chapters {', '.join(map(str, record.chapters))}"
        raise UsageError("RUN", "a run in which Keras or PyTorch trained", received, "run again with chapter 3 or 4")
    if wanted is None:
        return min(here, key=lambda source: sum(form.exporting_framework(source) != source for form in forms))
    for framework in here:
        if framework == wanted:
            return framework
    raise UsageError("--network", f"one of {', '.join(here)}", quoted(wanted), "choose one that this run has trained")


def _source(folder: Path, record: RunRecord, framework: FrameworkName) -> _Source:
    training = next(entry for entry in record.trainings() if entry.framework == framework)
    weights, spec = load_weights(folder / training.weights_path)
    if weights.digest != training.weights_digest:
        received = f"others in {quoted(folder / training.weights_path)}"
        raise DataError("RUN", "a folder with the weights of its record", received, "run again")
    return _Source(folder, record, training, framework, weights, spec)


class _Maker:
    """Fills the folder of one bundle."""

    def __init__(self, source: _Source, split: Split, bundle: Path, work: Path, on_event: OnEvent) -> None:
        self._source, self._split, self._bundle, self._work = source, split, bundle, work
        self._on_event = on_event
        self._rows = HeldOutRows(split.X_test, split.y_test, work / "rows.npy")
        np.save(self._rows.path, split.X_test)
        split.save(work / "split.npz")

    def make(self, forms: list[Format], licence: str) -> Manifest:
        """Write everything and return the manifest."""
        of_run = {form.name: entry for form in forms if (entry := self._proven(form)) is not None}
        expected, exports = self._answer_and_export(forms, of_run)
        network = TrainedNetwork(
            self._source.training, self._source.spec, self._source.weights, expected, expected, [], exports
        )
        arrays: dict[str, Array] = {"X": self._split.X_test, "y": self._split.y_test, "expected": expected[:, None]}
        artefacts = [self._place(form, network, of_run.get(form.name), arrays) for form in forms]
        np.savez(self._bundle / ROWS_NAME, **arrays)  # type: ignore[arg-type]  # numpy/numpy#29226
        check = resources.files("throughline.bundle").joinpath(CHECK_NAME).read_bytes()
        (self._bundle / CHECK_NAME).write_bytes(check)
        return self._write(self._describe(artefacts, licence))

    def _proven(self, form: Format) -> FormatRecord | None:
        """Return the run's record of an artefact that it has proven and still has, unchanged."""
        for entry in self._source.record.formats:
            if (entry.name, entry.framework, entry.status) == (form.name, self._source.framework, "passed"):
                path = self._source.folder / entry.path
                if not path.exists() or file_sha256(path) != entry.sha256:
                    said = "is missing or no longer what the run has proven"
                    raise VerificationError(f"{entry.title} of the run, {quoted(path)}, {said}: run again.")
                return entry
        return None

    def _answer_and_export(
        self, forms: list[Format], of_run: dict[str, FormatRecord]
    ) -> tuple[Array, dict[str, dict[str, Any]]]:
        """Ask the network for its answers, export what the run has not, and read the steps of int8 files."""
        source, known = self._source.framework, load_formats()
        further = with_made_from([form.name for form in forms if form.name not in of_run], source)
        answers = self._work / "expected.npy"
        exports: dict[str, dict[str, Any]] = {
            name: {"path": str(self._source.folder / entry.path), "facts": entry.facts, "export_s": entry.export_s}
            for name, entry in of_run.items()
        }
        with contextlib.ExitStack() as stack:
            children = {}
            for framework in dict.fromkeys([source, *EXPORTING_FRAMEWORKS]):
                here = [name for name in (*further, *of_run) if known[name].exporting_framework(source) == framework]
                if here or framework == source:  # they import side by side
                    log = self._work / f"{framework}.log"
                    child = stack.enter_context(Child(framework, preload=PRELOAD[framework], log=log))
                    children[framework] = (child, here)
            for framework, (child, here) in children.items():
                title = FRAMEWORK_TITLES[framework]
                self._on_event(Stage(framework, f"build the network of {FRAMEWORK_TITLES[source]} in {title}"))
                if framework == source:
                    given = {"framework": framework, "weights": str(self._source.weights_path)}
                    given |= {"rows": str(self._rows.path), "answers": str(answers)}
                    child.call("throughline.bundle.source:answer_rows", given)
                to_make = [name for name in here if name in further]
                if to_make:
                    made = self._export(child, framework, to_make)
                    # What is made once more only to be converted does not take the place of what the run has proven.
                    exports |= {name: each for name, each in made.items() if name not in of_run}
                files = {name: exports[name]["path"] for name in here if name in of_run}
                for name, steps in child.call("throughline.bundle.source:read_steps", {"files": files}).items():
                    exports[name]["quantization"] = steps
                self._on_event(Stage(framework, ""))
        return np.load(answers, allow_pickle=False), exports

    def _export(self, child: Child, framework: str, names: list[str]) -> dict[str, dict[str, Any]]:
        out = self._work / MODELS_NAME
        out.mkdir(exist_ok=True)
        arguments = {
            "source": self._source.framework,
            "framework": framework,
            "weights": str(self._source.weights_path),
            "split": str(self._work / "split.npz"),
            "out": str(out),
            "exports": names,
        }
        made: dict[str, dict[str, Any]] = child.call(
            "throughline.train:export_rebuilt",
            arguments,
            lambda message: self._on_event(Stage(framework, message["stage"])),
        )
        return made

    def _place(
        self, form: Format, network: TrainedNetwork, proven: FormatRecord | None, arrays: dict[str, Array]
    ) -> Artefact:
        """Prove an artefact unless the run has, put it into the bundle, and add its arrays to the rows."""
        process = f"prove {form.name}"
        made = network.exports[form.name]
        if proven is None:
            self._on_event(Stage(process, f"prove {form.title}"))
            with self._runtime(form, "prove") as child:
                proven = prove(form, child, network, self._rows, self._work)
            if proven.status != "passed":
                raise VerificationError(f"{form.title} cannot go into the bundle: {proven.reason.rstrip('.')}.")
        path = self._bundle / MODELS_NAME / (form.name + form.suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = Path(made["path"])
        shutil.copytree(kept, path) if kept.is_dir() else shutil.copyfile(kept, path)

        self._on_event(Stage(process, f"open {form.title} as the receiver will"))
        answers = self._work / f"answers-{form.name}.npy"
        with self._runtime(form, "open") as child:
            said = child.call(
                "throughline.bundle.source:open_as_receiver",
                {"opener": form.opener, "path": str(path), "rows": str(self._rows.path), "answers": str(answers)},
            )
        self._on_event(Stage(process, ""))
        steps = made.get("quantization")
        tolerance = derive_tolerance(
            network.spec,
            network.weights,
            self._rows.X,
            form.stored_as,
            form.computed_in,
            None if steps is None else msgspec.convert(steps, Quantization),
        )
        # Another processor may round otherwise, and where numbers are rounded to few bits, to the next of them. Weights
        # that are stored in float16 are the same numbers everywhere.
        rounds_coarsely = form.computed_in != "float32" or form.stored_as == "int8"
        arrays[f"answers.{form.name}"] = np.load(answers, allow_pickle=False).reshape(len(self._rows.X), -1)
        arrays[f"tolerance.{form.name}"] = tolerance.per_row
        arrays[f"repeats.{form.name}"] = tolerance.per_row if rounds_coarsely else tolerance.rounding_only
        relative = path.relative_to(self._bundle).as_posix()
        return Artefact(
            name=form.name,
            title=form.title,
            runtime=form.runtime,
            stored_as=form.stored_as,
            computed_in=form.computed_in,
            opener=form.opener,
            path=relative,
            size_bytes=proven.size_bytes,
            sha256=file_sha256(path),
            requires=_versions(form),
            largest_batch=form.largest_batch,
            inputs=msgspec.convert(said["inputs"], list[Tensor]),
            outputs=msgspec.convert(said["outputs"], list[Tensor]),
            parity=dataclasses.replace(proven, path=relative),
        )

    def _runtime(self, form: Format, purpose: str) -> Child:
        log = self._work / f"{purpose}-{form.name}.log"
        return Child(f"{purpose} {form.name}", preload=form.preload, log=log, environment=form.environment)

    def _describe(self, artefacts: list[Artefact], licence: str) -> Manifest:
        source, record = self._source, self._source.record
        evaluated = record.evaluation.networks if record.evaluation else []
        mean, std = (array.astype(float).tolist() for array in (source.weights.mean, source.weights.std))
        n_inputs, n_outputs, dtype = source.spec.n_inputs, source.spec.n_outputs, source.spec.dtype
        return Manifest(
            format_version=FORMAT_VERSION,
            name=record.name,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            task=record.task,
            network=source.spec,
            source=source.framework,
            weights_digest=source.weights.digest,
            input=Tensor(name=INPUT_NAME, dtype="float32", shape=[None, n_inputs]),
            output=Tensor(name=OUTPUT_NAME, dtype=dtype, shape=[None, n_outputs]),
            threshold=THRESHOLD,
            preprocessing=Preprocessing(where="inside every artefact", formula="(x - mean) / std", mean=mean, std=std),
            rows=HeldOut(path=ROWS_NAME, n_rows=len(self._rows.X), split_sha256=record.split.sha256),
            evaluation=next((entry for entry in evaluated if entry.framework == source.framework), None),
            artefacts=artefacts,
            files={},
            environment=describe_environment(),
            licence=licence,
            model_card="",
        )

    def _write(self, manifest: Manifest) -> Manifest:
        """Write card, manifest and checksums, in this order: each holds those before it."""
        card = model_card(manifest)
        write_whole(self._bundle / CARD_NAME, card)
        manifest = dataclasses.replace(manifest, model_card=card, files=_checksums(self._bundle))
        write_whole(self._bundle / MANIFEST_NAME, manifest.to_json())
        lines = (f"{sha256}  {name}\n" for name, sha256 in sorted(_checksums(self._bundle).items()))
        write_whole(self._bundle / SUMS_NAME, "".join(lines))
        return manifest


def _checksums(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    found = {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
    return dict(sorted(found.items()))


def _versions(form: Format) -> dict[str, str]:
    """Return what a receiver installs, without the suffix of a local build, which no index has."""
    found = {}
    for name in form.distributions:
        for candidate in INSTALLED_AS.get(name, (name,)):
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                found[name] = importlib.metadata.version(candidate).split("+")[0]
    return found


def _check(bundle: Path) -> dict[str, Any]:
    """Run the bundle's own check as a receiver does."""
    command = [sys.executable, str(bundle / CHECK_NAME), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found: dict[str, Any] = json.loads(done.stdout) if done.stdout.strip() else {"artefacts": {}}
    if done.returncode:
        wrong = [f"{name}: {r['reason']}" for name, r in found["artefacts"].items() if r["status"] != "passed"]
        said = wrong[0] if wrong else (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise VerificationError(f"The bundle does not pass its own check: {said.rstrip('.')}.")
    return found
