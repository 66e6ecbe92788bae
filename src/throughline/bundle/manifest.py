"""Manifest: what a bundle says of itself to programs, in one JSON file.

Manifest
├── task, network, source           what was trained, on what, by which framework
├── input, output, preprocessing    what goes in and what comes out
├── rows                            where the held-out rows lie
├── artefacts                       each with what opens it, what it says of itself, and its proof
├── files                           SHA-256 of every file but the manifest and SHA256SUMS
└── environment, licence, model_card

The receiver's `check.py` reads the same file as plain JSON, so a field that it uses keeps its name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec

from throughline.record import Environment, Evaluation, FormatRecord
from throughline.spec import NetworkSpec, Task

FORMAT_VERSION = 1  # `check.FORMAT_VERSION` is the one it can read
MANIFEST_NAME = "manifest.json"
SUMS_NAME = "SHA256SUMS"
ROWS_NAME = "rows.npz"
CARD_NAME = "MODEL_CARD.md"
CHECK_NAME = "check.py"
MODELS_NAME = "models"


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """An input or an output.

    Attributes
    ----------
    name : str or None
        None where a file keeps no name.
    dtype : str or None
    shape : list of (int or None), or None
        None stands for an axis that is free.
    """

    name: str | None
    dtype: str | None
    shape: list[int | None] | None


@dataclass(frozen=True, kw_only=True)
class Preprocessing:
    """What is done to a raw row before the first layer.

    Attributes
    ----------
    where : str
        "inside every artefact": nothing is left to the receiver.
    formula : str
    mean, std : list of float
        One a feature, from the training rows.
    """

    where: str
    formula: str
    mean: list[float]
    std: list[float]


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """The rows with which the bundle is proven.

    Attributes
    ----------
    path : str
        An .npz file without pickles: ``X``, ``y``, ``expected``, and for each artefact ``answers.<name>`` (what it
        answered when the bundle was made), ``tolerance.<name>`` (against ``expected``) and ``repeats.<name>`` (against
        its own answers).
    n_rows : int
    split_sha256 : str
        Checksum of all rows of the run, as in its record.
    """

    path: str
    n_rows: int
    split_sha256: str


@dataclass(frozen=True, kw_only=True)
class Artefact:
    """One exported file, or a folder that belongs together.

    Attributes
    ----------
    name, title, runtime, stored_as, computed_in :
        As in `formats.base.Format`.
    opener : str
        The entry of ``RUNTIMES`` in check.py that opens it.
    path : str
        Relative to the bundle.
    size_bytes : int
    sha256 : str
        As in `formats.base.file_sha256`.
    requires : dict of str to str
        What to install to run it, with the versions with which it was proven.
    largest_batch : int or None
    inputs, outputs : list of Tensor
        What the file says of itself.
    parity : FormatRecord
        How it was proven against the network it came from.
    """

    name: str
    title: str
    runtime: str
    stored_as: str
    computed_in: str
    opener: str
    path: str
    size_bytes: int
    sha256: str
    requires: dict[str, str]
    largest_batch: int | None
    inputs: list[Tensor]
    outputs: list[Tensor]
    parity: FormatRecord


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything a bundle says of itself; see the head of this module.

    Attributes
    ----------
    name, created : str
        Of the run.
    source : {"keras", "torch"}
        The framework whose network this is; its answers are the expected ones.
    weights_digest : str
    threshold : float
        Answers above it are class 1.
    evaluation : Evaluation or None
        The network on the held-out rows; None if the run left chapter 5 out.
    """

    format_version: int
    name: str
    created: str
    task: Task
    network: NetworkSpec
    source: str
    weights_digest: str
    input: Tensor
    output: Tensor
    threshold: float
    preprocessing: Preprocessing
    rows: HeldOut
    evaluation: Evaluation | None
    artefacts: list[Artefact]
    files: dict[str, str]
    environment: Environment
    licence: str
    model_card: str

    def artefact(self, name: str) -> Artefact | None:
        """Return the artefact of a format, or None."""
        return next((entry for entry in self.artefacts if entry.name == name), None)

    def to_json(self) -> str:
        """Write the manifest as indented JSON."""
        return json.dumps(self.to_builtins(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def to_builtins(self) -> Any:
        """Return plain data."""
        return msgspec.to_builtins(self)
