"""What is remembered of rehearsals: one SQLite file under the user's data directory.

    talks      a walk that was told, whole or in part
    chapters   the chapters told in it, planned and spoken time
    answers    follow-up questions that were answered and graded
    cards      for every chapter and question, when it is due again

Other parts may keep tables of their own in the same file, as the bug drills do in `drills`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from throughline.errors import DataError, OutputError, quoted
from throughline.rehearse.reading import ChapterTime
from throughline.rehearse.schedule import grade_by_clock, reviewed

FILE_NAME = "rehearsals.sqlite3"
PARAMETER = "the database of rehearsals"
WAIT_S = 2.0  # for another process to end its writing
# Each entry brings the file to the next version; entries are only ever added.
MIGRATIONS = (
    """
    CREATE TABLE talks (
        id INTEGER PRIMARY KEY, at TEXT NOT NULL, run TEXT NOT NULL, walk TEXT NOT NULL, wpm INTEGER NOT NULL,
        planned_s REAL NOT NULL, spoken_s REAL NOT NULL, finished INTEGER NOT NULL
    );
    CREATE TABLE chapters (
        talk INTEGER NOT NULL REFERENCES talks (id), chapter INTEGER NOT NULL, planned_s REAL NOT NULL,
        spoken_s REAL NOT NULL, grade INTEGER NOT NULL
    );
    CREATE TABLE answers (
        at TEXT NOT NULL, run TEXT NOT NULL, question TEXT NOT NULL, chapter INTEGER NOT NULL, seconds REAL NOT NULL,
        grade INTEGER NOT NULL
    );
    CREATE TABLE cards (item TEXT PRIMARY KEY, chapter INTEGER NOT NULL, card TEXT NOT NULL);
    """,
)


@dataclass(frozen=True)
class Talk:
    """A walk that was told.

    Attributes
    ----------
    run, walk : str
    wpm : int
    planned_s, spoken_s : float
        Of what was told of it.
    finished : bool
    chapters : tuple of ChapterTime
        Those told to their end.
    """

    run: str
    walk: str
    wpm: int
    planned_s: float
    spoken_s: float
    finished: bool
    chapters: tuple[ChapterTime, ...]


def database_path() -> Path:
    """Return where the database is: under ``$XDG_DATA_HOME`` on Linux, and where such files belong elsewhere."""
    from platformdirs import user_data_path

    return user_data_path("throughline", appauthor=False) / FILE_NAME


class Store:
    """The database, open.

    Parameters
    ----------
    path : Path, optional
        By default `database_path`; made where it is missing.

    Raises
    ------
    OutputError
        If it cannot be made, or if another process holds it.
    DataError
        If it is no database of rehearsals, or one of a newer release.
    """

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or database_path()
        with _told(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self.path, timeout=WAIT_S, isolation_level=None)
            try:
                self._migrate()
            except BaseException:
                self._database.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def keep_talk(self, talk: Talk, at: datetime | None = None) -> None:
        """Keep the times of a talk, and plan its chapters anew."""
        at = at or datetime.now(UTC)
        with self._writing() as database:
            values = (_iso(at), talk.run, talk.walk, talk.wpm, talk.planned_s, talk.spoken_s, int(talk.finished))
            done = database.execute("INSERT INTO talks VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", values)
            for time in talk.chapters:
                grade = grade_by_clock(time.planned_s, time.spoken_s)
                row = (done.lastrowid, time.chapter, time.planned_s, time.spoken_s, grade)
                database.execute("INSERT INTO chapters VALUES (?, ?, ?, ?, ?)", row)
                self._review(database, str(time.chapter), time.chapter, grade, at)

    def keep_answer(
        self, run: str, question: str, chapter: int, seconds: float, grade: int, at: datetime | None = None
    ) -> None:
        """Keep the grade of an answer, and plan its question anew."""
        at = at or datetime.now(UTC)
        with self._writing() as database:
            row = (_iso(at), run, question, chapter, seconds, grade)
            database.execute("INSERT INTO answers VALUES (?, ?, ?, ?, ?, ?)", row)
            self._review(database, question, chapter, grade, at)

    def rows(self, query: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        """Return the rows of a query; none for a table that nothing has been kept in yet."""
        with _told(self.path):
            try:
                return self._database.execute(query, values).fetchall()
            except sqlite3.OperationalError as error:
                if "no such table" in str(error):
                    return []
                raise

    def cards(self) -> dict[str, str]:
        """Return the state of every chapter and question that was practised."""
        return {str(item): str(card) for item, card in self.rows("SELECT item, card FROM cards ORDER BY item")}

    def _review(self, database: sqlite3.Connection, item: str, chapter: int, grade: int, at: datetime) -> None:
        known = database.execute("SELECT card FROM cards WHERE item = ?", (item,)).fetchone()
        row = (item, chapter, reviewed(known[0] if known else None, grade, at))
        database.execute("INSERT OR REPLACE INTO cards VALUES (?, ?, ?)", row)

    def _migrate(self) -> None:
        version = self._version()
        if version > len(MIGRATIONS):
            allowed = f"of version {len(MIGRATIONS)} or older"
            received = f"version {version} in {quoted(self.path)}"
            raise DataError(
                PARAMETER, allowed, received, "use the release of Throughline that wrote it, or a newer one"
            )
        if version == len(MIGRATIONS):
            return
        with self._writing() as database:
            steps = MIGRATIONS[self._version() :]  # another process may have been first
            for statement in filter(str.strip, "".join(steps).split(";")):
                database.execute(statement)
            database.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")

    def _version(self) -> int:
        (version,) = self._database.execute("PRAGMA user_version").fetchone()
        return int(version)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        with _told(self.path):
            self._database.execute("BEGIN IMMEDIATE")
            try:
                yield self._database
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
            self._database.execute("COMMIT")


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Say in a sentence what went wrong with the file."""
    try:
        yield
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            received = f"{quoted(path)}, which another process holds"
            raise OutputError(PARAMETER, "free to be written", received, "end the other one and try again") from error
        raise _unusable(path, str(error)) from error
    except sqlite3.DatabaseError as error:
        received = f"{quoted(path)} ({error})"
        raise DataError(PARAMETER, "a SQLite file of Throughline's", received, "move it away") from error
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error


def _unusable(path: Path, reason: str) -> OutputError:
    received = f"{quoted(path)} ({reason})"
    return OutputError(PARAMETER, "in a folder that can be written", received, "set XDG_DATA_HOME to another")


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="seconds")
