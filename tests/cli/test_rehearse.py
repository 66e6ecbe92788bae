"""throughline rehearse: on paper, as a page, its history, and in a real terminal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from throughline.__main__ import _exit_status
from throughline.record import RunRecord

from .test_bad_input import assert_refused

RESUME = '[[project]]\nname = "Orchard"\ntechnology = "TFLite"\nresult = "it counts apples"\nchapters = [6]\n'


@pytest.fixture
def run(make_record: Callable[..., RunRecord], place: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished run below runs/, and a data directory of its own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(place / "data"))
    folder = place / "runs" / "one"
    folder.mkdir(parents=True)
    (folder / "record.json").write_text(make_record().to_json())
    return folder


def test_without_a_terminal_the_newest_run_is_printed_with_times(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_status(["rehearse"]) == 0
    newest = capsys.readouterr().out
    assert re.match(r"full walk, [56]:\d\d at 150 words a minute\n", newest)
    assert _exit_status(["rehearse", str(run)]) == 0
    assert capsys.readouterr().out == newest


def test_walk_chapter_pace_and_projects_are_heeded(run: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "resume.toml").write_text(RESUME)
    assert _exit_status(["rehearse", "--chapter", "6", "--wpm", "120", "--resume", "resume.toml"]) == 0
    out = capsys.readouterr().out
    assert re.match(r"deep walk, 1:\d\d at 120 words a minute\n\n6\. TFLite \(0:00, for 1:\d\d\)\n", out)
    assert "I used this in Orchard, with TFLite: it counts apples." in out
    assert _exit_status(["rehearse", "--walk", "quick"]) == 0
    assert re.findall(r"^(\d)\. ", capsys.readouterr().out, re.MULTILINE) == ["3", "4", "6", "7"]


def test_report_heeds_pace_and_projects(run: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "resume.toml").write_text(RESUME)
    assert _exit_status(["report", str(run), "--wpm", "110", "--resume", "resume.toml"]) == 0
    text = (run / "talking_points.md").read_text()
    assert "at 110 words a minute" in text
    assert "I used this in Orchard" in text


def test_a_page_is_written(run: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_status(["rehearse", "--html", "prompt.html"]) == 0
    assert capsys.readouterr().out == "prompt.html\n"
    assert (place / "prompt.html").read_text().startswith("<!doctype html>")


def test_history_of_nothing_says_where_to_begin(run: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_status(["rehearse", "--history"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("0 talks, 0:00 spoken, 0 answers\n")
    assert "1. Perceptron: never told" in out
    assert _exit_status(["rehearse", "--history", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["n_talks"], len(found["chapters"])) == (0, 8)


REFUSED: dict[str, tuple[list[str], list[str]]] = {
    "no such run": (["rehearse", "runs/none"], ["RUN", "No such file"]),
    "unknown walk": (["rehearse", "--walk", "long"], ["--walk must be one of full, quick, deep, but got 'long'"]),
    "deep without a chapter": (["rehearse", "--walk", "deep"], ["--chapter", "1, 2, 3, 4, 5, 6, 7 and 8", "none"]),
    "chapter of a full walk": (["rehearse", "--walk", "full", "--chapter", "2"], ["--chapter must be left out"]),
    "chapter 9": (["rehearse", "--chapter", "9"], ["--chapter", "9"]),
    "chapter with a fraction": (["rehearse", "--chapter", "2.5"], ["--chapter must be a whole number", "'2.5'"]),
    "too slow": (["rehearse", "--wpm", "50"], ["--wpm must be a whole number from 100 to 200, but got 50"]),
    "pace with a fraction": (["rehearse", "--wpm", "150.5"], ["--wpm", "'150.5'", "--wpm 150"]),
    "pace of a report": (["report", "runs/one", "--wpm", "999"], ["--wpm", "999"]),
    "pace of a run": (["run", "--chapters", "1", "--wpm", "1"], ["--wpm", "100 to 200"]),
    "no such resume": (["rehearse", "--resume", "no.toml"], ["--resume", "no.toml", "No such file"]),
    "resume of a run": (["run", "--chapters", "1", "--resume", "no.toml"], ["--resume", "no.toml"]),
    "JSON without history": (["rehearse", "--json"], ["--json must be given with --history"]),
    "page in no folder": (["rehearse", "--html", "no/prompt.html"], ["--html", "No such file or directory"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_misuse_is_refused(case: str, run: Path, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, parts = REFUSED[case]
    said = assert_refused(arguments, place, capsys)
    for part in parts:
        assert part in said


def test_without_a_run_it_says_what_to_type(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "type throughline run first" in assert_refused(["rehearse"], place, capsys)


@pytest.fixture
def terminal(run: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """A pseudo-terminal with a quick walk in it, ready to begin."""
    if sys.platform == "win32":
        pytest.skip("2026-11-22: a pseudo-terminal is a thing of Unix")
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "throughline", "rehearse", "--walk", "quick", "--wpm", "200"]
    size = {"TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, env=os.environ | size)
    os.close(theirs)
    try:
        assert "Keras" in _until(ours, "space to begin")
        yield ours, child
    finally:
        child.kill()
        child.wait()
        os.close(ours)


def test_in_a_real_terminal_it_draws_and_keeps_the_times(
    terminal: tuple[int, subprocess.Popen[bytes]], capsys: pytest.CaptureFixture[str]
) -> None:
    screen, child = terminal
    os.write(screen, b" ")
    for _ in range(60):  # on, sentence by sentence, to the end
        os.write(screen, b"\x1b[C")
        time.sleep(0.05)
    _until(screen, "Time by chapter")
    os.write(screen, b"q")
    _to_the_end(screen)
    assert child.wait(timeout=30) == 0
    assert _exit_status(["rehearse", "--history", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["n_talks"] == 1
    assert [chapter["chapter"] for chapter in found["chapters"] if chapter["n_told"]] == [3, 4, 6, 7]


def test_a_polite_kill_ends_it_without_a_traceback(terminal: tuple[int, subprocess.Popen[bytes]]) -> None:
    screen, child = terminal
    child.terminate()
    assert "Traceback" not in _to_the_end(screen)
    assert child.wait(timeout=30) == 130


def _until(terminal: int, text: str) -> str:
    """Read what is drawn until the text appears in it, colours left out."""
    import select

    seen, end = "", time.monotonic() + 60
    while text not in re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen):
        assert time.monotonic() < end, seen[-2000:]
        if select.select([terminal], [], [], 1)[0]:
            seen += os.read(terminal, 65536).decode(errors="replace")
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)


def _to_the_end(terminal: int) -> str:
    """Read until the other side has closed."""
    seen = b""
    try:
        while part := os.read(terminal, 65536):
            seen += part
    except OSError:  # what Linux says of a terminal whose other side is closed
        pass
    return seen.decode(errors="replace")
