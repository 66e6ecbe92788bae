"""Talking points: what one can say aloud about each chapter of a run, in half a minute to a minute.

`scripts` knows what can be said, and `follow_ups` what is asked next; this module fits it to the clock, counts the
words as they are spoken, and writes the Markdown. `walks` strings chapters together.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jinja2

from throughline.claims.cited import cite
from throughline.claims.passages import write_citations
from throughline.output import write_whole
from throughline.record import FormatRecord, RunRecord
from throughline.report.answers import gives_amounts, score
from throughline.report.follow_ups import FollowUp, follow_ups
from throughline.report.phrases import MUST, Sentence
from throughline.report.resume import project_sentences
from throughline.report.scripts import CHAPTERS, Script
from throughline.report.speaker import Speaker
from throughline.report.spoken import count_words, data_size, duration, small

SHORTEST_S, LONGEST_S = 30, 60
# Optional sentences are added up to here: a speaker who pauses once still ends in time.
COMFORTABLE_S = 57
VERIFIED = {"passed": "passed", "failed": "FAILED", "not_run": "not run"}


@dataclass(frozen=True)
class TalkingPoint:
    """A script for one chapter.

    Attributes
    ----------
    chapter : int
        1 to 7; 8 is why several formats exist.
    title : str
    script : str
        Plain text, to be said aloud; names from the user's data are not yet escaped for Markdown.
    key_points : tuple of str
        Three to five, for a glance.
    n_words : int
        Words of the script as they are spoken: "94.2 %" counts as five.
    seconds : int
        Time to say them at the speaker's pace.
    follow_ups : tuple of FollowUp
        What an interviewer asks next, with answers.
    """

    chapter: int
    title: str
    script: str
    key_points: tuple[str, ...]
    n_words: int
    seconds: int
    follow_ups: tuple[FollowUp, ...]


def talking_points(record: RunRecord, speaker: Speaker | None = None) -> list[TalkingPoint]:
    """Return a talking point for every chapter that is in the record.

    Parameters
    ----------
    record : RunRecord
    speaker : Speaker, optional
        By default one of usual pace.

    Returns
    -------
    list of TalkingPoint
        In the order of the chapters; why several formats exist comes last, if any was exported.
    """
    speaker = speaker or Speaker()
    points = []
    for chapter, (title, told) in told_chapters(record, speaker).items():
        script = compose(told.sentences, speaker.words_in(COMFORTABLE_S))
        n_words = count_words(script)
        seconds = round(speaker.seconds_for(n_words))
        asked = tuple(follow_ups(record, chapter))
        points.append(TalkingPoint(chapter, title, script, tuple(told.key_points), n_words, seconds, asked))
    return points


def told_chapters(record: RunRecord, speaker: Speaker) -> dict[int, tuple[str, Script]]:
    """Return title and material of every chapter in the record, the speaker's own projects woven in."""
    found = {}
    for chapter, (title, tell) in CHAPTERS.items():
        if (told := tell(record)) is not None:
            own = project_sentences(speaker.projects, chapter)
            found[chapter] = title, Script([*told.sentences, *own], told.key_points)
    return found


def compose(sentences: Sequence[Sentence], most_words: int) -> str:
    """Join what `choose` chooses.

    Examples
    --------
    >>> compose([Sentence("I trained it."), Sentence("It took a while.", 1), Sentence("It works.")], 7)
    'I trained it. It works.'
    """
    return " ".join(" ".join(sentence.text.split()) for sentence in choose(sentences, most_words))


def choose(sentences: Sequence[Sentence], most_words: int) -> list[Sentence]:
    """Choose what must be said and as much of the rest, best first, as there is time for.

    Parameters
    ----------
    sentences : sequence of Sentence
        In the order in which they are to be said, which is kept.
    most_words : int
        As spoken; only what must be said goes beyond.

    Returns
    -------
    list of Sentence
    """
    lengths = [count_words(sentence.text) for sentence in sentences]
    chosen = {i for i, sentence in enumerate(sentences) if sentence.value >= MUST}
    room = most_words - sum(lengths[i] for i in chosen)
    waiting = sorted(set(range(len(sentences))) - chosen, key=lambda i: (-sentences[i].value, i))
    while (ready := _ready(sentences, lengths, waiting, chosen, room)) is not None:
        chosen.add(ready)
        waiting.remove(ready)
        room -= lengths[ready]
    return [sentences[i] for i in sorted(chosen)]


def _ready(
    sentences: Sequence[Sentence], lengths: Sequence[int], waiting: Sequence[int], chosen: set[int], room: int
) -> int | None:
    """Return the best sentence that still fits and whose predecessor, if it needs one, is said."""
    fitting = (i for i in waiting if lengths[i] <= room)
    return next((i for i in fitting if not sentences[i].follows or i - 1 in chosen), None)


def render_talking_points(record: RunRecord, speaker: Speaker | None = None) -> str:
    """Return the talking points as Markdown; the same record and speaker always give the same text."""
    from throughline.report.walks import lengths_of_walks

    record, speaker = cite(record), speaker or Speaker()
    points = talking_points(record, speaker)
    told = {point.chapter for point in points}
    text = _template().render(
        record=record,
        points=points,
        walks=lengths_of_walks(record, speaker),
        missing=[
            f"chapter {chapter} ({title})" if chapter < 8 else "why several formats exist"
            for chapter, (title, _) in CHAPTERS.items()
            if chapter not in told
        ],
        pace=speaker.wpm,
        judged="test R²" if gives_amounts(record) else "labels changed",
        rows=[_table_row(record, found) for found in record.formats],
    )
    return write_citations(text)


def write_talking_points(record: RunRecord, path: Path, speaker: Speaker | None = None) -> None:
    """Write the talking points as Markdown; the file appears whole or not at all."""
    write_whole(path, render_talking_points(record, speaker))


def escape_markdown(text: str) -> str:
    """Return `text` on one line, so that no character of it is taken for Markdown or HTML."""
    escaped = re.sub(r"([\\`*\[\]<>|&]|(?<!\w)_|_(?!\w))", r"\\\1", " ".join(text.split()))
    return re.sub(r"^([#+-]|\d+(?=[.)]\s))", lambda m: f"\\{m[0]}" if not m[0].isdigit() else f"{m[0]}\\", escaped)


def _table_row(record: RunRecord, found: FormatRecord) -> list[str]:
    """Return title, purpose, size, time of a row, difference, flips or R², and status, for the table of formats."""
    if found.status != "passed":
        return [found.title, found.good_for, "–", "–", "–", "–", VERIFIED[found.status]]
    return [
        found.title,
        found.good_for,
        data_size(found.size_bytes),
        duration(found.latency_us),
        small(found.largest_difference),
        score(record, found.test_accuracy) if gives_amounts(record) else f"{found.n_flips:,}",
        VERIFIED[found.status],
    ]


@cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # Markdown: what comes from data passes through `escape_markdown`
    )
    environment.filters["md"] = escape_markdown
    return environment.get_template("talking_points.md.j2")
