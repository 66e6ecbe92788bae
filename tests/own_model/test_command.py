"""``throughline export`` as a user types it, on ONNX graphs, whose processes start fast."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import onnx
import polars as pl
import pytest
from onnx import TensorProto, helper, numpy_helper

from throughline.__main__ import _exit_status
from throughline.own_model.record import read_record

RNG = np.random.default_rng(11)
ROWS = RNG.normal(size=(9, 4)).astype(np.float32)
KERNEL = RNG.normal(size=(4, 3)).astype(np.float32)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a classifier of four columns, and a model of tokens and a table."""
    monkeypatch.chdir(tmp_path)
    rows = helper.make_tensor_value_info("rows", TensorProto.FLOAT, ["batch", 4])
    classes = helper.make_tensor_value_info("classes", TensorProto.FLOAT, ["batch", 3])
    nodes = [
        helper.make_node("MatMul", ["rows", "kernel"], ["sums"]),
        helper.make_node("Softmax", ["sums"], ["classes"]),
    ]
    write(tmp_path / "net.onnx", nodes, [rows], [classes], kernel=KERNEL)

    tokens = helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", 5])
    vectors = helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", 5, 3])
    nodes = [helper.make_node("Gather", ["table", "tokens"], ["vectors"]), *nodes]
    table = RNG.normal(size=(7, 3)).astype(np.float32)
    write(tmp_path / "words.onnx", nodes, [tokens, rows], [vectors, classes], table=table, kernel=KERNEL)
    np.save(tmp_path / "rows.npy", ROWS)
    return tmp_path


def write(path: Path, nodes: list, inputs: list, outputs: list, **arrays: np.ndarray) -> None:
    stored = [numpy_helper.from_array(values, name) for name, values in arrays.items()]
    graph = helper.make_graph(nodes, "net", inputs, outputs, stored)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def export(*arguments: str) -> int:
    return _exit_status(["export", *arguments, "--to", "onnx-float16"])


def refusal(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Call the command, check that it refuses in one sentence and leaves nothing, and return the sentence."""
    before = sorted(Path.cwd().rglob("*"))
    assert export(*arguments) == 2
    said = capsys.readouterr().err
    assert said.startswith("throughline: ")
    assert said.count("\n") == 1
    assert len(said) < 500
    assert sorted(Path.cwd().rglob("*")) == before
    return said


@pytest.mark.parametrize("suffix", ["npz", "csv", "parquet"])
def test_rows_from_every_kind_of_file_give_the_same_answers(suffix: str, place: Path) -> None:
    frame = pl.DataFrame(ROWS, schema=list("abcd"))
    if suffix == "npz":
        np.savez(place / "sample.npz", rows=ROWS)
    elif suffix == "csv":
        frame.write_csv(place / "sample.csv")
    else:
        frame.write_parquet(place / "sample.parquet")
    assert export("net.onnx", "--sample", f"sample.{suffix}") == 0
    record = read_record((place / "exports/net/record.json").read_bytes())
    assert record.inputs == {"rows": "float32 [4]"}
    assert (record.n_rows, record.batch_sizes) == (9, [1, 2, 9])
    (made,) = (entry for entry in record.artefacts if entry.name == "onnx-float16")
    assert made.status == "passed"


def test_tokens_and_rows_by_name_through_json(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    # Written as float64, in another order than the model's inputs.
    np.savez(place / "both.npz", rows=ROWS, tokens=RNG.integers(0, 7, (9, 5)).astype(np.float64))
    assert export("words.onnx", "--sample", "both.npz", "--json") == 0
    shown = capsys.readouterr()
    record = json.loads(shown.out)
    assert record["inputs"] == {"tokens": "int64 [5]", "rows": "float32 [4]"}
    assert record["outputs"] == {"vectors": "float32 [5, 3]", "classes": "float32 [3]"}
    assert "A graph of operators: no code is run" in shown.err
    assert "1 proven, 0 failed" in shown.err


def test_samples_that_do_not_fit_the_model(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tokens = RNG.integers(0, 7, (9, 5))
    cases = {
        "a third array": ({"tokens": tokens, "rows": ROWS, "more": ROWS}, "one array for each input (tokens, rows)"),
        "a missing one": ({"tokens": tokens}, "but got 1: tokens"),
        "a wrong name": ({"token": tokens, "rows": ROWS}, "but got 2: token, rows"),
        "fractions": ({"tokens": tokens + 0.5, "rows": ROWS}, "whole numbers that fit into the model's int64"),
        "other columns": (
            {"tokens": tokens, "rows": ROWS[:, :3]},
            "--sample rows must be rows of shape (4), but got (3)",
        ),
        "too large": ({"tokens": tokens, "rows": ROWS.astype(np.float64) * 1e60}, "finite in the model's float32"),
        "out of the table": ({"tokens": tokens + 7, "rows": ROWS}, "--sample must be rows that the model answers"),
    }
    for case, (arrays, said) in cases.items():
        np.savez(place / "sample.npz", **arrays)
        assert said in refusal(capsys, "words.onnx", "--sample", "sample.npz"), case


def test_a_folder_is_never_overwritten(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert export("net.onnx", "--sample", "rows.npy") == 0
    capsys.readouterr()
    before = (place / "exports/net/record.json").read_bytes()
    assert "'exports/net', which exists" in refusal(capsys, "net.onnx", "--sample", "rows.npy")
    assert (place / "exports/net/record.json").read_bytes() == before
    # Modes would not stop a privileged user; a file in the way does.
    assert "--out must be a folder that can be written" in refusal(
        capsys, "net.onnx", "--sample", "rows.npy", "--out", "rows.npy/out"
    )


def test_labels_give_accuracies_or_a_reason(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logits = ROWS @ KERNEL
    labels = logits.argmax(axis=1)
    labels[0] = (labels[0] + 1) % 3
    (place / "labels.txt").write_text("\n".join(map(str, labels)))
    assert export("net.onnx", "--sample", "rows.npy", "--labels", "labels.txt") == 0
    assert "Its own accuracy on the 9 rows is 88.9%." in capsys.readouterr().out
    cases = {
        "3": "class numbers from 0 to 2",
        "-1": "--labels must be",
        "cat": "--labels must be a .npy file or lines of text with 9 class numbers from 0",
        "": "--labels must be",
    }
    for label, said in cases.items():
        (place / "labels.txt").write_text("\n".join([label] * 9))
        arguments = ("net.onnx", "--sample", "rows.npy", "--labels", "labels.txt", "--out", "other")
        assert said in refusal(capsys, *arguments), label


def test_formats_without_a_way_are_told_together(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _exit_status(["export", "net.onnx", "--sample", "rows.npy", "--to", "torchscript,torch-export"]) == 0
    shown = capsys.readouterr().out
    assert "TorchScript, torch.export not run: ONNX has no importer to PyTorch" in shown
    assert "0 proven, 0 failed, 2 not run" in shown


@pytest.mark.skipif(os.name == "nt", reason="2026-11-22: POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_export_leaves_nothing(number: signal.Signals, place: Path) -> None:
    (place / "temp").mkdir()
    command = [sys.executable, "-m", "throughline", "export", "net.onnx", "--sample", "rows.npy", "--to", "onnx-int8"]
    environment = os.environ | {"TMPDIR": str(place / "temp")}
    running = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not list((place / "temp").glob("throughline-export-*/export-onnx-int8.log")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    running.send_signal(number)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130, said
    assert said.endswith("throughline: interrupted; nothing was written.\n")
    assert sorted(path.name for path in place.iterdir()) == ["net.onnx", "rows.npy", "temp", "words.onnx"]
    assert list((place / "temp").iterdir()) == []
