"""The rows on which a finished run is verified: its own held-out ones, or rows that are given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from throughline.data.cells import Cells
from throughline.data.encode import encode
from throughline.data.of_run import table_request_of
from throughline.data.read import read_cells
from throughline.data.split import split_rows
from throughline.data.table import read_table
from throughline.data.tasks import TASKS, load_task
from throughline.errors import DataError, UsageError, quoted
from throughline.record import RunRecord
from throughline.spec import Column, NetworkSpec
from throughline.weights import Array

PARAMETER = "--rows"
ALLOWED = "a .npz file with an array X, a .npy file, or a table as CSV, Parquet, Arrow or a spreadsheet"


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """Rows, and what is known of them.

    Attributes
    ----------
    X : ndarray of shape (n_samples, n_features), float32
    y : ndarray of shape (n_samples,) or None
        Codes of classes, or values.
    said : str
        Which rows they are, in words.
    recorded : bool
        Whether they are the ones on which the record's figures were measured.
    """

    X: Array
    y: Array | None
    said: str
    recorded: bool = False


def rebuild_rows(record: RunRecord) -> HeldOut:
    """Make a run's held-out rows again from its task and seed, and hold them against the recorded checksum.

    Raises
    ------
    UsageError
        If the run had a file of its own, or this release makes other rows.
    """
    given = record.arguments.get("data")
    if given is not None or record.task.name not in TASKS:
        name = str(given or record.task.source)
        raise UsageError(PARAMETER, f"given, since the run read {quoted(name)}", "none", f"pass --rows {name}")
    split = split_rows(load_task(record.task.name, record.seed), record.seed)
    if split.sha256 != record.split.sha256:
        allowed = f"given, since the rows of '{record.task.name}' are not those of the record any more"
        raise UsageError(PARAMETER, allowed, "none", "pass the rows of the run, or the release that wrote it")
    X, y = split.proven_rows
    said = f"{len(y):,} held-out rows of {record.task.name}, seed {record.seed}, rebuilt"
    return HeldOut(X=X, y=y, said=said, recorded=True)


def read_rows(path: Path, record: RunRecord) -> HeldOut:
    """Read rows from a file; of the table that the run itself read, its held-out part.

    Parameters
    ----------
    path : Path
        ``.npz`` with ``X`` and, if there are labels, ``y``; ``.npy`` with rows alone; or a table with the columns of
        the run, and its target column if there are labels.
    record : RunRecord

    Returns
    -------
    HeldOut

    Raises
    ------
    DataError
        If they are no rows of the run's network.
    """
    if not path.is_file():
        raise DataError(PARAMETER, ALLOWED, f"{quoted(path)}, which is not there", "check the path")
    if path.suffix not in (".npz", ".npy"):
        return _from_table(path, record)
    X, y = _from_numpy(path)
    n_features = record.network.n_inputs
    if X.ndim != 2 or X.shape[1] != n_features or X.dtype.kind not in "fiu":
        allowed = f"numbers of shape (n_samples, {n_features})"
        raise DataError(PARAMETER, allowed, f"{X.dtype} {X.shape} in {quoted(path)}", "pass raw rows of the run's task")
    if y is not None:
        _check_labels(y, len(X), record.network, path)
    return _checked(X, y, path, may_be_empty=bool(record.network.columns))


def _check_labels(y: Array, n_rows: int, spec: NetworkSpec, path: Path) -> None:
    if spec.output == "linear":
        allowed = "finite values, one a row, as y"
        right = y.dtype.kind in "fiu" and y.shape == (n_rows,) and bool(np.isfinite(y).all())
    else:
        codes = range(max(2, spec.n_outputs))
        allowed = f"labels {codes[0]} {'and' if len(codes) == 2 else 'to'} {codes[-1]}, one a row, as y"
        right = y.shape == (n_rows,) and bool(np.isin(y, codes).all())
    if not right:
        raise DataError(PARAMETER, allowed, f"{y.dtype} {y.shape} in {quoted(path)}", "mend y or leave it out")


def _from_numpy(path: Path) -> tuple[Array, Array | None]:
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded, None
        with loaded:
            if "X" not in loaded:
                raise DataError(PARAMETER, ALLOWED, f"{quoted(path)} without X", "name the array of rows X")
            return loaded["X"], loaded.get("y")
    except (OSError, ValueError, EOFError) as error:
        raise DataError(PARAMETER, ALLOWED, f"{quoted(path)} ({error})", "save it again without pickling") from error


def _from_table(path: Path, record: RunRecord) -> HeldOut:
    target = str(record.arguments.get("target") or "").strip()
    try:
        cells = read_cells(path)
        if target in cells.names and record.task.source == path.name:
            table = read_table(table_request_of(record, path), record.seed)
            split = split_rows(table, record.seed)
            if split.sha256 == record.split.sha256:
                X, y = split.proven_rows
                said = f"{len(y):,} held-out rows of {path.name}, seed {record.seed}"
                return HeldOut(X=X, y=y, said=said, recorded=True)
        columns = record.network.columns or tuple(Column(name=n, source=n) for n in record.task.feature_names)
        X = encode(cells, columns, PARAMETER)
        return _checked(X, _labels(cells, target, record), path, may_be_empty=bool(record.network.columns))
    except DataError as error:  # the reader speaks of --data
        raise DataError(PARAMETER, error.allowed, error.received, error.remedy) from error


def _labels(cells: Cells, target: str, record: RunRecord) -> Array | None:
    import polars as pl

    if target not in cells.names:
        return None
    if record.network.output == "linear":
        values: Array = cells.frame[target].cast(pl.Float64, strict=False).to_numpy()
        if not np.isfinite(values).all():
            received = f"{int(np.count_nonzero(~np.isfinite(values)))} that are none in {quoted(target)}"
            raise DataError(PARAMETER, "finite numbers to predict", received, "fill them or leave the column out")
        return values
    codes = {name: code for code, name in enumerate(record.task.class_names)}
    labels = cells.frame[target].cast(pl.String).to_list()
    for row, label in enumerate(labels):
        if label not in codes:
            allowed = f"labels out of {', '.join(map(quoted, codes))}"
            raise cells.refusal(row, target, PARAMETER, allowed, "mend it or leave the column out")
    return np.array([codes[label] for label in labels], np.int64)


def _checked(X: Array, y: Array | None, path: Path, *, may_be_empty: bool) -> HeldOut:
    """Return the rows as float32; NaN stands for an empty cell where the network has an answer to one."""
    with np.errstate(over="ignore"):
        rows = X.astype(np.float32)
    usable = (np.isfinite(rows) | (np.isnan(rows) & may_be_empty)).all(axis=1)
    if not usable.all():
        row = int(np.flatnonzero(~usable)[0])
        raise DataError(PARAMETER, "finite numbers", f"row {row} of {quoted(path)}", "mend it or leave it out")
    return HeldOut(X=rows, y=y, said=f"{len(rows):,} rows of {path.name}")
