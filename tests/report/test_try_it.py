"""What of the run's own model goes into the page, and why it stays out; `tests/browser` opens the page."""

from __future__ import annotations

import base64
import dataclasses
import gzip
import hashlib
import json
import re
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from throughline.held_out import load_held_out
from throughline.report.page import render_page
from throughline.report.try_it import LEFT_OUT, Absent, Panel, offer

from .page_reader import PageReader

pytestmark = pytest.mark.xdist_group("run")
VENDOR = resources.files("throughline.report").joinpath("vendor")


@pytest.fixture
def copied(finished_run: Any, tmp_path: Path) -> Path:
    """A copy of the run's ONNX file and rows that a test may damage."""
    for name in ("models/held_out.npz", "models/torch/onnx-float32.onnx"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(finished_run.folder / name, tmp_path / name)
    assert isinstance(offer(finished_run.record, tmp_path), Panel)
    return tmp_path


def reason(record: Any, folder: Path) -> str:
    found = offer(record, folder)
    assert isinstance(found, Absent)
    return found.reason


def scripts(page: str) -> dict[str, str]:
    return dict(re.findall(r'<script type="[^"]*" id="try-([\w-]+)">(.*?)</script>', page, re.DOTALL))


def test_the_page_carries_file_rows_and_runtime_byte_for_byte(finished_run: Any) -> None:
    folder = finished_run.folder
    inside = scripts((folder / "report.html").read_text(encoding="utf-8"))
    data = json.loads(inside["data"])
    assert base64.b64decode(data["model"]) == (folder / "models/torch/onnx-float32.onnx").read_bytes()
    rows = load_held_out(folder / "models/held_out.npz")
    for name, array in (("rows", rows.X), ("answers", rows.answers), ("tolerances", rows.tolerance)):
        np.testing.assert_array_equal(np.frombuffer(base64.b64decode(data[name]), "<f4"), array.reshape(-1))
    assert [feature["name"] for feature in data["features"]] == list(finished_run.record.task.feature_names)
    for key, name in (("wasm", "ort-wasm-simd-threaded.wasm"), ("licence", "LICENSE")):
        assert base64.b64decode(inside[f"{key}-gz"]) == VENDOR.joinpath(f"{name}.gz").read_bytes()


def test_the_page_with_the_model_is_sound_and_the_same_each_time(finished_run: Any) -> None:
    page = (finished_run.folder / "report.html").read_text(encoding="utf-8")
    assert page == render_page(finished_run.record, offer(finished_run.record, finished_run.folder))
    reader = PageReader(page)
    assert reader.faults == []
    assert len(reader.ids) == len(set(reader.ids))
    assert all(address.startswith("#") for address in reader.addresses)
    assert "default-src 'none'" in page
    assert len(page) < 6_000_000


def test_vendored_files_are_those_of_their_description() -> None:
    described = json.loads(VENDOR.joinpath("vendor.json").read_text(encoding="utf-8"))["files"]
    packed = {entry.name for entry in VENDOR.iterdir() if entry.name.endswith(".gz")}
    assert packed == {f"{name}.gz" for name in described}
    for name, about in described.items():
        content = gzip.decompress(VENDOR.joinpath(f"{name}.gz").read_bytes())
        assert (len(content), hashlib.sha256(content).hexdigest()) == (about["bytes"], about["sha256"])


def test_names_from_data_cannot_leave_their_place(finished_run: Any) -> None:
    evil = "</script><script>alert(1)</script>"
    task = finished_run.record.task
    changed = dataclasses.replace(task, feature_names=(evil, *task.feature_names[1:]), class_names=(evil, evil))
    record = dataclasses.replace(finished_run.record, task=changed)
    page = render_page(record, offer(record, finished_run.folder))
    assert "<script>alert" not in page
    assert json.loads(scripts(page)["data"])["features"][0]["name"] == evil


def test_a_record_alone_says_how_to_get_it(finished_run: Any) -> None:
    for page in (render_page(finished_run.record), render_page(finished_run.record, LEFT_OUT)):
        assert "<script" not in page
        assert "throughline report RUN writes this page with it" in PageReader(page).text


def test_report_leaves_it_out_when_asked(finished_run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    shutil.copy(finished_run.folder / "record.json", folder)
    shutil.copytree(finished_run.folder / "models", folder / "models")
    done = finished_run.call(["report", str(folder), "--no-embed"])
    assert done.returncode == 0, done.stderr
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "It was left out of this page, as --no-embed asks." in PageReader(page).text
    assert len(page) < 1_000_000


def test_a_run_without_the_file_says_so(finished_run: Any, tmp_path: Path) -> None:
    record = finished_run.record
    others = [entry for entry in record.formats if entry.name != "onnx-float32"]
    assert reason(dataclasses.replace(record, formats=others), tmp_path) == (
        "ONNX float32 was not exported in this run."
    )
    failed = [dataclasses.replace(entry, status="failed") for entry in record.formats]
    assert "was not proven in this run" in reason(dataclasses.replace(record, formats=failed), tmp_path)


def test_what_is_missing_or_damaged_is_not_offered(finished_run: Any, copied: Path) -> None:
    record, rows, model = (
        finished_run.record,
        copied / "models/held_out.npz",
        copied / "models/torch/onnx-float32.onnx",
    )
    kept = rows.read_bytes()
    rows.write_bytes(kept[:200])
    assert reason(record, copied).startswith("The held-out rows of this run cannot be read: RUN must be a folder")
    rows.unlink()
    assert reason(record, copied).startswith("This run kept no held-out rows")
    rows.write_bytes(kept)
    fewer = dataclasses.replace(record, task=dataclasses.replace(record.task, feature_names=("a", "b")))
    assert "other columns" in reason(fewer, copied)
    content = bytearray(model.read_bytes())
    content[-30] ^= 1
    model.write_bytes(content)
    assert "is not the one that was proven" in reason(record, copied)
    model.unlink()
    assert "is missing" in reason(record, copied)


def test_the_file_that_its_chapter_tells_of_is_offered(finished_run: Any) -> None:
    record = finished_run.record
    twin = [dataclasses.replace(e, framework="keras", told=False) for e in record.formats if e.name == "onnx-float32"]
    found = offer(dataclasses.replace(record, formats=[*twin, *record.formats]), finished_run.folder)
    assert isinstance(found, Panel)
    assert found.position == 1 + next(i for i, e in enumerate(record.formats) if e.name == "onnx-float32")


@pytest.mark.parametrize(
    ("low", "high", "whole", "expected"),
    [
        (0.0, 10.0, False, (0.0, 10.0, 0.05)),
        (0.0, 1000.0, True, (0.0, 1000.0, 5)),
        (0.0, 1.0, True, (0.0, 1.0, 1)),
        (50.0, 50.0, False, (45.0, 55.0, 0.05)),
        (0.0, 0.0, True, (-1.0, 1.0, 1)),
    ],
)
def test_sliders_have_room_and_whole_steps(low: float, high: float, whole: bool, expected: tuple[float, ...]) -> None:
    from throughline.report.try_it import _feature

    found = _feature("x", low, low, low, high, high, whole)
    assert (found["low"], found["high"], found["step"]) == pytest.approx(expected)
