"""``throughline parity``: the same training in several frameworks, step by step."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from throughline.errors import OutputError, UsageError, quoted

if TYPE_CHECKING:
    from rich.console import Console

    from throughline.parity.record import ParityRecord
    from throughline.parity.tasks import Case
    from throughline.record import LedgerRecord

SHORT_TITLES = {"numpy": "np", "keras": "keras", "torch": "torch"}


def parity(
    *,
    task: Annotated[str, Parameter(help="Out of seed,deep,regression. Default: seed,deep.")] = "seed,deep",
    optimizer: Annotated[str, Parameter(help="Names such as sgd,adamw, or all. Default: all.")] = "all",
    dtype: Annotated[str, Parameter(help="float64, float32 or both. Default: both.")] = "float64,float32",
    steps: Annotated[int, Parameter(help="Training steps of each training. Default: 1000.")] = 1000,
    dropout: Annotated[str, Parameter(help="Rates such as 0,0.3; the masks are shared. Default: 0,0.3.")] = "0,0.3",
    seed: Annotated[int, Parameter(help="Seed of rows, weights, order and masks. Default: 0.")] = 0,
    write: Annotated[Path | None, Parameter(help="Markdown page to write, such as docs/parity.md.")] = None,
    ledger: Annotated[bool, Parameter(help="Measure what each framework's defaults do instead.")] = False,
    seeds: Annotated[int, Parameter(help="With --ledger: trainings of each setting. Default: 10.")] = 10,
    run: Annotated[Path | None, Parameter(help="With --ledger: finished run whose report shows it.")] = None,
    json: Annotated[bool, Parameter(help="Print the record as JSON on standard output.")] = False,
) -> int:
    """Train the same network in several frameworks and compare the losses at every step.

    Same start, same batches, same dropout masks, each framework in a process of its own. Exit status 1 says that two
    of them differ by more than rounding explains.

    With --ledger the defaults of Keras and PyTorch are switched back on, one at a time and all together, to measure
    which of them is responsible for how much of the difference; three minutes on two cores.

    For example:

        throughline parity --task seed --optimizer adam --steps 200
        throughline parity --dtype float32 --dropout 0
        throughline parity --write docs/parity.md
        throughline parity --ledger --run runs/patients
    """
    from rich.console import Console

    from throughline.cli.display import RunDisplay
    from throughline.output import write_whole
    from throughline.parity.compare import compare_trajectories
    from throughline.parity.page import parity_page

    if write is not None and not write.parent.is_dir():
        raise OutputError("--write", "a file in a folder that exists", quoted(write), "make the folder first")
    console = Console(stderr=json, highlight=False, markup=False, emoji=False)
    if ledger:
        return _ledger(console, steps, seeds, run, write, json)
    if run is not None:
        raise UsageError("--run", "left out without --ledger", quoted(run), "add --ledger")
    cases = _cases(task, optimizer, dtype, dropout, seed)
    with RunDisplay(console) as display:
        record = compare_trajectories(cases, steps, on_event=display.on_event)
    _print(console, record)
    if write is not None:
        write_whole(write, parity_page(record))
        console.print(f"  {write}", soft_wrap=True)
    if json:
        print(record.to_json(), end="")
    return 0 if record.met else 1


def _ledger(console: Console, steps: int, seeds: int, run: Path | None, write: Path | None, json: bool) -> int:
    """Measure the ledger, print it, and give it to a run's record and report."""
    from throughline.cli.display import RunDisplay
    from throughline.output import write_whole
    from throughline.parity.ledger.measure import measure_ledger
    from throughline.parity.ledger.page import ledger_page
    from throughline.record import load_record
    from throughline.report import write_all

    record = load_record(run) if run is not None else None
    with RunDisplay(console) as display:
        found = measure_ledger(steps, seeds, on_event=display.on_event)
    _print_ledger(console, found)
    written = []
    if write is not None:
        write_whole(write, ledger_page(found))
        written.append(write)
    if record is not None and run is not None:
        folder = run if run.is_dir() else run.parent
        record = dataclasses.replace(record, ledger=found)
        write_whole(folder / "record.json", record.to_json())
        written += [folder / "record.json", *write_all(record, folder)]
    for path in written:
        console.print(f"  {path}", soft_wrap=True)
    if json:
        print(found.to_json(), end="")
    return 0


def _print_ledger(console: Console, record: LedgerRecord) -> None:
    from rich.table import Table

    from throughline.cli.display import equivalence_sentence

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("switched back on")
    for column in ("loss gap", "share", "accuracy, points"):
        table.add_column(column, justify="right", no_wrap=True)
    for line in record.lines:
        value, low, high = (
            100 * share
            for share in (line.accuracy_difference.value, line.accuracy_difference.low, line.accuracy_difference.high)
        )
        table.add_row(line.title, f"{line.gap:.1e}", f"{line.share:.1%}", f"{value:+.2f} [{low:+.2f}, {high:+.2f}]")
    console.print(table, "")
    console.print(equivalence_sentence(record.equivalence))
    console.print(f"{record.n_steps:,} steps each; {record.wall_s:.1f} s.")


def _cases(task: str, optimizer: str, dtype: str, dropout: str, seed: int) -> list[Case]:
    from throughline.parity.tasks import OPTIMIZERS, make_case

    try:
        rates = [float(rate) for rate in dropout.split(",")]
    except ValueError as error:
        remedy = "pass for example --dropout 0,0.3"
        raise UsageError(
            "--dropout", "numbers from 0 to below 1, separated by commas", quoted(dropout), remedy
        ) from error
    optimizers = OPTIMIZERS if optimizer == "all" else tuple(optimizer.split(","))
    return [
        make_case(task_name, optimizer_name, dtype_name, rate, seed)
        for dtype_name in dtype.split(",")
        for task_name in task.split(",")
        for optimizer_name in optimizers
        for rate in rates
    ]


def _print(console: Console, record: ParityRecord) -> None:
    from rich.table import Table
    from rich.text import Text

    from throughline.cli.display import MET, MISSED
    from throughline.parity.page import COLUMNS, departure_sentences, row_of

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("task", "optimizer", "drop", "dtype"):
        table.add_column(column, no_wrap=True)
    for column in (*(f"{SHORT_TITLES[a]}–{SHORT_TITLES[b]}" for a, b in COLUMNS), "sklearn", "weights"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column("")
    for case in record.cases:
        named = (case.task, case.optimizer, f"{case.dropout:g}", case.dtype)
        table.add_row(*named, *row_of(case), MET if case.met else MISSED)
    console.print(table, "")
    for sentence in departure_sentences(record):
        console.print(sentence)
    for case in record.cases:
        for framework, said in case.diverged.items():
            console.print(Text(said, style="bold red"))
            console.print(f"  its last good weights: {case.good_weights[framework]}", soft_wrap=True)
    n_met = sum(case.met for case in record.cases)
    style = "green" if record.met else "red"
    console.print(Text(f"{n_met} of {len(record.cases)} trainings meet their bars", style=style), end="")
    console.print(f", {record.n_steps:,} steps each; {record.wall_s:.1f} s.")
