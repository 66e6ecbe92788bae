"""The teleprompter as one HTML file: it opens from a disk, without a network and without a server.

The terminal version could be served by textual-serve, but its page asks a foreign host for a font, and it needs a
running server; a file can also be sent to the tablet that stands beside the camera. It remembers nothing.
"""

from __future__ import annotations

import json
from importlib import resources
from pathlib import Path
from typing import Any

from throughline.errors import OutputError, UsageError, quoted
from throughline.output import write_whole
from throughline.record import RunRecord
from throughline.rehearse.printed import heading
from throughline.rehearse.script import TimedScript, timed
from throughline.report.follow_ups import follow_ups
from throughline.report.speaker import Speaker
from throughline.report.talking_points import told_chapters
from throughline.report.walks import Kind, compose_walk


def render_page(record: RunRecord, speaker: Speaker) -> str:
    """Return a page with every walk that the run has enough to tell for.

    Parameters
    ----------
    record : RunRecord
    speaker : Speaker

    Returns
    -------
    str
        A complete HTML document; the same record and speaker always give the same one.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("throughline.rehearse", "templates"), autoescape=True, undefined=StrictUndefined
    )
    told = told_chapters(record, speaker)
    questions = [
        [heading(chapter, title), asked.question, asked.answer]
        for chapter, (title, _) in told.items()
        for asked in follow_ups(record, chapter)
    ]
    walks = [_walk(script) for script in _scripts(record, speaker, list(told))]
    data = {"wpm": speaker.wpm, "walks": walks, "questions": questions}
    folder = resources.files("throughline.rehearse").joinpath("templates")
    css, code = (folder.joinpath(f"teleprompter.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    template = environment.get_template("teleprompter.html.j2")
    return template.render(name=record.name, data=Markup(_for_script(data)), css=Markup(css), code=Markup(code))


def write_page(record: RunRecord, speaker: Speaker, path: Path) -> None:
    """Write the page; the file appears whole or not at all.

    Raises
    ------
    OutputError
        If it cannot be written.
    """
    page = render_page(record, speaker)
    try:
        write_whole(path, page)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a name for a file"
        received = f"{quoted(path)} ({reason})"
        raise OutputError("--html", "a file in a folder that exists", received, "choose another") from error


def _scripts(record: RunRecord, speaker: Speaker, chapters: list[int]) -> list[TimedScript]:
    wanted: list[tuple[Kind, int | None]] = [
        ("full", None),
        ("quick", None),
        *(("deep", number) for number in chapters),
    ]
    scripts = []
    for kind, chapter in wanted:
        try:
            scripts.append(timed(compose_walk(record, kind, speaker, chapter)))
        except UsageError:  # too little in this run for a walk of that length
            continue
    return scripts


def _walk(script: TimedScript) -> dict[str, Any]:
    titles = [heading(passage.chapter, passage.title) for passage in script.passages]
    return {
        "name": script.kind if len(titles) > 1 else f"{script.kind}: {titles[0]}",
        "seconds": round(script.seconds, 3),
        "passages": [
            {"title": title, "points": passage.key_points, "seconds": round(script.seconds_of(i), 3)}
            for i, (title, passage) in enumerate(zip(titles, script.passages, strict=True))
        ],
        "words": [
            [word.text, word.passage, word.sentence, round(word.start_s, 3), int(word.is_number)]
            for word in script.words
        ],
    }


def _for_script(data: dict[str, Any]) -> str:
    """Write JSON that no character of can end the element that it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
