"""Chapter 5 where answers are amounts: errors in the unit of the target, and Wilcoxon's test."""

from __future__ import annotations

from throughline.record import AmountEvaluation, EvaluationRecord, PairedErrors, RunRecord
from throughline.report.phrases import FACT, MUST, Sentence, said
from throughline.report.scripts.c5_figures import SIGNIFICANCE, Figures, no_difference
from throughline.report.spoken import amount, p_value


def figures(record: RunRecord, found: EvaluationRecord) -> Figures:
    """Say what there is beyond the R²."""
    paired = found.paired_errors
    assert paired is not None
    first = next((n for n in found.amounts if n.framework in paired.frameworks), found.amounts[0])
    significant = paired.p_value < SIGNIFICANCE
    return Figures(
        about_one=_errors(first),
        about_both=_paired_sentences(paired, found.equivalence is not None),
        why=Sentence(
            "I look at errors in the target's unit, because R² alone does not say how far off an answer is.", 2
        ),
        points=[
            f"{said(first.framework)}: root mean square error {_rmse(first)}; always answering the mean "
            f"{_baseline(first)}."
        ],
        test_point=f"Wilcoxon: p is {_p(paired)}, {'a' if significant else 'no'} significant difference of the errors",
    )


def _rmse(network: AmountEvaluation) -> str:
    return amount(network.rmse.value, [network.baseline_rmse])


def _baseline(network: AmountEvaluation) -> str:
    return amount(network.baseline_rmse, [network.rmse.value])


def _errors(network: AmountEvaluation) -> list[Sentence]:
    better = network.rmse.value < network.baseline_rmse
    return [
        Sentence(
            f"{said(network.framework)}'s root mean square error is {_rmse(network)}; always answering the mean gets "
            f"{_baseline(network)}."
            if better
            else f"{said(network.framework)}'s root mean square error is {_rmse(network)}, no better than the "
            f"{_baseline(network)} of always answering the mean.",
            25 if better else MUST,
        ),
        Sentence(f"Squares let a few large errors decide; the mean absolute error is {amount(network.mae.value)}.", 5),
    ]


def _p(paired: PairedErrors) -> str:
    return p_value(paired.p_value, SIGNIFICANCE)


def _paired_sentences(paired: PairedErrors, equivalence_follows: bool) -> list[Sentence]:
    first, second = (said(framework) for framework in paired.frameworks)
    if paired.largest_apart == 0:
        return [Sentence(f"{first} and {second} give exactly the same amounts, so there is nothing to test.")]
    mean = paired.difference.value
    significant = paired.p_value < SIGNIFICANCE
    # The test is about ranks, and the mean may lie on the other side: it does not say which of the two is better.
    verdict = "so the difference is significant." if significant else no_difference(equivalence_follows)
    value = MUST if significant else FACT
    apart = f"{amount(abs(mean))} {'less' if mean < 0 else 'more'}"
    return [
        Sentence(
            f"Wilcoxon's test compares the errors row by row: {first} is off by {apart} than {second} on average."
            if mean
            else f"Wilcoxon's test compares the errors row by row: on average {first} and {second} are off by as much.",
            value,
        ),
        Sentence(f"Its p-value is {_p(paired)}, {verdict}", value, follows=True),
        Sentence(f"On no row are the two further apart than {amount(paired.largest_apart)}.", 6),
    ]
