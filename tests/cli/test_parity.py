"""``throughline parity``: a table for people, a record for programs, a page; misuse in a sentence."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from throughline.__main__ import _exit_status
from throughline.parity.record import ParityRecord
from throughline.record import LedgerRecord, RunRecord, load_record


@pytest.mark.xdist_group("tensorflow")
def test_table_record_and_page_of_a_small_comparison(tmp_path: Path) -> None:
    page = tmp_path / "parity.md"
    chosen = ["--task", "seed", "--optimizer", "sgd,adam", "--dtype", "float64", "--steps", "5", "--dropout", "0"]
    command = [sys.executable, "-m", "throughline", "parity", *chosen, "--seed", "4", "--write", str(page), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    record = msgspec.json.decode(done.stdout, type=ParityRecord)
    assert [case.optimizer for case in record.cases] == ["sgd", "adam"]
    assert record.met
    assert record.seed == 4
    assert all(case.frameworks == ["numpy", "keras", "torch", "sklearn"] for case in record.cases)
    assert "2 of 2 trainings meet their bars, 5 steps each" in done.stderr
    assert max(map(len, done.stderr.splitlines()[:3])) <= 80
    assert "**2 of 2 trainings meet their bars.**" in page.read_text(encoding="utf-8")
    assert str(tmp_path) not in page.read_text(encoding="utf-8")
    assert json.loads(done.stdout)["n_steps"] == 5


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--task", "shallow"], "--task must be one of seed, deep, regression, but got 'shallow'"),
        (["--optimizer", "lion"], "--optimizer must be one of sgd, momentum, nesterov, rmsprop, adam, adamw, all"),
        (["--dtype", "float16"], "dtype must be one of float32, float64, but got 'float16'"),
        (["--dropout", "much"], "--dropout must be numbers from 0 to below 1, separated by commas, but got 'much'"),
        (["--dropout", "1"], "dropout must be at least 0 and below 1, but got 1.0"),
        (["--steps", "0"], "--steps must be a whole number from 1, but got 0"),
        (["--seed", "-1"], "seed must be a whole number from 0, but got -1"),
        (["--ledger", "--seeds", "2"], "--seeds must be at least 3, but got 2"),
        (["--ledger", "--steps", "0"], "--steps must be a whole number from 1, but got 0"),
        (["--run", "runs/some"], "--run must be left out without --ledger"),
        (["--ledger", "--run", "nowhere"], "RUN must be the folder of a run or its record.json, but got 'nowhere'"),
        (["--write", "nowhere/parity.md"], "--write must be a file in a folder that exists"),
    ],
)
def test_misuse_is_refused_in_a_sentence(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str], place: Path
) -> None:
    assert _exit_status(["parity", *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"throughline: {said}")
    assert captured.out == ""
    assert list(place.iterdir()) == []


@pytest.mark.xdist_group("tensorflow")
def test_ledger_is_given_to_a_run_and_its_report(tmp_path: Path, make_record: Callable[..., RunRecord]) -> None:
    folder, page = tmp_path / "run", tmp_path / "ledger.md"
    folder.mkdir()
    (folder / "record.json").write_text(make_record(ledger=None).to_json(), encoding="utf-8")
    command = [sys.executable, "-m", "throughline", "parity", "--ledger", "--steps", "5", "--seeds", "3", "--json"]
    done = subprocess.run(
        [*command, "--run", str(folder), "--write", str(page)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    found = msgspec.json.decode(done.stdout, type=LedgerRecord)
    assert found.n_steps == 5
    assert load_record(folder).ledger == found
    report = (folder / "report.html").read_text(encoding="utf-8")
    text = page.read_text(encoding="utf-8")
    for line in found.lines:
        assert line.title in text
        assert line.title in done.stderr
        assert line.sentence in text
        assert line.sentence.split("'")[0] in report
    assert "5 steps each" in done.stderr
    assert str(tmp_path) not in text
