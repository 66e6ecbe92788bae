"""What a bundle or a run offers to predict with: its columns, what its answers mean, and the files that give them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from throughline.bundle import load_bundle
from throughline.bundle.column_graphs import find_runnable
from throughline.bundle.load import is_bundle
from throughline.bundle.manifest import Artefact, Manifest
from throughline.bundle.of_model import is_export
from throughline.bundle.table import columns_of, port_names
from throughline.errors import DamagedFileError, DataError, MissingPackageError, UsageError, quoted
from throughline.evaluate import THRESHOLD
from throughline.formats.availability import missing_runtime
from throughline.formats.base import Format, file_sha256
from throughline.record import FormatRecord, RunRecord, load_record
from throughline.spec import FRAMEWORK_TITLES, Column, NetworkSpec, OutputName, Task

PARAMETER = "BUNDLE-OR-RUN"


@dataclass(frozen=True)
class File:
    """A proven file that answers rows.

    Attributes
    ----------
    form : Format
    path : Path
    sha256 : str
    framework : str
        Whose network it is.
    largest_batch : int or None
    takes_columns : bool
        Whether it takes the columns of a table, texts as they are, instead of rows of numbers.
    """

    form: Format
    path: Path
    sha256: str
    framework: str
    largest_batch: int | None = None
    takes_columns: bool = False


@dataclass(frozen=True)
class Model:
    """What is known of a network without asking it.

    Attributes
    ----------
    name : str
    columns : tuple of Column
        What its rows are made of.
    takes_gaps : bool
        Whether a cell may be empty.
    output : {"sigmoid", "softmax", "linear"}
    class_names : tuple of str
        None of them for a value.
    threshold : float
        Of one probability.
    target : str
        The column that it predicts; empty where it has no name.
    files : list of File
        In the order of the chapters.
    """

    name: str
    columns: tuple[Column, ...]
    takes_gaps: bool
    output: OutputName
    class_names: tuple[str, ...]
    threshold: float
    target: str
    files: list[File]

    @property
    def ports(self) -> dict[str, str]:
        """Which column each input of a file takes that takes columns."""
        return dict(zip(port_names(self.columns), (column.name for column in self.columns), strict=True))


def open_model(path: Path) -> Model:
    """Read a bundle, whose files must all be as they were sent, or the record of a run.

    Raises
    ------
    DataError
        If it is neither, or nothing is known of its columns.
    DamagedFileError
        If a file of a bundle is not as it was sent.
    """
    if is_bundle(path):
        bundle = load_bundle(path)
        if bundle.manifest.trained is None:
            raise _unknown_columns(path, "a bundle of a model of one's own")
        bundle.require_intact()
        return _of_bundle(path, bundle.manifest)
    if is_export(path):
        raise _unknown_columns(path, "an export of a model of one's own")
    if not (path / "record.json").is_file() and not path.is_file():
        received = f"{quoted(path)}, which has neither manifest.json nor record.json"
        raise DataError(PARAMETER, "the folder of a bundle or of a run", received, "pass one of these")
    return _of_run(path if path.is_dir() else path.parent, load_record(path))


def choose_file(model: Model, name: str | None) -> File:
    """Return the file that is asked for, or the first whose runtime is here.

    Raises
    ------
    UsageError
        If there is no such format.
    MissingPackageError
        If the runtime is not here.
    DamagedFileError
        If the file is not the one that was proven.
    """
    missing = {file.form.name: _missing(file.form) for file in model.files}
    wanted = [file for file in model.files if name in (None, file.form.name)]
    if not wanted:
        known = ", ".join(dict.fromkeys(file.form.name for file in model.files)) or "none, since nothing was proven"
        raise UsageError("--format", f"one of {known}", quoted(name) if name else "none", "choose another")
    runnable = [file for file in wanted if not missing[file.form.name]]
    if not runnable:
        first = wanted[0].form.name
        raise MissingPackageError("--format", "a format whose runtime is here", quoted(first), missing[first])
    found = runnable[0]
    if not found.path.exists() or file_sha256(found.path) != found.sha256:
        raise DamagedFileError(f"{found.form.title}, {quoted(found.path)}, is missing or not the file that was proven.")
    return found


def _missing(form: Format) -> str:
    return missing_runtime(dataclasses.replace(form, packages=()))  # what only exporters need is not asked for


def _unknown_columns(path: Path, what: str) -> DataError:
    allowed = "a bundle or a run of a network that was trained on a table"
    received = f"{quoted(path)}, {what}, of whose inputs only names, types and shapes are known"
    return DataError(PARAMETER, allowed, received, "make its inputs as its sender does, and call its runtime")


def _of_bundle(folder: Path, manifest: Manifest) -> Model:
    trained, table = manifest.trained, manifest.table
    assert trained is not None  # those that were brought are refused
    columns = columns_of(table) if table else trained.network.columns
    files = [_file_of_bundle(folder, entry, trained.framework, False) for entry in manifest.artefacts]
    files += [_file_of_bundle(folder, entry, trained.framework, True) for entry in manifest.column_graphs]
    found = [file for file in files if file is not None]
    threshold = manifest.classes.threshold if manifest.classes else None
    return _model(
        manifest.name, trained.task, trained.network, columns, table.target if table else "", found, threshold
    )


def _file_of_bundle(folder: Path, entry: Artefact, framework: str, takes_columns: bool) -> File | None:
    form = find_runnable(entry.name)
    if form is None:
        return None  # of another release
    return File(form, folder / entry.path, entry.sha256, framework, entry.largest_batch, takes_columns)


def _of_run(folder: Path, record: RunRecord) -> Model:
    files = [file for entry in record.formats if (file := _file_of_run(folder, entry)) is not None]
    target = str(record.arguments.get("target") or "")
    return _model(record.name, record.task, record.network, record.network.columns, target, files, None)


def _file_of_run(folder: Path, entry: FormatRecord) -> File | None:
    form = find_runnable(entry.name)
    if form is None or entry.status != "passed":
        return None
    return File(form, folder / entry.path, entry.sha256, entry.framework, form.largest_batch)


def _model(
    name: str,
    task: Task,
    spec: NetworkSpec,
    columns: tuple[Column, ...],
    target: str,
    files: list[File],
    threshold: float | None,
) -> Model:
    # A network of a built-in task knows its features by name, and that each is a number which is never missing.
    plain = tuple(Column(name=feature, source=feature) for feature in task.feature_names)
    return Model(
        name=name,
        columns=columns or plain,
        takes_gaps=bool(columns),
        output=spec.output,
        class_names=task.class_names,
        threshold=THRESHOLD if threshold is None else threshold,
        target=target,
        files=files,
    )


def title_of(file: File) -> str:
    """Say which file it is.

    Examples
    --------
    >>> from throughline.formats import find_format
    >>> title_of(File(find_format("c99"), Path("network.c"), "", "torch"))
    'C99 source from PyTorch'
    """
    return f"{file.form.title} from {FRAMEWORK_TITLES.get(file.framework, file.framework)}"
