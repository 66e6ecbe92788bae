"""Chapter 5: scores with intervals, and whether the frameworks differ."""

from __future__ import annotations

from throughline.record import RunRecord
from throughline.report.answers import gives_amounts, reaches, score, score_name, scores_on_test_rows
from throughline.report.phrases import CORE, RESULT, Sentence, bar_points, bar_sentences, said
from throughline.report.scripts import c5_amounts, c5_classes
from throughline.report.scripts.c5_equivalence import equivalence_point, equivalence_sentences
from throughline.report.scripts.script import Script


def evaluation(record: RunRecord) -> Script | None:
    """Tell chapter 5."""
    found, scores = record.evaluation, scores_on_test_rows(record)
    if found is None or not scores:
        return None
    pair = found.paired or found.paired_errors
    if pair is None:
        return None
    told = c5_amounts.figures(record, found) if gives_amounts(record) else c5_classes.figures(record, found)
    frameworks = [name for name in scores if name in pair.frameworks]
    sentences = [
        Sentence("I judge every network with the same code, on test rows that no training has seen.", CORE),
        *(
            Sentence(_score_sentence(record, name, "a confidence" if i == 0 else "an"), RESULT)
            for i, name in enumerate(frameworks)
        ),
        Sentence("The confidence interval says how far other rows could move that figure.", 4, follows=True),
        *(
            [Sentence("Rows have weights here, and every one of these figures is weighted by them.")]
            if found.weighted_by
            else []
        ),
        *(
            Sentence(f"{said(name)}, from scratch, gets {reaches(record, interval.value)}.", 3)
            for name, interval in scores.items()
            if name not in frameworks
        ),
        *told.about_one,
        *bar_sentences(record, 5),
        *told.about_both,
        *equivalence_sentences(found.equivalence),
        told.why,
    ]
    key_points = [
        *(
            f"{said(name)}: {score_name(record) + ' ' if gives_amounts(record) else ''}"
            f"{score(record, scores[name].value)} "
            f"({score(record, scores[name].low)} to {score(record, scores[name].high)})."
            for name in frameworks
        ),
        *told.points,
        f"{told.test_point}" + (f"; {equivalence_point(found.equivalence)}." if found.equivalence else "."),
    ]
    return Script(sentences, [*key_points, *bar_points(record, 5)])


def _score_sentence(record: RunRecord, framework: str, kind_of: str) -> str:
    found = scores_on_test_rows(record)[framework]
    return (
        f"{said(framework)} gets {reaches(record, found.value)}, with {kind_of} interval from "
        f"{score(record, found.low)} to {score(record, found.high)}."
    )
