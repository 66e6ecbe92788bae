"""Where a speaker is in a script, and how that stands to the clock; it knows no screen and no clock of its own."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from throughline.rehearse.script import TimedScript
from throughline.report.speaker import FASTEST, SLOWEST

# Going back within this time of a sentence's beginning goes to the one before it.
JUST_BEGUN_S = 1.0
LONGEST_STEP_S = 0.25


@dataclass(frozen=True)
class ChapterTime:
    """How long a chapter took, against its plan."""

    chapter: int
    planned_s: float
    spoken_s: float


class Reading:
    """A talk under way.

    Attributes
    ----------
    script : TimedScript
    position_s : float
        Where the text stands, in seconds of the plan.
    talk_s : float
        What the clock says.
    wpm : int
        The present pace.
    held : bool
        The text waits, the clock does not: a speaker who thinks.
    paused : bool
        Both wait; so it begins.
    """

    def __init__(self, script: TimedScript) -> None:
        self.script = script
        self.position_s, self.talk_s = 0.0, 0.0
        self.wpm = script.wpm
        self.held, self.paused = False, True
        self._starts = [word.start_s for word in script.words]
        self._spoken = [0.0] * len(script.passages)
        self._whole: set[int] = set()

    def advance(self, seconds: float) -> None:
        """Let time pass; in small steps, so that each counts for the chapter in which it passed."""
        while seconds > 0 and not self.paused and not self.finished:
            step = min(LONGEST_STEP_S, seconds)
            seconds -= step
            self.talk_s += step
            self._spoken[self.passage] += step
            if not self.held:
                self._go_to(self.position_s + step * self.wpm / self.script.wpm)

    def next_sentence(self) -> None:
        """Go on to the next sentence, as one who was quicker than the text."""
        sentence = self.script.words[self.index].sentence
        later = (word.start_s for word in self.script.words[self.index :] if word.sentence > sentence)
        self._go_to(next(later, self.script.seconds))

    def back(self) -> None:
        """Go back to the beginning of the sentence, or of the one before if it has just begun."""
        sentence = self.script.words[self.index].sentence
        start = self._start_of_sentence(sentence)
        if self.position_s - start < JUST_BEGUN_S and sentence > 0:
            start = self._start_of_sentence(sentence - 1)
        self.position_s = start

    def go_to_passage(self, passage: int) -> None:
        """Jump to the beginning of a passage; what lies between was not told."""
        if 0 <= passage < len(self.script.passages):
            self.position_s = self.script.start_of(passage)

    def change_pace(self, words: int) -> None:
        """Speak so many words a minute faster, within what can be spoken."""
        self.wpm = min(FASTEST, max(SLOWEST, self.wpm + words))

    @property
    def index(self) -> int:
        """The word that is said now."""
        return max(0, bisect_right(self._starts, self.position_s) - 1)

    @property
    def passage(self) -> int:
        """The passage that is told now."""
        return self.script.words[self.index].passage

    @property
    def finished(self) -> bool:
        """Whether the last word was said."""
        return self.position_s >= self.script.seconds

    @property
    def lead_s(self) -> float:
        """Seconds ahead of the plan; below 0 behind it."""
        return self.position_s - self.talk_s

    @property
    def passage_s(self) -> float:
        """Time spent on this passage."""
        return self._spoken[self.passage]

    def told(self) -> list[ChapterTime]:
        """Return the time of every chapter that was told to its end."""
        return [
            ChapterTime(passage.chapter, self.script.seconds_of(i), self._spoken[i])
            for i, passage in enumerate(self.script.passages)
            if i in self._whole and self._spoken[i] > 0
        ]

    def _go_to(self, position_s: float) -> None:
        before = self.passage
        self.position_s = min(position_s, self.script.seconds)
        if self.finished:
            self._whole.update(range(before, len(self.script.passages)))
        else:
            self._whole.update(range(before, self.passage))

    def _start_of_sentence(self, sentence: int) -> float:
        return next(word.start_s for word in self.script.words if word.sentence == sentence)
