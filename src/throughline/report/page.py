"""RunRecord -> one HTML page that opens offline: styles and pictures are inside it, and nothing is fetched.

The same record gives the same bytes; with the run's model inside, the same record and the same files.
"""

from __future__ import annotations

import functools
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.output import write_whole
from throughline.record import RunRecord
from throughline.report.formatting import FILTERS
from throughline.report.try_it import RECORD_ALONE, Absent, Panel
from throughline.report.view import build_view

if TYPE_CHECKING:
    from jinja2 import Environment


def render_page(record: RunRecord, try_it: Panel | Absent = RECORD_ALONE) -> str:
    """Write the report of a run.

    Parameters
    ----------
    record : RunRecord
        The only source of the page's figures. A chapter that is None gets a sentence that says so.
    try_it : Panel or Absent, optional
        The run's own model to be tried in the page, or why it is not there.

    Returns
    -------
    str
        A complete HTML document.
    """
    from markupsafe import Markup

    from throughline.report.plots import draw_pictures

    folder = resources.files("throughline.report").joinpath("templates")
    css, try_css, try_js = (
        Markup(folder.joinpath(name).read_text(encoding="utf-8")) for name in ("report.css", "try_it.css", "try_it.js")
    )
    return (
        environment()
        .get_template("report.html.j2")
        .render(
            record=record,
            view=build_view(record),
            pictures=draw_pictures(record),
            css=css,
            panel=try_it if isinstance(try_it, Panel) else None,
            no_panel=try_it if isinstance(try_it, Absent) else None,
            try_css=try_css,
            try_js=try_js,
        )
    )


def write_report(record: RunRecord, path: Path, try_it: Panel | Absent = RECORD_ALONE) -> None:
    """Render the report beside `path`, then put it there in one step: it is never half written."""
    write_whole(path, render_page(record, try_it))


@functools.cache  # templates are compiled once
def environment() -> Environment:
    """Return the environment of the report's templates."""
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
