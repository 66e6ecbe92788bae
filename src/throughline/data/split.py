"""Train, validation and test rows, split once, with a checksum of what was split."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from throughline.data.tasks import Table
from throughline.errors import DataError, quoted
from throughline.weights import Array

FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}
MIN_ROWS_PER_CLASS = 10


@dataclass(frozen=True)
class Split:
    """Raw rows and labels of the three parts.

    Attributes
    ----------
    X_train, X_val, X_test : ndarray of shape (n, n_features), float32
    y_train, y_val, y_test : ndarray of shape (n,), int64
    """

    X_train: Array
    y_train: Array
    X_val: Array
    y_val: Array
    X_test: Array
    y_test: Array

    @property
    def sha256(self) -> str:
        """Checksum over shape and bytes of all six arrays."""
        sha = hashlib.sha256()
        for field in fields(self):
            array = np.ascontiguousarray(getattr(self, field.name))
            sha.update(f"{field.name} {array.dtype.str} {array.shape}\n".encode())
            sha.update(array.tobytes())
        return sha.hexdigest()

    def save(self, path: Path) -> None:
        """Write the arrays as .npz for the child processes."""
        np.savez(path, **{field.name: getattr(self, field.name) for field in fields(self)})


def load_split(path: Path) -> Split:
    """Read what `Split.save` wrote; pickled objects are refused."""
    with np.load(path, allow_pickle=False) as arrays:
        return Split(**{field.name: arrays[field.name] for field in fields(Split)})


def require_enough_rows(table: Table) -> None:
    """Refuse a table with a class too rare to appear in each part.

    Raises
    ------
    DataError
        If a class has fewer than `MIN_ROWS_PER_CLASS` rows.
    """
    counts = np.bincount(table.y, minlength=len(table.task.class_names))
    rarest = int(np.argmin(counts))
    if counts[rarest] < MIN_ROWS_PER_CLASS:
        raise DataError(
            "--target",
            f"a column with at least {MIN_ROWS_PER_CLASS} rows of each class, so that every part of the rows has some",
            f"{counts[rarest]} of {quoted(table.task.class_names[rarest])} in {table.task.source}",
            "add rows of that class or choose another column",
        )


def split_rows(table: Table, seed: int) -> Split:
    """Split into 60 % training, 20 % validation and 20 % test rows, stratified by class.

    Parameters
    ----------
    table : Table
        Raw rows.
    seed : int
        Seed of the order of the rows.

    Returns
    -------
    Split

    Raises
    ------
    DataError
        If a class has too few rows to appear in each part.
    """
    from sklearn.model_selection import train_test_split

    require_enough_rows(table)
    X_rest, X_test, y_rest, y_test = train_test_split(
        table.X, table.y, test_size=FRACTIONS["test"], stratify=table.y, random_state=seed
    )
    X_train, X_val, y_train, y_val = train_test_split(
        X_rest,
        y_rest,
        test_size=FRACTIONS["validation"] / (1 - FRACTIONS["test"]),
        stratify=y_rest,
        random_state=seed,
    )
    return Split(X_train, y_train, X_val, y_val, X_test, y_test)
