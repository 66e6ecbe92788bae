"""A RunRecord, told to people: one HTML page, its plots, and talking points."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from throughline.record import RunRecord

if TYPE_CHECKING:
    from throughline.report.speaker import Speaker


def write_all(record: RunRecord, folder: Path, speaker: Speaker | None = None, *, embed: bool = True) -> list[Path]:
    """Write ``report.html`` and ``talking_points.md`` into a run's folder, each whole or not at all.

    Parameters
    ----------
    record : RunRecord
    folder : Path
        An existing folder.
    speaker : Speaker, optional
        Whose talking points they are; by default someone of usual pace without projects of their own.
    embed : bool, default=True
        Whether the page carries the run's own model, to be tried in the browser.

    Returns
    -------
    list of Path
        What was written.
    """
    from throughline.report.page import write_report
    from throughline.report.talking_points import write_talking_points
    from throughline.report.try_it import LEFT_OUT, offer

    page, points = folder / "report.html", folder / "talking_points.md"
    write_report(record, page, offer(record, folder) if embed else LEFT_OUT)
    write_talking_points(record, points, speaker)
    return [page, points]
