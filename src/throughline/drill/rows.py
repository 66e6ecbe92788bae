"""The tables of the drills, each large enough to keep rows aside that no part of the training sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from throughline.weights import Array

N_FEATURES = 12
N_NEW_ROWS = 2000


@dataclass(frozen=True, kw_only=True)
class Case:
    """What a drill trains on.

    Attributes
    ----------
    n_rows : int
        Rows of the table, which the script splits into training, validation and test rows.
    share_of_class_1 : float
        In the table and in service.
    mislabelled : float
        Share of the rows with a label drawn at random.
    separation : float
        How far apart the classes lie.
    """

    n_rows: int = 600
    share_of_class_1: float = 0.5
    mislabelled: float = 0.08
    separation: float = 1.2

    @property
    def said(self) -> str:
        """The case in a sentence.

        Examples
        --------
        >>> Case(n_rows=600).said
        '600 rows of 12 columns, 50 % of them in class 1; the network is 12-16-16-1 with dropout.'
        """
        share = f"{100 * self.share_of_class_1:.0f} %"
        return (
            f"{self.n_rows} rows of {N_FEATURES} columns, {share} of them in class 1; "
            "the network is 12-16-16-1 with dropout."
        )


PLAIN = Case()
NOISY = Case(mislabelled=0.25, separation=0.8)
FEW = Case(n_rows=300, mislabelled=0.4, separation=0.8)
RARE = Case(n_rows=1000, share_of_class_1=0.08, mislabelled=0.02, separation=0.6)


@dataclass(frozen=True)
class RawTable:
    """Raw rows, their labels, and rows of the same source that arrive once the network is in service."""

    names: tuple[str, ...]
    X: Array
    y: Array
    X_new: Array
    y_new: Array


def draw_table(case: Case, seed: int) -> RawTable:
    """Draw a table with columns of unlike scales.

    Parameters
    ----------
    case : Case
    seed : int

    Returns
    -------
    RawTable
        Columns are called x1 to x12.
    """
    from sklearn.datasets import make_classification

    rng = np.random.default_rng((seed, 2))
    X, y = make_classification(
        n_samples=case.n_rows + N_NEW_ROWS,
        n_features=N_FEATURES,
        n_informative=8,
        n_redundant=2,
        class_sep=case.separation,
        flip_y=case.mislabelled,
        weights=[1 - case.share_of_class_1],
        random_state=seed,
    )
    X = (X + rng.uniform(-5, 5, N_FEATURES)) * 10 ** rng.uniform(0, 2, N_FEATURES)
    n = case.n_rows
    return RawTable(tuple(f"x{i}" for i in range(1, N_FEATURES + 1)), X[:n], y[:n], X[n:], y[n:])
