"""``throughline rehearse``: the talking points against a clock."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from throughline.cli.numbers import whole_number
from throughline.cli.speaker import Resume, WordsPerMinute

if TYPE_CHECKING:
    from types import FrameType

    from throughline.record import RunRecord
    from throughline.rehearse.script import TimedScript


def rehearse(
    run: Annotated[Path | None, Parameter(help="Folder of a finished run. Default: the newest in runs/.")] = None,
    /,
    *,
    walk: Annotated[str, Parameter(help="full, quick or deep. Default: full, or deep with --chapter.")] = "",
    chapter: Annotated[
        int | None,
        Parameter(
            converter=whole_number("--chapter", "a whole number from 1 to 8"),
            help="Chapter of a deep walk; 8 is why several formats.",
        ),
    ] = None,
    wpm: WordsPerMinute = 150,
    resume: Resume = None,
    drill: Annotated[bool, Parameter(help="Begin with follow-up questions.")] = False,
    html: Annotated[Path | None, Parameter(help="Write a teleprompter page for a browser, and stop.")] = None,
    history: Annotated[bool, Parameter(help="Show progress by chapter and what to practise next.")] = False,
    json: Annotated[bool, Parameter(help="With --history, print JSON.")] = False,
) -> int:
    """Rehearse the talking points of a run: a teleprompter at your pace, with clocks, drills and a memory.

    A full walk takes 5 to 7 minutes, a quick one (chapters 3, 4, 6, 7) 2 to 3, a deep one 1 to 2. Without a
    terminal the script is printed with its times. Times and grades stay on this machine.

    For example:

        throughline rehearse
        throughline rehearse runs/patients --walk quick --wpm 130
        throughline rehearse --walk deep --chapter 6 --resume resume.toml
        throughline rehearse --html prompt.html
        throughline rehearse --history
    """
    if history:
        return _history(as_json=json)
    from throughline.errors import UsageError
    from throughline.record import load_record
    from throughline.rehearse.newest import newest_run
    from throughline.rehearse.script import timed
    from throughline.report.speaker import speaker_of
    from throughline.report.walks import compose_walk

    if json:
        raise UsageError("--json", "given with --history", "no --history", "add it or leave --json out")
    speaker = speaker_of(wpm, resume)
    record = load_record(run or newest_run())
    kind = walk or ("deep" if chapter is not None else "full")
    script = timed(compose_walk(record, kind, speaker, chapter))  # type: ignore[arg-type]  # checked there
    if html is not None:
        from throughline.rehearse.page import write_page

        write_page(record, speaker, html)
        print(html)
    elif _has_terminal():
        return _perform(script, record, drill=drill)
    else:
        from throughline.rehearse.printed import printed

        print(printed(script), end="")
    return 0


def _has_terminal() -> bool:
    """Tell whether there is a terminal that can be drawn on."""
    import os
    import sys

    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "") != "dumb"


def _perform(script: TimedScript, record: RunRecord, *, drill: bool) -> int:
    """Show the teleprompter; a polite kill ends it as q does, the times kept."""
    import signal

    from throughline.__main__ import INTERRUPTED
    from throughline.rehearse.app import Teleprompter
    from throughline.rehearse.drill import Question
    from throughline.rehearse.store import Store
    from throughline.report.follow_ups import follow_ups

    questions = [
        Question(passage.chapter, passage.title, asked)
        for passage in script.passages
        for asked in follow_ups(record, passage.chapter)
    ]
    with Store() as store:
        app = Teleprompter(script, questions, store, record.name, drill=drill)
        killed: list[int] = []

        def end(signum: int, frame: FrameType | None) -> None:
            killed.append(signum)
            app.call_later(app.action_end)

        before = signal.signal(signal.SIGTERM, end)
        try:
            app.run()
        finally:
            signal.signal(signal.SIGTERM, before)
    if app.failure is not None:
        raise app.failure
    return INTERRUPTED if killed else 0


def _history(*, as_json: bool) -> int:
    from throughline.rehearse.history import read_history
    from throughline.rehearse.store import Store

    with Store() as store:
        found = read_history(store)
    if as_json:
        print(found.to_json(), end="")
    else:
        from throughline.cli.rehearsals import show_history

        show_history(found)
    return 0
