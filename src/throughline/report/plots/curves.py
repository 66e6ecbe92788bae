"""Curves over epochs: the perceptron's mistakes, and the losses of all frameworks in one picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from throughline.record import PerceptronRecord, TrainingRecord
from throughline.report.formatting import count, decimal, framework_title, percent
from throughline.report.plots.canvas import MARKERS, PALETTE, Picture, new_axes, to_picture

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


def learning(trainings: Sequence[TrainingRecord]) -> list[Picture]:
    """Draw loss and validation accuracy over epochs, all frameworks in each picture."""
    return [_losses(trainings), _accuracies(trainings)]


def _losses(trainings: Sequence[TrainingRecord]) -> Picture:
    axes = new_axes(x_label="epoch", y_label="binary cross-entropy")
    for training in trainings:
        colour = PALETTE[training.framework]
        axes.plot(_epochs(training.losses), training.losses, "--", color=colour, linewidth=1.4)
        axes.plot(_epochs(training.val_losses), training.val_losses, color=colour)
        _mark_best(axes, training, training.val_losses)
    _whole_numbers(axes, max(len(training.losses) for training in trainings))
    found = "; ".join(
        f"{framework_title(training.framework)} {decimal(training.val_loss)} at epoch {count(training.best_epoch)}"
        for training in trainings
    )
    return to_picture(axes, name="losses", alt=f"Training and validation loss over epochs. Validation loss: {found}.")


def _accuracies(trainings: Sequence[TrainingRecord]) -> Picture:
    from matplotlib.ticker import FuncFormatter

    axes = new_axes(x_label="epoch", y_label="validation accuracy", left=66)
    for training in trainings:
        axes.plot(_epochs(training.val_accuracies), training.val_accuracies, color=PALETTE[training.framework])
        _mark_best(axes, training, training.val_accuracies)
    _whole_numbers(axes, max(len(training.losses) for training in trainings))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda share, _: percent(share, 0 if _span(axes) > 0.06 else 1)))
    found = "; ".join(
        f"{framework_title(training.framework)} {percent(training.val_accuracy)}" for training in trainings
    )
    return to_picture(axes, name="accuracies", alt=f"Validation accuracy over epochs. Of the kept weights: {found}.")


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
