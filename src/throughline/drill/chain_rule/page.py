"""A sheet as a page to print: self-contained, light and dark."""

from __future__ import annotations

import re
from pathlib import Path

from markupsafe import Markup, escape

from throughline.drill.chain_rule.sheet import Sheet
from throughline.drill.chain_rule.wording import check_sentence, closing_sentence, rounding_sentence
from throughline.drill.page import render
from throughline.output import write_whole
from throughline.report.formatting import scientific


def write_sheet_page(sheet: Sheet, path: Path) -> None:
    """Write a sheet as one HTML file.

    Parameters
    ----------
    sheet : Sheet
    path : Path
    """
    page = render(
        "chain_rule.html.j2",
        sheet=sheet,
        rounding=rounding_sentence(sheet),
        check=check_sentence(sheet),
        closing=closing_sentence(sheet),
        typeset=_set,
        scientific=scientific,
    )
    write_whole(path, page)


def _set(text: str) -> Markup:
    """Set the numbers of units as indices, w¹(2→3), and the powers of e as powers."""
    plain = str(escape(text))  # not Markup: its methods would escape the tags that are put in
    plain = re.sub(r"e\^(\([^()]*\)|[\d.]+|z[¹²³⁴-⁹])", lambda found: f"e<sup>{found[1].strip('()')}</sup>", plain)
    return Markup(re.sub(r"(?<=[\w¹²³⁴⁵⁶⁷⁸⁹])\(([\dij→]+)\)", r"<sub>\1</sub>", plain))
