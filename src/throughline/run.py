"""The main job: seven chapters on real rows, one record, everything written under one folder.

The order of events is the order of the code in `_tell`: the child processes start importing their
frameworks, the rows are loaded meanwhile, the chapters are told while the children work, and the record is
closed. What is written appears under its final name only when all of it is there.
"""

from __future__ import annotations

import dataclasses
import datetime
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np

from throughline.background import Background, StageClock
from throughline.chapters import load_chapters, with_needed
from throughline.chapters.base import Run, ThresholdRule
from throughline.data.class_weights import balanced_class_weights
from throughline.data.features import fit_columns
from throughline.data.location import locate
from throughline.data.split import Split, rows_to_prove, split_rows
from throughline.data.table import TableRequest, read_table
from throughline.data.tasks import TASKS, Table, load_task
from throughline.environment import describe_environment
from throughline.errors import UsageError, WorkerError, quoted
from throughline.evaluate import equivalence_test
from throughline.formats import find_format, load_formats, with_made_from
from throughline.formats.availability import missing_runtime
from throughline.formats.base import EXPORTING_FRAMEWORKS, FrameworkName
from throughline.frameworks.base import CHAPTER_OF_FRAMEWORK
from throughline.held_out import keep_held_out
from throughline.output import folder_written_whole, write_whole
from throughline.plan import plan_network, plan_training
from throughline.progress import ChapterDone, ChapterStarted, OnEvent, TableRead, ignore
from throughline.record import SCHEMA_VERSION, Bar, EvaluationRecord, FormatRecord, RunRecord, Span, SplitRecord
from throughline.report.speaker import Speaker
from throughline.spec import ScalingName, Task, TaskKind, TrainSpec
from throughline.verify.prove import TrainedNetwork
from throughline.weights import Array, initial_weights

DEFAULT_TASK = next(iter(TASKS))
ALL_FORMATS = "all"
LEAST_SEEDS = 3
# Options with a few values each, the default first.
RULES = {
    "class_weights": ("none", "balanced"),
    "scaling": ("standard", "robust"),
    "threshold": ("0.5", "best"),
}


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What to run.

    Attributes
    ----------
    task : str or None
        A built-in task; the first of `TASKS` if neither `task` nor `data` is given. With `data` the kind of prediction,
        "binary", "multiclass" or "regression"; None: as the target suggests.
    data, target : Path or str, and str, or None
        A table and its target column, instead of a built-in task; as in `data.table.TableRequest`.
    kinds, drop, group, time, weights, positive :
        What is known of that table; as in `data.table.TableRequest`.
    class_weights : {"none", "balanced"}
        Whether classes count alike in the loss, or rows.
    scaling : {"standard", "robust"}
        As in `NetworkSpec`.
    threshold : {"0.5", "best"}
        Where a row is given class 1 of two: above one half, or as chosen on the validation rows for the highest F1.
    out : Path or None
        Folder to write; by default a new one below ``runs/``.
    seed : int
        Seed of everything random.
    seeds : int
        Short trainings of Keras and PyTorch with as many seeds, for chapter 5's test that they are equivalent; 1 for
        none.
    chapters : tuple of int
        Which chapters; those whose results they use are added.
    formats : tuple of str
        Formats beyond those that the chapters export, each from every framework that is trained; "all" for all.
    speaker : Speaker
        Whose talking points are written; the figures do not depend on it.
    embed : bool
        Whether to keep held-out rows and to put them, the ONNX file and its runtime into the report.
    """

    task: str | None = None
    data: Path | str | None = None
    target: str | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    group: str | None = None
    time: str | None = None
    weights: str | None = None
    positive: str | None = None
    class_weights: str = "none"
    scaling: str = "standard"
    threshold: str = "0.5"
    out: Path | None = None
    seed: int = 0
    seeds: int = 10
    chapters: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7)
    formats: tuple[str, ...] = ()
    speaker: Speaker = field(default_factory=Speaker)
    embed: bool = True


def run(request: RunRequest, on_event: OnEvent = ignore) -> tuple[RunRecord, Path]:
    """Run the chapters and write record, report, talking points and models.

    Parameters
    ----------
    request : RunRequest
    on_event : callable, optional
        Told of chapters and processes while they run, from several threads.

    Returns
    -------
    record : RunRecord
    folder : Path
        Where everything was written.

    Raises
    ------
    UsageError
        If the request cannot be carried out; nothing is written then.
    WorkerError
        If a child process died; its log is kept and named.
    """
    started = time.perf_counter()
    chapters = _check(request)
    # Everything that can be refused is refused before a process starts or a folder is made.
    table = _read(request) if request.data is not None else None
    final = _folder_of(request)
    if table is not None and table.record is not None:
        on_event(TableRead(table.record))
    with folder_written_whole(final) as folder, _kept_on_crash() as work:
        record = _tell(request, chapters, table, folder, work, final.name, started, on_event)
        _write(record, folder, request)
    return record, final


def _tell(
    request: RunRequest,
    chapters: list[int],
    table: Table | None,
    folder: Path,
    work: Path,
    name: str,
    started: float,
    on_event: OnEvent,
) -> RunRecord:
    from threadpoolctl import threadpool_limits

    created = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    # A built-in task is read later, while the frameworks are imported.
    train = plan_training(table, request.seed) if table else TrainSpec(shuffle_seed=request.seed)
    if request.class_weights == "balanced":  # or now, if its classes must be counted first
        table = table or load_task(request.task or DEFAULT_TASK, request.seed)
        train = _balanced(train, split_rows(table, request.seed))
    # One thread for NumPy too: the products are small, and the children have the other cores.
    read_s = time.perf_counter() - started  # the table, and nothing if there is none
    with Background(folder, work, on_event, started) as background, threadpool_limits(1):
        if table is not None and table.record is not None:
            background.spans.append(
                Span(name="read the table", process="run", chapter=0, start_s=0.0, seconds=round(read_s, 3))
            )
        seeds = list(range(request.seed, request.seed + request.seeds)) if 5 in chapters and request.seeds > 1 else []
        trained, verified, replicated = _start(background, chapters, request.formats, train, seeds)
        table = table or load_task(request.task or DEFAULT_TASK, request.seed)
        split = split_rows(table, request.seed)
        scaling = cast(ScalingName, request.scaling)
        columns, mean, std = fit_columns(split.X_train, table.columns, scaling)
        network = dataclasses.replace(plan_network(table, columns, request.seed), scaling=scaling)
        initial = initial_weights(network, mean, std)
        background.provide(split, initial, network)

        current = Run(
            seed=request.seed,
            table=table,
            split=split,
            network=network,
            train=train,
            initial=initial,
            models=folder / "models",
            trained=trained,
            verified=verified,
            threshold_rule=cast(ThresholdRule, request.threshold),
            weighted_by=request.weights or "",
        )
        bars = [bar for number in chapters for bar in _tell_chapter(number, current, background, on_event)]
        formats = [future.result() for future in verified.values()]
        if request.embed:
            keep_held_out(formats, trained, background.rows, split, current.models)
        if replicated:
            on_event(ChapterStarted(5, f"the same with {len(seeds)} seeds"))
            metric: Literal["accuracy", "R²"] = "R²" if network.output == "linear" else "accuracy"
            current.parts["evaluation"] = _with_equivalence(current.parts["evaluation"], replicated, metric)
    return RunRecord(
        schema_version=SCHEMA_VERSION,
        name=name,
        created=created,
        arguments=_arguments(request),
        seed=request.seed,
        chapters=chapters,
        task=table.task,
        split=_split_record(split, table.task),
        network=network,
        train=train,
        perceptron=current.parts.get("perceptron"),
        mlp=current.parts.get("mlp"),
        keras=current.parts.get("keras"),
        pytorch=current.parts.get("pytorch"),
        evaluation=current.parts.get("evaluation"),
        formats=formats,
        bars=bars,
        spans=sorted(background.spans, key=lambda span: span.start_s),
        wall_s=round(time.perf_counter() - started, 3),
        environment=describe_environment(),
        table=table.record,
    )


def _read(request: RunRequest) -> Table:
    table = read_table(table_request(request), request.seed)
    kind, names = table.task.kind, table.task.class_names
    if request.class_weights != "none" and kind == "regression":
        received = f"{quoted(request.class_weights)} for {quoted(request.target)}, whose values are amounts"
        raise UsageError("--class-weights", "none unless there are classes to predict", received, "leave it out")
    if request.threshold != RULES["threshold"][0] and kind != "binary":
        predicted = "amounts" if kind == "regression" else f"{len(names):,} classes"
        received = f"{quoted(request.threshold)} for {quoted(request.target)}, which has {predicted}"
        raise UsageError("--threshold", "0.5 unless there are two classes to predict", received, "leave it out")
    return table


def _balanced(train: TrainSpec, split: Split) -> TrainSpec:
    return dataclasses.replace(train, class_weight=balanced_class_weights(split.y_train, split.weights_train))


def table_request(request: RunRequest) -> TableRequest:
    """Return what a run asks of its table."""
    return TableRequest(
        data=request.data or "",
        target=request.target or "",
        task=cast("TaskKind | None", request.task),
        kinds=request.kinds,
        drop=request.drop,
        group=request.group,
        time=request.time,
        weights=request.weights,
        positive=request.positive,
        scaling=cast(ScalingName, request.scaling),
    )


def _start(
    background: Background, chapters: list[int], formats: tuple[str, ...], train: TrainSpec, seeds: list[int]
) -> tuple[
    dict[str, Future[TrainedNetwork]],
    dict[tuple[str, str], Future[FormatRecord]],
    dict[str, Future[dict[str, float]]],
]:
    """Start trainings, exports and verifications, those whose runtime is slow to import first; further seeds last."""
    known = load_formats()
    wanted = {source: _exports(source, chapters, formats) for source in _sources(chapters)}
    trained: dict[str, Future[TrainedNetwork]] = {}
    exported: dict[tuple[str, str], Future[TrainedNetwork]] = {}
    makeable = {
        (source, framework): [
            name
            for name in names
            if known[name].exporting_framework(source) == framework and not missing_runtime(known[name])
        ]
        for source, names in wanted.items()
        for framework in EXPORTING_FRAMEWORKS
    }
    for source in wanted:
        trained[source] = exported[source, source] = background.train(
            source, train, makeable[source, source], stay=bool(seeds)
        )
    for (source, framework), names in makeable.items():
        if framework != source and names:
            exported[source, framework] = background.export(source, framework, names, trained[source])
    # What the chapters tell comes before what was asked for beyond them, and each format from its own framework first.
    pairs = [(known[name], source) for source, names in wanted.items() for name in names]
    pairs.sort(key=lambda pair: (pair[0].chapter, pair[0].order, pair[1] != pair[0].framework))
    slow_first = sorted(
        pairs,
        key=lambda pair: (
            not pair[0].is_told(pair[1]),
            "tensorflow" not in pair[0].preload,
            "torch.export" not in pair[0].preload,
        ),
    )
    verified = {
        (form.name, source): background.verify(
            form, source, exported.get((source, form.exporting_framework(source)), trained[source])
        )
        for form, source in slow_first
    }
    replicated = {name: background.replicate(name, train, future, seeds) for name, future in trained.items() if seeds}
    return trained, {(form.name, source): verified[form.name, source] for form, source in pairs}, replicated


def _sources(chapters: list[int]) -> list[FrameworkName]:
    return [framework for framework in EXPORTING_FRAMEWORKS if CHAPTER_OF_FRAMEWORK[framework] in chapters]


def _exports(source: FrameworkName, chapters: list[int], formats: tuple[str, ...]) -> list[str]:
    """Return the formats to export from one framework's network, in the order of making."""
    known = load_formats()
    told = [name for name, form in known.items() if form.chapter in chapters and form.is_told(source)]
    return with_made_from([*told, *(known if ALL_FORMATS in formats else formats)], source)


def _with_equivalence(
    evaluation: EvaluationRecord,
    replicated: dict[str, Future[dict[str, float]]],
    metric: Literal["accuracy", "R²"],
) -> EvaluationRecord:
    """Wait for the trainings with other seeds and test whether the two frameworks are equivalent."""
    by_seed = {framework: replicated[framework].result() for framework in EXPORTING_FRAMEWORKS}
    first, second = (np.array(list(by_seed[framework].values())) for framework in EXPORTING_FRAMEWORKS)
    test = equivalence_test(EXPORTING_FRAMEWORKS, first, second, metric=metric)
    return dataclasses.replace(evaluation, equivalence=test)


def _tell_chapter(number: int, current: Run, background: Background, on_event: OnEvent) -> list[Bar]:
    chapter = load_chapters()[number]
    on_event(ChapterStarted(number, chapter.title))
    clock = StageClock(background, "run", number)
    clock.enter(f"chapter {number}")
    bars = chapter.tell(current)
    clock.enter("")
    elapsed_s = time.perf_counter() - background.started
    on_event(ChapterDone(number, chapter.title, tuple(bars), elapsed_s))
    return bars


def _check(request: RunRequest) -> list[int]:
    """Refuse what cannot be carried out; return the chapters to run."""
    known = load_chapters()
    unknown = [number for number in request.chapters if number not in known]
    if unknown or not request.chapters:
        received = quoted(", ".join(map(str, unknown))) if unknown else "none"
        allowed = f"numbers from {min(known)} to {max(known)}"
        raise UsageError("--chapters", allowed, received, "pass for example --chapters 3,4,6")
    if not 0 <= request.seed < 2**32:
        raise UsageError(
            "--seed", "a whole number from 0 to 4294967295", str(request.seed), "pass for example --seed 7"
        )
    if request.seeds != 1 and request.seeds < LEAST_SEEDS:
        allowed = f"1 for none, or a whole number from {LEAST_SEEDS}"
        raise UsageError("--seeds", allowed, str(request.seeds), "pass for example --seeds 10")
    _check_source(request)
    for name, allowed_values in RULES.items():
        given = getattr(request, name)
        if given not in allowed_values:
            option, allowed = f"--{name.replace('_', '-')}", f"one of {', '.join(allowed_values)}"
            raise UsageError(option, allowed, quoted(given), "choose one of these")
    chapters = with_needed(set(request.chapters))
    if request.threshold != RULES["threshold"][0] and 5 not in chapters:
        received = f"{quoted(request.threshold)} with chapters {', '.join(map(str, chapters))}"
        raise UsageError("--threshold", "0.5 without chapter 5", received, "add chapter 5 with --chapters")
    for name in set(request.formats) - {ALL_FORMATS}:
        find_format(name)  # raises
    if request.formats and not _sources(chapters):
        received = f"chapters {', '.join(map(str, chapters))}"
        raise UsageError("--formats", "asked for with chapter 3 or 4", received, "add one of them with --chapters")
    return chapters


def _check_source(request: RunRequest) -> None:
    """Refuse what does not fit a built-in task, or not a table."""
    if request.data is not None:
        if request.task is not None and request.task not in get_args(TaskKind):
            allowed = f"one of {', '.join(get_args(TaskKind))} when --data is given"
            raise UsageError("--task", allowed, quoted(request.task), "choose one of these or leave it out")
        if not request.target:
            allowed = "the name of a column when --data is given"
            raise UsageError("--target", allowed, "none", "name the column to predict")
        return
    if request.task is not None and request.task not in TASKS:
        load_task(request.task, request.seed)  # raises
    given = {"target": request.target, "kind": request.kinds, "drop": request.drop, "group": request.group}
    given |= {"time": request.time, "weights": request.weights, "positive": request.positive}
    for option, value in given.items():
        if value:
            said = quoted(value if isinstance(value, str) else ", ".join(value))
            raise UsageError(f"--{option}", "left out without --data", said, "pass the file with --data")


def _folder_of(request: RunRequest) -> Path:
    if request.out is not None:
        return request.out
    name = locate(request.data).stem if request.data else request.task or DEFAULT_TASK
    moment = datetime.datetime.now().strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{name}-{moment}"


@contextmanager
def _kept_on_crash() -> Iterator[Path]:
    """Give a folder for arrays and logs; only after a crashed child it stays, since the error names its log."""
    work = Path(tempfile.mkdtemp(prefix="throughline-"))
    try:
        yield work
    except WorkerError:
        for file in work.iterdir():
            if file.suffix != ".log":
                file.unlink()
        raise
    except BaseException:
        shutil.rmtree(work, ignore_errors=True)
        raise
    shutil.rmtree(work, ignore_errors=True)


def _write(record: RunRecord, folder: Path, request: RunRequest) -> None:
    from throughline.report import write_all

    write_whole(folder / "record.json", record.to_json())
    write_all(record, folder, request.speaker, embed=request.embed)


def _arguments(request: RunRequest) -> dict[str, Any]:
    """Return what is needed to run it again; files by name, since the record may travel."""
    data = locate(request.data).name if request.data else None
    given = {"task": request.task, "data": data, "target": request.target, "seed": request.seed}
    beyond: dict[str, Any] = {"formats": list(request.formats)} if request.formats else {}
    if not request.embed:
        beyond["no_embed"] = True
    if request.kinds:
        beyond["kinds"] = dict(request.kinds)
    if request.drop:
        beyond["drop"] = list(request.drop)
    for name in ("group", "time", "weights", "positive"):
        if value := getattr(request, name):
            beyond[name] = value
    beyond |= {name: getattr(request, name) for name, (usual, _) in RULES.items() if getattr(request, name) != usual}
    return given | {"seeds": request.seeds, "chapters": list(request.chapters)} | beyond


def _split_record(split: Split, task: Task) -> SplitRecord:
    parts = split.y_train, split.y_val, split.y_test
    n_train, n_val, n_test = map(len, parts)
    record = SplitRecord(
        n_train=n_train,
        n_val=n_val,
        n_test=n_test,
        share_of_class_1=None,
        sha256=split.sha256,
        n_proven=None if (chosen := rows_to_prove(n_test)) is None else len(chosen),
    )
    if task.kind == "binary":
        return dataclasses.replace(record, share_of_class_1=_in_parts(parts, np.mean))
    if task.kind == "regression":
        mean, std = (_in_parts(parts, measure) for measure in (np.mean, np.std))
        return dataclasses.replace(record, target_mean=mean, target_std=std)
    shares = [_in_parts([y == code for y in parts], np.mean) for code in range(len(task.class_names))]
    return dataclasses.replace(record, class_shares=shares)


def _in_parts(parts: Sequence[Array], measure: Callable[[Array], Any]) -> tuple[float, float, float]:
    train, validation, test = (float(measure(part.astype(np.float64))) for part in parts)
    return train, validation, test
