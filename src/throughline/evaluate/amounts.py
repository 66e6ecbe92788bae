"""Networks that answer with amounts: errors in the unit of the target, and the variance that is explained."""

from __future__ import annotations

import numpy as np

from throughline.bootstrap import bootstrap_amounts
from throughline.record import AmountEvaluation
from throughline.weights import Array

MAX_POINTS = 400
QUANTILES = (0.0, 0.05, 0.25, 0.5, 0.75, 0.95, 1.0)
SIGNIFICANT_DIGITS = 6  # of what a picture shows


def evaluate_amounts(
    framework: str, y: Array, answers: Array, training_mean: float, weights: Array | None = None
) -> AmountEvaluation:
    """Measure one network on rows whose amounts are known.

    Parameters
    ----------
    framework : str
        Whose answers they are.
    y, answers : ndarray of shape (n_samples,)
    training_mean : float
        Of the target in the training rows: the answer of who knows nothing else.
    weights : ndarray of shape (n_samples,), optional
        How much each row counts.

    Returns
    -------
    AmountEvaluation

    Examples
    --------
    >>> y = np.arange(10.0)
    >>> found = evaluate_amounts("torch", y, y + 1, 4.5)
    >>> found.mae.value, found.bias.value, round(found.r2.value, 3), round(found.baseline_rmse, 3)
    (1.0, 1.0, 0.879, 2.872)
    """
    y, answers = y.astype(np.float64), answers.astype(np.float64)
    intervals = bootstrap_amounts(y, answers, weights)
    shown = np.unique(np.linspace(0, len(y) - 1, min(len(y), MAX_POINTS)).round().astype(np.int64))
    return AmountEvaluation(
        framework=framework,
        **intervals,
        baseline_rmse=float(np.sqrt(np.average(np.square(y - training_mean), weights=weights))),
        points=[(_rounded(y[i]), _rounded(answers[i])) for i in shown],
        error_quantiles=[float(q) for q in np.quantile(answers - y, QUANTILES)],
    )


def _rounded(value: float) -> float:
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
