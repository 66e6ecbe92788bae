"""``throughline report``: write report and talking points of a finished run anew."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from throughline.cli.speaker import Resume, WordsPerMinute


def report(
    run: Annotated[Path, Parameter(help="Folder of a finished run.")],
    /,
    *,
    wpm: WordsPerMinute = 150,
    resume: Resume = None,
    no_embed: Annotated[
        bool, Parameter(help="Leave the model, its runtime (5 MB) and held-out rows out of the page.")
    ] = False,
    open: Annotated[bool, Parameter(help="Open the page in the browser.")] = False,
) -> int:
    """Write report and talking points of a finished run again, from its record.

    For example:

        throughline report runs/patients --open
        throughline report runs/patients --wpm 130 --resume resume.toml
        throughline report runs/patients --no-embed
    """
    from throughline.errors import OutputError, quoted
    from throughline.record import load_record
    from throughline.report import write_all
    from throughline.report.speaker import speaker_of

    speaker = speaker_of(wpm, resume)
    record = load_record(run)
    folder = run if run.is_dir() else run.parent
    try:
        paths = write_all(record, folder, speaker, embed=not no_embed)
    except OSError as error:
        received = f"{quoted(folder)} ({error.strerror})"
        raise OutputError("RUN", "a folder that can be written", received, "copy it elsewhere") from error
    for path in paths:
        print(path)
    if open:
        import webbrowser

        webbrowser.open(paths[0].resolve().as_uri())
    return 0
