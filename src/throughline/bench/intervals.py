"""How sure a median is, and whether one artefact is better than the others or only looks so.

A round is one process: its place in memory, the state of the processor and its neighbours are the same for all of its
calls and others in the next. Calls of a round are therefore not independent, and the interval is taken over rounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from throughline.bench.figures import FIGURES
from throughline.record import BenchVerdict, Measured

LEVEL = 0.95
N_RESAMPLES = 10_000
# The median of five values lies between the smallest and the largest with a probability of 94 %: fewer say less.
LEAST_ROUNDS = 5


def measured(rounds: Sequence[float], seed: int = 0) -> Measured:
    """Return the median of the rounds with its percentile bootstrap interval.

    Parameters
    ----------
    rounds : sequence of float
    seed : int
        Of the resampling.

    Returns
    -------
    Measured

    References
    ----------
    .. [1] B. Efron, R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

    Examples
    --------
    >>> figure = measured([4.0, 1.0, 3.0, 2.0, 5.0])
    >>> figure.median, figure.low, figure.high
    (3.0, 1.0, 5.0)
    """
    values = np.asarray(rounds, np.float64)
    drawn = np.random.default_rng(seed).integers(len(values), size=(N_RESAMPLES, len(values)))
    low, high = np.quantile(np.median(values[drawn], axis=1), [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Measured(median=float(np.median(values)), low=float(low), high=float(high), rounds=list(values.tolist()))


def verdict(figure: str, found: Mapping[str, Measured]) -> BenchVerdict:
    """Say which artefact has the best figure, or that there is no winner.

    Parameters
    ----------
    figure : str
        A name from `FIGURES`.
    found : mapping of str to Measured
        By title.

    Returns
    -------
    BenchVerdict
        Its `best` has one title only where no other interval overlaps that of the best median.
    """
    kind = FIGURES[figure]
    pick = max if kind.higher_is_better else min
    best = pick(found, key=lambda title: found[title].median)
    first = found[best]
    level = [title for title, other in found.items() if other.low <= first.high and first.low <= other.high]
    said = f"{kind.title}: {best}, {kind.write(first.median)}"
    if len(found) == 1:
        return BenchVerdict(figure=figure, best=[best], sentence=f"{said}, and nothing to compare it with")
    if len(level) == 1:
        return BenchVerdict(figure=figure, best=level, sentence=said)
    others = ", ".join(title for title in level if title != best)
    said = f"{kind.title}: no winner, since the intervals of {best} and {others} overlap"
    return BenchVerdict(figure=figure, best=level, sentence=said)
