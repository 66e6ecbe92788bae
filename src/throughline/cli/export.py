"""``throughline export``: a model of one's own to every format, each proven."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from rich.console import Console

    from throughline.own_model.record import ArtefactRecord, ExportRecord


def export(
    model: Annotated[str, Parameter(help="Model file, SavedModel folder, or file.py:factory, which is run.")],
    /,
    *,
    sample: Annotated[Path, Parameter(help="Rows to answer: .npz with one array an input, .npy, .csv, .parquet.")],
    to: Annotated[str, Parameter(help="Formats such as tflite-int8,onnx-float32. Default: all.")] = "all",
    labels: Annotated[Path | None, Parameter(help="True class of each row, counted from 0: .npy or lines.")] = None,
    out: Annotated[Path | None, Parameter(help="Folder to write, new or empty. Default: exports/NAME.")] = None,
    trust: Annotated[bool, Parameter(help="Allow code that came with the file to run.")] = False,
    json: Annotated[bool, Parameter(help="Print the record as JSON on standard output.")] = False,
) -> int:
    """Bring a model of your own to every format, and prove that each file is still that model.

    MODEL is a .keras, .pt2, TorchScript or .onnx file, a SavedModel folder,
    safetensors of ours, or file.py:factory, a function that returns an nn.Module
    or a keras.Model; that one runs your code. The rows are answered in batches of
    1, of 2 and of all. How far a file may differ follows from how far rounding
    moves the model's own answers. Formats that another is made from are added.

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
    from throughline.own_model.source import find_source

    console = Console(stderr=json, highlight=False, markup=False, emoji=False)
    console.print(Text(find_source(model, trust).safety, style="dim"))
    with RunDisplay(console) as display:
        record, folder = export_model(model, sample, to, labels, out, trust, display.on_event)
    print_export(console, record)
    console.print(Text(f"  {folder}"), soft_wrap=True)
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
    titles = ["format", "bytes", "differs", "relative", "allowed", "flips", "verdict"]
    if record.accuracy is not None:
        titles.insert(6, "acc.")
    for title in titles:
        left = title in ("format", "verdict")
        table.add_column(title, justify="left" if left else "right", no_wrap=title != "verdict")
    for entry in record.artefacts:
        cells = _cells(entry, with_accuracy=record.accuracy is not None)
        table.add_row(*cells, style="red" if entry.status == "failed" else "")
    console.print("", table, "")
    for entry in record.artefacts:
        if entry.status != "passed":
            style = "bold red" if entry.status == "failed" else "yellow"
            said = f"{entry.title} {entry.status.replace('_', ' ')}: {entry.reason}"
            console.print(Text(said, style=style), soft_wrap=True)
    counts = {status: sum(e.status == status for e in record.artefacts) for status in ("passed", "failed", "not_run")}
    console.print(Text(f"{counts['passed']} proven", style="green"), end="")
    console.print(
        f", {counts['failed']} failed, {counts['not_run']} not run; {record.n_rows} rows in batches of "
        f"{', '.join(map(str, record.batch_sizes))}; {record.wall_s:.1f} s."
    )


def _cells(entry: ArtefactRecord, *, with_accuracy: bool) -> list[str]:
    worst = entry.worst
    if worst is None:
        size = f"{entry.size_bytes:,}" if entry.size_bytes else "–"
        blanks = ["–"] * (5 if with_accuracy else 4)
        return [entry.title, size, *blanks, "FAILED" if entry.status == "failed" else "not run"]
    accuracy = ["–" if entry.accuracy is None else f"{entry.accuracy:.1%}"] if with_accuracy else []
    return [
        entry.title,
        f"{entry.size_bytes:,}",
        f"{worst.largest_difference:.1e}",
        f"{worst.relative_difference:.1e}",
        f"{worst.tolerance:.1e}",
        "–" if entry.n_flips is None else str(entry.n_flips),
        *accuracy,
        entry.verdict if entry.status == "passed" else f"FAILED {entry.verdict}",
    ]
