"""Labels and probabilities in, figures out; nothing here knows which framework answered."""

from __future__ import annotations

import numpy as np

from throughline.bootstrap import bootstrap_intervals
from throughline.record import ClassFigures, EquivalenceTest, Evaluation, Interval, PairedTest
from throughline.weights import Array

THRESHOLD = 0.5
# Accuracies that differ by less than this are the same for any purpose of a run.
EQUIVALENCE_MARGIN = 0.01
SIGNIFICANCE = 0.05
N_CALIBRATION_BINS = 10
MAX_CURVE_POINTS = 200


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


def evaluate(framework: str, y: Array, probabilities: Array, class_names: tuple[str, ...]) -> Evaluation:
    """Measure one network on labelled rows with scikit-learn.

    Parameters
    ----------
    framework : str
        Whose answers they are.
    y : ndarray of shape (n_samples,)
        Codes 0 and 1; both must occur.
    probabilities : ndarray of shape (n_samples,)
        Of class 1.
    class_names : tuple of str

    Returns
    -------
    Evaluation
    """
    from sklearn import metrics

    labels = (probabilities > THRESHOLD).astype(np.int64)
    precision, recall, f1, support = metrics.precision_recall_fscore_support(y, labels, labels=[0, 1], zero_division=0)
    fpr, tpr, _ = metrics.roc_curve(y, probabilities)
    precisions, recalls, _ = metrics.precision_recall_curve(y, probabilities)
    return Evaluation(
        framework=framework,
        accuracy=wilson_interval(int(np.sum(labels == y)), len(y)),
        classes=[
            ClassFigures(name=name, precision=float(p), recall=float(r), f1=float(f), n_rows=int(n))
            for name, p, r, f, n in zip(class_names, precision, recall, f1, support, strict=True)
        ],
        confusion=metrics.confusion_matrix(y, labels, labels=[0, 1]).tolist(),
        report=metrics.classification_report(
            y, labels, labels=[0, 1], target_names=list(class_names), digits=3, zero_division=0
        ),
        roc_auc=float(metrics.roc_auc_score(y, probabilities)),
        average_precision=float(metrics.average_precision_score(y, probabilities)),
        log_loss=float(metrics.log_loss(y, probabilities.astype(np.float64), labels=[0, 1])),
        brier=float(metrics.brier_score_loss(y, probabilities)),
        roc=_thinned(fpr, tpr),
        precision_recall=_thinned(recalls[::-1], precisions[::-1]),
        calibration=_calibration(y, probabilities),
        intervals=bootstrap_intervals(y, probabilities, THRESHOLD),
    )


def mcnemar(frameworks: tuple[str, str], y: Array, first: Array, second: Array) -> PairedTest:
    """Test whether two networks differ, from the rows on which just one of them is right [1]_.

    Parameters
    ----------
    frameworks : (str, str)
    y : ndarray of shape (n_samples,)
        True codes.
    first, second : ndarray of shape (n_samples,)
        Probabilities of class 1.

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

    labels = [(probabilities > THRESHOLD).astype(np.int64) for probabilities in (first, second)]
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
    low, high = _student_bounds(values, 0.95)
    return Interval(value=float(values.mean()), low=low, high=high)


def equivalence_test(
    frameworks: tuple[str, str], first: Array, second: Array, margin: float = EQUIVALENCE_MARGIN
) -> EquivalenceTest:
    """Test whether two frameworks are equally accurate within a margin: two one-sided t-tests [1]_ on paired seeds.

    A test that finds no difference proves nothing; this one can prove that there is none that matters.

    Parameters
    ----------
    frameworks : (str, str)
    first, second : ndarray of shape (n_seeds,)
        Accuracies, in the order of the seeds.
    margin : float, default=0.01

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
    low, high = _student_bounds(differences, 1 - 2 * SIGNIFICANCE)
    return EquivalenceTest(
        frameworks=frameworks,
        margin=margin,
        n_seeds=n,
        difference=mean,
        low=low,
        high=high,
        p_value=p_value,
        equivalent=p_value < SIGNIFICANCE,
    )


def _student_bounds(values: Array, confidence: float) -> tuple[float, float]:
    from scipy.stats import t

    n, mean = len(values), float(values.mean())
    half = float(t.ppf((1 + confidence) / 2, n - 1)) * float(values.std(ddof=1)) / n**0.5
    return mean - half, mean + half


def _calibration(y: Array, probabilities: Array) -> list[tuple[float, float, int]]:
    bins = np.minimum((probabilities * N_CALIBRATION_BINS).astype(np.int64), N_CALIBRATION_BINS - 1)
    filled = [bins == b for b in range(N_CALIBRATION_BINS) if np.any(bins == b)]
    return [(float(probabilities[rows].mean()), float(y[rows].mean()), int(rows.sum())) for rows in filled]


def _thinned(x: Array, y: Array) -> list[tuple[float, float]]:
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), MAX_CURVE_POINTS)).round().astype(np.int64))
    return [(round(float(x[i]), 5), round(float(y[i]), 5)) for i in kept]
