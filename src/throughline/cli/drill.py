"""``throughline drill``: a bug to be diagnosed from its symptoms, and a chain rule to be done by hand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from throughline.errors import OutputError, UsageError, quoted

if TYPE_CHECKING:
    from rich.console import Console

    from throughline.drill.session import Drill

app = App(name="drill", help="Practise: diagnose a bug from its symptoms, or do a chain rule by hand.")
HINT, LEAVE = "h", "q"


@app.command
def bug(
    *,
    name: Annotated[str | None, Parameter(help="A bug of --list. Default: one drawn from the seed.")] = None,
    seed: Annotated[int | None, Parameter(help="Of the bug, the rows and the weights. Default: a random one.")] = None,
    hints: Annotated[bool, Parameter(help="Show all hints at once.")] = False,
    answer: Annotated[str | None, Parameter(help="Number or words; do not ask. Status 1 if it is wrong.")] = None,
    html: Annotated[Path | None, Parameter(help="Write symptoms and folded answer as a page; do not ask.")] = None,
    json: Annotated[bool, Parameter(help="Print symptoms, and with --answer the evidence, as JSON.")] = False,
    list: Annotated[bool, Parameter(help="List the bugs.")] = False,
) -> int:
    """Train a small network with one wrong line, show its symptoms, and ask for the cause.

    What you see is measured: the script with its wrong line really trains, is exported and put into service, and so
    does the script without it, whose figures are the expected ones. After the answer comes the evidence: what to look
    at, and the line. Results are kept in a database in your home folder.

    For example:

        throughline drill bug
        throughline drill bug --seed 7
        throughline drill bug --seed 7 --answer "labels were shuffled"
        throughline drill bug --name no-zero-grad --html drill.html
    """
    import sys

    from rich.console import Console

    from throughline.drill.session import draw_drill

    console = Console(stderr=json, highlight=False, markup=False, emoji=False)
    if list:
        return _list(console, json)
    if html is not None:
        _check_folder(html)
    drill = draw_drill(name, seed)
    n_hints = len(drill.bug.hints) if hints else 0
    if html is not None:
        return _write(drill, html)
    if answer is not None or json or not sys.stdin.isatty():
        status = _answer(console, drill, answer, n_hints, json)
        if answer is None:
            again = f"--seed {drill.seed}" + (f" --name {name}" if name is not None else "")
            console.print(f"\nAnswer with: throughline drill bug {again} --answer NUMBER", soft_wrap=True)
        return status
    return _ask(console, drill, n_hints)


def _list(console: Console, json: bool) -> int:
    from rich.table import Table

    from throughline.drill.bugs import load_bugs

    if json:
        import json as json_format

        print(
            json_format.dumps([{"name": entry.name, "title": entry.title} for entry in load_bugs().values()], indent=1)
        )
        return 0
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("name", no_wrap=True)
    table.add_column("what is wrong")
    for entry in load_bugs().values():
        table.add_row(entry.name, entry.title)
    console.print(table)
    return 0


def _answer(console: Console, drill: Drill, answer: str | None, n_hints: int, json: bool) -> int:
    from throughline.drill.answer import understand
    from throughline.drill.ledger import record_drill
    from throughline.drill.record import DrillRecord
    from throughline.drill.session import judge, symptoms_of
    from throughline.drill.terminal import print_evidence, print_symptoms

    if answer is not None:
        understand(answer, drill.causes)  # raises, before anything is trained
    symptoms = symptoms_of(drill, n_hints)
    evidence = judge(drill, answer, n_hints) if answer is not None else None
    if json:
        print(DrillRecord(symptoms=symptoms, evidence=evidence).to_json(), end="")
    else:
        print_symptoms(console, symptoms)
        if evidence is not None:
            print_evidence(console, evidence)
    if evidence is None:
        return 0
    record_drill(drill.bug.name, evidence.correct, 0.0, n_hints)
    return 0 if evidence.correct else 1


def _ask(console: Console, drill: Drill, n_hints: int) -> int:
    import time

    from throughline.drill.answer import understand
    from throughline.drill.ledger import record_drill
    from throughline.drill.session import judge, symptoms_of
    from throughline.drill.terminal import print_evidence, print_hint, print_symptoms

    with console.status("training, once with the bug and once without"):
        symptoms = symptoms_of(drill, n_hints)
    print_symptoms(console, symptoms)
    shown, evidence = time.monotonic(), None
    while evidence is None:
        try:
            answer = console.input(f"\nThe cause, by number or in words ({HINT}: a hint, {LEAVE}: leave): ").strip()
        except EOFError:
            answer = LEAVE
        if answer == LEAVE:
            return 0
        if answer == HINT:
            if n_hints == len(drill.bug.hints):
                console.print("There are no more hints.")
                continue
            n_hints += 1
            print_hint(console, n_hints, drill.bug.hints[n_hints - 1])
            continue
        try:
            if understand(answer, drill.causes) is None:
                console.print("No cause here is called that: choose a number, or say it in other words.")
                continue
            evidence = judge(drill, answer, n_hints)
        except UsageError as error:
            console.print(f"The answer must be {error.allowed}.")
    seconds = time.monotonic() - shown
    print_evidence(console, evidence)
    record_drill(drill.bug.name, evidence.correct, seconds, n_hints)
    return 0


def _write(drill: Drill, path: Path) -> int:
    from throughline.drill.page import write_drill_page

    write_drill_page(drill, path)
    print(path)
    return 0


def _check_folder(path: Path) -> None:
    if not path.parent.is_dir():
        raise OutputError("--html", "a file in a folder that exists", quoted(path), "make the folder first")
    if path.is_dir():
        raise OutputError("--html", "a file", f"{quoted(path)}, which is a folder", "pass a name such as drill.html")


@app.command
def chain_rule(
    run: Annotated[Path | None, Parameter(help="Folder of a finished run. Default: a 2-3-1 network.")] = None,
    /,
    *,
    row: Annotated[int, Parameter(help="Which of the rows, from 0.")] = 0,
    rows: Annotated[Path | None, Parameter(help="The rows of a run on a file of yours: .csv, .npz or .npy.")] = None,
    html: Annotated[Path | None, Parameter(help="Also write the sheet as a page to print.")] = None,
    json: Annotated[bool, Parameter(help="Print the sheet as JSON on standard output.")] = False,
) -> int:
    """Write out one step of a network on one row: forward pass, chain rule, update, every number.

    Each number is computed from the rounded ones above it, so a pocket calculator gives the digits shown. Every
    derivative is held against a central difference of the loss; exit status 1 says that one does not agree.

    For example:

        throughline drill chain-rule
        throughline drill chain-rule --row 3 --html sheet.html
        throughline drill chain-rule runs/patients --rows patients.csv
    """
    import msgspec
    from rich.console import Console

    from throughline.drill.chain_rule.page import write_sheet_page
    from throughline.drill.chain_rule.sheet import make_sheet
    from throughline.drill.chain_rule.source import run_sample, small_sample
    from throughline.drill.chain_rule.terminal import print_sheet

    if html is not None:
        _check_folder(html)
    if run is None and rows is not None:
        raise UsageError("--rows", "left out without a run", quoted(rows), "pass the folder of a run before it")
    sheet = make_sheet(small_sample(row) if run is None else run_sample(run, row, rows))
    console = Console(stderr=json, highlight=False, markup=False, emoji=False)
    if json:
        print(msgspec.json.format(msgspec.json.encode(sheet), indent=1).decode())
    else:
        print_sheet(console, sheet)
    if html is not None:
        write_sheet_page(sheet, html)
        console.print(f"  {html}", soft_wrap=True)
    return 0 if sheet.agrees else 1
