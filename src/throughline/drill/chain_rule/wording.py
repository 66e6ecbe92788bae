"""What is said around the numbers of a sheet, the same in the terminal and on the page."""

from __future__ import annotations

from throughline.drill.chain_rule.rounded import DIGITS
from throughline.drill.chain_rule.sheet import Sheet


def rounding_sentence(sheet: Sheet) -> str:
    """Say how numbers are rounded, and what of the network is on the page.

    Examples
    --------
    >>> from throughline.drill.chain_rule.sheet import make_sheet
    >>> from throughline.drill.chain_rule.source import small_sample
    >>> rounding_sentence(make_sheet(small_sample(0))).split(";")[0]
    'Every result is rounded to 4 significant digits, half up, and the next line uses the rounded one'
    """
    said = (
        f"Every result is rounded to {DIGITS} significant digits, half up, and the next line uses the rounded one; "
        "a pocket calculator gives the same digits."
    )
    if sheet.n_written_out == sheet.n_parameters:
        return said
    return (
        f"{said} Of {sheet.n_parameters:,} parameters the {sheet.n_written_out} are written out that lie between "
        "the units with the largest derivatives, counted from 1; all others of a sum stand in it as one number."
    )


def check_sentence(sheet: Sheet) -> str:
    """Say whether the derivatives agree with central differences."""
    n_agreeing = sum(update.agrees for update in sheet.updates)
    return (
        f"{n_agreeing} of {len(sheet.updates)} derivatives agree with central differences of the loss in float64, "
        "within what the rounding of the numbers before them can amount to."
    )


def closing_sentence(sheet: Sheet) -> str:
    """Say what the step did to the loss."""
    every = "these" if sheet.n_written_out == sheet.n_parameters else f"all {sheet.n_parameters:,}"
    return (
        f"After the step of {every} parameters the loss of this row is {sheet.loss_after}; before, it was {sheet.loss}."
    )
