"""Held-out rows that a run keeps beside its models, with what Python answered: the report tries the model on them.

They are the only rows that a run keeps; with `--no-embed` it keeps none.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from throughline.data.split import Split
from throughline.errors import DataError, quoted
from throughline.formats import find_format
from throughline.record import FormatRecord
from throughline.verify.checks import ALL_ROWS
from throughline.verify.prove import HeldOutRows, TrainedNetwork
from throughline.verify.tolerance import derive_tolerance
from throughline.weights import Array

FILE_NAME = "held_out.npz"  # in the run's folder of models
FORMAT_NAME = "onnx-float32"  # whose answers are kept
QUANTILES = (0.0, 0.25, 0.5, 0.75, 1.0)
# A megabyte of numbers is 1.4 MB in a page; 1,000 rows of 20 features are 80 kB.
MAX_BYTES = 1_000_000


@dataclass(frozen=True)
class HeldOut:
    """Rows that no training has seen, and the answers of one exported file.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_features), float32
    y : ndarray of shape (n_rows,), uint8
    answers : ndarray of shape (n_rows,), float32
        Probability of class 1, from the file in its own runtime in Python.
    tolerance : ndarray of shape (n_rows,), float32
        What rounding explains in each row.
    quantiles : ndarray of shape (5, n_features), float32
        Of the training rows: minimum, quartiles, maximum.
    whole : ndarray of shape (n_features,), bool
        Whether a feature has only whole numbers in the training rows.
    """

    X: Array
    y: Array
    answers: Array
    tolerance: Array
    quantiles: Array
    whole: Array

    def save(self, path: Path) -> None:
        """Write the arrays as .npz."""
        np.savez_compressed(path, **{field.name: getattr(self, field.name) for field in fields(self)})


def offered(formats: Sequence[FormatRecord]) -> FormatRecord | None:
    """Return the ONNX file that the report offers to be tried: the one its chapter tells of, if there are two."""
    found = [entry for entry in formats if entry.name == FORMAT_NAME]
    return min(found, key=lambda entry: (entry.status != "passed", not entry.told), default=None)


def keep_held_out(
    formats: Sequence[FormatRecord],
    trained: Mapping[str, Future[TrainedNetwork]],
    rows: HeldOutRows,
    split: Split,
    models: Path,
) -> None:
    """Write the rows and what the offered file answered, if it was proven.

    Parameters
    ----------
    formats : sequence of FormatRecord
    trained : mapping of str to Future of TrainedNetwork
        By framework, finished.
    rows : HeldOutRows
        On which the file was proven; its answers lie beside them.
    split : Split
    models : Path
        The run's folder of models.
    """
    entry = offered(formats)
    if entry is None or entry.status != "passed":
        return
    network = trained[entry.framework].result()
    if network.spec.output != "sigmoid":  # the panel shows one probability
        return
    form = find_format(entry.name)
    with np.load(rows.answers_path(entry.framework, form), allow_pickle=False) as arrays:
        answers = arrays[ALL_ROWS]
    tolerance = derive_tolerance(network.spec, network.weights, rows.X, form.stored_as, form.computed_in).per_row
    held_out(rows.X, rows.y, answers, tolerance, split.X_train).save(models / FILE_NAME)


def held_out(X: Array, y: Array, answers: Array, tolerance: Array, X_train: Array) -> HeldOut:
    """Take as many of the held-out rows as a page can carry; their order is random already.

    Parameters
    ----------
    X, y, answers, tolerance : ndarray of n_test rows
    X_train : ndarray of shape (n_train, n_features)

    Returns
    -------
    HeldOut
    """
    n_rows = min(len(X), max(1, MAX_BYTES // X[0].nbytes))
    return HeldOut(
        X=X[:n_rows].astype(np.float32),
        y=y[:n_rows].astype(np.uint8),
        answers=answers.reshape(-1)[:n_rows].astype(np.float32),
        tolerance=tolerance.reshape(-1)[:n_rows].astype(np.float32),
        quantiles=np.quantile(X_train, QUANTILES, axis=0).astype(np.float32),
        whole=np.all(X_train == np.round(X_train), axis=0),
    )


def load_held_out(path: Path) -> HeldOut:
    """Read what `HeldOut.save` wrote; pickled objects are refused.

    Raises
    ------
    DataError
        If it is not such a file, or its arrays do not fit each other.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = HeldOut(**{field.name: arrays[field.name] for field in fields(HeldOut)})
        n_rows, n_features = found.X.shape
        shapes = [array.shape for array in (found.y, found.answers, found.tolerance, found.quantiles, found.whole)]
        fit = shapes == [(n_rows,), (n_rows,), (n_rows,), (len(QUANTILES), n_features), (n_features,)]
        finite = all(np.isfinite(getattr(found, field.name)).all() for field in fields(HeldOut))
    except (OSError, ValueError, KeyError, TypeError, EOFError, zipfile.BadZipFile) as error:
        raise _unreadable(path) from error
    if not (fit and finite and n_rows):
        raise _unreadable(path)
    return found


def _unreadable(path: Path) -> DataError:
    return DataError("RUN", "a folder whose held-out rows are as the run wrote them", quoted(path.name), "run again")
