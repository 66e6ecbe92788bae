"""Questions against a clock: one is asked, the answer is revealed, the speaker grades it."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.widgets import Static

from throughline.rehearse.printed import heading
from throughline.rehearse.schedule import GRADES, due
from throughline.report.follow_ups import FollowUp
from throughline.report.walks import clock


@dataclass(frozen=True)
class Question:
    """A follow-up question with the chapter that it belongs to."""

    chapter: int
    title: str
    asked: FollowUp


def pick(
    questions: Sequence[Question], cards: dict[str, str], now: datetime, draw: random.Random, last: Question | None
) -> Question:
    """Draw a question: one that is due or was never asked, as long as there is one, and not the last again.

    Parameters
    ----------
    questions : sequence of Question
    cards : dict of str to str
        State of those that were practised, by key.
    now : datetime
    draw : random.Random
    last : Question or None
    """
    others = [question for question in questions if question != last] or list(questions)
    urgent = [q for q in others if q.asked.key not in cards or due(cards[q.asked.key]) <= now]
    return draw.choice(urgent or others)


class DrillScreen(Screen[None]):
    """One question after the other.

    Parameters
    ----------
    questions : sequence of Question
    cards : callable
        Returns the states of what was practised.
    keep : callable
        Takes a question, the seconds until it was answered, and its grade.
    draw : random.Random
    now : callable
        A clock in seconds.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,enter", "reveal", "show the answer"),
        *(Binding(str(grade), f"grade({grade})", name) for grade, name in GRADES.items()),
        Binding("escape,d", "app.pop_screen", "back"),
    ]
    CSS = """
    DrillScreen { align: center middle; background: #101418; }
    #card { width: 84%; max-width: 78; height: auto; max-height: 90%; padding: 1 3; background: #182028; }
    #where { color: #7cc4ff; text-style: bold; }
    #question { margin: 1 0; color: #ffffff; text-style: bold; }
    #answer { color: #d5dce4; }
    #grades { margin-top: 1; color: #93a0ad; }
    """

    def __init__(
        self,
        questions: Sequence[Question],
        cards: Callable[[], dict[str, str]],
        keep: Callable[[Question, float, int], None],
        draw: random.Random,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__()
        self._questions, self._cards, self._keep, self._draw, self._now = questions, cards, keep, draw, now
        self.question: Question | None = None
        self.seconds: float | None = None
        self._asked_at = 0.0

    def compose(self) -> ComposeResult:
        """Lay out the card."""
        with VerticalScroll(id="card"):
            for part in ("where", "question", "answer", "grades"):
                yield Static(id=part, markup=False)

    def on_mount(self) -> None:
        """Ask the first question, and let its clock run."""
        self._ask()
        self.set_interval(0.5, self._show)

    def action_reveal(self) -> None:
        """Show the answer, and stop the clock of the question."""
        if self.seconds is None:
            self.seconds = self._now() - self._asked_at
            self._show()

    def action_grade(self, grade: int) -> None:
        """Keep the speaker's grade and ask the next question; nothing can be graded unseen."""
        if self.seconds is not None and self.question is not None:
            self._keep(self.question, self.seconds, grade)
            self._ask()

    def _ask(self) -> None:
        self.question = pick(self._questions, self._cards(), datetime.now(UTC), self._draw, self.question)
        self.seconds, self._asked_at = None, self._now()
        self._show()

    def _show(self) -> None:
        assert self.question is not None
        spent = self._now() - self._asked_at if self.seconds is None else self.seconds
        grades = "  ".join(f"{grade} {name}" for grade, name in GRADES.items())
        texts = {
            "where": f"{heading(self.question.chapter, self.question.title)}   {clock(spent)}",
            "question": self.question.asked.question,
            "answer": "Answer aloud, then look." if self.seconds is None else self.question.asked.answer,
            "grades": f"{'space show the answer' if self.seconds is None else grades}  esc back",
        }
        for part, text in texts.items():
            self.query_one(f"#{part}", Static).update(text)
