"""Networks that answer with classes: labels and probabilities in, figures out."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from throughline.bootstrap import bootstrap_intervals
from throughline.evaluate.intervals import wilson_interval
from throughline.record import ClassFigures, Evaluation
from throughline.weights import Array

THRESHOLD = 0.5
N_CALIBRATION_BINS = 10
MAX_CURVE_POINTS = 200


def labels_of(probabilities: Array, threshold: float = THRESHOLD) -> Array:
    """Return the class that is answered for each row.

    Parameters
    ----------
    probabilities : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Of class 1, or of each class.
    threshold : float
        Above it a row is given class 1; not used where each class has a probability.

    Returns
    -------
    ndarray of shape (n_samples,), int64

    Examples
    --------
    >>> labels_of(np.array([0.2, 0.7])), labels_of(np.array([[0.2, 0.5, 0.3]]))
    (array([0, 1]), array([1]))
    """
    if probabilities.ndim == 2:
        most: Array = probabilities.argmax(axis=1).astype(np.int64)
        return most
    above: Array = (probabilities > threshold).astype(np.int64)
    return above


def evaluate(
    framework: str,
    y: Array,
    probabilities: Array,
    class_names: tuple[str, ...],
    threshold: float = THRESHOLD,
    weights: Array | None = None,
) -> Evaluation:
    """Measure one network on labelled rows with scikit-learn.

    Parameters
    ----------
    framework : str
        Whose answers they are.
    y : ndarray of shape (n_samples,)
        Codes; at least two of them must occur.
    probabilities : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Of class 1 of two, or of each class.
    class_names : tuple of str
    threshold : float
        Of class 1; not used where each class has a probability.
    weights : ndarray of shape (n_samples,), optional
        How much each row counts.

    Returns
    -------
    Evaluation
    """
    from sklearn import metrics

    codes, labels = list(range(len(class_names))), labels_of(probabilities, threshold)
    precision, recall, f1, _ = metrics.precision_recall_fscore_support(
        y, labels, labels=codes, zero_division=0, sample_weight=weights
    )
    areas = _areas_of_classes(y, probabilities, weights)
    is_class, said, counted = _each_class(y, probabilities, weights)
    fpr, tpr, _ = metrics.roc_curve(is_class, said, sample_weight=counted)
    precisions, recalls, _ = metrics.precision_recall_curve(is_class, said, sample_weight=counted)
    intervals = bootstrap_intervals(y, probabilities, threshold, weights)
    plain = weights is None and threshold == THRESHOLD
    return Evaluation(
        framework=framework,
        # Wilson's interval is one of a share of rows: it does not hold once some count more than others.
        accuracy=wilson_interval(_n_right(labels, y), len(y)) if weights is None else intervals["accuracy"],
        classes=[
            ClassFigures(name=name, precision=float(p), recall=float(r), f1=float(f), n_rows=int(n), roc_auc=area)
            for name, p, r, f, n, area in zip(
                class_names, precision, recall, f1, np.bincount(y, minlength=len(codes)), areas, strict=True
            )
        ],
        confusion=metrics.confusion_matrix(y, labels, labels=codes).tolist(),
        report=metrics.classification_report(
            y,
            labels,
            labels=codes,
            target_names=list(class_names),
            digits=3,
            zero_division=0,
            sample_weight=weights,
        ),
        roc_auc=_mean_over_classes(metrics.roc_auc_score, y, probabilities, weights),
        average_precision=_mean_over_classes(metrics.average_precision_score, y, probabilities, weights),
        log_loss=float(metrics.log_loss(y, _normalized(probabilities), labels=codes, sample_weight=weights)),
        brier=float(
            metrics.brier_score_loss(
                y, _normalized(probabilities), labels=codes, scale_by_half=True, sample_weight=weights
            )
        ),
        roc=_thinned(fpr, tpr),
        precision_recall=_thinned(recalls[::-1], precisions[::-1]),
        calibration=_calibration(*_answered(y, probabilities), weights),
        intervals=intervals,
        threshold=threshold if probabilities.ndim == 1 else None,
        plain_accuracy=None if plain else wilson_interval(_n_right(labels_of(probabilities), y), len(y)),
    )


def _n_right(labels: Array, y: Array) -> int:
    return int(np.sum(labels == y))


def _normalized(probabilities: Array) -> Array:
    """Return probabilities in float64 that add up to 1 there: in float32 they do to seven digits only."""
    p = probabilities.astype(np.float64)
    return p / p.sum(axis=1, keepdims=True) if p.ndim == 2 else p


def _areas_of_classes(y: Array, probabilities: Array, weights: Array | None) -> list[float | None]:
    """Return the area under each class's ROC curve against the rest; None for two classes or an absent one."""
    from sklearn.metrics import roc_auc_score

    if probabilities.ndim == 1:
        return [None, None]
    present = set(np.unique(y).tolist())
    return [
        float(roc_auc_score(y == code, column, sample_weight=weights)) if code in present else None
        for code, column in enumerate(probabilities.T)
    ]


def _mean_over_classes(score: Callable[..., float], y: Array, probabilities: Array, weights: Array | None) -> float:
    """Return a figure of class 1 of two, or its mean over the classes that occur, each against the rest."""
    if probabilities.ndim == 1:
        return float(score(y, probabilities, sample_weight=weights))
    return float(np.mean([score(y == code, probabilities[:, code], sample_weight=weights) for code in np.unique(y)]))


def _each_class(y: Array, probabilities: Array, weights: Array | None) -> tuple[Array, Array, Array | None]:
    """Return yes or no, the probability of yes, and how much it counts: of class 1 of two, or of every class by row."""
    if probabilities.ndim == 1:
        return y, probabilities, weights
    n_classes = probabilities.shape[1]
    counted = None if weights is None else np.repeat(weights, n_classes)
    return np.eye(n_classes, dtype=np.int64)[y].ravel(), probabilities.ravel(), counted


def _answered(y: Array, probabilities: Array) -> tuple[Array, Array]:
    """Return what calibration compares: class 1 of two, or whether the answered class is right, and its probability."""
    if probabilities.ndim == 1:
        return y, probabilities
    return (labels_of(probabilities) == y).astype(np.int64), probabilities.max(axis=1)


def _calibration(y: Array, probabilities: Array, weights: Array | None) -> list[tuple[float, float, int]]:
    bins = np.minimum((probabilities * N_CALIBRATION_BINS).astype(np.int64), N_CALIBRATION_BINS - 1)
    filled = [bins == b for b in range(N_CALIBRATION_BINS) if np.any(bins == b)]
    counted = np.ones(len(y)) if weights is None else weights
    means = [[float(np.average(x[rows], weights=counted[rows])) for x in (probabilities, y)] for rows in filled]
    return [(said, true, int(rows.sum())) for (said, true), rows in zip(means, filled, strict=True)]


def _thinned(x: Array, y: Array) -> list[tuple[float, float]]:
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), MAX_CURVE_POINTS)).round().astype(np.int64))
    return [(round(float(x[i]), 5), round(float(y[i]), 5)) for i in kept]
