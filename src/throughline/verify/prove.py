"""Prove that one exported file is the network it came from, and write down what was found."""

from __future__ import annotations

import importlib.util
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np

from throughline.errors import ThroughlineError
from throughline.formats import load_formats
from throughline.formats.base import Format, FrameworkName, Quantization, describe_route, file_sha256, file_size_bytes
from throughline.frameworks.rows import score
from throughline.processes import Child
from throughline.record import FormatRecord, TrainingRecord
from throughline.spec import NetworkSpec
from throughline.verify.compare import compare, raise_if_failed
from throughline.verify.reference import numpy_answers
from throughline.verify.tolerance import derive_tolerance
from throughline.weights import Array, Weights


@dataclass(frozen=True)
class TrainedNetwork:
    """A network after training, as the parent process knows it: no framework object, only what it left.

    Attributes
    ----------
    record : TrainingRecord
    spec : NetworkSpec
    weights : Weights
    val_answers, test_answers : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        From the framework itself.
    gradients : list of ndarray
        Of the framework's automatic differentiation, float64.
    exports : dict
        For each format ``path``, ``facts``, ``export_s`` and ``quantization``, or the ``error`` that stopped it.
    """

    record: TrainingRecord
    spec: NetworkSpec
    weights: Weights
    val_answers: Array
    test_answers: Array
    gradients: list[Array]
    exports: dict[str, dict[str, Any]]


@dataclass(frozen=True)
class HeldOutRows:
    """The rows on which everything is proven.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features), float32
    y : ndarray of shape (n_samples,)
    path : Path
        `X` as .npy, for the child processes.
    """

    X: Array
    y: Array
    path: Path

    def answers_path(self, source: str, form: Format) -> Path:
        """Return where a child puts what the file of this format answered, an array for each batch size."""
        return self.path.with_name(f"answers-{source}-{form.name}.npz")


def missing_runtime(form: Format) -> str:
    """Return why a format cannot be made and run here, and what to install, or an empty text."""
    modules = [name.split(".")[0] for name in (*form.preload, *form.packages) if not name.startswith("!")]
    missing = sorted({name for name in modules if importlib.util.find_spec(name) is None}, key=modules.index)
    if missing:
        package = f"'throughline[{form.extra}]'" if form.extra else "throughline"
        return f"{', '.join(missing)} is not installed: pip install {package}"
    programs = [name for name in form.programs if shutil.which(name) is None]
    return (
        f"the program {', '.join(programs)} is not here: install GCC, or what your system has for it"
        if programs
        else ""
    )


def prove(form: Format, child: Child, network: TrainedNetwork, rows: HeldOutRows, folder: Path) -> FormatRecord:
    """Let a child answer the held-out rows from the file alone, and judge the answers.

    Parameters
    ----------
    form : Format
    child : Child
        A fresh process; it is used up.
    network : TrainedNetwork
        The source network, whose answers are expected.
    rows : HeldOutRows
    folder : Path
        The run's folder, which holds the artefact.

    Returns
    -------
    FormatRecord
        With status "passed" or "failed".
    """
    made = network.exports[form.name]
    source = cast(FrameworkName, network.record.framework)
    if "error" in made:
        return FormatRecord(**_described(form, source, "failed", f"It could not be exported: {made['error']}"))
    path = Path(made["path"])
    record = _described(form, source, "failed", "") | {
        "path": path.relative_to(folder).as_posix(),
        "size_bytes": file_size_bytes(path),
        "sha256": file_sha256(path),
        "export_s": made["export_s"],
        "facts": made["facts"],
    }
    answers_path = rows.answers_path(source, form)
    try:
        measured = child.call(
            "throughline.verify.worker:run_artifact",
            {"format_name": form.name, "path": str(path), "rows": str(rows.path), "answers": str(answers_path)},
        )
        record |= {name: measured[name] for name in ("load_s", "latency_us", "rows_per_s")}
        record["facts"] = made["facts"] | measured["facts"]
        with np.load(answers_path, allow_pickle=False) as arrays:
            answers = {int(size): arrays[size] for size in arrays.files}
        record |= _judged(form, network, rows, answers, made.get("quantization"))
    except ThroughlineError as error:
        record["reason"] = str(error)
    return FormatRecord(**record)


def not_run(form: Format, source: FrameworkName, reason: str) -> FormatRecord:
    """Return the record of a format that could not be run here."""
    return FormatRecord(**_described(form, source, "not_run", reason))


def _judged(
    form: Format, network: TrainedNetwork, rows: HeldOutRows, answers: dict[int, Array], steps: Any
) -> dict[str, Any]:
    quantization = None if steps is None else msgspec.convert(steps, Quantization)
    tolerance = derive_tolerance(network.spec, network.weights, rows.X, form.stored_as, form.computed_in, quantization)
    comparison = compare(answers, network.test_answers, tolerance)
    whole = answers[len(rows.X)].reshape(network.test_answers.shape)
    exact = numpy_answers(network.spec, network.weights, rows.X)
    found: dict[str, Any] = {
        name: getattr(comparison, name)
        for name in (
            "checks",
            "largest_difference",
            "mean_difference",
            "n_flips",
            "batch_difference",
            "share_of_tolerance",
            "verdict",
        )
    }
    found |= {
        "tolerance": float(tolerance.per_row.max()),
        "tolerance_reason": tolerance.reason,
        "numpy_largest_difference": float(np.abs(whole - exact).max()),
        "test_accuracy": score(whole, rows.y, network.spec.output),
    }
    try:
        raise_if_failed(comparison, answers, network.test_answers, tolerance)
    except ThroughlineError as error:
        return found | {"status": "failed", "reason": str(error)}
    return found | {"status": "passed"}


def _described(form: Format, source: FrameworkName, status: str, reason: str) -> dict[str, Any]:
    shared = ("name", "title", "chapter", "runtime", "good_for", "stored_as", "computed_in")
    route = describe_route(form, source, load_formats())
    own = {"framework": source, "route": route, "told": form.is_told(source), "status": status, "reason": reason}
    return {name: getattr(form, name) for name in shared} | own
