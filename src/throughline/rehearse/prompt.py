"""The text of a teleprompter: words in lines, the present one lit, figures hidden until their moment."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from textual.content import Content
from textual.widget import Widget

from throughline.rehearse.printed import heading
from throughline.rehearse.reading import Reading
from throughline.rehearse.script import TimedScript, Word
from throughline.report.walks import clock

NARROWEST, WIDEST, USUAL_WIDTH = 24, 100, 62
# The line that is read stays here, as a share of the height: more is to come than has been.
READ_AT = 0.35
SAID, NOW, THIS_SENTENCE, TO_COME = "#7a8591", "bold #101418 on #ffc857", "bold #ffffff", "#aeb8c4"
TITLE, HIDDEN = "bold #7cc4ff", "#ffc857"
MASK = "▒"
# A point at the end belongs to the sentence.
MASKED = re.compile(r"[\d,.]*\d|[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+")


class Prompt(Widget):
    """A window on the script that follows a reading.

    Parameters
    ----------
    reading : Reading
    """

    DEFAULT_CSS = "Prompt { height: 1fr; }"

    def __init__(self, reading: Reading) -> None:
        super().__init__(id="prompt")
        self.reading = reading
        self.columns = USUAL_WIDTH
        self.key_points_only, self.numbers_hidden = False, False
        self._shown: tuple[object, ...] = ()

    def show(self) -> None:
        """Draw again if anything has changed."""
        now = (self.reading.index, self.reading.finished, self.columns, self.key_points_only, self.numbers_hidden)
        if now != self._shown:
            self._shown = now
            self.refresh()

    def widen(self, columns: int) -> None:
        """Make lines longer, or shorter."""
        self.columns = min(WIDEST, max(NARROWEST, self._width() + columns))

    def render(self) -> Content:
        """Draw the lines around the one that is read."""
        width = self._width()
        margin = " " * ((self.size.width - width) // 2)
        if self.reading.finished:
            rows = self._summary(width)
        else:
            rows = self._key_points(width) if self.key_points_only else self._text(width)
        return Content("\n").join([Content(margin) + row for row in rows])

    def _width(self) -> int:
        return max(NARROWEST, min(self.columns, self.size.width - 4))

    def _text(self, width: int) -> list[Content]:
        lines = lay_out(self.reading.script, width)
        index = self.reading.index
        at = next(i for i, line in enumerate(lines) if line and line[0] <= index <= line[-1])
        top = max(0, min(at - int(READ_AT * self.size.height), len(lines) - self.size.height))
        shown = range(top, min(top + self.size.height, len(lines)))
        return [self._line(lines, i) for i in shown]

    def _line(self, lines: list[list[int]], i: int) -> Content:
        if lines[i]:
            styled = groupby(map(self._word, lines[i]), key=itemgetter(1))
            parts = [(" ".join(text for text, _ in group), style) for style, group in styled]
            return Content(" ").join([Content.styled(text, style) for text, style in parts])
        words = self.reading.script.words
        # Of the two empty lines before a passage, the second is its title.
        if i + 1 < len(lines) and lines[i + 1]:
            passage = self.reading.script.passages[words[lines[i + 1][0]].passage]
            return Content.styled(heading(passage.chapter, passage.title), TITLE)
        return Content("")

    def _word(self, index: int) -> tuple[str, str]:
        """Return a word as it is shown, and its style."""
        words, now = self.reading.script.words, self.reading.index
        word = words[index]
        if index < now or self.reading.finished:
            return word.text, SAID
        style = NOW if index == now else THIS_SENTENCE if word.sentence == words[now].sentence else TO_COME
        if self.numbers_hidden and word.is_number:
            return masked(word), NOW if index == now else HIDDEN
        return word.text, style

    def _key_points(self, width: int) -> list[Content]:
        passage = self.reading.script.passages[self.reading.passage]
        points = []
        for point in passage.key_points:
            wrapped = Content.styled(point, THIS_SENTENCE).wrap(width - 2)
            points.append([Content.styled("• " if i == 0 else "  ", TITLE) + line for i, line in enumerate(wrapped)])
        # Empty lines between the points, where there is room for them.
        roomy = 2 + sum(len(rows) + 1 for rows in points) <= self.size.height
        title = [Content.styled(heading(passage.chapter, passage.title), TITLE), Content("")]
        return [*title, *(row for rows in points for row in [*rows, *([Content("")] if roomy else [])])]

    def _summary(self, width: int) -> list[Content]:
        """Tell how long each chapter took."""
        titles = {passage.chapter: heading(passage.chapter, passage.title) for passage in self.reading.script.passages}
        rows = [Content.styled("Time by chapter, and its plan", TITLE), Content("")]
        for time in self.reading.told():
            figures = f"{clock(time.spoken_s):>6} for {clock(time.planned_s):>5}"
            dots = " " + "·" * (width - len(titles[time.chapter]) - len(figures) - 2) + " "
            rows.append(Content.assemble((titles[time.chapter], THIS_SENTENCE), (dots, SAID), (figures, TO_COME)))
        return rows


def masked(word: Word) -> str:
    """Return the word with a mask over its figure, as wide as before.

    Examples
    --------
    >>> masked(Word("94.2 %,", 0, 0, 0.0, 1.0, True))
    '▒▒▒▒ %,'
    """
    return MASKED.sub(lambda figure: MASK * len(figure[0]), word.text)


@lru_cache(maxsize=8)  # a script is laid out anew only when the width changes
def lay_out(script: TimedScript, width: int) -> list[list[int]]:
    """Break the words into lines of at most `width`; two empty lines stand before each passage, one at the very top.

    Returns
    -------
    list of list of int
        Places of the words in the script; empty for a line without words.
    """
    lines: list[list[int]] = []
    used = 0
    for index, word in enumerate(script.words):
        first = index == 0 or script.words[index - 1].passage != word.passage
        if first:
            lines += [[], [], [index]] if lines else [[], [index]]
            used = len(word.text)
        elif used + 1 + len(word.text) <= width:
            lines[-1].append(index)
            used += 1 + len(word.text)
        else:
            lines.append([index])
            used = len(word.text)
    return lines
