"""``throughline export``: a model of one's own to every format, each proven."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from rich.console import Console

    from throughline.own_model.record import ArtefactRecord, ExportRecord


LEGEND = (
    "differs: largest difference from the model's own answers; relative: as a share of the row's largest number; "
    "of allowed: in the row that came closest to its tolerance."
)


def export(
    model: Annotated[str, Parameter(help="Model file, SavedModel folder, or file.py:factory, which is run.")],
    /,
    *,
    sample: Annotated[
        Path,
        Parameter(help="Rows to answer: .npz with an array for each input by name, or .npy, .csv, .parquet for one."),
    ],
    to: Annotated[str, Parameter(help="Formats such as tflite-int8,onnx-float32. Default: all.")] = "all",
    labels: Annotated[Path | None, Parameter(help="True class of each row, counted from 0: .npy or lines.")] = None,
    out: Annotated[Path | None, Parameter(help="Folder to write, new or empty. Default: exports/NAME.")] = None,
    trust: Annotated[bool, Parameter(help="Allow code that came with the file to run.")] = False,
    json: Annotated[bool, Parameter(help="Print the record as JSON on standard output.")] = False,
) -> int:
    """Bring a model of your own to every format, and prove that each file is still that model.

    MODEL is a .keras, .pt2, TorchScript or .onnx file, a SavedModel folder,
    weights.safetensors of a run, or file.py:factory, a function that returns an
    nn.Module or a keras.Model; that one runs your code. Code inside a file, such as
    a Lambda layer or a pickled module, is refused unless you add --trust.

    The rows, four or more, are answered in batches of 1, of 2 and of all. How far a
    file may differ follows from how far rounding moves the model's own answers.
    Formats that another is made from are added.

    For example:

        throughline export model.keras --sample rows.npy
        throughline export net.py:build --sample rows.npz --to onnx-float32
        throughline export model.onnx --sample rows.csv --to onnx-int8 --json
        throughline export model.pt2 --sample rows.npz --labels labels.txt
    """
    from rich.console import Console
    from rich.text import Text

    from throughline.cli.display import RunDisplay
    from throughline.own_model.export import export_model
    from throughline.own_model.source import Source
    from throughline.progress import Event, Stage

    console = Console(stderr=json, highlight=False, markup=False, emoji=False)

    def say(source: Source) -> None:
        console.print(Text(f"{source.name}: {source.title}. {source.safety}", style="dim"), soft_wrap=True)

    with RunDisplay(console) as display:

        def show(event: Event) -> None:
            display.on_event(event)
            if not console.is_terminal and isinstance(event, Stage) and event.text == "begin":
                console.print(f"  {event.process}")  # a log is to show that it works, too

        record, folder = export_model(model, sample, to, labels, out, trust, show, say)
    print_export(console, record)
    for name in ("models", "record.json"):
        console.print(Text(f"  {folder / name}"), soft_wrap=True)
    if json:
        print(record.to_json(), end="")
    return 0 if record.proven else 1


def print_export(console: Console, record: ExportRecord) -> None:
    """Print what the model is, the table of its formats, and a sentence for each that was not proven."""
    from rich.table import Table
    from rich.text import Text

    shapes = " ".join(f"{name} {shape}" for name, shape in (record.inputs | record.outputs).items())
    console.print(Text(f"{record.model}: {record.n_parameters:,} parameters; {shapes}"))
    for size, reason in record.refused_batch_sizes.items():
        console.print(Text(f"The model itself cannot answer in batches of {size}: {reason}", style="yellow"))
    if record.accuracy is not None:
        console.print(f"Its own accuracy on the {record.n_rows} rows is {record.accuracy:.1%}.")
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    titles = ["format", "bytes", "differs", "relative", "of allowed", "flips", "verdict"]
    if record.accuracy is not None:
        titles.insert(6, "acc.")
    for title in titles:
        left = title in ("format", "verdict")
        table.add_column(title, justify="left" if left else "right", no_wrap=title != "verdict")
    for entry in (entry for entry in record.artefacts if entry.status != "not_run"):
        cells = _cells(entry, with_accuracy=record.accuracy is not None)
        table.add_row(*cells, style="red" if entry.status == "failed" else "")
    if table.row_count:
        console.print("", table)
        console.print(Text(LEGEND, style="dim"), "")
    for (status, reason), titles in _reasons(record).items():
        style = "bold red" if status == "failed" else "yellow"
        console.print(Text(f"{', '.join(titles)} {status.replace('_', ' ')}: {reason}", style=style), soft_wrap=True)
    counts = {status: sum(e.status == status for e in record.artefacts) for status in ("passed", "failed", "not_run")}
    console.print(Text(f"{counts['passed']} proven", style="green"), end="")
    console.print(
        f", {counts['failed']} failed, {counts['not_run']} not run; {record.n_rows} rows in batches of "
        f"{', '.join(map(str, record.batch_sizes))}; {record.wall_s:.1f} s."
    )


def _reasons(record: ExportRecord) -> dict[tuple[str, str], list[str]]:
    """Return what was not proven, those with the same reason together."""
    found: dict[tuple[str, str], list[str]] = {}
    for entry in record.artefacts:
        if entry.status != "passed":
            found.setdefault((entry.status, entry.reason), []).append(entry.title)
    return found


def _cells(entry: ArtefactRecord, *, with_accuracy: bool) -> list[str]:
    worst = entry.worst
    if worst is None:
        size = f"{entry.size_bytes:,}" if entry.size_bytes else "–"
        blanks = ["–"] * (5 if with_accuracy else 4)
        return [entry.title, size, *blanks, "FAILED"]
    accuracy = ["–" if entry.accuracy is None else f"{entry.accuracy:.1%}"] if with_accuracy else []
    return [
        entry.title,
        f"{entry.size_bytes:,}",
        f"{worst.largest_difference:.1e}",
        f"{worst.relative_difference:.1e}",
        _percent(worst.share_of_tolerance),
        "–" if entry.n_flips is None else str(entry.n_flips),
        *accuracy,
        entry.verdict if entry.status == "passed" else f"FAILED {entry.verdict}",
    ]


def _percent(share: float) -> str:
    """Return a share for a narrow column.

    Examples
    --------
    >>> _percent(0.0341), _percent(0.0), _percent(0.00002), _percent(5.2), _percent(3e20)
    ('3 %', '0 %', '<1 %', '520 %', '3e+22 %')
    """
    if 0 < share < 0.01:
        return "<1 %"
    return f"{share:.0%}".replace("%", " %") if share < 100 else f"{100 * share:.0e} %"
