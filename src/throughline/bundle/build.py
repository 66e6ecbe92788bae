"""Make a bundle: gather what goes in, let each artefact answer as it will for its receiver, write, and check.

RUN or MODEL ──► `of_run` or `of_model`: a `Content`, every artefact of it proven
artefacts    ──► opened once as the receiver will
all of it    ──► a hidden folder, in which check.py must pass, and which is then renamed

The parent imports no framework: each works in a process of its own, and each artefact in that of its runtime.
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
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from throughline.bundle.card import model_card
from throughline.bundle.content import AT_A_TIME, Content, Piece
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
    Port,
)
from throughline.environment import describe_environment
from throughline.errors import MissingPackageError, UsageError, VerificationError, quoted
from throughline.formats import find_format, load_formats
from throughline.formats.availability import missing_runtime
from throughline.formats.base import Format, file_sha256, file_size_bytes
from throughline.output import folder_written_whole, write_whole
from throughline.processes import Child
from throughline.progress import OnEvent, Stage, ignore
from throughline.weights import Array

ALL_FORMATS = "all"
# The same package under the name by which it is found on every system.
INSTALLED_AS = {"tensorflow": ("tensorflow", "tensorflow-cpu")}


@dataclass(frozen=True, kw_only=True)
class BundleRequest:
    """What to put into a bundle.

    Attributes
    ----------
    source : str
        Folder of a finished run, folder that an export has left, or a model of one's own.
    formats : tuple of str
        Names, or "all" for every one that can be made and run here.
    out : Path
        Folder to write, new or empty.
    data : Path, str or None
        The CSV file that the run read, where it read one.
    network : {"keras", "torch"} or None
        Whose network of a run; None takes the one from which fewest formats need a way through the other framework.
    sample, labels : Path or None
        Of a model of one's own: rows to answer, and their true classes.
    trust : bool
        Whether code that came with a model may be run.
    licence : str
        As the receiver is to read it, an SPDX identifier for instance.
    """

    source: str
    formats: tuple[str, ...]
    out: Path
    data: Path | str | None = None
    network: str | None = None
    sample: Path | None = None
    labels: Path | None = None
    trust: bool = False
    licence: str = ""


@dataclass(frozen=True)
class Made:
    """What was made."""

    folder: Path
    manifest: Manifest
    checked: dict[str, dict[str, Any]]  # by artefact, as check.py has found it
    sha256: str  # of SHA256SUMS
    left_out: dict[str, str] = field(default_factory=dict)  # formats that "all" could not include, and why


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
        If an artefact is not the model, or the bundle does not pass its own check.
    """
    forms, left_out = _forms(request.formats)
    with folder_written_whole(request.out) as bundle, tempfile.TemporaryDirectory() as temporary:
        content = _gather(request, forms, Path(temporary), on_event)
        manifest = _Writer(content, bundle, Path(temporary), on_event).write(request.licence)
        on_event(Stage("bundle", f"run {CHECK_NAME}"))
        checked = _check(bundle)
    return Made(request.out, manifest, checked["artefacts"], checked["bundle"], left_out | content.left_out)


def _gather(request: BundleRequest, forms: list[Format], work: Path, on_event: OnEvent) -> Content:
    from throughline.bundle import of_model, of_run

    if request.sample is None and not of_model.is_export(Path(request.source)):
        if ":" in request.source or ((path := Path(request.source)).suffix and path.suffix != ".json"):
            remedy = "pass for example --sample rows.npz"
            raise UsageError(
                "--sample", f"given for a model of one's own such as {quoted(request.source)}", "none", remedy
            )
        _refuse("--labels and --trust", "a run", request.labels or request.trust)
        return of_run.gather(Path(request.source), forms, request.network, request.data, work, on_event)
    _refuse("--data and --network", "a model of one's own", request.data or request.network)
    strict = ALL_FORMATS not in request.formats
    if request.sample is None:
        _refuse("--labels and --trust", "a finished export", request.labels or request.trust)
        return of_model.gather(Path(request.source), forms, strict)
    names = [form.name for form in forms]
    return of_model.export_and_gather(
        request.source, request.sample, names, request.labels, request.trust, strict, work, on_event
    )


def _refuse(parameter: str, source: str, given: object) -> None:
    if given:
        raise UsageError(parameter, f"left out for {source}", quoted(given), "leave them out")


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


class _Writer:
    """Fills the folder of one bundle."""

    def __init__(self, content: Content, bundle: Path, work: Path, on_event: OnEvent) -> None:
        self._content, self._bundle, self._work, self._on_event = content, bundle, work, on_event
        self._rows = work / "inputs-of-the-bundle.npz"
        np.savez(self._rows, **content.inputs)  # type: ignore[arg-type]  # numpy/numpy#29226

    def write(self, licence: str) -> Manifest:
        """Write everything and return the manifest."""
        arrays = self._content.arrays()
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            artefacts = list(pool.map(lambda piece: self._place(piece, arrays), self._content.pieces))
        np.savez(self._bundle / ROWS_NAME, **arrays)  # type: ignore[arg-type]  # numpy/numpy#29226
        check = resources.files("throughline.bundle").joinpath(CHECK_NAME).read_bytes()
        (self._bundle / CHECK_NAME).write_bytes(check)
        return sign(self._bundle, self._describe(artefacts, licence))

    def _place(self, piece: Piece, arrays: dict[str, Array]) -> Artefact:
        """Put an artefact into the bundle, let it answer as for its receiver, and add its arrays to the rows."""
        form = piece.form
        path = self._bundle / MODELS_NAME / (form.name + form.suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(piece.path, path) if piece.path.is_dir() else shutil.copyfile(piece.path, path)
        process = f"open {form.name}"
        self._on_event(Stage(process, f"open {form.title} as the receiver will"))
        answers, log = self._work / f"answers-{form.name}.npz", self._work / f"open-{form.name}.log"
        largest = min(piece.largest_batch or self._content.n_rows, self._content.batch_sizes[-1])
        with Child(process, preload=form.preload, log=log, environment=form.environment) as child:
            said = child.call(
                "throughline.bundle.source:open_as_receiver",
                {
                    "opener": form.opener,
                    "path": str(path),
                    "rows": str(self._rows),
                    "outputs": list(self._content.expected),
                    "batch_size": largest,
                    "answers": str(answers),
                },
            )
        self._on_event(Stage(process, ""))
        with np.load(answers, allow_pickle=False) as found:
            for output in self._content.expected:
                arrays[f"answers.{form.name}.{output}"] = found[output]
                arrays[f"tolerance.{form.name}.{output}"] = piece.tolerance[output]
                arrays[f"repeats.{form.name}.{output}"] = piece.repeats[output]
        return Artefact(
            name=form.name,
            title=form.title,
            runtime=form.runtime,
            stored_as=form.stored_as,
            computed_in=form.computed_in,
            opener=form.opener,
            path=path.relative_to(self._bundle).as_posix(),
            size_bytes=file_size_bytes(path),
            sha256=file_sha256(path),
            requires=_versions(form),
            largest_batch=piece.largest_batch,
            inputs=msgspec.convert(said["inputs"], list[Port]),
            outputs=msgspec.convert(said["outputs"], list[Port]),
            parity=piece.parity,
        )

    def _describe(self, artefacts: list[Artefact], licence: str) -> Manifest:
        content = self._content
        inputs, outputs = content.tensors()
        return Manifest(
            format_version=FORMAT_VERSION,
            name=content.name,
            created=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            inputs=inputs,
            outputs=outputs,
            classes=content.classes,
            rows=HeldOut(path=ROWS_NAME, n_rows=content.n_rows, batch_sizes=content.batch_sizes),
            trained=content.trained,
            brought=content.brought,
            artefacts=artefacts,
            files={},
            environment=describe_environment(),
            licence=licence,
            model_card="",
        )


def sign(folder: Path, manifest: Manifest) -> Manifest:
    """Write card, manifest and checksums, in this order: each holds those before it.

    Parameters
    ----------
    folder : Path
        With artefacts, rows and check.py.
    manifest : Manifest
        Complete but for card and checksums.

    Returns
    -------
    Manifest
        The complete one.
    """
    for name in (MANIFEST_NAME, SUMS_NAME):
        (folder / name).unlink(missing_ok=True)
    card = model_card(manifest)
    write_whole(folder / CARD_NAME, card)
    manifest = dataclasses.replace(manifest, model_card=card, files=_checksums(folder))
    write_whole(folder / MANIFEST_NAME, manifest.to_json())
    lines = (f"{sha256}  {name}\n" for name, sha256 in sorted(_checksums(folder).items()))
    write_whole(folder / SUMS_NAME, "".join(lines))
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
