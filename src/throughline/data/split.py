"""Train, validation and test rows, split once, with a checksum of what was split.

Rows are drawn at random, stratified by class; or by groups, none of which is in two parts; or by time, so that training
rows are older than validation rows, and these older than test rows.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from throughline.data.targets import MIN_ROWS_PER_CLASS
from throughline.data.tasks import Parts, Table
from throughline.errors import DataError, quoted
from throughline.weights import Array

FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}
# Exported files are proven on as many test rows at most: each answers them in seven cuts, one of them row by row. What
# a file might do wrong on others of a million rows of the same kind, a search finds better than more of them.
MOST_PROVEN_ROWS = 20_000
# As many folds, of which one is the test part and a second one the validation part.
N_FOLDS = 5


@dataclass(frozen=True)
class Split:
    """Raw rows and labels of the three parts.

    Attributes
    ----------
    X_train, X_val, X_test : ndarray of shape (n, n_features), float32
    y_train, y_val, y_test : ndarray of shape (n,)
        Codes as int64; for regression values as float32.
    weights_train, weights_val, weights_test : ndarray of shape (n,), float32, or None
        How much each row counts; None if all count alike.
    """

    X_train: Array
    y_train: Array
    X_val: Array
    y_val: Array
    X_test: Array
    y_test: Array
    weights_train: Array | None = None
    weights_val: Array | None = None
    weights_test: Array | None = None

    @property
    def proven_rows(self) -> tuple[Array, Array]:
        """Test rows on which exported files are proven, and their labels."""
        chosen = rows_to_prove(len(self.y_test))
        return (self.X_test, self.y_test) if chosen is None else (self.X_test[chosen], self.y_test[chosen])

    @property
    def sha256(self) -> str:
        """Checksum over shape and bytes of all arrays that there are."""
        sha = hashlib.sha256()
        for name, found in self._arrays().items():
            array = np.ascontiguousarray(found)
            sha.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            sha.update(array.tobytes())
        return sha.hexdigest()

    def save(self, path: Path) -> None:
        """Write the arrays as .npz for the child processes."""
        arrays: dict[str, Any] = self._arrays()
        np.savez(path, **arrays)

    def _arrays(self) -> dict[str, Array]:
        found = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: array for name, array in found.items() if array is not None}


def rows_to_prove(n_test: int) -> Array | None:
    """Return which test rows exported files are proven on, in their order; None: all.

    Examples
    --------
    >>> rows_to_prove(1000) is None, len(rows_to_prove(200_000))
    (True, 20000)
    """
    if n_test <= MOST_PROVEN_ROWS:
        return None
    return np.sort(np.random.default_rng(0).choice(n_test, MOST_PROVEN_ROWS, replace=False))


def load_split(path: Path) -> Split:
    """Read what `Split.save` wrote; pickled objects are refused."""
    with np.load(path, allow_pickle=False) as arrays:
        return Split(**{field.name: arrays[field.name] for field in fields(Split) if field.name in arrays})


def require_enough_rows(y: Array, class_names: tuple[str, ...], source: str) -> None:
    """Refuse a table with a class too rare to appear in each part.

    Raises
    ------
    DataError
        If a class has fewer than `MIN_ROWS_PER_CLASS` rows.
    """
    counts = np.bincount(y, minlength=len(class_names))
    rarest = int(np.argmin(counts))
    if counts[rarest] < MIN_ROWS_PER_CLASS:
        raise DataError(
            "--target",
            f"a column with at least {MIN_ROWS_PER_CLASS} rows of each class, so that every part of the rows has some",
            f"{counts[rarest]} of {quoted(class_names[rarest])} in {source}",
            "add rows of that class or choose another column",
        )


def split_rows(table: Table, seed: int) -> Split:
    """Split into training, validation and test rows: as the table says, otherwise at random, stratified by class.

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
    parts = table.parts
    if parts is None:
        if table.task.kind != "regression":
            require_enough_rows(table.y, table.task.class_names, table.task.source)
        parts = random_parts(table.y, seed, stratified=table.task.kind != "regression")
    X, y, weights = table.X, table.y, table.weights
    of_part = [parts.train, parts.validation, parts.test]
    weighed = [None if weights is None else weights[rows] for rows in of_part]
    arrays = [array for rows in of_part for array in (X[rows], y[rows])]
    return Split(*arrays, *weighed)


def random_parts(y: Array, seed: int, *, stratified: bool) -> Parts:
    """Draw 60 % training, 20 % validation and 20 % test rows.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
    seed : int
    stratified : bool
        Whether every part has the same share of each class.
    """
    from sklearn.model_selection import train_test_split

    rows = np.arange(len(y))
    rest, test = train_test_split(
        rows, test_size=FRACTIONS["test"], stratify=y if stratified else None, random_state=seed
    )
    train, validation = train_test_split(
        rest,
        test_size=FRACTIONS["validation"] / (1 - FRACTIONS["test"]),
        stratify=y[rest] if stratified else None,
        random_state=seed,
    )
    return Parts(train, validation, test)


def group_parts(y: Array, groups: Array, seed: int, *, stratified: bool) -> Parts:
    """Put whole groups into the parts, so that each has about its share of the rows, and of each class.

    Parameters
    ----------
    y, groups : ndarray of shape (n_samples,)
    seed : int
    stratified : bool

    Raises
    ------
    DataError
        If there are too few groups.
    """
    from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

    n_groups = len(np.unique(groups))
    if n_groups < N_FOLDS:
        remedy = "choose another column, or leave it out for a split at random"
        raise DataError("--group", f"a column with at least {N_FOLDS} groups", str(n_groups), remedy)
    folding = StratifiedGroupKFold if stratified else GroupKFold

    def fold(rows: Array, n_folds: int) -> tuple[Array, Array]:
        folds = folding(n_splits=n_folds, shuffle=True, random_state=seed)
        kept, left = next(iter(folds.split(rows, y[rows], groups[rows])))
        return rows[kept], rows[left]

    rest, test = fold(np.arange(len(y)), N_FOLDS)
    train, validation = fold(rest, N_FOLDS - 1)
    return Parts(train, validation, test)


def time_parts(moments: Array) -> Parts:
    """Put the oldest 60 % of the rows into training and the newest 20 % into test; rows of one moment stay together.

    Parameters
    ----------
    moments : ndarray of shape (n_samples,)
        Any numbers that grow with time.

    Raises
    ------
    DataError
        If there are too few moments for three parts.

    Examples
    --------
    >>> time_parts(np.array([9.0, 1.0, 2.0, 3.0, 4.0])).train
    array([1, 2, 3])
    """
    order = np.argsort(moments, kind="stable")
    ordered = moments[order]
    first = _cut(ordered, FRACTIONS["train"])
    second = _cut(ordered, FRACTIONS["train"] + FRACTIONS["validation"])
    parts = Parts(order[:first], order[first:second], order[second:])
    if not (len(parts.train) and len(parts.validation) and len(parts.test)):
        received = f"{len(np.unique(moments)):,} of which one has most of the rows"
        raise DataError("--time", "a column with moments that can be cut in three", received, "choose another column")
    return parts


def _cut(ordered: Array, share: float) -> int:
    at = ordered[round(share * len(ordered))]
    return int(np.searchsorted(ordered, at))
