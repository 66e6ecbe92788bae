"""Do two networks differ: on the same rows, and over several seeds."""

from __future__ import annotations

from typing import Literal

import numpy as np

from throughline.evaluate.classes import THRESHOLD, labels_of
from throughline.evaluate.intervals import mean_interval, student_bounds
from throughline.record import EquivalenceTest, PairedErrors, PairedTest
from throughline.weights import Array

# Accuracies that differ by less than this are the same for any purpose of a run.
EQUIVALENCE_MARGIN = 0.01
SIGNIFICANCE = 0.05


def mcnemar(
    frameworks: tuple[str, str],
    y: Array,
    first: Array,
    second: Array,
    thresholds: tuple[float, float] = (THRESHOLD, THRESHOLD),
) -> PairedTest:
    """Test whether two networks differ, from the rows on which just one of them is right [1]_.

    Parameters
    ----------
    frameworks : (str, str)
    y : ndarray of shape (n_samples,)
        True codes.
    first, second : ndarray of shape (n_samples,) or (n_samples, n_classes)
        Probabilities of class 1, or of each class.
    thresholds : (float, float)
        Of class 1, in each of the two.

    Returns
    -------
    PairedTest
        With the exact two-sided p-value; 1 where the two are right on the same rows.

    References
    ----------
    .. [1] Q. McNemar, "Note on the sampling error of the difference between correlated proportions or
       percentages", Psychometrika 12, 1947.
    """
    from scipy.stats import binomtest

    labels = [labels_of(*answered) for answered in zip((first, second), thresholds, strict=True)]
    right = [label == y for label in labels]
    only_first = int(np.sum(right[0] & ~right[1]))
    only_second = int(np.sum(right[1] & ~right[0]))
    n_apart = only_first + only_second
    return PairedTest(
        frameworks=frameworks,
        only_first_right=only_first,
        only_second_right=only_second,
        agreement=float(np.mean(labels[0] == labels[1])),
        p_value=float(binomtest(only_first, n_apart).pvalue) if n_apart else 1.0,
    )


def paired_errors(frameworks: tuple[str, str], y: Array, first: Array, second: Array) -> PairedErrors:
    """Test whether two networks' absolute errors differ, by the signed ranks of their differences [1]_.

    Parameters
    ----------
    frameworks : (str, str)
    y : ndarray of shape (n_samples,)
        True amounts.
    first, second : ndarray of shape (n_samples,)
        Answers.

    Returns
    -------
    PairedErrors
        With a p-value of 1 where all answers are equally far off.

    References
    ----------
    .. [1] F. Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1, 1945.

    Examples
    --------
    >>> import numpy as np
    >>> y = np.arange(20.0)
    >>> found = paired_errors(("keras", "torch"), y, y + 1, y - 2 - 0.1 * (y % 3))
    >>> found.difference.value < 0, found.p_value < 0.05
    (True, True)
    """
    from scipy.stats import wilcoxon

    y, first, second = (array.astype(np.float64) for array in (y, first, second))
    apart = np.abs(first - y) - np.abs(second - y)
    varied = bool(np.ptp(first) > 0 and np.ptp(second) > 0)
    return PairedErrors(
        frameworks=frameworks,
        difference=mean_interval(apart),
        largest_apart=float(np.abs(first - second).max()),
        correlation=float(np.corrcoef(first, second)[0, 1]) if varied else 0.0,
        p_value=float(wilcoxon(apart).pvalue) if np.any(apart != 0) else 1.0,
    )


def equivalence_test(
    frameworks: tuple[str, str],
    first: Array,
    second: Array,
    margin: float = EQUIVALENCE_MARGIN,
    metric: Literal["accuracy", "R²"] = "accuracy",
) -> EquivalenceTest:
    """Test whether two frameworks are equally accurate within a margin: two one-sided t-tests [1]_ on paired seeds.

    A test that finds no difference proves nothing; this one can prove that there is none that matters.

    Parameters
    ----------
    frameworks : (str, str)
    first, second : ndarray of shape (n_seeds,)
        Accuracies or R², in the order of the seeds.
    margin : float, default=0.01
    metric : {"accuracy", "R²"}

    Returns
    -------
    EquivalenceTest

    References
    ----------
    .. [1] D. J. Schuirmann, "A comparison of the two one-sided tests procedure and the power approach for assessing
       the equivalence of average bioavailability", Journal of Pharmacokinetics and Biopharmaceutics 15, 1987.

    Examples
    --------
    >>> import numpy as np
    >>> test = equivalence_test(("keras", "torch"), np.array([0.93, 0.94, 0.935]), np.array([0.932, 0.939, 0.934]))
    >>> test.equivalent, round(test.p_value, 4)
    (True, 0.0049)
    """
    from scipy.stats import t

    differences = first - second
    n, mean = len(differences), float(differences.mean())
    error = float(differences.std(ddof=1)) / n**0.5
    if error > 0:
        p_value = float(max(t.sf((mean + margin) / error, n - 1), t.sf((margin - mean) / error, n - 1)))
    else:  # the same difference with every seed
        p_value = 0.0 if abs(mean) < margin else 1.0
    low, high = student_bounds(differences, 1 - 2 * SIGNIFICANCE)
    return EquivalenceTest(
        frameworks=frameworks,
        margin=margin,
        n_seeds=n,
        difference=mean,
        low=low,
        high=high,
        p_value=p_value,
        equivalent=p_value < SIGNIFICANCE,
        metric=metric,
    )
