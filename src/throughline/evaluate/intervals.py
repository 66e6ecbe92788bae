"""Intervals of figures: of a share, and of the mean of a few independent values."""

from __future__ import annotations

from throughline.record import Interval
from throughline.weights import Array


def wilson_interval(n_right: int, n_rows: int) -> Interval:
    """Return a share with Wilson's 95 % interval [1]_, which stays inside 0 and 1.

    Parameters
    ----------
    n_right, n_rows : int

    References
    ----------
    .. [1] E. B. Wilson, "Probable inference, the law of succession, and statistical inference",
       JASA 22, 1927.

    Examples
    --------
    >>> interval = wilson_interval(94, 100)
    >>> round(interval.low, 3), interval.value, round(interval.high, 3)
    (0.875, 0.94, 0.972)
    """
    from scipy.stats import binomtest

    low, high = binomtest(n_right, n_rows).proportion_ci(0.95, method="wilson")
    return Interval(value=n_right / n_rows, low=float(low), high=float(high))


def mean_interval(values: Array) -> Interval:
    """Return the mean of a few independent values with Student's 95 % interval.

    Parameters
    ----------
    values : ndarray of shape (n,)
        Two or more.

    Examples
    --------
    >>> import numpy as np
    >>> interval = mean_interval(np.array([1.0, 2.0, 3.0]))
    >>> round(interval.low, 2), interval.value, round(interval.high, 2)
    (-0.48, 2.0, 4.48)
    """
    low, high = student_bounds(values, 0.95)
    return Interval(value=float(values.mean()), low=low, high=high)


def student_bounds(values: Array, confidence: float) -> tuple[float, float]:
    """Return the ends of Student's interval of the mean."""
    from scipy.stats import t

    n, mean = len(values), float(values.mean())
    half = float(t.ppf((1 + confidence) / 2, n - 1)) * float(values.std(ddof=1)) / n**0.5
    return mean - half, mean + half
