"""A numeric table from a CSV file, with every reason to refuse it told in one sentence.

Polars reads: it parses CSV faster and more strictly than anything we would write, with no further
dependencies. Every column is read as text first, so that a message can quote the value that was not a
number together with its line.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from throughline.data.tasks import Table
from throughline.errors import DataError
from throughline.spec import Task
from throughline.weights import Array

if TYPE_CHECKING:
    import polars as pl

MAX_COLUMNS_NAMED = 12


def read_csv(path: Path, target: str) -> Table:
    """Read a numeric CSV file with a header row for a binary task.

    Parameters
    ----------
    path : Path
        The file; its first line names the columns, the rest holds numbers separated by commas.
    target : str
        Column with the two classes, as any two values; they are coded 0 and 1 in sorted order.

    Returns
    -------
    Table

    Raises
    ------
    DataError
        If the file cannot be used, with the column, the value and the line.
    """
    frame = _read_text_columns(path)
    if target not in frame.columns:
        raise DataError("--target", f"a column of {path} ({_names(frame.columns)})", repr(target), "pass one of these")
    y, class_names = _code_target(frame[target], path)
    features = [name for name in frame.columns if name != target]
    if not features:
        raise DataError(str(path), "a table with feature columns", f"only the target '{target}'", "add columns")
    X = np.column_stack([_as_numbers(frame[name], path) for name in features])
    task = Task(
        name=path.stem,
        kind="binary",
        feature_names=tuple(features),
        class_names=class_names,
        source=path.name,
    )
    return Table(task, X, y)


def _read_text_columns(path: Path) -> pl.DataFrame:
    import polars as pl

    if path.suffix.lower() != ".csv":
        raise DataError("--data", "a .csv file", str(path), "save the table as CSV with commas and a header row")
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise DataError("--data", "a file that can be read", f"{path} ({error.strerror})", "check the path") from error
    if not raw.strip():
        raise DataError("--data", "a CSV file with a header row and rows", f"{path}, which is empty", "check the file")
    _refuse_repeated_names(raw, path)
    try:
        frame = pl.read_csv(raw, infer_schema=False, encoding="utf8")
    except (pl.exceptions.PolarsError, UnicodeDecodeError) as error:
        reason = str(error).strip().splitlines()[0]
        raise DataError("--data", "a UTF-8 table with equally many values a line", f"{path} ({reason})", "mend it") from error
    if frame.height == 0:
        raise DataError("--data", "a CSV file with rows", f"{path}, which has only a header", "check the file")
    return frame


def _refuse_repeated_names(raw: bytes, path: Path) -> None:
    import csv

    # Polars renames repeated columns silently, so the header is looked at before it reads.
    header = next(csv.reader([raw.splitlines()[0].decode("utf-8-sig", errors="replace")]))
    repeated = [name for name, count in Counter(header).items() if count > 1]
    if repeated:
        raise DataError("--data", "a table with distinct column names", f"'{repeated[0]}' twice in {path}", "rename one")


def _code_target(column: pl.Series, path: Path) -> tuple[Array, tuple[str, ...]]:
    missing = column.is_null()
    if missing.any():
        line = int(missing.arg_max() or 0) + 2
        raise DataError("--target", "filled in every row", f"nothing in line {line} of {path}", "fill it or drop the row")
    classes = sorted(column.unique().to_list(), key=_numeric_first)
    if len(classes) != 2:
        shown = _names([str(value) for value in classes])
        found = f"{len(classes)} ({shown}) in '{column.name}' of {path}"
        remedy = "choose a column with two values; more classes and regression are not read yet"
        raise DataError("--target", "a column with exactly two classes", found, remedy)
    codes = {value: code for code, value in enumerate(classes)}
    return np.array([codes[value] for value in column.to_list()], np.int64), tuple(str(c) for c in classes)


def _as_numbers(column: pl.Series, path: Path) -> Array:
    import polars as pl

    numbers = column.str.strip_chars().cast(pl.Float64, strict=False).to_numpy()
    with np.errstate(over="ignore"):
        values = numbers.astype(np.float32)  # the type in which every runtime receives a raw row
    wrong = ~np.isfinite(values)
    if wrong.any():
        row = int(np.argmax(wrong))
        received = f"{column[row]!r} in column '{column.name}', line {row + 2} of {path}"
        remedy = "fill, convert or drop it; text, dates and missing values are not read yet"
        raise DataError("--data", "numeric and finite in every column but the target", received, remedy)
    return values


def _numeric_first(value: str) -> tuple[int, float, str]:
    try:
        return (0, float(value), value)
    except ValueError:
        return (1, 0.0, value)


def _names(names: list[str]) -> str:
    more = len(names) - MAX_COLUMNS_NAMED
    return ", ".join(names[:MAX_COLUMNS_NAMED]) + (f" and {more} more" if more > 0 else "")
