"""``throughline run``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter


def run(
    *,
    task: Annotated[str | None, Parameter(help="Built-in task; `throughline tasks` lists them.")] = None,
    data: Annotated[Path | None, Parameter(help="Numeric CSV file with a header row, instead of a task.")] = None,
    target: Annotated[str | None, Parameter(help="Column of the file with the two classes.")] = None,
    out: Annotated[Path | None, Parameter(help="Folder to write; new or empty. Default: below `runs/`.")] = None,
    seed: Annotated[int, Parameter(help="Seed of data, weights, order and dropout.")] = 0,
    chapters: Annotated[str, Parameter(help="Chapters such as `3,4,6`; those they need are added.")] = "1,2,3,4,5,6,7",
    strict: Annotated[bool, Parameter(negative="", help="Exit with 1 if a bar was missed, too.")] = False,
    json: Annotated[bool, Parameter(negative="", help="Print the record as JSON on standard output.")] = False,
) -> int:
    """Tell the seven chapters on real rows, prove every exported file, and write report and talking points.

    **Examples**

    `throughline run`

    `throughline run --task breast-cancer --seed 7`

    `throughline run --data patients.csv --target outcome --out runs/patients`

    `throughline run --chapters 3,6 --json`
    """
    from rich.console import Console

    from throughline.cli.display import RunDisplay, print_summary
    from throughline.errors import UsageError
    from throughline.run import RunRequest, run

    try:
        numbers = tuple(int(part) for part in chapters.split(","))
    except ValueError as error:
        remedy = "pass for example --chapters 3,4,6"
        raise UsageError("--chapters", "numbers from 1 to 7 separated by commas", repr(chapters), remedy) from error
    console = Console(stderr=json, highlight=False)
    request = RunRequest(task=task, data=data, target=target, out=out, seed=seed, chapters=numbers)
    with RunDisplay(console) as display:
        record, folder = run(request, display.on_event)
    print_summary(console, record, folder)
    if json:
        print(record.to_json(), end="")
    missed = strict and not all(bar.met for bar in record.bars)
    return 0 if record.verified and not missed else 1
