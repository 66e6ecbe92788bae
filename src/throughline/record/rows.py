"""Where the rows come from: the file, its columns, and the parts they were split into."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class SplitRecord:
    """Sizes of the parts, share of class 1 in each, and the checksum of all rows."""

    n_train: int
    n_val: int
    n_test: int
    share_of_class_1: tuple[float, float, float]
    sha256: str


@dataclass(frozen=True, kw_only=True)
class ColumnRecord:
    """What a column of the run's file was taken for.

    Attributes
    ----------
    name : str
    kind : str
        As in `data.kinds.Kind`; "target", "group", "time", "weights" and "dropped" for columns that are no inputs.
    reason : str
        With the figures that decided.
    used : bool
        Whether the networks get it.
    chosen : bool
        Whether its kind was asked for.
    n_missing, n_distinct : int
        Empty cells, and distinct values of the others.
    missing_as : list of str
        Texts that stood for an empty cell.
    inputs : list of str
        What of it the networks get: names in ``task.feature_names``.
    """

    name: str
    kind: str
    reason: str
    used: bool
    chosen: bool = False
    n_missing: int = 0
    n_distinct: int = 0
    missing_as: list[str] = field(default_factory=list)
    inputs: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class TableWarning:
    """Something in the run's file that a reader should know of.

    Attributes
    ----------
    kind : {"leakage", "duplicates", "imbalance", "empty", "range", "left out"}
    column : str
        Empty if it is about rows.
    text : str
        A sentence with its figures.
    figure : float
        The one that decided.
    """

    kind: Literal["leakage", "duplicates", "imbalance", "empty", "range", "left out"]
    column: str
    text: str
    figure: float


@dataclass(frozen=True, kw_only=True)
class TableRecord:
    """What was found in the run's file, before anything was trained.

    Attributes
    ----------
    found : dict of str to str
        Format, encoding, separator, decimal sign, and whether all rows were read or a sample.
    file_sha256 : str
    n_rows, n_read, n_without_target : int
        Rows of the file; those that were read; of these the ones left out since their target is empty.
    task_reason, split_reason : str
        Why the task is of its kind, and how the rows were split.
    columns : list of ColumnRecord
        In the order of the file.
    warnings : list of TableWarning
    """

    found: dict[str, str]
    file_sha256: str
    n_rows: int
    n_read: int
    n_without_target: int
    task_reason: str
    split_reason: str
    columns: list[ColumnRecord]
    warnings: list[TableWarning]
