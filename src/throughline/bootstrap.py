"""Intervals by the bootstrap: every metric of an evaluation on a thousand resamples of its rows, at once.

A resample is a number for each row: how often it was drawn. Every metric is written here for such weights, as sums
over rows or cumulated sums over rows sorted by probability, so that all resamples take a few matrix operations. The
tests compare each with scikit-learn's `sample_weight`.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from throughline.record import Interval
from throughline.weights import Array

N_RESAMPLES = 1000
# Weights that are held at a time: 32 MB.
CHUNK = 4_000_000
CONFIDENCE = 0.95


def bootstrap_intervals(
    y: Array, probabilities: Array, threshold: float, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> dict[str, Interval]:
    """Return each metric with its 95 % percentile interval over resampled rows [1]_.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Codes 0 and 1; both must occur.
    probabilities : ndarray of shape (n_samples,)
        Of class 1.
    threshold : float
        Above it a row is given class 1.
    n_resamples, seed : int
        The same seed draws the same rows for every network, so that they are judged on the same resamples.

    Returns
    -------
    dict of str to Interval
        ``accuracy``; ``precision_0``, ``recall_0``, ``f1_0`` and the same for class 1; ``roc_auc``,
        ``average_precision``, ``log_loss``, ``brier``.

    References
    ----------
    .. [1] B. Efron, R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13.

    Examples
    --------
    >>> import numpy as np
    >>> y, p = np.array([0, 0, 1, 1] * 25), np.array([0.1, 0.6, 0.4, 0.9] * 25)
    >>> interval = bootstrap_intervals(y, p, threshold=0.5)["accuracy"]
    >>> interval.value, 0.3 < interval.low < 0.5 < interval.high < 0.7
    (0.5, True)
    """
    observed = {name: float(v[0]) for name, v in metrics(y, probabilities, np.ones((1, len(y))), threshold).items()}
    parts = [metrics(y, probabilities, weights, threshold) for weights in _resamples(y, n_resamples, seed)]
    tail = (1 - CONFIDENCE) / 2
    intervals = {}
    for name, value in observed.items():
        low, high = np.nanquantile(np.concatenate([part[name] for part in parts]), (tail, 1 - tail))
        intervals[name] = Interval(value=value, low=float(low), high=float(high))
    return intervals


def metrics(y: Array, probabilities: Array, weights: Array, threshold: float) -> dict[str, Array]:
    """Return each metric for several weightings of the rows.

    Parameters
    ----------
    y, probabilities : ndarray of shape (n_samples,)
    weights : ndarray of shape (n_resamples, n_samples)
        How often each row counts. Both classes must have weight.
    threshold : float

    Returns
    -------
    dict of str to ndarray of shape (n_resamples,)
        A precision without rows that were given the class is 0, as in scikit-learn.
    """
    p = probabilities.astype(np.float64)
    labels, totals = p > threshold, weights.sum(axis=1)
    found = {"accuracy": weights @ (labels == y) / totals}
    for code in (0, 1):
        given, true = labels == code, y == code
        hits, n_given, n_true = weights @ (given & true), weights @ given, weights @ true
        found[f"precision_{code}"] = np.divide(hits, n_given, out=np.zeros_like(hits, float), where=n_given > 0)
        found[f"recall_{code}"] = hits / n_true
        found[f"f1_{code}"] = 2 * hits / (n_given + n_true)
    found["roc_auc"], found["average_precision"] = _areas(y, p, weights)
    clipped = np.clip(p, np.finfo(np.float64).eps, 1 - np.finfo(np.float64).eps)
    found["log_loss"] = weights @ -np.log(np.where(y == 1, clipped, 1 - clipped)) / totals
    found["brier"] = weights @ np.square(p - y) / totals
    return found


def _areas(y: Array, p: Array, weights: Array) -> tuple[Array, Array]:
    """Return the areas under the ROC curve (by trapezia) and under precision over recall (by steps)."""
    order = np.argsort(-p, kind="stable")
    ends = np.flatnonzero(np.append(np.diff(p[order]) != 0, True))  # rows of the same probability come in together
    sorted_weights = weights[:, order]
    hits = np.cumsum(sorted_weights * (y[order] == 1), axis=1)[:, ends]  # (n_resamples, n_thresholds)
    n_given = np.cumsum(sorted_weights, axis=1)[:, ends]
    false_alarms = n_given - hits
    new_hits, new_alarms = (np.diff(counts, axis=1, prepend=0) for counts in (hits, false_alarms))
    n_positive, n_negative = hits[:, -1], false_alarms[:, -1]
    roc = np.sum(new_alarms * (hits - new_hits / 2), axis=1) / (n_positive * n_negative)
    precision = np.divide(hits, n_given, out=np.zeros_like(hits, float), where=n_given > 0)
    return roc, np.sum(new_hits * precision, axis=1) / n_positive


def _resamples(y: Array, n_resamples: int, seed: int) -> Iterator[Array]:
    """Give the weights of resamples, part by part; one without both classes is drawn again."""
    rng, n = np.random.default_rng(seed), len(y)
    size = max(1, CHUNK // n)
    for start in range(0, n_resamples, size):
        k = min(size, n_resamples - start)
        drawn = rng.integers(0, n, (k, n))
        while len(bad := np.flatnonzero(np.ptp(y[drawn], axis=1) == 0)):
            drawn[bad] = rng.integers(0, n, (len(bad), n))
        offsets = np.arange(k)[:, None] * n
        yield np.bincount((drawn + offsets).ravel(), minlength=k * n).reshape(k, n).astype(np.float64)
