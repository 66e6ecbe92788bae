"""What single hidden units say around the points of a problem in the plane: the features that the output adds up."""

from __future__ import annotations

import math

from throughline.record import PlaneProblem
from throughline.report.plots.canvas import PALETTE, WIDTH, Picture, to_picture

_COLUMNS = 4
_GAP = 8.0  # between the pictures of two units, as the picture is measured
# Bands of a unit's output as a share of its largest: below and above zero, and the stronger the farther.
_LEVELS = (-1.001, -0.5, 0.0, 0.5, 1.001)
_BANDS = (("class-0", 0.42), ("class-0", 0.16), ("class-1", 0.16), ("class-1", 0.42))


def draw(problem: PlaneProblem, position: int) -> Picture:
    """Draw a small map for each unit of the last hidden layer, with the line on which it is zero.

    Parameters
    ----------
    problem : PlaneProblem
    position : int
        Its place among the problems of the record, for the picture's name.
    """
    import numpy as np
    from matplotlib.figure import Figure

    side = (WIDTH - (_COLUMNS + 1) * _GAP) / _COLUMNS
    n_rows = math.ceil(len(problem.units) / _COLUMNS)
    height = n_rows * (side + _GAP) + _GAP
    figure = Figure(figsize=(WIDTH / 72, height / 72), dpi=72)
    figure.patch.set_visible(False)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(0, height))  # one for all: making axes takes longest
    axes.set_axis_off()
    for i, unit in enumerate(problem.units):
        row, column = divmod(i, _COLUMNS)
        left, bottom = _GAP + column * (side + _GAP), height - (row + 1) * (side + _GAP)
        outputs = np.asarray(unit, dtype=float)
        outputs = outputs / max(float(np.abs(outputs).max()), 1e-9)
        xs, ys = (np.linspace(low, low + side, n) for low, n in ((left, outputs.shape[1]), (bottom, outputs.shape[0])))
        axes.contourf(xs, ys, outputs, levels=_LEVELS, colors=[(PALETTE[name], alpha) for name, alpha in _BANDS])
        if outputs.min() < 0 < outputs.max():
            axes.contour(xs, ys, outputs, levels=[0.0], colors=[PALETTE["ink"]], linewidths=1.4)
    alt = (
        f"{problem.name}: a small map of the plane for each unit of the last hidden layer: where it is below zero, "
        "where above, and the line between."
    )
    return to_picture(axes, name=f"units-{position}", alt=alt)
