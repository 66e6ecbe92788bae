"""Hold every figure of a text against a record.

A figure that cites a field must be what the field would be rounded to. In a text that cites, every other figure must be
one of the constants: nothing is typed. A text that cites nothing, such as an older report, must at least say what some
value of the record would be rounded to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from throughline.claims.backing import Backing
from throughline.claims.constants import ANY_CONSTANT
from throughline.claims.fields import MissingFieldError, read_field
from throughline.claims.figures import Figure, find_figures
from throughline.claims.passages import Citation, Passage, read_markdown, read_notebook, read_page
from throughline.record import RunRecord
from throughline.report.spoken import count_words

_READERS = {".html": read_page, ".md": read_markdown, ".ipynb": read_notebook}
_LEAST_SHOWN = 0.001  # a smaller share or probability is written "below", with this figure
_LENGTH = re.compile(r"^(?P<words>\d+) words as spoken, about (?P<seconds>\d+) s$")
_PACE = re.compile(r"counted as spoken, at (\d+) words a minute")
_LONGEST_QUOTE = 160


@dataclass(frozen=True)
class Fault:
    """A figure that nothing backs.

    Attributes
    ----------
    file : str
    line : int
    figure : str
    sentence : str
    reason : str
        A clause: what the record says instead.
    """

    file: str
    line: int
    figure: str
    sentence: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.figure}: {self.reason}: “{self.sentence}”"


@dataclass(frozen=True)
class Checked:
    """What was found in a text.

    Attributes
    ----------
    file : str
    n_figures, n_cited : int
        All figures and names with digits, and those that cite a field.
    faults : list of Fault
    """

    file: str
    n_figures: int
    n_cited: int
    faults: list[Fault]


class Sources:
    """What the fields of a text may lie in: a record, the measurements of the package, and JSON files beside the text.

    A field of a file is written ``FOLDER/FILE.json:FIELD``.

    Parameters
    ----------
    record : RunRecord
    folder : Path
        Of the text.
    """

    def __init__(self, record: RunRecord, folder: Path) -> None:
        from throughline.claims.claim import roots

        self._roots = roots(record)
        self._folder = folder
        self._files: dict[str, Any] = {}

    def read(self, field: str) -> Any:
        """Return what stands in a field; MissingFieldError if there is none."""
        name, separator, inside = field.partition(".json:")
        if not separator:
            return read_field(self._roots, field)
        if name not in self._files:
            try:
                self._files[name] = json.loads((self._folder / f"{name}.json").read_bytes())
            except (OSError, ValueError) as error:
                raise MissingFieldError(field) from error
        return read_field(self._files[name], inside)


def check_file(path: Path, record: RunRecord) -> Checked:
    """Hold every figure of a page, a Markdown file or a notebook against a record.

    Parameters
    ----------
    path : Path
        Its ending says what it is: .html, .md or .ipynb.
    record : RunRecord

    Returns
    -------
    Checked
    """
    return check_text(path.read_text(encoding="utf-8"), path, record)


def check_text(text: str, path: Path, record: RunRecord) -> Checked:
    """Do as `check_file` with a text that has not been written to `path` yet."""
    return check_passages(_READERS[path.suffix](text), path, record)


def check_passages(passages: list[Passage], path: Path, record: RunRecord) -> Checked:
    """Hold every figure of passages against a record."""
    sources, backing = Sources(record, path.parent), Backing(record)
    cites = any(passage.citations for passage in passages)
    faults: list[Fault] = []
    n_figures = n_cited = 0
    if path.suffix == ".html" and not cites:
        why = "it names no fields, so an older release wrote it; throughline report RUN writes it again"
        return Checked(
            path.name, 0, 0, [Fault(path.name, 1, "every figure", passages[0].text if passages else "", why)]
        )
    pace = next((int(said[1]) for passage in passages if (said := _PACE.search(passage.text))), None)
    for place, passage in enumerate(passages):
        found = list(_faults_of_citations(passage, sources))
        rest = _without(passage, backing)
        length = _LENGTH.match(passage.text)
        if length and pace:
            found += _faults_of_length(length, passages[place - 1].text if place else "", pace)
            rest = re.sub(r"\d", " ", rest)
        others = list(_leftovers(rest))
        dropped = [f"{citation.text} = {citation.field}" for citation in passage.citations if citation.start is None]
        found += [
            (figure, _why_not(figure, cites, dropped))
            for figure in others
            if cites or not isinstance(figure, Figure) or not backing.backs(figure)
        ]
        n_cited += len(passage.citations) - len(dropped)
        n_figures += len(passage.citations) - len(dropped) + len(others)
        faults += [
            Fault(path.name, passage.line, figure.text, _sentence(passage.text, figure.start), why)
            for figure, why in found
        ]
    return Checked(path.name, n_figures, n_cited, faults)


@dataclass(frozen=True)
class _Token:
    """Digits that are no figure: part of a name, a version, a date."""

    text: str
    start: int


_Found = tuple["Figure | _Token | Citation", str]


def _faults_of_citations(passage: Passage, sources: Sources) -> Iterator[tuple[Any, str]]:
    for citation in passage.citations:
        if citation.start is not None and (why := contradiction(citation.text, citation.field, sources)):
            yield citation, why


def contradiction(text: str, field: str, sources: Sources) -> str:
    """Say why a figure is not what a field would be rounded to; empty if it is."""
    try:
        value = sources.read(field)
    except MissingFieldError:
        return f"no record has the field {field}"
    if isinstance(value, str):  # a name that could be taken for a figure, such as that of a class
        return "" if text == " ".join(value.split()) else f"{field} is {value}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"{field} is no number"
    figures = list(find_figures(text))
    if len(figures) != 1:
        return f"one figure was expected for {field}"
    (figure,) = figures
    if text.startswith("below "):
        holds = any(abs(read - _LEAST_SHOWN) < 1e-12 for read, _ in figure.readings()) and 0 <= value < _LEAST_SHOWN
    else:
        holds = figure.stands_for(value)
    return "" if holds else f"{field} is {value:.12g}"


def _without(passage: Passage, backing: Backing) -> str:
    """Blank what is backed already: cited figures, words of the record, constants."""
    text = passage.text
    for citation in passage.citations:
        if citation.start is not None:
            text = _blank(text, citation.start, citation.start + len(citation.text))
    for pattern in filter(None, (backing.words, ANY_CONSTANT)):
        text = pattern.sub(lambda found: re.sub(r"\w", " ", found[0]), text)
    return text


def _blank(text: str, start: int, end: int) -> str:
    return text[:start] + " " * (end - start) + text[end:]


def _leftovers(text: str) -> Iterator[Any]:
    """Yield the figures of what is left, then every other word with a digit."""
    for figure in list(find_figures(text)):
        text = _blank(text, figure.start, figure.end)
        yield figure
    for found in re.finditer(r"[^\s,;:()|]*\d[^\s,;:()|]*", text):
        yield _Token(found[0], found.start())


def _faults_of_length(length: re.Match[str], script: str, pace: int) -> Iterator[tuple[Any, str]]:
    """Count a script again, as its length was counted."""
    n_words = count_words(script)
    for name, expected in (("words", n_words), ("seconds", round(60 * n_words / pace))):
        if int(length[name]) != expected:
            yield _Token(length[name], length.start(name)), f"the script above has {n_words} words, at {pace} a minute"


def _why_not(figure: Figure | _Token, cites: bool, dropped: list[str]) -> str:
    if dropped:
        return f"{'; '.join(dropped)} is cited here, and not said"
    if isinstance(figure, _Token):
        return "no word of the record, and none of the constants"
    return "it cites no field, and is none of the constants" if cites else "no value of the record is rounded to it"


def _sentence(text: str, at: int) -> str:
    """Return the sentence around a place, cut to what can be quoted."""
    starts = [found.end() for found in re.finditer(r"[.!?] (?=\W*[A-Z])", text[:at])]
    start = starts[-1] if starts else 0
    ending = re.search(r"[.!?](?= |$)", text[at:])
    sentence = text[start : at + ending.end()] if ending else text[start:]
    if len(sentence) > _LONGEST_QUOTE:
        middle = max(0, at - start - _LONGEST_QUOTE // 2)
        sentence = f"…{sentence[middle : middle + _LONGEST_QUOTE]}…"
    return " ".join(sentence.split())
