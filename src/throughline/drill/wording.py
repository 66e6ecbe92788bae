"""Figures and sentences of a drill, the same in the terminal and on the page."""

from __future__ import annotations

from throughline.drill.bug import Unit
from throughline.drill.record import Compared, Evidence
from throughline.report.formatting import count, decimal, percent, scientific

WRITERS = {"percent": percent, "decimal": decimal, "count": count, "scientific": scientific}


def written(value: float | None, unit: Unit) -> str:
    """Write a figure; one that is not finite is a dash.

    Examples
    --------
    >>> written(0.25, "decimal"), written(3.0, "count"), written(None, "percent")
    ('0.250', '3', '–')
    """
    if value is not None and unit == "decimal" and abs(value) >= 1000:
        return scientific(value)
    return WRITERS[unit](value)


def both(figure: Compared) -> tuple[str, str]:
    """Write what was measured, and what a sound run has."""
    return written(figure.measured, figure.unit), written(figure.expected, figure.unit)


def verdict(evidence: Evidence) -> str:
    """Say whether the answer was right, and its grade.

    Examples
    --------
    >>> from throughline.drill.session import draw_drill, judge
    >>> verdict(judge(draw_drill("shuffled-labels", 1), "shuffled-labels", 0))
    'Right, without a hint. Grade: easy.'
    """
    if evidence.correct:
        how = {"easy": "without a hint", "good": "with one hint", "hard": "with hints"}[evidence.grade]
        return f"Right, {how}. Grade: {evidence.grade}."
    said = f"'{evidence.understood}'" if evidence.understood else "no cause that is known here"
    return f"Not right; the answer was taken for {said}. Grade: {evidence.grade}."


def symptom_sentence(evidence: Evidence) -> str:
    """Say which of the symptoms gives the bug away."""
    if evidence.symptom is None:
        return "None of the figures gives it away; only the quantity below tells it."
    measured, expected = both(evidence.symptom)
    return f"Among the symptoms: {evidence.symptom.title} {measured}, expected {expected}."
