"""``throughline notebook``: the seven chapters as a notebook that was executed on the reader's own run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from throughline.cli.numbers import whole_number
from throughline.errors import UsageError, quoted

if TYPE_CHECKING:
    from rich.console import Console

    from throughline.notebook.readers_copy import ReadersCopy

Seed = Annotated[
    int | None,
    Parameter(
        converter=whole_number("--seed", "a whole number from 0 to 4294967295"), help="Seed of a new run. Default: 0."
    ),
]


def notebook(
    run: Annotated[Path | None, Parameter(name="RUN", help="Folder of a finished run. Default: a new one.")] = None,
    /,
    *,
    task: Annotated[str | None, Parameter(help="Built-in task of a new run; see throughline tasks.")] = None,
    data: Annotated[Path | None, Parameter(help="CSV file of a new run, or the one that RUN has read.")] = None,
    target: Annotated[str | None, Parameter(help="Column of the file that is to be predicted.")] = None,
    seed: Seed = None,
    out: Annotated[
        Path | None, Parameter(help="Notebook to write, a new file. Default: notebook.ipynb in the run's folder.")
    ] = None,
) -> int:
    """Write the seven chapters as an executed notebook, told from a run of your own.

    Without RUN, a run is made first, in runs/. The notebook shows the package's
    code, pictures and tables of the run, holds every claim against its record,
    and has exercises with folded solutions. A cell that fails ends the command
    with status 1, and no notebook is written.

    For example:

        throughline notebook
        throughline notebook --data patients.csv --target outcome
        throughline notebook runs/patients --data patients.csv
        throughline notebook runs/digits --out lecture.ipynb
    """
    from rich.console import Console
    from rich.text import Text

    from throughline.notebook.build import require_packages
    from throughline.notebook.readers_copy import checked_out, readers_copy

    require_packages()
    if out is not None:
        checked_out(out)
    console = Console(highlight=False, markup=False, emoji=False)
    if run is None:
        run = _new_run(console, task, data, target, seed or 0)
    else:
        for name, given in (("--task", task), ("--target", target), ("--seed", seed)):
            if given is not None:
                raise UsageError(name, "left out when a finished run is told", quoted(given), "leave out RUN or this")
    copy = readers_copy(run, data, out)
    _build(console, copy)
    _link(run, copy.out)
    console.print(Text(f"  {copy.out}"), soft_wrap=True)
    return 0


def _link(run: Path, notebook: Path) -> None:
    """Write the run's report again, so that its figures link to the notebook beside it."""
    from throughline.record import load_record
    from throughline.report.page import NOTEBOOK, write_report
    from throughline.report.try_it import LEFT_OUT, offer

    page = (run if run.is_dir() else run.parent) / "report.html"
    if notebook.name == NOTEBOOK and page.is_file() and notebook.parent.resolve() == page.parent.resolve():
        record = load_record(run)
        write_report(record, page, LEFT_OUT if record.arguments.get("no_embed") else offer(record, page.parent))


def _new_run(console: Console, task: str | None, data: Path | None, target: str | None, seed: int) -> Path:
    from rich.text import Text

    from throughline.cli.display import RunDisplay
    from throughline.run import RunRequest, run

    with RunDisplay(console) as display:
        _, folder = run(RunRequest(task=task, data=data, target=target, seed=seed), display.on_event)
    console.print(Text(f"  {folder}"), soft_wrap=True)
    return folder


def _build(console: Console, copy: ReadersCopy) -> None:
    """Build with a line that says which chapter is executed."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("cells"))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task("starting a kernel", total=None)

        def on_cell(number: int, n_cells: int, title: str) -> None:
            progress.update(bar, description=title, completed=number - 1, total=n_cells)

        copy.build(on_cell)
