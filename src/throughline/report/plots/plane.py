"""Pictures in the plane: how a perceptron's line moved, and what a network says around its points."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from throughline.record import PerceptronRecord, PlanePicture, PlaneProblem
from throughline.report.formatting import percent
from throughline.report.plots.canvas import PALETTE, Picture, new_axes, to_picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MARKERS = ("o", "^")  # of class 0 and class 1
_HEIGHT = 330
# Bands of the probability of class 1, a little beyond 0 and 1, and their colours: the surer, the stronger.
_LEVELS = (-0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 1.001)
_BANDS = (
    ("class-0", 0.42),
    ("class-0", 0.26),
    ("class-0", 0.1),
    ("class-1", 0.1),
    ("class-1", 0.26),
    ("class-1", 0.42),
)


def boundary(record: PerceptronRecord) -> Picture:
    """Draw the boundaries after some updates, the first faint and the last strong."""
    axes = _plane(record.picture)
    segments = [ends for line in record.picture.lines if (ends := _segment(line, record.picture.extent)) is not None]
    for position, (xs, ys) in enumerate(segments, start=1):
        last = position == len(segments)
        strength = 0.12 + 0.5 * position / len(segments)
        axes.plot(xs, ys, color=PALETTE["ink"], alpha=1 if last else strength, linewidth=2.6 if last else 1.2)
    alt = (
        "Two classes of points in the plane and the straight boundary as it moved, from the first, faint, to the "
        f"last, which has {percent(record.train_accuracy)} of the training points on the right side."
    )
    return to_picture(axes, name="boundary", alt=alt)


def surface(problem: PlaneProblem, position: int) -> Picture:
    """Draw the probability that a network gives around its training points, with its boundary and the perceptron's.

    Parameters
    ----------
    problem : PlaneProblem
    position : int
        Its place among the problems of the record, for the picture's name.
    """
    axes = _plane(problem.picture)
    grid = problem.picture.grid
    if grid and grid[0]:
        _draw_bands(axes, problem.picture)
    for line in problem.picture.lines:
        if (ends := _segment(line, problem.picture.extent)) is not None:
            axes.plot(*ends, color=PALETTE["ink"], linewidth=1.6, linestyle=(0, (4, 3)))
    alt = (
        f"{problem.name}: two classes of points that no straight line parts, on the probability of class 1; the "
        f"perceptron's line is right on {percent(problem.perceptron_accuracy)} of the test points; the network's "
        f"boundary bends around them and is right on {percent(problem.test_accuracy)}."
    )
    return to_picture(axes, name=f"surface-{position}", alt=alt)


def _draw_bands(axes: Axes, picture: PlanePicture) -> None:
    import numpy as np

    grid = np.asarray(picture.grid)
    x_min, x_max, y_min, y_max = picture.extent
    xs, ys = np.linspace(x_min, x_max, grid.shape[1]), np.linspace(y_min, y_max, grid.shape[0])
    axes.contourf(xs, ys, grid, levels=_LEVELS, colors=[(PALETTE[name], alpha) for name, alpha in _BANDS])
    if grid.min() < 0.5 < grid.max():
        axes.contour(xs, ys, grid, levels=[0.5], colors=[PALETTE["ink"]], linewidths=2)


def _plane(picture: PlanePicture) -> Axes:
    axes = new_axes(x_label="first feature", y_label="second feature", left=48, height=_HEIGHT)
    axes.grid(visible=False)
    for label, marker in enumerate(_MARKERS):
        chosen = [(x, y) for x, y, of_class in picture.points if of_class == label]
        axes.plot(
            [x for x, _ in chosen],
            [y for _, y in chosen],
            marker,
            color=PALETTE[f"class-{label}"],
            markeredgecolor=PALETTE["paper"],
            markeredgewidth=0.7,
            markersize=5.5,
            zorder=3,
        )
    x_min, x_max, y_min, y_max = picture.extent
    axes.set_xlim(x_min, x_max)
    axes.set_ylim(y_min, y_max)
    return axes


def _segment(
    line: tuple[float, float, float], extent: tuple[float, float, float, float]
) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Cut ``w1 x + w2 y + b = 0`` at the edges it runs between; None if the weights are zero."""
    w1, w2, bias = line
    x_min, x_max, y_min, y_max = extent
    if not math.hypot(w1, w2) > 0:
        return None
    if abs(w2) * (y_max - y_min) >= abs(w1) * (x_max - x_min):
        return (x_min, x_max), (-(w1 * x_min + bias) / w2, -(w1 * x_max + bias) / w2)
    return (-(w2 * y_min + bias) / w1, -(w2 * y_max + bias) / w1), (y_min, y_max)
