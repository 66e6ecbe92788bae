"""Runs side by side: what differs is named, and marked only where intervals share no value."""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.comparison import Comparison, compare_runs
from throughline.errors import OutputError, UsageError
from throughline.record import Interval, RunRecord
from throughline.report.comparison import render_comparison, write_comparison
from throughline.report.formatting import percent
from throughline.spec import Column

from .page_reader import PageReader
from .record_factory import failed, make_amounts, make_multiclass, make_record, not_run


def with_accuracy(record: RunRecord, interval: Interval) -> RunRecord:
    assert record.evaluation is not None
    first, *others = record.evaluation.networks
    networks = [dataclasses.replace(first, accuracy=interval), *others]
    return dataclasses.replace(record, evaluation=dataclasses.replace(record.evaluation, networks=networks))


def marked(comparison: Comparison) -> list[str]:
    return [figure.field for figure in comparison.figures if figure.beyond]


def test_a_run_does_not_differ_from_itself(record: RunRecord) -> None:
    found = compare_runs([record, record])
    assert found.same_test_rows
    assert found.arguments == []
    assert marked(found) == []
    for figure in found.figures:
        assert figure.readings[0] == figure.readings[1]
    assert found.runs == [f"{record.name} (1)", f"{record.name} (2)"]
    assert len(found.bars) == len(record.bars)
    assert [row.entries for row in found.formats] == [[entry, entry] for entry in record.formats]


bounds = st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted)


@settings(deadline=None)  # a record is made each time
@given(first=bounds, second=bounds)
def test_what_is_marked_has_intervals_without_a_common_value(first: list[float], second: list[float]) -> None:
    record = make_record()
    found = compare_runs(
        [with_accuracy(record, Interval(value=low, low=low, high=high)) for low, high in (first, second)]
    )
    common = max(first[0], second[0]) <= min(first[1], second[1])
    assert bool(marked(found)) != common
    assert set(marked(found)) <= {"evaluation.networks[numpy].accuracy"}


def test_arguments_that_differ_are_named(record: RunRecord) -> None:
    other = dataclasses.replace(
        record,
        name="other",
        seed=record.seed + 1,
        arguments=record.arguments | {"formats": ["c99", "onnx-int8"], "out": "elsewhere"},
        network=dataclasses.replace(record.network, dropout=0.4),
        split=dataclasses.replace(record.split, sha256="f" * 64),
    )
    found = compare_runs([record, other])
    told = {difference.name: difference.values for difference in found.arguments}
    assert told == {
        "--seed": [str(record.seed), str(record.seed + 1)],
        "--formats": ["–", "c99, onnx-int8"],
        "rows": [record.split.sha256[:12], "f" * 12],
        "network.dropout": [str(record.network.dropout), "0.4"],
    }
    assert not found.same_test_rows


def test_runs_of_other_chapters_and_formats_stand_beside_each_other(record: RunRecord) -> None:
    formats = [failed(record.formats[0]), not_run(record.formats[1], "missing"), *record.formats[2:-1]]
    less = dataclasses.replace(record, name="less", perceptron=None, evaluation=None, formats=formats, bars=[])
    found = compare_runs([less, record])
    readings = {figure.field: figure.readings for figure in found.figures}
    assert readings["perceptron.test_accuracy"][0] is None
    assert readings["perceptron.test_accuracy"][1] is not None
    assert found.formats[-1].entries == [None, record.formats[-1]]
    assert all(row.bars[0] is None for row in found.bars)
    page = PageReader(render_comparison(found))
    assert page.faults == []
    for words in ("failed", "not run", "–"):
        assert words in page.text


def test_the_page_is_sound_offline_and_the_same_each_time(record: RunRecord) -> None:
    assert record.evaluation is not None
    low = Interval(value=0.31, low=0.3, high=0.32)
    found = compare_runs([record, with_accuracy(dataclasses.replace(record, name="<b>low</b>"), low)])
    page = render_comparison(found)
    assert page == render_comparison(found)
    reader = PageReader(page)
    assert reader.faults == []
    assert reader.unscoped == []
    assert len(reader.ids) == len(set(reader.ids))
    assert all(address.startswith("#") for address in reader.addresses)
    assert "<b>low" not in page
    for value in (record.evaluation.networks[0].accuracy.value, 0.31, 0.3, 0.32):
        assert " ".join(percent(value).split()) in reader.text
    assert page.count(" ≠<") == 1


def test_one_run_is_refused(record: RunRecord) -> None:
    with pytest.raises(UsageError, match="RUN must be two or more folders of finished runs, but got 1: add another"):
        compare_runs([record])


def test_runs_on_other_kinds_of_tasks_are_refused(record: RunRecord) -> None:
    said = "RUN must be runs on tasks of one kind, but got binary in .*, regression in .*: compare each kind apart"
    with pytest.raises(UsageError, match=said):
        compare_runs([record, make_amounts()])
    with pytest.raises(UsageError, match="multiclass in"):
        compare_runs([record, make_multiclass()])


def test_amounts_are_compared_by_r2_and_errors_and_not_by_flips() -> None:
    record = make_amounts()
    assert record.evaluation is not None
    first, *others = record.evaluation.amounts
    apart = dataclasses.replace(first, r2=Interval(value=0.7, low=0.6, high=0.8))
    evaluation = dataclasses.replace(record.evaluation, amounts=[apart, *others])
    found = compare_runs([record, dataclasses.replace(record, name="other", evaluation=evaluation)])
    assert found.amounts
    assert marked(found) == ["evaluation.amounts[numpy].r2"]
    titles = {figure.title for figure in found.figures}
    assert {"NumPy, R²", "Keras, RMSE", "PyTorch, mean absolute error", "PyTorch, bias"} <= titles
    assert {"Keras minus PyTorch, R²"} <= titles
    reader = PageReader(render_comparison(found))
    assert reader.faults == []
    assert "0.700 ≠ 0.600 to 0.800" in reader.text
    assert "57.2 48.7 to 65.7" in reader.text
    assert "Keras, validation R² 0.469 met" in reader.text
    assert "flips" not in reader.text


def test_columns_of_a_table_are_told_in_a_line() -> None:
    record = make_multiclass()
    columns = tuple(Column(name=f"x{i}", source=f"x{i}") for i in range(20))
    other = dataclasses.replace(record, network=dataclasses.replace(record.network, columns=columns))
    (difference,) = compare_runs([record, other]).arguments
    assert difference.name == "network.columns"
    assert difference.values[0] == "none"
    assert difference.values[1].startswith("20, ")


def test_a_page_that_cannot_be_written_is_refused(record: RunRecord, tmp_path: Path) -> None:
    found = compare_runs([record, record])
    with pytest.raises(OutputError, match="--html must be a file in a folder that exists"):
        write_comparison(found, tmp_path / "none" / "page.html")
    write_comparison(found, tmp_path / "page.html")
    assert [path.name for path in tmp_path.iterdir()] == ["page.html"]


def test_the_command_prints_tables_json_and_a_page(record: RunRecord, tmp_path: Path) -> None:
    for name, run in (("a", record), ("b", dataclasses.replace(record, name="b", wall_s=99.0))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "record.json").write_text(run.to_json(), encoding="utf-8")

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "throughline", "compare", *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
            env=os.environ | {"COLUMNS": "140"},
        )

    shown = call("a", "b", "--html", "page.html")
    assert shown.returncode == 0, shown.stderr
    assert "2 runs, the same test rows" in shown.stdout
    assert "Whole run" in shown.stdout
    assert shown.stdout.endswith("page.html\n")
    assert (tmp_path / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    found = json.loads(call("a", "b", "--json").stdout)
    assert found["runs"] == [record.name, "b"]
    (wall,) = (figure for figure in found["figures"] if figure["field"] == "wall_s")
    assert [reading["value"] for reading in wall["readings"]] == [record.wall_s, 99.0]
    refused = call("a")
    assert (refused.returncode, refused.stdout) == (2, "")
    missing = call("a", "none")
    assert missing.returncode == 2
    assert missing.stderr.count("\n") == 1
