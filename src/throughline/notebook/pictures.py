"""The notebook's pictures, in one style: quiet axes, few words, and colours and markers that do not need each other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np

from throughline.record import AmountEvaluation, Evaluation, FormatRecord, PlaneProblem, TrainingRecord
from throughline.report.formatting import count, framework_title, percent
from throughline.report.plots.curves import LOSSES
from throughline.score import ACCURACY, Score
from throughline.scratch import MLP, Activation
from throughline.spec import LossName
from throughline.weights import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# As in the report. Told apart by colour-blind readers, and by marker and dash as well.
INK, SOFT, RULE = "#1b1d22", "#565b66", "#ddd8cc"
CLASSES = ("#0b62a8", "#c2520a")
CLASS_MARKERS = (("o", 1.0), ("^", 1.4))  # a triangle needs more room than a disc to look as large
COLOURS = {"numpy": "#6a3d9a", "keras": "#c1440e", "torch": "#00757a"}
DASHES = {"numpy": (0, (1, 1.2)), "keras": (0, (5, 1.6)), "torch": "solid"}
MARKERS = {"numpy": "o", "keras": "s", "torch": "^"}
STYLE = {
    "axes.axisbelow": True,
    "axes.edgecolor": RULE,
    "axes.grid": True,
    "axes.labelcolor": SOFT,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 10,
    "figure.dpi": 90,
    "figure.facecolor": "white",
    "font.size": 9.5,
    "grid.color": RULE,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "lines.linewidth": 1.8,
    "text.color": INK,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
}
HEIGHT = 3.3
PANEL = 3.6  # width
GRID_POINTS = 120
MAX_LINES = 14
MOST_NAMED, MOST_TICKS = 4, 25  # classes whose names fit along a matrix, and whose names fit turned


def use_style() -> None:
    """Draw in this style from now on, sharp on every screen, whatever the user's own settings are."""
    from matplotlib_inline.backend_inline import set_matplotlib_formats

    plt.rcdefaults()
    plt.rcParams.update(STYLE)  # type: ignore[arg-type]  # keys are plain str here, literals there
    set_matplotlib_formats("retina", bbox_inches=None)  # type: ignore[no-untyped-call]


# --- chapter 1 -------------------------------------------------------------------------------------------------------


def moving_line(X: Array, y: Array, path: Array, mistakes: Sequence[int]) -> None:
    """Draw boundaries that a perceptron had, the last one strong, and its mistakes in each epoch."""
    plane, bars = _panels(2)
    _points(plane, X, y)
    edges = np.array([X[:, 0].min() - 0.1, X[:, 0].max() + 0.1])
    shown = np.unique(np.geomspace(1, len(path) - 1, min(MAX_LINES, len(path) - 1)).round().astype(int))
    for position, (w1, w2, bias) in enumerate(path[shown], start=1):
        last = position == len(shown)
        with np.errstate(divide="ignore"):
            ends = -(w1 * edges + bias) / w2
        plane.plot(
            edges, ends, color=INK, lw=2.4 if last else 1, alpha=1 if last else 0.1 + 0.4 * position / len(shown)
        )
    plane.set(xlim=edges, ylim=(X[:, 1].min() - 0.1, X[:, 1].max() + 0.1), xlabel="$x_1$", ylabel="$x_2$")
    plane.set_title("the line, after ever more mistakes")
    epochs = np.arange(1, len(mistakes) + 1)
    drawn = bars.bar(epochs, mistakes, width=0.6, color=COLOURS["numpy"])
    bars.bar_label(drawn, padding=2)
    bars.set(xlabel="epoch", xticks=epochs if len(epochs) < 15 else epochs[:: len(epochs) // 8])
    bars.set_xlim(0, max(6, len(epochs) + 1))
    bars.grid(visible=False, axis="x")
    bars.set_title("mistakes in each pass over the rows")
    plt.show()


def squeeze(path: Array, direction: Array, gamma: float, radius: float) -> None:
    r"""Draw Novikoff's proof: the weights' progress and length between the line k gamma and the curve sqrt(k) R."""
    k = np.arange(len(path))
    measured, proof = _panels(2)
    room = np.geomspace(1, 2 * (radius / gamma) ** 2, 200)
    for axes, ks in ((measured, k), (proof, room)):
        axes.plot(ks, np.sqrt(ks) * radius, color=CLASSES[1], ls="--", label=r"ceiling $\sqrt{k}\,R$")
        axes.plot(ks, ks * gamma, color=CLASSES[0], ls="-.", label=r"floor $k\,\gamma$")
        axes.set_xlabel("mistakes $k$")
    measured.plot(k, np.linalg.norm(path, axis=1), color=INK, label=r"$\|w_k\|$")
    measured.plot(k, path @ direction, color=COLOURS["torch"], marker=".", lw=1, label=r"$w_k\cdot u$")
    measured.legend(loc="upper left", fontsize=8.5)
    measured.set_title("what was measured")
    meeting = (radius / gamma) ** 2
    proof.plot(k, np.linalg.norm(path, axis=1), color=INK, lw=3)
    proof.plot([meeting], [radius**2 / gamma], "o", color=INK)
    proof.annotate(
        "no room beyond here", (meeting, radius**2 / gamma), (-12, 8), textcoords="offset points", ha="right"
    )
    proof.locator_params(axis="x", nbins=5)
    proof.set_title(f"where floor and ceiling meet: $k$ = {count(meeting)}")
    plt.show()


# --- chapter 2 -------------------------------------------------------------------------------------------------------


def activations(table: dict[str, Activation]) -> None:
    """Draw each activation and its derivative."""
    z = np.linspace(-5, 5, 401)
    shown = [table[name] for name in ("sigmoid", "tanh", "relu")]
    for axes, activation in zip(_panels(3, width=2.7, height=2.4), shown, strict=True):
        a = activation.forward(z)
        axes.plot(z, a, color=COLOURS["numpy"], label="$f(z)$")
        axes.plot(z, activation.derivative(z, a), color=CLASSES[1], ls="--", label="$f'(z)$")
        axes.set(ylim=(-1.1, 2.1), xlabel="$z$")
        axes.set_title(activation.name)
        axes.legend(loc="upper left", fontsize=8.5)
    plt.show()


def step_sizes(steps: Array, errors: Sequence[float], default: float, bar: float) -> None:
    """Draw the error of central differences against the nudge h."""
    (axes,) = _panels(1, width=5.2)
    axes.loglog(steps, errors, color=COLOURS["numpy"], marker="o", ms=4)
    axes.axhline(bar, color=CLASSES[1], ls="--", lw=1.2)
    axes.annotate("bar", (steps[0], bar), (0, 4), textcoords="offset points", color=CLASSES[1])
    axes.axvline(default, color=SOFT, lw=1, ls=":")
    axes.annotate(r"$\epsilon^{1/3}$", (default, max(errors)), (4, -6), textcoords="offset points", color=SOFT)
    axes.set(xlabel="nudge $h$", ylabel="relative error")
    axes.set_title("rounding on the left, curvature on the right")
    plt.show()


def boundaries(X: Array, y: Array, views: Sequence[tuple[str, Callable[[Array], Array]]]) -> None:
    """Draw the probability that each of some networks gives around the points, one panel a network."""
    low, high = X.min(axis=0) - 0.3, X.max(axis=0) + 0.3
    across, up = (np.linspace(a, b, GRID_POINTS) for a, b in zip(low, high, strict=True))
    places = np.column_stack([axis.ravel() for axis in np.meshgrid(across, up)])
    for axes, (title, probability) in zip(_panels(len(views), width=2.5, height=2.6), views, strict=True):
        _field(axes, across, up, probability(places).reshape(GRID_POINTS, GRID_POINTS))
        _points(axes, X, y, size=9)
        axes.set_title(title)
    plt.show()


def solved_problems(problems: Sequence[PlaneProblem]) -> None:
    """Draw the record's problems in the plane with what the networks made of them."""
    for axes, problem in zip(_panels(len(problems)), problems, strict=True):
        picture = problem.picture
        x_low, x_high, y_low, y_high = picture.extent
        grid = np.array(picture.grid)
        _field(axes, np.linspace(x_low, x_high, grid.shape[1]), np.linspace(y_low, y_high, grid.shape[0]), grid)
        points = np.array(picture.points)
        _points(axes, points[:, :2], points[:, 2], size=12)
        line, network = percent(problem.perceptron_accuracy, 0), percent(problem.test_accuracy, 0)
        axes.set_title(f"{problem.name}: line {line}, network {network}")
    plt.show()


def hidden_space(mlp: MLP, X: Array, y: Array) -> None:
    """Draw the points as they come in and as the last layer sees them: there, a straight line is enough."""
    before, after = _panels(2)
    _points(before, X, y)
    before.set(xlabel="$x_1$", ylabel="$x_2$")
    before.set_title("what goes in")
    hidden, kernel = mlp.hidden_output(X), mlp.kernels[-1][:, 0]
    unit = kernel / np.linalg.norm(kernel)
    rest = hidden - np.outer(hidden @ unit, unit)  # what the last layer does not look at
    widest = np.linalg.svd(rest - rest.mean(axis=0), full_matrices=False)[2][0]
    _points(after, np.column_stack([hidden @ kernel + mlp.biases[-1], rest @ widest]), y)
    after.axvline(0, color=INK, lw=2.2)
    after.set(xlabel="logit: the direction the last layer looks in", ylabel="widest direction across it")
    after.set_title("what the last layer sees")
    plt.show()


# --- chapters 3 and 4 ------------------------------------------------------------------------------------------------


def learning(trainings: Sequence[TrainingRecord], loss: LossName, score: Score) -> None:
    """Draw the loss and the validation score over epochs; the kept epoch is marked."""
    losses, accuracies = _panels(2)
    for training in trainings:
        name, title = training.framework, framework_title(training.framework)
        epochs, best = range(1, len(training.losses) + 1), training.best_epoch
        losses.plot(epochs, training.losses, ls=":", lw=1.4, color=COLOURS[name])
        for axes, values in ((losses, training.val_losses), (accuracies, training.val_accuracies)):
            axes.plot(epochs, values, color=COLOURS[name], label=title)
            axes.plot([best], [values[best - 1]], MARKERS[name], color=COLOURS[name], mec="white", ms=9, zorder=4)
    losses.set(xlabel="epoch", ylabel=LOSSES[loss])
    losses.set_title("loss (training rows dotted)")
    accuracies.set(xlabel="epoch", ylabel=score.name)
    low, high = accuracies.get_ylim()
    if score == ACCURACY:
        accuracies.yaxis.set_major_formatter(lambda share, _: percent(share, 0 if high - low > 0.06 else 1))
    else:  # the first epochs may be far below zero
        accuracies.set_ylim(bottom=max(low, -1.0))
    accuracies.set_title(f"{score.name} on validation rows")
    accuracies.legend(loc="lower right" if score == ACCURACY else "best")
    plt.show()


def adam_steps(gradients: Array, moves: dict[str, Array]) -> None:
    """Draw how far Adam's first step goes, as a share of the learning rate, against the gradient."""
    (axes,) = _panels(1, width=5.2)
    styles = zip((COLOURS["torch"], COLOURS["keras"], SOFT), ("solid", (0, (5, 1.6)), ":"), strict=True)
    for (label, shares), (colour, dashes) in zip(moves.items(), styles, strict=False):
        axes.semilogx(gradients, shares, color=colour, ls=dashes, label=label)
    axes.set(xlabel="gradient", ylabel="step / learning rate")
    axes.set_title("Adam's first step")
    axes.legend(loc="lower right")
    plt.show()


# --- chapter 5 -------------------------------------------------------------------------------------------------------


def confusions(networks: Sequence[Evaluation], class_names: Sequence[str]) -> None:
    """Draw each network's confusion matrix."""
    few = len(class_names) <= MOST_NAMED
    side = 2.6 if few else 4.4
    for axes, network in zip(_panels(len(networks), width=side, height=side), networks, strict=True):
        matrix = np.array(network.confusion)
        axes.imshow(matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1), cmap="Blues", vmin=0, vmax=1.4)
        for (row, column), n_rows in np.ndenumerate(matrix):
            if few or n_rows:  # of many cells only those with rows
                axes.text(column, row, count(n_rows), ha="center", va="center", fontsize=_fitting(len(class_names)))
        axes.set_xlabel("answer")
        if len(class_names) <= MOST_TICKS:
            axes.set(xticks=range(len(class_names)), yticks=range(len(class_names)))
            axes.set_xticklabels(class_names, rotation=0 if few else 90)
            axes.set_yticklabels(class_names, rotation=90 if few else 0, va="center")
        axes.grid(visible=False)
        axes.set_title(framework_title(network.framework))
    plt.gcf().axes[0].set_ylabel("truth")
    plt.show()


def _fitting(n_classes: int) -> float:
    """Return the size of letters with which a count fits into a cell of the matrix."""
    return 12 if n_classes <= MOST_NAMED else max(3.0, 90 / n_classes)


def amounts(networks: Sequence[AmountEvaluation]) -> None:
    """Draw each network's answers against the truth, with the line on which they are equal."""
    for axes, network in zip(_panels(len(networks), width=2.9, height=2.9), networks, strict=True):
        truth, answer = np.array(network.points).T
        name, ends = network.framework, [min(truth.min(), answer.min()), max(truth.max(), answer.max())]
        axes.plot(ends, ends, color=INK, lw=1.2)
        axes.plot(truth, answer, MARKERS[name], color=COLOURS[name], ms=4, mec="white", mew=0.4)
        axes.set(xlabel="truth")
        axes.set_title(framework_title(name))
    plt.gcf().axes[0].set_ylabel("answer")
    plt.show()


def scores(networks: Sequence[Evaluation]) -> None:
    """Draw ROC, precision against recall, and calibration."""
    roc, recall, calibration = _panels(3, width=3)
    for axes in (roc, calibration):
        axes.plot([0, 1], [0, 1], color=SOFT, lw=1, ls=":")
    for network in networks:
        name = network.framework
        for axes, points in ((roc, network.roc), (recall, network.precision_recall)):
            axes.plot(*np.array(points).T, color=COLOURS[name], ls=DASHES[name], label=framework_title(name))
        said, found, _ = np.array(network.calibration).T
        calibration.plot(said, found, color=COLOURS[name], marker=MARKERS[name], ms=5, lw=1.2)
    roc.set(xlabel="false positive rate", ylabel="true positive rate")
    roc.set_title("ROC")
    roc.legend(loc="lower right")
    lowest = min(precision for network in networks for _, precision in network.precision_recall)
    recall.set(xlabel="recall", ylabel="precision", ylim=(0.4 if lowest >= 0.4 else -0.02, 1.02))
    recall.set_title("precision and recall")
    truth = "share of class 1 found" if len(networks[0].classes) == 2 else "share that was right"
    calibration.set(xlabel="mean probability said", ylabel=truth)
    calibration.set_title("calibration")
    plt.show()


# --- chapters 6 and 7 ------------------------------------------------------------------------------------------------


def against_tolerance(measured: dict[str, tuple[Array, Array]]) -> None:
    """Draw each row's difference against the difference that is allowed in that row, one panel a file."""
    for axes, (title, (differences, allowed)) in zip(_panels(len(measured)), measured.items(), strict=True):
        seen = differences > 0  # a difference of 0 has no place on a logarithmic axis
        limits = np.array([allowed.min() / 2, allowed.max() * 2])
        axes.loglog(allowed[seen], differences[seen], ".", ms=3, alpha=0.5, color=COLOURS["keras"])
        axes.loglog(limits, limits, color=INK, lw=1.4)
        axes.fill_between(limits, limits, differences.max() * 1e3, color=CLASSES[1], alpha=0.1, lw=0)
        axes.text(0.04, 0.93, "unexplained", color=CLASSES[1], transform=axes.transAxes)
        axes.set(
            xlim=limits,
            ylim=(differences[seen].min() / 2, limits[1] * 4),
            xlabel="allowed in this row",
            ylabel="measured",
        )
        axes.set_title(f"{title}: {count(seen.sum())} answers differ")
    plt.show()


def proofs(formats: Sequence[FormatRecord]) -> None:
    """Draw each file's size, and its largest difference below what is allowed."""
    sizes, differences = _panels(2, height=0.42 * len(formats) + 1)
    places = np.arange(len(formats))[::-1]
    colours = [COLOURS[entry.framework] for entry in formats]
    # Whole kilobytes: Keras numbers its functions anew in every export, which moves a SavedModel by some bytes.
    sizes.barh(places, [round(entry.size_bytes / 1000) for entry in formats], color=colours, height=0.6)
    sizes.set_yticks(places, [entry.title for entry in formats])
    sizes.grid(visible=False, axis="y")
    sizes.set_xlabel("kB")
    sizes.set_title("size of the file")
    for place, entry, colour in zip(places, formats, colours, strict=True):
        smallest = entry.largest_difference or float(np.finfo(np.float32).eps) / 4
        differences.plot([smallest, entry.tolerance], [place, place], color=RULE, lw=3, zorder=1)
        differences.plot([smallest], [place], MARKERS[entry.framework], color=colour, ms=7)
        differences.plot([entry.tolerance], [place], "|", color=INK, ms=12, mew=2)
    differences.set_xscale("log")
    differences.set(yticks=places, yticklabels=[], ylim=sizes.get_ylim(), xlabel="difference of the answers")
    differences.set_title("largest difference, and allowed (bar)")
    plt.show()


def ratio_curve(n_parameters: Array, ratios: Array, here: int, measured: float) -> None:
    """Draw the size of a float16 file over that of float32, as the network grows."""
    (axes,) = _panels(1, width=5.2)
    axes.semilogx(n_parameters, ratios, color=COLOURS["keras"])
    axes.axhline(0.5, color=SOFT, lw=1, ls=":")
    axes.plot([here], [measured], "o", color=INK, ms=7)
    axes.annotate("this network", (here, measured), (8, 6), textcoords="offset points")
    axes.set(xlabel="parameters", ylabel="bytes, float16 / float32", ylim=(0.4, min(1.6, float(ratios.max()) * 1.05)))
    axes.set_title("half is a limit, and small files are far from it")
    plt.show()


# --- shared ----------------------------------------------------------------------------------------------------------


def _panels(n: int, width: float = PANEL, height: float = HEIGHT) -> list[Axes]:
    _, axes = plt.subplots(1, n, figsize=(n * width, height), squeeze=False, layout="constrained")
    return list(axes[0])


def _points(axes: Axes, X: Array, y: Array, size: float = 18) -> None:
    for label, (marker, growth) in enumerate(CLASS_MARKERS):
        chosen = X[y == label]
        look: dict[str, Any] = {
            "marker": marker,
            "color": CLASSES[label],
            "edgecolors": "white",
            "lw": 0.4,
            "zorder": 3,
        }
        axes.scatter(chosen[:, 0], chosen[:, 1], growth * size, **look)
    axes.grid(visible=False)


def _field(axes: Axes, across: Array, up: Array, grid: Array) -> None:
    """Shade by probability, in the colour of the class that would be answered; the boundary is the black line."""
    from matplotlib.colors import to_rgba

    strengths = ((0, 0.42), (0, 0.26), (0, 0.1), (1, 0.1), (1, 0.26), (1, 0.42))
    colours = [to_rgba(CLASSES[label], strength) for label, strength in strengths]
    axes.contourf(across, up, grid, levels=[-0.001, 0.1, 0.3, 0.5, 0.7, 0.9, 1.001], colors=colours)
    if grid.min() < 0.5 < grid.max():
        axes.contour(across, up, grid, levels=[0.5], colors=[INK], linewidths=1.8)
