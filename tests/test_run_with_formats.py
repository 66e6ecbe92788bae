"""A run that is asked for formats beyond those of its chapters: from both frameworks, each by its route."""

from __future__ import annotations

from pathlib import Path

import pytest

from throughline.errors import UsageError
from throughline.formats import load_formats
from throughline.formats.availability import missing_runtime
from throughline.run import RunRequest, run

TOLD = ["torchscript", "torch-export"]


@pytest.mark.xdist_group("run")
def test_formats_beyond_the_chapters_come_from_every_framework(breast_cancer_csv: Path, tmp_path: Path) -> None:
    names = ("tflite-int8", "onnx-int8", "c99", "openvino")
    request = RunRequest(
        data=breast_cancer_csv, target="diagnosis", out=tmp_path / "run", chapters=(3, 4), formats=names
    )
    record, folder = run(request)
    found = {(entry.name, entry.framework): entry for entry in record.formats}
    # What a format is made from is made and proven as well.
    made_from = ["savedmodel", "onnx-float32"]
    assert set(found) == {
        *((name, source) for name in (*names, *made_from) for source in ("keras", "torch")),
        *((name, "torch") for name in TOLD),
    }
    for (name, source), entry in found.items():
        missing = missing_runtime(load_formats()[name])
        assert (entry.status, entry.reason) == (("not_run", missing) if missing else ("passed", "")), entry
        assert missing or (folder / entry.path).exists()
        assert missing or entry.path.startswith(f"models/{source}/")
    assert found["tflite-int8", "torch"].route == "PyTorch > weights > Keras > TensorFlow SavedModel > TFLite int8"
    assert found["tflite-int8", "torch"].facts["representative_rows"] == min(1000, record.split.n_train)
    assert [entry.name for entry in record.formats if entry.told] == ["savedmodel", *TOLD, "onnx-float32"]
    assert record.arguments["formats"] == list(names)


def test_unknown_formats_and_formats_of_no_network_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"format must be one of savedmodel, .* but got 'tflite'"):
        run(RunRequest(out=tmp_path / "run", formats=("tflite",)))
    with pytest.raises(UsageError, match="--formats must be asked for with chapter 3 or 4"):
        run(RunRequest(out=tmp_path / "run", chapters=(1,), formats=("c99",)))
    assert list(tmp_path.iterdir()) == []
