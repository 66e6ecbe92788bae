"""From which probability on a row is given class 1: at one half, or where F1 on the validation rows is highest."""

from __future__ import annotations

import numpy as np

from throughline.evaluate.classes import THRESHOLD
from throughline.record import RunRecord
from throughline.weights import Array


def best_threshold(y: Array, probabilities: Array, weights: Array | None = None) -> float:
    """Return the threshold with the highest F1 of class 1; of several, the one nearest to one half.

    F1 changes only where the threshold passes a row's probability. Between two rows any number does, and the one with
    the fewest decimals is taken, so that what is written down is what is used.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Codes 0 and 1 of the validation rows; both must occur.
    probabilities : ndarray of shape (n_samples,)
        Of class 1.
    weights : ndarray of shape (n_samples,), optional
        How much each row counts.

    Returns
    -------
    float
        A row is given class 1 if its probability is above it.

    Examples
    --------
    >>> y, p = np.array([0, 0, 1, 0, 1]), np.array([0.05, 0.11, 0.234, 0.3, 0.4])
    >>> best_threshold(y, p)
    0.2
    >>> best_threshold(y, 3 * p)
    0.5
    """
    from sklearn.metrics import precision_recall_curve

    precision, recall, ends = precision_recall_curve(y, probabilities, sample_weight=weights)
    precision, recall = precision[:-1], recall[:-1]  # the last pair belongs to no threshold
    f1 = 2 * precision * recall / np.maximum(precision + recall, np.finfo(np.float64).tiny)
    ends = ends.astype(np.float64)
    starts = np.concatenate([[0.0], ends[:-1]])  # a threshold t with start <= t < end gives class 1 from `end` on
    f1[starts >= ends] = 0.0  # no threshold lies below a probability of 0
    if f1.max() == 0:
        return THRESHOLD
    distances = np.maximum(0.0, np.maximum(starts - THRESHOLD, THRESHOLD - ends))
    nearest = int(np.argmin(np.where(f1 < f1.max() * (1 - 1e-12), np.inf, distances)))
    return _shortest_between(float(starts[nearest]), float(ends[nearest]))


def threshold_of(record: RunRecord, framework: str) -> float:
    """Return the threshold of a run's network that tells two classes."""
    found = record.evaluation.threshold_of(framework) if record.evaluation else None
    return THRESHOLD if found is None else found


def _shortest_between(start: float, end: float) -> float:
    """Return the number of fewest decimals from `start` on and below `end`, in float32 too; one half if it is there."""
    if start <= THRESHOLD < end:
        return THRESHOLD
    middle = (start + end) / 2
    for digits in range(1, 9):
        rounded = round(middle, digits)
        if all(start <= number < end for number in (rounded, float(np.float32(rounded)))):
            return rounded
    return start
