"""``throughline bundle``: a run's network or a model of one's own, sent to someone who can prove it again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from rich.console import Console

    from throughline.bundle.build import Made


def bundle(
    source: Annotated[
        str, Parameter(name="RUN-OR-MODEL", help="Folder of a run or of an export, a model file, or file.py:factory.")
    ],
    /,
    *,
    to: Annotated[str, Parameter(help="Formats such as onnx-float32,tflite-int8, or all.")],
    out: Annotated[Path, Parameter(help="Folder to write, new or empty.")],
    data: Annotated[str | None, Parameter(help="Of a run: the table that it has read, if it read one.")] = None,
    network: Annotated[str | None, Parameter(help="Of a run: keras or torch. Default: the shorter way.")] = None,
    sample: Annotated[Path | None, Parameter(help="Of a model: rows to answer, as for throughline export.")] = None,
    labels: Annotated[Path | None, Parameter(help="Of a model: true class of each row.")] = None,
    trust: Annotated[bool, Parameter(help="Of a model: allow code that came with it to run.")] = False,
    licence: Annotated[str, Parameter(help="Under what it is given away, such as Apache-2.0.")] = "",
    json: Annotated[bool, Parameter(help="Print the manifest as JSON on standard output.")] = False,
) -> int:
    """Put a run's network or a model of your own into a folder that proves itself.

    In it are the formats, rows, a model card, and check.py, with which the
    receiver proves that each file still gives these answers: it needs NumPy and
    the runtime of a format. What was not exported yet is made and proven first;
    a bundle that does not pass its own check is not written. The rows go into the
    bundle: send none that are not to be seen. onnx-strings and savedmodel-strings
    take the columns of the run's table, texts as they are.

    For example:

        throughline bundle runs/digits --to onnx-float32,tflite-float16 --out send
        throughline bundle runs/patients --to all --data patients.csv --out send
        throughline bundle runs/patients --to c99,onnx-strings --data patients.csv --out send
        throughline bundle net.py:build --sample rows.npz --to all --out send
        throughline bundle exports/model --to all --out send
        python send/check.py
    """
    from rich.console import Console
    from rich.text import Text

    from throughline.bundle.build import BundleRequest, make_bundle
    from throughline.cli.display import RunDisplay

    console = Console(stderr=json, highlight=False, markup=False, emoji=False)
    formats = tuple(name.strip() for name in to.split(",") if name.strip())
    if sample is not None:
        from throughline.own_model.source import find_source

        console.print(Text(find_source(source, trust).safety, style="dim"))
    request = BundleRequest(
        source=source,
        formats=formats,
        out=out,
        data=data,
        network=network,
        sample=sample,
        labels=labels,
        trust=trust,
        licence=licence,
    )
    with RunDisplay(console) as display:
        made = make_bundle(request, display.on_event)
    _print(console, made)
    if json:
        print(made.manifest.to_json(), end="")
    return 0


def _print(console: Console, made: Made) -> None:
    from rich.table import Table

    from throughline.spec import FRAMEWORK_TITLES

    manifest = made.manifest
    labelled = [name for name in ("accuracy", "r2") if any(found[name] is not None for found in made.checked.values())]
    n_timed = next(iter(made.checked.values()))["latency_rows"]
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    columns = ["format", "bytes", "differs", "allowed", *({"accuracy": "acc.", "r2": "R²"}[name] for name in labelled)]
    for column in (*columns, "µs/row" if n_timed == 1 else f"µs/{n_timed} rows", "verdict"):
        left = column in ("format", "verdict")
        table.add_column(column, justify="left" if left else "right", no_wrap=column != "verdict")
    for entry in manifest.files_to_run:
        checked = made.checked[entry.name]
        table.add_row(
            entry.title,
            f"{entry.size_bytes:,}",
            f"{entry.parity.largest_difference:.1e}",
            f"{entry.parity.tolerance:.1e}",
            *(f"{checked[name]:.1%}" if name == "accuracy" else f"{checked[name]:.3f}" for name in labelled),
            f"{checked['latency_us']:.1f}",
            entry.parity.verdict,
        )
    console.print(table, "")
    for name, reason in made.left_out.items():
        console.print(f"{name} left out: {reason}", style="yellow", soft_wrap=True)
    if manifest.trained is not None:
        what = f"The network of {FRAMEWORK_TITLES[manifest.trained.framework]}"
    else:
        what = manifest.name
    n_formats = len(manifest.files_to_run)
    formats = "1 format" if n_formats == 1 else f"{n_formats} formats"
    console.print(f"{what} in {formats}, proven on {manifest.rows.n_rows:,} rows.")
    console.print(f"Tell the receiver by another way: bundle {made.sha256}", soft_wrap=True)
    console.print(f"  {made.folder}", soft_wrap=True)
    console.print(f"  python {made.folder / 'check.py'}", soft_wrap=True)
