"""A numeric table from a CSV file, with every reason to refuse it told in one sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from throughline.data.csv_file import Cells, read_cells
from throughline.data.split import require_enough_rows
from throughline.data.tasks import Table
from throughline.errors import DataError, quoted
from throughline.spec import Task
from throughline.weights import Array

MAX_NAMED = 8
# Its square is a finite float32, and so is the variance of such numbers, which Keras keeps in that type.
LARGEST_NUMBER = 1e18
# What a cell of the target says when it has no value; classes of these names would be a surprise.
MISSING = {"", "nan", "na", "n/a", "null"}


def read_csv(path: Path, target: str) -> Table:
    """Read a numeric CSV file with a header row for a binary task.

    Parameters
    ----------
    path : Path
        The file; its first line names the columns, the rest holds numbers separated by commas. Empty
        lines, and blanks around names, labels and numbers, are ignored.
    target : str
        Column with the two classes, as any two values; they are coded 0 and 1 in sorted order, numbers
        before text.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        If the file cannot be used, with the column, the value and the line.
    """
    cells, target = read_cells(path), target.strip()
    if target not in cells.names:
        allowed = f"a column of {quoted(path)}, which has {_some(cells.names)}"
        raise DataError("--target", allowed, quoted(target), "pass one of these")
    features = [name for name in cells.names if name != target]
    if not features:
        received = f"only the target {quoted(target)} in {quoted(path)}"
        raise DataError("--data", "a table with columns to predict from", received, "add such columns")
    y, class_names = _code_target(cells, target)
    X = np.column_stack([as_numbers(cells, name) for name in features])
    task = Task(
        name=path.stem,
        kind="binary",
        feature_names=tuple(features),
        class_names=class_names,
        source=path.name,
    )
    table = Table(task, X, y)
    require_enough_rows(table)
    return table


def _code_target(cells: Cells, target: str) -> tuple[Array, tuple[str, ...]]:
    labels = cells.frame[target].to_list()
    for row, label in enumerate(labels):
        if label.lower() in MISSING:
            raise cells.refusal(row, target, "--target", "a column filled in every row", "fill it or drop the row")
    classes = sorted(set(labels), key=_numbers_first)
    if len(classes) != 2:
        received = f"{len(classes)} in {quoted(target)} of {quoted(cells.path)}, namely {_some(classes)}"
        remedy = "choose a column with two values; more classes and regression are not read yet"
        raise DataError("--target", "a column with exactly two classes", received, remedy)
    codes = {label: code for code, label in enumerate(classes)}
    return np.array([codes[label] for label in labels], np.int64), tuple(classes)


def as_numbers(cells: Cells, column: str) -> Array:
    """Return a column as float32, shape (n_samples,); a cell that is no number is refused by its line."""
    import polars as pl

    values: Array = cells.frame[column].cast(pl.Float32, strict=False).to_numpy()  # no number becomes NaN
    usable = np.abs(values) <= LARGEST_NUMBER
    if not usable.all():
        allowed = "numbers from -1e18 to 1e18 in every column but the target"
        remedy = "fill, convert or drop it; text, dates and missing values are not read yet"
        raise cells.refusal(int(np.argmin(usable)), column, "--data", allowed, remedy)
    return values


def _numbers_first(label: str) -> tuple[int, float, str]:
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)


def _some(names: list[str]) -> str:
    more = len(names) - MAX_NAMED
    return ", ".join(map(quoted, names[:MAX_NAMED])) + (f" and {more} more" if more > 0 else "")
