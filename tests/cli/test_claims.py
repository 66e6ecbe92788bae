"""`throughline claims` lists, checks, and refuses in one sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.conftest import FinishedRun

from throughline.__main__ import _exit_status
from throughline.record import RunRecord
from throughline.report import write_all


@pytest.fixture
def folder(make_record: Callable[..., RunRecord], tmp_path: Path) -> Path:
    record = make_record()
    (tmp_path / "record.json").write_text(record.to_json(), encoding="utf-8")
    write_all(record, tmp_path)
    return tmp_path


def test_claims_are_listed_with_verdicts(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_status(["claims", str(folder), "--chapter", "6"]) == 0
    out = capsys.readouterr().out
    assert "contradicted" in out
    assert "4 held, 1 contradicted, 2 missing." in out


def test_json_comes_alone_on_standard_output(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_status(["claims", str(folder), "--json", "--check"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert len(data["claims"]) >= 30
    assert [(file["file"], file["faults"]) for file in data["checked"]] == [
        ("report.html", []),
        ("talking_points.md", []),
    ]


def test_a_false_figure_ends_with_1_and_is_quoted(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    points = folder / "talking_points.md"
    points.write_text(points.read_text(encoding="utf-8").replace("17.3 kilobytes", "13.7 kilobytes"), encoding="utf-8")
    assert _exit_status(["claims", str(folder), "--check"]) == 1
    out = capsys.readouterr().out
    assert "talking_points.md:" in out
    assert "13.7 kilobytes" in out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--chapter", "9"], "--chapter must be a number from 0 to 8"),
        (["--readme", "README.md"], "--readme must be left out without --check"),
        (["--check", "--readme", "missing.md"], "missing.md"),
        (["--check", "--readme", "record.json"], "that ends in .md"),
    ],
)
def test_misuse_is_refused(
    folder: Path, arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    assert _exit_status(["claims", ".", *arguments]) == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_folder_without_texts_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("report.html", "talking_points.md"):
        (folder / name).unlink()
    assert _exit_status(["claims", str(folder), "--check"]) == 2
    assert "throughline report" in capsys.readouterr().err


def test_a_damaged_notebook_is_refused(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "mine.ipynb").write_text("{}", encoding="utf-8")
    assert _exit_status(["claims", str(folder), "--check"]) == 2
    assert "mine.ipynb" in capsys.readouterr().err


@pytest.mark.xdist_group("run")
def test_a_real_run_is_backed_to_the_last_figure(finished_run: FinishedRun) -> None:
    done = finished_run.call(["claims", str(finished_run.folder), "--check"])
    assert done.returncode == 0, done.stdout
    assert done.stdout.count(" 0 not backed") == 2
