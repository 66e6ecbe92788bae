"""Where the rows come from: the file, its columns, and the parts they were split into."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class SplitRecord:
    """Sizes of the parts, what there is to predict in each, and the checksum of all rows.

    Attributes
    ----------
    n_train, n_val, n_test : int
    share_of_class_1 : (float, float, float) or None
        In the parts; None unless there are two classes.
    sha256 : str
    class_shares : list of (float, float, float)
        Of each class in the parts, where there are more than two.
    target_mean, target_std : (float, float, float) or None
        In the parts, where answers are amounts.
    n_proven : int or None
        Test rows on which exported files are proven, of very many; None: all.
    """

    n_train: int
    n_val: int
    n_test: int
    share_of_class_1: tuple[float, float, float] | None
    sha256: str
    class_shares: list[tuple[float, float, float]] = field(default_factory=list)
    target_mean: tuple[float, float, float] | None = None
    target_std: tuple[float, float, float] | None = None
    n_proven: int | None = None

    @property
    def n_answered(self) -> int:
        """Test rows that every exported file answers."""
        return self.n_test if self.n_proven is None else self.n_proven

    @property
    def largest_shares(self) -> tuple[float, float, float] | None:
        """Share of the largest class in each part: what always giving one label would be right on."""
        if self.share_of_class_1 is not None:
            first, second, third = (max(share, 1 - share) for share in self.share_of_class_1)
            return first, second, third
        if not self.class_shares:
            return None
        first, second, third = (max(part) for part in zip(*self.class_shares, strict=True))
        return first, second, third


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
    kind : {"leakage", "duplicates", "imbalance", "empty", "range", "scaling", "left out"}
    column : str
        Empty if it is about rows.
    text : str
        A sentence with its figures.
    figure : float
        The one that decided.
    """

    kind: Literal["leakage", "duplicates", "imbalance", "empty", "range", "scaling", "left out"]
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
