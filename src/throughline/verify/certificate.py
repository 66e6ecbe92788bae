"""Labels: which flipped, which cannot flip, and how often others may."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from throughline.record import Certificate, Interval
from throughline.spec import OutputName
from throughline.verify.decision import SIDES, flipped, labels, margins, reach
from throughline.verify.record import Flip
from throughline.verify.tolerance import Tolerance
from throughline.weights import Array

CONFIDENCE = 0.95


def find_flips(answers: Iterable[Array], expected: Array, tolerance: Tolerance) -> list[Flip]:
    """Return the rows whose label differs in any of several answers, the one with the largest margin first.

    Parameters
    ----------
    answers : iterable of ndarray of shape (n_samples,) or (n_samples, n_outputs)
        All rows, each time cut into other batches.
    expected : ndarray of the same shape
        Probabilities of the source network.
    tolerance : Tolerance
        How far each of them may be off.

    Returns
    -------
    list of Flip
        One a row, with the answer that lies furthest from what was expected.
    """
    stacked = np.stack(list(answers)).astype(np.float64)  # (n_cuts, n_samples, ...)
    apart = np.stack([flipped(answer, expected, tolerance.output) for answer in stacked])
    distance = np.abs(stacked - expected).reshape(*apart.shape, -1).max(axis=2)
    worst = np.where(apart, distance, -1.0).argmax(axis=0)
    margin, allowed = margins(expected, tolerance.output), reach(expected, tolerance)
    rows = np.flatnonzero(apart.any(axis=0))
    found = []
    for row in rows[np.argsort(-margin[rows], kind="stable")]:
        answer, exact = stacked[worst[row]], expected[row]
        codes = [int(labels(each, tolerance.output)[row]) for each in (expected, answer)]
        of_class = codes[0] if tolerance.output == "softmax" else ()
        found.append(
            Flip(
                row=int(row),
                expected=float(exact[of_class]),
                answered=float(answer[row][of_class]),
                classes=(codes[0], codes[1]),
                margin=float(margin[row]),
                allowed=float(allowed[row]),
            )
        )
    return found


def certify(answers: Iterable[Array], expected: Array, output: OutputName = "sigmoid") -> Certificate:
    """Say which labels cannot flip, and bound how often the others do.

    A difference of at most e moves no row across a threshold that lies further away than e. Under softmax one class may
    lose e and another gain it: no row flips whose two likeliest classes lie further apart than 2 e.

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
    n_flips = int(np.any([flipped(answer, expected, output) for answer in stacked], axis=0).sum())
    return Certificate(
        n_rows=n_rows,
        largest_difference=largest,
        # The rounding of the two subtractions must not let a row slip out.
        n_near=int(np.count_nonzero(margins(expected, output) <= SIDES[output] * (largest + np.finfo(np.float64).eps))),
        n_flips=n_flips,
        most_flips=share_at_most(n_flips, n_rows).high,
        output=output,
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
    near = "lie nearer to the threshold" if certificate.output == "sigmoid" else "have a margin below twice that"
    return (
        f"largest difference {certificate.largest_difference:.1e}: {certificate.n_near:,} of {certificate.n_rows:,} "
        f"rows {near}, the others cannot flip; {certificate.n_flips:,} flipped, so at most "
        f"{100 * certificate.most_flips:.3g} % of rows like these do (95 %)"
    )
