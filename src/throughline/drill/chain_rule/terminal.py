"""A sheet in the terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from throughline.drill.chain_rule.sheet import Sheet, Stage
from throughline.drill.chain_rule.wording import check_sentence, closing_sentence, rounding_sentence


def print_sheet(console: Console, sheet: Sheet) -> None:
    """Print a sheet, stage by stage, and the table of the updates."""
    console.print(f"{sheet.said} Label y = {sheet.label}, learning rate η = {sheet.learning_rate}.")
    console.print(rounding_sentence(sheet))
    for number, stage in enumerate(sheet.stages, start=1):
        console.print(_stage(number, stage))
    console.print(Text("\nUpdate, and the check of every derivative", style="bold"))
    console.print(Text("w ← w − η · ∂L/∂w", style="cyan"))
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("", "chain rule", "central diff.", "update", "new value"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for update in sheet.updates:
        style = "" if update.agrees else "red"
        table.add_row(update.symbol, update.gradient, update.central, update.numbers, update.after, style=style)
    console.print(table, "")
    console.print(Text(check_sentence(sheet), style="green" if sheet.agrees else "bold red"))
    console.print(closing_sentence(sheet))


def _stage(number: int, stage: Stage) -> Text:
    width = max(len(line.symbol) for line in stage.lines)
    lines = [
        Text.assemble(
            f"  {line.symbol:<{width}} = ", f"{line.numbers} = " if line.numbers else "", (line.result, "bold")
        )
        for line in stage.lines
    ]
    heading = Text.assemble((f"\n{number} {stage.title}", "bold"), ("\n" + stage.formula, "cyan"))
    return Text("\n").join([heading, *lines])
