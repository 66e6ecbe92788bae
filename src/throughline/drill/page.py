"""A drill as a page that opens offline: symptoms on it, hints and answer folded."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.drill.record import Curves
from throughline.drill.session import Drill, judge, symptoms_of
from throughline.drill.terminal import HIGHEST_LOSS
from throughline.drill.wording import both, symptom_sentence
from throughline.output import write_whole

if TYPE_CHECKING:
    from jinja2 import Environment

    from throughline.report.plots.canvas import Picture


def write_drill_page(drill: Drill, path: Path) -> None:
    """Write symptoms, choices, folded hints and folded evidence as one self-contained HTML file.

    Parameters
    ----------
    drill : Drill
    path : Path
    """
    symptoms = symptoms_of(drill)
    evidence = judge(drill, drill.bug.name, 0)
    pictures = draw_curves(symptoms.curves)
    page = render(
        "drill.html.j2",
        symptoms=symptoms,
        hints=drill.bug.hints,
        evidence=evidence,
        symptom=symptom_sentence(evidence),
        pictures=pictures,
        both=both,
    )
    write_whole(path, page)


def render(template: str, **values: Any) -> str:
    """Fill a template of this package; the styles are those of the report, and a few of its own."""
    from markupsafe import Markup

    sheets = (("throughline.report", "report.css"), ("throughline.drill", "drill.css"))
    css = "".join(
        resources.files(package).joinpath("templates", name).read_text(encoding="utf-8") for package, name in sheets
    )
    return _environment().get_template(template).render(css=Markup(css), **values)


def draw_curves(curves: Curves) -> list[Picture]:
    """Draw loss and accuracy over epochs, training and validation in each."""
    from throughline.report.plots.canvas import style, to_picture

    with style():
        losses = _axes("loss", curves.train_loss, curves.val_loss, top=HIGHEST_LOSS)
        accuracies = _axes("accuracy", curves.train_accuracy, curves.val_accuracy, top=1.0)
        accuracies.set_ylim(top=1.0)
        return [
            to_picture(losses, name="loss", alt=_alt("Loss", curves.train_loss, curves.val_loss)),
            to_picture(accuracies, name="accuracy", alt=_alt("Accuracy", curves.train_accuracy, curves.val_accuracy)),
        ]


def _axes(name: str, train: Sequence[float | None], val: Sequence[float | None], top: float) -> Any:
    from throughline.report.plots.canvas import PALETTE, new_axes

    axes = new_axes(x_label="epoch", y_label=name, height=280)
    epochs = range(1, len(train) + 1)
    for values, line, colour in ((train, "-", "class-0"), (val, "--", "class-1")):
        cut = [top if value is None else min(value, top) for value in values]
        axes.plot(epochs, cut, line, color=PALETTE[colour])
    axes.set_xlim(1, len(train))
    return axes


def _alt(name: str, train: Sequence[float | None], val: Sequence[float | None]) -> str:
    ends = [
        f"{part} from {_plain(values[0])} to {_plain(values[-1])}"
        for part, values in (("training", train), ("validation", val))
    ]
    return f"{name} over {len(train)} epochs: {', '.join(ends)}."


def _plain(value: float | None) -> str:
    return "no finite number" if value is None else f"{value:.3f}"


@functools.cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("throughline.drill", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
