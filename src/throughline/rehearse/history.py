"""How rehearsing went: progress by chapter, and what to practise next."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from throughline.rehearse.schedule import GRADES, due, recall
from throughline.rehearse.store import Store
from throughline.report.scripts import CHAPTERS


@dataclass(frozen=True)
class ChapterProgress:
    """What was practised of a chapter.

    Attributes
    ----------
    chapter : int
    title : str
    n_told, n_answers : int
        Times it was told to its end; follow-up questions answered.
    last_planned_s, last_spoken_s : float or None
        The last time that it was told.
    best_off_s : float or None
        Seconds off the plan, at best.
    mean_grade : float or None
        Of the answers, from 1 (again) to 4 (easy).
    recall : float or None
        Mean probability, by FSRS, that what was practised of it is still remembered.
    """

    chapter: int
    title: str
    n_told: int
    n_answers: int
    last_planned_s: float | None
    last_spoken_s: float | None
    best_off_s: float | None
    mean_grade: float | None
    recall: float | None


@dataclass(frozen=True)
class Due:
    """Something to practise: a chapter, or a question such as "3.dropout".

    It is due at `at`, which is None if it was never told.
    """

    item: str
    chapter: int
    title: str
    at: str | None
    recall: float | None


@dataclass(frozen=True)
class History:
    """Everything that is remembered.

    Attributes
    ----------
    n_talks, n_answers, n_drills, n_drills_right : int
    seconds : float
        Spent talking.
    chapters : list of ChapterProgress
    next : list of Due
        The most urgent first: what is due, then what was never told, then what comes.
    """

    n_talks: int
    n_answers: int
    n_drills: int
    n_drills_right: int
    seconds: float
    chapters: list[ChapterProgress]
    next: list[Due]

    def to_json(self) -> str:
        """Write it as indented JSON."""
        return json.dumps(asdict(self), indent=1, ensure_ascii=False) + "\n"


def read_history(store: Store, now: datetime | None = None) -> History:
    """Sum up the store.

    Parameters
    ----------
    store : Store
    now : datetime, optional
        In UTC.
    """
    now = now or datetime.now(UTC)
    cards = store.cards()
    ((n_talks, seconds),) = store.rows("SELECT count(*), total(spoken_s) FROM talks")
    ((n_answers,),) = store.rows("SELECT count(*) FROM answers")
    drills = store.rows("SELECT correct FROM drills")
    return History(
        n_talks=_whole(n_talks),
        n_answers=_whole(n_answers),
        n_drills=len(drills),
        n_drills_right=sum(bool(correct) for (correct,) in drills),
        seconds=_real(seconds),
        chapters=[_progress(store, cards, chapter, now) for chapter in CHAPTERS],
        next=_next(cards, now),
    )


def _progress(store: Store, cards: dict[str, str], chapter: int, now: datetime) -> ChapterProgress:
    times = store.rows("SELECT planned_s, spoken_s FROM chapters WHERE chapter = ? ORDER BY rowid", (chapter,))
    grades = [_whole(grade) for (grade,) in store.rows("SELECT grade FROM answers WHERE chapter = ?", (chapter,))]
    offs = [abs(_real(spoken) - _real(planned)) for planned, spoken in times]
    recalls = [recall(card, now) for item, card in cards.items() if _chapter_of(item) == chapter]
    return ChapterProgress(
        chapter=chapter,
        title=CHAPTERS[chapter][0],
        n_told=len(times),
        n_answers=len(grades),
        last_planned_s=_real(times[-1][0]) if times else None,
        last_spoken_s=_real(times[-1][1]) if times else None,
        best_off_s=min(offs, default=None),
        mean_grade=sum(grades) / len(grades) if grades else None,
        recall=sum(recalls) / len(recalls) if recalls else None,
    )


def _next(cards: dict[str, str], now: datetime) -> list[Due]:
    practised = sorted((due(card), item) for item, card in cards.items())
    known = [
        Due(
            item, _chapter_of(item), CHAPTERS[_chapter_of(item)][0], at.isoformat(timespec="seconds"), recall(card, now)
        )
        for at, item in practised
        for card in [cards[item]]
    ]
    n_due = sum(at <= now for at, _ in practised)
    new = [Due(str(n), n, title, None, None) for n, (title, _) in CHAPTERS.items() if str(n) not in cards]
    return [*known[:n_due], *new, *known[n_due:]]


def _chapter_of(item: str) -> int:
    return int(item.split(".")[0])


def _whole(value: object) -> int:
    assert isinstance(value, int)
    return value


def _real(value: object) -> float:
    assert isinstance(value, int | float)
    return float(value)


def in_words(grade: float) -> str:
    """Return the name of the grade that is nearest.

    Examples
    --------
    >>> in_words(2.8)
    'good'
    """
    return GRADES[round(grade)]
