"""Sample rows from .npz, .npy, .csv or .parquet, one array an input, and labels for them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from throughline.errors import DataError, MissingPackageError, quoted
from throughline.weights import Array

FEWEST_ROWS = 4  # batches of 1, of 2 and of all are to be three different ones
ALLOWED = "an .npz, .npy, .csv or .parquet file"


def read_sample(path: Path) -> dict[str, Array]:
    """Read rows, nothing in the file being executed.

    Parameters
    ----------
    path : Path
        In .npz one array an input, the first axis of each being the rows; else the rows of the only input. A table's
        columns are numbers, and become the second axis.

    Returns
    -------
    dict of str to ndarray
        By the names in the file; a file that holds one unnamed array gives it the name "".

    Raises
    ------
    DataError
        If it cannot be read, or has too few rows, or numbers that are not finite.
    """
    if not path.is_file():
        raise DataError("--sample", ALLOWED, f"{quoted(path)}, which is no file", "check the path")
    try:
        arrays = _read(path)
    except (OSError, ValueError, EOFError) as error:
        received = f"{quoted(path)} ({str(error).splitlines()[0]})"
        raise DataError("--sample", ALLOWED, received, "save plain arrays, without pickled objects") from error
    lengths = {len(array) if array.ndim else 0 for array in arrays.values()}
    if len(lengths) != 1 or min(lengths) < FEWEST_ROWS:
        received = ", ".join(f"{name or 'array'} {array.shape}" for name, array in arrays.items()) or "no array"
        raise DataError("--sample", f"arrays with the same {FEWEST_ROWS} or more rows", received, "add rows")
    for name, array in arrays.items():
        if array.dtype.kind not in "biuf" or not np.isfinite(array).all():
            received = f"{array.dtype} with NaN or infinity" if array.dtype.kind == "f" else str(array.dtype)
            raise DataError(f"--sample {name}".strip(), "finite numbers", received, "repair these rows")
    return arrays


def _read(path: Path) -> dict[str, Array]:
    suffix = path.suffix.lower()
    if suffix == ".npz":
        with np.load(path, allow_pickle=False) as found:
            return {name: found[name] for name in found.files}
    if suffix == ".npy":
        return {"": np.load(path, allow_pickle=False)}
    if suffix in (".csv", ".parquet"):
        return {"": _table(path, suffix)}
    raise DataError("--sample", ALLOWED, quoted(path), "save it as one of these")


def _table(path: Path, suffix: str) -> Array:
    try:
        import polars as pl
    except ImportError as error:
        raise MissingPackageError("polars", "installed to read tables", "none", "pip install throughline") from error
    try:
        frame = pl.read_csv(path, infer_schema_length=None) if suffix == ".csv" else pl.read_parquet(path)
    except pl.exceptions.PolarsError as error:
        raise ValueError(str(error)) from error
    words = [name for name, dtype in frame.schema.items() if not (dtype.is_numeric() or dtype == pl.Boolean)]
    if words:
        raise DataError("--sample", "a table of numbers", f"text in column {quoted(words[0])}", "leave that column out")
    empty = [name for name, count in zip(frame.columns, frame.null_count().row(0), strict=True) if count]
    if empty:
        raise DataError("--sample", "a table without gaps", f"gaps in column {quoted(empty[0])}", "fill them")
    numbers: Array = frame.to_numpy().astype(np.float64)
    return numbers


def read_labels(path: Path, n_rows: int) -> Array:
    """Read the true class of each sample row, counted from 0.

    Parameters
    ----------
    path : Path
        .npy, or text with one whole number a line.
    n_rows : int

    Raises
    ------
    DataError
        If it holds anything else, or not one a row.
    """
    allowed = f"a .npy file or lines of text with {n_rows} class numbers from 0"
    try:
        if path.suffix.lower() == ".npy":
            labels = np.load(path, allow_pickle=False)
        else:
            labels = np.array([int(line) for line in path.read_text(encoding="utf-8").split()])
    except (OSError, ValueError, EOFError) as error:
        received = f"{quoted(path)} ({str(error).splitlines()[0]})"
        raise DataError("--labels", allowed, received, "write the class of each sample row") from error
    if labels.dtype.kind not in "biu" or labels.shape not in ((n_rows,), (n_rows, 1)) or labels.min(initial=0) < 0:
        raise DataError("--labels", allowed, f"{labels.dtype} {labels.shape}", "write the class of each sample row")
    return np.asarray(labels.reshape(-1), np.int64)
