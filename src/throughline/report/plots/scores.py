"""How good the probabilities are: ROC, precision against recall, calibration with its counts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughline.record import Evaluation
from throughline.report.formatting import count, decimal, framework_title
from throughline.report.plots.canvas import MARKERS, PALETTE, Picture, new_axes, to_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_DASHES = {"numpy": (0, (1, 1.2)), "keras": (0, (5, 1.6)), "torch": "solid"}


def draw(networks: Sequence[Evaluation]) -> list[Picture]:
    """Draw the four pictures of the evaluation, all networks in each."""
    return [_roc(networks), _precision_recall(networks), _calibration(networks), _calibration_counts(networks)]


def _roc(networks: Sequence[Evaluation]) -> Picture:
    axes = _unit_square("false positive rate", "true positive rate")
    axes.plot([0, 1], [0, 1], color=PALETTE["ink-soft"], linewidth=1, dashes=(2, 3))
    for network in networks:
        _curve(axes, network.framework, network.roc)
    pooled, area = (" of all classes pooled", "Mean area of single classes") if _many(networks) else ("", "Area")
    alt = f"ROC curves{pooled}. {area} under the curve: {_each(networks, 'roc_auc')}."
    return to_picture(axes, name="roc", alt=alt)


def _precision_recall(networks: Sequence[Evaluation]) -> Picture:
    axes = _unit_square("recall", "precision")
    for network in networks:
        _curve(axes, network.framework, network.precision_recall)
    lowest = min((y for network in networks for _, y in network.precision_recall), default=0.0)
    axes.set_ylim(max(0.0, lowest - 0.05), 1.02)
    pooled, mean = ("", "Average precision")
    if _many(networks):
        pooled, mean = ", all classes pooled", "Average precision, mean over the classes"
    alt = f"Precision against recall{pooled}. {mean}: {_each(networks, 'average_precision')}."
    return to_picture(axes, name="precision-recall", alt=alt)


def _calibration(networks: Sequence[Evaluation]) -> Picture:
    found = "share that is right" if _many(networks) else "share that is class 1"
    axes = _unit_square("mean probability said", found)
    axes.plot([0, 1], [0, 1], color=PALETTE["ink-soft"], linewidth=1, dashes=(2, 3))
    for network in networks:
        axes.plot(
            [said for said, _, _ in network.calibration],
            [found for _, found, _ in network.calibration],
            color=PALETTE[network.framework],
            marker=MARKERS[network.framework],
            markeredgecolor=PALETTE["paper"],
            markersize=8,
            linewidth=1.4,
        )
    of_what = "of right answers" if _many(networks) else "of class 1"
    alt = f"Calibration: share {of_what} against the probability said. Brier score: {_each(networks, 'brier')}."
    return to_picture(axes, name="calibration", alt=alt)


def _calibration_counts(networks: Sequence[Evaluation]) -> Picture:
    axes = new_axes(x_label="mean probability said", y_label="test rows in the bin")
    width = 0.08 / len(networks)
    for position, network in enumerate(networks):
        starts = [
            _bin_middle(said) + (position - len(networks) / 2 + 0.5) * width for said, _, _ in network.calibration
        ]
        rows = [n_rows for _, _, n_rows in network.calibration]
        axes.bar(starts, rows, width=0.9 * width, color=PALETTE[network.framework])
    axes.set_xlim(-0.02, 1.02)
    axes.grid(visible=False, axis="x")
    totals = "; ".join(
        f"{framework_title(network.framework)} {count(sum(n_rows for _, _, n_rows in network.calibration))}"
        for network in networks
    )
    alt = f"Bars of the test rows by the probability said. Rows in all: {totals}."
    return to_picture(axes, name="calibration-counts", alt=alt)


def _many(networks: Sequence[Evaluation]) -> bool:
    return len(networks[0].classes) > 2


def _bin_middle(probability: float) -> float:
    """Middle of the tenth in which the probability lies: the record's bins are of equal width."""
    return (min(int(10 * probability), 9) + 0.5) / 10


def _unit_square(x_label: str, y_label: str) -> Axes:
    axes = new_axes(x_label=x_label, y_label=y_label)
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    return axes


def _curve(axes: Axes, framework: str, points: Sequence[tuple[float, float]]) -> None:
    xs, ys = [x for x, _ in points], [y for _, y in points]
    axes.plot(xs, ys, color=PALETTE[framework], linestyle=_DASHES[framework])


def _each(networks: Sequence[Evaluation], field: str) -> str:
    return "; ".join(f"{framework_title(network.framework)} {decimal(getattr(network, field))}" for network in networks)
