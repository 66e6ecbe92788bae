"""What a table is taken for, shown before anything is trained on it."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from throughline.record import ColumnRecord, TableRecord

MOST_SHOWN = 40


def table_lines(record: TableRecord) -> RenderableType:
    """Return what was found in the file, a line for each column, and the warnings."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for title in ("column", "kind", "why"):
        table.add_column(title, overflow="fold")
    for column in record.columns[:MOST_SHOWN]:
        table.add_row(Text(column.name), Text(column.kind, style="" if column.used else "dim"), _why(column))
    lines: list[RenderableType] = [Text(found_sentence(record)), table]
    if len(record.columns) > MOST_SHOWN:
        lines.append(
            Text(f"and {len(record.columns) - MOST_SHOWN} more columns, all of them in record.json", style="dim")
        )
    # What is left out stands in the table already.
    told = [warning for warning in record.warnings if warning.kind != "left out"]
    lines += [Text(f"! {warning.text}", style="yellow") for warning in told]
    return Group(*lines, "")


def found_sentence(record: TableRecord) -> str:
    """Say how the file was read and split.

    Examples
    --------
    >>> record = TableRecord(found={"format": "CSV", "encoding": "Latin-1", "rows": "all"}, file_sha256="", n_rows=90,
    ...                      n_read=90, n_without_target=2, task_reason="two values", split_reason="at random",
    ...                      columns=[], warnings=[])
    >>> found_sentence(record)
    'CSV, encoding Latin-1, rows all; 88 rows, 2 more without a target; two values to predict; split at random.'
    """
    said = ", ".join(value if name == "format" else f"{name} {value}" for name, value in record.found.items())
    n_rows = f"{record.n_read - record.n_without_target:,} rows"
    if record.n_without_target:
        n_rows += f", {record.n_without_target:,} more without a target"
    return f"{said}; {n_rows}; {record.task_reason} to predict; split {record.split_reason}."


def _why(column: ColumnRecord) -> Text:
    missing = f"; {column.n_missing:,} empty" if column.n_missing else ""
    written = [text for text in column.missing_as if text]
    if missing and written:
        missing += f", {', '.join(written)} among them"
    parts = f"; {len(column.inputs)} parts" if len(column.inputs) > 1 else ""
    return Text(f"{column.reason}{missing}{parts}", style="" if column.used else "dim")
