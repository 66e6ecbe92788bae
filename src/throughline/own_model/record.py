"""What an export found, as plain data."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

import msgspec

Status = Literal["passed", "failed", "not_run"]


@dataclass(frozen=True, kw_only=True)
class OutputCheck:
    """One output of one artefact, at its worst batch size.

    Attributes
    ----------
    name : str
    largest_difference : float
    relative_difference : float
        As a share of the row's own largest number.
    tolerance : float
        In the row that came closest to its own.
    share_of_tolerance : float
        Largest difference as a share of the row's own tolerance; at most 1 passes.
    n_flips : int or None
        Rows whose largest entry is another; None where the output has no classes.
    verdict : str
    n_telling : int or None
        Rows whose tolerance is narrower than rows differ among themselves, so that another row's answer would not pass
        for theirs; None for whole numbers. At least half of them must be.
    """

    name: str
    largest_difference: float
    relative_difference: float
    tolerance: float
    share_of_tolerance: float
    n_flips: int | None
    verdict: str
    n_telling: int | None = None


@dataclass(frozen=True, kw_only=True)
class ArtefactRecord:
    """One format.

    Attributes
    ----------
    name, title : str
    status : {"passed", "failed", "not_run"}
    reason : str
        Why not, in a sentence.
    path, sha256 : str
    size_bytes : int
    made_from : str
    facts : dict
    outputs : list of OutputCheck
    verdict : str
        The least favourable of its outputs.
    tolerance_reason : str
    accuracy : float or None
        Where labels were given.
    export_s, load_s : float
    """

    name: str
    title: str
    status: Status
    reason: str = ""
    path: str = ""
    sha256: str = ""
    size_bytes: int = 0
    made_from: str = ""
    facts: dict[str, str | int] = field(default_factory=dict)
    outputs: list[OutputCheck] = field(default_factory=list)
    verdict: str = ""
    tolerance_reason: str = ""
    accuracy: float | None = None
    export_s: float = 0.0
    load_s: float = 0.0

    @property
    def worst(self) -> OutputCheck | None:
        """The output that came closest to its tolerance."""
        return max(self.outputs, key=lambda check: check.share_of_tolerance, default=None)

    @property
    def n_flips(self) -> int | None:
        """Rows with another class, over the outputs that have classes."""
        flips = [check.n_flips for check in self.outputs if check.n_flips is not None]
        return sum(flips) if flips else None


@dataclass(frozen=True, kw_only=True)
class ExportRecord:
    """One model, all formats.

    Attributes
    ----------
    model : str
        Name, without the place where it lay.
    kind : str
    safety : str
        What loading it can do.
    inputs, outputs : dict of str to str
        Type and shape, without the batch axis.
    n_parameters : int
    n_rows : int
    batch_sizes : list of int
    refused_batch_sizes : dict
        Batch sizes that the source itself cannot answer, with its reason.
    source_batch_difference : float
        Largest difference between the source's own answers to one row in different batches.
    accuracy : float or None
    artefacts : list of ArtefactRecord
    versions : dict
    wall_s : float
    """

    model: str
    kind: str
    safety: str
    inputs: dict[str, str]
    outputs: dict[str, str]
    n_parameters: int
    n_rows: int
    batch_sizes: list[int]
    refused_batch_sizes: dict[str, str]
    source_batch_difference: float
    accuracy: float | None
    artefacts: list[ArtefactRecord]
    versions: dict[str, str]
    wall_s: float

    @property
    def proven(self) -> bool:
        """Whether nothing failed."""
        return all(entry.status != "failed" for entry in self.artefacts)

    def to_json(self) -> str:
        """Return the record as JSON."""
        return msgspec.json.format(msgspec.json.encode(self), indent=1).decode() + "\n"


def read_record(text: str | bytes) -> ExportRecord:
    """Read what `ExportRecord.to_json` wrote."""
    return msgspec.json.decode(text, type=ExportRecord)
