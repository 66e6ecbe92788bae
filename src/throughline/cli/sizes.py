"""``throughline sizes``: from which network size on float16 and int8 pay."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from throughline.errors import OutputError, quoted


def sizes(
    *,
    write: Annotated[Path | None, Parameter(help="Markdown page to write, such as docs/sizes.md.")] = None,
    keep: Annotated[bool, Parameter(help="Put it into the package, for the predictions of bench.")] = False,
    json: Annotated[bool, Parameter(help="Print the measurement as JSON on standard output.")] = False,
) -> int:
    """Export networks of several sizes and say from which size on float16 and int8 files are smaller than float32.

    A line is fitted to the sizes, its crossing is predicted, and the networks on both sides of it are exported to see
    whether it is there; exit status 1 says that one is not. About two minutes on two cores.

    For example:

        throughline sizes
        throughline sizes --write docs/sizes.md
    """
    from rich.console import Console
    from rich.table import Table

    from throughline.cli.display import RunDisplay
    from throughline.formats import find_format
    from throughline.output import write_whole
    from throughline.sizes.measure import measure_sizes
    from throughline.sizes.page import sizes_page
    from throughline.sizes.record import MEASURED_NAME

    if write is not None and not write.parent.is_dir():
        raise OutputError("--write", "a file in a folder that exists", quoted(write), "make the folder first")
    console = Console(stderr=json, highlight=False, markup=False, emoji=False)
    with RunDisplay(console) as display:
        record = measure_sizes(on_event=display.on_event)
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("format", "pays from", "just below", "from there", "near full gain from"):
        table.add_column(column, justify="left" if column == "format" else "right")
    for payoff in record.payoffs:
        sides = (
            "–" if side is None else f"{side[1]:,}/{side[2]:,} B" for side in (payoff.just_below, payoff.just_above)
        )
        whole = ("never" if n is None else f"{n:,} parameters" for n in (payoff.n_parameters, payoff.near_full_gain))
        first, full = whole
        table.add_row(find_format(payoff.name).title, first, *sides, full)
    console.print(table, "")
    for model in record.models:
        console.print(
            f"{model.title}: {model.fixed:,.0f} bytes + {model.per_weight:.3f} a weight + {model.per_unit:.2f} a unit, "
            f"within {model.largest_error:.2%}"
        )
    written = []
    if write is not None:
        write_whole(write, sizes_page(record))
        written.append(write)
    if keep:
        kept = Path(__file__).parent.parent / "sizes" / MEASURED_NAME
        write_whole(kept, record.to_json())
        written.append(kept)
    for path in written:
        console.print(f"  {path}", soft_wrap=True)
    if json:
        print(record.to_json(), end="")
    return 0 if all(payoff.confirmed for payoff in record.payoffs if payoff.n_parameters is not None) else 1
