"""Intervals by the bootstrap: every metric of an evaluation on a thousand resamples of its rows, at once.

A resample is a number for each row: how often it was drawn. Every metric is written here for such weights, as sums
over rows or cumulated sums over rows sorted by probability, so that all resamples take a few matrix operations. The
tests compare each with scikit-learn's `sample_weight`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np

from throughline.record import Interval
from throughline.weights import Array

N_RESAMPLES = 1000
# Weights that are held at a time: 32 MB.
CHUNK = 4_000_000
CONFIDENCE = 0.95


def bootstrap_intervals(
    y: Array,
    probabilities: Array,
    threshold: float,
    weights: Array | None = None,
    n_resamples: int = N_RESAMPLES,
    seed: int = 0,
) -> dict[str, Interval]:
    """Return each metric with its 95 % percentile interval over resampled rows [1]_.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Codes; at least two of them must occur.
    probabilities : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Of class 1, or of each class.
    threshold : float
        Above it a row is given class 1; not used where each class has a probability.
    weights : ndarray of shape (n_samples,), optional
        How much each row counts; rows are drawn alike, and take their weights along.
    n_resamples, seed : int
        The same seed draws the same rows for every network, so that they are judged on the same resamples.

    Returns
    -------
    dict of str to Interval
        ``accuracy``; ``precision_0``, ``recall_0``, ``f1_0`` and the same for the other classes that occur;
        ``roc_auc``, ``average_precision``, ``log_loss``, ``brier``.

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
    measure = partial(metrics_of_classes, y, probabilities) if probabilities.ndim == 2 else None
    measure = measure or partial(metrics, y, probabilities, threshold=threshold)
    resamples = _resamples(len(y), n_resamples, seed, lambda drawn: np.ptp(y[drawn], axis=1) > 0)
    return _with_intervals(measure, len(y), weights, resamples)


def bootstrap_amounts(
    y: Array, answers: Array, weights: Array | None = None, n_resamples: int = N_RESAMPLES, seed: int = 0
) -> dict[str, Interval]:
    """Return the metrics of answers that are amounts, with their 95 % percentile intervals over resampled rows.

    Parameters
    ----------
    y, answers : ndarray of shape (n_samples,)
    weights, n_resamples, seed :
        As for `bootstrap_intervals`.

    Returns
    -------
    dict of str to Interval
        ``r2``, ``rmse``, ``mae``, ``bias``.
    """
    resamples = _resamples(len(y), n_resamples, seed, lambda drawn: np.ptp(y[drawn], axis=1) > 0)
    return _with_intervals(partial(metrics_of_amounts, y, answers), len(y), weights, resamples)


def _with_intervals(
    measure: Callable[[Array], dict[str, Array]], n_rows: int, weights: Array | None, resamples: Iterator[Array]
) -> dict[str, Interval]:
    counted = np.ones(n_rows) if weights is None else weights.astype(np.float64)
    observed = {name: float(values[0]) for name, values in measure(counted[None, :]).items()}
    parts = [measure(drawn * counted) for drawn in resamples]
    tail = (1 - CONFIDENCE) / 2
    intervals = {}
    for name, value in observed.items():
        low, high = np.nanquantile(np.concatenate([part[name] for part in parts]), (tail, 1 - tail))
        intervals[name] = Interval(value=value, low=float(low), high=float(high))
    return intervals


def metrics_of_amounts(y: Array, answers: Array, weights: Array) -> dict[str, Array]:
    """Return R^2, root mean squared error, mean absolute error and bias for several weightings of the rows.

    Parameters
    ----------
    y, answers : ndarray of shape (n_samples,)
    weights : ndarray of shape (n_resamples, n_samples)

    Returns
    -------
    dict of str to ndarray of shape (n_resamples,)
    """
    errors, totals = answers - y, weights.sum(axis=1)
    centred = y - y.mean()  # so that the difference of two sums below has its digits left
    squared = weights @ np.square(errors) / totals
    variance = weights @ np.square(centred) / totals - np.square(weights @ centred / totals)
    return {
        "r2": 1 - squared / variance,
        "rmse": np.sqrt(squared),
        "mae": weights @ np.abs(errors) / totals,
        "bias": weights @ errors / totals,
    }


def metrics_of_classes(y: Array, probabilities: Array, weights: Array) -> dict[str, Array]:
    """Return each metric of more than two classes for several weightings of the rows.

    Parameters
    ----------
    y : ndarray of shape (n_samples,)
        Codes.
    probabilities : ndarray of shape (n_samples, n_classes)
    weights : ndarray of shape (n_resamples, n_samples)

    Returns
    -------
    dict of str to ndarray of shape (n_resamples,)
        Areas are means over the classes that have weight, each against the rest; the Brier score is half the squared
        distance to the one-hot row. A class that has no weight has no recall: NaN.
    """
    p = probabilities.astype(np.float64)
    p = p / p.sum(axis=1, keepdims=True)  # float32 adds up to 1 in seven digits only
    labels, totals = p.argmax(axis=1), weights.sum(axis=1)
    found = {"accuracy": weights @ (labels == y) / totals}
    areas = []
    for code in np.unique(y):
        is_code = (y == code).astype(np.int64)
        found |= _figures_of_class(int(code), labels == code, y == code, weights)
        areas.append(_areas(is_code, p[:, code], weights))
    roc, precision = (np.nanmean(np.stack(kind), axis=0) for kind in zip(*areas, strict=True))
    clipped = np.clip(p, np.finfo(np.float64).eps, 1.0)[np.arange(len(y)), y]
    distance = np.square(p - np.eye(p.shape[1])[y]).sum(axis=1) / 2
    found |= {"roc_auc": roc, "average_precision": precision}
    return found | {"log_loss": weights @ -np.log(clipped) / totals, "brier": weights @ distance / totals}


def _figures_of_class(code: int, given: Array, true: Array, weights: Array) -> dict[str, Array]:
    """Return precision, recall and F1 of one class; a precision without rows that were given it is 0."""
    hits, n_given, n_true = weights @ (given & true), weights @ given, weights @ true
    none = np.full_like(n_true, np.nan, dtype=np.float64)
    return {
        f"precision_{code}": np.divide(hits, n_given, out=np.zeros_like(none), where=n_given > 0),
        f"recall_{code}": np.divide(hits, n_true, out=none.copy(), where=n_true > 0),
        f"f1_{code}": np.divide(2 * hits, n_given + n_true, out=none.copy(), where=n_given + n_true > 0),
    }


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
    # In the type of the answers, as everywhere else: 0.3 in float32 is above 0.3 in float64.
    labels, totals = probabilities > threshold, weights.sum(axis=1)
    found = {"accuracy": weights @ (labels == y) / totals}
    for code in (0, 1):
        found |= _figures_of_class(code, labels == code, y == code, weights)
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
    apart = n_positive * n_negative
    under = np.sum(new_alarms * (hits - new_hits / 2), axis=1)
    roc = np.divide(under, apart, out=np.full_like(under, np.nan), where=apart > 0)
    precision = np.divide(hits, n_given, out=np.zeros_like(hits, float), where=n_given > 0)
    steps = np.sum(new_hits * precision, axis=1)
    return roc, np.divide(steps, n_positive, out=np.full_like(steps, np.nan), where=n_positive > 0)


def _resamples(n: int, n_resamples: int, seed: int, usable: Callable[[Array], Array]) -> Iterator[Array]:
    """Give the weights of resamples, part by part; one that cannot be measured is drawn again."""
    rng = np.random.default_rng(seed)
    size = max(1, CHUNK // n)
    for start in range(0, n_resamples, size):
        k = min(size, n_resamples - start)
        drawn = rng.integers(0, n, (k, n))
        while len(bad := np.flatnonzero(~usable(drawn))):
            drawn[bad] = rng.integers(0, n, (len(bad), n))
        offsets = np.arange(k)[:, None] * n
        yield np.bincount((drawn + offsets).ravel(), minlength=k * n).reshape(k, n).astype(np.float64)
