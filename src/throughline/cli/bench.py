"""``throughline bench``: what every artefact costs, and whether one of them is best."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from throughline.errors import OutputError, UsageError, quoted

if TYPE_CHECKING:
    from rich.console import Console

    from throughline.record import BenchRecord

COLUMNS = {
    "start_s": "start",
    "load_s": "load",
    "first_s": "first",
    "p50_us": "p50",
    "p95_us": "p95",
    "p99_us": "p99",
    "memory_bytes": "memory",
}
RATES = {"rows_per_s_32": "rows/s, 32", "rows_per_s_1024": "rows/s, 1,024"}
PARTS = {
    "weights": "weights",
    "quantisation": "steps",
    "graph": "graph",
    "metadata": "meta",
    "padding": "pad",
    "container": "other",
}


def bench(
    bundle_or_run: Annotated[Path, Parameter(name="BUNDLE-OR-RUN", help="Folder of a bundle or of a finished run.")],
    /,
    *,
    data: Annotated[Path | None, Parameter(help="The file that a run has read, if it read one.")] = None,
    rounds: Annotated[int, Parameter(help="Fresh processes for each artefact, from 5. Default: 7.")] = 7,
    plot: Annotated[Path | None, Parameter(help="SVG file to write: size, latency and accuracy.")] = None,
    keep: Annotated[bool, Parameter(help="Put it into the record and the report of the run.")] = False,
    json: Annotated[bool, Parameter(help="Print the benchmark as JSON on standard output.")] = False,
) -> int:
    """Measure every artefact in its own runtime: bytes, loading, first answer, latency, throughput, memory.

    Each artefact is measured in several fresh processes, one at a time on the same processor with one thread, and in
    turns with the others. Every figure is a median over these rounds with a 95 % bootstrap interval; where intervals
    overlap there is no winner.

    For example:

        throughline bench runs/digits --plot cost.svg
        throughline bench send --rounds 15
        throughline bench runs/patients --data patients.csv --keep
    """
    from rich.console import Console

    from throughline.bench.measure import bench as measure
    from throughline.bundle.load import is_bundle
    from throughline.cli.display import RunDisplay
    from throughline.output import write_whole

    if plot is not None and not plot.parent.is_dir():
        raise OutputError("--plot", "a file in a folder that exists", quoted(plot), "make the folder first")
    if keep and is_bundle(bundle_or_run):
        raise UsageError("--keep", "left out for a bundle, which holds what was sent", "given", "pass a run")
    console = Console(stderr=json, highlight=False, markup=False, emoji=False)
    with RunDisplay(console) as display:
        record = measure(bundle_or_run, data, rounds, display.on_event)
    _print(console, record)
    written = []
    if plot is not None:
        from throughline.report.plots.cost import draw_alone

        write_whole(plot, draw_alone(record))
        written.append(plot)
    if keep:
        written += _keep(bundle_or_run, record)
    for path in written:
        console.print(f"  {path}", soft_wrap=True)
    if json:
        print(record.to_json(), end="")
    return 0


def _keep(run: Path, found: BenchRecord) -> list[Path]:
    from throughline.output import write_whole
    from throughline.record import load_record
    from throughline.report import write_all

    record = dataclasses.replace(load_record(run), bench=found)
    folder = run if run.is_dir() else run.parent
    write_whole(folder / "record.json", record.to_json())
    return [folder / "record.json", *write_all(record, folder)]


def _print(console: Console, record: BenchRecord) -> None:
    from rich.table import Table

    from throughline.bench.figures import FIGURES
    from throughline.report.formatting import NARROW_SPACE, count

    def table(*columns: str) -> Table:
        made = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
        for column in columns:
            # Titles break where eighty columns are too few, figures never.
            made.add_column(column, justify="left" if column == "format" else "right", no_wrap=column != "format")
        return made

    def written(name: str, value: float) -> str:
        return FIGURES[name].write(value).replace(NARROW_SPACE, " ")

    costs = table("format", *COLUMNS.values())
    labelled = any(entry.accuracy is not None for entry in record.artefacts)
    rates = table("format", "bytes", *(["acc."] if labelled else []), *RATES.values(), "p50, 95 %")
    shares = table("format", *PARTS.values(), "total", "predicted")
    for entry in record.artefacts:
        found = entry.figures
        costs.add_row(entry.title, *(written(name, found[name].median) if name in found else "–" for name in COLUMNS))
        low, high = (written("p50_us", value) for value in (found["p50_us"].low, found["p50_us"].high))
        interval = f"{low.split()[0] if low.split()[1] == high.split()[1] else low} to {high}"
        medians = (count(found[name].median) if name in found else "–" for name in RATES)
        accuracy = "" if entry.accuracy is None else f"{entry.accuracy:.1%}"
        cells = [f"{entry.size_bytes:,}", *([accuracy] if labelled else []), *medians, interval]
        rates.add_row(entry.title, *cells)
        parts = (f"{getattr(entry.account, part):,}" for part in PARTS)
        predicted = "–" if entry.predicted_bytes is None else f"{entry.predicted_bytes:,.0f}"
        shares.add_row(entry.title, *parts, f"{entry.account.total:,}", predicted)
    for each in (costs, rates, shares):
        console.print(each, "")
    for verdict in record.verdicts:
        console.print(f"{verdict.sentence.replace(NARROW_SPACE, ' ')}.")
    for entry in record.artefacts:
        for name, reason in entry.left_out.items():
            console.print(f"{entry.title}, {FIGURES[name].title} not measured: {reason}", style="yellow")
    for title, reason in record.not_measured.items():
        console.print(f"{title} not measured: {reason}", style="yellow")
    place = record.processors
    quota = "no quota" if place.quota is None else f"a quota of {place.quota:g}"
    where = "not pinned" if place.pinned_to is None else f"pinned to processor {place.pinned_to}"
    console.print(
        f"\n{record.n_rounds} rounds, {record.n_threads} thread, {where}, {place.n_allowed} of {place.n_installed} "
        f"processors allowed, {quota}; {record.wall_s:.0f} s."
    )
