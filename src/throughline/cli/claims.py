"""``throughline claims``: what is claimed, what a run says to it, and whether every figure of its texts is backed."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from throughline.errors import DataError, UsageError, quoted

if TYPE_CHECKING:
    from rich.console import Console

    from throughline.claims.check import Checked
    from throughline.claims.claim import ToldClaim
    from throughline.record import RunRecord

MOST_FAULTS_SHOWN = 20
LAST_CHAPTER = 8  # why there are several formats; 0 is the run as a whole


def claims(
    run: Annotated[Path, Parameter(help="Folder of a finished run, or its record.json.")],
    /,
    *,
    check: Annotated[bool, Parameter(help="Hold every figure of the run's texts against the record.")] = False,
    readme: Annotated[
        list[Path] | None, Parameter(help="With --check: another Markdown file; may be given several times.")
    ] = None,
    chapter: Annotated[int | None, Parameter(help="Only the claims of a chapter, 1 to 7; 8: formats, 0: run.")] = None,
    json: Annotated[bool, Parameter(help="Print all of it as JSON on standard output.")] = False,
) -> int:
    """List every claim with its value, bar and verdict; with --check, find figures that no record backs.

    A claim that the record contradicts reads as what was measured; that is no error. With --check, the page, the
    talking points and the notebooks in the folder are read, and exit status 1 says that a figure is not backed.

    For example:

        throughline claims runs/patients
        throughline claims runs/patients --chapter 6 --json
        throughline claims runs/patients --check
        throughline claims docs/record.json --check --readme README.md
    """
    from rich.console import Console

    from throughline.claims.claim import tell_all
    from throughline.record import load_record

    if chapter is not None and not 0 <= chapter <= LAST_CHAPTER:
        raise UsageError("--chapter", f"a number from 0 to {LAST_CHAPTER}", str(chapter), "leave it out for all")
    if readme and not check:
        raise UsageError("--readme", "left out without --check", quoted(readme[0]), "add --check")
    record = load_record(run)
    told = tell_all(record, chapter)
    checked = _check(run, readme or [], record) if check else []
    console = Console(stderr=json, highlight=False, markup=False, emoji=False, soft_wrap=True)
    if not check:
        _print_claims(console, told)
    _print_checked(console, checked)
    if json:
        _print_json(told, checked)
    return 1 if any(file.faults for file in checked) else 0


def _check(run: Path, others: list[Path], record: RunRecord) -> list[Checked]:
    from throughline.claims.check import check_file

    folder = run if run.is_dir() else run.parent
    beside = [path for name in ("report.html", "talking_points.md") if (path := folder / name).is_file()]
    paths = [*beside, *sorted(folder.glob("*.ipynb")), *others]
    if not paths:
        received = f"{quoted(folder)}, which has none"
        raise DataError(
            "--check", "a folder with a report or talking points", received, "write them: throughline report"
        )
    found = []
    for path in paths:
        allowed = "a page, a Markdown file or a notebook that can be read"
        if path.suffix not in (".html", ".md", ".ipynb"):
            raise DataError("--readme", allowed, quoted(path), "pass a file that ends in .md")
        try:
            found.append(check_file(path, record))
        except (OSError, ValueError, KeyError, TypeError) as error:
            reason = getattr(error, "strerror", None) or "damaged"
            raise DataError("--check", allowed, f"{quoted(path)} ({reason})", "write it again") from error
    return found


def _print_claims(console: Console, told: list[ToldClaim]) -> None:
    from rich.table import Table
    from rich.text import Text

    from throughline.chapters import load_chapters

    titles = {0: "The run"} | {number: f"{number} {each.title}" for number, each in load_chapters().items()}
    titles[LAST_CHAPTER] = "Formats"
    # Apart from colour, so that it can be read without.
    marks = {"held": Text("✓", style="green"), "contradicted": Text("✗", style="bold yellow")}
    by_chapter: dict[int, list[ToldClaim]] = {}
    for each in told:
        if each.verdict in marks:
            by_chapter.setdefault(each.claim.chapter, []).append(each)
    for number in sorted(by_chapter, key=lambda number: number or LAST_CHAPTER + 1):
        console.print(titles[number], style="bold")
        table = Table.grid(padding=(0, 1))
        table.add_column(width=1)
        table.add_column(overflow="fold")
        for each in by_chapter[number]:
            interval = f" ({each.shown_interval})" if each.shown_interval else ""
            bar = f", {each.shown_bar}" if each.shown_bar else ""
            contradicted = " · contradicted" if each.verdict == "contradicted" else ""
            measured = f"{each.shown_value}{interval}{bar}{contradicted} · {each.claim.field}"
            table.add_row(marks[each.verdict], Text.assemble(each.text, "\n", (measured, "dim")))
        console.print(table, "", soft_wrap=False)
    verdicts = ("held", "contradicted", "missing")
    counts = {verdict: sum(each.verdict == verdict for each in told) for verdict in verdicts}
    missing = [each.claim.name for each in told if each.verdict == "missing"]
    absent = f" The record has no field for: {', '.join(missing)}." if missing else ""
    console.print(f"{counts['held']} held, {counts['contradicted']} contradicted, {counts['missing']} missing.{absent}")


def _print_checked(console: Console, checked: list[Checked]) -> None:
    for file in checked:
        for fault in file.faults[:MOST_FAULTS_SHOWN]:
            console.print(str(fault), style="red")
        if len(file.faults) > MOST_FAULTS_SHOWN:
            console.print(f"{file.file}: {len(file.faults) - MOST_FAULTS_SHOWN} more", style="red")
        console.print(
            f"{file.file}: {file.n_figures} figures, {file.n_cited} of them name their field, "
            f"{len(file.faults)} not backed"
        )


def _print_json(told: list[ToldClaim], checked: list[Checked]) -> None:
    import json

    import msgspec

    data: dict[str, Any] = {"claims": [each.to_dict() for each in told]}
    if checked:
        data["checked"] = msgspec.to_builtins(checked)
    print(json.dumps(data, indent=1, ensure_ascii=False))
