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


def evaluate(framework: str, y: Array, probabilities: Array, class_names: tuple[str, ...]) -> Evaluation:
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

    Returns
    -------
    Evaluation
    """
    from sklearn import metrics

    codes, labels = list(range(len(class_names))), labels_of(probabilities)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(y, labels, labels=codes, zero_division=0)
    areas = _areas_of_classes(y, probabilities)
    is_class, said = _each_class(y, probabilities)
    fpr, tpr, _ = metrics.roc_curve(is_class, said)
    precisions, recalls, _ = metrics.precision_recall_curve(is_class, said)
    return Evaluation(
        framework=framework,
        accuracy=wilson_interval(int(np.sum(labels == y)), len(y)),
        classes=[
            ClassFigures(name=name, precision=float(p), recall=float(r), f1=float(f), n_rows=int(n), roc_auc=area)
            for name, p, r, f, n, area in zip(class_names, precision, recall, f1, support, areas, strict=True)
        ],
        confusion=metrics.confusion_matrix(y, labels, labels=codes).tolist(),
        report=metrics.classification_report(
            y, labels, labels=codes, target_names=list(class_names), digits=3, zero_division=0
        ),
        roc_auc=_mean_over_classes(metrics.roc_auc_score, y, probabilities),
        average_precision=_mean_over_classes(metrics.average_precision_score, y, probabilities),
        log_loss=float(metrics.log_loss(y, _normalized(probabilities), labels=codes)),
        brier=float(metrics.brier_score_loss(y, _normalized(probabilities), labels=codes, scale_by_half=True)),
        roc=_thinned(fpr, tpr),
        precision_recall=_thinned(recalls[::-1], precisions[::-1]),
        calibration=_calibration(*_answered(y, probabilities)),
        intervals=bootstrap_intervals(y, probabilities, THRESHOLD),
    )


def _normalized(probabilities: Array) -> Array:
    """Return probabilities in float64 that add up to 1 there: in float32 they do to seven digits only."""
    p = probabilities.astype(np.float64)
    return p / p.sum(axis=1, keepdims=True) if p.ndim == 2 else p


def _areas_of_classes(y: Array, probabilities: Array) -> list[float | None]:
    """Return the area under each class's ROC curve against the rest; None for two classes or an absent one."""
    from sklearn.metrics import roc_auc_score

    if probabilities.ndim == 1:
        return [None, None]
    present = set(np.unique(y).tolist())
    said = enumerate(probabilities.T)
    return [float(roc_auc_score(y == code, column)) if code in present else None for code, column in said]


def _mean_over_classes(score: Callable[[Array, Array], float], y: Array, probabilities: Array) -> float:
    """Return a figure of class 1 of two, or its mean over the classes that occur, each against the rest."""
    if probabilities.ndim == 1:
        return float(score(y, probabilities))
    return float(np.mean([score(y == code, probabilities[:, code]) for code in np.unique(y)]))


def _each_class(y: Array, probabilities: Array) -> tuple[Array, Array]:
    """Return yes or no, and the probability of yes: of class 1 of two, or row by row of every class."""
    if probabilities.ndim == 1:
        return y, probabilities
    return np.eye(probabilities.shape[1], dtype=np.int64)[y].ravel(), probabilities.ravel()


def _answered(y: Array, probabilities: Array) -> tuple[Array, Array]:
    """Return what calibration compares: class 1 of two, or whether the answered class is right, and its probability."""
    if probabilities.ndim == 1:
        return y, probabilities
    return (labels_of(probabilities) == y).astype(np.int64), probabilities.max(axis=1)


def _calibration(y: Array, probabilities: Array) -> list[tuple[float, float, int]]:
    bins = np.minimum((probabilities * N_CALIBRATION_BINS).astype(np.int64), N_CALIBRATION_BINS - 1)
    filled = [bins == b for b in range(N_CALIBRATION_BINS) if np.any(bins == b)]
    return [(float(probabilities[rows].mean()), float(y[rows].mean()), int(rows.sum())) for rows in filled]


def _thinned(x: Array, y: Array) -> list[tuple[float, float]]:
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), MAX_CURVE_POINTS)).round().astype(np.int64))
    return [(round(float(x[i]), 5), round(float(y[i]), 5)) for i in kept]
