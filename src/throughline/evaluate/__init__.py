"""Answers in, figures out; nothing here knows which framework answered.

labels and probabilities ──► classes ──► Evaluation
amounts ───────────────────► amounts ──► AmountEvaluation
validation rows ───────────► threshold ► above which a row is given class 1
two networks, same rows ───► pairs ────► PairedTest, PairedErrors; over seeds EquivalenceTest
"""

from throughline.evaluate.amounts import evaluate_amounts
from throughline.evaluate.classes import THRESHOLD, evaluate, labels_of
from throughline.evaluate.intervals import mean_interval, wilson_interval
from throughline.evaluate.pairs import EQUIVALENCE_MARGIN, SIGNIFICANCE, equivalence_test, mcnemar, paired_errors
from throughline.evaluate.threshold import best_threshold, threshold_of

__all__ = [
    "EQUIVALENCE_MARGIN",
    "SIGNIFICANCE",
    "THRESHOLD",
    "best_threshold",
    "equivalence_test",
    "evaluate",
    "evaluate_amounts",
    "labels_of",
    "mcnemar",
    "mean_interval",
    "paired_errors",
    "threshold_of",
    "wilson_interval",
]
