"""The seconds of each format, out of the spans of a run."""

from __future__ import annotations

import dataclasses
import io

import pytest
from rich.console import Console

from throughline.cli.time_spent import seconds_by_format, time_table
from throughline.record import Span

pytestmark = pytest.mark.xdist_group("run")


def span(name, seconds, process="verify"):
    return Span(name=name, process=process, chapter=8, start_s=0.0, seconds=seconds)


def test_seconds_are_added_up_by_format_and_the_costliest_comes_first(finished_run):
    record = finished_run.record
    spans = [
        span("chapter 3", 9.0, "run"),
        span("training", 2.0, "train keras"),
        *(span("export ONNX float32", seconds) for seconds in (1.0, 0.5)),
        span("verify ONNX float32", 0.25),
        span("verify TorchScript", 4.0),
    ]
    record = dataclasses.replace(record, spans=spans)
    found = seconds_by_format(record)
    assert list(found)[:2] == ["TorchScript", "ONNX float32"]
    assert found["ONNX float32"] == {"export": 1.5, "prove": 0.25}
    console = Console(width=80, file=io.StringIO())
    with console.capture() as captured:
        console.print(time_table(record))
    lines = [line.split() for line in captured.get().splitlines()]
    assert lines[0] == ["seconds", "of", "export", "prove", "sum"]
    assert ["all", "formats", "1.5", "4.2", "5.8"] in lines
    assert ["trainings", "and", "their", "frameworks", "2.0"] in lines
    assert not any(line[:2] == ["TFLite", "float32"] for line in lines)  # it took no time here


def test_a_real_run_has_seconds_for_every_format_it_proved(finished_run):
    found = seconds_by_format(finished_run.record)
    assert set(found) == {entry.title for entry in finished_run.record.formats}
    assert all(steps["prove"] > 0 for steps in found.values())
