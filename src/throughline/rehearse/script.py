"""A walk cut into words, each with the moment at which it is said."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

from throughline.report.spoken import count_words
from throughline.report.walks import Passage, Walk

# A numeral keeps its power of ten and its percent sign: they are one breath, and hidden together.
TOKEN = re.compile(r"\d[\d,]*(?:\.\d+)?(?: × 10⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹]+)?(?: ?%)?\S*|\S+")
SENTENCE_END = re.compile(r"[.?!]$")


@dataclass(frozen=True)
class Word:
    """What is highlighted at a time.

    Attributes
    ----------
    text : str
    passage, sentence : int
        Places in the walk, from 0; sentences are counted through all passages.
    start_s, end_s : float
        From the beginning of the walk, at the planned pace.
    is_number : bool
        Whether it is a figure, which can be hidden until its moment.
    """

    text: str
    passage: int
    sentence: int
    start_s: float
    end_s: float
    is_number: bool


@dataclass(frozen=True)
class TimedScript:
    """A walk with a clock in it.

    Attributes
    ----------
    kind : str
    wpm : int
    passages : tuple of Passage
    words : tuple of Word
    """

    kind: str
    wpm: int
    passages: tuple[Passage, ...]
    words: tuple[Word, ...]

    @property
    def seconds(self) -> float:
        """Length of the whole walk."""
        return self.words[-1].end_s

    def start_of(self, passage: int) -> float:
        """Return when a passage begins."""
        return next(word.start_s for word in self.words if word.passage == passage)

    def seconds_of(self, passage: int) -> float:
        """Return how long a passage takes."""
        return max(word.end_s for word in self.words if word.passage == passage) - self.start_of(passage)


def timed(walk: Walk) -> TimedScript:
    """Cut a walk into words; each takes as long as its words do when they are read aloud."""
    cut = [(text, i) for i, passage in enumerate(walk.passages) for text in TOKEN.findall(passage.text)]
    ends = [60 * n / walk.wpm for n in accumulate(count_words(text) for text, _ in cut)]
    sentences = _sentences(cut)
    words = tuple(
        Word(text, passage, sentence, start, end, text[0].isdigit())
        for (text, passage), sentence, start, end in zip(cut, sentences, [0.0, *ends], ends, strict=False)
    )
    return TimedScript(walk.kind, walk.wpm, walk.passages, words)


def _sentences(cut: Sequence[tuple[str, int]]) -> list[int]:
    """Return the number of every word's sentence; a passage begins a new one."""
    begins = [
        bool(SENTENCE_END.search(before)) or passage != of_before for (before, of_before), (_, passage) in pairwise(cut)
    ]
    return list(accumulate([0, *map(int, begins)]))
