"""Manifest: what a bundle says of itself to programs, in one JSON file.

Manifest
├── inputs, outputs, classes        what goes in, what comes out, and what it means
├── table                           of a network that a run has trained on a table: what its cells become
├── rows                            where the held-out rows lie
├── trained                         of a network that a run has trained: task, specification, scaling, figures
├── brought                         of a model that someone has brought: its file, and how it was loaded
├── artefacts                       each with what opens it, what it says of itself, and its proof
├── column_graphs                   the same of files that take the columns of the table, texts as they are
├── files                           SHA-256 of every file but the manifest and SHA256SUMS
└── environment, licence, model_card

Either `trained` or `brought` is there. The receiver's `check.py` reads the same file as plain JSON, so a field that it
uses keeps its name.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import msgspec

from throughline.record import AmountEvaluation, Environment, Evaluation
from throughline.spec import NetworkSpec, Task

FORMAT_VERSION = 2  # `check.FORMAT_VERSION` is the one it can read
MANIFEST_NAME = "manifest.json"
SUMS_NAME = "SHA256SUMS"
ROWS_NAME = "rows.npz"
CARD_NAME = "MODEL_CARD.md"
CHECK_NAME = "check.py"
MODELS_NAME = "models"


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """An input or an output of the model.

    Attributes
    ----------
    name, dtype : str
    shape : list of (int or None)
        None stands for an axis that is free.
    useful_tolerance : float or None
        Of an output: if the usual row may differ by more, a comparison proves nothing. None for whole numbers.
    """

    name: str
    dtype: str
    shape: list[int | None]
    useful_tolerance: float | None = None


@dataclass(frozen=True, kw_only=True)
class Port:
    """An input or an output of an artefact, as its file declares it.

    Attributes
    ----------
    of : str
        The input or output of the model that it is.
    name, dtype : str or None
        None where the file keeps none.
    shape : list of (int or None), or None
        None in the place of a free axis; None altogether where the file does not say.
    """

    of: str
    name: str | None
    dtype: str | None
    shape: list[int | None] | None


@dataclass(frozen=True, kw_only=True)
class Classes:
    """Which output tells classes, and how.

    Attributes
    ----------
    output : str
    threshold : float or None
        Numbers above it are class 1; None where the largest of several tells the class.
    names : list of str
        Empty where nobody has named them.
    """

    output: str
    threshold: float | None
    names: list[str]


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
class Example:
    """A cell, and the number that it becomes.

    Attributes
    ----------
    cell : str
    number : float or None
        None stands for NaN, which JSON has no word for: the cell has no value.
    """

    cell: str
    number: float | None


@dataclass(frozen=True, kw_only=True)
class TableColumn:
    """One number of a row: from which column of the table it comes, and how.

    Attributes
    ----------
    name : str
    source : str
        The column of the table; several may come from one, such as the parts of a date.
    encoding : str
        "number"; "boolean" and "category" by `codes`; or the part of a date that it is: "year", "month", "day",
        "weekday" (Monday is 1), "hour", or "days" since 1970, with the time of day as a fraction.
    codes : dict of str to float
        By text; a boolean's are in small letters.
    other : float or None
        What any other text becomes; None where no other text is allowed.
    date_format : str
        As in C's strptime; a date with the year first is read in any case.
    fill : float
        What the network puts in place of an empty cell, after scaling.
    flag_missing : bool
        Whether the network has a feature that says that the cell was empty.
    port : str
        What the files that take columns call it.
    dtype : {"string", "float32"}
        What they take for it.
    examples : list of Example
        `check.py` makes sure that its own `encode` gives these numbers.
    """

    name: str
    source: str
    encoding: str
    codes: dict[str, float]
    other: float | None
    date_format: str
    fill: float
    flag_missing: bool
    port: str
    dtype: str
    examples: list[Example]


@dataclass(frozen=True, kw_only=True)
class Table:
    """What the cells of a table become on their way into the network; `check.encode` does it in Python.

    Attributes
    ----------
    target : str
        The column that is predicted.
    missing : list of str
        Texts of cells without a value, in small letters.
    columns : list of TableColumn
        In the order of the numbers in a row.
    """

    target: str
    missing: list[str]
    columns: list[TableColumn]


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """The rows with which the bundle is proven.

    Attributes
    ----------
    path : str
        An .npz file without pickles: ``input.<name>``, ``expected.<output>``, perhaps ``labels`` (codes of classes) or
        ``values`` (of a regression), with a `Table` perhaps ``column.<name>`` (its cells), and for each artefact
        and output ``answers.<artefact>.<output>`` (what it answered when the bundle was made), ``tolerance.…`` (a
        number for each row, against ``expected``) and ``repeats.…`` (against its own answers).
    n_rows : int
    batch_sizes : list of int
        In how many rows at a time they are asked.
    """

    path: str
    n_rows: int
    batch_sizes: list[int]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A network that a run of this package has trained.

    Attributes
    ----------
    task, network :
        As in the record of the run.
    framework : {"keras", "torch"}
        Whose answers are the expected ones.
    weights_digest : str
    preprocessing : Preprocessing
    split_sha256 : str
        Checksum of all rows of the run, as in its record.
    evaluation : Evaluation or None
        The network on the held-out rows; None if the run left chapter 5 out, or it answers amounts.
    amounts : AmountEvaluation or None
        The same of a network that answers amounts.
    """

    task: Task
    network: NetworkSpec
    framework: str
    weights_digest: str
    preprocessing: Preprocessing
    split_sha256: str
    evaluation: Evaluation | None
    amounts: AmountEvaluation | None = None


@dataclass(frozen=True, kw_only=True)
class Brought:
    """A model that someone has brought.

    Attributes
    ----------
    model, kind : str
        Name of its file, and what it is.
    n_parameters : int
    refused_batch_sizes : dict of str to str
        What the model itself cannot do, with its reason.
    accuracy : float or None
        Of the model itself on the rows, if their classes are known.
    """

    model: str
    kind: str
    n_parameters: int
    refused_batch_sizes: dict[str, str]
    accuracy: float | None


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How an artefact was proven against the model it came from.

    Attributes
    ----------
    verdict : str
        What explains the largest difference.
    output : str
        The one that came closest to its tolerance; the figures are those of it.
    largest_difference, tolerance : float
    share_of_tolerance : float
        In the row that came closest.
    n_flips : int or None
        Labels that differ; None where there are no classes.
    tolerance_reason : str
    accuracy : float or None
    route : str
        How the artefact was made.
    facts : dict
        Versions and settings of its exporter and its runtime.
    """

    verdict: str
    output: str
    largest_difference: float
    tolerance: float
    share_of_tolerance: float
    n_flips: int | None
    tolerance_reason: str
    accuracy: float | None
    route: str
    facts: dict[str, str | int] = field(default_factory=dict)


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
    inputs, outputs : list of Port
        In the order of the file.
    parity : Parity
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
    inputs: list[Port]
    outputs: list[Port]
    parity: Parity


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """Everything a bundle says of itself; see the head of this module.

    Attributes
    ----------
    name : str
        Of the run, or of the model.
    created : str
    classes : Classes or None
        None where no output tells classes, or nobody said so.
    table : Table or None
        None where nothing is known of columns of a table.
    column_graphs : list of Artefact
        Their inputs are ``column.<name>``, a column of the table each.
    """

    format_version: int
    name: str
    created: str
    inputs: list[Tensor]
    outputs: list[Tensor]
    classes: Classes | None
    rows: HeldOut
    trained: Trained | None
    brought: Brought | None
    artefacts: list[Artefact]
    files: dict[str, str]
    environment: Environment
    licence: str
    model_card: str
    # These came after the first bundles of this format version.
    table: Table | None = None
    column_graphs: list[Artefact] = field(default_factory=list)

    @property
    def framework(self) -> str:
        """What the source is a model of: "keras", "torch", or the kind of file that was brought."""
        if self.trained is not None:
            return self.trained.framework
        return self.brought.kind if self.brought is not None else ""

    @property
    def n_parameters(self) -> int:
        """How many numbers the source has."""
        if self.trained is not None:
            return self.trained.network.n_parameters + 2 * self.trained.network.n_inputs  # mean and standard deviation
        return self.brought.n_parameters if self.brought is not None else 0

    def artefact(self, name: str) -> Artefact | None:
        """Return the artefact of a format, or the graph of that name, or None."""
        return next((entry for entry in self.files_to_run if entry.name == name), None)

    @property
    def files_to_run(self) -> list[Artefact]:
        """Everything that answers rows: the artefacts, and the graphs that take columns."""
        return [*self.artefacts, *self.column_graphs]

    def to_json(self) -> str:
        """Write the manifest as indented JSON."""
        return json.dumps(self.to_builtins(), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def to_builtins(self) -> Any:
        """Return plain data."""
        return msgspec.to_builtins(self)
