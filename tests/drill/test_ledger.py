"""Results stay, and a place that cannot be written is said in a sentence."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from throughline.drill.ledger import database_path, load_drills, record_drill
from throughline.errors import OutputError


@pytest.fixture(autouse=True)
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "data"
    monkeypatch.setenv("XDG_DATA_HOME", str(home))
    return home


def test_nothing_is_made_by_asking(data_home: Path) -> None:
    assert load_drills() == []
    assert not data_home.exists()


def test_results_come_back_in_order() -> None:
    record_drill("no-zero-grad", False, 31.26, 2)
    record_drill("no-zero-grad", True, 12.0, 0)
    first, second = load_drills()
    assert (first.name, first.correct, first.seconds, first.hints) == ("no-zero-grad", False, 31.3, 2)
    assert (second.correct, second.hints) == (True, 0)
    assert datetime.fromisoformat(first.at).tzinfo is not None


def test_relative_data_home_is_ignored_as_the_specification_asks(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "somewhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert database_path().is_relative_to(tmp_path / ".local" / "share")


def test_a_file_in_the_way_is_said(data_home: Path) -> None:
    data_home.write_text("in the way")
    with pytest.raises(OutputError, match="XDG_DATA_HOME must be a folder that can be written"):
        record_drill("no-zero-grad", True, 1.0, 0)


def test_a_file_that_is_no_database_is_said() -> None:
    database_path().parent.mkdir(parents=True)
    database_path().write_text("this is no database, however long it is" * 100)
    with pytest.raises(OutputError, match="file is not a database"):
        record_drill("no-zero-grad", True, 1.0, 0)
