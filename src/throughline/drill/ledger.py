"""Results of drills, kept over the days in the database of rehearsals."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime

from throughline.errors import OutputError, quoted
from throughline.rehearse.store import database_path

TABLE = """
CREATE TABLE IF NOT EXISTS drills (
    at TEXT NOT NULL, name TEXT NOT NULL, correct INTEGER NOT NULL, seconds REAL NOT NULL, hints INTEGER NOT NULL
)
"""


@dataclass(frozen=True)
class DrillResult:
    """One answered drill; `at` is a time in UTC, ISO 8601."""

    at: str
    name: str
    correct: bool
    seconds: float
    hints: int


def record_drill(name: str, correct: bool, seconds: float, hints: int) -> None:
    """Keep the result of a drill.

    Parameters
    ----------
    name : str
        The bug, or another name for what was drilled.
    correct : bool
    seconds : float
        From the first sight of the symptoms to the answer.
    hints : int
        How many were asked for.

    Raises
    ------
    OutputError
        If the database cannot be written.
    """
    path = database_path()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(path)) as database, database:
            database.execute(TABLE)
            row = (datetime.now(UTC).isoformat(timespec="seconds"), name, int(correct), round(seconds, 1), hints)
            database.execute("INSERT INTO drills VALUES (?, ?, ?, ?, ?)", row)
    except (OSError, sqlite3.Error) as error:
        received = f"{quoted(path)} ({error})"
        raise OutputError("XDG_DATA_HOME", "a folder that can be written", received, "set it to another") from error


def load_drills() -> list[DrillResult]:
    """Return all results that were kept, oldest first."""
    path = database_path()
    if not path.is_file():
        return []
    with closing(sqlite3.connect(path)) as database:
        database.execute(TABLE)
        rows = database.execute("SELECT at, name, correct, seconds, hints FROM drills ORDER BY at, rowid").fetchall()
    return [DrillResult(at, name, bool(correct), seconds, hints) for at, name, correct, seconds, hints in rows]
