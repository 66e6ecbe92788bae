"""The reader's own copy: the notebook, told from a finished run, executed and written beside it.

The cells do not run the chapters again. They read the record, open the run's own files, and load its rows anew; so they
take seconds, and what they show is what the run's report shows.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from throughline.chapters import load_chapters
from throughline.data.of_run import rows_of_run
from throughline.errors import OutputError, UsageError, quoted
from throughline.notebook.build import OnCell, build_notebook, require_packages
from throughline.notebook.parameters import Parameters
from throughline.record import RunRecord, load_record
from throughline.report.page import NOTEBOOK

NAME = NOTEBOOK
PACKAGED = Path(__file__).with_name("neural_networks.py.txt")
IN_CHECKOUT = Path(__file__).parents[3] / "notebooks" / "neural_networks.py"


@dataclass(frozen=True)
class ReadersCopy:
    """A copy that can be built: everything that can be refused has been.

    Attributes
    ----------
    parameters : Parameters
    out : Path
    """

    parameters: Parameters
    out: Path

    def build(self, on_cell: OnCell, *, solved: bool = False) -> None:
        """Execute and write it, if asked with its solutions; a cell that fails leaves nothing behind."""
        source = PACKAGED if PACKAGED.exists() else IN_CHECKOUT
        folder = self.out.parent
        build_notebook(source, self.out, parameters=self.parameters, folder=folder, solved=solved, on_cell=on_cell)


def readers_copy(run: Path, data: Path | None = None, out: Path | None = None) -> ReadersCopy:
    """Prepare a copy of the notebook that tells a finished run.

    Parameters
    ----------
    run : Path
        Folder of the run.
    data : Path, optional
        The CSV file that the run has read, if it read one.
    out : Path, optional
        A new .ipynb; by default ``notebook.ipynb`` in the run's folder.

    Returns
    -------
    ReadersCopy

    Raises
    ------
    UsageError
        If the run, the file or the place cannot be used.
    """
    require_packages()
    record = load_record(run)
    folder = run if run.is_dir() else run.parent
    _check_whole(record, folder)
    rows_of_run(record, data)
    out = checked_out(out or folder / NAME)
    beside = out.parent.resolve()
    parameters = Parameters(
        run=_from(beside, folder),
        task=None if data else record.task.name,
        data=None if data is None else _from(beside, data),
        target=record.arguments["target"],
        seed=record.seed,
    )
    return ReadersCopy(parameters, out)


def checked_out(out: Path) -> Path:
    """Refuse a place where no new notebook can be written; one that is there may hold its reader's answers."""
    allowed = "a new file that ends in .ipynb"
    if out.suffix != ".ipynb":
        raise OutputError("--out", allowed, quoted(out), f"pass for example --out {NAME}")
    if out.exists() or out.is_symlink():
        raise OutputError("--out", allowed, f"{quoted(out)}, which exists", "choose another with --out or remove it")
    if not os.access(out.parent, os.W_OK | os.X_OK):
        reason = "cannot be written" if out.parent.is_dir() else "is no folder"
        raise OutputError(
            "--out", "in a folder that can be written", f"{quoted(out.parent)}, which {reason}", "make it"
        )
    return out


def _check_whole(record: RunRecord, folder: Path) -> None:
    """Refuse a run without some chapter, or without its models."""
    absent = sorted(set(load_chapters()) - set(record.chapters))
    if absent:
        received = f"{quoted(folder)} without {', '.join(map(str, absent))}"
        raise UsageError("RUN", "a run of all chapters", received, "make one with throughline run")
    if not (folder / "models").is_dir():
        received = f"{quoted(folder)}, which has none"
        raise UsageError("RUN", "the folder of a run with its models", received, "pass the folder as it was written")


def _from(folder: Path, path: Path) -> str:
    """Write a path as seen from a folder, with slashes on every system."""
    return Path(os.path.relpath(path.resolve(), folder)).as_posix()
