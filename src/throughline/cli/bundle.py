"""``throughline bundle``: a finished run's network, to be sent to someone who can prove it again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

if TYPE_CHECKING:
    from rich.console import Console

    from throughline.bundle.build import Made


def bundle(
    run: Annotated[Path, Parameter(help="Folder of a finished run.")],
    /,
    *,
    to: Annotated[str, Parameter(help="Formats such as onnx-float32,tflite-int8, or all.")],
    out: Annotated[Path, Parameter(help="Folder to write, new or empty.")],
    data: Annotated[str | None, Parameter(help="The table that the run has read, if it read one.")] = None,
    network: Annotated[str | None, Parameter(help="keras or torch. Default: the shorter way to the formats.")] = None,
    licence: Annotated[str, Parameter(help="Under what it is given away, such as Apache-2.0.")] = "",
    json: Annotated[bool, Parameter(help="Print the manifest as JSON on standard output.")] = False,
) -> int:
    """Put one network of a run into a folder: its formats, held-out rows, a model card, and check.py.

    The receiver runs check.py, which needs NumPy and the runtime of a format, to prove that each file still gives
    these answers. Formats that the run has not exported are made from its weights and proven first; a bundle that
    does not pass its own check is not written.

    For example:

        throughline bundle runs/digits --to onnx-float32,tflite-float16 --out send
        throughline bundle runs/patients --to all --data patients.csv --out send
        python send/check.py
    """
    from rich.console import Console

    from throughline.bundle.build import BundleRequest, make_bundle
    from throughline.cli.display import RunDisplay

    console = Console(stderr=json, highlight=False, markup=False, emoji=False)
    formats = tuple(name.strip() for name in to.split(",") if name.strip())
    request = BundleRequest(run=run, formats=formats, out=out, data=data, network=network, licence=licence)
    with RunDisplay(console) as display:
        made = make_bundle(request, display.on_event)
    _print(console, made)
    if json:
        print(made.manifest.to_json(), end="")
    return 0


def _print(console: Console, made: Made) -> None:
    from rich.table import Table

    from throughline.spec import FRAMEWORK_TITLES

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("format", "bytes", "differs", "allowed", "acc.", "µs/row", "verdict"):
        left = column in ("format", "verdict")
        table.add_column(column, justify="left" if left else "right", no_wrap=column != "verdict")
    for entry in made.manifest.artefacts:
        checked = made.checked[entry.name]
        table.add_row(
            entry.title,
            f"{entry.size_bytes:,}",
            f"{checked['largest_difference']:.1e}",
            f"{checked['tolerance']:.1e}",
            f"{checked['accuracy']:.1%}",
            f"{checked['latency_us']:.1f}",
            entry.parity.verdict,
        )
    console.print(table, "")
    for name, reason in made.left_out.items():
        console.print(f"{name} left out: {reason}", style="yellow")
    title = FRAMEWORK_TITLES[made.manifest.source]
    n_rows = made.manifest.rows.n_rows
    console.print(f"The network of {title} in {len(made.manifest.artefacts)} formats, proven on {n_rows:,} rows.")
    console.print(f"Tell the receiver by another way: bundle {made.sha256}", soft_wrap=True)
    console.print(f"  {made.folder}", soft_wrap=True)
    console.print(f"  python {made.folder / 'check.py'}", soft_wrap=True)
