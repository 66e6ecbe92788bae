"""The answers of an artefact against those of its source network; nothing compared is a failure (rule 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from throughline.errors import LabelFlipError, NotFiniteError, OutputShapeError, OutputValueError
from throughline.record import BatchCheck
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


@dataclass(frozen=True)
class Comparison:
    """What was compared and how far apart it was, passed or not.

    Attributes
    ----------
    checks : list of BatchCheck
        One a batch size.
    largest_difference, mean_difference : float
    n_flips : int
        Rows whose label differs, at the worst batch size.
    batch_difference : float
        Largest difference between one row's answers in different batches.
    share_of_tolerance : float
        Largest difference as a share of the row's own tolerance; at most 1 passes.
    verdict : str
        "identical", "rounding", what the tolerance says explains more, or "unexplained".
    """

    checks: list[BatchCheck]
    largest_difference: float
    mean_difference: float
    n_flips: int
    batch_difference: float
    share_of_tolerance: float
    verdict: str


def compare(answers: Mapping[int, Array], expected: Array, tolerance: Tolerance) -> Comparison:
    """Compare and judge.

    Parameters
    ----------
    answers : mapping of batch size to ndarray of shape (n_samples, n_outputs), or (n_samples,) for one output
        All rows, answered in batches of that size.
    expected : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Answers of the source network for the same rows.
    tolerance : Tolerance
        How far each row may be off.

    Returns
    -------
    Comparison
        Its verdict may be "unexplained": `raise_if_failed` turns that into an error.

    Raises
    ------
    OutputShapeError
        If nothing was compared, or a batch size answered with other rows than it was asked.
    OutputValueError
        If an answer, an expected value or a tolerance is not finite, or the tolerance is too wide to prove anything.
    """
    if not answers or expected.size == 0:
        raise OutputShapeError("There was nothing to compare: no batch size or no row was answered.")
    aligned = {size: _as_rows(answer, size, expected.shape) for size, answer in answers.items()}
    refuse_not_finite({"source network": expected} | {f"batch size {size}": a for size, a in aligned.items()})
    refuse_useless(tolerance)
    exact = expected.astype(np.float64)
    differences = np.stack([np.abs(answer - exact) for answer in aligned.values()])  # (n_batch_sizes, n_samples, ...)
    flips = np.stack([flipped(answer, exact, tolerance.output) for answer in aligned.values()])
    stacked = np.stack(list(aligned.values()))
    checks = [
        BatchCheck(
            batch_size=size,
            n_rows=len(difference),
            largest_difference=float(difference.max()),
            mean_difference=float(difference.mean()),
            n_flips=int(flipped.sum()),
        )
        for size, difference, flipped in zip(aligned, differences, flips, strict=True)
    ]
    return Comparison(
        checks=checks,
        largest_difference=float(differences.max()),
        mean_difference=max(check.mean_difference for check in checks),
        n_flips=int(flips.sum(axis=1).max()),
        batch_difference=float(np.ptp(stacked, axis=0).max()),
        share_of_tolerance=float((differences / tolerance.per_row).max()),
        verdict=verdict_on(differences.max(axis=0), tolerance),
    )


def raise_if_failed(
    comparison: Comparison, answers: Mapping[int, Array], expected: Array, tolerance: Tolerance
) -> None:
    """Raise what is wrong first: labels that may not flip or too many that may, then a value.

    Raises
    ------
    LabelFlipError, OutputValueError
    """
    for size, answer in answers.items():
        refuse_flips(answer.reshape(expected.shape), expected, tolerance, f"at batch size {size}")
    if comparison.verdict == "unexplained":
        raise OutputValueError(
            f"The largest difference is {comparison.largest_difference:.1e}, "
            f"{comparison.share_of_tolerance:.3g} times what is allowed in its row ({tolerance.reason})."
        )


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


def _as_rows(answer: Array, batch_size: int, shape: tuple[int, ...]) -> Array:
    allowed = shapes_allowed(shape)
    if answer.shape not in allowed:
        raise OutputShapeError(
            f"Answers must have shape {' or '.join(map(str, allowed))}, "
            f"but at batch size {batch_size} they have {answer.shape}."
        )
    return answer.reshape(shape).astype(np.float64)


def shapes_allowed(expected: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Return the shapes that answers may have: a single output may be a column.

    Examples
    --------
    >>> shapes_allowed((7,)), shapes_allowed((7, 3))
    ([(7,), (7, 1)], [(7, 3)])
    """
    return [expected, (*expected, 1)] if len(expected) == 1 else [expected]


def verdict_on(worst: Array, tolerance: Tolerance) -> str:
    """Return what explains the largest differences, each in its place."""
    if not worst.any():
        return "identical"
    if (worst <= tolerance.rounding_only).all():
        return "rounding"
    return tolerance.explanation if (worst <= tolerance.per_row).all() else "unexplained"
