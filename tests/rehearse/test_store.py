from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from throughline.errors import DataError, OutputError
from throughline.rehearse import store as module
from throughline.rehearse.history import read_history
from throughline.rehearse.reading import ChapterTime
from throughline.rehearse.schedule import AGAIN, EASY, GOOD, due, recall, reviewed
from throughline.rehearse.store import MIGRATIONS, Store, Talk, database_path

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TALK = Talk("a-run", "quick", 150, 80.0, 90.0, False, (ChapterTime(3, 40.0, 41.0), ChapterTime(4, 40.0, 70.0)))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "rehearsals.sqlite3"


def test_the_file_is_under_the_users_data_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert database_path() == tmp_path / "throughline" / "rehearsals.sqlite3"


def test_what_is_kept_is_there_the_next_time(path: Path) -> None:
    with Store(path) as store:
        store.keep_talk(TALK, NOW)
        store.keep_answer("a-run", "3.loss", 3, 12.5, EASY, NOW)
    with Store(path) as store:
        found = read_history(store, NOW)
    assert (found.n_talks, found.n_answers, found.seconds) == (1, 1, 90.0)
    keras, pytorch = found.chapters[2], found.chapters[3]
    assert (keras.n_told, keras.last_spoken_s, keras.last_planned_s, keras.best_off_s) == (1, 41.0, 40.0, 1.0)
    assert (keras.n_answers, keras.mean_grade) == (1, 4.0)
    assert (pytorch.n_told, pytorch.best_off_s, pytorch.mean_grade) == (1, 30.0, None)
    assert found.chapters[0].recall is None
    assert json.loads(found.to_json())["chapters"][2]["title"] == "Keras"


def test_what_went_badly_comes_first_then_what_is_new_then_what_can_wait(path: Path) -> None:
    with Store(path) as store:
        store.keep_answer("a-run", "3.loss", 3, 5.0, AGAIN, NOW)
        store.keep_answer("a-run", "4.bce", 4, 5.0, EASY, NOW)
        found = read_history(store, NOW + timedelta(minutes=15))
    items = [entry.item for entry in found.next]
    assert items[0] == "3.loss"
    assert items[1:-1] == [str(chapter) for chapter in range(1, 9)]
    assert items[-1] == "4.bce"
    assert found.next[1].at is None


def test_the_schedule_is_that_of_fsrs() -> None:
    again, good, easy = (reviewed(None, grade, NOW) for grade in (AGAIN, GOOD, EASY))
    assert NOW < due(again) < due(good) < due(easy)
    assert due(reviewed(easy, EASY, due(easy))) - due(easy) > due(easy) - NOW
    assert recall(easy, NOW) == pytest.approx(1)
    assert recall(easy, NOW + timedelta(days=60)) < recall(easy, NOW + timedelta(days=5)) < 1
    assert reviewed(None, GOOD, NOW) == good


def test_bug_drills_are_counted_where_they_are_kept(path: Path) -> None:
    with Store(path) as store:
        assert read_history(store, NOW).n_drills == 0
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE drills (at TEXT, name TEXT, correct INTEGER, seconds REAL, hints INTEGER)")
    database.executemany("INSERT INTO drills VALUES ('', 'x', ?, 1.0, 0)", [(1,), (0,), (1,)])
    database.commit()
    database.close()
    with Store(path) as store:
        found = read_history(store, NOW)
    assert (found.n_drills, found.n_drills_right) == (3, 2)


def test_a_file_that_the_drills_began_is_taken_over(path: Path) -> None:
    path.parent.mkdir()
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE drills (at TEXT, name TEXT, correct INTEGER, seconds REAL, hints INTEGER)")
    database.close()
    with Store(path) as store:
        store.keep_talk(TALK, NOW)
        assert store.rows("PRAGMA user_version") == [(len(MIGRATIONS),)]
        assert read_history(store, NOW).n_talks == 1


def test_a_newer_file_is_left_alone(path: Path) -> None:
    Store(path).__exit__(None, None, None)
    database = sqlite3.connect(path)
    database.execute("PRAGMA user_version = 99")
    database.close()
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"of version 1 or older, but got version 99 in '.*': use the release"):
        Store(path)
    assert path.read_bytes() == before


def test_a_locked_file_is_said_to_be_locked(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAIT_S", 0.05)
    with Store(path) as store:
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(OutputError, match="which another process holds: end the other one"):
            store.keep_talk(TALK, NOW)
        with pytest.raises(OutputError, match="another process holds"):
            Store(path)
        other.execute("ROLLBACK")
        other.close()
        store.keep_talk(TALK, NOW)
        assert read_history(store, NOW).n_talks == 1


def test_a_file_of_another_kind_is_refused_and_kept(path: Path) -> None:
    path.parent.mkdir()
    path.write_bytes(b"not a database at all, " * 100)
    with pytest.raises(DataError, match="a SQLite file of Throughline's"):
        Store(path)
    assert path.read_bytes().startswith(b"not a database")


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"in a folder that can be written, but got .*: set XDG_DATA_HOME"):
        Store(tmp_path / "file" / "rehearsals.sqlite3")


def test_an_interrupted_talk_leaves_nothing_half_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> str:
        raise KeyboardInterrupt

    with Store(path) as store:
        monkeypatch.setattr(module, "reviewed", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.keep_talk(TALK, NOW)
        assert read_history(store, NOW).n_talks == 0
