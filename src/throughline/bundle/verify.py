"""Verify a bundle, or one artefact in it, with what the bundle itself brings.

Every file is held against the checksums first; if one is another, nothing is opened. Then each artefact goes through
the checks of `check.py`, as on its receiver's machine. A run's network goes through those of ``throughline verify`` as
well, and where the bundle has its weights in the neutral format, what is expected is computed anew from them.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from throughline import errors
from throughline.bundle.check import RUNTIMES, Rows
from throughline.bundle.load import Bundle, is_bundle, load_bundle, require_intact
from throughline.bundle.manifest import MODELS_NAME, Artefact, Manifest
from throughline.environment import describe_environment
from throughline.errors import DamagedFileError, DataError, ThroughlineError, UsageError, VerificationError, quoted
from throughline.formats import load_formats
from throughline.formats.availability import missing_runtime
from throughline.formats.base import Format, Quantization
from throughline.own_model.noise import NOISE_OF_FORMAT, NOISES, ROUNDING
from throughline.processes import Child
from throughline.record import CHECKS, Check, CheckName, Status
from throughline.verify.artefact import Expected, Network, verify_artefact
from throughline.verify.checks import check_file, check_hygiene
from throughline.verify.finished_run import RECORD_NAME, OnArtefact, VerifyRequest, read_quantization
from throughline.verify.hygiene import scan
from throughline.verify.record import Verification, VerifyRecord
from throughline.verify.reference import numpy_answers
from throughline.verify.tolerance import Tolerance, derive_tolerance
from throughline.weights import Array, load_weights

AT_A_TIME = 2
NEUTRAL = "neutral"
# By the name of a check in check.py: ours, and what it raises.
OURS: dict[str, tuple[CheckName, type[VerificationError]]] = {
    "intact": ("file", errors.DamagedFileError),
    "runs": ("file", errors.DamagedFileError),
    "names": ("names", errors.PortNameError),
    "types": ("dtypes", errors.PortTypeError),
    "shapes": ("shapes", errors.OutputShapeError),
    "values": ("values", errors.OutputValueError),
    "labels": ("labels", errors.LabelFlipError),
    "batches": ("batches", errors.BatchError),
}
BEFORE_OPENING = "the bundle is not as it was written, so nothing in it was opened"
ASKED_OF_WEIGHTS = ("worst case", "implementation error", "layer by layer")
NO_WEIGHTS = "the bundle has no weights: put the format neutral into it"


def find_bundle(path: Path) -> Path | None:
    """Return the bundle that a path is, or lies in; None where a run lies nearer, or there is none.

    Parameters
    ----------
    path : Path
        It need not exist: an artefact may be missing.
    """
    absolute = path.resolve()
    for folder in (absolute, *absolute.parents):
        if is_bundle(folder):
            return folder
        if (folder / RECORD_NAME).is_file():
            return None
    return None


def verify_bundle(request: VerifyRequest, on_artefact: OnArtefact | None = None) -> VerifyRecord:
    """Verify the artefacts of a bundle.

    Parameters
    ----------
    request : VerifyRequest
        Its path is a bundle or lies in one.
    on_artefact : callable, optional
        Told, from any thread, what is verified next.

    Returns
    -------
    VerifyRecord

    Raises
    ------
    UsageError
        If rows are given, or the path is none of the artefacts.
    """
    started = time.perf_counter()
    folder = find_bundle(request.path)
    if folder is None:
        received = f"{quoted(request.path)}, which lies in none"
        raise DataError("BUNDLE", "a bundle or an artefact in it", received, "pass the folder with manifest.json")
    if request.rows is not None:
        raise UsageError("--rows", "left out for a bundle", quoted(request.rows), "its rows are in it")
    try:
        sha256 = require_intact(folder)
        whole = [Check(name="file", status="passed", said=f"every file is as it was sent; bundle {sha256}")]
    except DamagedFileError as error:
        whole = [Check(name="file", status="failed", said=str(error), error=type(error).__name__)]
    try:
        bundle = load_bundle(folder)
    except DataError:
        if whole[0].status == "passed":
            raise
        return _record(request.path.name, "not read", 0, [], whole, {}, started)
    meant = _meant(bundle, request.path)
    rows_said = f"{bundle.manifest.rows.n_rows:,} rows of the bundle"
    if whole[0].status == "failed":
        found = [_not_run(bundle, entry, BEFORE_OPENING) for entry in meant]
        return _record(bundle.manifest.name, rows_said, bundle.manifest.rows.n_rows, found, whole, {}, started)
    with ExitStack() as stack:
        work = Path(tempfile.mkdtemp(prefix="throughline-"))
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        kept = _kept(bundle)
        if kept.wrong:
            whole.append(kept.wrong)

        def judge(entry: Artefact) -> Verification:
            (on_artefact or (lambda said: None))(entry.title)
            return _verified(bundle, entry, kept, request, work)

        found = list(stack.enter_context(ThreadPoolExecutor(AT_A_TIME)).map(judge, meant))
    return _record(bundle.manifest.name, rows_said, bundle.manifest.rows.n_rows, found, whole, kept.left_out, started)


def _record(
    name: str,
    rows: str,
    n_rows: int,
    artefacts: list[Verification],
    whole: list[Check],
    left_out: dict[str, str],
    started: float,
) -> VerifyRecord:
    return VerifyRecord(
        run=name,
        rows=rows,
        n_rows=n_rows,
        artefacts=artefacts,
        environment=describe_environment(),
        wall_s=round(time.perf_counter() - started, 3),
        whole=whole,
        left_out=left_out,
    )


def _meant(bundle: Bundle, path: Path) -> list[Artefact]:
    """Return the artefacts that a path stands for: all of them, or the one that it is, or lies in."""
    inside = path.resolve().relative_to(bundle.folder.resolve()).as_posix()
    if inside == ".":
        return bundle.manifest.artefacts
    for entry in bundle.manifest.artefacts:
        # A path into an artefact's folder, or to the folder around it, means that artefact.
        around = inside != MODELS_NAME and Path(entry.path).parent == Path(inside)
        if f"{inside}/".startswith(f"{entry.path}/") or around:
            return [entry]
    allowed = f"one of its artefacts, {', '.join(entry.path for entry in bundle.manifest.artefacts)}"
    raise DataError("BUNDLE", allowed, quoted(inside), "choose one of these, or pass the folder of the bundle")


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """The network inside the bundle, if there is one.

    Attributes
    ----------
    network : Network or None
    answers : ndarray of shape (n_rows,) or None
        Of it in NumPy.
    wrong : Check or None
        What is wrong about the bundle as a whole, seen by the network.
    left_out : dict of str to str
    """

    network: Network | None = None
    answers: Array | None = None
    wrong: Check | None = None
    left_out: dict[str, str]


def _kept(bundle: Bundle) -> _Kept:
    manifest = bundle.manifest
    if manifest.trained is None:
        reason = "nothing is known of the layers of a model that was brought"
        return _Kept(left_out=dict.fromkeys(ASKED_OF_WEIGHTS, reason))
    entry = manifest.artefact(NEUTRAL)
    if entry is None:
        return _Kept(left_out=dict.fromkeys(ASKED_OF_WEIGHTS, NO_WEIGHTS))
    path = bundle.path_of(entry) / "weights.safetensors"
    try:
        weights, spec = load_weights(path)
        rows = bundle.load_rows(NEUTRAL)
    except ThroughlineError as error:
        return _Kept(left_out=dict.fromkeys(ASKED_OF_WEIGHTS, f"the weights in the bundle cannot be used: {error}"))
    if weights.digest != manifest.trained.weights_digest or spec != manifest.trained.network:
        reason = "the weights in the bundle are not those of its manifest"
        wrong = Check(name="file", status="failed", said=f"{entry.path}: {reason}.", error=DamagedFileError.__name__)
        return _Kept(wrong=wrong, left_out=dict.fromkeys(ASKED_OF_WEIGHTS, reason))
    X, (expected,) = next(iter(rows.inputs.values())), rows.expected.values()
    answers = numpy_answers(spec, weights, X)
    network = Network(spec=spec, weights=weights, path=path)
    return _Kept(network=network, answers=answers, wrong=_other_answers(network, X, answers, expected), left_out={})


def _other_answers(network: Network, X: Array, answers: Array, expected: Array) -> Check | None:
    """Hold the answers that the bundle expects against those that its weights give to its rows."""
    allowed = derive_tolerance(network.spec, network.weights, X, "float32").per_row
    difference = np.abs(expected.reshape(len(X)).astype(np.float64) - answers)
    if (difference <= allowed).all():
        return None
    row = int(np.argmax(difference - allowed))
    said = (
        f"The answers that rows.npz expects are not those of the weights in the bundle: row {row} differs by "
        f"{difference[row]:.1e}, where {allowed[row]:.1e} is allowed."
    )
    return Check(name="values", status="failed", said=said, error=errors.OutputValueError.__name__)


def _named(bundle: Bundle, entry: Artefact) -> dict[str, Any]:
    framework = bundle.manifest.framework
    return {"name": entry.name, "title": entry.title, "framework": framework, "path": entry.path}


def _not_run(bundle: Bundle, entry: Artefact, reason: str) -> Verification:
    checks = [Check(name=name, status="not_run", said=reason) for name in CHECKS]
    return Verification(**_named(bundle, entry), status="not_run", reason=reason, checks=checks)


def _verified(bundle: Bundle, entry: Artefact, kept: _Kept, request: VerifyRequest, work: Path) -> Verification:
    form = load_formats().get(entry.name)
    missing = f"this release knows no format '{entry.name}'" if form is None else missing_runtime(form)
    if form is None or missing:
        return _not_run(bundle, entry, missing)
    started = time.perf_counter()
    try:
        check_file(bundle.path_of(entry), entry.sha256)
        rows = bundle.load_rows(entry.name)
        received = _received(bundle, entry, form, work)
        if bundle.manifest.trained is None:
            found = _of_brought(bundle, entry, form, received)
        else:
            found = verify_artefact(_expected(bundle, entry, form, rows, kept, work), request.search)
    except ThroughlineError as error:
        found = _failed_at_once(bundle, entry, error)
        received = {}
    found = _with_received(found, received)
    return dataclasses.replace(found, path=entry.path, seconds=time.perf_counter() - started)


def _failed_at_once(bundle: Bundle, entry: Artefact, error: ThroughlineError) -> Verification:
    failed = Check(name="file", status="failed", said=str(error), error=type(error).__name__)
    others = [Check(name=name, status="not_run", said="the check 'file' failed") for name in CHECKS if name != "file"]
    return Verification(**_named(bundle, entry), status="failed", checks=[failed, *others])


def _received(bundle: Bundle, entry: Artefact, form: Format, work: Path) -> dict[str, Any]:
    """Let check.py check the artefact in a process of its own."""
    environment = dict(form.environment) | RUNTIMES[entry.opener].environment
    log = work / f"receive-{entry.name}.log"
    with Child(f"check {entry.name}", preload=form.preload, log=log, environment=environment) as child:
        arguments = {"folder": str(bundle.folder), "name": entry.name}
        found: dict[str, Any] = child.call("throughline.bundle.source:check_as_receiver", arguments)
    return found


def _with_received(found: Verification, received: Mapping[str, Any]) -> Verification:
    """Add to our own checks what the receiver's has found."""
    if received.get("status") != "failed":
        return found
    name, kind = OURS[received["check"]]
    said = f"check.py: {received['reason']}"
    checks = [
        Check(name=name, status="failed", said=said, error=kind.__name__)
        if check.name == name and check.status != "failed"
        else check
        for check in found.checks
    ]
    return dataclasses.replace(found, status="failed", checks=checks)


def _expected(bundle: Bundle, entry: Artefact, form: Format, rows: Rows, kept: _Kept, work: Path) -> Expected:
    (X,), (expected,) = rows.inputs.values(), rows.expected.values()
    (per_row,), (repeats,) = rows.tolerance.values(), rows.repeats.values()
    source = expected.reshape(len(X)).astype(np.float64)
    quantization: Quantization | None = None
    if kept.network is None or kept.answers is None:
        explanation = NOISES[NOISE_OF_FORMAT.get(form.name, ROUNDING.name)].explanation
        # How much of a coarse tolerance is rounding alone, the bundle does not say.
        rounding = repeats if form.computed_in == "float32" and form.stored_as != "int8" else np.zeros(len(X))
        tolerance = Tolerance(per_row, rounding, entry.parity.tolerance_reason, explanation)
    else:
        quantization = read_quantization(form, bundle.path_of(entry), work) if form.read_quantization else None
        tolerance = derive_tolerance(
            kept.network.spec, kept.network.weights, X, form.stored_as, form.computed_in, quantization
        )
    return Expected(
        form=form,
        path=bundle.path_of(entry),
        X=X,
        answers=source if kept.answers is None else kept.answers,
        tolerance=tolerance,
        framework=bundle.manifest.framework,
        labels=rows.labels,
        sha256=entry.sha256,
        port_names=form.port_names,
        dtype=bundle.manifest.outputs[0].dtype,
        recorded_accuracy=entry.parity.accuracy,
        quantization=quantization,
        source_answers=source,
        network=kept.network,
    )


def _of_brought(bundle: Bundle, entry: Artefact, form: Format, received: Mapping[str, Any]) -> Verification:
    """Tell the result of check.py as one of ours: it stops at the first check that fails."""
    manifest = bundle.manifest
    failed = OURS[received["check"]][0] if received["status"] == "failed" else None
    ledger: dict[CheckName, Check] = {}
    for name in CHECKS:
        said = _said(name, manifest, entry, received)
        if failed is not None and name != "hygiene":
            status: Status = "passed" if CHECKS.index(name) < CHECKS.index(failed) and said else "not_run"
            ledger[name] = Check(name=name, status=status, said=said or f"the check '{failed}' failed")
        else:
            ledger[name] = Check(
                name=name, status="passed" if said else "not_run", said=said or _unasked(name, manifest)
            )
    if failed is not None:
        error = OURS[received["check"]][1].__name__
        ledger[failed] = Check(name=failed, status="failed", said=received["reason"], error=error)
    if failed is None and received["accuracy"] is not None:
        ledger["metric"] = _metric(received, entry.parity.accuracy)
    findings = scan(bundle.path_of(entry), form, [])
    try:
        ledger["hygiene"] = Check(name="hygiene", status="passed", said=check_hygiene(findings))
    except VerificationError as error:
        ledger["hygiene"] = Check(name="hygiene", status="failed", said=str(error), error=type(error).__name__)
    figures: dict[str, Any] = {}
    if failed is None:
        figures = {
            "conversion": received["largest_difference"],
            "verdict": entry.parity.verdict,
            "tolerance": received["tolerance"],
            "tolerance_reason": entry.parity.tolerance_reason,
            "accuracy": received["accuracy"],
            "source_accuracy": manifest.brought.accuracy if manifest.brought else None,
            "facts": {"runtime": received["runtime"]},
        }
    checks = [ledger[name] for name in CHECKS]
    status = "failed" if any(check.status == "failed" for check in checks) else "passed"
    return Verification(**_named(bundle, entry), status=status, checks=checks, findings=findings, **figures)


def _metric(received: Mapping[str, Any], recorded: float | None) -> Check:
    """Hold the accuracy against the one that was recorded: it may differ by the rows that changed their label."""
    accuracy = float(received["accuracy"])
    if recorded is None or abs(accuracy - recorded) * received["n_rows"] > received["n_labels_changed"] + 0.5:
        there = "none was recorded" if recorded is None else f"{recorded:.2%} was recorded"
        said = f"Accuracy is {accuracy:.2%}, but {there}, and {received['n_labels_changed']} labels changed."
        return Check(name="metric", status="failed", said=said, error=errors.MetricError.__name__)
    return Check(name="metric", status="passed", said=f"accuracy {accuracy:.2%}, recorded {recorded:.2%}")


def _said(name: CheckName, manifest: Manifest, entry: Artefact, received: Mapping[str, Any]) -> str:
    """Return what a check of check.py that passed has found; empty where it could not be made."""
    ports = [*entry.inputs, *entry.outputs]
    batches = ", ".join(map(str, manifest.rows.batch_sizes))
    names = ", ".join(port.name for port in ports if port.name)
    types = ", ".join(dict.fromkeys(port.dtype for port in ports if port.dtype))
    figures = ""
    if received["status"] == "passed":
        figures = f"'{received['output']}' by {received['largest_difference']:.1e}, allowed {received['tolerance']:.1e}"
    found = {
        "file": f"sha256 {entry.sha256[:12]}... as recorded",
        "names": names,
        "dtypes": types,
        "axes": f"rows are taken {batches} at a time",
        "shapes": f"an answer of each of {len(manifest.outputs)} outputs for each of {manifest.rows.n_rows:,} rows",
        "values": figures,
        "batches": f"the same in batches of {batches}",
    }
    if manifest.classes is not None and received["status"] == "passed":
        found["labels"] = f"{received['n_labels_changed']} of {manifest.rows.n_rows:,} changed since it was sent"
    return found.get(name, "")


def _unasked(name: CheckName, manifest: Manifest) -> str:
    reasons = {"names": "the file has no names", "dtypes": "the file has no types"}
    if name == "labels":
        return "no output is known to tell classes"
    if name == "metric":
        return "there are no labels for these rows"
    return reasons.get(name, "nothing is known of the inside of a model that was brought")
