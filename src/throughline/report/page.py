"""RunRecord -> one HTML page that opens offline: styles and pictures are inside it, and nothing is fetched.

The same record gives the same bytes; with the run's model inside, the same record and the same files.
"""

from __future__ import annotations

import functools
import html
import re
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from throughline.claims.cited import cite, marked_figures, replace_marks, unmarked
from throughline.output import write_whole
from throughline.record import RunRecord
from throughline.report.formatting import FILTERS
from throughline.report.try_it import RECORD_ALONE, Absent, Panel
from throughline.report.view import build_view

if TYPE_CHECKING:
    from jinja2 import Environment


NOTEBOOK = "notebook.ipynb"  # as `throughline notebook RUN` calls it
# Sections of the notebook by the part of the record that they tell.
SECTIONS = {
    "perceptron": "chapter-1",
    "mlp": "chapter-2",
    "keras": "chapter-3",
    "pytorch": "chapter-4",
    "evaluation": "chapter-5",
    "formats": "formats",
}


def render_page(record: RunRecord, try_it: Panel | Absent = RECORD_ALONE, notebook: str = "") -> str:
    """Write the report of a run.

    Parameters
    ----------
    record : RunRecord
        The only source of the page's figures. A chapter that is None gets a sentence that says so.
    try_it : Panel or Absent, optional
        The run's own model to be tried in the page, or why it is not there.
    notebook : str, optional
        The run's executed notebook, as seen from the page; figures then link to its sections.

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
    cited = cite(record)
    page = (
        environment()
        .get_template("report.html.j2")
        .render(
            record=cited,
            view=build_view(cited),
            pictures=draw_pictures(cited),
            css=css,
            panel=try_it if isinstance(try_it, Panel) else None,
            no_panel=try_it if isinstance(try_it, Absent) else None,
            try_css=try_css,
            try_js=try_js,
        )
    )
    page = _name_fields(page)
    return _link_sections(page, notebook) if notebook else page


def _link_sections(page: str, notebook: str) -> str:
    """Let what says its field say as well where the notebook tells of it."""

    def linked(found: re.Match[str]) -> str:
        section = SECTIONS.get(found[2])
        link = f', <a href="{html.escape(notebook)}#{section}">in the notebook</a>' if section else ""
        return f"{found[1]}{link}</span>"

    return re.sub(r'(<span class="source">from <code>(\w+)[^<]*</code>)</span>', linked, page)


def _name_fields(page: str) -> str:
    """Give each figure that is read the field that it comes from."""
    parts = re.split(r"(<svg\b.*?</svg>)", page, flags=re.DOTALL)
    return "".join(
        _name_fields_of_picture(part) if part.startswith("<svg") else _name_fields_of_text(part, "span")
        for part in parts
    )


def _name_fields_of_picture(svg: str) -> str:
    # The words for those who do not see it can hold no tag: the fields of their figures stand in the tag before them.
    svg = re.sub(r"(<title\b[^>]*)>(.*?)</title>", _title_with_fields, svg, flags=re.DOTALL)
    return _name_fields_of_text(svg, "tspan")


def _title_with_fields(title: re.Match[str]) -> str:
    cited = html.escape("; ".join(f"{figure} = {field}" for figure, field in marked_figures(title[2])))
    fields = f' data-fields="{cited}"' if cited else ""
    return f"{title[1]}{fields}>{unmarked(title[2])}</title>"


def _name_fields_of_text(page: str, tag: str) -> str:
    def with_field(figure: str, field: str) -> str:
        return f'<{tag} data-field="{html.escape(field)}">{figure}</{tag}>'

    parts = re.split(r"(<title>.*?</title>|<[^>]*>)", page, flags=re.DOTALL)
    return "".join(unmarked(part) if part.startswith("<") else replace_marks(part, with_field) for part in parts)


def write_report(record: RunRecord, path: Path, try_it: Panel | Absent = RECORD_ALONE) -> None:
    """Render the report beside `path`, then put it there in one step: it is never half written.

    It links to the notebook if one lies in the same folder.
    """
    notebook = NOTEBOOK if (path.parent / NOTEBOOK).is_file() else ""
    write_whole(path, render_page(record, try_it, notebook))


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
