"""Talking points: what one can say aloud about each chapter of a run, in half a minute to a minute.

`scripts` knows what can be said; this module fits it to the clock, counts the words as they are spoken, and writes
the Markdown.
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
from throughline.report.phrases import Sentence
from throughline.report.scripts import CHAPTERS
from throughline.report.spoken import count_words, data_size, duration, small

WORDS_PER_MINUTE = 150
SHORTEST_S, LONGEST_S = 30, 60
FEWEST_WORDS, MOST_WORDS = (seconds * WORDS_PER_MINUTE // 60 for seconds in (SHORTEST_S, LONGEST_S))
# Optional sentences are added up to here: a speaker who pauses once still ends in time.
COMFORTABLE_WORDS = MOST_WORDS - 8
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
        Time to say them at `WORDS_PER_MINUTE`.
    """

    chapter: int
    title: str
    script: str
    key_points: tuple[str, ...]
    n_words: int
    seconds: int


def talking_points(record: RunRecord) -> list[TalkingPoint]:
    """Return a talking point for every chapter that is in the record.

    Parameters
    ----------
    record : RunRecord

    Returns
    -------
    list of TalkingPoint
        In the order of the chapters; why several formats exist comes last, if any was exported.
    """
    points = []
    for chapter, (title, tell) in CHAPTERS.items():
        if (told := tell(record)) is not None:
            script = compose(told.sentences)
            n_words = count_words(script)
            seconds = round(60 * n_words / WORDS_PER_MINUTE)
            points.append(TalkingPoint(chapter, title, script, tuple(told.key_points), n_words, seconds))
    return points


def compose(sentences: Sequence[Sentence]) -> str:
    """Join what must be said with as much of the rest, best first, as there is comfortable time for.

    Parameters
    ----------
    sentences : sequence of Sentence
        In the order in which they are to be said, which is kept.

    Returns
    -------
    str

    Examples
    --------
    >>> compose([Sentence("I trained it."), Sentence("It took a while.", 1), Sentence("It works.")])
    'I trained it. It took a while. It works.'
    """
    chosen = {i for i, sentence in enumerate(sentences) if sentence.value is None}
    n_words = sum(count_words(sentences[i].text) for i in chosen)
    optional = sorted(set(range(len(sentences))) - chosen, key=lambda i: (-(sentences[i].value or 0), i))
    for i in optional:
        length = count_words(sentences[i].text)
        if n_words + length <= COMFORTABLE_WORDS:
            chosen.add(i)
            n_words += length
    return " ".join(" ".join(sentences[i].text.split()) for i in sorted(chosen))


def render_talking_points(record: RunRecord) -> str:
    """Return the talking points as Markdown; the same record always gives the same text."""
    record = cite(record)
    points = talking_points(record)
    told = {point.chapter for point in points}
    text = _template().render(
        record=record,
        points=points,
        missing=[
            f"chapter {chapter} ({title})" if chapter < 8 else "why several formats exist"
            for chapter, (title, _) in CHAPTERS.items()
            if chapter not in told
        ],
        pace=WORDS_PER_MINUTE,
        rows=[_table_row(found) for found in record.formats],
    )
    return write_citations(text)


def write_talking_points(record: RunRecord, path: Path) -> None:
    """Write the talking points as Markdown; the file appears whole or not at all."""
    write_whole(path, render_talking_points(record))


def escape_markdown(text: str) -> str:
    """Return `text` on one line, so that no character of it is taken for Markdown or HTML."""
    escaped = re.sub(r"([\\`*\[\]<>|&]|(?<!\w)_|_(?!\w))", r"\\\1", " ".join(text.split()))
    return re.sub(r"^([#+-]|\d+(?=[.)]\s))", lambda m: f"\\{m[0]}" if not m[0].isdigit() else f"{m[0]}\\", escaped)


def _table_row(found: FormatRecord) -> list[str]:
    """Return title, purpose, size, time of a row, difference, flips and status, for the table of formats."""
    if found.status != "passed":
        return [found.title, found.good_for, "–", "–", "–", "–", VERIFIED[found.status]]
    return [
        found.title,
        found.good_for,
        data_size(found.size_bytes),
        duration(found.latency_us),
        small(found.largest_difference),
        f"{found.n_flips:,}",
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
