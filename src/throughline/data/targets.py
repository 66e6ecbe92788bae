"""The column to predict: classes or numbers, coded; rows in which it is empty are left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from throughline.data.cells import Cells
from throughline.data.encode import LARGEST_NUMBER
from throughline.data.kinds import require_numbers
from throughline.data.values import as_numbers
from throughline.errors import DataError, UsageError, quoted
from throughline.spec import TaskKind
from throughline.weights import Array

MAX_NAMED = 8
# So that every part of the rows has some of each class.
MIN_ROWS_PER_CLASS = 10
# Whole numbers with more distinct values than this are taken for amounts.
MOST_NUMBERED_CLASSES = 20


@dataclass(frozen=True)
class Target:
    """What is to be predicted.

    Attributes
    ----------
    kind : {"binary", "multiclass", "regression"}
    y : ndarray of shape (n_kept,)
        Codes as int64, or values as float32.
    class_names : tuple of str
        In the order of their codes; none for regression.
    kept : ndarray of shape (n_kept,)
        Rows of the table in which it is not empty.
    reason : str
        Why it is of that kind.
    """

    kind: TaskKind
    y: Array
    class_names: tuple[str, ...]
    kept: Array
    reason: str


def code_target(cells: Cells, name: str, task: TaskKind | None, positive: str | None) -> Target:
    """Code the column to predict.

    Parameters
    ----------
    cells : Cells
    name : str
        The column.
    task : {"binary", "multiclass", "regression"} or None
        None: as its values suggest. Texts, and few distinct whole numbers, are classes; other numbers are amounts.
    positive : str or None
        The class whose probability a binary network says; by default the last in sorted order, numbers before texts.

    Raises
    ------
    DataError
        If the column is missing, constant, not of the kind asked for, or has more classes than its rows allow.
    """
    if name not in cells.names:
        allowed = f"a column of {quoted(cells.name)}, which has {some(cells.names)}"
        raise DataError("--target", allowed, quoted(name), "pass one of these")
    series = cells.frame[name]
    kept = np.flatnonzero(series.is_not_null().to_numpy())
    n_distinct = series.drop_nulls().n_unique() if len(kept) else 0
    if n_distinct < 2:
        found = f"only {quoted(series[int(kept[0])])}" if n_distinct else "nothing"
        received = f"{found} in {quoted(name)} of {quoted(cells.name)}"
        raise DataError("--target", "a column with two or more values", received, "choose another column")
    kind, reason = (task, "asked for with --task") if task else _infer(cells, name, n_distinct, len(kept))
    if kind == "regression":
        if positive is not None:
            raise UsageError("--positive", "left out for regression", quoted(positive), "leave it out")
        y = _amounts(cells, name)
        return Target(kind, y[kept].astype(np.float32), (), kept, reason)
    return _classes(cells, name, kind, reason, kept, positive)


def _infer(cells: Cells, name: str, n_distinct: int, n_filled: int) -> tuple[TaskKind, str]:
    if n_distinct == 2:
        return "binary", "two values"
    numbers = as_numbers(cells.frame[name], cells.decimal).drop_nulls()
    if len(numbers) < n_filled:
        return "multiclass", f"{n_distinct:,} texts"
    if not (numbers == numbers.floor()).all():
        return "regression", f"{n_distinct:,} distinct numbers, not all of them whole"
    if n_distinct <= MOST_NUMBERED_CLASSES and n_distinct * MIN_ROWS_PER_CLASS <= n_filled:
        return "multiclass", f"{n_distinct:,} distinct whole numbers"
    return "regression", f"{n_distinct:,} distinct whole numbers"


def _amounts(cells: Cells, name: str) -> Array:
    numbers = require_numbers(cells, name)
    usable = (numbers.abs() <= LARGEST_NUMBER) | numbers.is_null()
    if not usable.all():
        row = int((~usable).arg_max() or 0)
        raise cells.refusal(row, name, "--target", "numbers from -1e18 to 1e18", "mend the cell")
    values: Array = numbers.fill_null(float("nan")).to_numpy()
    return values


def _classes(cells: Cells, name: str, kind: TaskKind, reason: str, kept: Array, positive: str | None) -> Target:
    import polars as pl

    texts = cells.frame[name].cast(pl.String).drop_nulls()
    classes = sorted(texts.unique().to_list(), key=numbers_first)
    n_classes = len(classes)
    if kind == "binary" and n_classes != 2:
        received = f"{n_classes:,} in {quoted(name)} of {quoted(cells.name)}, namely {some(classes)}"
        raise DataError("--target", "a column with exactly two classes", received, "choose another column or --task")
    if n_classes > MOST_NUMBERED_CLASSES and n_classes * MIN_ROWS_PER_CLASS > len(texts):
        received = f"{n_classes:,} classes in {len(texts):,} rows of {quoted(name)}, namely {some(classes)}"
        allowed = f"a column with at least {MIN_ROWS_PER_CLASS} rows of each class"
        raise DataError("--target", allowed, received, "choose another column, or --task regression for amounts")
    if positive is not None:
        classes = _with_positive_last(classes, positive, kind)
    codes = texts.replace_strict(classes, list(range(n_classes)), return_dtype=pl.Int64).to_numpy()
    return Target(kind, codes, tuple(classes), kept, reason)


def _with_positive_last(classes: list[str], positive: str, kind: TaskKind) -> list[str]:
    if kind != "binary":
        raise UsageError("--positive", "left out unless there are two classes", quoted(positive), "leave it out")
    if positive not in classes:
        raise UsageError("--positive", f"one of {some(classes)}", quoted(positive), "pass one of these")
    return [label for label in classes if label != positive] + [positive]


def numbers_first(label: str) -> tuple[int, float, str]:
    """Order labels: numbers by size, then texts."""
    try:
        return (0, float(label), label)
    except ValueError:
        return (1, 0.0, label)


def some(names: list[str]) -> str:
    """Name the first few."""
    more = len(names) - MAX_NAMED
    return ", ".join(map(quoted, names[:MAX_NAMED])) + (f" and {more} more" if more > 0 else "")
