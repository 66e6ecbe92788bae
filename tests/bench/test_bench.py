"""A real benchmark of a bundle: every figure is there, and so is where the bytes go."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from throughline.bench.figures import FIGURES
from throughline.bench.measure import bench
from throughline.errors import UsageError, VerificationError
from throughline.record import BenchRecord

pytestmark = pytest.mark.xdist_group("run")


@pytest.fixture(scope="module")
def benched(finished_run: Any, bundle_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, str, str]:
    plot = tmp_path_factory.mktemp("plot") / "cost.svg"
    done = finished_run.call(["bench", str(bundle_folder), "--rounds", "5", "--json", "--plot", str(plot)])
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), done.stderr, plot.read_text(encoding="utf-8")


def test_every_artefact_has_every_figure(benched: tuple[Any, str, str], bundled: list[str]) -> None:
    record = benched[0]
    assert [entry["name"] for entry in record["artefacts"]] == bundled
    for entry in record["artefacts"]:
        assert set(entry["figures"]) == set(FIGURES)
        for name, found in entry["figures"].items():
            assert len(found["rounds"]) == 5
            assert min(found["rounds"]) <= found["low"] <= found["median"] <= found["high"] <= max(found["rounds"])
            assert found["median"] > 0 or name == "memory_bytes"
        figures = {name: found["median"] for name, found in entry["figures"].items()}
        assert figures["p50_us"] <= figures["p95_us"] <= figures["p99_us"]
        assert figures["start_s"] > figures["load_s"] + figures["first_s"]
        assert (
            figures["rows_per_s_1024"] > 1e6 / figures["p50_us"]
        )  # many rows at once are never slower than one by one
        assert entry["accuracy"] > 0.9
        assert entry["processor_share"] < 1.2  # one thread
    assert [verdict["figure"] for verdict in record["verdicts"]] == list(FIGURES)


def test_bytes_add_up(benched: tuple[Any, str, str]) -> None:
    for entry in benched[0]["artefacts"]:
        parts = {name: value for name, value in entry["account"].items() if name != "read_from"}
        assert sum(parts.values()) == entry["size_bytes"]
        assert parts["weights"] > 0
    accounts = {entry["name"]: entry["account"] for entry in benched[0]["artefacts"]}
    n_inputs, n_parameters = 30, 30 * 64 + 64 + 64 * 32 + 32 + 32 + 1
    assert accounts["neutral"]["weights"] == 4 * (n_parameters + 2 * n_inputs)
    # Since cells of a file may be empty, each column brings its place, in 8 bytes, and what fills it.
    selection = (8 + 4) * n_inputs
    assert 0 <= accounts["onnx-float32"]["weights"] - 4 * (n_parameters + 2 * n_inputs) - selection <= 64
    assert accounts["onnx-int8"]["quantisation"] > 4 * 97  # a step for each unit
    assert accounts["tflite-float16"]["quantisation"] == 0


def test_what_is_said(benched: tuple[Any, str, str]) -> None:
    record, said, plot = benched
    for entry in record["artefacts"]:
        assert entry["title"] in said
        assert entry["title"] in plot
    for verdict in record["verdicts"]:
        assert verdict["sentence"].replace("\u202f", " ") in " ".join(said.split())
    assert "5 rounds, 1 thread" in said
    assert plot.startswith('<svg xmlns="http://www.w3.org/2000/svg"')
    assert "var(--paper)" in plot
    assert "--paper: #" in plot


def test_a_run_keeps_it_for_its_report(finished_run: Any, tmp_path: Path, benched: tuple[Any, str, str]) -> None:
    import dataclasses

    import msgspec

    from throughline.report import write_all

    record = dataclasses.replace(finished_run.record, bench=msgspec.convert(benched[0], BenchRecord))
    write_all(record, tmp_path)
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert 'id="cost-title"' in page
    assert "What they cost, measured over 5 processes each" in re.sub(r"<[^>]+>", "", page)


def test_refusals(bundle_folder: Path, copy: Path) -> None:
    with pytest.raises(UsageError, match="--rounds must be a whole number from 5, but got 4"):
        bench(bundle_folder, rounds=4)
    with pytest.raises(UsageError, match="--data must be left out for a bundle"):
        bench(bundle_folder, data=Path("x.csv"))
    (copy / "models" / "onnx-float32.onnx").write_bytes(b"x")
    with pytest.raises(VerificationError, match="not as it was written"):
        bench(copy)
