"""What an interviewer asks after a chapter, and an answer that cites this run."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FollowUp:
    """A question and its answer.

    Attributes
    ----------
    key : str
        Chapter and subject such as "3.dropout"; the same for every run, so that a drill can remember it.
    question : str
        As it would be asked; where a measurement contradicts what is usually asked, the question follows it.
    answer : str
        Every figure in it is from the record.
    """

    key: str
    question: str
    answer: str
