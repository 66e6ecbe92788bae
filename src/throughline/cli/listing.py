"""``throughline formats`` and ``throughline tasks``: what there is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

if TYPE_CHECKING:
    from throughline.formats.base import Format

READY = "ready"
UNWRAPPED = ("name", "from", "batch", "type", "here")
SHORT_TYPES = {"float32": "f32", "float16": "f16", "bfloat16": "bf16", "int8": "int8"}
AsJson = Annotated[bool, Parameter(help="Print JSON instead of a table.")]


def formats(*, json: AsJson = False) -> int:
    """List the deployment formats: where they come from, what runs them and where, and what is missing here.

    For example:

        throughline formats
        throughline formats --json
    """
    from throughline.formats import load_formats

    rows = [_in_full(form) for form in load_formats().values()]
    if json:
        return _show(rows, json)
    _show([_in_short(form) for form in load_formats().values()], json)
    print("\n*     through the neutral weights, rebuilt in the other framework; see --json")
    print("type  in which kernels are stored, and in which they are multiplied if another")
    for reason in dict.fromkeys(row["here"] for row in rows if row["here"] != READY):
        print(reason)
    return 0


def _in_full(form: Format) -> dict[str, Any]:
    from throughline.formats import load_formats
    from throughline.formats.availability import missing_runtime
    from throughline.formats.base import EXPORTING_FRAMEWORKS, describe_route

    return {
        "name": form.name,
        "title": form.title,
        "from": {source: describe_route(form, source, load_formats()) for source in EXPORTING_FRAMEWORKS},
        "runtime": form.runtime,
        "runs on": form.runs_on,
        "largest batch": form.largest_batch or "free",
        "stored as": form.stored_as,
        "computed in": form.computed_in,
        "exported by every run": form.in_every_run,
        "good for": form.good_for,
        "here": missing_runtime(form) or READY,
    }


def _in_short(form: Format) -> dict[str, str]:
    from throughline.formats.availability import missing_runtime
    from throughline.formats.base import EXPORTING_FRAMEWORKS

    sources = [
        source if form.exporting_framework(source) == source else f"{source}*" for source in EXPORTING_FRAMEWORKS
    ]
    types = dict.fromkeys([form.stored_as, form.computed_in])
    return {
        "name": form.name,
        "from": " ".join(sources),
        "runtime": form.runtime,
        "batch": "free" if form.largest_batch is None else str(form.largest_batch),
        "type": "/".join(SHORT_TYPES[name] for name in types),
        "runs on": form.runs_on,
        "here": "missing" if missing_runtime(form) else READY,
    }


def tasks(*, json: AsJson = False) -> int:
    """List the built-in tasks.

    For example:

        throughline tasks
    """
    from throughline.data.tasks import TASKS

    rows = [{"name": name, "what": (load.__doc__ or "").splitlines()[0]} for name, load in TASKS.items()]
    return _show(rows, json)


def _show(rows: list[dict[str, Any]] | list[dict[str, str]], as_json: bool) -> int:
    if as_json:
        import json

        print(json.dumps(rows, indent=1))
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for column in rows[0]:
        table.add_column(column, no_wrap=column in UNWRAPPED)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console(highlight=False, markup=False, emoji=False).print(table)
    return 0
