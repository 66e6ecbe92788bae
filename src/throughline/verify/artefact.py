"""Verify one artefact: every check in its order, from the file's checksum to what it says about its machine.

`verify_artefact` is all that a caller needs, whether the artefact lies in a run, in a bundle, or anywhere: it takes the
file and what is known about it, and gives back a `Verification`. It raises nothing of what it finds.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from throughline import errors
from throughline.errors import ThroughlineError, VerificationError
from throughline.formats.availability import missing_runtime
from throughline.formats.base import Format, Port, Quantization
from throughline.frameworks.rows import score
from throughline.processes import Child
from throughline.record import CHECKS, Check, CheckName, Status
from throughline.spec import NetworkSpec
from throughline.verify.certificate import certify, find_flips
from throughline.verify.checks import (
    ALL_ROWS,
    check_axes,
    check_batches,
    check_dtypes,
    check_file,
    check_hygiene,
    check_labels,
    check_metric,
    check_names,
    check_shapes,
    check_values,
    check_weights,
    root_mean_square,
)
from throughline.verify.compare import largest_share, verdict_on
from throughline.verify.decision import flipped
from throughline.verify.hygiene import scan
from throughline.verify.layers import compare_layers, sentence
from throughline.verify.record import CutAnswers, LayerGap, Verification, WorstCase
from throughline.verify.reference import numpy_answers
from throughline.verify.stored import find_bare, load_parameters, parameters_path
from throughline.verify.tolerance import Tolerance, derive_tolerance
from throughline.verify.worker import Timing
from throughline.verify.worst_case import LONGEST_S, MOST_ROWS
from throughline.weights import Array, Weights

# After these nothing more can be asked of a file: it is another one, or its answers belong to no row.
ENDS_AFTER = ("file", "axes", "shapes")
N_LAYER_ROWS = 100


@dataclass(frozen=True, kw_only=True)
class Network:
    """The network that a file should be, for what needs more than its answers.

    Attributes
    ----------
    spec : NetworkSpec
    weights : Weights
    path : Path or None
        The same weights as a file, for the child process that searches for the worst case.
    """

    spec: NetworkSpec
    weights: Weights
    path: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Expected:
    """What is known about an artefact.

    Attributes
    ----------
    form : Format
    path : Path
    X : ndarray of shape (n_samples, n_features), float32
        Raw rows.
    answers : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Expected probabilities, or values: of the source network in a run, which has it; of NumPy afterwards.
    tolerance : Tolerance
        How far each row may be off.
    framework : str
        Whose network it is.
    labels : ndarray of shape (n_samples,) or None
        Codes of classes, or the values that are true; without them there is no metric.
    sha256 : str or None
        Checksum of the file, if one was recorded.
    port_names : (str, str) or None
        Names of input and output, where the format has names.
    dtype : str
        Type in which rows go in and answers come out.
    recorded_accuracy : float or None
        On the same rows, if it was recorded; of values R^2.
    quantization : Quantization or None
        Of an int8 file, as it was read back from it.
    source_answers : ndarray of the shape of `answers`, or None
        Of the source network in its own framework.
    source_reason : str
        Why there are none.
    network : Network or None
        Without it stored numbers are not read, and there is no search for the worst case and no layer by layer.
    """

    form: Format
    path: Path
    X: Array
    answers: Array
    tolerance: Tolerance
    framework: str = ""
    labels: Array | None = None
    sha256: str | None = None
    port_names: tuple[str, str] | None = None
    dtype: str = "float32"
    recorded_accuracy: float | None = None
    quantization: Quantization | None = None
    source_answers: Array | None = None
    source_reason: str = ""
    network: Network | None = None


@dataclass(frozen=True, kw_only=True)
class Search:
    """How long to search for the worst case.

    Attributes
    ----------
    most_rows : int
        0 for no search.
    longest_s : float
    """

    most_rows: int = MOST_ROWS
    longest_s: float = LONGEST_S


def verify_artefact(expected: Expected, search: Search | None = None) -> Verification:
    """Make every check on one artefact, alone in a child process, and write down what was found.

    Parameters
    ----------
    expected : Expected
    search : Search, optional
        How long to search for the worst case.

    Returns
    -------
    Verification
        "not_run" if its runtime is missing here.
    """
    started = time.perf_counter()
    form = expected.form
    named: dict[str, Any] = {
        "name": form.name,
        "title": form.title,
        "framework": expected.framework,
        "path": str(expected.path),
    }
    missing = missing_runtime(form)
    if missing:
        return Verification(**named, status="not_run", reason=missing)
    with ExitStack() as stack:
        work = Path(tempfile.mkdtemp(prefix="throughline-"))
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        child = stack.enter_context(
            Child(f"verify {form.name}", preload=form.preload, log=work / "child.log", environment=form.environment)
        )
        np.save(work / "rows.npy", expected.X)
        found = judge(expected, lambda: examine(child, expected, work / "rows.npy", work / "answers.npz"))
        if found.status == "passed" and expected.network is not None:
            found = _with_worst_case(found, child, expected, work, search or Search())
        if found.status == "failed":
            found = _with_layers(found, expected, work, stack)
    return dataclasses.replace(found, seconds=time.perf_counter() - started)


@dataclass(frozen=True, kw_only=True)
class Examined:
    """What the child found: as `worker.examine_artifact` returns it, and the answers by cut."""

    inputs: list[Port]
    outputs: list[Port]
    refused: dict[str, str]
    facts: dict[str, str | int]
    foreign_operators: list[str]
    unreadable: str
    timing: Timing | None = None
    answers: dict[str, Any] = dataclasses.field(default_factory=dict)
    parameters: dict[str, Any] | None = None


def examine(child: Child, expected: Expected, rows: Path, answers: Path, *, timed: bool = False) -> Examined:
    """Let a child examine an artefact on the rows of a .npy file; what it answers is written beside them."""
    arguments = {"format_name": expected.form.name, "path": str(expected.path), "timed": timed}
    arguments |= {"rows": str(rows), "answers": str(answers)}
    return examined_from(child.call("throughline.verify.worker:examine_artifact", arguments), answers)


def examined_from(found: dict[str, Any], answers: Path) -> Examined:
    """Read back what `worker.examine_artifact` returned and wrote.

    Raises
    ------
    ThroughlineError
        The one that a job of `worker.examine_artifacts` ended with.
    """
    if "error" in found:
        raised: ThroughlineError = getattr(errors, found["error"]["kind"])(*found["error"]["args"])
        raise raised
    with np.load(answers, allow_pickle=False) as arrays:
        by_cut = {cut: arrays[cut] for cut in arrays.files}
    beside = parameters_path(answers)
    parameters = load_parameters(beside) if beside.exists() else None
    return dataclasses.replace(msgspec.convert(found, Examined), answers=by_cut, parameters=parameters)


def judge(expected: Expected, examine: Callable[[], Examined]) -> Verification:
    """Make the checks on what a child found.

    Parameters
    ----------
    expected : Expected
    examine : callable
        ``examine() -> Examined``; called once the file is known to be the right one.

    Returns
    -------
    Verification
        Without worst case and layers.
    """
    form, path = expected.form, expected.path
    ledger = _Ledger()
    named: dict[str, Any] = {"name": form.name, "title": form.title, "framework": expected.framework, "path": str(path)}
    seen: list[Examined] = []

    def file_is_sound() -> str:
        said = check_file(path, expected.sha256)
        if not len(expected.X):
            return said  # there is nothing to ask it
        try:
            seen.append(examine())
        except VerificationError:
            raise
        except ThroughlineError as error:
            raise errors.DamagedFileError(f"It could not be run: {error}") from error
        return said

    ledger.make("file", file_is_sound)
    if not len(expected.X):
        ledger.make("shapes", lambda: check_shapes({}, 0))
    if not seen:
        return Verification(**named, status="failed", checks=ledger.closed())
    found = seen[0]
    n_rows, tolerance = len(expected.X), expected.tolerance
    ledger.make(
        "names",
        lambda: check_names(found.inputs, found.outputs, expected.port_names),
        if_none=f"{form.title} has no names for its inputs and outputs",
    )
    ledger.make("dtypes", lambda: check_dtypes(found.inputs, found.outputs, found.answers, expected.dtype))
    ledger.make("axes", lambda: check_axes(found.inputs, found.outputs, found.refused, expected.X.shape[1]))
    n_outputs = int(np.prod(expected.answers.shape[1:]))
    ledger.make("shapes", lambda: check_shapes(found.answers, n_rows, n_outputs))
    findings = scan(path, form, found.foreign_operators)
    figures: dict[str, Any] = {"findings": findings, "facts": found.facts}
    _check_weights(ledger, expected, found)
    if not ledger.ended:
        answers = {cut: np.asarray(a, np.float64).reshape(expected.answers.shape) for cut, a in found.answers.items()}
        ledger.make("values", lambda: check_values(answers, expected.answers, tolerance))
        ledger.make("labels", lambda: check_labels(answers, expected.answers, tolerance), if_none="a value is no label")
        _check_metric(ledger, expected, answers[ALL_ROWS])
        ledger.make("batches", lambda: check_batches(answers, tolerance))
        if all(np.isfinite(values).all() for values in (expected.answers, *answers.values())):
            figures |= _figures(expected, answers)
    ledger.make("hygiene", lambda: check_hygiene(findings), whatever=True)
    checks = ledger.closed()
    status: Status = "failed" if any(check.status == "failed" for check in checks) else "passed"
    return Verification(**named, **figures, status=status, checks=checks)


def _check_weights(ledger: _Ledger, expected: Expected, found: Examined) -> None:
    network, form = expected.network, expected.form
    if network is None:
        ledger.leave_out("weights", "the network's own weights are not known here")
        return
    parameters = found.parameters
    if parameters is None and not found.unreadable:
        if not form.stores_bare_arrays:
            ledger.leave_out("weights", f"{form.title} does not let its numbers be read")
            return
        parameters = find_bare(expected.path, network.weights)
    ledger.make("weights", lambda: check_weights(parameters or {}, network.weights, found.unreadable))


def _check_metric(ledger: _Ledger, expected: Expected, whole: Array) -> None:
    labels = expected.labels
    if labels is None:
        ledger.leave_out("metric", "there are no labels for these rows")
        return
    recorded = expected.recorded_accuracy
    ledger.make("metric", lambda: check_metric(whole, expected.answers, labels, expected.tolerance, recorded))


class _Ledger:
    """Collects the checks; after one that ends it, the others are not run, and say after what."""

    def __init__(self) -> None:
        self.checks: dict[CheckName, Check] = {}
        self.ended = ""

    def make(
        self, name: CheckName, check: Callable[[], str | None], if_none: str = "", *, whatever: bool = False
    ) -> None:
        if self.ended and not whatever:
            return
        try:
            said = check()
        except VerificationError as error:
            self.checks[name] = Check(name=name, status="failed", said=str(error), error=type(error).__name__)
            self.ended = self.ended or (name if name in ENDS_AFTER else "")
            return
        if said is None:
            self.leave_out(name, if_none)
        else:
            self.checks[name] = Check(name=name, status="passed", said=said)

    def leave_out(self, name: CheckName, reason: str) -> None:
        self.checks[name] = Check(name=name, status="not_run", said=reason)

    def closed(self) -> list[Check]:
        after = f"the check '{self.ended}' failed"
        return [self.checks.get(name) or Check(name=name, status="not_run", said=after) for name in CHECKS]


def _figures(expected: Expected, answers: dict[str, Array]) -> dict[str, Any]:
    exact, tolerance, network = expected.answers, expected.tolerance, expected.network
    differences = {cut: np.abs(answer - exact) for cut, answer in answers.items()}
    whole, source, labels = answers[ALL_ROWS], expected.source_answers, expected.labels
    figures: dict[str, Any] = {
        "answers": [
            CutAnswers(
                cut=cut,
                largest_difference=float(differences[cut].max()),
                mean_difference=float(differences[cut].mean()),
                n_flips=int(flipped(answer, exact, tolerance.output).sum()),
            )
            for cut, answer in answers.items()
        ],
        "share_of_tolerance": largest_share(np.max(list(differences.values()), axis=0), tolerance),
        "batch_difference": float(np.ptp(list(answers.values()), axis=0).max()),
        "verdict": verdict_on(np.max(list(differences.values()), axis=0), tolerance),
        "tolerance": float(tolerance.per_row.max()) if np.isfinite(tolerance.per_row).all() else 0.0,
        "tolerance_reason": tolerance.reason,
        "conversion_reason": expected.source_reason,
    }
    if tolerance.output != "linear":
        figures["flips"] = find_flips(answers.values(), exact, tolerance)
        figures["certificate"] = certify(answers.values(), exact, tolerance.output)
    if network is not None:
        exact_in_numpy = numpy_answers(network.spec, network.weights, expected.X)
        figures["implementation"] = float(np.abs(whole - exact_in_numpy).max())
    if source is not None:
        figures["conversion"] = float(np.abs(whole - source).max())
    if labels is not None and tolerance.output == "linear":
        figures["error"], figures["source_error"] = (root_mean_square(each - labels) for each in (whole, exact))
    elif labels is not None:
        figures["accuracy"], figures["source_accuracy"] = (
            score(each, labels, tolerance.output) for each in (whole, exact)
        )
    return figures


def _with_worst_case(found: Verification, child: Child, expected: Expected, work: Path, search: Search) -> Verification:
    network = expected.network
    if network is None or network.path is None or search.most_rows == 0 or not found.answers:
        return found
    figures = child.call(
        "throughline.verify.worst_case:search_in_child",
        {
            "format_name": expected.form.name,
            "path": str(expected.path),
            "weights": str(network.path),
            "rows": str(work / "rows.npy"),
            "found": str(work / "worst.npy"),
            "most_rows": search.most_rows,
            "longest_s": search.longest_s,
        },
    )
    row = np.load(work / "worst.npy", allow_pickle=False)
    difference = None if figures["answered"] is None else abs(figures["answered"] - figures["expected"])
    allowed = _tolerance_of(expected, network, row, figures["output"])
    worst = WorstCase(
        row=[float(value) for value in row],
        difference=difference,
        held_out_difference=max(cut.largest_difference for cut in found.answers),
        share_of_tolerance=None if difference is None or allowed is None else difference / allowed,
        **figures,
    )
    return dataclasses.replace(found, worst=worst)


def _tolerance_of(expected: Expected, network: Network, row: Array, output: int) -> float | None:
    form = expected.form
    derived = derive_tolerance(
        network.spec, network.weights, row[None], form.stored_as, form.computed_in, expected.quantization
    )
    allowed = float(derived.per_row.reshape(-1)[output])
    return allowed if np.isfinite(allowed) else None


def _with_layers(found: Verification, expected: Expected, work: Path, stack: ExitStack) -> Verification:
    form, network = expected.form, expected.network
    wrong_inside = {"values", "labels", "metric"} & {check.name for check in found.failed}
    if network is None or not wrong_inside:
        return found
    if form.read_layers is None:
        return dataclasses.replace(found, layers_reason=f"{form.title} does not let its layers be read")
    X = expected.X[:N_LAYER_ROWS]
    np.save(work / "layer-rows.npy", X)
    child = stack.enter_context(
        Child(f"layers of {form.name}", preload=form.preload, log=work / "layers.log", environment=form.environment)
    )
    arguments = {
        "format_name": form.name,
        "path": str(expected.path),
        "rows": str(work / "layer-rows.npy"),
        "layers": str(work / "layers.npz"),
    }
    try:
        child.call("throughline.verify.layers:read_in_child", arguments)
    except ThroughlineError as error:
        return dataclasses.replace(found, layers_reason=f"its layers could not be read: {error}")
    with np.load(work / "layers.npz", allow_pickle=False) as arrays:
        inside = [arrays[f"arr_{i}"] for i in range(len(arrays.files))]
    gaps: list[LayerGap] = compare_layers(network.spec, network.weights, X, inside, form.stored_as)
    return dataclasses.replace(found, layers=gaps, layers_reason=sentence(gaps, len(network.weights.kernels)))
