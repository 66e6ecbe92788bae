"""Misuse gives one sentence and status 2, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from throughline.__main__ import _exit_status
from throughline.record import RunRecord

GOOD = "a,b,y\n" + "".join(f"{i},{i * i % 7},{i % 2}\n" for i in range(40))
QUICK = ["run", "--chapters", "1"]
LOAD = [*QUICK, "--data", "table.csv", "--target", "y"]


def tree(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def assert_refused(arguments: list[str], place: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Call the command, check what all refusals share, and return the sentence."""
    before = tree(place.parent)
    status = _exit_status(arguments)
    captured = capsys.readouterr()
    assert (status, captured.out) == (2, "")
    assert tree(place.parent) == before
    assert_one_clear_message(captured.err)
    return captured.err


def assert_one_clear_message(text: str) -> None:
    assert text.startswith("throughline: ")
    assert text.endswith(".\n")
    assert text.count("\n") == 1
    assert ".." not in re.sub(r"\.\.\.(?=['\"]|\s|,|$)|'\.\.'", "", text)
    for word in ("Traceback", "PosixPath", "WindowsPath", "None", "[Errno"):
        assert word not in text
    assert len(text) < 500


# arguments, and what the sentence must say
ARGUMENTS: dict[str, tuple[list[str], list[str]]] = {
    "unknown command": (
        ["frob"],
        ['"frob"', "run, report, compare, notebook, rehearse, claims, verify, bundle", "throughline --help"],
    ),
    "unknown option": ([*QUICK, "--nope"], ["--nope", "'throughline run --help'"]),
    "misspelt option": ([*QUICK, "--sed", "3"], ["Did you mean --seed?"]),
    "surplus argument": (["run", "fast"], ["'throughline run' has no use for 'fast'."]),
    "option without a value": (["run", "--task"], ["--task must be given a value, but got none."]),
    "option twice": ([*QUICK, "--seed", "1", "--seed", "2"], ["--seed specified multiple times"]),
    "no such flag": ([*QUICK, "--no-strict"], ["--no-strict"]),
    "unknown task": ([*QUICK, "--task", "nope"], ["--task", "make-classification, breast-cancer", "'nope'", "--data"]),
    "long task": ([*QUICK, "--task", "x" * 5000], ["xxx...'"]),
    "task and data": (
        [*LOAD, "--task", "breast-cancer"],
        ["--task", "binary, multiclass, regression when --data", "breast-cancer"],
    ),
    "data without target": (LOAD[:-2], ["--target", "none"]),
    "data with an empty target": ([*LOAD[:-1], ""], ["--target"]),
    "target without data": ([*QUICK, "--target", "y"], ["--target", "left out without --data"]),
    "empty data": ([*QUICK, "--data", "", "--target", "y"], ["--data must be a file"]),
    "kind without data": ([*QUICK, "--kind", "a=number"], ["--kind must be left out without --data, but got 'a'"]),
    "kind of what": ([*LOAD, "--kind", "category"], ["--kind must be given as COLUMN=KIND, but got 'category'"]),
    "unknown kind": ([*LOAD, "--kind", "a=float"], ["--kind must be COLUMN=", "got 'float'"]),
    "kind of no column": ([*LOAD, "--kind", "q=number"], ["--kind must be given for columns of the file, but got 'q'"]),
    "drop of no column": ([*LOAD, "--drop", "b,q"], ["--drop must be a column of 'table.csv'", "got 'q'"]),
    "drop of all": ([*LOAD, "--drop", "a,b"], ["a table with columns to predict from"]),
    "group and time": ([*LOAD, "--group", "a", "--time", "b"], ["--group must be left out with --time"]),
    "weights of no column": ([*LOAD, "--weights", "q"], ["--weights must be a column of 'table.csv'", "got 'q'"]),
    "weights of 0": ([*LOAD, "--weights", "b"], ["--weights must be a column of finite numbers above 0", "line 2"]),
    "weights without data": ([*QUICK, "--weights", "b"], ["--weights must be left out without --data"]),
    "unknown class weights": ([*QUICK, "--class-weights", "1,2"], ["--class-weights", "none, balanced", "'1,2'"]),
    "class weights of amounts": (
        [*QUICK, "--data", "table.csv", "--target", "a", "--task", "regression", "--class-weights", "balanced"],
        ["--class-weights must be none unless there are classes", "'balanced' for 'a', whose values are amounts"],
    ),
    "unknown scaling": ([*QUICK, "--scaling", "minmax"], ["--scaling must be one of standard, robust", "'minmax'"]),
    "threshold of one's own": (["run", "--threshold", "0.3"], ["--threshold must be one of 0.5, best", "'0.3'"]),
    "threshold that nothing uses": (
        [*QUICK, "--threshold", "best"],
        ["--threshold must be 0.5 without chapter 5", "'best' with chapters 1"],
    ),
    "threshold of amounts": (
        ["run", "--data", "table.csv", "--target", "a", "--task", "regression", "--threshold", "best"],
        ["--threshold must be 0.5 unless there are two classes", "'best' for 'a', which has amounts"],
    ),
    "positive of no class": ([*LOAD, "--positive", "yes"], ["--positive must be one of '0', '1', but got 'yes'"]),
    "no such database": (
        [*QUICK, "--data", "sqlite:///no.db?table=t", "--target", "y"],
        ["'no.db' (No such file or directory)"],
    ),
    "another database": ([*QUICK, "--data", "mysql://h/d?table=t", "--target", "y"], ["sqlite:///FILE?table=NAME"]),
    "negative seed": ([*QUICK, "--seed", "-1"], ["--seed", "0 to 4294967295", "-1", "--seed 7"]),
    "large seed": ([*QUICK, "--seed", str(2**40)], ["--seed", str(2**40)]),
    "huge seed": ([*QUICK, "--seed", "9" * 5000], ["--seed", "999...'"]),
    "seed of letters": ([*QUICK, "--seed", "x"], ["--seed must be a whole number from 0 to 4294967295, but got 'x'"]),
    "seed with a fraction": ([*QUICK, "--seed", "1.5"], ["--seed", "'1.5'"]),
    "two seeds": ([*QUICK, "--seeds", "2"], ["--seeds must be 1 for none, or a whole number from 3, but got 2"]),
    "seeds with a fraction": ([*QUICK, "--seeds", "9.5"], ["--seeds", "'9.5'"]),
    "empty seed": ([*QUICK, "--seed", ""], ["--seed", "''"]),
    "chapter 0": (["run", "--chapters", "0"], ["--chapters must be numbers from 1 to 7", "0"]),
    "empty task": (["run", "--task", ""], ["--task must be one of", "''"]),
    "output name too long": ([*QUICK, "--out", "n" * 300], ["--out", "File name too long"]),
    "output in a folder with too long a name": (
        [*QUICK, "--out", f"new/{'n' * 300}/x"],
        ["--out", "File name too long"],
    ),
    "output that is no name": ([*QUICK, "--out", "a\0b"], ["--out", "a folder that can be written"]),
    "output that is no text": ([*QUICK, "--out", "a\udcff"], ["--out", "a folder that can be written"]),
    "chapter 8": (["run", "--chapters", "7,8"], ["--chapters", "got '8'"]),
    "range of chapters": (["run", "--chapters", "3-5"], ["--chapters", "commas", "'3-5'", "--chapters 3,4,6"]),
    "no chapter": (["run", "--chapters", ""], ["--chapters", "''"]),
    "comma at the end": (["run", "--chapters", "3,"], ["--chapters", "'3,'"]),
    "chapter of letters": (["run", "--chapters", "a"], ["--chapters", "'a'"]),
    "endless chapter": (["run", "--chapters", "9" * 5000], ["--chapters", "999...'"]),
    "out is a file": ([*QUICK, "--out", "file"], ["--out must be a new or empty folder", "file"]),
    "out below a file": ([*QUICK, "--out", "file/new/er"], ["--out", "Not a directory"]),
    "out in use": ([*QUICK, "--out", "full"], ["--out must be a new or empty folder", "full", "choose another"]),
    "out is here": ([*QUICK, "--out", "."], ["--out must be a new or empty folder"]),
    "no run": (["report"], ["RUN must be given a value, but got none."]),
    "two runs": (["report", "full", "other"], ["'throughline report' has no use for 'other'."]),
    "missing run": (["report", "nowhere"], ["RUN", "'nowhere' (No such file or directory)", "a finished run"]),
    "run without record": (["report", "full"], ["RUN must be the folder of a run or its record.json"]),
    "run with a long name": (["report", "x" * 300], ["RUN", "File name too long"]),
    "file that is no record": (
        ["report", "table.csv"],
        ["RUN must be a whole record", "table.csv", "JSON is malformed"],
    ),
    "formats of what": (["formats", "onnx"], ["'throughline formats' has no use for 'onnx'."]),
    "misspelt flag": (["tasks", "--jsn"], ["Did you mean --json?"]),
}


@pytest.mark.parametrize(("arguments", "fragments"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_arguments(arguments: list[str], fragments: list[str], place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "table.csv").write_text(GOOD)
    (place / "file").write_text("x")
    (place / "full").mkdir()
    (place / "full" / "x").write_text("x")
    message = assert_refused(arguments, place, capsys)
    for fragment in fragments:
        assert fragment in message


FILES: dict[str, tuple[bytes | None, str]] = {
    "missing": (None, "No such file or directory"),
    "empty": (b"", "which is empty"),
    "only a header": (b"a,b,y\n", "only a header"),
    "no target": (b"a,b,z\n1,2,3\n", "--target must be a column of 'table.csv'"),
    "one class": (b"a,b,y\n1,2,3\n4,5,3\n", "two or more values"),
    "text": (GOOD.replace("7,", "seven,", 1).encode(), "in column 'a', line 9 of 'table.csv'"),
    "beyond float32": (GOOD.replace("\n1,", "\n1e400,", 1).encode(), "'1e400'"),
    "short line": ((GOOD + "1,2\n").encode(), "2 instead of 3 in line 42"),
    "a picture": (b"\x89PNG\r\n", "is a picture"),
    "rare class": ((GOOD.replace(",1\n", ",0\n") + "1,2,1\n").encode(), "got 1 of '1' in table.csv"),
}


@pytest.mark.parametrize(("content", "fragment"), FILES.values(), ids=FILES)
def test_files(content: bytes | None, fragment: str, place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if content is not None:
        (place / "table.csv").write_bytes(content)
    assert fragment in assert_refused(LOAD, place, capsys)
    assert fragment in assert_refused([*LOAD, "--out", "new/folder"], place, capsys)


def test_more_classes_than_the_task_asked_for(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "table.csv").write_text(GOOD.replace(",1\n", ",2\n", 10))
    assert "exactly two classes, but got 3" in assert_refused([*LOAD, "--task", "binary"], place, capsys)


def test_a_folder_is_no_table(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "table.csv").mkdir()
    assert "a folder or a device" in assert_refused(LOAD, place, capsys)


RECORDS: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    # Behind a comma: cut within a number it would be malformed, not short.
    "cut short": (lambda raw: raw[: raw.rindex(b",", 0, len(raw) // 2) + 1], "truncated"),
    "not text": (lambda raw: raw.replace(b"seed7", b"seed\xff"), "utf-8"),
    "another version": (lambda raw: raw.replace(b'"schema_version":1', b'"schema_version":99'), "got version 99"),
    "no version": (lambda raw: raw.replace(b"schema_version", b"schema"), "schema_version"),
    "a part of another kind": (lambda raw: raw.replace(b'"seed":7', b'"seed":"x"'), "$.seed"),
    "empty": (lambda raw: b"", "truncated"),
}


@pytest.mark.parametrize(("damage", "fragment"), RECORDS.values(), ids=RECORDS)
def test_damaged_records(
    damage: Callable[[bytes], bytes],
    fragment: str,
    make_record: Callable[..., RunRecord],
    place: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    raw = msgspec.json.encode(make_record())
    assert damage(raw) != raw
    (place / "record.json").write_bytes(damage(raw))
    message = assert_refused(["report", "."], place, capsys)
    assert "RUN must be" in message
    assert fragment in message


def test_report_into_a_place_that_cannot_be_written(
    make_record: Callable[..., RunRecord], place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "record.json").write_bytes(msgspec.json.encode(make_record()))
    (place / "report.html").mkdir()  # in the way of the page; modes would not stop a privileged user
    message = assert_refused(["report", "."], place, capsys)
    assert "RUN must be a folder that can be written, but got '.' (Is a directory)" in message


def test_an_empty_folder_may_be_filled_and_new_ones_are_made(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "table.csv").write_text(GOOD)
    (place / "empty").mkdir()
    for out in ("empty", "new/er/est"):
        assert _exit_status([*LOAD, "--out", out]) == 0
        assert sorted(path.name for path in (place / out).glob("*.*")) == [
            "record.json",
            "report.html",
            "talking_points.md",
        ]
        assert out in capsys.readouterr().out.replace(os.sep, "/")
    assert sorted(path.name for path in place.iterdir()) == ["empty", "new", "table.csv"]
    assert list((place.parent / "temp").iterdir()) == []


def test_a_name_like_markup_is_shown_as_it_is(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_status([*QUICK, "--out", "[red]a[b]:smile:"]) == 0
    assert "[red]a[b]:smile:" in capsys.readouterr().out


def call(arguments: list[str], folder: Path, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """Call the command in a process of its own, with the temporary folder inside `folder`."""
    (folder / "temp").mkdir()
    (folder / "work").mkdir()
    places = {"TMPDIR": str(folder / "temp"), "TEMP": str(folder / "temp"), "TMP": str(folder / "temp")}
    return subprocess.run(
        [sys.executable, "-m", "throughline", *arguments],
        capture_output=True,
        cwd=folder / "work",
        env=os.environ | places | environment,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("arguments", [["run", "--data", "nowhere.csv", "--target", "y"], ["report", "nowhere"]])
def test_as_a_process(arguments: list[str], tmp_path: Path) -> None:
    done = call(arguments, tmp_path)
    assert (done.returncode, done.stdout) == (2, b"")
    assert_one_clear_message(done.stderr.decode().replace(os.linesep, "\n"))
    assert tree(tmp_path) == ["temp", "work"]


def test_a_terminal_without_the_signs_does_not_end_a_run(tmp_path: Path) -> None:
    done = call(QUICK, tmp_path, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"1 of 1 bars met" in done.stdout or b"bars met" in done.stdout
