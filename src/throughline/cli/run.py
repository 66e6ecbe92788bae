"""``throughline run``: the main job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from throughline.cli.numbers import whole_number
from throughline.cli.speaker import Resume, WordsPerMinute
from throughline.errors import UsageError, quoted

if TYPE_CHECKING:
    from throughline.record import RunRecord


Seed = Annotated[
    int,
    Parameter(
        converter=whole_number("--seed", "a whole number from 0 to 4294967295"),
        help="Seed of data, weights, order and dropout. Default: 0.",
    ),
]
Seeds = Annotated[
    int,
    Parameter(
        converter=whole_number("--seeds", "1 for none, or a whole number from 3"),
        help="Short trainings of both frameworks, to test that they are equivalent. Default: 10; 1 for none.",
    ),
]
Chapters = Annotated[str, Parameter(help="Chapters such as 3,4,6; those they need are added. Default: all.")]

Formats = Annotated[
    str, Parameter(help="Formats beyond those of the chapters, from both frameworks; names, or all. Default: none.")
]
NoEmbed = Annotated[
    bool, Parameter(help="Leave the model, its runtime (5 MB) and held-out rows out of the report; keep no rows.")
]


def run(
    *,
    task: Annotated[str | None, Parameter(help="Built-in task; see throughline tasks.")] = None,
    data: Annotated[Path | None, Parameter(help="Numeric CSV file with a header row, instead of a task.")] = None,
    target: Annotated[str | None, Parameter(help="Column of the file with the two classes.")] = None,
    out: Annotated[Path | None, Parameter(help="Folder to write, new or empty. Default: a new one in runs/.")] = None,
    seed: Seed = 0,
    seeds: Seeds = 10,
    chapters: Chapters = "1,2,3,4,5,6,7",
    formats: Formats = "",
    wpm: WordsPerMinute = 150,
    resume: Resume = None,
    no_embed: NoEmbed = False,
    strict: Annotated[bool, Parameter(help="Exit with 1 if a bar was missed, too.")] = False,
    json: Annotated[bool, Parameter(help="Print the record as JSON on standard output.")] = False,
) -> int:
    """Tell the seven chapters on real rows, prove every exported file, and write report and talking points.

    For example:

        throughline run
        throughline run --task breast-cancer --seed 7
        throughline run --data patients.csv --target outcome --out runs/patients
        throughline run --chapters 3,6 --seeds 1 --json
        throughline run --formats all
        throughline run --formats tflite-int8,c99
    """
    from rich.console import Console

    from throughline.cli.display import RunDisplay, print_summary
    from throughline.report.speaker import speaker_of
    from throughline.run import RunRequest, run

    try:
        numbers = tuple(int(part) for part in chapters.split(","))
    except ValueError as error:
        remedy = "pass for example --chapters 3,4,6"
        raise UsageError("--chapters", "numbers from 1 to 7 separated by commas", quoted(chapters), remedy) from error
    console = Console(stderr=json, highlight=False, markup=False, emoji=False)
    beyond = tuple(name.strip() for name in formats.split(",") if name.strip())
    request = RunRequest(
        task=task,
        data=data,
        target=target,
        out=out,
        seed=seed,
        seeds=seeds,
        chapters=numbers,
        formats=beyond,
        speaker=speaker_of(wpm, resume),
        embed=not no_embed,
    )
    with RunDisplay(console) as display:
        record, folder = run(request, display.on_event)
    print_summary(console, record, folder)
    if json:
        print(record.to_json(), end="")
    return exit_status(record, strict=strict)


def exit_status(record: RunRecord, *, strict: bool) -> int:
    """Return 1 if a verification failed, or with `strict` if a bar was missed; otherwise 0."""
    missed = strict and not all(bar.met for bar in record.bars)
    return 0 if record.verified and not missed else 1
