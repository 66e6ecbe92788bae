"""What the test over seeds says: that two frameworks are equally good, or that this is not shown."""

from __future__ import annotations

from throughline.claims.cited import unmarked
from throughline.record import EquivalenceTest
from throughline.report.phrases import FACT, MUST, Sentence
from throughline.report.scripts.c5_figures import SIGNIFICANCE
from throughline.report.spoken import counted, decimal, p_value, ratio


def equivalence_sentences(test: EquivalenceTest | None) -> list[Sentence]:
    """Say in a sentence what the test shows; nothing where there was none."""
    if test is None:
        return []
    return [Sentence(_sentence(test), FACT if test.equivalent else MUST)]


def equivalence_point(test: EquivalenceTest) -> str:
    """Return what a glance must tell of the test."""
    p = p_value(test.p_value, SIGNIFICANCE)
    verdict = "equivalent" if test.equivalent else "NOT shown to be equivalent"
    in_r2 = "" if test.metric == "accuracy" else f" in {test.metric}"
    return f"over {counted(test.n_seeds, 'seed')} {verdict} within {apart_of(test, test.margin)}{in_r2}, p is {p}"


def apart_of(test: EquivalenceTest, difference: float, *others: float) -> str:
    """Write the size of a difference: of accuracies in percentage points, of R² as a number."""
    if test.metric != "accuracy":
        return ratio(abs(difference), [0.0, *others])
    hundredfold = [round(100 * other, 10) for other in (0.0, *others)]
    text = decimal(abs(round(100 * difference, 10)), 2, hundredfold)
    return f"{text} percentage point{'' if unmarked(text) == '1' else 's'}"


def _sentence(test: EquivalenceTest) -> str:
    apart = apart_of(test, test.difference, test.margin)
    margin = apart_of(test, test.margin).replace("percentage ", "")
    verdict = (
        f"and a test shows them equivalent to within {margin}"
        if test.equivalent
        else f"and shown to differ by more than {margin}"
        if test.low >= test.margin or test.high <= -test.margin
        else f"which does not show them equivalent to within {margin}"
    )
    they = "they are" if test.metric == "accuracy" else f"their {test.metric} lie"
    return f"Over {counted(test.n_seeds, 'seed')} {they} {apart} apart, {verdict}."
