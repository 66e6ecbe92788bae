"""Answers in, figures out; nothing here knows which framework answered.

labels and probabilities ──► classes ──► Evaluation
amounts ───────────────────► amounts ──► AmountEvaluation
two networks, same rows ───► pairs ────► PairedTest, PairedErrors; over seeds EquivalenceTest
"""

from throughline.evaluate.amounts import evaluate_amounts
from throughline.evaluate.classes import THRESHOLD, evaluate, labels_of
from throughline.evaluate.intervals import mean_interval, wilson_interval
from throughline.evaluate.pairs import EQUIVALENCE_MARGIN, SIGNIFICANCE, equivalence_test, mcnemar, paired_errors

__all__ = [
    "EQUIVALENCE_MARGIN",
    "SIGNIFICANCE",
    "THRESHOLD",
    "equivalence_test",
    "evaluate",
    "evaluate_amounts",
    "labels_of",
    "mcnemar",
    "mean_interval",
    "paired_errors",
    "wilson_interval",
]
