"""RunRecord -> one HTML page that opens offline: styles and pictures are inside it, and nothing is fetched.

The same record gives the same bytes.
"""

from __future__ import annotations

import functools
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.output import write_whole
from throughline.record import RunRecord
from throughline.report.formatting import FILTERS
from throughline.report.view import build_view

if TYPE_CHECKING:
    from jinja2 import Environment


def render_page(record: RunRecord) -> str:
    """Write the report of a run.

    Parameters
    ----------
    record : RunRecord
        The only source of the page's figures. A chapter that is None gets a sentence that says so.

    Returns
    -------
    str
        A complete HTML document.
    """
    from markupsafe import Markup

    from throughline.report.plots import draw_pictures

    css = resources.files("throughline.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
    return (
        _environment()
        .get_template("report.html.j2")
        .render(record=record, view=build_view(record), pictures=draw_pictures(record), css=Markup(css))
    )


def write_report(record: RunRecord, path: Path) -> None:
    """Render the report beside `path`, then put it there in one step: it is never half written."""
    write_whole(path, render_page(record))


@functools.cache  # templates are compiled once
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("throughline.report", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(FILTERS)
    return environment
