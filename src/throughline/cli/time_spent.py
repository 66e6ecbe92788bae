"""Where the time of a run went that was asked for further formats: what each of them cost, and what the rest did."""

from __future__ import annotations

from rich.table import Table

from throughline.record import RunRecord, Span

# Its runtime is imported while the proof waits for it.
STEPS = {"export": "export ", "prove": "verify "}
LEAST_SHOWN_S = 0.05


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
