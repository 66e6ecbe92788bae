"""A table from a file or a database: read, its columns recognised, its rows split and encoded.

    file --read--> cells --targets--> y --split--> parts --kinds, columns--> columns --encode--> X

Kinds are decided on all rows; labels, flags, fills and scaling come from the training rows alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from throughline.data.cells import Cells
from throughline.data.columns import learn_columns
from throughline.data.encode import encode
from throughline.data.kinds import Decision, decide_kinds, require_numbers
from throughline.data.location import locate
from throughline.data.moment_text import date_formats_of
from throughline.data.read import read_cells
from throughline.data.split import group_parts, random_parts, require_enough_rows, time_parts
from throughline.data.suspicions import suspect
from throughline.data.targets import MIN_ROWS_PER_CLASS, Target, code_target, some
from throughline.data.tasks import Parts, Table
from throughline.data.values import as_moments, as_texts
from throughline.errors import DataError, UsageError, quoted
from throughline.record import ColumnRecord, TableRecord, TableWarning
from throughline.spec import Column, ScalingName, Task, TaskKind
from throughline.weights import Array

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, kw_only=True)
class TableRequest:
    """Which table, and what is known of it.

    Attributes
    ----------
    data : str or Path
        A file, or the address of a table in a database.
    target : str
        Column to predict.
    task : {"binary", "multiclass", "regression"} or None
        None: as the target suggests.
    kinds : mapping of str to str
        Kinds of columns that are decided already.
    drop : tuple of str
        Columns to leave out.
    group, time, weights : str or None
        Column whose groups stay together, whose order splits the rows, whose numbers are how much rows count.
    positive : str or None
        The class whose probability a binary network says.
    scaling : {"standard", "robust"}
        How numbers will be scaled; columns that cannot be are warned of.
    """

    data: str | Path
    target: str
    task: TaskKind | None = None
    kinds: Mapping[str, str] = field(default_factory=dict)
    drop: tuple[str, ...] = ()
    group: str | None = None
    time: str | None = None
    weights: str | None = None
    positive: str | None = None
    scaling: ScalingName = "standard"


def read_table(request: TableRequest, seed: int) -> Table:
    """Read a table, and split and encode its rows.

    Parameters
    ----------
    request : TableRequest
    seed : int
        Seed of the split.

    Returns
    -------
    Table
        With columns, parts and record.

    Raises
    ------
    DataError
        If the table cannot be used, with the column, the value and the line.
    UsageError
        If the request does not fit the table.
    """
    location, cells = locate(request.data), read_cells(request.data)
    target_name = request.target.strip()
    if cells.names == [target_name]:
        received = f"only the target {quoted(target_name)} in {quoted(cells.name)}"
        raise DataError("--data", "a table with columns to predict from", received, "add such columns")
    roles = _roles(cells, request, target_name)
    target = code_target(cells, target_name, request.task, request.positive)
    n_read, cells = len(cells), cells.take(target.kept) if len(target.kept) < len(cells) else cells
    parts, split_reason = _split(cells, target, request, seed)
    weights = _weights(cells, request.weights)
    decisions = decide_kinds(cells, roles, request.kinds)
    columns, decisions = learn_columns(cells.take(parts.train), decisions, len(cells))
    task = Task(
        name=location.stem,
        kind=target.kind,
        feature_names=tuple(column.name for column in columns),
        class_names=target.class_names,
        source=location.name,
    )
    table = Table(task, encode(cells, columns), target.y, columns, parts, weights)
    record = TableRecord(
        found=cells.found,
        file_sha256=cells.sha256,
        n_rows=cells.n_rows,
        n_read=n_read,
        n_without_target=n_read - len(cells),
        task_reason=target.reason,
        split_reason=split_reason,
        columns=_column_records(cells, roles, decisions, columns),
        warnings=[*_left_out(decisions), *suspect(table, parts, seed, request.scaling)],
    )
    return Table(task, table.X, table.y, columns, parts, weights, record)


def _roles(cells: Cells, request: TableRequest, target: str) -> dict[str, str]:
    """Return the columns that are no inputs, and why."""
    named = [("target", "--target", target), ("group", "--group", request.group), ("time", "--time", request.time)]
    named += [("weights", "--weights", request.weights), *(("dropped", "--drop", name) for name in request.drop)]
    roles: dict[str, str] = {}
    for role, option, name in named:
        if name is None:
            continue
        if name not in cells.names:
            allowed = f"a column of {quoted(cells.name)}, which has {some(cells.names)}"
            raise DataError(option, allowed, quoted(name), "pass one of these")
        if name in roles:
            allowed = f"another column than that of the {roles[name]}"
            raise UsageError(option, allowed, quoted(name), "name each column once")
        roles[name] = role
    return roles


def _split(cells: Cells, target: Target, request: TableRequest, seed: int) -> tuple[Parts, str]:
    if request.group is not None and request.time is not None:
        raise UsageError("--group", "left out with --time", quoted(request.group), "split by one of the two")
    classes = target.kind != "regression"
    if classes:
        require_enough_rows(target.y, target.class_names, cells.name)
    elif len(target.y) < MIN_ROWS_PER_CLASS:
        allowed = f"a table with at least {MIN_ROWS_PER_CLASS} rows whose target is filled"
        raise DataError("--data", allowed, str(len(target.y)), "add rows")
    if request.group is not None:
        groups = _filled(cells, request.group, "--group")
        parts = group_parts(target.y, _codes(groups), seed, stratified=classes)
        reason = f"by {groups.n_unique():,} groups of {quoted(request.group)}"
    elif request.time is not None:
        parts = time_parts(_moments(cells, request.time))
        reason = f"by the time in {quoted(request.time)}: oldest rows for training, newest for test"
    else:
        parts = random_parts(target.y, seed, stratified=classes)
        reason = "at random, stratified by class" if classes else "at random"
    if classes:
        _require_every_class(target, parts, "--group" if request.group is not None else "--time")
    return parts, reason


def _codes(groups: pl.Series) -> Array:
    """Return a number for each group, the same in whatever order the rows are."""
    codes: Array = groups.rank("dense").to_numpy()
    return codes


def _filled(cells: Cells, name: str, option: str) -> pl.Series:
    series = as_texts(cells.frame[name])
    if series.has_nulls():
        row = int(series.is_null().arg_max() or 0)
        raise cells.refusal(row, name, option, "a column filled in every row", "fill it or drop the row")
    return series


def _moments(cells: Cells, name: str) -> Array:
    import polars as pl

    series = cells.frame[name]
    _filled(cells, name, "--time")
    if series.dtype.is_numeric():
        numbers: Array = require_numbers(cells, name).to_numpy()
        return numbers
    formats = date_formats_of(series) if series.dtype == pl.String else [""]
    if not formats:
        return np.asarray(require_numbers(cells, name).to_numpy())
    moments = as_moments(series, formats[0])
    if len(formats) > 1 or moments.has_nulls():
        row = int(moments.is_null().arg_max() or 0)
        allowed = "a column of dates that can be read in one way, or of numbers"
        raise cells.refusal(row, name, "--time", allowed, "write dates with the year first, such as 2026-01-31")
    stamps: Array = moments.dt.timestamp("us").to_numpy()
    return stamps


def _require_every_class(target: Target, parts: Parts, option: str) -> None:
    for name, rows in (("training", parts.train), ("validation", parts.validation), ("test", parts.test)):
        counts = np.bincount(target.y[rows], minlength=len(target.class_names))
        if counts.min() == 0:
            absent = target.class_names[int(np.argmin(counts))]
            received = f"no {name} rows of {quoted(absent)}"
            remedy = "choose another column, or leave it out for a split at random"
            raise DataError(option, "a column that leaves some rows of each class to every part", received, remedy)


def _weights(cells: Cells, name: str | None) -> Array | None:
    if name is None:
        return None
    numbers = require_numbers(cells, name)
    usable = (numbers > 0) & numbers.is_finite()
    usable = usable.fill_null(False)
    if not usable.all():
        row = int((~usable).arg_max() or 0)
        raise cells.refusal(
            row, name, "--weights", "a column of finite numbers above 0", "mend the cell or drop the row"
        )
    weights: Array = numbers.to_numpy().astype(np.float32)
    return weights


def _column_records(
    cells: Cells, roles: dict[str, str], decisions: list[Decision], columns: tuple[Column, ...]
) -> list[ColumnRecord]:
    decided = {decision.name: decision for decision in decisions}
    inputs: dict[str, list[str]] = {name: [] for name in cells.names}
    for column in columns:
        inputs[column.source].append(column.name)
    records = []
    for name in cells.names:
        missing_as = list(cells.missing_as.get(name, ()))
        if name in roles:
            n_missing = cells.frame[name].null_count()
            reason = "asked for"
            records.append(
                ColumnRecord(
                    name=name, kind=roles[name], reason=reason, used=False, n_missing=n_missing, missing_as=missing_as
                )
            )
            continue
        decision = decided[name]
        records.append(
            ColumnRecord(
                name=name,
                kind=decision.kind,
                reason=decision.reason,
                used=bool(inputs[name]),
                chosen=decision.chosen,
                n_missing=decision.n_missing,
                n_distinct=decision.n_distinct,
                missing_as=missing_as,
                inputs=inputs[name],
            )
        )
    return records


def _left_out(decisions: list[Decision]) -> list[TableWarning]:
    return [
        TableWarning(
            kind="left out",
            column=decision.name,
            text=f"{quoted(decision.name)} is left out: {decision.kind}, {decision.reason}",
            figure=float(decision.n_distinct),
        )
        for decision in decisions
        if not decision.used and not decision.chosen
    ]
