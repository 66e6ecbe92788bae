"""Where the time of a run went: what took longest, and of a run with further formats what each of them cost."""

from __future__ import annotations

from rich.table import Table

from throughline.record import RunRecord, Span

# Its runtime is imported while the proof waits for it.
STEPS = {"export": "export ", "prove": "verify "}
LEAST_SHOWN_S = 0.05
N_LONGEST = 5
# In the others the run waits for its children.
WORKING_CHAPTERS = (0, 1, 2)


def longest_sentence(record: RunRecord) -> str:
    """Name the steps that took longest; several processes work at a time, so they add up to more than the run took.

    Examples
    --------
    >>> from throughline.record import Span
    >>> from types import SimpleNamespace as Some
    >>> found = [("read the table", "run", 0, 4.1), ("training", "train torch", 4, 56.5), ("chapter 4", "run", 4, 50.0)]
    >>> spans = [Span(name=n, process=p, chapter=c, start_s=0.0, seconds=s) for n, p, c, s in found]
    >>> longest_sentence(Some(spans=spans))
    'Longest, side by side: train torch 56.5 s, read the table 4.1 s.'
    """
    working = [span for span in record.spans if span.process != "run" or span.chapter in WORKING_CHAPTERS]
    longest = sorted(working, key=lambda span: -span.seconds)[:N_LONGEST]
    return f"Longest, side by side: {', '.join(f'{_said(span)} {span.seconds:.1f} s' for span in longest)}."


def _said(span: Span) -> str:
    if span.name == "training":
        return span.process
    return "NumPy (chapter 2)" if span.name == "chapter 2" else span.name


def seconds_by_format(record: RunRecord) -> dict[str, dict[str, float]]:
    """Return by title of a format, the costliest first, the seconds of each of `STEPS`, all frameworks added up."""
    titles = dict.fromkeys(entry.title for entry in record.formats)
    found = {title: {step: _seconds(record.spans, lead + title) for step, lead in STEPS.items()} for title in titles}
    return dict(sorted(found.items(), key=lambda item: -sum(item[1].values())))


def _seconds(spans: list[Span], name: str) -> float:
    return sum(span.seconds for span in spans if span.name == name)


def time_table(record: RunRecord) -> Table:
    """Return the seconds of each format; several processes work at a time, so they add up to more than the run took."""
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("seconds of", no_wrap=True)
    for step in (*STEPS, "sum"):
        table.add_column(step, justify="right", no_wrap=True)
    by_format = seconds_by_format(record)
    for title, steps in by_format.items():
        if sum(steps.values()) >= LEAST_SHOWN_S:
            table.add_row(title, *(f"{seconds:.1f}" for seconds in (*steps.values(), sum(steps.values()))))
    totals = [sum(steps[step] for steps in by_format.values()) for step in STEPS]
    table.add_row("all formats", *(f"{seconds:.1f}" for seconds in (*totals, sum(totals))), style="bold")
    beside = sum(span.seconds for span in record.spans if span.process != "run") - sum(totals)
    table.add_row("trainings and their frameworks", *[""] * len(STEPS), f"{beside:.1f}", style="bold")
    return table
