"""The network of a finished run: what the run has exported and proven, and what is exported from its weights now.

record.json ──► which network, which formats
weights     ──► its framework's process: expected answers, missing exports, steps of int8 files
artefacts   ──► proven, unless the run has
"""

from __future__ import annotations

import contextlib
import dataclasses
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from throughline.bundle.column_graphs import ColumnGraph, column_graphs
from throughline.bundle.content import AT_A_TIME, Content, Piece
from throughline.bundle.graph_proof import RawRows, make_and_prove
from throughline.bundle.manifest import MODELS_NAME, Classes, Parity, Preprocessing, Table, Trained
from throughline.bundle.table import describe_table
from throughline.data.encode import encode, raw_columns
from throughline.data.of_run import held_out_cells, rows_of_run
from throughline.data.split import Split
from throughline.errors import DataError, MissingPackageError, UsageError, VerificationError, quoted
from throughline.evaluate import threshold_of
from throughline.formats import load_formats, with_made_from
from throughline.formats.availability import missing_runtime
from throughline.formats.base import EXPORTING_FRAMEWORKS, Format, FrameworkName, Quantization, file_sha256
from throughline.frameworks.base import PRELOAD
from throughline.processes import Child
from throughline.progress import OnEvent, Stage
from throughline.record import FormatRecord, RunRecord, TrainingRecord, load_record
from throughline.spec import FRAMEWORK_TITLES, NetworkSpec
from throughline.verify.compare import WIDEST_USEFUL_TOLERANCE_OF_INT8
from throughline.verify.prove import HeldOutRows, TrainedNetwork, prove
from throughline.verify.tolerance import Tolerance, derive_tolerance
from throughline.weights import Array, Weights, load_weights

INPUT_NAME = "features"
BATCH_SIZES = (1, 2, 33)  # and all rows at once; an axis that was frozen at 1 shows at 2


@dataclass(frozen=True)
class Network:
    """The network that goes into the bundle, and where its run lies."""

    folder: Path
    record: RunRecord
    training: TrainingRecord
    framework: FrameworkName
    weights: Weights
    spec: NetworkSpec

    @property
    def weights_path(self) -> Path:
        """The file of its weights."""
        return self.folder / self.training.weights_path


@dataclass(frozen=True)
class Wanted:
    """What of a run goes into the bundle.

    Attributes
    ----------
    forms : list of Format
    graphs : dict of str to ColumnGraph
        Files that take columns; their base is among the forms.
    all_graphs : bool
        Whether every further one goes in that can be made.
    network : {"keras", "torch"} or None
        Whose network; None takes the one from which fewest formats need a way through the other framework.
    """

    forms: list[Format]
    graphs: dict[str, ColumnGraph]
    all_graphs: bool
    network: str | None


def gather(run: Path, wanted: Wanted, data: Path | str | None, work: Path, on_event: OnEvent) -> Content:
    """Gather one network of a run with its rows, its answers and its artefacts.

    Parameters
    ----------
    run : Path
    wanted : Wanted
    data : Path or None
        The file that the run has read.
    work : Path
        Folder for what is made anew.
    on_event : callable
    """
    record = load_record(run)
    framework = _framework(record, wanted.forms, wanted.network)
    network = _network(run if run.is_dir() else run.parent, record, framework)
    graphs, left_out = _graphs(wanted, network.spec)
    rows = rows_of_run(record, data)
    return _Gatherer(network, rows, data, work, on_event).gather(wanted.forms, graphs, left_out)


def _graphs(wanted: Wanted, spec: NetworkSpec) -> tuple[dict[str, ColumnGraph], dict[str, str]]:
    """Return the graphs to make, and why "all" leaves some out."""
    if not any(column.labels for column in spec.columns):
        if wanted.graphs:
            allowed = "formats that take rows of numbers, since this network has no column of texts"
            raise UsageError("--to", allowed, quoted(next(iter(wanted.graphs))), "leave it out")
        return {}, {}
    names = {form.name for form in wanted.forms}
    graphs = dict(wanted.graphs)
    if wanted.all_graphs:
        graphs |= {name: graph for name, graph in column_graphs().items() if graph.base in names}
    missing = {name: missing_runtime(dataclasses.replace(g.form, packages=g.packages)) for name, g in graphs.items()}
    for name in wanted.graphs:
        if missing[name]:
            raise MissingPackageError("--to", "formats that can be made here", quoted(name), missing[name])
    return {name: graph for name, graph in graphs.items() if not missing[name]}, {k: v for k, v in missing.items() if v}


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


def _network(folder: Path, record: RunRecord, framework: FrameworkName) -> Network:
    training = next(entry for entry in record.trainings() if entry.framework == framework)
    weights, spec = load_weights(folder / training.weights_path)
    if weights.digest != training.weights_digest:
        received = f"others in {quoted(folder / training.weights_path)}"
        raise DataError("RUN", "a folder with the weights of its record", received, "run again")
    return Network(folder, record, training, framework, weights, spec)


class _Gatherer:
    def __init__(self, network: Network, split: Split, data: Path | str | None, work: Path, on_event: OnEvent) -> None:
        self._network, self._split, self._data, self._work, self._on_event = network, split, data, work, on_event
        X, y = split.proven_rows
        self._rows = HeldOutRows(X, y, work / "rows.npy")  # the network answers these alone
        np.save(self._rows.path, X)
        split.save(work / "split.npz")

    def gather(self, forms: list[Format], graphs: dict[str, ColumnGraph], left_out: dict[str, str]) -> Content:
        network, record = self._network, self._network.record
        of_run = {form.name: entry for form in forms if (entry := self._proven(form)) is not None}
        expected, exports = self._answer_and_export(forms, of_run)
        framework = network.framework
        evaluated = record.evaluation.networks if record.evaluation else []
        amounts = record.evaluation.amounts if record.evaluation else []
        mean, std = (array.astype(float).tolist() for array in (network.weights.mean, network.weights.std))
        trained = TrainedNetwork(network.training, network.spec, network.weights, expected, expected, [], exports)
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            pieces = list(pool.map(lambda form: self._piece(form, trained, of_run.get(form.name)), forms))
            raw = RawRows(self._rows, self._table(), self._columns() if graphs else {})
            made = list(
                pool.map(lambda graph: make_and_prove(graph, trained, raw, self._work, self._on_event), graphs.values())
            )
        output, spec = network.spec.output_name, network.spec
        told = spec.output != "linear"
        scale = derive_tolerance(spec, network.weights, self._rows.X, "float32").scale
        threshold = threshold_of(record, network.framework) if spec.output == "sigmoid" else None
        return Content(
            name=record.name,
            inputs={INPUT_NAME: self._rows.X},
            expected={output: expected.reshape(len(expected), -1)},
            labels=self._rows.y if told else None,
            values=None if told else self._rows.y,
            classes=Classes(output=output, threshold=threshold, names=list(record.task.class_names)) if told else None,
            useful_tolerance={output: WIDEST_USEFUL_TOLERANCE_OF_INT8 * scale},
            batch_sizes=sorted({*BATCH_SIZES, len(self._rows.X)}),
            trained=Trained(
                task=record.task,
                network=network.spec,
                framework=network.framework,
                weights_digest=network.weights.digest,
                preprocessing=Preprocessing(
                    where="inside every artefact", formula="(x - mean) / std", mean=mean, std=std
                ),
                split_sha256=record.split.sha256,
                evaluation=next((entry for entry in evaluated if entry.framework == framework), None),
                amounts=next((entry for entry in amounts if entry.framework == framework), None),
            ),
            pieces=pieces,
            table=raw.table if spec.columns else None,
            columns=raw.columns,
            graphs=made,
            left_out=left_out,
        )

    def _table(self) -> Table:
        return describe_table(self._network.spec.columns, str(self._network.record.arguments.get("target") or ""))

    def _columns(self) -> dict[str, Array]:
        """Return the held-out rows as their file has them; what they become must be the rows that were split."""
        assert self._data is not None  # columns come from a table, and its rows were read from it
        cells = held_out_cells(self._network.record, self._data)
        if not np.array_equal(encode(cells, self._network.spec.columns), self._rows.X, equal_nan=True):
            received = f"others in {quoted(self._data)}"
            raise DataError("--data", "the table that the run has read", received, "pass the file as it was")
        return raw_columns(cells, self._network.spec.columns)

    def _judged(self, form: Format, path: Path, parity: Parity, tolerance: Tolerance) -> Piece:
        output = self._network.spec.output_name
        return Piece(
            form=form,
            path=path,
            parity=parity,
            tolerance={output: tolerance.per_row},
            rounding={output: tolerance.rounding_only},
            largest_batch=form.largest_batch,
        )

    def _proven(self, form: Format) -> FormatRecord | None:
        """Return the run's record of an artefact that it has proven and still has, unchanged."""
        for entry in self._network.record.formats:
            if (entry.name, entry.framework, entry.status) == (form.name, self._network.framework, "passed"):
                path = self._network.folder / entry.path
                if not path.exists() or file_sha256(path) != entry.sha256:
                    said = "is missing or no longer what the run has proven"
                    raise VerificationError(f"{entry.title} of the run, {quoted(path)}, {said}: run again.")
                return entry
        return None

    def _answer_and_export(
        self, forms: list[Format], of_run: dict[str, FormatRecord]
    ) -> tuple[Array, dict[str, dict[str, Any]]]:
        """Ask the network for its answers, export what the run has not, and read the steps of int8 files."""
        source, known = self._network.framework, load_formats()
        further = with_made_from([form.name for form in forms if form.name not in of_run], source)
        answers = self._work / "expected.npy"
        exports: dict[str, dict[str, Any]] = {
            name: {"path": str(self._network.folder / entry.path), "facts": entry.facts, "export_s": entry.export_s}
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
                    given = {"framework": framework, "weights": str(self._network.weights_path)}
                    given |= {"rows": str(self._rows.path), "answers": str(answers)}
                    child.call("throughline.verify.source:answer_in_child", given)
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
            "source": self._network.framework,
            "framework": framework,
            "weights": str(self._network.weights_path),
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

    def _piece(self, form: Format, network: TrainedNetwork, proven: FormatRecord | None) -> Piece:
        """Prove an artefact unless the run has."""
        made = network.exports[form.name]
        if proven is None:
            process = f"prove {form.name}"
            self._on_event(Stage(process, f"prove {form.title}"))
            log = self._work / f"prove-{form.name}.log"
            with Child(process, preload=form.preload, log=log, environment=form.environment) as child:
                proven = prove(form, child, network, self._rows, self._work)
            self._on_event(Stage(process, ""))
            if proven.status != "passed":
                raise VerificationError(f"{form.title} cannot go into the bundle: {proven.reason.rstrip('.')}.")
        steps = made.get("quantization")
        quantization = None if steps is None else msgspec.convert(steps, Quantization)
        tolerance = derive_tolerance(
            network.spec, network.weights, self._rows.X, form.stored_as, form.computed_in, quantization
        )
        return self._judged(form, Path(made["path"]), _parity(proven, network.spec.output_name), tolerance)


def _parity(proven: FormatRecord, output: str) -> Parity:
    return Parity(
        verdict=proven.verdict,
        output=output,
        largest_difference=proven.largest_difference,
        tolerance=proven.tolerance,
        share_of_tolerance=proven.share_of_tolerance,
        n_flips=proven.n_flips,
        tolerance_reason=proven.tolerance_reason,
        accuracy=proven.test_accuracy,
        route=proven.route,
        facts=proven.facts,
    )
