"""How good answers are on rows whose truth stands in the table, counted up part by part."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from throughline.data.cells import Cells
from throughline.data.values import as_numbers, as_texts
from throughline.predict.answers import codes_of
from throughline.predict.source import Model
from throughline.weights import Array

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Score:
    """What was found.

    Attributes
    ----------
    target : str
        The column of the truth.
    n_rows : int
        Rows in which it is filled with something that the network can answer.
    n_others : int
        Rows in which it is filled with something else, such as a class that the network does not know.
    accuracy : float or None
        Share of right labels.
    r2, rmse : float or None
        Of values: coefficient of determination, and root mean square error.
    """

    target: str
    n_rows: int
    n_others: int
    accuracy: float | None = None
    r2: float | None = None
    rmse: float | None = None


class Scorer:
    """Counts up; a variance is merged from those of the parts, so that no row is kept.

    References
    ----------
    .. [1] T. Chan, G. Golub, R. LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances",
       1979, equation 2.1.
    """

    def __init__(self, model: Model) -> None:
        self._model = model
        self._n_rows = self._n_others = self._n_right = 0
        self._mean = self._spread = self._error = 0.0

    def count(self, cells: Cells, answers: Array) -> None:
        """Take in some rows; their table must have the target."""
        truth = cells.frame[self._model.target]
        known = self._values(truth, answers, cells) if self._model.output == "linear" else self._labels(truth, answers)
        self._n_rows += known
        self._n_others += len(truth.drop_nulls()) - known

    def _labels(self, truth: pl.Series, answers: Array) -> int:
        import polars as pl

        # 1, 1.0 and "1" are the same class, whatever file they stand in.
        names = as_texts(pl.Series(self._model.class_names))
        codes = as_texts(truth).replace_strict(names, list(range(len(names))), default=None, return_dtype=pl.Int64)
        there = codes.is_not_null().to_numpy()
        self._n_right += int(np.sum(codes.drop_nulls().to_numpy() == codes_of(self._model, answers)[there]))
        return int(there.sum())

    def _values(self, truth: pl.Series, answers: Array, cells: Cells) -> int:
        values = as_numbers(truth, cells.decimal).fill_null(math.nan).to_numpy()
        there = np.isfinite(values)
        found, n_new = values[there], int(there.sum())
        if n_new:
            n_all = self._n_rows + n_new
            apart = float(found.mean()) - self._mean
            self._spread += float(np.square(found - found.mean()).sum()) + apart**2 * self._n_rows * n_new / n_all
            self._mean += apart * n_new / n_all
            self._error += float(np.square(found - answers[there, 0].astype(np.float64)).sum())
        return n_new

    def score(self) -> Score | None:
        """Return what was found; None if there was nothing to compare with."""
        if not self._n_rows:
            return None
        counted = Score(self._model.target, self._n_rows, self._n_others)
        if self._model.output != "linear":
            return Score(**vars(counted) | {"accuracy": self._n_right / self._n_rows})
        r2 = 1 - self._error / self._spread if self._spread else None
        return Score(**vars(counted) | {"r2": r2, "rmse": math.sqrt(self._error / self._n_rows)})
