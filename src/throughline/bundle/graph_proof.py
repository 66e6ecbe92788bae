"""Make a file that takes columns out of the one that is proven, and hold its answers against the same ones."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np

from throughline.bundle.column_graphs import PREFIX, ColumnGraph
from throughline.bundle.content import Piece
from throughline.bundle.manifest import Parity, Table
from throughline.errors import VerificationError
from throughline.formats import load_formats
from throughline.formats.base import Facts, FrameworkName, describe_route
from throughline.frameworks.rows import score
from throughline.processes import Child
from throughline.progress import OnEvent, Stage
from throughline.verify.checks import ALL_ROWS, check_batches, check_labels, check_shapes, check_values
from throughline.verify.compare import largest_share, verdict_on
from throughline.verify.decision import flipped
from throughline.verify.prove import HeldOutRows, TrainedNetwork
from throughline.verify.tolerance import Tolerance, derive_tolerance
from throughline.verify.worker import BATCH_SIZES
from throughline.weights import Array


@dataclass(frozen=True)
class RawRows:
    """The held-out rows, as numbers and as they stand in their table.

    Attributes
    ----------
    numbers : HeldOutRows
    table : Table
    columns : mapping of str to ndarray of shape (n_rows,)
        By name of the column.
    """

    numbers: HeldOutRows
    table: Table
    columns: Mapping[str, Array]

    @property
    def ports(self) -> dict[str, str]:
        """Which array each input of a graph takes."""
        return {column.port: f"{PREFIX}{column.name}" for column in self.table.columns}


def make_and_prove(graph: ColumnGraph, network: TrainedNetwork, rows: RawRows, work: Path, on_event: OnEvent) -> Piece:
    """Make one, and prove it with the tolerances of the format that it is made from.

    Parameters
    ----------
    graph : ColumnGraph
    network : TrainedNetwork
        With the base of the graph among its exports; its test answers are those of `rows`.
    rows : RawRows
    work : Path
        Folder for the file and what is needed on the way.
    on_event : callable

    Raises
    ------
    VerificationError
        If its answers are not those of the network.
    """
    form = graph.form
    path = work / form.name / (form.name + form.suffix)
    on_event(Stage(form.name, f"make and prove {form.title}"))
    facts = _make(graph, Path(network.exports[graph.base]["path"]), rows.table, path, work)
    answers = _answers(graph, path, network.spec.output_name, rows, work)
    on_event(Stage(form.name, ""))
    expected = network.test_answers.astype(np.float64)
    tolerance = derive_tolerance(network.spec, network.weights, rows.numbers.X, form.stored_as, form.computed_in)
    try:
        answers = _checked(answers, expected, tolerance)
    except VerificationError as error:
        raise VerificationError(f"{form.title} cannot go into the bundle: {str(error).rstrip('.')}.") from error
    worst = np.abs(np.stack(list(answers.values())) - expected).max(axis=0)
    output, framework = network.spec.output_name, cast(FrameworkName, network.record.framework)
    parity = Parity(
        verdict=verdict_on(worst, tolerance),
        output=output,
        largest_difference=float(worst.max()),
        tolerance=float(tolerance.per_row.max()),
        share_of_tolerance=largest_share(worst, tolerance),
        n_flips=max(int(flipped(answer, expected, tolerance.output).sum()) for answer in answers.values()),
        tolerance_reason=tolerance.reason,
        accuracy=score(answers[ALL_ROWS], rows.numbers.y, network.spec.output),
        route=f"{describe_route(load_formats()[graph.base], framework, load_formats())} > {form.title}",
        facts=facts,
    )
    return Piece(
        form=form,
        path=path,
        parity=parity,
        tolerance={output: tolerance.per_row},
        rounding={output: tolerance.rounding_only},
    )


def _checked(answers: dict[str, Array], expected: Array, tolerance: Tolerance) -> dict[str, Array]:
    """Make the checks of answers that every exported file has to pass; return them in the shape of the expected."""
    check_shapes(answers, len(expected), int(np.prod(expected.shape[1:])))
    shaped = {cut: np.asarray(answer, np.float64).reshape(expected.shape) for cut, answer in answers.items()}
    check_values(shaped, expected, tolerance)
    check_labels(shaped, expected, tolerance)
    check_batches(shaped, tolerance)
    return shaped


def _make(graph: ColumnGraph, base: Path, table: Table, path: Path, work: Path) -> Facts:
    form = graph.form
    log, arguments = work / f"make-{form.name}.log", {"name": form.name, "base": str(base), "path": str(path)}
    with Child(f"make {form.name}", preload=graph.packages, log=log, environment=form.environment) as child:
        described = {"table": msgspec.to_builtins(table)}
        facts: Facts = child.call("throughline.bundle.column_graphs:make_in_child", arguments | described)
    return facts


def _answers(graph: ColumnGraph, path: Path, output: str, rows: RawRows, work: Path) -> dict[str, Array]:
    """Let the file alone answer all rows, in batches of each size."""
    form, given = graph.form, work / f"columns-{graph.form.name}.npz"
    arrays: dict[str, Any] = {f"{PREFIX}{name}": array for name, array in rows.columns.items()}
    np.savez(given, **arrays)
    answers: dict[str, Array] = {}
    log = work / f"prove-{form.name}.log"
    with Child(f"prove {form.name}", preload=form.preload, log=log, environment=form.environment) as child:
        for size in (*BATCH_SIZES, len(rows.numbers.X)):
            found = work / f"answers-{form.name}-{size}.npz"
            arguments: dict[str, Any] = {"opener": form.opener, "path": str(path), "rows": str(given)}
            arguments |= {"outputs": [output], "batch_size": size, "answers": str(found), "ports": rows.ports}
            child.call("throughline.bundle.source:open_as_receiver", arguments)
            with np.load(found, allow_pickle=False) as array:
                answers[ALL_ROWS if size == len(rows.numbers.X) else str(size)] = array[output]
    return answers
