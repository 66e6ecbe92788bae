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

ClassWeights = Annotated[
    str,
    Parameter(help="balanced: in training, all rows of one class count as much as all of another. Default: none."),
]
Scaling = Annotated[
    str,
    Parameter(help="robust: by median and interquartile range, for columns with extreme values. Default: standard."),
]
Threshold = Annotated[
    str,
    Parameter(help="best: of two classes, the probability with the highest F1 on validation rows. Default: 0.5."),
]
Kinds = Annotated[
    str,
    Parameter(
        help="What columns are, such as zip=category,born=date; number, boolean, category, date, identifier or text."
    ),
]


def run(
    *,
    task: Annotated[
        str | None,
        Parameter(help="Built-in task; see throughline tasks. With --data: binary, multiclass or regression."),
    ] = None,
    data: Annotated[
        str | None,
        Parameter(help="CSV, Parquet, Arrow, Excel, or duckdb:///FILE?table=NAME, sqlite:///FILE?table=NAME."),
    ] = None,
    target: Annotated[str | None, Parameter(help="Column of the table to predict.")] = None,
    kind: Kinds = "",
    drop: Annotated[str, Parameter(help="Columns to leave out, separated by commas.")] = "",
    group: Annotated[str | None, Parameter(help="Column whose groups stay together in one part of the rows.")] = None,
    time: Annotated[str | None, Parameter(help="Column by which the newest rows become the test rows.")] = None,
    weights: Annotated[
        str | None, Parameter(help="Column with how much each row counts, in training and in chapter 5.")
    ] = None,
    positive: Annotated[str | None, Parameter(help="The class whose probability is said. Default: the last.")] = None,
    class_weights: ClassWeights = "none",
    scaling: Scaling = "standard",
    threshold: Threshold = "0.5",
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
        throughline run --data visits.parquet --target outcome --group patient --drop ward,bed
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
        kinds=kinds_of(kind),
        drop=tuple(name.strip() for name in drop.split(",") if name.strip()),
        group=group,
        time=time,
        weights=weights,
        positive=positive,
        class_weights=class_weights,
        scaling=scaling,
        threshold=threshold,
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


def kinds_of(text: str) -> dict[str, str]:
    """Read what was given as ``--kind``; a name may hold commas and equals signs, a kind holds neither.

    Examples
    --------
    >>> kinds_of("zip=category,size, in cm=number")
    {'zip': 'category', 'size, in cm': 'number'}
    """
    kinds: dict[str, str] = {}
    begun = ""
    for part in text.split(","):
        begun = f"{begun},{part}" if begun else part
        name, equals, kind = begun.rpartition("=")
        if equals:
            kinds[name.strip()] = kind.strip()
            begun = ""
    if begun.strip():
        raise UsageError(
            "--kind", "given as COLUMN=KIND", quoted(begun.strip()), "pass for example --kind zip=category"
        )
    return kinds


def exit_status(record: RunRecord, *, strict: bool) -> int:
    """Return 1 if a verification failed, or with `strict` if a bar was missed; otherwise 0."""
    missed = strict and not all(bar.met for bar in record.bars)
    return 0 if record.verified and not missed else 1
