"""RunRecord: everything a run measured, in one JSON file.

Report, talking points and notebook take every figure from here (rule 7), so they cannot disagree. The
series a picture needs are in it too, rounded to what a picture can show; weights and models are files.

    RunRecord
    ├── task, split, network, train     what was asked for
    ├── table                           what was found in the file, if the rows come from one
    ├── perceptron                      chapter 1
    ├── mlp                             chapter 2
    ├── keras, pytorch                  chapters 3 and 4
    ├── evaluation                      chapter 5
    ├── formats                         chapters 3, 4, 6, 7: every exported file and its verification
    ├── bars                            what each chapter had to reach, and what it reached
    ├── ledger                          which default of a framework does how much, if that was measured
    ├── bench                           what every artefact costs, over several processes, if that was measured
    └── spans, environment              where the time went, and on what

A chapter that was not asked for is ``None``.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import msgspec

from throughline.errors import DataError, quoted
from throughline.spec import NetworkSpec, Task, TrainSpec

SCHEMA_VERSION = 1
# Figures that a second run of the same seed need not repeat: clocks, and what names the moment or the machine.
NOT_REPRODUCED = {
    "created",
    "name",
    "environment",
    "spans",
    "wall_s",
    "fit_s",
    "export_s",
    "load_s",
    "latency_us",
    "rows_per_s",
    "sha256",
}


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What a chapter must reach.

    Attributes
    ----------
    chapter : int
    text : str
        What is measured, as a noun phrase.
    kind : {"at least", "above", "below", "at most"}
        How `measured` must stand to `required`.
    required, measured : float
    met : bool
    unit : {"percent", "number"}
        "percent": shares of 1, shown as percentages.
    """

    chapter: int
    text: str
    kind: Literal["at least", "above", "below", "at most"]
    required: float
    measured: float
    met: bool
    unit: Literal["percent", "number"]

    @property
    def missed_in(self) -> int:
        """The chapter if the bar was missed, otherwise 0."""
        return 0 if self.met else self.chapter


def make_bar(
    chapter: int,
    text: str,
    measured: float,
    kind: Literal["at least", "above", "below", "at most"],
    required: float,
    unit: Literal["percent", "number"] = "percent",
) -> Bar:
    """Compare and return the bar; a measured NaN never meets it."""
    met = {
        "at least": measured >= required,
        "above": measured > required,
        "below": measured < required,
        "at most": measured <= required,
    }[kind]
    return Bar(
        chapter=chapter, text=text, kind=kind, required=required, measured=float(measured), met=bool(met), unit=unit
    )


@dataclass(frozen=True, kw_only=True)
class SplitRecord:
    """Sizes of the parts, share of class 1 in each, and the checksum of all rows."""

    n_train: int
    n_val: int
    n_test: int
    share_of_class_1: tuple[float, float, float]
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ColumnRecord:
    """What a column of the run's file was taken for.

    Attributes
    ----------
    name : str
    kind : str
        As in `data.kinds.Kind`; "target", "group", "time", "weights" and "dropped" for columns that are no inputs.
    reason : str
        With the figures that decided.
    used : bool
        Whether the networks get it.
    chosen : bool
        Whether its kind was asked for.
    n_missing, n_distinct : int
        Empty cells, and distinct values of the others.
    missing_as : list of str
        Texts that stood for an empty cell.
    inputs : list of str
        What of it the networks get: names in ``task.feature_names``.
    """

    name: str
    kind: str
    reason: str
    used: bool
    chosen: bool = False
    n_missing: int = 0
    n_distinct: int = 0
    missing_as: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class TableWarning:
    """Something in the run's file that a reader should know of.

    Attributes
    ----------
    kind : {"leakage", "duplicates", "imbalance", "empty", "range", "left out"}
    column : str
        Empty if it is about rows.
    text : str
        A sentence with its figures.
    figure : float
        The one that decided.
    """

    kind: Literal["leakage", "duplicates", "imbalance", "empty", "range", "left out"]
    column: str
    text: str
    figure: float


@dataclass(frozen=True, kw_only=True)
class TableRecord:
    """What was found in the run's file, before anything was trained.

    Attributes
    ----------
    found : dict of str to str
        Format, encoding, separator, decimal sign, and whether all rows were read or a sample.
    file_sha256 : str
    n_rows, n_read, n_without_target : int
        Rows of the file; those that were read; of these the ones left out since their target is empty.
    task_reason, split_reason : str
        Why the task is of its kind, and how the rows were split.
    columns : list of ColumnRecord
        In the order of the file.
    warnings : list of TableWarning
    """

    found: dict[str, str]
    file_sha256: str
    n_rows: int
    n_read: int
    n_without_target: int
    task_reason: str
    split_reason: str
    columns: list[ColumnRecord]
    warnings: list[TableWarning]


@dataclass(frozen=True, kw_only=True)
class PlanePicture:
    """Points in the plane and what a classifier says around them.

    Attributes
    ----------
    points : list of (x, y, label)
        Training points.
    lines : list of (weight 1, weight 2, bias)
        Boundaries of a perceptron after some of its updates, first to last; beside a grid only the last.
    grid : list of list of float
        Probability of class 1 of a network on an even grid, rows from low y to high y; empty for a line.
    extent : (x min, x max, y min, y max)
        Edges of the picture and of the grid.
    """

    points: list[tuple[float, float, int]]
    lines: list[tuple[float, float, float]]
    grid: list[list[float]]
    extent: tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class PerceptronRecord:
    """Chapter 1.

    Attributes
    ----------
    mistakes_per_epoch : list of int
        The last is 0 when it converged.
    n_mistakes : int
        Their sum, which Novikoff's theorem bounds by ``(radius / margin)**2``.
    radius, margin, novikoff_bound : float
        Of the augmented rows [x, 1] and of the separator that made the points.
    margin_found : float
        Margin of the separator that the perceptron found.
    task_test_accuracy, task_n_epochs, task_converged :
        The same perceptron on the run's own task, whose classes overlap.
    """

    n_train: int
    n_test: int
    n_epochs: int
    mistakes_per_epoch: list[int]
    n_mistakes: int
    converged: bool
    radius: float
    margin: float
    margin_found: float
    novikoff_bound: float
    train_accuracy: float
    test_accuracy: float
    task_test_accuracy: float
    task_n_epochs: int
    task_converged: bool
    picture: PlanePicture


@dataclass(frozen=True, kw_only=True)
class GradientRecord:
    """How far the gradient from backpropagation is from two independent ones.

    Attributes
    ----------
    n_checked, n_skipped_kinks : int
        Parameters compared with central differences; left out since a ReLU switched in between.
    largest_relative_error : float
        Against central differences, float64.
    autograd_framework : str
        Which framework's automatic differentiation was asked; empty if none ran.
    autograd_largest_relative_error : float or None
        Against automatic differentiation, on the run's own network, float32 or float64 as the network is.
    """

    n_checked: int
    n_skipped_kinks: int
    largest_relative_error: float
    autograd_framework: str
    autograd_largest_relative_error: float | None


@dataclass(frozen=True, kw_only=True)
class PlaneProblem:
    """A problem in the plane that no line solves, learned by a small network.

    Attributes
    ----------
    units : list of list of list of float
        Output of each unit of the last hidden layer, on an even grid over ``picture.extent``, rows from low to high y;
        empty in records of older releases.
    """

    name: str
    layer_sizes: list[int]
    n_epochs: int
    losses: list[float]
    perceptron_accuracy: float
    test_accuracy: float
    picture: PlanePicture
    units: list[list[list[float]]] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class TrainingRecord:
    """One training on the run's task.

    Attributes
    ----------
    framework : {"numpy", "keras", "torch"}
    n_parameters : int
    losses, val_losses, val_accuracies : list of float
        One an epoch; the loss is the mean while weights moved, dropout on.
    best_epoch : int
        From 1; its weights were kept.
    val_accuracy, val_loss : float
        Of the kept weights.
    initial_digest, weights_digest : str
        SHA-256 of the start weights (equal for all frameworks) and of the kept ones.
    weights_path : str
        Relative to the run's folder.
    fit_s : float
        Seconds of training alone.
    versions : dict
        Versions of the framework.
    """

    framework: str
    n_parameters: int
    losses: list[float]
    val_losses: list[float]
    val_accuracies: list[float]
    best_epoch: int
    val_accuracy: float
    val_loss: float
    initial_digest: str
    weights_digest: str
    weights_path: str
    fit_s: float
    versions: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class MlpRecord:
    """Chapter 2: gradients, two problems in the plane, and the run's own task in NumPy."""

    gradient: GradientRecord
    problems: list[PlaneProblem]
    training: TrainingRecord


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure with its 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ClassFigures:
    """Precision, recall and F1 of one class, and its rows in the test set."""

    name: str
    precision: float
    recall: float
    f1: float
    n_rows: int


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One network on the test rows.

    Attributes
    ----------
    accuracy : Interval
        Wilson's interval.
    classes : list of ClassFigures
    confusion : list of list of int
        Rows are true classes, columns are answers.
    report : str
        scikit-learn's classification report.
    roc_auc, average_precision, log_loss, brier : float
    roc, precision_recall : list of (x, y)
        False against true positive rate; recall against precision; thinned for the picture.
    calibration : list of (mean probability, share of class 1, rows)
        Ten bins of equal width, empty ones left out.
    intervals : dict of str to Interval
        Every figure above with its 95 % bootstrap interval: ``accuracy``, ``roc_auc``, ``average_precision``,
        ``log_loss``, ``brier``, and for each class ``precision_0``, ``recall_0``, ``f1_0``, ``precision_1``, and so on.
        Empty in records of older releases.
    """

    framework: str
    accuracy: Interval
    classes: list[ClassFigures]
    confusion: list[list[int]]
    report: str
    roc_auc: float
    average_precision: float
    log_loss: float
    brier: float
    roc: list[tuple[float, float]]
    precision_recall: list[tuple[float, float]]
    calibration: list[tuple[float, float, int]]
    intervals: dict[str, Interval] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class PairedTest:
    """McNemar's exact test of two networks on the same rows.

    Attributes
    ----------
    frameworks : (str, str)
    only_first_right, only_second_right : int
        The rows on which just one of the two is right.
    agreement : float
        Share of rows with the same label.
    p_value : float
        Two-sided; below 0.05 counts as a difference.
    """

    frameworks: tuple[str, str]
    only_first_right: int
    only_second_right: int
    agreement: float
    p_value: float


@dataclass(frozen=True, kw_only=True)
class EquivalenceTest:
    """Two one-sided t-tests on the accuracies of two frameworks, trained with the same seeds.

    Attributes
    ----------
    frameworks : (str, str)
    margin : float
        Differences smaller than this do not matter, decided beforehand.
    n_seeds : int
    difference : float
        First minus second, mean over the seeds.
    low, high : float
        90 % interval of the difference; inside the margin just where the test is significant at 5 %.
    p_value : float
        The larger of the two; below 0.05 the frameworks are equivalent within the margin.
    equivalent : bool
    """

    frameworks: tuple[str, str]
    margin: float
    n_seeds: int
    difference: float
    low: float
    high: float
    p_value: float
    equivalent: bool


@dataclass(frozen=True, kw_only=True)
class EvaluationRecord:
    """Chapter 5: all networks of the run on the test rows; Keras and PyTorch paired.

    Attributes
    ----------
    threshold : float
    networks : list of Evaluation
    paired : PairedTest
        On the rows, with the networks of this run.
    equivalence : EquivalenceTest or None
        On the seeds, with further trainings of both; None when there were none.
    """

    threshold: float
    networks: list[Evaluation]
    paired: PairedTest
    equivalence: EquivalenceTest | None = None


@dataclass(frozen=True, kw_only=True)
class LedgerLine:
    """What one default does.

    Attributes
    ----------
    name, title, keras_does, torch_does, torch_stands_for, sentence : str
        As in `parity.ledger.setting.Entry`.
    gap : float
        Difference of the two losses on the training rows after the last step, dropout off: the median of its size
        over the seeds.
    gap_low, gap_high : float
        Smallest and largest of the seeds.
    share : float
        The gap as a part of that of the stock frameworks. Shares need not add up to 1: defaults act on each other.
    keras_accuracy, torch_accuracy : float
        On the test rows, mean over the seeds.
    accuracy_difference : Interval
        Keras minus PyTorch, mean over the seeds, with a 95 % interval of Student's t.
    """

    name: str
    title: str
    keras_does: str
    torch_does: str
    torch_stands_for: str
    sentence: str
    gap: float
    gap_low: float
    gap_high: float
    share: float
    keras_accuracy: float
    torch_accuracy: float
    accuracy_difference: Interval


@dataclass(frozen=True, kw_only=True)
class LedgerRecord:
    """The whole ledger.

    Attributes
    ----------
    n_steps, n_train, n_test : int
    seeds : list of int
        Of initial weights, order, masks; the rows are the same for all.
    lines : list of LedgerLine
        The first is aligned, the last has every default.
    equivalence : EquivalenceTest
        Of the stock frameworks' accuracies over the seeds.
    wall_s : float
    environment : Environment
    """

    n_steps: int
    n_train: int
    n_test: int
    seeds: list[int]
    lines: list[LedgerLine]
    equivalence: EquivalenceTest
    wall_s: float
    environment: Environment

    def to_json(self) -> str:
        """Write the ledger as indented JSON."""
        return json.dumps(msgspec.to_builtins(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


@dataclass(frozen=True, kw_only=True)
class BatchCheck:
    """An artefact's answers at one batch size, against its source network.

    Attributes
    ----------
    batch_size : int
    n_rows : int
        Rows answered; all test rows at every batch size.
    largest_difference, mean_difference : float
        Of the answers.
    n_flips : int
        Rows whose label differs.
    """

    batch_size: int
    n_rows: int
    largest_difference: float
    mean_difference: float
    n_flips: int


@dataclass(frozen=True, kw_only=True)
class FormatRecord:
    """One exported file and what it answered, loaded alone in its own runtime.

    Attributes
    ----------
    name, title, chapter, runtime, good_for, stored_as, computed_in :
        As in `formats.base.Format`; chapter 8 is why there are several formats.
    framework : {"keras", "torch"}
        Where the network was trained, and whose answers are the reference.
    route : str
        The stations from that framework's network to the file.
    told : bool
        Whether its chapter exports it unasked, and speaks of it.
    status : {"passed", "failed", "not_run"}
    reason : str
        Why it failed or did not run; empty when passed.
    verdict : {"identical", "rounding", "explained (float16 weights)", "explained (bfloat16 compute)", \
"explained (int8)", "unexplained", ""}
        What explains the largest difference.
    path : str
        Relative to the run's folder.
    size_bytes : int
    checks : list of BatchCheck
        Batch sizes 1, 2, 33 and all.
    largest_difference, mean_difference, n_flips :
        Over all batch sizes, the worst.
    tolerance : float
        Largest difference that rounding of this network explains on these rows, derived in
        `verify.tolerance`; the check itself is made row by row.
    share_of_tolerance : float
        Largest share of its own tolerance that any row used; above 1 is a failure.
    tolerance_reason : str
    numpy_largest_difference : float
        Against the plain NumPy network with the same weights, float64.
    batch_difference : float
        Largest difference between one row's answers in different batches.
    test_accuracy : float
        Where answers are values, R^2.
    latency_us : float
        Median time of one row, microseconds.
    rows_per_s : float
        At the largest batch.
    load_s, export_s : float
    facts : dict
        Read back from exporter, file and runtime.
    """

    name: str
    title: str
    chapter: int
    framework: str
    runtime: str
    good_for: str
    stored_as: str
    status: Literal["passed", "failed", "not_run"]
    reason: str
    computed_in: str = "float32"
    route: str = ""
    told: bool = True
    verdict: str = ""
    path: str = ""
    size_bytes: int = 0
    sha256: str = ""
    checks: list[BatchCheck] = field(default_factory=list)
    largest_difference: float = 0.0
    mean_difference: float = 0.0
    n_flips: int = 0
    tolerance: float = 0.0
    share_of_tolerance: float = 0.0
    tolerance_reason: str = ""
    numpy_largest_difference: float = 0.0
    batch_difference: float = 0.0
    test_accuracy: float = 0.0
    latency_us: float = 0.0
    rows_per_s: float = 0.0
    load_s: float = 0.0
    export_s: float = 0.0
    facts: dict[str, str | int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Span:
    """A stretch of time: what ran, in which process, for which chapter (0: for all)."""

    name: str
    process: str
    chapter: int
    start_s: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Environment:
    """On what it ran."""

    throughline: str
    python: str
    system: str
    machine: str
    n_cpus: int
    packages: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A figure of an artefact: the median of the rounds, its 95 % bootstrap interval, and the rounds themselves."""

    median: float
    low: float
    high: float
    rounds: list[float]


@dataclass(frozen=True, kw_only=True)
class ByteAccount:
    """Where the bytes of an artefact go; the parts add up to its size.

    Attributes
    ----------
    weights : int
        Numbers of kernels, biases and scaling.
    quantisation : int
        Steps and zero points.
    graph : int
        Operators, shapes, names of tensors: what says how the numbers are used.
    metadata : int
        What no answer depends on: descriptions, versions, producers.
    padding : int
        Bytes that only align others.
    container : int
        What this account cannot read further: archives, programs, machine code.
    read_from : str
        How it was found out.
    """

    weights: int
    quantisation: int = 0
    graph: int = 0
    metadata: int = 0
    padding: int = 0
    container: int = 0
    read_from: str = ""

    @property
    def total(self) -> int:
        """All parts together."""
        return self.weights + self.quantisation + self.graph + self.metadata + self.padding + self.container


@dataclass(frozen=True, kw_only=True)
class ArtefactBench:
    """What one artefact costs, in its own runtime and processes.

    Attributes
    ----------
    name, title, runtime, stored_as, computed_in :
        As in `formats.base.Format`.
    framework : str
        Whose network it is.
    size_bytes : int
    account : ByteAccount
    predicted_bytes : float or None
        By the line fitted to exports of other networks in this format (`sizes`); None where none was fitted.
    accuracy : float or None
        On the held-out rows; None where their classes are not known.
    figures : dict of str to Measured
        By the names of `bench.figures.FIGURES`; those in `left_out` are missing.
    facts : dict
        Read back from the runtime, threads among it.
    n_threads : int or None
        Most threads that its process had; None where the system does not say.
    processor_share : float
        Processor time over wall time of the largest batches: above 1 more than one thread computed.
    left_out : dict of str to str
        Figures that were not measured, and why.
    """

    name: str
    title: str
    runtime: str
    stored_as: str
    computed_in: str
    framework: str
    size_bytes: int
    account: ByteAccount
    predicted_bytes: float | None
    accuracy: float | None
    figures: dict[str, Measured]
    facts: dict[str, str | int]
    n_threads: int | None
    processor_share: float
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BenchVerdict:
    """Which artefact has the best figure.

    Attributes
    ----------
    figure : str
    best : list of str
        Titles: one winner, or all those whose interval overlaps that of the best median.
    sentence : str
    """

    figure: str
    best: list[str]
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Processors:
    """What of the machine's processors the measured processes could use.

    Attributes
    ----------
    n_installed, n_allowed : int
        Of the machine, and of this process.
    quota : float or None
        Processors' worth of time that the container allows; None where there is no limit.
    pinned_to : int or None
        The one on which every measured process ran; None where the system cannot pin.
    """

    n_installed: int
    n_allowed: int
    quota: float | None
    pinned_to: int | None


@dataclass(frozen=True, kw_only=True)
class BenchRecord:
    """A benchmark of all artefacts of a run or a bundle.

    Attributes
    ----------
    n_rounds, n_rows : int
        Processes for each artefact; held-out rows.
    not_measured : dict of str to str
        Artefacts that could not run here, and why.
    """

    name: str
    created: str
    n_rounds: int
    n_rows: int
    n_threads: int
    processors: Processors
    artefacts: list[ArtefactBench]
    not_measured: dict[str, str]
    verdicts: list[BenchVerdict]
    wall_s: float
    environment: Environment

    def to_json(self) -> str:
        """Write the benchmark as indented JSON."""
        return json.dumps(msgspec.to_builtins(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """Everything a run measured; see the head of this module."""

    schema_version: int
    name: str
    created: str
    arguments: dict[str, Any]
    seed: int
    chapters: list[int]
    task: Task
    split: SplitRecord
    network: NetworkSpec
    train: TrainSpec
    perceptron: PerceptronRecord | None
    mlp: MlpRecord | None
    keras: TrainingRecord | None
    pytorch: TrainingRecord | None
    evaluation: EvaluationRecord | None
    formats: list[FormatRecord]
    bars: list[Bar]
    spans: list[Span]
    wall_s: float
    environment: Environment
    ledger: LedgerRecord | None = None
    bench: BenchRecord | None = None
    table: TableRecord | None = None

    @property
    def verified(self) -> bool:
        """Whether no artefact failed; one that could not run here is not a failure, but is shown."""
        return all(entry.status != "failed" for entry in self.formats)

    def trainings(self) -> list[TrainingRecord]:
        """Return the trainings on the run's task, in the order of the chapters."""
        found = [self.mlp.training if self.mlp else None, self.keras, self.pytorch]
        return [training for training in found if training is not None]

    def format_named(self, name: str) -> FormatRecord | None:
        """Return the record of a format, or None if it was not exported."""
        return next((entry for entry in self.formats if entry.name == name), None)

    def seconds_by_chapter(self) -> dict[int, float]:
        """Add up the spans of each chapter; spans run side by side, so the sum exceeds the wall time."""
        totals: dict[int, float] = {}
        for span in self.spans:
            totals[span.chapter] = totals.get(span.chapter, 0.0) + span.seconds
        return dict(sorted(totals.items()))

    def to_json(self) -> str:
        """Write the record as indented JSON.

        Raises
        ------
        ValueError
            If a figure is NaN or infinite: JSON has no word for it, and nothing here may be unmeasured.
        """
        return json.dumps(msgspec.to_builtins(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


class _Versioned(msgspec.Struct):
    schema_version: int


def load_record(path: Path) -> RunRecord:
    """Read a ``record.json``, or the one in a run's folder.

    Raises
    ------
    DataError
        If it is missing, damaged, or of another schema version.
    """
    remedy = "pass the folder of a finished run"
    try:
        file = path / "record.json" if path.is_dir() else path
        raw = file.read_bytes()
        version = msgspec.json.decode(raw, type=_Versioned).schema_version
        if version == SCHEMA_VERSION:
            return msgspec.json.decode(raw, type=RunRecord)
    except OSError as error:
        allowed = "the folder of a run or its record.json"
        raise DataError("RUN", allowed, f"{quoted(path)} ({error.strerror})", remedy) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        allowed = f"a whole record of schema version {SCHEMA_VERSION}"
        raise DataError("RUN", allowed, f"{quoted(file)} ({error})", remedy) from error
    remedy = "read it with the release of Throughline that wrote it, or run again"
    allowed, received = f"a record of schema version {SCHEMA_VERSION}", f"version {version} in {quoted(file)}"
    raise DataError("RUN", allowed, received, remedy)


def reproducible_figures(value: Any) -> Any:
    """Return the record as plain data without clocks, machine and file hashes, for comparing two runs."""
    data = msgspec.to_builtins(value)
    return _without(data)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of `RunRecord`; ``docs/record.schema.json`` is written from it."""
    return msgspec.json.schema(RunRecord)


def _without(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without(value) for key, value in data.items() if key not in NOT_REPRODUCED}
    if isinstance(data, list | tuple):
        return [_without(value) for value in data]
    return data


if __name__ == "__main__":
    print(json.dumps(json_schema(), indent=1))
