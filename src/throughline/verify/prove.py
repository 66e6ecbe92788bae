"""Prove that one file of a run is the network it came from, by the checks that `throughline verify` makes."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np

from throughline.data.split import Split, rows_to_prove
from throughline.formats import load_formats
from throughline.formats.base import Format, FrameworkName, Quantization, describe_route, file_sha256, file_size_bytes
from throughline.frameworks.rows import score
from throughline.processes import Child
from throughline.record import BatchCheck, FormatRecord, TrainingRecord
from throughline.spec import NetworkSpec
from throughline.verify.artefact import Examined, Expected, Network, examine, judge
from throughline.verify.checks import ALL_ROWS
from throughline.verify.record import CutAnswers, Verification
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
    chosen : ndarray of shape (n_samples,) or None
        Which of the test rows they are; None: all.
    """

    X: Array
    y: Array
    path: Path
    chosen: Array | None = None

    def of(self, test_answers: Array) -> Array:
        """Return the answers to these rows out of those to all test rows."""
        return test_answers if self.chosen is None else test_answers[self.chosen]

    def answers_path(self, source: str, form: Format) -> Path:
        """Return where a child puts what the file of this format answered, an array for each cut of the rows."""
        return self.path.with_name(f"answers-{source}-{form.name}.npz")


def held_out_rows(split: Split, path: Path) -> HeldOutRows:
    """Write the test rows for the children: all of them, or of very many as many as a proof needs.

    Parameters
    ----------
    split : Split
    path : Path
        Where to write.
    """
    X, y = split.proven_rows
    np.save(path, X)
    return HeldOutRows(X, y, path, rows_to_prove(len(split.y_test)))


def prove(form: Format, child: Child, network: TrainedNetwork, rows: HeldOutRows, folder: Path) -> FormatRecord:
    """Let a child answer the held-out rows from the file alone, judge what it found, and keep how fast it was.

    What takes longer is left to `throughline verify`: the search for the worst case, and the first layer that differs.

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
    expected = _expected(form, path, network, rows, made.get("quantization"))
    seen: list[Examined] = []

    def examined() -> Examined:
        seen.append(examine(child, expected, rows.path, rows.answers_path(source, form), timed=True))
        return seen[0]

    found = judge(expected, examined)
    return FormatRecord(
        **_described(form, source, found.status, _first_failure(found)),
        path=path.relative_to(folder).as_posix(),
        size_bytes=file_size_bytes(path),
        sha256=file_sha256(path),
        export_s=made["export_s"],
        facts=made["facts"] | found.facts,
        named_checks=found.checks,
        **_figures(found, seen, network, rows),
    )


def not_run(form: Format, source: FrameworkName, reason: str) -> FormatRecord:
    """Return the record of a format that could not be run here."""
    return FormatRecord(**_described(form, source, "not_run", reason))


def _expected(form: Format, path: Path, network: TrainedNetwork, rows: HeldOutRows, steps: Any) -> Expected:
    spec, weights = network.spec, network.weights
    quantization = None if steps is None else msgspec.convert(steps, Quantization)
    return Expected(
        form=form,
        path=path,
        X=rows.X,
        answers=rows.of(network.test_answers).astype(np.float64),
        tolerance=derive_tolerance(spec, weights, rows.X, form.stored_as, form.computed_in, quantization),
        framework=network.record.framework,
        labels=rows.y,
        port_names=form.names_for(spec),
        quantization=quantization,
        network=Network(spec=spec, weights=weights),
    )


def _first_failure(found: Verification) -> str:
    return f"check '{found.failed[0].name}': {found.failed[0].said}" if found.failed else ""


def _figures(found: Verification, seen: list[Examined], network: TrainedNetwork, rows: HeldOutRows) -> dict[str, Any]:
    """Return what was measured; nothing of a file that gave no answers which could be compared."""
    if not found.answers:
        return {}
    (examined,) = seen
    whole = examined.answers[ALL_ROWS].reshape(rows.of(network.test_answers).shape)
    same = {name: getattr(found, name) for name in ("certificate", "verdict", "tolerance", "tolerance_reason")}
    same |= {name: getattr(found, name) for name in ("share_of_tolerance", "batch_difference")}
    return same | {
        "checks": _by_batch_size(found.answers, len(rows.X)),
        "largest_difference": max(cut.largest_difference for cut in found.answers),
        "mean_difference": max(cut.mean_difference for cut in found.answers),
        "n_flips": max(cut.n_flips for cut in found.answers),
        "numpy_largest_difference": found.implementation,
        "test_accuracy": score(whole, rows.y, network.spec.output),
        **({} if examined.timing is None else dataclasses.asdict(examined.timing)),
    }


def _by_batch_size(answers: list[CutAnswers], n_rows: int) -> list[BatchCheck]:
    """Return the cuts into equal batches, each size once."""
    by_size = {
        int(size): BatchCheck(
            batch_size=int(size),
            n_rows=n_rows,
            largest_difference=cut.largest_difference,
            mean_difference=cut.mean_difference,
            n_flips=cut.n_flips,
        )
        for cut in answers
        if (size := str(n_rows) if cut.cut == ALL_ROWS else cut.cut).isdigit()
    }
    return list(by_size.values())


def _described(form: Format, source: FrameworkName, status: str, reason: str) -> dict[str, Any]:
    shared = ("name", "title", "chapter", "runtime", "good_for", "stored_as", "computed_in")
    route = describe_route(form, source, load_formats())
    own = {"framework": source, "route": route, "told": form.is_told(source), "status": status, "reason": reason}
    return {name: getattr(form, name) for name in shared} | own
