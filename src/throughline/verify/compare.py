"""What is refused in answers, and what explains their differences: rules that the checks have in common."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from throughline.errors import LabelFlipError, NotFiniteError, OutputValueError
from throughline.verify.decision import flip_in_words, flipped, margins, reach
from throughline.verify.tolerance import EXPLAINED_BY_INT8, Tolerance
from throughline.weights import Array

PROVES_NOTHING = "answers that uncertain prove nothing"
# A tolerance this wide on the usual row proves nothing: then the weights or the rows are not fit for the format.
WIDEST_USEFUL_TOLERANCE = 0.05
# Eight bits are that coarse in sound files of steep networks; labels are judged beside them.
WIDEST_USEFUL_TOLERANCE_OF_INT8 = 0.15
# Rounded weights may move labels that lie within the tolerance of the threshold, but not many of them.
MOST_FLIPS = 0.01
# Arithmetic in 8 bits may move more of them: as many as lie within a quarter of their tolerance. The tolerance is six
# standard deviations, so as many rows cross the threshold when an error that all rows share moves them by three, and
# fewer when each has its own.
NEAR_THRESHOLD = 0.25


def refuse_not_finite(answers: Mapping[str, Array]) -> None:
    """Refuse answers that are NaN or infinite.

    Raises
    ------
    NotFiniteError
    """
    for label, values in answers.items():
        n_wrong = int(np.count_nonzero(~np.isfinite(values)))
        if n_wrong:
            raise NotFiniteError(f"{n_wrong} of {values.size} answers are NaN or infinite ({label}).")


def refuse_flips(answer: Array, expected: Array, tolerance: Tolerance, where: str) -> Array:
    """Refuse labels that may not flip, and too many that may; return which rows flipped, shape (n_samples,).

    Raises
    ------
    LabelFlipError
    """
    apart = flipped(answer, expected, tolerance.output)
    margin, allowed = margins(expected, tolerance.output), reach(expected, tolerance)
    forbidden = np.flatnonzero(apart & (margin > allowed))
    if len(forbidden):
        row = int(forbidden[np.argmax(margin[forbidden])])
        border = "have a wider margin" if tolerance.output == "softmax" else "lie further from the threshold"
        went = flip_in_words(answer, expected, row, tolerance.output)
        raise LabelFlipError(
            f"{len(forbidden)} labels flipped {where} that {border} than the tolerance: row {row} went from {went}, "
            f"allowed {allowed[row]:.1e}."
        )
    most, in_words = most_flips_allowed(expected, tolerance)
    if apart.sum() > most:
        raise LabelFlipError(
            f"{int(apart.sum())} of {len(expected)} labels flipped {where}, more than {in_words}, "
            "though each within its tolerance."
        )
    return apart


def refuse_useless(tolerance: Tolerance) -> None:
    """Refuse a tolerance that is not finite, or so wide that it proves nothing.

    Raises
    ------
    OutputValueError
    """
    if not np.isfinite(tolerance.per_row).all():
        raise OutputValueError(
            f"No tolerance can be derived for {int(np.sum(~np.isfinite(tolerance.per_row)))} of "
            f"{tolerance.per_row.size} {'rows' if tolerance.per_row.ndim == 1 else 'answers'}: "
            "the numbers are too large for the arithmetic."
        )
    usual = float(np.median(tolerance.per_row.reshape(len(tolerance.per_row), -1).max(axis=1)))
    widest = WIDEST_USEFUL_TOLERANCE_OF_INT8 if tolerance.explanation == EXPLAINED_BY_INT8 else WIDEST_USEFUL_TOLERANCE
    widest *= tolerance.scale
    if usual > widest:
        raise OutputValueError(
            f"Rounding alone may move half of the rows by {usual:.2g} or more, over {widest:.4g}: "
            f"{PROVES_NOTHING} ({tolerance.reason})."
        )


def most_flips_allowed(expected: Array, tolerance: Tolerance) -> tuple[float, str]:
    """Return how many labels may flip though each within its tolerance, and the rule in words."""
    most, in_words = max(1.0, MOST_FLIPS * len(expected)), f"{MOST_FLIPS:.0%}"
    if tolerance.coarse_compute:
        near = margins(expected, tolerance.output) <= NEAR_THRESHOLD * reach(expected, tolerance)
        n_near, border = int(np.count_nonzero(near)), "a tie" if tolerance.output == "softmax" else "the threshold"
        return max(most, n_near), f"{in_words} and the {n_near} that lie near {border}"
    return most, in_words


def shapes_allowed(expected: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the shapes that answers may have: a single output may be a column.

    Examples
    --------
    >>> shapes_allowed((7,)), shapes_allowed((7, 3))
    ([(7,), (7, 1)], [(7, 3)])
    """
    return [expected, (*expected, 1)] if len(expected) == 1 else [expected]


def largest_share(worst: Array, tolerance: Tolerance) -> float:
    """Return the largest share of its own tolerance that any difference uses; above 1 is a failure."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(worst > 0, worst / tolerance.per_row, 0.0)
    # A record holds finite numbers alone: what has no tolerance is refused by `refuse_useless`.
    return float(np.nan_to_num(share, nan=0.0).max(initial=0.0))


def verdict_on(worst: Array, tolerance: Tolerance) -> str:
    """Return what explains the largest differences, each in its place."""
    if not worst.any():
        return "identical"
    if (worst <= tolerance.rounding_only).all():
        return "rounding"
    return tolerance.explanation if (worst <= tolerance.per_row).all() else "unexplained"
