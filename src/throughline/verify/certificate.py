"""Labels: which flipped, which cannot flip, and how often others may."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from throughline.evaluate import THRESHOLD
from throughline.record import Interval
from throughline.verify.record import Certificate, Flip
from throughline.weights import Array

CONFIDENCE = 0.95


def find_flips(answers: Iterable[Array], expected: Array, allowed: Array) -> list[Flip]:
    """Return the rows whose label differs in any of several answers, the one with the largest margin first.

    Parameters
    ----------
    answers : iterable of ndarray of shape (n_samples,)
        All rows, each time cut into other batches.
    expected, allowed : ndarray of shape (n_samples,)
        Probabilities of the source network, and each row's own tolerance.

    Returns
    -------
    list of Flip
        One a row, with the answer that lies furthest from what was expected.
    """
    stacked = np.stack(list(answers)).astype(np.float64)  # (n_cuts, n_samples)
    flipped = (stacked > THRESHOLD) != (expected > THRESHOLD)
    distance = np.where(flipped, np.abs(stacked - expected), -1.0)
    worst = distance.argmax(axis=0)
    margin = np.abs(expected - THRESHOLD)
    rows = np.flatnonzero(flipped.any(axis=0))
    return [
        Flip(
            row=int(row),
            expected=float(expected[row]),
            answered=float(stacked[worst[row], row]),
            margin=float(margin[row]),
            allowed=float(allowed[row]),
        )
        for row in rows[np.argsort(-margin[rows], kind="stable")]
    ]


def certify(answers: Iterable[Array], expected: Array) -> Certificate:
    """Say which labels cannot flip, and bound how often the others do.

    A difference of at most e moves no row across a threshold that lies further away than e.

    Examples
    --------
    >>> import numpy as np
    >>> found = certify([np.array([0.1, 0.52, 0.9])], np.array([0.1, 0.51, 0.9]))
    >>> round(found.largest_difference, 6), found.n_near, found.n_flips
    (0.01, 1, 0)
    """
    stacked = np.stack(list(answers)).astype(np.float64)
    largest = float(np.abs(stacked - expected).max())
    n_rows = len(expected)
    n_flips = int(((stacked > THRESHOLD) != (expected > THRESHOLD)).any(axis=0).sum())
    return Certificate(
        n_rows=n_rows,
        largest_difference=largest,
        # The rounding of the two subtractions must not let a row slip out.
        n_near=int(np.count_nonzero(np.abs(expected - THRESHOLD) <= largest + np.finfo(np.float64).eps)),
        n_flips=n_flips,
        most_flips=share_at_most(n_flips, n_rows).high,
    )


def share_at_most(n_found: int, n_rows: int) -> Interval:
    """Return a share with its exact one-sided upper bound at 95 % (Clopper and Pearson 1934).

    Examples
    --------
    >>> round(share_at_most(0, 1000).high, 6)  # the rule of three says 0.003
    0.002991
    """
    from scipy.stats import beta

    high = 1.0 if n_found == n_rows else float(beta.ppf(CONFIDENCE, n_found + 1, n_rows - n_found))
    return Interval(value=n_found / n_rows, low=0.0, high=high)


def certificate_sentence(certificate: Certificate) -> str:
    """Say it.

    Examples
    --------
    >>> print(certificate_sentence(certify([np.array([0.1, 0.52])], np.array([0.1, 0.51]))))
    largest difference 1.0e-02: 1 of 2 rows lie nearer to the threshold, the others cannot flip; 0 flipped, so at most \
77.6 % of rows like these do (95 %)
    """
    return (
        f"largest difference {certificate.largest_difference:.1e}: {certificate.n_near:,} of {certificate.n_rows:,} "
        f"rows lie nearer to the threshold, the others cannot flip; {certificate.n_flips:,} flipped, so at most "
        f"{100 * certificate.most_flips:.3g} % of rows like these do (95 %)"
    )
