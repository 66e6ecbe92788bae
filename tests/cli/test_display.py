"""What is shown during a run and after it: all of it, in eighty columns."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from throughline.cli.display import RunDisplay, bar_sentence, choice_sentences, print_summary
from throughline.progress import ChapterDone, ChapterStarted, Stage
from throughline.record import Check, FormatRecord, RunRecord, make_bar


def summary(record: RunRecord, folder: str = "runs/x", width: int = 80) -> str:
    stream = io.StringIO()
    print_summary(Console(file=stream, width=width, highlight=False, markup=False, emoji=False), record, Path(folder))
    return stream.getvalue()


def row_of(text: str, title: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(title))


@pytest.fixture
def record(make_record: Callable[..., RunRecord]) -> RunRecord:
    return make_record()


def changed(record: RunRecord, number: int, **fields: object) -> tuple[RunRecord, FormatRecord]:
    formats = list(record.formats)
    formats[number] = dataclasses.replace(formats[number], **fields)  # type: ignore[arg-type]
    return dataclasses.replace(record, formats=formats), formats[number]


def test_tables_fit_in_eighty_columns_and_hide_nothing(record: RunRecord) -> None:
    text = summary(record)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    for training in record.trainings():
        row = row_of(text, training.framework)
        assert f" {training.best_epoch} " in row
        assert f"{training.val_accuracy:.1%}" in row
    for entry in record.formats:
        assert f"{entry.size_bytes:,}" in row_of(text, entry.title)


def test_large_figures_still_fit(record: RunRecord) -> None:
    big = {"size_bytes": 123_456_789, "n_flips": 1234, "latency_us": 12345.6, "verdict": "explained (float16 weights)"}
    for number in range(len(record.formats)):
        record, _ = changed(record, number, **big)
    text = summary(record)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert text.count("123,456,789") == len(record.formats)


def test_every_status_is_shown_with_its_reason(record: RunRecord) -> None:
    record, passed = changed(record, 0, status="passed", verdict="rounding", reason="")
    record, failed = changed(record, 1, status="failed", verdict="unexplained", reason="Row 3 differs by 0.5.")
    record, absent = changed(record, 2, status="not_run", verdict="", reason="litert is not installed: pip install it")
    text = summary(record)
    assert row_of(text, passed.title).rstrip().endswith("rounding")
    assert "FAILED" in row_of(text, failed.title)
    assert "not run" in row_of(text, absent.title)
    assert f"{failed.title} failed: Row 3 differs by 0.5." in text
    assert f"{absent.title} not run: litert is not installed" in text
    flat = " ".join(text.split())
    assert f"of {len(record.formats)} exported files proven, 1 failed, 1 not run" in flat


def test_what_failed_before_it_answered_shows_no_figures(record: RunRecord) -> None:
    record, failed = changed(
        record, 0, status="failed", verdict="", reason="It died.", checks=[], largest_difference=0.0, test_accuracy=0.0
    )
    row = row_of(summary(record), failed.title)
    assert "FAILED" in row
    assert "0.0" not in row.removeprefix(failed.title)


def test_what_was_chosen_is_said(record: RunRecord) -> None:
    assert choice_sentences(record) == []
    evaluation = record.evaluation
    assert evaluation is not None
    networks = [dataclasses.replace(network, threshold=0.37) for network in evaluation.networks]
    plain = dataclasses.replace(networks[0].accuracy, value=0.912)
    networks[0] = dataclasses.replace(networks[0], plain_accuracy=plain)
    chosen = dataclasses.replace(
        record,
        train=dataclasses.replace(record.train, class_weight=(0.5, 10.0)),
        network=dataclasses.replace(record.network, scaling="robust"),
        evaluation=dataclasses.replace(evaluation, networks=networks, threshold_rule="best", weighted_by="stratum"),
    )
    first, second, third, fourth = choice_sentences(chosen)
    assert first == "Class weights in training: 0.50 for class 0, 10.00 for class 1."
    assert second == "Scaled by median and interquartile range."
    assert "weighted by stratum" in third
    assert "numpy 0.37 (at 0.5, every row counted once, 91.2% of the test rows are right)" in fourth
    text = summary(chosen)
    assert max(map(len, text.splitlines())) <= 80
    for sentence in (first, second, third, fourth):
        assert sentence in " ".join(text.split())


def test_the_check_that_failed_is_named(record: RunRecord) -> None:
    checks = [Check(name="file", status="passed", said="opens"), Check(name="weights", status="failed", said="wrong")]
    reason = "check 'weights': wrong"
    record, failed = changed(record, 1, status="failed", verdict="rounding", reason=reason, named_checks=checks)
    text = summary(record)
    assert row_of(text, failed.title).rstrip().endswith("FAILED weights")
    assert f"{failed.title} failed: check 'weights': wrong" in text


def test_a_run_of_one_chapter_has_no_tables(record: RunRecord) -> None:
    alone = dataclasses.replace(record, mlp=None, keras=None, pytorch=None, evaluation=None, formats=[], bars=[])
    text = summary(alone)
    assert "network" not in text
    assert "format" not in text
    assert "runs/x/record.json" in text.replace("\\", "/")


def test_paths_are_shown_whole_and_as_they_are(record: RunRecord) -> None:
    folder = "runs/[bold]" + "x" * 100 + "[/b]:smile:"
    assert f"{folder}/report.html" in summary(record, folder).replace("\\", "/")


def test_bars_met_and_missed_are_told_apart() -> None:
    stream = io.StringIO()
    met = make_bar(3, "Keras validation accuracy", 0.95, "above", 0.9)
    missed = make_bar(3, "gradient error", 1e-3, "below", 1e-6, "number")
    with RunDisplay(Console(file=stream, width=80)) as display:
        display.on_event(ChapterStarted(3, "Keras"))
        display.on_event(Stage("train keras", "epoch 1"))
        display.on_event(Stage("train keras", ""))
        display.on_event(ChapterDone(3, "Keras", (met, missed), 1.5))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "3 Keras  1.5 s"
    assert lines[1] == "  ✓ Keras validation accuracy 95.0 % (above 90 %)"
    assert lines[2] == f"  ✗ {bar_sentence(missed)}" == "  ✗ gradient error 1.0e-03 (below 1e-06)"


def test_on_a_terminal_the_processes_are_shown_while_they_work() -> None:
    stream = io.StringIO()
    with RunDisplay(Console(file=stream, width=80, force_terminal=True)) as display:
        display.on_event(ChapterStarted(3, "Keras"))
        display.on_event(Stage("train keras", "epoch 1 [x]"))
        display._live.refresh()
    assert "epoch 1" in stream.getvalue()
    assert "chapter 3 Keras" in stream.getvalue()
