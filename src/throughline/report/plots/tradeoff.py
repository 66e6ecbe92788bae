"""What a format costs: bytes against the time of one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from throughline.record import FormatRecord
from throughline.report.formatting import microseconds, size
from throughline.report.plots.canvas import FONT_SIZE, MARKERS, PALETTE, WIDTH, Picture, new_axes, to_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# In units of the picture: height of a title, width of its letters (generous: the page chooses the font), half a mark.
_LINE, _LETTER, _GAP = FONT_SIZE + 3.0, 0.6 * FONT_SIZE, 10.0


class _Box(NamedTuple):
    left: float
    bottom: float
    right: float
    top: float

    def meets(self, other: _Box) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.bottom < other.top and other.bottom < self.top


class Place(NamedTuple):
    """Where a mark stands, and what is written beside it."""

    title: str
    size_bytes: float
    latency_us: float


def bytes_and_latency(formats: Sequence[FormatRecord]) -> Picture:
    """Draw each format that ran by its size and its latency; low and left is best, failed ones are crossed."""
    entries = [
        entry for entry in formats if entry.status != "not_run" and entry.size_bytes > 0 and entry.latency_us > 0
    ]
    places = [Place(entry.title, entry.size_bytes, entry.latency_us) for entry in entries]
    axes = new_axes(x_label="size of the file", y_label="median time of one row", left=72)
    log_axes(axes, places)
    for entry in entries:
        colour = PALETTE["bad" if entry.status == "failed" else entry.framework]
        axes.plot(
            [entry.size_bytes],
            [entry.latency_us],
            "X" if entry.status == "failed" else MARKERS[entry.framework],
            markersize=10,
            color=colour,
            markeredgecolor=colour,
            markerfacecolor=PALETTE["paper"] if entry.stored_as != "float32" else colour,
            markeredgewidth=2,
        )
    write_titles(axes, places)
    told = "; ".join(f"{entry.title} {size(entry.size_bytes)}, {microseconds(entry.latency_us)}" for entry in entries)
    return to_picture(axes, name="trade-off", alt=f"Size of each format's file against its latency: {told}.")


def log_axes(axes: Axes, places: Sequence[Place]) -> None:
    """Make both axes logarithmic, bytes across and microseconds upwards, with room around all places."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

    sides = (
        (axes.set_xscale, axes.set_xlim, axes.xaxis, [place.size_bytes for place in places], size),
        (axes.set_yscale, axes.set_ylim, axes.yaxis, [place.latency_us for place in places], microseconds),
    )
    for set_scale, set_limits, axis, values, write in sides:
        set_scale("log")
        low, high = min(values, default=1), max(values, default=10)
        set_limits(low / 1.6, high * 1.6)
        narrow = high / low < 30
        axis.set_major_locator(LogLocator(subs=(1, 2, 5) if narrow else (1,)))
        axis.set_minor_locator(NullLocator())
        axis.set_major_formatter(FuncFormatter(lambda value, _, write=write: write(value)))


def write_titles(axes: Axes, places: Sequence[Place]) -> None:
    """Write each title beside its mark, in the first place where it covers no mark and no other title."""
    points = [tuple(map(float, axes.transData.transform((place.size_bytes, place.latency_us)))) for place in places]
    taken = [_Box(x - _GAP, y - _GAP, x + _GAP, y + _GAP) for x, y in points]
    heights = [float(axes.transData.transform((1, tick))[1]) for tick in axes.get_yticks()]
    taken += [_Box(0, y - _LINE / 2, axes.bbox.x0, y + _LINE / 2) for y in heights]  # the numbers of the axis
    for (x, y), place in zip(points, places, strict=True):
        width = _LETTER * len(place.title)
        boxes = {
            (side, rise): _Box(left, y + rise - _LINE / 2, left + width, y + rise + _LINE / 2)
            for rise in (0, _LINE, -_LINE, 2 * _LINE, -2 * _LINE)
            for side, left in (("left", x + _GAP), ("right", x - _GAP - width))
            if 0 <= left <= WIDTH - width
        }
        free = (where for where, box in boxes.items() if not any(box.meets(other) for other in taken))
        side, rise = next(free, ("left", 0.0))
        if (side, rise) in boxes:
            taken.append(boxes[side, rise])
        axes.annotate(
            place.title,
            (place.size_bytes, place.latency_us),
            (10 if side == "left" else -10, rise),
            textcoords="offset points",
            ha=side,
            va="center",
        )
