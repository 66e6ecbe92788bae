"""Follow-up questions on networks that answer with amounts."""

from __future__ import annotations

from throughline.record import AmountEvaluation, EvaluationRecord, PairedErrors, RunRecord
from throughline.report.answers import score
from throughline.report.follow_ups.of_seeds import over_seeds
from throughline.report.follow_ups.question import FollowUp
from throughline.report.phrases import said
from throughline.report.spoken import amount

SIGNIFICANCE = 0.05
LOWEST, LOW, HIGH, HIGHEST = 0, 1, -2, -1  # places in `AmountEvaluation.error_quantiles`: extremes, 5 % and 95 %


def questions(record: RunRecord, found: EvaluationRecord, paired: PairedErrors) -> list[FollowUp]:
    """Return what is asked."""
    judged = next((n for n in found.amounts if n.framework in paired.frameworks), found.amounts[0])
    return [_r2(record, judged), _real(found, paired), _errors(judged), _single(judged)]


def _r2(record: RunRecord, judged: AmountEvaluation) -> FollowUp:
    r2 = score(record, judged.r2.value, [0.0])
    verdict = (
        f"is {r2}, so it explains that share of the variance"
        if judged.r2.value > 0
        else f"is {r2}, so always answering the mean of the test rows would do as well or better"
    )
    return FollowUp(
        "5.r2",
        "Why R² and not accuracy?",
        "No amount is ever hit exactly, so there is nothing to count. R² compares the squared errors with those of "
        f"always answering the mean. That of {said(judged.framework)} {verdict}. The root mean square error, "
        f"{amount(judged.rmse.value)}, says the same in the unit of the target.",
    )


def _real(found: EvaluationRecord, paired: PairedErrors) -> FollowUp:
    first, second = (said(name) for name in paired.frameworks)
    apart = (
        f"{first} and {second} are nowhere further apart than {amount(paired.largest_apart)}"
        if paired.largest_apart
        else f"{first} and {second} give exactly the same amounts on the test rows"
    )
    if found.equivalence is not None:
        told = over_seeds(found.equivalence)
    elif paired.largest_apart == 0:
        told = "So there is nothing to test there; other seeds could part them."
    else:
        significant = paired.p_value < SIGNIFICANCE
        verdict = "significant" if significant else "not significant, and that does not prove them equal"
        told = (
            f"Wilcoxon's test calls the difference of their errors {verdict}. Equality needs a test of its own, over "
            "several seeds."
        )
    return FollowUp("5.real", "Is the difference between the frameworks real?", f"{apart}. {told}")


def _errors(judged: AmountEvaluation) -> FollowUp:
    bias = judged.bias
    side = "too high" if bias.value > 0 else "too low"
    told = (
        f"its interval leaves out zero, so {said(judged.framework)} leans to one side"
        if bias.low > 0 or bias.high < 0
        else "its interval has zero in it, so I see no lean to one side"
    )
    return FollowUp(
        "5.errors",
        "Does it answer too high or too low?",
        f"On average {amount(abs(bias.value))} {side}; {told}. The mean absolute error is {amount(judged.mae.value)}. "
        f"The worst answers are {_distance(judged.error_quantiles[LOWEST])} and "
        f"{_distance(judged.error_quantiles[HIGHEST])}. I would look at those rows first.",
    )


def _distance(error: float) -> str:
    return f"{amount(abs(error))} too {'high' if error > 0 else 'low'}"


def _single(judged: AmountEvaluation) -> FollowUp:
    low, high = (_distance(judged.error_quantiles[place]) for place in (LOW, HIGH))
    return FollowUp(
        "5.single",
        "How far can one trust a single answer?",
        "The network gives an amount and no interval around it. From the test rows I know that nine errors in ten lie "
        f"between {low} and {high}; that holds on average, and not for each kind of row. For an interval of its own I "
        "would train it on quantiles, or use conformal prediction.",
    )
