"""What goes into a bundle, whether a run has trained it or someone has brought it: gathered first, written then."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from throughline.bundle.column_graphs import PREFIX
from throughline.bundle.manifest import Brought, Classes, Parity, Table, Tensor, Trained
from throughline.formats.base import Format
from throughline.weights import Array

AT_A_TIME = 2  # processes of artefacts, while nothing is timed


@dataclass(frozen=True, kw_only=True)
class Piece:
    """A proven artefact.

    Attributes
    ----------
    form : Format
    path : Path
        Where it lies now.
    parity : Parity
    tolerance, rounding : dict of str to ndarray of shape (n_rows,), or of the answers
        By output: how far a row may be from what the source answers, and how much of that is the rounding of float32.
    largest_batch : int or None
        Most rows that it takes at a time.
    """

    form: Format
    path: Path
    parity: Parity
    tolerance: Mapping[str, Array]
    rounding: Mapping[str, Array]
    largest_batch: int | None = None

    @property
    def repeats(self) -> Mapping[str, Array]:
        """How far a row may be, on another machine, from what the artefact answered on this one.

        Another processor may round otherwise, and where numbers are rounded to few bits, to the next of them. Weights
        that are stored in float16 are the same numbers everywhere.
        """
        rounds_coarsely = self.form.computed_in != "float32" or self.form.stored_as == "int8"
        return self.tolerance if rounds_coarsely else self.rounding


@dataclass(frozen=True, kw_only=True)
class Content:
    """A model with its rows and its artefacts.

    Attributes
    ----------
    name : str
    inputs, expected : dict of str to ndarray, a row each
        What goes in, and what the source answers.
    labels : ndarray of shape (n_rows,) or None
        Codes of classes.
    values : ndarray of shape (n_rows,) or None
        What is true, where the answer is a value.
    classes : Classes or None
    useful_tolerance : dict of str to (float or None)
        By output, as in `manifest.Tensor`.
    batch_sizes : list of int
    free_batch : bool
        Whether any number of rows may be asked at a time.
    trained : Trained or None
    brought : Brought or None
    pieces : list of Piece
    table : Table or None
        What the cells of a table become.
    columns : dict of str to ndarray of shape (n_rows,)
        The rows once more, as the columns of the table by name; none unless there are `graphs`.
    graphs : list of Piece
        Files that take these columns.
    left_out : dict of str to str
        Formats that could not be included, and why.
    """

    name: str
    inputs: Mapping[str, Array]
    expected: Mapping[str, Array]
    labels: Array | None
    classes: Classes | None
    useful_tolerance: Mapping[str, float | None]
    batch_sizes: list[int]
    free_batch: bool = True
    values: Array | None = None
    trained: Trained | None = None
    brought: Brought | None = None
    pieces: list[Piece]
    table: Table | None = None
    columns: Mapping[str, Array] = field(default_factory=dict)
    graphs: list[Piece] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def n_rows(self) -> int:
        """Number of rows."""
        return len(next(iter(self.inputs.values())))

    def tensors(self) -> tuple[list[Tensor], list[Tensor]]:
        """Describe inputs and outputs."""
        batch = None if self.free_batch else self.batch_sizes[0]
        found = (
            [
                Tensor(
                    name=name,
                    dtype=array.dtype.name,
                    shape=[batch, *array.shape[1:]],
                    useful_tolerance=self.useful_tolerance.get(name) if arrays is self.expected else None,
                )
                for name, array in arrays.items()
            ]
            for arrays in (self.inputs, self.expected)
        )
        inputs, outputs = found
        return inputs, outputs

    def arrays(self) -> dict[str, Array]:
        """Return the arrays that all artefacts share, by the names in the file of rows."""
        found = {f"input.{name}": array for name, array in self.inputs.items()}
        found |= {f"expected.{name}": array for name, array in self.expected.items()}
        found |= {f"{PREFIX}{name}": array for name, array in self.columns.items()}
        found |= {} if self.labels is None else {"labels": np.asarray(self.labels, np.int64)}
        return found | ({} if self.values is None else {"values": np.asarray(self.values)})
