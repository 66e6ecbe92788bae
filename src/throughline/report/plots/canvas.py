"""What all pictures share: paper, palette, and the way from matplotlib to SVG inside a page.

Matplotlib draws with stand-in colours. `to_picture` turns each into a CSS variable of the page, so that one
picture is right in light and in dark; it also leaves out what a page does not need and gives ids that are
unique in it. Text stays text: it takes the page's font, can be found and selected, and weighs little.
"""

from __future__ import annotations

import contextlib
import io
import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from throughline.report.formatting import amount

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

WIDTH, HEIGHT = 420, 300  # in units of the picture; the page scales it
FONT_SIZE = 12

# Names of CSS variables in report.css and the colours that stand for them while matplotlib draws.
PALETTE = {
    "ink": "#010101",
    "ink-soft": "#020202",
    "rule": "#030303",
    "paper": "#040404",
    "class-0": "#050505",
    "class-1": "#060606",
    "numpy": "#070707",
    "keras": "#080808",
    "torch": "#090909",
    "bad": "#0a0a0a",
    "accent": "#0b0b0b",
}
# Frameworks differ by colour and by marker, so that the picture is read without colours too.
MARKERS = {"numpy": "o", "keras": "s", "torch": "^"}

_STYLE: dict[Any, Any] = {
    "axes.axisbelow": True,
    "axes.edgecolor": PALETTE["rule"],
    "axes.grid": True,
    "axes.labelcolor": PALETTE["ink-soft"],
    "axes.labelpad": 6,
    "axes.labelsize": FONT_SIZE,
    "axes.linewidth": 1,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "font.size": FONT_SIZE,
    "grid.color": PALETTE["rule"],
    "grid.linewidth": 1,
    "lines.linewidth": 2,
    "svg.fonttype": "none",
    "svg.hashsalt": "throughline",
    "text.color": PALETTE["ink"],
    "xtick.bottom": False,
    "xtick.labelcolor": PALETTE["ink-soft"],
    "ytick.labelcolor": PALETTE["ink-soft"],
    "ytick.left": False,
}

# Settings that decide how our pictures look; the user's own values of these are put aside.
_FAMILIES = {
    *("axes", "figure", "font", "grid", "lines", "markers", "patch", "path", "savefig", "svg", "text"),
    *("xaxis", "xtick", "yaxis", "ytick"),
}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """One drawn picture.

    Attributes
    ----------
    name : str
        Unique in the page; its id.
    alt : str
        What is to be seen, for those who do not see it.
    svg : Markup
        The ``<svg>`` element.
    """

    name: str
    alt: str
    svg: Markup


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Draw in the page's style, whatever the user's own matplotlib settings are."""
    import matplotlib as mpl

    defaults: dict[Any, Any] = {
        key: value for key, value in mpl.rcParamsDefault.items() if key.split(".")[0] in _FAMILIES
    }
    with mpl.rc_context(defaults | _STYLE):
        yield


def new_axes(*, x_label: str, y_label: str, left: float = 58, height: float = HEIGHT, width: float = WIDTH) -> Axes:
    """Return empty axes on a figure of their own.

    Parameters
    ----------
    x_label, y_label : str
        Names of the axes, with units.
    left : float
        Room for the labels of the y axis; margins are fixed, which is faster than to lay them out.
    height, width : float
        Of the picture; one that stands beside two others is narrower, so that its words are as large as theirs.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width / 72, height / 72), dpi=72)
    figure.patch.set_visible(False)
    bottom, top, right = 48, 12, 14
    axes = figure.add_axes(
        (left / width, bottom / height, (width - left - right) / width, (height - bottom - top) / height)
    )
    axes.patch.set_visible(False)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    return axes


def write_amounts(axis: Axis, most: int = 6) -> None:
    """Write the ticks of an axis as amounts of any size; matplotlib would put a common factor into a corner."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    def written(value: float, _: object) -> str:
        text = amount(value)
        return text.rstrip("0").rstrip(".") if "." in text and text[-1].isdecimal() else text

    axis.set_major_locator(MaxNLocator(nbins=most))
    axis.set_major_formatter(FuncFormatter(written))


def to_picture(axes: Axes, *, name: str, alt: str) -> Picture:
    """Turn the figure of `axes` into an ``<svg>`` that can stand in a page beside others."""
    from matplotlib.figure import Figure

    figure = axes.get_figure()
    assert isinstance(figure, Figure)  # `new_axes` makes one figure for each
    buffer = io.StringIO()
    with warnings.catch_warnings():
        # Figures in a picture's words carry marks of their fields, which are in no font and are taken out later.
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    body = _clean(buffer.getvalue(), name)
    width, height = (round(72 * inches) for inches in figure.get_size_inches())
    opening = (
        f'<svg class="plot" viewBox="0 0 {width} {height}" role="img" aria-labelledby="{name}-title"'
        f' stroke-linejoin="round"><title id="{name}-title">{escape(alt)}</title>'
    )
    return Picture(name=name, alt=alt, svg=Markup(opening + body + "</svg>"))


def _clean(svg: str, name: str) -> str:
    body = svg[svg.index("</defs>") + len("</defs>") : svg.rindex("</svg>")]  # the first <defs> styles the whole page
    body = re.sub(r"font-family: [^;\"]*;?\s*", "", body)
    body = re.sub(r' transform="rotate\(-0 [^"]*\)"', "", body)
    # A hundredth of a unit is finer than any screen; figures in words keep all their digits.
    body = re.sub(r"<[^>]*>", lambda tag: re.sub(r"(\d\.\d\d)\d+", r"\1", tag[0]), body)
    for variable, colour in PALETTE.items():
        body = body.replace(colour, f"var(--{variable})")
    body = body.replace("#000000", "currentColor").replace("xlink:href", "href")
    body = _unique_ids(body, name)
    body = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    return re.sub(r"\s*\n\s*", " ", body).replace("> <", "><").strip()


def _unique_ids(body: str, name: str) -> str:
    """Put the picture's name before the ids that are referred to, and drop the others."""
    used = list(dict.fromkeys(re.findall(r'(?:url\(|href=")#([\w-]+)', body)))
    new = {old: f"{name}-{position}" for position, old in enumerate(used)}
    body = re.sub(r' id="([^"]+)"', lambda match: f' id="{new[match[1]]}"' if match[1] in new else "", body)
    return re.sub(r'(url\(|href=")#([\w-]+)', lambda match: f"{match[1]}#{new[match[2]]}", body)
