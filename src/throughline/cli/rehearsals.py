"""The history of rehearsals as tables."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from throughline.rehearse.history import ChapterProgress, History

MOST_SHOWN = 8


def show_history(found: History) -> None:
    """Print progress by chapter and what to practise next."""
    from rich.console import Console
    from rich.table import Table

    from throughline.rehearse.printed import heading
    from throughline.report.walks import clock

    console = Console(highlight=False, markup=False, emoji=False)
    drills = f", {found.n_drills_right} of {found.n_drills} bugs found" if found.n_drills else ""
    talks, answers = (
        f"{n} {noun}{'' if n == 1 else 's'}" for n, noun in ((found.n_talks, "talk"), (found.n_answers, "answer"))
    )
    console.print(f"{talks}, {clock(found.seconds)} spoken, {answers}{drills}", end="\n\n")
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for column in ("chapter", "told", "last time", "plan", "closest", "answers", "grade", "recall"):
        table.add_column(column, justify="left" if column == "chapter" else "right")
    for progress in found.chapters:
        table.add_row(heading(progress.chapter, progress.title), *_figures(progress))
    console.print(table, "")
    console.print("Practise next:")
    for due in found.next[:MOST_SHOWN]:
        what = heading(due.chapter, due.title) + (f", question {due.item}" if "." in due.item else "")
        when = "never told" if due.at is None else f"due {datetime.fromisoformat(due.at).astimezone():%Y-%m-%d %H:%M}"
        console.print(f"  {what}: {when}", soft_wrap=True)


def _figures(progress: ChapterProgress) -> list[str]:
    from throughline.rehearse.history import in_words
    from throughline.report.walks import clock

    return [
        str(progress.n_told),
        *("–" if seconds is None else clock(seconds) for seconds in (progress.last_spoken_s, progress.last_planned_s)),
        "–" if progress.best_off_s is None else f"{progress.best_off_s:.0f} s off",
        str(progress.n_answers),
        "–" if progress.mean_grade is None else in_words(progress.mean_grade),
        "–" if progress.recall is None else f"{progress.recall:.0%}",
    ]
