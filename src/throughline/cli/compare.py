"""``throughline compare``: several runs side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from rich.table import Table
    from rich.text import Text

    from throughline.comparison import Comparison, Figure
    from throughline.record import FormatRecord

BEYOND = "≠"


def compare(
    *runs: Annotated[Path, Parameter(name="RUN", help="Folders of two or more finished runs.")],
    html: Annotated[Path | None, Parameter(help="Write a page, too.")] = None,
    json: Annotated[bool, Parameter(help="Print JSON instead of tables.")] = False,
) -> int:
    """Lay finished runs side by side: what was asked differently, figures, bars and formats.

    A figure is marked with ≠ where its interval shares no value with that of the first run. Not marked does not mean
    equal, and figures without an interval are never marked.

    For example:

        throughline compare runs/patients-1 runs/patients-2
        throughline compare runs/a runs/b runs/c --html compared.html
        throughline compare runs/a runs/b --json
    """
    from throughline.comparison import compare_runs
    from throughline.record import load_record

    comparison = compare_runs([load_record(run) for run in runs])
    if html is not None:
        from throughline.report.comparison import write_comparison

        write_comparison(comparison, html)
    if json:
        print(comparison.to_json(), end="")
        return 0
    _show(comparison)
    if html is not None:
        print(html)
    return 0


def _show(comparison: Comparison) -> None:
    from rich.console import Console

    console = Console(highlight=False, markup=False, emoji=False)
    same = "the same test rows" if comparison.same_test_rows else "not on the same test rows"
    console.print(f"{len(comparison.runs)} runs, {same}", end="\n\n")
    for title, table in (
        ("differs", _differences(comparison)),
        ("figures", _figures(comparison)),
        ("bars", _bars(comparison)),
        ("formats", _formats(comparison)),
    ):
        if table.row_count:
            table.columns[0].header = title
            console.print(table, "")
    n_beyond = sum(figure.beyond for figure in comparison.figures)
    console.print(
        f"{BEYOND} {n_beyond} of {len(comparison.figures)} figures differ from the first run's beyond intervals."
    )


def _table(comparison: Comparison) -> Table:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("")
    for name in comparison.runs:
        table.add_column(name, justify="right", overflow="fold")
    return table


def _differences(comparison: Comparison) -> Table:
    table = _table(comparison)
    for difference in comparison.arguments:
        table.add_row(difference.name, *difference.values)
    return table


def _figures(comparison: Comparison) -> Table:
    table = _table(comparison)
    for figure in comparison.figures:
        table.add_row(figure.title, *_readings(figure))
    return table


def _readings(figure: Figure) -> list[Text]:
    from rich.text import Text

    from throughline.report.comparison import written
    from throughline.report.formatting import DASH

    cells = []
    for reading in figure.readings:
        if reading is None:
            cells.append(Text(DASH))
            continue
        cell = Text(written(reading.value, figure.unit), style="bold yellow" if reading.beyond else "")
        if reading.low is not None:
            interval = f" ({written(reading.low, figure.unit)} to {written(reading.high, figure.unit)})"
            cell.append(interval, style="dim")
        cells.append(cell.append(f" {BEYOND}") if reading.beyond else cell)
    return cells


def _bars(comparison: Comparison) -> Table:
    from rich.text import Text

    from throughline.cli.display import MET, MISSED
    from throughline.report.formatting import DASH, in_unit

    table = _table(comparison)
    for row in comparison.bars:
        cells = []
        for bar in row.bars:
            if bar is None:
                cells.append(Text(DASH))
                continue
            cells.append(Text.assemble(in_unit(bar.measured, bar.unit), " ", MET if bar.met else MISSED))
        table.add_row(f"{row.chapter} {row.text}", *cells)
    return table


def _formats(comparison: Comparison) -> Table:
    from throughline.report.formatting import framework_title

    table = _table(comparison)
    for row in comparison.formats:
        title = f"{row.title} ({framework_title(row.framework)})"
        table.add_row(title, *(_format(entry) for entry in row.entries))
    return table


def _format(entry: FormatRecord | None) -> Text:
    from rich.text import Text

    from throughline.report.formatting import DASH, microseconds, scientific, size

    if entry is None:
        return Text(DASH)
    if entry.status != "passed":
        return Text(entry.status.replace("_", " "), style="bold red" if entry.status == "failed" else "yellow")
    return Text(f"{size(entry.size_bytes)}, Δ {scientific(entry.largest_difference)}, {microseconds(entry.latency_us)}")
