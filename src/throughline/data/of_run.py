"""The rows of a finished run once more, proven to be the same by their checksum; a run keeps none but held-out ones."""

from __future__ import annotations

from pathlib import Path

from throughline.data.cells import Cells
from throughline.data.split import Split, rows_to_prove, split_rows
from throughline.data.table import TableRequest, read_table, read_table_with_cells
from throughline.data.tasks import TASKS, load_task
from throughline.errors import DataError, UsageError, quoted
from throughline.record import RunRecord


def table_request_of(record: RunRecord, data: Path | str) -> TableRequest:
    """Return what a run asked of its table, for the same table at another place."""
    given = record.arguments
    return TableRequest(
        data=data,
        target=str(given.get("target") or ""),
        task=given.get("task"),
        kinds=given.get("kinds", {}),
        drop=tuple(given.get("drop", ())),
        group=given.get("group"),
        time=given.get("time"),
        weights=given.get("weights"),
        positive=given.get("positive"),
    )


def rows_of_run(record: RunRecord, data: Path | str | None) -> Split:
    """Load and split the rows as the run did.

    Parameters
    ----------
    record : RunRecord
    data : Path, str or None
        The table that the run read; None for a run on a built-in task.

    Returns
    -------
    Split

    Raises
    ------
    UsageError
        If the file is needed and not given, or given and not needed.
    DataError
        If the rows are not those of the run.
    """
    name = record.arguments.get("data")
    if name is None:
        if data is not None:
            remedy = "leave it out"
            raise UsageError("--data", f"left out for a run on the task {record.task.name}", quoted(data), remedy)
        if record.task.name not in TASKS:
            received = quoted(record.task.name)
            raise UsageError("RUN", f"on one of the tasks {', '.join(TASKS)}, or on a file", received, "run again")
        table, given = load_task(record.task.name, record.seed), f"those of the task {record.task.name} in this release"
    else:
        if data is None:
            allowed = f"the file {quoted(name)} that the run has read, since a run keeps none but held-out rows"
            raise UsageError("--data", allowed, "none", "pass its path")
        table, given = read_table(table_request_of(record, data), record.seed), quoted(data)
    split = split_rows(table, record.seed)
    if split.sha256 != record.split.sha256:
        allowed = f"the rows of the run, with the checksum {record.split.sha256[:12]}..."
        remedy = "pass the file as it was, or run again"
        raise DataError("--data" if name else "RUN", allowed, f"{given}, with {split.sha256[:12]}...", remedy)
    return split


def held_out_cells(record: RunRecord, data: Path | str) -> Cells:
    """Read the held-out rows of a run as they stand in its table, in the order of `Split.proven_rows`.

    Parameters
    ----------
    record : RunRecord
    data : Path or str
        The table that the run read; `rows_of_run` makes sure of that.
    """
    table, cells = read_table_with_cells(table_request_of(record, data), record.seed)
    assert table.parts is not None  # a table from a file is split by what it holds
    test = table.parts.test
    chosen = rows_to_prove(len(test))
    return cells.take(test if chosen is None else test[chosen])
