"""Curves over epochs: the perceptron's mistakes, and the losses of all frameworks in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughline.record import PerceptronRecord, TrainingRecord
from throughline.report.formatting import amount, count, decimal, framework_title, in_unit, percent
from throughline.report.plots.canvas import MARKERS, PALETTE, Picture, new_axes, to_picture, write_amounts
from throughline.score import R2, Score
from throughline.spec import LossName

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def mistakes(record: PerceptronRecord) -> Picture:
    """Draw the mistakes of each pass over the training points."""
    from matplotlib.ticker import MaxNLocator

    axes = new_axes(x_label="epoch", y_label="mistakes", height=330)
    epochs = range(1, len(record.mistakes_per_epoch) + 1)
    axes.bar(epochs, record.mistakes_per_epoch, width=0.72, color=PALETTE["numpy"])
    axes.grid(visible=False, axis="x")
    _whole_numbers(axes, len(record.mistakes_per_epoch))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.set_ylim(0, 1.12 * max(record.mistakes_per_epoch, default=1) or 1)
    if len(record.mistakes_per_epoch) <= 24:
        for epoch, n_mistakes in zip(epochs, record.mistakes_per_epoch, strict=True):
            axes.annotate(count(n_mistakes), (epoch, n_mistakes), (0, 3), textcoords="offset points", ha="center")
    ending = "the last without a mistake" if record.converged else "never one without a mistake"
    alt = (
        f"Bars of the mistakes in each of {count(record.n_epochs)} epochs, {ending}; {count(record.n_mistakes)} in all."
    )
    return to_picture(axes, name="mistakes", alt=alt)


LOSSES: dict[LossName, str] = {
    "binary_cross_entropy": "binary cross-entropy",
    "categorical_cross_entropy": "cross-entropy",
    "mean_squared_error": "mean squared error",
}


def learning(trainings: Sequence[TrainingRecord], loss: LossName, score: Score) -> list[Picture]:
    """Draw the loss and the validation score over epochs, all frameworks in each picture."""
    return [_losses(trainings, loss), _scores(trainings, score)]


def _losses(trainings: Sequence[TrainingRecord], loss: LossName) -> Picture:
    squared = loss == "mean_squared_error"
    axes = new_axes(x_label="epoch", y_label=LOSSES[loss], left=72 if squared else 58)
    for training in trainings:
        colour = PALETTE[training.framework]
        axes.plot(_epochs(training.losses), training.losses, "--", color=colour, linewidth=1.4)
        axes.plot(_epochs(training.val_losses), training.val_losses, color=colour)
        _mark_best(axes, training, training.val_losses)
    _whole_numbers(axes, max(len(training.losses) for training in trainings))
    if squared:
        write_amounts(axes.yaxis)
    write = amount if squared else decimal
    found = "; ".join(
        f"{framework_title(training.framework)} {write(training.val_loss)} at epoch {count(training.best_epoch)}"
        for training in trainings
    )
    return to_picture(axes, name="losses", alt=f"Training and validation loss over epochs. Validation loss: {found}.")


def _scores(trainings: Sequence[TrainingRecord], score: Score) -> Picture:
    from matplotlib.ticker import FuncFormatter

    axes = new_axes(x_label="epoch", y_label=f"validation {score.name}", left=66)
    for training in trainings:
        axes.plot(_epochs(training.val_accuracies), training.val_accuracies, color=PALETTE[training.framework])
        _mark_best(axes, training, training.val_accuracies)
    _whole_numbers(axes, max(len(training.losses) for training in trainings))
    if score == R2:  # the first epochs may be far below zero, and what is learned lies above
        axes.set_ylim(bottom=max(axes.get_ylim()[0], -1.0))
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: percent(share, 0 if _span(axes) > 0.06 else 1)))
    found = "; ".join(
        f"{framework_title(training.framework)} {in_unit(training.val_accuracy, score.unit)}" for training in trainings
    )
    told = score.name.capitalize() if score != R2 else score.name
    alt = f"Validation {score.name} over epochs. {told} of the kept weights: {found}."
    return to_picture(axes, name="accuracies", alt=alt)


def _mark_best(axes: Axes, training: TrainingRecord, values: Sequence[float]) -> None:
    if not 1 <= training.best_epoch <= len(values):
        return
    axes.plot(
        [training.best_epoch],
        [values[training.best_epoch - 1]],
        MARKERS[training.framework],
        color=PALETTE[training.framework],
        markeredgecolor=PALETTE["paper"],
        markeredgewidth=1.2,
        markersize=10,
        zorder=4,
    )


def _span(axes: Axes) -> float:
    low, high = axes.get_ylim()
    return abs(high - low)


def _epochs(values: Sequence[float]) -> range:
    return range(1, len(values) + 1)


def _whole_numbers(axes: Axes, n_epochs: int) -> None:
    from matplotlib.ticker import MaxNLocator

    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    axes.set_xlim(0.4, max(n_epochs, 1) + 0.6)
