"""A drill in the terminal: curves in braille, figures in a table, the evidence with its diff."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from throughline.drill.record import Curves, Evidence, Symptoms
from throughline.drill.wording import both, symptom_sentence, verdict

PLOT_WIDTH, PLOT_HEIGHT = 27, 11
HIGHEST_LOSS = 2.0  # what lies above is drawn at the edge: one bad epoch would flatten all others
TICK_WIDTH = 4
MOST_MARKERS = 20


def print_symptoms(console: Console, symptoms: Symptoms) -> None:
    """Show what may be seen before the answer."""
    console.print(Text(f"Drill {symptoms.seed}", style="bold"))
    console.print(symptoms.case)
    console.print("One line of its training script is wrong. Which mistake is it?", "")
    console.print(_curves(console, symptoms.curves), "")
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("", "this run", "expected"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for figure in symptoms.figures:
        table.add_row(figure.title, *both(figure))
    console.print(table, "")
    for number, choice in enumerate(symptoms.choices, start=1):
        console.print(Text(f"  {number}  {choice}"))
    for number, hint in enumerate(symptoms.hints, start=1):
        print_hint(console, number, hint)


def print_hint(console: Console, number: int, hint: str) -> None:
    """Show a hint."""
    console.print(Padding(Text.assemble((f"Hint {number}: ", "bold yellow"), hint), (1, 0, 0, 0)))


def print_evidence(console: Console, evidence: Evidence) -> None:
    """Show the cause, what tells it, the line that is wrong, and the grade."""
    console.print()
    console.print(Text(verdict(evidence), style="bold green" if evidence.correct else "bold red"))
    console.print(Text.assemble("The cause: ", (evidence.title, "bold"), f" ({evidence.name})."), "")
    console.print(symptom_sentence(evidence))
    measured, expected = both(evidence.probe)
    console.print(Text(f"What to look at: {evidence.probe.title}: {measured}; in the sound run {expected}."), "")
    console.print(_diff(evidence.diff), soft_wrap=True)
    console.print()
    console.print(evidence.why)


def _curves(console: Console, curves: Curves) -> RenderableType:
    losses = (curves.train_loss, curves.val_loss)
    shown = [value for curve in losses for value in curve if value is not None and value <= HIGHEST_LOSS]
    top = max(0.8, *shown) if shown else HIGHEST_LOSS
    cut = any(value is None or value > HIGHEST_LOSS for curve in losses for value in curve)
    accuracies = (curves.train_accuracy, curves.val_accuracy)
    accuracy = [value for curve in accuracies for value in curve if value is not None]
    grid = Table.grid(padding=(0, 2))
    grid.add_row(
        _plot(console, "loss", losses, 0.0, HIGHEST_LOSS if cut else top),
        _plot(console, "accuracy", accuracies, math.floor(10 * min(accuracy, default=0.0)) / 10, 1.0),
    )
    said = "training: line, validation: o"
    beyond = f"; losses above {HIGHEST_LOSS:g} are drawn at the top" if cut else ""
    return Group(grid, Text(said + beyond, style="dim"))


def _plot(console: Console, title: str, curves: Sequence[Sequence[float | None]], low: float, high: float) -> Text:
    import plotille

    figure = plotille.Figure()
    figure.width, figure.height = PLOT_WIDTH, PLOT_HEIGHT
    figure.color_mode, figure.with_colors = "names", console.color_system is not None
    n_epochs = len(curves[0])
    figure.set_x_limits(1, n_epochs)
    figure.set_y_limits(low, high)
    figure.with_x_axis = figure.with_y_axis = figure.origin = False
    for curve, colour, marker in zip(curves, ("bright_blue", "bright_yellow"), (None, "o"), strict=True):
        values = [min(high, high if value is None else value) for value in curve]
        step = max(1, n_epochs // MOST_MARKERS) if marker else 1
        epochs = range(1, n_epochs + 1, step)
        figure.plot(epochs, values[::step], lc=colour, marker=marker, interp=None if marker else "linear")
    return Text.from_ansi("\n".join(_framed(title, figure.show(legend=False).splitlines(), low, high, n_epochs)))


def _framed(title: str, lines: list[str], low: float, high: float, n_epochs: int) -> list[str]:
    """Put title, axes and their ends around the dots; plotille's own axes take twice the room."""
    labels = [f"{high:{TICK_WIDTH}.2f} ┤", *[" " * TICK_WIDTH + " │"] * (len(lines) - 2), f"{low:{TICK_WIDTH}.2f} ┤"]
    margin = " " * (TICK_WIDTH + 1)
    return [
        f"{margin}{title}",
        *(label + line for label, line in zip(labels, lines, strict=True)),
        f"{margin}└{'─' * PLOT_WIDTH}",
        f"{margin} 1{f'epoch {n_epochs}'.rjust(PLOT_WIDTH - 1)}",
    ]


def _diff(text: str) -> Text:
    styles = {"+": "green", "-": "red", "@": "cyan"}
    lines = [Text(f"  {line}", style=styles.get(line[:1], "")) for line in text.splitlines()]
    return Text("\n").join(lines)
