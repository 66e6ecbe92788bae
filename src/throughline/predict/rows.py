"""The job: rows of a table in, answers in a file, a constant number of rows in memory."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from throughline.bundle.check import RUNTIMES
from throughline.data.cells import Cells
from throughline.data.encode import encode, raw_columns, unused_columns
from throughline.data.stream import stream_cells
from throughline.errors import NotFiniteError, UsageError
from throughline.predict.answers import frame_of
from throughline.predict.score import Score, Scorer
from throughline.predict.source import File, Model, choose_file, open_model, title_of
from throughline.predict.worker import answer_rows, open_file
from throughline.predict.written import check_out, written_whole
from throughline.processes import Child
from throughline.weights import Array

PARAMETER = "ROWS"
OnRows = Callable[[int], None]


@dataclass(frozen=True)
class PredictRequest:
    """What to answer with what.

    Attributes
    ----------
    source : Path
        A bundle or a run.
    rows : str or Path
        A table, as for `data.read.read_cells`.
    out : Path
        A new file, .csv or .parquet.
    format : str or None
        None: the first proven one whose runtime is here.
    """

    source: Path
    rows: str | Path
    out: Path
    format: str | None = None


@dataclass(frozen=True)
class Predicted:
    """What was done.

    Attributes
    ----------
    model : str
        Name of the bundle or run.
    format, title, runtime : str
        What answered.
    out : str
    n_rows : int
    ignored : list of str
        Columns of the table that the network does not take.
    score : Score or None
        None where the table does not say what is true.
    seconds : float
    """

    model: str
    format: str
    title: str
    runtime: str
    out: str
    n_rows: int
    ignored: list[str]
    score: Score | None
    seconds: float


def predict_rows(request: PredictRequest, on_rows: OnRows = lambda n_rows: None) -> Predicted:
    """Answer every row of a table.

    Parameters
    ----------
    request : PredictRequest
    on_rows : callable, optional
        Told how many rows were answered so far.

    Returns
    -------
    Predicted

    Raises
    ------
    UsageError
        If model, format, table or file cannot be used; nothing is written then.
    VerificationError
        If a file is not the one that was proven, or an answer is no number.
    """
    started = time.perf_counter()
    check_out(request.out)
    model = open_model(request.source)
    file = choose_file(model, request.format)
    scorer, n_rows, ignored, scored = Scorer(model), 0, [], False
    with (
        tempfile.TemporaryDirectory(prefix="throughline-") as folder,
        _Answerer(file, model, Path(folder)) as answerer,
        written_whole(request.out, Path(folder)) as write,
        _rows_are_meant(),
    ):
        for cells in stream_cells(request.rows):
            if not n_rows:
                ignored = [name for name in unused_columns(cells, model.columns) if name != model.target]
                scored = model.target in cells.names and model.target not in {c.source for c in model.columns}
            answers = answerer.answer(cells)
            write(frame_of(model, answers))
            if scored:
                scorer.count(cells, answers)
            n_rows += len(cells)
            on_rows(n_rows)
    return Predicted(
        model=model.name,
        format=file.form.name,
        title=title_of(file),
        runtime=answerer.runtime,
        out=str(request.out),
        n_rows=n_rows,
        ignored=ignored,
        score=scorer.score() if scored else None,
        seconds=round(time.perf_counter() - started, 3),
    )


class _Answerer:
    """A child with the runtime, which imports while the first rows are read."""

    def __init__(self, file: File, model: Model, work: Path) -> None:
        self._file, self._model, self._work = file, model, work
        self.runtime = ""
        environment = dict(file.form.environment) | RUNTIMES[file.form.opener].environment
        log = work / "runtime.log"
        self._child = Child(file.form.name, preload=file.form.preload, log=log, environment=environment)

    def answer(self, cells: Cells) -> Array:
        """Return what the file answers, shape (n_rows, n_outputs)."""
        rows, answers = self._work / "rows.npz", self._work / "answers.npy"
        arrays: dict[str, Any] = self._given(cells)
        np.savez(rows, **arrays)
        if not self.runtime:
            ports = {p: f"column.{name}" for p, name in self._model.ports.items()} if self._file.takes_columns else None
            arguments = {"opener": self._file.form.opener, "path": str(self._file.path), "ports": ports}
            self.runtime = self._call(open_file, arguments)
        most = self._file.largest_batch
        self._call(answer_rows, {"rows": str(rows), "answers": str(answers), "most": most})
        found: Array = np.load(answers, allow_pickle=False)
        wrong = ~np.isfinite(found).all(axis=1)
        if wrong.any():
            place = cells.place(int(np.argmax(wrong)))
            raise NotFiniteError(
                f"{self._file.form.title} answers {place} with NaN or infinity: numbers are too large for it."
            )
        return found

    def _given(self, cells: Cells) -> dict[str, Array]:
        columns = self._model.columns
        if self._file.takes_columns:
            return {f"column.{name}": array for name, array in raw_columns(cells, columns, PARAMETER).items()}
        X = encode(cells, columns, PARAMETER)
        empty = np.isnan(X)
        if empty.any() and not self._model.takes_gaps:
            row, column = (int(at) for at in np.argwhere(empty)[0])
            allowed = "a table without empty cells, since the network has never seen one"
            raise cells.refusal(row, columns[column].source, PARAMETER, allowed, "fill the cell or leave out the row")
        return {"features": X}

    def _call(self, function: Callable[..., Any], arguments: dict[str, Any]) -> Any:
        return self._child.call(f"{function.__module__}:{function.__name__}", arguments)

    def __enter__(self) -> _Answerer:
        return self

    def __exit__(self, *raised: object) -> None:
        self._child.stop()


@contextmanager
def _rows_are_meant() -> Iterator[None]:
    """Call the table what it is called here: readers know it as that of ``throughline run``."""
    try:
        yield
    except UsageError as error:
        if error.parameter != "--data":
            raise
        raise type(error)(PARAMETER, error.allowed, error.received, error.remedy) from error
