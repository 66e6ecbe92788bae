"""Chapter 5: figures of the networks on the test rows, and tests of their difference."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A figure with its 95 % confidence interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ClassFigures:
    """Precision, recall and F1 of one class, and its rows in the test set."""

    name: str
    precision: float
    recall: float
    f1: float
    n_rows: int


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """One network on the test rows.

    Attributes
    ----------
    accuracy : Interval
        Wilson's interval.
    classes : list of ClassFigures
    confusion : list of list of int
        Rows are true classes, columns are answers.
    report : str
        scikit-learn's classification report.
    roc_auc, average_precision, log_loss, brier : float
    roc, precision_recall : list of (x, y)
        False against true positive rate; recall against precision; thinned for the picture.
    calibration : list of (mean probability, share of class 1, rows)
        Ten bins of equal width, empty ones left out.
    intervals : dict of str to Interval
        Every figure above with its 95 % bootstrap interval: ``accuracy``, ``roc_auc``, ``average_precision``,
        ``log_loss``, ``brier``, and for each class ``precision_0``, ``recall_0``, ``f1_0``, ``precision_1``, and so on.
        Empty in records of older releases.
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


@dataclass(frozen=True, kw_only=True)
class EvaluationRecord:
    """Chapter 5: all networks of the run on the test rows; Keras and PyTorch paired.

    Attributes
    ----------
    threshold : float
    networks : list of Evaluation
    paired : PairedTest
        On the rows, with the networks of this run.
    equivalence : EquivalenceTest or None
        On the seeds, with further trainings of both; None when there were none.
    """

    threshold: float
    networks: list[Evaluation]
    paired: PairedTest
    equivalence: EquivalenceTest | None = None
