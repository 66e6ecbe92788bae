"""``throughline formats`` and ``throughline tasks``: what there is."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

AsJson = Annotated[bool, Parameter(help="Print JSON instead of a table.")]


def formats(*, json: AsJson = False) -> int:
    """List the deployment formats, what runs them, and what each is good for.

    For example:

        throughline formats --json
    """
    from throughline.formats import load_formats
    from throughline.verify.prove import missing_runtime

    rows = [
        {
            "name": form.name,
            "from": form.framework,
            "runtime": form.runtime,
            "here": missing_runtime(form) or "ready",
            "good for": form.good_for,
        }
        for form in load_formats().values()
    ]
    return _show(rows, json)


def tasks(*, json: AsJson = False) -> int:
    """List the built-in tasks.

    For example:

        throughline tasks
    """
    from throughline.data.tasks import TASKS

    rows = [{"name": name, "what": (load.__doc__ or "").splitlines()[0]} for name, load in TASKS.items()]
    return _show(rows, json)


def _show(rows: list[dict[str, str | int]] | list[dict[str, str]], as_json: bool) -> int:
    if as_json:
        import json

        print(json.dumps(rows, indent=1))
        return 0
    from rich.console import Console
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 2))
    *short, last = rows[0]
    for column in short:
        table.add_column(column, no_wrap=True)
    table.add_column(last)
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console(highlight=False, markup=False, emoji=False).print(table)
    return 0
