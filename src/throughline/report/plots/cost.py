"""What an artefact costs and what it is worth: bytes across, the time of one row upwards, accuracy beside the mark."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import resources

from throughline.record import ArtefactBench, BenchRecord
from throughline.report.formatting import NARROW_SPACE, microseconds, percent, size
from throughline.report.plots.canvas import HEIGHT, MARKERS, PALETTE, WIDTH, Picture, new_axes, style, to_picture
from throughline.report.plots.tradeoff import Place, log_axes, write_titles

TALLER = 130  # than other pictures: titles have their accuracy with them, and there may be many


def size_latency_accuracy(artefacts: Sequence[ArtefactBench]) -> Picture:
    """Draw each artefact with the interval of its latency; low and left is best, hollow marks store short numbers."""
    axes = new_axes(x_label="size of the file", y_label="median time of one row", left=72, height=HEIGHT + TALLER)
    places = [Place(_title(entry), entry.size_bytes, entry.figures["p50_us"].median) for entry in artefacts]
    log_axes(axes, places)
    for entry, place in zip(artefacts, places, strict=True):
        colour = PALETTE.get(entry.framework, PALETTE["accent"])
        latency = entry.figures["p50_us"]
        axes.plot([place.size_bytes] * 2, [latency.low, latency.high], color=colour, linewidth=2)
        axes.plot(
            [place.size_bytes],
            [place.latency_us],
            MARKERS.get(entry.framework, "D"),
            markersize=9,
            color=colour,
            markeredgecolor=colour,
            markerfacecolor=PALETTE["paper"] if entry.stored_as != "float32" else colour,
            markeredgewidth=2,
        )
    write_titles(axes, places)
    told = "; ".join(
        f"{entry.title} {size(entry.size_bytes)}, {microseconds(entry.figures['p50_us'].median)}"
        + ("" if entry.accuracy is None else f", accuracy {percent(entry.accuracy)}")
        for entry in artefacts
    )
    return to_picture(axes, name="cost", alt=f"Size, time of one row and accuracy of each artefact: {told}.")


def _title(entry: ArtefactBench) -> str:
    return entry.title if entry.accuracy is None else f"{entry.title} {percent(entry.accuracy)}"


def draw_alone(record: BenchRecord) -> str:
    """Draw the same picture as a file of its own, in the page's colours, for light and for dark."""
    with style():
        picture = size_latency_accuracy(record.artefacts)
    css = resources.files("throughline.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    rules = (
        f"svg {{{_colours(light)}; background: var(--paper); font-family: system-ui, sans-serif}} "
        f"@media (prefers-color-scheme: dark) {{svg {{{_colours(dark)}}}}}"
    )
    opening, rest = str(picture.svg).split(">", 1)
    sizes = f'xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" height="{2 * (HEIGHT + TALLER)}"'
    return f"{opening.replace('<svg', f'<svg {sizes}', 1)}><style>{rules}</style>{rest}\n".replace(NARROW_SPACE, " ")


def _colours(block: str) -> str:
    return "; ".join(re.findall(r"--[\w-]+: #[0-9a-f]{6}", block))
