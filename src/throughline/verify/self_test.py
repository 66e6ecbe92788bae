"""The verifier's own test: build every fault into every format, and see which check catches it (rule 6).

    train a network for some epochs (NumPy)
      ├─ child "keras"  rebuild it with each fault, export     ─┐
      ├─ child "torch"  rebuild it with each fault, export     ─┼─ one child a format: answer from each file
      └─ copies of the sound files, damaged                    ─┘        │
                                                             judge, and compare with `faults.FAULTS`

A fault that is not caught by a check that is named for it is missed, and so is a sound file that fails.
"""

from __future__ import annotations

import dataclasses
import datetime
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Container
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import msgspec
import numpy as np

from throughline.data.scaling import fit_scaling
from throughline.data.split import load_split, split_rows
from throughline.data.tasks import load_task
from throughline.environment import describe_environment
from throughline.errors import ThroughlineError, UsageError, WorkerError, quoted
from throughline.formats import find_format, load_formats, with_made_from
from throughline.formats.availability import missing_runtime
from throughline.formats.base import EXPORTING_FRAMEWORKS, Format, FrameworkName, Quantization, file_sha256
from throughline.frameworks import numpy_net
from throughline.frameworks.base import PRELOAD, load_framework
from throughline.processes import Child, Emit
from throughline.record import Environment
from throughline.spec import NetworkSpec, TrainSpec
from throughline.train import export_all, export_inputs
from throughline.verify.artefact import Examined, Expected, Network, examined_from, judge
from throughline.verify.faults import FAULTS, Case, Fault
from throughline.verify.record import Verification
from throughline.verify.reference import numpy_answers
from throughline.verify.tolerance import derive_tolerance
from throughline.weights import Weights, initial_weights, load_weights

TASK = "make-classification"
N_EPOCHS = 6
SOUND = "no fault"
DEFAULT_FORMATS = (
    *("onnx-float32", "onnx-float16", "tflite-float32", "tflite-float16"),
    *("torchscript", "savedmodel", "c99"),
)
SOURCE, EARLIER, SPLIT = "source", "earlier", "split.npz"
AT_A_TIME = 2

Outcome = Literal["caught", "missed", "passed", "false alarm", "refused", "none", "not_run"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One fault in one format.

    Attributes
    ----------
    fault : str
    format : str
        A name, or "name@framework" for a network of another framework than the format's own.
    outcome : {"caught", "missed", "passed", "false alarm", "refused", "none", "not_run"}
        A sound file passes, or is a false alarm; "refused": the exporter does not make such a file; "none": the fault
        cannot be in this format.
    check, error, said : str
        The first check that failed, its exception, and its message; or why there is no such file.
    also : list of str
        The checks that failed after it.
    """

    fault: str
    format: str
    outcome: Outcome
    check: str = ""
    error: str = ""
    said: str = ""
    also: list[str] = dataclasses.field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class SelfTest:
    """The detection matrix.

    Attributes
    ----------
    formats : list of str
    faults : list of str
    cells : list of Cell
    network : list of int
        Layer sizes.
    n_rows : int
    wall_s : float
    date : str
    environment : Environment
    """

    formats: list[str]
    faults: list[str]
    cells: list[Cell]
    network: list[int]
    n_rows: int
    wall_s: float
    date: str = dataclasses.field(default_factory=lambda: datetime.date.today().isoformat())
    environment: Environment = dataclasses.field(default_factory=describe_environment)

    def cell(self, fault: str, form: str) -> Cell:
        """Return one cell."""
        return next(cell for cell in self.cells if (cell.fault, cell.format) == (fault, form))

    @property
    def passed(self) -> bool:
        """Whether something was caught, nothing missed, and no sound file failed."""
        return not self.wrong and any(cell.outcome == "caught" for cell in self.cells)

    @property
    def wrong(self) -> list[Cell]:
        """Faults that were missed, and sound files that failed."""
        return [cell for cell in self.cells if cell.outcome in ("missed", "false alarm")]

    @property
    def untested(self) -> list[str]:
        """Faults that could be built into none of the formats."""
        caught = {cell.fault for cell in self.cells if cell.outcome in ("caught", "missed", "passed", "false alarm")}
        return [name for name in self.faults if name not in caught]

    def to_json(self) -> str:
        """Write the matrix as indented JSON."""
        return json.dumps(msgspec.to_builtins(self) | {"passed": self.passed}, indent=1, ensure_ascii=False) + "\n"


def run_self_test(
    formats: tuple[str, ...] = DEFAULT_FORMATS, seed: int = 0, tell: Callable[[str], None] | None = None
) -> SelfTest:
    """Build the faults and find out which check catches each.

    Parameters
    ----------
    formats : tuple of str
        Names, each with "@keras" or "@torch" behind it for the network of the other framework.
    seed : int
        Of rows, weights and training.
    tell : callable, optional
        Told, from any thread, what is done next.

    Returns
    -------
    SelfTest
    """
    started, tell = time.perf_counter(), tell or (lambda said: None)
    columns = [find_column(label) for label in formats]
    work = Path(tempfile.mkdtemp(prefix="throughline-"))
    try:
        tell(f"train a network for {N_EPOCHS} epochs")
        case, spec = train_case(work, seed)
        runnable = [column for column in columns if not missing_runtime(column.form)]
        frameworks = sorted({column.framework for column in runnable})
        with ThreadPoolExecutor(AT_A_TIME) as pool:
            made = dict(
                zip(frameworks, pool.map(lambda name: _export(name, runnable, work, tell), frameworks), strict=True)
            )
            judged = pool.map(lambda each: _judge_format(each, made[each.framework], case, spec, work, tell), runnable)
            cells = [cell for found in judged for cell in found]
    finally:
        shutil.rmtree(work, ignore_errors=True)
    names = [SOUND, *(fault.name for fault in FAULTS)]
    for column in columns:
        missing = missing_runtime(column.form)
        if missing:
            cells += [Cell(fault=name, format=column.label, outcome="not_run", said=missing) for name in names]
    return SelfTest(
        formats=list(formats),
        faults=names,
        cells=cells,
        network=list(spec.layer_sizes),
        n_rows=len(case.split.y_test),
        wall_s=round(time.perf_counter() - started, 3),
    )


@dataclass(frozen=True, kw_only=True)
class Column:
    """A format, and the framework whose network goes there."""

    label: str
    form: Format
    framework: FrameworkName


def find_column(label: str) -> Column:
    """Return the column of a name such as ``openvino`` or ``openvino@keras``.

    Raises
    ------
    UsageError
        If there is no such format or framework.
    """
    name, _, framework = label.partition("@")
    form = find_format(name)
    if framework and framework not in EXPORTING_FRAMEWORKS:
        allowed = " or ".join(f"'{name}@{each}'" for each in EXPORTING_FRAMEWORKS)
        raise UsageError("--formats", allowed, quoted(label), "leave out what follows the @ for the format's own")
    return Column(label=label, form=form, framework=framework or form.framework)


def all_columns() -> tuple[str, ...]:
    """Return every format from its own framework, and from the other one where that takes a route of its own."""
    return tuple(
        name if framework == form.framework else f"{name}@{framework}"
        for name, form in load_formats().items()
        for framework in EXPORTING_FRAMEWORKS
        if framework == form.framework or form.route_from(framework).framework == framework
    )


def train_case(work: Path, seed: int) -> tuple[Case, NetworkSpec]:
    """Train in NumPy, keep the weights of the last epoch and of the first, and write all of it for the children."""
    split = split_rows(load_task(TASK, seed), seed)
    spec = NetworkSpec(n_inputs=split.X_train.shape[1], seed=seed)
    start = initial_weights(spec, *fit_scaling(split.X_train))
    kept = []
    for n_epochs in (N_EPOCHS, 1):
        network = numpy_net.build(spec, start)
        # The same seeds: the shorter training is the beginning of the longer one.
        plan = TrainSpec(max_epochs=n_epochs, patience=None, keep="last", shuffle_seed=seed)
        numpy_net.fit(network, plan, split, lambda epoch: None)
        kept.append(numpy_net.get_weights(network))
    case = Case(weights=kept[0], earlier=kept[1], split=split)
    for name, weights in ((SOURCE, kept[0]), (EARLIER, kept[1])):
        weights.save(work / f"{name}.safetensors", spec)
    split.save(work / SPLIT)
    return case, spec


Made = dict[str, dict[str, dict[str, Any]]]


def _export(framework: str, columns: list[Column], work: Path, tell: Callable[[str], None]) -> Made:
    """Return by fault and format what `export_all` says of the file."""
    names = [column.form.name for column in columns if column.framework == framework]
    arguments = {"framework": framework, "work": str(work), "names": names}
    with Child(f"faults {framework}", preload=PRELOAD[framework], log=work / f"faults-{framework}.log") as child:
        made: Made = child.call(
            "throughline.verify.self_test:export_faults", arguments, lambda event: tell(str(event["stage"]))
        )
    return made


def export_faults(framework: str, work: str, names: list[str], emit: Emit) -> Made:
    """Rebuild the network with each fault, and export it by the real routes; damage copies of the sound files.

    Parameters
    ----------
    framework : {"keras", "torch"}
        The framework of this process.
    work : str
        Folder with what `train_case` wrote.
    names : list of str
        Formats.
    emit : callable
        Receives ``{"stage": ...}``.
    """
    folder = Path(work)
    weights, spec = load_weights(folder / f"{SOURCE}.safetensors")
    case = Case(
        weights=weights,
        earlier=load_weights(folder / f"{EARLIER}.safetensors")[0],
        split=load_split(folder / SPLIT),
    )
    net, source = load_framework(framework), cast(FrameworkName, framework)

    def export(
        name: str, kept: Weights, change: Callable[[Any], Any] | None = None, but: Container[str] = ()
    ) -> dict[str, dict[str, Any]]:
        out = folder / framework / name.replace(" ", "-")
        out.mkdir(parents=True)
        network = net.build(spec, kept)
        inputs = export_inputs(change(network) if change else network, spec, kept, case.split.X_train)
        emit({"stage": f"{framework}: {name}"})
        usable = [n for n in names if change is None or find_format(n).route_from(source).framework == framework]
        usable = [n for n in usable if n not in but]
        return export_all(framework, inputs, with_made_from(usable, source), out, lambda event: None)

    made = {SOUND: export(SOUND, weights)}
    for fault in FAULTS:
        if fault.in_weights is not None:
            made[fault.name] = export(fault.name, fault.in_weights(case))
        else:
            changed, out = fault.in_network.get(framework), folder / framework / f"{fault.name} in file"
            made[fault.name] = export(fault.name, weights, changed, but=fault.in_file) if changed else {}
            sound = {name: file for name, file in made[SOUND].items() if name in names}
            made[fault.name] |= _damaged(fault, sound, weights, out)
    return made


def _damaged(fault: Fault, sound: dict[str, dict[str, Any]], weights: Weights, out: Path) -> dict[str, dict[str, Any]]:
    """Damage a copy of each sound file."""
    damaged: dict[str, dict[str, Any]] = {}
    for name, made in sound.items():
        edit = fault.in_file.get(name) or fault.in_file.get("any")
        if edit is None or "error" in made:
            continue
        path = out / (find_format(name).name + find_format(name).suffix)
        path.parent.mkdir(parents=True, exist_ok=True)
        original = Path(made["path"])
        if original.is_dir():
            shutil.copytree(original, path)
        else:
            shutil.copy(original, path)
        try:
            edit(path, weights)
            damaged[name] = made | {"path": str(path), "sha256": file_sha256(original)}
        except ValueError as error:
            damaged[name] = {"error": str(error)}
    return damaged


def _judge_format(
    column: Column, made: Made, case: Case, spec: NetworkSpec, work: Path, tell: Callable[[str], None]
) -> list[Cell]:
    """Let one child answer from every file of a format, and judge."""
    form = column.form
    tell(f"verify {form.title}")
    faults = [None, *FAULTS]
    folder = work / f"judge-{column.label}"
    folder.mkdir()
    X = case.split.X_test
    np.save(folder / "rows.npy", X)
    files = {_name(fault): made.get(_name(fault), {}).get(form.name) for fault in faults}
    jobs = {
        name: {
            "format_name": form.name,
            "path": file["path"],
            "rows": str(folder / "rows.npy"),
            "answers": str(folder / f"answers-{number}.npz"),
        }
        for number, (name, file) in enumerate(files.items())
        if file is not None and "error" not in file
    }
    examined = _examine(form, jobs, folder)
    cells = []
    for fault in faults:
        cells.append(_cell(column, fault, files, jobs, examined, case, spec))
    return cells


def _examine(form: Format, jobs: dict[str, dict[str, Any]], folder: Path) -> dict[str, dict[str, Any]]:
    """Examine all files in one child; if one of them ends it, each in a child of its own."""

    def call(name: str, arguments: list[dict[str, Any]]) -> list[dict[str, Any]]:
        log = folder / f"{name.replace(' ', '-')}.log"
        with Child(f"{form.name}, {name}", preload=form.preload, log=log, environment=form.environment) as child:
            found: list[dict[str, Any]] = child.call("throughline.verify.worker:examine_artifacts", {"jobs": arguments})
        return found

    try:
        return dict(zip(jobs, call("all", list(jobs.values())), strict=True))
    except WorkerError:
        found = {}
        for name, job in jobs.items():
            try:
                (found[name],) = call(name, [job])
            except WorkerError as error:
                found[name] = {"error": {"kind": type(error).__name__, "args": list(error.args)}}
        return found


def _cell(
    column: Column,
    fault: Fault | None,
    files: dict[str, dict[str, Any] | None],
    jobs: dict[str, dict[str, Any]],
    examined: dict[str, dict[str, Any]],
    case: Case,
    spec: NetworkSpec,
) -> Cell:
    name, form = _name(fault), column.form
    of_file = SOUND if fault is not None and fault.empty_rows else name
    file = files[of_file]
    here: dict[str, Any] = {"fault": name, "format": column.label}
    if fault is not None and fault.stored_as and form.stored_as not in fault.stored_as:
        return Cell(**here, outcome="none", said=f"it stores no weight in {' or '.join(fault.stored_as)}")
    if fault is not None and form.name in fault.nowhere_in:
        return Cell(**here, outcome="none", said=fault.nowhere_in[form.name])
    if file is None:
        return Cell(**here, outcome="none", said="there is no way to build it in")
    if "error" in file:
        return Cell(**here, outcome="refused" if fault is not None else "false alarm", said=str(file["error"]))
    source = case.weights
    empty = fault is not None and fault.empty_rows
    rows = slice(0, 0) if empty else slice(None)
    X, y = case.split.X_test[rows], case.split.y_test[rows]
    path = Path(file["path"])
    # The steps are those of the sound file: a fault must not widen the tolerance by which it is judged.
    steps = (files[SOUND] or {}).get("quantization")
    quantization = None if steps is None else msgspec.convert(steps, Quantization)
    expected = Expected(
        form=form,
        path=path,
        X=X,
        answers=numpy_answers(spec, source, X) if len(X) else np.zeros(0),
        tolerance=derive_tolerance(spec, source, X, form.stored_as, form.computed_in, quantization),
        framework=column.framework,
        labels=y,
        sha256=file.get("sha256") if fault is not None and fault.recorded_sha256 else file_sha256(path),
        port_names=form.names_for(spec),
        network=Network(spec=spec, weights=source),
    )

    def examine() -> Examined:
        return examined_from(examined[of_file], Path(jobs[of_file]["answers"]))

    try:
        return _outcome(here, fault, judge(expected, examine))
    except ThroughlineError as error:
        return Cell(**here, outcome="missed", said=f"the verifier itself failed: {error}")


def _outcome(here: dict[str, Any], fault: Fault | None, found: Verification) -> Cell:
    failed = found.failed
    if not failed:
        return Cell(**here, outcome="passed" if fault is None else "missed")
    outcome: Outcome = "false alarm" if fault is None else "caught" if failed[0].name in fault.caught_by else "missed"
    return Cell(
        **here,
        outcome=outcome,
        check=failed[0].name,
        error=failed[0].error,
        said=failed[0].said,
        also=[check.name for check in failed[1:]],
    )


def _name(fault: Fault | None) -> str:
    return SOUND if fault is None else fault.name
