"""A comparison of runs as one HTML page, in the clothes of the report."""

from __future__ import annotations

from collections.abc import Callable
from importlib import resources
from pathlib import Path

from throughline.comparison import Comparison, format_columns
from throughline.errors import OutputError, quoted
from throughline.output import write_whole
from throughline.report.formatting import (
    amount,
    count,
    decimal,
    difference,
    duration,
    microseconds,
    percent,
    points,
    scientific,
    size,
)
from throughline.report.page import environment


def render_comparison(comparison: Comparison) -> str:
    """Return a complete HTML document; the same comparison always gives the same one."""
    from markupsafe import Markup

    folder = resources.files("throughline.report").joinpath("templates")
    css = Markup(folder.joinpath("report.css").read_text(encoding="utf-8"))
    template = environment().get_template("comparison.html.j2")
    return template.render(comparison=comparison, columns=format_columns(comparison), css=css, written=written)


def write_comparison(comparison: Comparison, path: Path) -> None:
    """Write the page; the file appears whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    page = render_comparison(comparison)
    try:
        write_whole(path, page)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a name for a file"
        received = f"{quoted(path)} ({reason})"
        raise OutputError("--html", "a file in a folder that exists", received, "choose another") from error


def written(value: float | None, unit: str) -> str:
    """Write a value of `comparison.Figure` by its unit.

    Examples
    --------
    >>> from throughline.report.formatting import NARROW_SPACE
    >>> [written(0.5, unit).replace(NARROW_SPACE, " ") for unit in ("percent", "number", "seconds", "count")]
    ['50.0 %', '0.500', '500 ms', '0']
    """
    writers: dict[str, Callable[..., str]] = {
        "percent": percent,
        "points": points,
        "number": decimal,
        "ratio": difference,
        "amount": amount,
        "small": scientific,
        "count": count,
        "seconds": duration,
        "bytes": size,
        "microseconds": microseconds,
    }
    write = writers[unit]
    return write(value)
