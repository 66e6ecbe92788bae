"""Chapter 5: figures of the networks on the test rows, and tests of their difference."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure with its 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ClassFigures:
    """Precision, recall and F1 of one class, and its rows in the test set.

    Attributes
    ----------
    roc_auc : float or None
        Of this class against the rest; None where there are two classes, or where the test rows have none of it.
    """

    name: str
    precision: float
    recall: float
    f1: float
    n_rows: int
    roc_auc: float | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One network that answers with classes, on the test rows.

    Attributes
    ----------
    accuracy : Interval
        Wilson's interval; the bootstrap's where rows have weights.
    classes : list of ClassFigures
    confusion : list of list of int
        Rows are true classes, columns are answers.
    report : str
        scikit-learn's classification report.
    roc_auc, average_precision, log_loss, brier : float
        With more than two classes the areas are means over the classes, each against the rest, and the Brier score is
        half the squared distance to the one-hot row, so that two classes would have the usual one.
    roc, precision_recall : list of (x, y)
        False against true positive rate; recall against precision; thinned for the picture. With more than two
        classes, each row counts once for every class: is it that one or not.
    calibration : list of (mean probability, share of class 1, rows)
        Ten bins of equal width, empty ones left out. With more than two classes, the probability of the class that
        was answered, and the share in which it was right.
    intervals : dict of str to Interval
        Every figure above with its 95 % bootstrap interval: ``accuracy``, ``roc_auc``, ``average_precision``,
        ``log_loss``, ``brier``, and for each class ``precision_0``, ``recall_0``, ``f1_0``, ``precision_1``, and so on.
        Empty in records of older releases.
    threshold : float or None
        Above it a row was given class 1; None with more than two classes, and in records of older releases.
    plain_accuracy : Interval or None
        At a threshold of one half and with every row counted once, as exported files are judged, with Wilson's
        interval; None where `accuracy` is that.

    Where rows have weights, every figure is weighted but the numbers of rows: in `confusion`, `classes`, `calibration`.
    """

    framework: str
    accuracy: Interval
    classes: list[ClassFigures]
    confusion: list[list[int]]
    report: str
    roc_auc: float
    average_precision: float
    log_loss: float
    brier: float
    roc: list[tuple[float, float]]
    precision_recall: list[tuple[float, float]]
    calibration: list[tuple[float, float, int]]
    intervals: dict[str, Interval] = field(default_factory=dict)
    threshold: float | None = None
    plain_accuracy: Interval | None = None


@dataclass(frozen=True, kw_only=True)
class AmountEvaluation:
    """One network that answers with amounts, on the test rows.

    Attributes
    ----------
    r2 : Interval
        Coefficient of determination: the share of the variance that the answers explain; below 0 they are worse than
        the mean of the test rows would be.
    rmse, mae : Interval
        Root of the mean squared error, and mean absolute error, in the unit of the target.
    bias : Interval
        Mean of answer minus truth.
    baseline_rmse : float
        Of always answering the mean of the training rows.
    points : list of (truth, answer)
        Test rows, thinned for the pictures.
    error_quantiles : list of float
        Of answer minus truth: minimum, 5 %, quartiles, 95 %, maximum.

    The intervals are 95 % percentile intervals of the bootstrap over rows.
    """

    framework: str
    r2: Interval
    rmse: Interval
    mae: Interval
    bias: Interval
    baseline_rmse: float
    points: list[tuple[float, float]]
    error_quantiles: list[float]


@dataclass(frozen=True, kw_only=True)
class PairedErrors:
    """Wilcoxon's signed-rank test of two networks' absolute errors on the same rows.

    Attributes
    ----------
    frameworks : (str, str)
    difference : Interval
        Mean absolute error of the first minus that of the second, with Student's 95 % interval of the paired rows.
    largest_apart : float
        Largest difference of two answers to one row.
    correlation : float
        Of their answers.
    p_value : float
        Two-sided; below 0.05 counts as a difference.
    """

    frameworks: tuple[str, str]
    difference: Interval
    largest_apart: float
    correlation: float
    p_value: float


@dataclass(frozen=True, kw_only=True)
class PairedTest:
    """McNemar's exact test of two networks on the same rows.

    Attributes
    ----------
    frameworks : (str, str)
    only_first_right, only_second_right : int
        The rows on which just one of the two is right.
    agreement : float
        Share of rows with the same label.
    p_value : float
        Two-sided; below 0.05 counts as a difference.
    """

    frameworks: tuple[str, str]
    only_first_right: int
    only_second_right: int
    agreement: float
    p_value: float


@dataclass(frozen=True, kw_only=True)
class EquivalenceTest:
    """Two one-sided t-tests on the accuracies of two frameworks, trained with the same seeds.

    Attributes
    ----------
    frameworks : (str, str)
    metric : {"accuracy", "R²"}
        What was compared: R² where answers are amounts.
    margin : float
        Differences smaller than this do not matter, decided beforehand.
    n_seeds : int
    difference : float
        First minus second, mean over the seeds.
    low, high : float
        90 % interval of the difference; inside the margin just where the test is significant at 5 %.
    p_value : float
        The larger of the two; below 0.05 the frameworks are equivalent within the margin.
    equivalent : bool
    """

    frameworks: tuple[str, str]
    margin: float
    n_seeds: int
    difference: float
    low: float
    high: float
    p_value: float
    equivalent: bool
    metric: Literal["accuracy", "R²"] = "accuracy"


@dataclass(frozen=True, kw_only=True)
class EvaluationRecord:
    """Chapter 5: all networks of the run on the test rows; Keras and PyTorch paired.

    Attributes
    ----------
    threshold : float or None
        Above it a row is given class 1; None unless there are two classes and one threshold for all networks.
    networks : list of Evaluation
        Where answers are classes.
    paired : PairedTest or None
        On the rows, with the networks of this run.
    equivalence : EquivalenceTest or None
        On the seeds, with further trainings of both; None when there were none.
    amounts : list of AmountEvaluation
        Where answers are amounts.
    paired_errors : PairedErrors or None
        In place of `paired` there.
    threshold_rule : {"0.5", "best"}
        "best": each network has the threshold with the highest F1 of class 1 on the validation rows.
    weighted_by : str
        Column of the weights of the rows; empty if all count alike. The tests of pairs count every row once.
    """

    threshold: float | None
    networks: list[Evaluation]
    paired: PairedTest | None
    equivalence: EquivalenceTest | None = None
    amounts: list[AmountEvaluation] = field(default_factory=list)
    paired_errors: PairedErrors | None = None
    threshold_rule: Literal["0.5", "best"] = "0.5"
    weighted_by: str = ""

    def threshold_of(self, framework: str) -> float | None:
        """Return the threshold of a network; None if there is none of that name, or it tells no two classes."""
        network = next((entry for entry in self.networks if entry.framework == framework), None)
        return self.threshold if network is None or network.threshold is None else network.threshold
