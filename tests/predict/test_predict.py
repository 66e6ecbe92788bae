"""What a user of `throughline predict` sees: columns by name, a sentence for what is wrong, nothing half-written."""

from __future__ import annotations

import io
import json
import math
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from throughline.__main__ import _exit_status
from throughline.bundle import load_bundle
from throughline.bundle.table import columns_of
from throughline.data.encode import encode
from throughline.data.read import read_cells
from throughline.predict import rows as job
from throughline.predict.rows import PredictRequest, predict_rows
from throughline.record import load_record
from throughline.verify.reference import numpy_answers
from throughline.weights import load_weights

from .conftest import Sent
from .tables import NAMES, draw_rows, number_text, write_table

pytestmark = pytest.mark.xdist_group("predict")
FAST = ["--format", "c99"]
COLUMNS = ["label", "probability gut", "probability mäßig", "probability schlecht"]


def predict(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    status = _exit_status(["predict", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def answers_of(sent: Sent, table: Path, folder: Path, name: str = "c99") -> pl.DataFrame:
    predict_rows(PredictRequest(sent.bundle, table, folder / "answers.parquet", name))
    return pl.read_parquet(folder / "answers.parquet")


def test_labels_and_probabilities_on_standard_output(classes: Sent, capsys: pytest.CaptureFixture[str]) -> None:
    status, out, said = predict(capsys, classes.bundle, classes.data, *FAST)
    assert status == 0
    frame = pl.read_csv(io.StringIO(out))
    assert frame.columns == COLUMNS
    bundle = load_bundle(classes.bundle)
    table, entry = bundle.manifest.table, bundle.manifest.artefact("neutral")
    assert table is not None
    assert entry is not None
    weights, spec = load_weights(bundle.path_of(entry) / "weights.safetensors")
    expected = numpy_answers(spec, weights, encode(read_cells(classes.data), columns_of(table)))
    np.testing.assert_allclose(frame.drop("label").to_numpy(), expected, atol=1e-5)
    names = ["gut", "mäßig", "schlecht"]
    assert frame["label"].to_list() == [names[code] for code in expected.argmax(axis=1)]
    truth = [row["Urteil"] for row in draw_rows(400, seed=5)]
    right = np.mean([label == true for label, true in zip(frame["label"], truth, strict=True)])
    assert right > 0.7
    assert said.splitlines()[0].startswith("400 rows answered by C99 source from PyTorch in cc ")
    assert said.splitlines()[1:] == [
        "Ignored, since the network does not take them: 'Nummer', 'Preis'.",
        f"Right in {right:.1%} of 400 rows with 'Urteil'.",
    ]


def test_amounts_and_their_score(amounts: Sent, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    out = tmp_path / "answers.csv"
    status, said, _ = predict(capsys, amounts.run, amounts.data, "--out", out, "--format", "torchscript", "--json")
    assert status == 0
    frame, truth = pl.read_csv(out), read_cells(amounts.data).frame["Preis"].str.replace(",", ".").cast(float)
    assert frame.columns == ["value"]
    done = json.loads(said)
    error = (frame["value"] - truth).to_numpy()
    assert done["score"]["rmse"] == pytest.approx(math.sqrt(np.square(error).mean()), rel=1e-5)
    assert done["score"]["r2"] == pytest.approx(1 - np.square(error).sum() / (truth.var(ddof=0) * 400), abs=1e-5)
    assert (done["n_rows"], done["score"]["n_rows"], done["format"]) == (400, 400, "torchscript")


def test_the_first_format_whose_runtime_is_here(
    classes: Sent, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = importlib_without("tensorflow", monkeypatch)
    status, _, said = predict(capsys, classes.bundle, classes.new)
    assert (status, found("tensorflow")) == (0, None)
    assert "answered by TorchScript from PyTorch in PyTorch " in said
    status, _, said = predict(capsys, classes.bundle, classes.new, "--format", "savedmodel-strings")
    assert status == 2
    assert "--format must be a format whose runtime is here, but got 'savedmodel-strings': tensorflow is not" in said


def importlib_without(name: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], object]:
    import importlib.util

    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda module, *more: None if module == name else find(module))
    return importlib.util.find_spec


def test_columns_are_found_by_name_in_any_order(classes: Sent, tmp_path: Path) -> None:
    rows = draw_rows(30, seed=8)
    plain = answers_of(classes, write_table(tmp_path / "plain.csv", rows), tmp_path)
    shuffled = tuple(reversed(NAMES))
    assert answers_of(classes, write_table(tmp_path / "shuffled.csv", rows, shuffled), tmp_path / "..").equals(plain)
    without = tuple(name for name in NAMES if name not in ("Urteil", "Preis", "Nummer"))
    other = tmp_path / "without"
    other.mkdir()
    assert answers_of(classes, write_table(tmp_path / "fewer.csv", rows, without, "utf-8"), other).equals(plain)


def as_parquet(path: Path, target: Path) -> Path:
    frame = read_cells(path).frame
    numbers = [pl.col(name).str.replace(".", "", literal=True).str.replace(",", ".").cast(float) for name in NAMES[:2]]
    frame.with_columns(*numbers, pl.col("Eintritt").str.to_date("%d.%m.%Y")).write_parquet(target)
    return target


def as_sqlite(path: Path, target: Path) -> str:
    frame = read_cells(as_parquet(path, target.with_suffix(".parquet"))).frame.with_columns(
        pl.col("Eintritt").cast(pl.String)
    )
    with sqlite3.connect(target) as connection:
        connection.execute(f"CREATE TABLE t ({', '.join(map(repr, frame.columns))})")
        connection.executemany(f"INSERT INTO t VALUES ({', '.join('?' * frame.width)})", frame.rows())
    connection.close()
    return f"sqlite:///{target}?table=t"


@pytest.mark.parametrize("convert", [as_parquet, as_sqlite])
def test_the_same_rows_in_another_kind_of_file(
    convert: Callable[[Path, Path], Path | str], classes: Sent, tmp_path: Path
) -> None:
    table = write_table(tmp_path / "plain.csv", draw_rows(50, seed=9))
    plain = answers_of(classes, table, tmp_path)
    (tmp_path / "answers.parquet").unlink()
    given = convert(table, tmp_path / "converted")
    predict_rows(PredictRequest(classes.bundle, given, tmp_path / "answers.parquet", "c99"))
    assert pl.read_parquet(tmp_path / "answers.parquet").equals(plain)


def test_parts_give_what_the_whole_gives(classes: Sent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = answers_of(classes, classes.new, tmp_path)
    stream, told = job.stream_cells, []
    monkeypatch.setattr(job, "stream_cells", lambda given: stream(given, n_rows=7))
    for out in (tmp_path / "parts.csv", tmp_path / "parts.parquet"):
        done = predict_rows(PredictRequest(classes.bundle, classes.new, out, "c99"), told.append)
        assert done.n_rows == len(whole)
        read = pl.read_parquet(out) if out.suffix == ".parquet" else pl.read_csv(out, schema=whole.schema)
        assert read.equals(whole)
    assert told[:3] == [7, 14, 21]


def test_a_class_that_the_network_does_not_know_is_not_counted(
    classes: Sent, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    rows = draw_rows(20, seed=4)
    rows[0]["Urteil"], rows[1]["Urteil"] = "unbekannt", ""
    status, _, said = predict(capsys, classes.bundle, write_table(tmp_path / "t.csv", rows), *FAST)
    assert status == 0
    assert "of 18 rows with 'Urteil'." in said
    assert "Not counted: 1 rows with something that the network cannot answer." in said


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "text for a number": ({"Größe": "groß"}, "numbers in column 'Größe', but got 'groß' in column 'Größe', line 3 of"),
    "too large a number": ({"Einkommen": "1e30"}, "numbers from -1e18 to 1e18, but got '1e30' in column 'Einkommen'"),
    "another word": ({"Raucher": "vielleicht"}, "'nein' or 'ja' in column 'Raucher', but got 'vielleicht'"),
    "no date": ({"Eintritt": "12/31/2020"}, "dates such as %d.%m.%Y in column 'Eintritt', but got '12/31/2020'"),
}


@pytest.mark.parametrize(("change", "said"), WRONG.values(), ids=WRONG)
def test_a_cell_that_its_column_cannot_be(
    change: dict[str, str], said: str, classes: Sent, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    good = {"Größe": number_text(170.5), "Einkommen": number_text(9.5)}
    rows = [row | good for row in draw_rows(4, seed=3)]
    table = write_table(tmp_path / "t.csv", [rows[0], rows[1] | change, *rows[2:]])
    assert_refused(capsys, tmp_path, [f"throughline: ROWS must be {said}"], classes.bundle, table, *FAST)


def assert_refused(
    capsys: pytest.CaptureFixture[str], folder: Path, words: list[str], *arguments: object, status: int = 2
) -> None:
    before = sorted(folder.rglob("*"))
    for out in ([], ["--out", folder / "answers.csv"]):
        found, printed, said = predict(capsys, *arguments, *out)
        assert (found, printed) == (status, "")
        for word in words:
            assert word in said
        assert said.startswith("throughline: ")
        assert said.endswith(".\n")
        assert said.count("\n") == 1
        assert sorted(folder.rglob("*")) == before


def test_a_column_that_is_missing_is_named(classes: Sent, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    names = tuple(name for name in NAMES if name not in ("Stadt", "Tarif"))
    table = write_table(tmp_path / "t.csv", draw_rows(3, seed=1), names)
    said = ["ROWS must be a table with every column of the network, but got", "without 'Stadt' and 1 more: add"]
    assert_refused(capsys, tmp_path, said, classes.bundle, table, *FAST)


def test_a_wrong_cell_in_a_late_part_leaves_nothing(
    classes: Sent, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = job.stream_cells
    monkeypatch.setattr(job, "stream_cells", lambda given: stream(given, n_rows=5))
    rows = draw_rows(30, seed=2)
    table = write_table(tmp_path / "t.csv", [*rows, rows[0] | {"Größe": "groß"}])
    assert_refused(capsys, tmp_path, ["'groß' in column 'Größe', line 32 of"], classes.bundle, table, *FAST)


ARGUMENTS: dict[str, tuple[list[str], list[str]]] = {
    "no rows": (["{bundle}"], ["ROWS must be given a value, but got none."]),
    "no such rows": (["{bundle}", "nowhere.csv"], ["ROWS must be a file that can be read, but got 'nowhere.csv'"]),
    "no table": (["{bundle}", "{bundle}/check.py"], ["ROWS must be "]),
    "no such format": (["{bundle}", "{new}", "--format", "onnx"], ["--format must be one of savedmodel,", "'onnx'"]),
    "no bundle": (["nowhere", "{new}"], ["BUNDLE-OR-RUN must be the folder of a bundle or of a run", "'nowhere'"]),
    "a folder of neither": (["{folder}", "{new}"], ["which has neither manifest.json nor record.json"]),
    "json without a file": (["{bundle}", "{new}", "--json"], ["--out must be given with --json, but got none"]),
    "another ending": (
        ["{bundle}", "{new}", "--out", "a.xlsx"],
        ["--out must be a file that ends in .csv or .parquet"],
    ),
    "a file that is there": (["{bundle}", "{new}", "--out", "{folder}/there.csv"], ["which exists: choose another"]),
    "a folder that is not there": (["{bundle}", "{new}", "--out", "no/a.csv"], ["whose folder does not exist"]),
    "a name that is none": (["{bundle}", "{new}", "--out", "a\0.csv"], ["--out must be a file that can be written"]),
}


@pytest.mark.parametrize(("arguments", "words"), ARGUMENTS.values(), ids=ARGUMENTS)
def test_misuse(
    arguments: list[str], words: list[str], classes: Sent, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "there.csv").write_text("mine")
    places = {"bundle": classes.bundle, "new": classes.new, "folder": tmp_path}
    status, printed, said = predict(capsys, *(argument.format(**places) for argument in arguments))
    assert (status, printed) == (2, "")
    for word in words:
        assert word in said
    assert said.startswith("throughline: ")
    assert said.count("\n") == 1
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("there.csv", "mine")]


@pytest.mark.parametrize("damaged", ["models/c99/network.c", "manifest.json", "rows.npz"])
def test_a_bundle_that_was_changed_answers_nothing(
    damaged: str, classes: Sent, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(classes.bundle, tmp_path / "send"))
    with (bundle / damaged).open("ab") as file:
        file.write(b"\n")
    assert_refused(capsys, tmp_path, ["is not as it was written"], bundle, classes.new, *FAST, status=1)


def test_a_run_whose_file_was_changed_answers_nothing(
    classes: Sent, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    run = Path(shutil.copytree(classes.run, tmp_path / "run"))
    entry = load_record(run).format_named("torchscript")
    assert entry is not None
    (run / entry.path).write_bytes(b"")
    words = ["TorchScript", "is missing or not the file that was proven"]
    assert_refused(capsys, tmp_path, words, run, classes.new, "--format", "torchscript", status=1)


def test_where_gaps_are_unknown_they_are_refused(
    classes: Sent, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A network of a built-in task has never seen an empty cell."""
    import dataclasses

    opened = job.open_model
    monkeypatch.setattr(job, "open_model", lambda path: dataclasses.replace(opened(path), takes_gaps=False))
    words = ["ROWS must be a table without empty cells", "nothing in column 'Größe', line 2 of"]
    assert_refused(capsys, tmp_path, words, classes.bundle, classes.new, *FAST)
