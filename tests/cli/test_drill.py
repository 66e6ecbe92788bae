"""``throughline drill``: asked in the terminal, answered in a script, written as a page; misuse in a sentence."""

from __future__ import annotations

import io
import json
import shutil
from pathlib import Path

import pytest

from throughline.__main__ import _exit_status
from throughline.drill.ledger import load_drills
from throughline.drill.session import draw_drill

SEED = 11
DRILL = draw_drill(None, SEED)
RIGHT = str(DRILL.causes.index(DRILL.bug) + 1)
WRONG = str(DRILL.causes.index(DRILL.bug) % 5 + 2 if DRILL.causes.index(DRILL.bug) < 4 else 1)


@pytest.fixture(autouse=True)
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("COLUMNS", "80")


class Keyboard(io.StringIO):
    """What someone types, at a terminal."""

    def isatty(self) -> bool:
        return True


def type_in(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", Keyboard("".join(f"{line}\n" for line in lines)))


def test_asked_with_hints_and_answered(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    type_in(monkeypatch, "h", "9", "the weather", "h", RIGHT)
    assert _exit_status(["drill", "bug", "--seed", str(SEED)]) == 0
    out = capsys.readouterr().out
    shown, evidence = out.split("Right, with hints. Grade: hard.")
    assert DRILL.bug.name not in shown
    assert f"({DRILL.bug.name})" in evidence
    assert "Hint 2: " in shown
    assert "Hint 3: " not in shown
    assert "The answer must be a number from 1 to 5, or the cause in words." in shown
    assert "No cause here is called that" in shown
    assert DRILL.bug.before in evidence
    assert max(map(len, shown.replace("leave): ", "leave): \n").splitlines())) <= 80
    (result,) = load_drills()
    assert (result.name, result.correct, result.hints) == (DRILL.bug.name, True, 2)
    assert result.seconds >= 0


@pytest.mark.parametrize("lines", [["q"], [], ["h", "h", "h", "h", "q"]])
def test_leaving_keeps_nothing(
    lines: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    type_in(monkeypatch, *lines)
    assert _exit_status(["drill", "bug", "--seed", str(SEED)]) == 0
    out = capsys.readouterr().out
    assert DRILL.bug.name not in out
    assert ("There are no more hints." in out) == (lines.count("h") == 4)
    assert load_drills() == []


def test_answered_in_a_script(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["drill", "bug", "--seed", str(SEED), "--json"]
    assert _exit_status(asked) == 0
    captured = capsys.readouterr()
    symptoms = json.loads(captured.out)
    assert symptoms["evidence"] is None
    assert DRILL.bug.name not in captured.out + captured.err
    assert f"throughline drill bug --seed {SEED} --answer NUMBER" in captured.err
    assert symptoms["symptoms"]["choices"][int(RIGHT) - 1] == DRILL.bug.title
    assert _exit_status([*asked, "--answer", RIGHT]) == 0
    answered = json.loads(capsys.readouterr().out)
    assert answered["symptoms"] == symptoms["symptoms"]
    assert answered["evidence"]["grade"] == "easy"
    assert _exit_status([*asked, "--hints", "--answer", WRONG]) == 1
    wrong = json.loads(capsys.readouterr().out)
    assert wrong["evidence"]["grade"] == "again"
    assert len(wrong["symptoms"]["hints"]) == 3
    assert [(result.correct, result.hints) for result in load_drills()] == [(True, 0), (False, 3)]


def test_without_a_terminal_it_says_how_to_answer(capsys: pytest.CaptureFixture[str]) -> None:
    name = DRILL.bug.name
    assert _exit_status(["drill", "bug", "--name", name, "--seed", str(SEED)]) == 0
    out = capsys.readouterr().out
    assert out.count(name) == 1
    assert out.splitlines()[-1] == f"Answer with: throughline drill bug --seed {SEED} --name {name} --answer NUMBER"


def test_page_is_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "drill.html"
    assert _exit_status(["drill", "bug", "--seed", str(SEED), "--html", str(page)]) == 0
    assert capsys.readouterr().out == f"{page}\n"
    assert DRILL.bug.title in page.read_text(encoding="utf-8")
    assert load_drills() == []


def test_list_for_people_and_for_programs(capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_status(["drill", "bug", "--list"]) == 0
    table = capsys.readouterr().out
    assert _exit_status(["drill", "bug", "--list", "--json"]) == 0
    for entry in json.loads(capsys.readouterr().out):
        assert entry["name"] in table
    assert max(map(len, table.splitlines())) <= 80


def test_chain_rule_of_the_small_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "sheet.html"
    assert _exit_status(["drill", "chain-rule", "--row", "1", "--html", str(page)]) == 0
    out = capsys.readouterr().out
    assert "13 of 13 derivatives agree with central differences" in out
    assert page.is_file()
    assert _exit_status(["drill", "chain-rule", "--row", "1", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["layer_sizes"] == [2, 3, 1]
    for stage in found["stages"]:
        assert stage["title"] in out
        assert all(line["result"] in out for line in stage["lines"])


@pytest.mark.xdist_group("run")
def test_chain_rule_of_a_run(finished_run, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["drill", "chain-rule", str(finished_run.folder), "--rows", str(finished_run.data), "--json"]
    for row in ("0", "17"):
        assert _exit_status([*arguments, "--row", row]) == 0
        found = json.loads(capsys.readouterr().out)
        assert found["layer_sizes"][0] == 30
        assert found["n_written_out"] < found["n_parameters"]
        assert found["stages"][0]["title"] == "Scaling of the raw row"
    folder = Path(shutil.copytree(finished_run.folder, tmp_path / "bare"))
    shutil.rmtree(folder / "models")
    for bad, said in (
        ([str(folder)], "RUN must be a run with the weights of a network"),
        ([str(finished_run.folder)], "--rows must be given"),
        ([*arguments[2:5], "--row", "114"], "--row must be a whole number from 0 to 113, but got 114"),
    ):
        assert _exit_status(["drill", "chain-rule", *bad]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["bug", "--name", "overfitting"], "--name must be one of bias-gradient-sign, "),
        (["bug", "--seed", "-1"], "--seed must be a whole number from 0 to 4294967295, but got -1"),
        (["bug", "--seed", "x"], "Invalid value"),
        (["bug", "--seed", "1", "--answer", "7"], "--answer must be a number from 1 to 5, or the cause in words"),
        (["bug", "--seed", "1", "--answer", ""], "--answer must be a number among the choices or the cause in words"),
        (["bug", "--html", "nowhere/drill.html"], "--html must be a file in a folder that exists"),
        (["bug", "--html", "."], "--html must be a file, but got '.', which is a folder"),
        (["chain-rule", "--row", "10"], "--row must be a whole number from 0 to 9, but got 10"),
        (["chain-rule", "--rows", "x.csv"], "--rows must be left out without a run"),
        (["chain-rule", "nowhere"], "RUN must be the folder of a run or its record.json, but got 'nowhere'"),
        (["chain-rule", "--html", "nowhere/x.html"], "--html must be a file in a folder that exists"),
        (["frob"], 'Unknown command "frob"'),
    ],
)
def test_misuse_is_refused_in_a_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    assert _exit_status(["drill", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("throughline: ")
    assert said in captured.err
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert list(place.iterdir()) == []
