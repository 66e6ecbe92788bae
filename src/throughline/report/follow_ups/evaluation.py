"""Follow-up questions on chapter 5: what the figures mean."""

from __future__ import annotations

from throughline.record import Evaluation, EvaluationRecord, PairedTest, RunRecord
from throughline.report.follow_ups.question import FollowUp
from throughline.report.phrases import said
from throughline.report.spoken import counted, decimal, percent

EVEN = 0.05  # classes whose shares are closer to one half than this count as balanced
SIGNIFICANCE = 0.05


def evaluation(record: RunRecord) -> list[FollowUp]:
    """Return what is asked after chapter 5."""
    found = record.evaluation
    if found is None or found.paired is None or not found.networks:
        return []
    paired = found.paired
    judged = next((n for n in found.networks if n.framework in paired.frameworks), found.networks[0])
    asked = [_imbalance(record, judged), _real(found, paired), _probabilities(judged)]
    return asked if found.threshold is None else [*asked, _threshold(found.threshold, judged)]


def _imbalance(record: RunRecord, judged: Evaluation) -> FollowUp:
    largest = record.split.largest_shares[2] if record.split.largest_shares else 0.0
    always, accuracy = percent(largest, [judged.accuracy.value]), percent(judged.accuracy.value, [largest])
    verdict = (
        f"{said(judged.framework)} gets {accuracy}"
        if judged.accuracy.value > largest
        else f"{said(judged.framework)} gets only {accuracy}, which is no better"
    )
    now = "they nearly balance" if abs(largest - 1 / len(judged.classes)) <= EVEN else "they do not balance"
    return FollowUp(
        "5.imbalance",
        "What if the classes are imbalanced?",
        f"Here {now}: always saying the larger class would be right on {always}, and {verdict}. With rare positives I "
        f"look at recall and average precision, {decimal(judged.average_precision, 3)} here, then weigh the classes or "
        "move the threshold.",
    )


def _real(found: EvaluationRecord, paired: PairedTest) -> FollowUp:
    test = found.equivalence
    first, second = (said(name) for name in paired.frameworks)
    agree = f"{first} and {second} give the same label on {percent(paired.agreement)} of the test rows"
    if test is None and paired.only_first_right + paired.only_second_right == 0:
        told = (
            "Neither is right where the other is wrong, so McNemar's test has nothing to go on. That does not prove "
            "them equal either; other seeds could part them."
        )
    elif test is None:
        significant = paired.p_value < SIGNIFICANCE
        verdict = "significant" if significant else "not significant, and that does not prove them equal"
        told = f"McNemar's test calls the rest {verdict}. Equality needs a test of its own, over several seeds."
    else:
        low, high = (_points(value) for value in (test.low, test.high))
        verdict = "inside" if test.equivalent else "not inside"
        told = (
            f"Over {counted(test.n_seeds, 'seed')} the difference lies between {low} and {high} percentage points, "
            f"which is {verdict} my margin of {_points(test.margin)}. A test that finds nothing would not be enough."
        )
    return FollowUp("5.real", "Is the difference between the frameworks real?", f"{agree}. {told}")


def _points(difference: float) -> str:
    """Write in percentage points, with the word that a speaker says for the sign."""
    return f"{'minus ' if difference < 0 else ''}{decimal(abs(round(100 * difference, 10)), 2, [0.0])}"


def _probabilities(judged: Evaluation) -> FollowUp:
    bins = [entry for entry in judged.calibration if entry[2] > 0]
    worst = max(bins, key=lambda entry: entry[2] * abs(entry[0] - entry[1]), default=None)
    table = (
        "There is no calibration table in this record."
        if worst is None
        else f"The bin that costs most says {percent(worst[0])} on average where {percent(worst[1])} is true, on "
        f"{counted(worst[2], 'row')}."
    )
    return FollowUp(
        "5.probabilities",
        "Can one trust the probabilities?",
        f"I check that apart from accuracy. {said(judged.framework)} has a Brier score of {decimal(judged.brier, 3)}, "
        f"where a coin would have a quarter, and a log loss of {decimal(judged.log_loss, 3)}. {table}",
    )


def _threshold(threshold: float, judged: Evaluation) -> FollowUp:
    wrong = [(row, column, n) for row, counts in enumerate(judged.confusion) for column, n in enumerate(counts)]
    false_alarms = sum(n for row, column, n in wrong if row < column)
    missed = sum(n for row, column, n in wrong if row > column)
    return FollowUp(
        "5.threshold",
        "Why this threshold?",
        f"I left it at {decimal(threshold, 2)}, which treats both errors alike. {said(judged.framework)} has "
        f"{counted(false_alarms, 'false alarm')} and {counted(missed, 'missed case')} there. If a missed case costs "
        "more, I move the threshold on validation rows and never on test rows.",
    )
