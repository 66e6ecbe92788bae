"""Walks: chapters strung together into a talk of a promised length.

A walk is composed by the number of spoken words at the person's pace, chapter by chapter to the same level, and its
length is checked before anybody hears it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from throughline.claims.cited import length
from throughline.errors import UsageError
from throughline.record import RunRecord
from throughline.report.follow_ups import follow_ups
from throughline.report.phrases import Sentence, said
from throughline.report.scripts import Script
from throughline.report.speaker import Speaker
from throughline.report.spoken import count_words, counted, listed
from throughline.report.talking_points import choose, compose, told_chapters

Kind = Literal["full", "quick", "deep"]
# Shortest and longest, in seconds.
LENGTHS: dict[str, tuple[int, int]] = {"full": (300, 420), "quick": (120, 180), "deep": (60, 120)}
QUICK_CHAPTERS = (3, 4, 6, 7)
# No chapter of any walk is told for longer.
LONGEST_CHAPTER_S = 118
# Words for a chapter that are tried: fine enough, since walks have a minute of leeway.
FEWEST_WORDS, LEVEL_STEP = 15, 4
# Worth of the questions: in a deep walk more than most explanations, elsewhere less than any.
ASKED_IN_DEPTH, ASKED_TO_FILL = 10, 0


@dataclass(frozen=True)
class Passage:
    """What is said of one chapter in a walk.

    Attributes
    ----------
    chapter : int
    title, text : str
    key_points : tuple of str
    n_words : int
        As spoken.
    """

    chapter: int
    title: str
    text: str
    key_points: tuple[str, ...]
    n_words: int


@dataclass(frozen=True)
class Walk:
    """A talk of a promised length.

    Attributes
    ----------
    kind : {"full", "quick", "deep"}
    wpm : int
    passages : tuple of Passage
    """

    kind: Kind
    wpm: int
    passages: tuple[Passage, ...]

    @property
    def n_words(self) -> int:
        """Words as spoken."""
        return sum(passage.n_words for passage in self.passages)

    @property
    def seconds(self) -> float:
        """Time to say them."""
        return 60 * self.n_words / self.wpm


def compose_walk(
    record: RunRecord, kind: Kind = "full", speaker: Speaker | None = None, chapter: int | None = None
) -> Walk:
    """Compose a walk whose length is within its bounds at the speaker's pace.

    Parameters
    ----------
    record : RunRecord
    kind : {"full", "quick", "deep"}
        All chapters in 5 to 7 minutes; chapters 3, 4, 6 and 7 in 2 to 3; any one in 1 to 2.
    speaker : Speaker, optional
    chapter : int, optional
        Of a deep walk.

    Returns
    -------
    Walk

    Raises
    ------
    UsageError
        If there is no such walk or chapter, or if the run has too little to tell for that length.
    """
    speaker = speaker or Speaker()
    told = told_chapters(record, speaker)
    chosen = _chapters(kind, chapter, list(told))
    asked = ASKED_IN_DEPTH if kind == "deep" else ASKED_TO_FILL
    material = [_material(record, number, told[number][1], asked) for number in chosen]
    before, after = ("", "") if kind == "deep" else (_opening(record), _closing(record))
    n_frame = count_words(before) + count_words(after)
    shortest, longest = (speaker.words_in(seconds) for seconds in LENGTHS[kind])
    texts = _levelled(material, (shortest + longest) // 2 - n_frame, speaker)
    texts[0] = f"{before} {texts[0]}".strip()
    texts[-1] = f"{texts[-1]} {after}".strip()
    passages = tuple(
        Passage(number, told[number][0], text, tuple(told[number][1].key_points), count_words(text))
        for number, text in zip(chosen, texts, strict=True)
    )
    walk = Walk(kind, speaker.wpm, passages)
    if not LENGTHS[kind][0] <= walk.seconds <= LENGTHS[kind][1]:
        raise _no_walk(kind, list(told))
    return walk


def lengths_of_walks(record: RunRecord, speaker: Speaker) -> list[tuple[str, str, str, str]]:
    """Return name, chapters, words and time of every walk that this run has enough to tell for."""
    told = list(told_chapters(record, speaker))
    wanted: list[tuple[Kind, int | None]] = [("full", None), ("quick", None), *(("deep", number) for number in told)]
    rows: list[tuple[str, str, str, str]] = []
    for kind, chapter in wanted:
        try:
            walk = compose_walk(record, kind, speaker, chapter)
        except UsageError:
            rows.append((kind, "too few in this run", "–", "–"))
        else:
            numbers = listed([str(passage.chapter) for passage in walk.passages])
            rows.append((kind, numbers, f"{walk.n_words:,}", clock(walk.seconds)))
    return rows


def clock(seconds: float) -> str:
    """Write a time as minutes and seconds.

    Examples
    --------
    >>> clock(65.4), clock(-3)
    ('1:05', '-0:03')
    """
    whole = round(abs(seconds))
    return f"{'-' if seconds < 0 and whole else ''}{whole // 60}:{whole % 60:02}"


def _chapters(kind: str, chapter: int | None, told: list[int]) -> list[int]:
    """Return the chapters of a walk that the run has."""
    if kind not in get_args(Kind):
        raise UsageError("--walk", f"one of {', '.join(LENGTHS)}", repr(kind), "choose one")
    if kind != "deep":
        if chapter is not None:
            raise UsageError("--chapter", "left out", str(chapter), "pass --walk deep with it")
        chosen = [number for number in told if kind == "full" or number in QUICK_CHAPTERS]
        if not chosen:
            raise _no_walk(kind, told)
        return chosen
    if chapter not in told:
        received = "none" if chapter is None else str(chapter)
        allowed = f"one that this run tells ({listed([str(number) for number in told]) or 'none'})"
        raise UsageError("--chapter", allowed, received, "pass for example --walk deep --chapter 3")
    return [chapter]


def _material(record: RunRecord, chapter: int, script: Script, value: int) -> list[Sentence]:
    """Return all that can be said of a chapter, with the questions that the speaker asks and answers at the end."""
    asked = [Sentence(f"{asked.question} {asked.answer}", value) for asked in follow_ups(record, chapter)]
    return [*script.sentences, *asked]


def _levelled(material: list[list[Sentence]], n_words: int, speaker: Speaker) -> list[str]:
    """Compose all chapters to one level of words each, so that together they come closest to `n_words`."""
    levels = range(FEWEST_WORDS, speaker.words_in(LONGEST_CHAPTER_S) + 1, LEVEL_STEP)
    best = min(levels, key=lambda level: abs(sum(_length(sentences, level) for sentences in material) - n_words))
    return [compose(sentences, best) for sentences in material]


def _length(sentences: list[Sentence], level: int) -> int:
    return sum(count_words(sentence.text) for sentence in choose(sentences, level))


def _opening(record: RunRecord) -> str:
    frameworks = [said(training.framework) for training in record.trainings()]
    made = f" in {listed(frameworks)}" if frameworks else ""
    files = f", and followed it into {counted(length(record.formats), 'exported file')}" if record.formats else ""
    return f"I built one network{made}{files}. Every figure that I give was measured in one run."


def _closing(record: RunRecord) -> str:
    failed = sum(entry.status == "failed" for entry in record.formats)
    missed = sum(not bar.met for bar in record.bars)
    if failed or missed:
        owned = [counted(failed, "file")] * bool(failed) + [counted(missed, "bar")] * bool(missed)
        return f"So {listed(owned)} did not pass, and that is where I would go on."
    return "So at every step I can say what I did, and how I know."


def _no_walk(kind: str, told: list[int]) -> UsageError:
    low, high = (seconds // 60 for seconds in LENGTHS[kind])
    had = f"{kind!r} for a run with chapters {listed([str(number) for number in told])}" if told else f"{kind!r}"
    allowed = f"a walk that this run has enough to tell for ({kind} takes {low} to {high} minutes)"
    return UsageError("--walk", allowed, had, "run all chapters, or pass --walk deep --chapter N")
