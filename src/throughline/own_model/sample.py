"""Sample rows from .npz, .npy, .csv or .parquet, one array an input, and labels for them."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from throughline.errors import DataError, MissingPackageError, ThroughlineError, WorkerError, quoted
from throughline.processes import Child, Emit
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
    arrays = _read(path)
    for name, array in arrays.items():
        _check_numbers(f"--sample {name}".strip(), array)
    lengths = {len(array) if array.ndim else 0 for array in arrays.values()}
    if len(lengths) != 1 or min(lengths) < FEWEST_ROWS or any(array.size == 0 for array in arrays.values()):
        received = ", ".join(f"{name or 'array'} {array.shape}" for name, array in arrays.items()) or "no array"
        raise DataError("--sample", f"arrays with the same {FEWEST_ROWS} or more rows", received, "add rows")
    return arrays


def _read(path: Path) -> dict[str, Array]:
    suffix = path.suffix.lower()
    if suffix not in (".npz", ".npy", ".csv", ".parquet"):
        raise DataError("--sample", ALLOWED, quoted(path), "save it as one of these")
    try:
        if suffix == ".csv":
            return {"": read_table(path)}
        return {"": _parquet(path)} if suffix == ".parquet" else _arrays(path)
    except ThroughlineError:
        raise
    except Exception as error:  # zip, zlib, NumPy and Polars each have their own for a damaged file
        said = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise DataError(
            "--sample", f"{ALLOWED} that can be read", f"{quoted(path)} ({said})", "save it anew"
        ) from error


def _arrays(path: Path) -> dict[str, Array]:
    try:
        with path.open("rb") as file:
            found = np.load(file, allow_pickle=False)
            if isinstance(found, np.ndarray):
                return {"": found}
            # Beside arrays an archive may hold anything; what is no array comes as bytes.
            return {name: np.asarray(found[name]) for name in found.files}
    except ValueError as error:
        if "allow_pickle" not in str(error):
            raise
        received = f"{quoted(path)} with pickled objects, which could run code"
        raise DataError("--sample", "arrays of numbers", received, "save plain arrays") from error


def _check_numbers(parameter: str, array: Array) -> None:
    if array.dtype.kind not in "biuf":
        raise DataError(parameter, "numbers", f"the type {array.dtype}", "save numbers, such as codes for words")
    wrong = np.argwhere(~np.isfinite(array))
    if len(wrong):
        received = f"NaN or infinity in row {wrong[0][0] if array.ndim else 0}"
        raise DataError(parameter, "finite numbers", received, "leave such rows out or fill them")


def _parquet(path: Path) -> Array:
    """Read Parquet in a process of its own: damaged files make Polars panic, or end the process (polars 1.44)."""
    with tempfile.TemporaryDirectory(prefix="throughline-sample-") as folder:
        made = Path(folder) / "rows.npy"
        with Child("read the sample", log=Path(folder) / "log") as child:
            try:
                child.call("throughline.own_model.sample:convert_table", {"path": str(path), "made": str(made)})
            except WorkerError as error:
                raise ValueError("damaged, or no Parquet") from error
        rows: Array = np.load(made, allow_pickle=False)
        return rows


def convert_table(path: str, made: str, emit: Emit) -> None:
    """Write the rows of a table as .npy."""
    np.save(made, read_table(Path(path)))


def read_table(path: Path) -> Array:
    """Read the numbers of a .csv or .parquet file; its columns become the second axis.

    Raises
    ------
    DataError
        If a column has words or gaps.
    """
    try:
        import polars as pl
    except ImportError as error:
        raise MissingPackageError("polars", "installed to read tables", "none", "pip install throughline") from error
    is_csv = path.suffix.lower() == ".csv"
    frame = pl.read_csv(path, infer_schema_length=None) if is_csv else pl.read_parquet(path)
    words = [name for name, dtype in frame.schema.items() if not (dtype.is_numeric() or dtype == pl.Boolean)]
    if words:
        raise DataError("--sample", "a table of numbers", f"text in column {quoted(words[0])}", "leave that column out")
    empty = [name for name, count in zip(frame.columns, frame.null_count().row(0), strict=True) if count]
    if empty:
        raise DataError("--sample", "a table without gaps", f"gaps in column {quoted(empty[0])}", "fill them")
    # Columns of whole numbers alone stay such, since they may be codes; else all become float64.
    numbers: Array = frame.to_numpy()
    return numbers.astype(np.float64) if numbers.dtype.kind == "f" else numbers.astype(np.int64)


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
            labels = np.array([int(line) for line in path.read_text(encoding="utf-8").split()], np.int64)
    except (OSError, ValueError, EOFError, OverflowError) as error:
        said = getattr(error, "strerror", None) or (str(error).splitlines() or ["no message"])[0]
        received = f"{quoted(path)} ({said})"
        raise DataError("--labels", allowed, received, "write the class of each sample row") from error
    if labels.dtype.kind not in "biu" or labels.shape not in ((n_rows,), (n_rows, 1)):
        raise DataError("--labels", allowed, f"{labels.dtype} {labels.shape}", "write the class of each sample row")
    if labels.min(initial=0) < 0:
        raise DataError("--labels", allowed, str(labels.min()), "number the classes from 0, as the model's outputs are")
    return np.asarray(labels.reshape(-1), np.int64)
