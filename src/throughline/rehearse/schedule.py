"""When something should be practised again: FSRS, the free spaced repetition scheduler, decides.

References
----------
.. [1] J. Ye, J. Su, Y. Cao, "A stochastic shortest path algorithm for optimizing spaced repetition scheduling",
   KDD 2022.
"""

from __future__ import annotations

from datetime import datetime

# How far off its plan a chapter may be, as a share of it, to count as good, and as hard.
GOOD_WITHIN, HARD_WITHIN = 0.1, 0.25
AGAIN, HARD, GOOD, EASY = 1, 2, 3, 4
GRADES = {AGAIN: "again", HARD: "hard", GOOD: "good", EASY: "easy"}


def reviewed(card: str | None, grade: int, at: datetime) -> str:
    """Return the state of something after it was practised.

    Parameters
    ----------
    card : str or None
        State before, as this function gave it; None the first time.
    grade : int
        1 again, 2 hard, 3 good, 4 easy.
    at : datetime
        In UTC.
    """
    from fsrs import Card, Rating, Scheduler

    before = Card.from_json(card) if card is not None else Card(card_id=0, due=at)
    # Without fuzz: the same answers give the same plan.
    after, _ = Scheduler(enable_fuzzing=False).review_card(before, Rating(grade), at)
    return after.to_json()


def due(card: str) -> datetime:
    """Return when something should be practised again."""
    from fsrs import Card

    return Card.from_json(card).due


def recall(card: str, at: datetime) -> float:
    """Return the probability that it is still remembered."""
    from fsrs import Card, Scheduler

    return float(Scheduler().get_card_retrievability(Card.from_json(card), at))


def grade_by_clock(planned_s: float, spoken_s: float) -> int:
    """Grade a chapter by how close it came to its planned time; the clock alone never says easy.

    Examples
    --------
    >>> grade_by_clock(50, 48), grade_by_clock(50, 60), grade_by_clock(50, 80)
    (3, 2, 1)
    """
    off = abs(spoken_s - planned_s) / planned_s
    return GOOD if off <= GOOD_WITHIN else HARD if off <= HARD_WITHIN else AGAIN
