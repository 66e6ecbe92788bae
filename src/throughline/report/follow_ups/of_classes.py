"""Follow-up questions on networks that answer with classes."""

from __future__ import annotations

from throughline.record import Evaluation, EvaluationRecord, PairedTest, RunRecord
from throughline.report.answers import has_several
from throughline.report.follow_ups.of_seeds import over_seeds
from throughline.report.follow_ups.question import FollowUp
from throughline.report.phrases import said
from throughline.report.spoken import counted, decimal, percent

EVEN = 1.1  # times the share that a class would have if all were equally frequent; up to it they count as balanced
SIGNIFICANCE = 0.05


def questions(record: RunRecord, found: EvaluationRecord, paired: PairedTest) -> list[FollowUp]:
    """Return what is asked."""
    judged = next((n for n in found.networks if n.framework in paired.frameworks), found.networks[0])
    asked = [_imbalance(record, judged), _real(found, paired), _probabilities(record, judged)]
    if has_several(record):
        return [*asked, _likeliest(record, judged)]
    if found.threshold_rule == "best" and judged.threshold is not None:
        return [*asked, _chosen_threshold(judged.threshold, judged)]
    return asked if found.threshold is None else [*asked, _threshold(found.threshold, judged)]


def _imbalance(record: RunRecord, judged: Evaluation) -> FollowUp:
    largest = record.split.largest_shares[2] if record.split.largest_shares else 0.0
    always, accuracy = percent(largest, [judged.accuracy.value]), percent(judged.accuracy.value, [largest])
    verdict = (
        f"{said(judged.framework)} gets {accuracy}"
        if judged.accuracy.value > largest
        else f"{said(judged.framework)} gets only {accuracy}, which is no better"
    )
    now = "they nearly balance" if largest * len(judged.classes) <= EVEN else "they do not balance"
    several = has_several(record)
    return FollowUp(
        "5.imbalance",
        "What if the classes are imbalanced?",
        f"Here {now}: always saying the {'largest' if several else 'larger'} class would be right on {always}, and "
        f"{verdict}. With rare {'classes' if several else 'positives'} I look at recall and average precision"
        f"{', averaged over the classes' if several else ''}, {decimal(judged.average_precision, 3, [1.0])} here, then "
        f"weigh the classes{'' if several else ' or move the threshold'}.",
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
        told = over_seeds(test)
    return FollowUp("5.real", "Is the difference between the frameworks real?", f"{agree}. {told}")


def _probabilities(record: RunRecord, judged: Evaluation) -> FollowUp:
    bins = [entry for entry in judged.calibration if entry[2] > 0]
    worst = max(bins, key=lambda entry: entry[2] * abs(entry[0] - entry[1]), default=None)
    several = has_several(record)
    true = "of the answers are right" if several else "is true"
    table = (
        "There is no calibration table in this record."
        if worst is None
        else f"The bin that costs most says {percent(worst[0])} on average where {percent(worst[1])} {true}, on "
        f"{counted(worst[2], 'row')}."
    )
    blind = (
        f"equal probabilities would have {decimal((1 - 1 / record.network.n_outputs) / 2, 3)}"
        if several
        else "a coin would have a quarter"
    )
    return FollowUp(
        "5.probabilities",
        "Can one trust the probabilities?",
        f"I check that apart from accuracy. {said(judged.framework)} has a Brier score of {decimal(judged.brier, 3)}, "
        f"where {blind}, and a log loss of {decimal(judged.log_loss, 3)}. {table}",
    )


def _likeliest(record: RunRecord, judged: Evaluation) -> FollowUp:
    low = [entry for entry in judged.calibration if entry[0] < 0.5]  # no bin has one half inside it
    unsure = (
        f"{counted(sum(entry[2] for entry in low), 'test row')} had less than one half there"
        if low
        else "no test row had less than one half there"
    )
    return FollowUp(
        "5.threshold",
        "How does it decide between the classes?",
        f"It answers with the likeliest of {record.network.n_outputs:,}, so there is no threshold to choose, even "
        f"where the likeliest is not likely: with {said(judged.framework)}, {unsure}. If errors cost differently, I "
        "weigh the probabilities by their costs, or leave rows without a clear answer to a person.",
    )


def _errors(judged: Evaluation) -> str:
    wrong = [(row, column, n) for row, counts in enumerate(judged.confusion) for column, n in enumerate(counts)]
    false_alarms = counted(sum(n for row, column, n in wrong if row < column), "false alarm")
    missed = counted(sum(n for row, column, n in wrong if row > column), "missed case")
    return f"{said(judged.framework)} has {false_alarms} and {missed} there."


def _threshold(threshold: float, judged: Evaluation) -> FollowUp:
    return FollowUp(
        "5.threshold",
        "Why this threshold?",
        f"I left it at {decimal(threshold, 2)}, which treats both errors alike. {_errors(judged)} If a missed case "
        "costs more, I move the threshold on validation rows and never on test rows.",
    )


def _chosen_threshold(threshold: float, judged: Evaluation) -> FollowUp:
    plain = judged.plain_accuracy or judged.accuracy
    return FollowUp(
        "5.threshold",
        "Why this threshold?",
        f"At {decimal(threshold, 9)} F1 is highest on the validation rows; no test row had a say. {_errors(judged)} At "
        f"one half, and with every row counted once, {percent(plain.value)} of the test rows would be right.",
    )
