"""Follow-up questions on chapter 5: what the figures mean."""

from __future__ import annotations

from throughline.record import RunRecord
from throughline.report.follow_ups import of_amounts, of_classes
from throughline.report.follow_ups.question import FollowUp


def evaluation(record: RunRecord) -> list[FollowUp]:
    """Return what is asked after chapter 5."""
    found = record.evaluation
    if found is None:
        return []
    if found.paired is not None and found.networks:
        return of_classes.questions(record, found, found.paired)
    if found.paired_errors is not None and found.amounts:
        return of_amounts.questions(record, found, found.paired_errors)
    return []
