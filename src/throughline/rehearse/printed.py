"""The script on paper, with the time at which each sentence begins."""

from __future__ import annotations

from itertools import groupby

from throughline.rehearse.script import TimedScript
from throughline.report.walks import clock


def printed(script: TimedScript) -> str:
    """Return the script as text: a heading for each chapter, and before each sentence its time."""
    lines = [f"{script.kind} walk, {clock(script.seconds)} at {script.wpm} words a minute"]
    for i, passage in enumerate(script.passages):
        start, seconds = script.start_of(i), script.seconds_of(i)
        lines += ["", f"{heading(passage.chapter, passage.title)} ({clock(start)}, for {clock(seconds)})"]
        told = (word for word in script.words if word.passage == i)
        for _, group in groupby(told, key=lambda word: word.sentence):
            words = list(group)
            lines.append(f"  {clock(words[0].start_s):>5}  {' '.join(word.text for word in words)}")
    return "\n".join(lines) + "\n"


def heading(chapter: int, title: str) -> str:
    """Return the title of a chapter with its number, if it is one of the seven."""
    return f"{chapter}. {title}" if chapter <= 7 else title
