"""Read what a person reads of a page, a Markdown file or a notebook, with the fields that its figures cite.

A page cites by ``data-field`` around each figure. Markdown cites below a block, in a comment that is not shown:

    It converged after 58 mistakes in 6 epochs.

    <!-- figures
    58 = perceptron.n_mistakes
    6 = perceptron.n_epochs
    -->
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

from throughline.claims.cited import marked_figures, unmarked

OPENING, CLOSING = "<!-- figures", "-->"
CITATIONS = re.compile(rf"^{OPENING}\n(.*?)^{CLOSING}\n?", re.MULTILINE | re.DOTALL)
_ANYCITATIONS = re.compile(r"<!--.*?-->", re.DOTALL)
_FENCED = re.compile(r"^ *(```|~~~).*?^ *\1[^\n]*$", re.MULTILINE | re.DOTALL)
_ADDRESS = re.compile(r'\]\([^)\s]*\)|<?https?://[^\s)>]+>?|<a id="[\w-]+"></a>')
_CODE = re.compile(r"(`+)(?!`).+?(?<!`)\1(?!`)", re.DOTALL)
_FORMULA = re.compile(r"\$\$.+?\$\$|\$(?! )[^$]+?\$", re.DOTALL)
_BREAKING = [
    "html",
    "body",
    "header",
    "nav",
    "main",
    "footer",
    "section",
    "article",
    "div",
    "p",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "ul",
    "ol",
    "li",
    "dl",
    "dt",
    "dd",
    "table",
    "caption",
    "thead",
    "tbody",
    "tr",
    "td",
    "th",
    "figure",
    "figcaption",
    "pre",
    "details",
    "summary",
    "blockquote",
    "title",
]
_VOID = {"meta", "link", "br", "hr", "img", "input", "wbr"}


@dataclass(frozen=True)
class Citation:
    """A figure and the field that a text cites for it; `start` is where the figure stands, or None if it does not."""

    text: str
    field: str
    start: int | None


@dataclass(frozen=True)
class Passage:
    """A block of text as it is read.

    Attributes
    ----------
    line : int
        Of its beginning in the file, from 1.
    text : str
        On one line, with ordinary spaces.
    citations : list of Citation
    """

    line: int
    text: str
    citations: list[Citation] = field(default_factory=list)


def read_page(page: str) -> list[Passage]:
    """Return the passages of an HTML page: what is seen, and the titles of pictures.

    Left out are styles, the ticks inside pictures (a tick on an axis is no measurement) and the names of fields.
    """
    reader = _PageReader()
    reader.feed(page)
    reader.close()
    reader.end_passage()
    return reader.passages


class _PageReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.passages: list[Passage] = []
        self._open: list[tuple[str, dict[str, str]]] = []
        self._text = ""
        self._line = 1
        self._citations: list[Citation] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BREAKING or tag == "text":
            self.end_passage()
        if tag == "small":  # a line of its own, though it stands without a space
            self._text += " "
        if tag not in _VOID:
            self._open.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1][0] == tag:
            self._open.pop()
        if tag in _BREAKING:
            self.end_passage()

    def handle_data(self, data: str) -> None:
        if not self._is_read():
            return
        if not self._text:
            self._line = self.getpos()[0]
        words = " ".join(data.split())
        if data[:1].isspace() and self._text and not self._text.endswith(" "):
            self._text += " "
        start = len(self._text)
        self._text += words
        attributes = self._open[-1][1] if self._open else {}
        if "data-field" in attributes:
            self._citations.append(Citation(words, attributes["data-field"], start))
        if "data-fields" in attributes:
            self._citations += _placed(attributes["data-fields"].split("; "), words)
        if words and data[-1:].isspace():
            self._text += " "

    def end_passage(self) -> None:
        """Close the block that is being read."""
        if self._text.strip():
            self.passages.append(Passage(self._line, self._text, self._citations))
        self._text, self._citations = "", []

    def _is_read(self) -> bool:
        tags = [tag for tag, _ in self._open]
        classes = {name for _, attributes in self._open for name in attributes.get("class", "").split()}
        if {"style", "script"} & set(tags):
            return False
        if "svg" in tags:
            return tags[-1] == "title" or "data-field" in self._open[-1][1]
        return not ("code" in tags and "source" in classes)


def read_markdown(document: str) -> list[Passage]:
    """Return the passages of a Markdown file, without its code, formulas and addresses."""
    # What is left out keeps its lines, so that those after it have their right numbers.
    document = _FENCED.sub(lambda found: "\n" * found[0].count("\n"), document)
    passages, start, waiting = [], 0, ""
    for match in [*CITATIONS.finditer(document), None]:
        end = match.start() if match else len(document)
        blocks = list(_blocks(document, start, end))
        passages += [Passage(line, _read(text)) for line, text in (blocks[:-1] if match else blocks)]
        if match:
            line, text = blocks[-1] if blocks else (document.count("\n", 0, end) + 1, waiting)
            read = _read(text)
            passages.append(Passage(line, read, _placed(match[1].splitlines(), read)))
            start = match.end()
    return passages


def _blocks(document: str, start: int, end: int) -> Iterator[tuple[int, str]]:
    part = _ANYCITATIONS.sub(lambda found: "\n" * found[0].count("\n"), document[start:end])
    first = document.count("\n", 0, start) + 1
    for found in re.finditer(r"(?:^[^\n]*\S[^\n]*$\n?)+", part, re.MULTILINE):
        yield first + part.count("\n", 0, found.start()), found[0]


def _read(text: str) -> str:
    for left_out in (_ADDRESS, _CODE, _FORMULA):
        text = left_out.sub(lambda found: "]" if found[0].startswith("]") else "…", text)
    text = re.sub(r"^\s*(?:#+|\d+[.)]) ", "", text, flags=re.MULTILINE)
    return " ".join(re.sub(r"\\(?=[^\w\s])|\*\*?", "", text).split())


def _placed(lines: Iterable[str], text: str) -> list[Citation]:
    """Find each cited figure in the text, in order."""
    citations, at = [], 0
    for line in filter(None, map(str.strip, lines)):
        figure, _, name = line.partition(" = ")
        figure = " ".join(figure.split())
        found = re.compile(rf"(?<![\w.,])(?<!\d-){re.escape(figure)}(?![\w]|[.,]\d)").search(text, at)
        citations.append(Citation(figure, name, found.start() if found else None))
        at = found.end() if found else at
    return citations


def write_citations(document: str) -> str:
    r"""Turn the marks of a Markdown text into comments below the blocks that have figures.

    Examples
    --------
    >>> from throughline.claims.cited import cite
    >>> print(write_citations(f"{cite(12, 'perceptron.n_mistakes')} mistakes\n"))
    12 mistakes
    <BLANKLINE>
    <!-- figures
    12 = perceptron.n_mistakes
    -->
    <BLANKLINE>
    """
    return "\n\n".join(map(_with_citations, re.split(r"\n\n(?=\S)", document)))


def _with_citations(block: str) -> str:
    cited = [f"{figure} = {name}" for figure, name in marked_figures(block)]
    if not cited:
        return unmarked(block)
    text = unmarked(block)
    ending = text[len(text.rstrip("\n")) :]
    return "\n".join([text.rstrip("\n"), "", OPENING, *cited, CLOSING]) + ending


def read_notebook(document: str) -> list[Passage]:
    """Return the prose of a notebook; its lines count within the prose.

    What a cell shows is not typed: it is what the code above it computed, and that is where it is asserted.
    """
    cells = json.loads(document)["cells"]
    prose = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    return read_markdown("\n\n".join(prose))
