"""The page of models and formats: what it says follows from its records, and it is the one in docs/."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from throughline.own_model.compatibility.__main__ import _record_path, main
from throughline.own_model.compatibility.models import MODELS, N_ROWS
from throughline.own_model.compatibility.page import compatibility_page
from throughline.own_model.compatibility.patterns import N_CLASSES, pictures
from throughline.own_model.compatibility.remarkable import remarkable
from throughline.own_model.record import ArtefactRecord, ExportRecord, OutputCheck, read_record

DOCS = Path(__file__).parents[2] / "docs"
RECORDS = {
    name: read_record(path.read_bytes())
    for name in MODELS
    if (path := _record_path(DOCS / "compatibility", name)).exists()
}


def test_the_page_is_the_one_that_its_records_give() -> None:
    assert RECORDS
    assert (DOCS / "compatibility.md").read_text(encoding="utf-8") == compatibility_page(RECORDS)


def test_no_record_is_left_over() -> None:
    named = {_record_path(DOCS / "compatibility", name) for name in MODELS}
    assert set((DOCS / "compatibility").glob("*.json")) <= named


def test_what_is_done_is_not_done_again(tmp_path: Path) -> None:
    name, record = next(iter(RECORDS.items()))
    path = _record_path(tmp_path / "page", name)
    path.parent.mkdir()
    path.write_text(record.to_json())
    assert main(["--write", str(tmp_path / "page.md"), "--only", name]) == 0
    assert read_record(path.read_bytes()) == record
    assert (tmp_path / "page.md").read_text(encoding="utf-8") == compatibility_page({name: record})


def test_an_unknown_name_is_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--write", str(tmp_path / "page.md"), "--only", "Perceptron"])
    assert stopped.value.code == 2
    assert "--only must be names out of MobileNetV2" in capsys.readouterr().err


@pytest.mark.parametrize("name", MODELS)
def test_every_model_has_rows_and_no_two_are_the_same(name: str) -> None:
    rows = MODELS[name].rows(np.random.default_rng(1))
    assert all(len(values) == N_ROWS for values in rows.values())
    for values in rows.values():
        assert len(np.unique(values.reshape(N_ROWS, -1), axis=0)) > 1
    file, _, factory = MODELS[name].factory.rpartition(":")
    if not MODELS[name].trained:
        assert f"def {factory}()" in Path(file).read_text(encoding="utf-8")


def test_pictures_of_one_kind_are_nearer_to_each_other_than_to_others() -> None:
    seen = pictures(np.repeat(np.arange(N_CLASSES), 4), np.random.default_rng(0)).reshape(N_CLASSES, 4, -1)
    # In any light the direction is the pattern's own.
    seen = seen - seen.mean(axis=2, keepdims=True)
    seen /= np.linalg.norm(seen, axis=2, keepdims=True)
    alike = np.einsum("aik,bjk->abij", seen, seen)
    own = np.eye(N_CLASSES, dtype=bool)
    assert alike[own].min() > alike[~own].max()


def _record(**artefact: object) -> ExportRecord:
    check = OutputCheck(
        name="classes",
        largest_difference=0.02,
        relative_difference=0.04,
        tolerance=0.01,
        share_of_tolerance=2.0,
        n_flips=3,
        verdict="unexplained",
    )
    fields = {"name": "tflite-int8", "title": "TFLite int8", "status": "failed", "reason": "It differs."}
    entry = ArtefactRecord(**(fields | {"outputs": [check], "verdict": "unexplained"} | artefact))  # type: ignore[arg-type]
    return dataclasses.replace(next(iter(RECORDS.values())), artefacts=[entry])


def test_what_failed_stands_in_matrix_list_and_sentences() -> None:
    page = compatibility_page({"Net": _record()})
    assert "| **failed** |" in page
    assert "- Net, TFLite int8: It differs. The class on top is another in 3 rows." in page
    assert "0 files are proven, 1 failed" in page
    assert "Net as tflite-int8 (3)" in page


def test_a_file_for_one_row_at_a_time_is_marked() -> None:
    page = compatibility_page({"Net": _record(status="passed", verdict="explained (int8)", facts={"fixed_batch": 1})})
    assert "| `8` /1 ·3 |" in page


def test_sentences_take_their_figures_from_the_records() -> None:
    counted = [entry.status for record in RECORDS.values() for entry in record.artefacts]
    first = remarkable(RECORDS)[0]
    assert f"{len(RECORDS)} models, {len(counted)} attempts: {counted.count('passed')} files are proven" in first
