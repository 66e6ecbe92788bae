"""What each default of a framework does: the gap in loss it opens, and what of it reaches the accuracy."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughline.claims.cited import length
from throughline.record import LedgerLine
from throughline.report.formatting import count, points, scientific
from throughline.report.plots.canvas import FONT_SIZE, PALETTE, Picture, new_axes, to_picture
from throughline.report.view import Ledger

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NEGLIGIBLE = 1e-12  # below it a gap is the rounding of float64: the bar of `throughline parity`
_ROW = 40  # height of a line, in units of the picture: its words above, a strip with its mark below
_WORDS, _CENTRE, _STRIP = -0.2, 0.2, 0.42  # their middles and the strip's height, in lines
_MARGINS = 60  # of `new_axes`, above and below
_MOST_TICKS = 7


def draw(ledger: Ledger) -> list[Picture]:
    """Draw the gaps in loss and the differences of accuracy, one line below the other, in the same order."""
    return [_gaps(ledger), _accuracies(ledger)]


def _gaps(ledger: Ledger) -> Picture:
    lines = ledger.lines
    axes = _rows(lines, x_label=f"gap in loss after {count(ledger.record.n_steps)} steps")
    first, last = _decades(lines)
    nowhere = first - 1.0  # where gaps stand that have no place on a logarithmic axis

    def place(gap: float) -> float:
        return math.log10(gap) if gap >= NEGLIGIBLE else nowhere

    for row, line in enumerate(lines):
        _mark(axes, row, place(line.gap_low), place(line.gap), place(line.gap_high), hollow=line.gap < NEGLIGIBLE)
        _words(axes, row, line.title, scientific(line.gap) if line.gap >= NEGLIGIBLE else "≈ 0")
    step = math.ceil((last - first + 1) / _MOST_TICKS)
    decades = range(last, first - 1, -step)
    axes.set_xticks([nowhere, *decades], ["≈ 0", *(scientific(10.0**decade) for decade in decades)])
    axes.set_xlim(nowhere - 0.5, last + 0.15)
    _upright(axes, len(lines), [nowhere, *decades], PALETTE["rule"])
    if lines[-1].gap >= NEGLIGIBLE:
        _upright(axes, len(lines), [place(lines[-1].gap)], PALETTE["ink-soft"], dashed=True)
    told = "; ".join(
        f"{line.title} {scientific(line.gap)} ({scientific(line.gap_low)} to {scientific(line.gap_high)})"
        for line in lines
    )
    alt = f"Gap in loss, median and range over {count(length(ledger.record.seeds))} seeds: {told}."
    return to_picture(axes, name="ledger-gaps", alt=alt)


def _accuracies(ledger: Ledger) -> Picture:
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    margin = 100 * ledger.record.equivalence.margin
    axes = _rows(ledger.lines, x_label="Keras minus PyTorch, percentage points of accuracy")
    n_rows = len(ledger.lines)
    axes.barh([row + _CENTRE for row in range(n_rows)], 2 * margin, _STRIP, -margin, color=PALETTE["rule"], alpha=0.6)
    _upright(axes, n_rows, [-margin, margin], PALETTE["ink-soft"], dashed=True)
    _upright(axes, n_rows, [0.0], PALETTE["ink-soft"])
    for row, line in enumerate(ledger.lines):
        found = line.accuracy_difference
        _mark(axes, row, 100 * found.low, 100 * found.value, 100 * found.high, hollow=found.low == found.high == 0)
        _words(axes, row, line.title, points(found.value))
    reach = max(
        abs(bound)
        for line in ledger.lines
        for bound in (line.accuracy_difference.low, line.accuracy_difference.high, ledger.record.equivalence.margin)
    )
    axes.set_xlim(-115 * reach or -1, 115 * reach or 1)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=_MOST_TICKS, symmetric=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: points(value / 100, 1)))
    told = "; ".join(
        f"{line.title} {points(line.accuracy_difference.value)} "
        f"({points(line.accuracy_difference.low)} to {points(line.accuracy_difference.high)})"
        for line in ledger.lines
    )
    alt = f"Test accuracy of Keras minus PyTorch in percentage points, with intervals: {told}."
    return to_picture(axes, name="ledger-accuracies", alt=alt)


def _rows(lines: Sequence[LedgerLine], x_label: str) -> Axes:
    axes = new_axes(x_label=x_label, y_label="", left=14, height=_ROW * len(lines) + _MARGINS)
    axes.set_ylim(len(lines) - 0.5, -0.5)
    axes.set_yticks([])
    axes.grid(visible=False)
    return axes


def _upright(axes: Axes, n_rows: int, xs: Sequence[float], colour: str, *, dashed: bool = False) -> None:
    """Draw upright lines through the strips alone, so that none runs through words."""
    for row in range(n_rows):
        bottom, top = row + _CENTRE + _STRIP / 2, row + _CENTRE - _STRIP / 2
        dashes = (0, (3, 2) if dashed else ())
        axes.vlines(xs, bottom, top, colors=colour, linewidths=1, linestyles=dashes, zorder=1.5)


def _mark(axes: Axes, row: int, low: float, middle: float, high: float, *, hollow: bool) -> None:
    y = row + _CENTRE
    axes.plot([low, high], [y, y], color=PALETTE["accent"], linewidth=3, solid_capstyle="round")
    axes.plot(
        [middle],
        [y],
        "o",
        color=PALETTE["accent"],
        markersize=9,
        markerfacecolor=PALETTE["paper" if hollow else "accent"],
        markeredgewidth=2,
        clip_on=False,
    )


def _words(axes: Axes, row: int, title: str, value: str) -> None:
    across = axes.get_yaxis_transform()
    for x, text, side in ((0.0, title, "left"), (1.0, value, "right")):
        axes.text(x, row + _WORDS, text, transform=across, ha=side, va="center", fontsize=FONT_SIZE)


def _decades(lines: Sequence[LedgerLine]) -> tuple[int, int]:
    """Return the powers of ten between which all gaps lie that are more than rounding."""
    gaps = [gap for line in lines for gap in (line.gap_low, line.gap, line.gap_high) if gap >= NEGLIGIBLE]
    first, last = math.floor(math.log10(min(gaps, default=0.001))), math.ceil(math.log10(max(gaps, default=1.0)))
    return first, max(last, first + 1)
