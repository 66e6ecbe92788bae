"""The named checks of an exported file, and which of its labels cannot flip: a run and a verification have the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from throughline.spec import OutputName

Status = Literal["passed", "failed", "not_run"]
CheckName = Literal[
    "file", "names", "dtypes", "axes", "shapes", "weights", "values", "labels", "metric", "batches", "hygiene"
]
# The order in which they are made: what comes first explains what comes later.
CHECKS: tuple[CheckName, ...] = (
    *("file", "names", "dtypes", "axes", "shapes", "weights"),
    *("values", "labels", "metric", "batches", "hygiene"),
)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check.

    Attributes
    ----------
    name : str
        One of `CHECKS`.
    status : {"passed", "failed", "not_run"}
    said : str
        What was found; why it failed, or why it could not be made.
    error : str
        Class of the exception, from `throughline.errors`; empty if it did not fail.
    """

    name: CheckName
    status: Status
    said: str
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Certificate:
    """Which labels cannot flip, and how often others may.

    Attributes
    ----------
    n_rows : int
    largest_difference : float
        Over all rows and cuts: a row further than this from the threshold did not flip and cannot; under softmax one
        whose two likeliest classes lie further apart than twice this.
    n_near : int
        Rows that lie nearer.
    n_flips : int
        Rows that flipped in any cut.
    most_flips : float
        Upper bound on the share of flips among rows like these, at 95 %, one-sided [1]_: with no flip in n rows it is
        ``1 - 0.05**(1 / n)``, about ``3 / n``.
    output : {"sigmoid", "softmax"}
        What the network ends in; a value has no label, and no certificate.

    References
    ----------
    .. [1] C. J. Clopper, E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the
       binomial", Biometrika 26, 1934.
    """

    n_rows: int
    largest_difference: float
    n_near: int
    n_flips: int
    most_flips: float
    output: OutputName = "sigmoid"
