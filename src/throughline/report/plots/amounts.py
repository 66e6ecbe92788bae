"""Answers that are amounts: against the truth, their errors, and how large those are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughline.claims.cited import plain
from throughline.record import AmountEvaluation
from throughline.report.formatting import amount, difference, framework_title
from throughline.report.plots.canvas import MARKERS, PALETTE, Picture, new_axes, to_picture, write_amounts

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_Limits = tuple[float, float]
_WIDTH = 320  # three stand side by side


def draw(networks: Sequence[AmountEvaluation]) -> list[Picture]:
    """Draw answers and errors of each network, to the same scales, and the errors of all in one picture."""
    points = [plain(point) for network in networks for point in network.points]
    truths, answers = [truth for truth, _ in points], [answer for _, answer in points]
    both, said = _limits(truths + answers), _limits(answers)
    apart = _limits([answer - truth for truth, answer in points] + [0.0])
    return [
        *(_answers(network, both) for network in networks),
        *(_residuals(network, said, apart) for network in networks),
        _errors(networks),
    ]


def _answers(network: AmountEvaluation, limits: _Limits) -> Picture:
    axes = _plane("truth", "answer", limits, limits)
    axes.plot(limits, limits, color=PALETTE["ink"], linewidth=1.4)
    _points(axes, network.framework, plain(network.points))
    alt = (
        f"{framework_title(network.framework)}: points of its answer against the truth, and the line on which they are "
        f"equal. R² {difference(network.r2.value)}."
    )
    return to_picture(axes, name=f"answers-{network.framework}", alt=alt)


def _residuals(network: AmountEvaluation, said: _Limits, apart: _Limits) -> Picture:
    axes = _plane("answer", "answer minus truth", said, apart)
    axes.axhline(0, color=PALETTE["ink"], linewidth=1.4)
    _points(axes, network.framework, [(answer, answer - truth) for truth, answer in plain(network.points)])
    alt = (
        f"{framework_title(network.framework)}: points of its error against its answer, and the line without an error. "
        f"Mean error {amount(network.bias.value)}, root of the mean squared error {amount(network.rmse.value)}."
    )
    return to_picture(axes, name=f"residuals-{network.framework}", alt=alt)


def _errors(networks: Sequence[AmountEvaluation]) -> Picture:
    axes = new_axes(x_label="answer minus truth", y_label="", left=84, height=92 + 52 * len(networks))
    axes.axvline(0, color=PALETTE["ink-soft"], linewidth=1, dashes=(2, 3))
    for place, network in enumerate(reversed(networks)):
        smallest, low, first, median, third, high, largest = plain(network.error_quantiles)
        colour = PALETTE[network.framework]
        for ends, width in (((smallest, largest), 1.4), ((low, high), 5), ((first, third), 18)):
            axes.plot(ends, [place, place], color=colour, linewidth=width, solid_capstyle="butt")
        axes.plot([median, median], [place - 0.3, place + 0.3], color=PALETTE["paper"], linewidth=3)
    axes.set_yticks(range(len(networks)), [framework_title(network.framework) for network in reversed(networks)])
    axes.set_ylim(-0.6, len(networks) - 0.4)
    axes.grid(visible=False, axis="y")
    write_amounts(axes.xaxis)
    told = "; ".join(
        f"{framework_title(network.framework)} {amount(network.error_quantiles[2])} to "
        f"{amount(network.error_quantiles[4])}"
        for network in networks
    )
    return to_picture(axes, name="errors", alt=f"Bars of the errors of each network. Middle half: {told}.")


def _limits(values: Sequence[float]) -> _Limits:
    low, high = min(values, default=0.0), max(values, default=1.0)
    room = 0.04 * (high - low) or 0.04 * abs(high) or 1.0
    return low - room, high + room


def _plane(x_label: str, y_label: str, x_limits: _Limits, y_limits: _Limits) -> Axes:
    axes = new_axes(x_label=x_label, y_label=y_label, left=62, height=290, width=_WIDTH)
    axes.set_xlim(*x_limits)
    axes.set_ylim(*y_limits)
    write_amounts(axes.xaxis, most=4)
    write_amounts(axes.yaxis)
    return axes


def _points(axes: Axes, framework: str, points: Sequence[tuple[float, float]]) -> None:
    axes.plot(
        [x for x, _ in points],
        [y for _, y in points],
        MARKERS[framework],
        color=PALETTE[framework],
        markeredgecolor=PALETTE["paper"],
        markeredgewidth=0.7,
        markersize=5.5,
        alpha=0.8,
    )
