"""Whole exports of small models through the command line, and what the proof says of files that were tampered with."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from throughline.data.of_run import rows_of_run
from throughline.errors import DataError
from throughline.own_model.record import ExportRecord, read_record

if TYPE_CHECKING:
    from tests.conftest import FinishedRun

HERE = Path(__file__).parent
RNG = np.random.default_rng(5)
IMAGES = RNG.uniform(0, 255, (7, 12, 12, 3)).astype(np.float32) * RNG.uniform(0.2, 1, (7, 1, 1, 3)).astype(np.float32)
LEFT, RIGHT = RNG.normal(size=(7, 5)).astype(np.float32), RNG.normal(size=(7, 3)).astype(np.float32)


def export(model: str, tmp_path: Path, to: str, *options: str, **arrays: np.ndarray) -> tuple[int, ExportRecord, str]:
    np.savez(tmp_path / "rows.npz", **arrays)
    command = [sys.executable, "-m", "throughline", "export", model, "--sample", str(tmp_path / "rows.npz"), "--json"]
    out = tmp_path / f"out-{len(list(tmp_path.iterdir()))}"
    done = subprocess.run(
        [*command, "--to", to, "--out", str(out), *options], capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode in (0, 1), done.stderr
    record = read_record(done.stdout)
    assert record == read_record((out / "record.json").read_bytes())
    assert str(tmp_path) not in done.stdout
    return done.returncode, record, done.stderr


def verdicts(record: ExportRecord) -> dict[str, str]:
    return {entry.name: entry.verdict or f"{entry.status}: {entry.reason}" for entry in record.artefacts}


@pytest.fixture(scope="module")
def exported_torch(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ExportRecord]:
    folder = tmp_path_factory.mktemp("torch")
    to = "torchscript,torch-export,onnx-float32,onnx-float16,onnx-int8,tflite-int8"
    # The arrays are in another order than the arguments: names decide.
    model = f"{HERE / 'torch_models.py'}:two_in_two_out"
    status, record, said = export(model, folder, to, right=RIGHT, left=LEFT)
    assert status == 0, said
    return folder, record


@pytest.mark.xdist_group("torch")
def test_a_module_of_two_inputs_and_outputs_is_proven(exported_torch: tuple[Path, ExportRecord]) -> None:
    _, record = exported_torch
    found = verdicts(record)
    assert record.inputs == {"left": "float32 [5]", "right": "float32 [3]"}
    assert record.outputs == {"three": "float32 [3]", "one": "float32 [1]"}
    assert record.batch_sizes == [1, 2, 7]
    assert found["torch-export"] in ("identical", "rounding")
    assert found["torchscript"] in ("identical", "rounding")
    assert found["onnx-float32"] in ("identical", "rounding")
    assert found["onnx-float16"] == "explained (float16 weights)"
    assert found["onnx-int8"] == "explained (int8)"
    if find_spec("litert_torch"):
        assert found["tflite-int8"] == "explained (int8)"
        assert all(e.facts["fixed_batch"] == 1 for e in record.artefacts if e.name.startswith("tflite"))
    else:
        assert "pip install 'throughline[litert-torch]'" in found["tflite-int8"]
    assert (
        next(entry for entry in record.artefacts if entry.name == "torchscript").facts["exporter"] == "torch.jit.script"
    )


@pytest.mark.xdist_group("torch")
@pytest.mark.parametrize("name", ["torchscript.pt", "torch-export.pt2", "onnx-float32.onnx"])
def test_an_artefact_is_a_model_again(name: str, exported_torch: tuple[Path, ExportRecord], tmp_path: Path) -> None:
    folder, before = exported_torch
    (model,) = folder.glob(f"out-*/models/{name}")
    status, record, said = export(str(model), tmp_path, "onnx-float32,onnx-float16", left=LEFT, right=RIGHT)
    assert status == 0, said
    assert record.kind == {"pt": "torchscript", "pt2": "pt2", "onnx": "onnx"}[name.rsplit(".", 1)[1]]
    assert list(record.inputs) == list(before.inputs)
    if name == "torchscript.pt":  # its older exporter knows no dictionaries, and says so
        assert "prim::DictConstruct" in verdicts(record)["onnx-float32"]
        assert "which was not made" in verdicts(record)["onnx-float16"]
    else:
        assert verdicts(record)["onnx-float16"] == "explained (float16 weights)"


@pytest.mark.xdist_group("torch")
def test_a_weight_that_was_changed_is_caught(exported_torch: tuple[Path, ExportRecord], tmp_path: Path) -> None:
    from throughline.own_model.judge import judge
    from throughline.own_model.onnx_model import OnnxModel

    folder, _ = exported_torch
    (path,) = folder.glob("out-*/models/onnx-float32.onnx")
    model = onnx.load(path)
    source, rows = OnnxModel(model), [LEFT, RIGHT]
    expected = source.answer(rows)
    noise = {"rounding/three": np.full(7, 1e-7), "rounding/one": np.full(7, 1e-7)}
    assert judge({7: expected}, {7: expected}, noise, "rounding").failure == ""
    weight = next(entry for entry in model.graph.initializer if len(entry.dims) == 2)
    values = numpy_helper.to_array(weight).copy()
    values[0, 0] *= 1.01
    weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    judgement = judge({7: OnnxModel(model).answer(rows)}, {7: expected}, noise, "rounding")
    assert judgement.verdict == "unexplained"


@pytest.mark.xdist_group("torch")
def test_a_model_that_takes_one_row_alone_is_exported_as_such(tmp_path: Path) -> None:
    status, record, said = export(f"{HERE / 'torch_models.py'}:frozen", tmp_path, "onnx-float32,torch-export", x=LEFT)
    assert status == 0, said
    assert record.batch_sizes == [1]
    assert set(record.refused_batch_sizes) == {"2", "7"}
    assert verdicts(record)["onnx-float32"] in ("identical", "rounding")


@pytest.mark.xdist_group("torch")
def test_labels_give_accuracies(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_text("0 1 2 3 0 1 2")
    images = np.ascontiguousarray(IMAGES.transpose(0, 3, 1, 2)) / np.float32(255)
    model = f"{HERE / 'torch_models.py'}:images"
    options = ("--labels", str(tmp_path / "labels.txt"))
    status, record, said = export(model, tmp_path, "onnx-float32,torchscript", *options, input=images)
    assert status == 0, said
    assert record.accuracy is not None
    assert all(entry.accuracy == record.accuracy and entry.n_flips == 0 for entry in record.artefacts)
    assert "acc." in said
    (script,) = tmp_path.glob("out-*/models/torchscript.pt")
    status, record, said = export(str(script), tmp_path, "onnx-float32", input=images)
    assert status == 0, said
    assert verdicts(record)["onnx-float32"] in ("identical", "rounding")


@pytest.mark.xdist_group("tensorflow")
def test_keras_images_go_to_tflite_and_through_pytorch_to_onnx(tmp_path: Path) -> None:
    to = "keras,savedmodel,tflite-float32,tflite-float16,tflite-dynamic,tflite-int8,onnx-float32,torchscript"
    to += ",aotinductor,executorch"
    status, record, said = export(f"{HERE / 'keras_models.py'}:images", tmp_path, to, image=IMAGES)
    found = verdicts(record)
    assert status == 0, said
    exact = ["keras", "savedmodel", "tflite-float32", "onnx-float32", "torchscript", "aotinductor"]
    for name in exact + ["executorch"] * bool(find_spec("executorch")):
        assert found[name] in ("identical", "rounding"), found
    assert found["tflite-float16"] in ("rounding", "explained (float16 weights)")
    assert found["tflite-int8"] == "explained (int8)"


@pytest.mark.xdist_group("tensorflow")
def test_dictionaries_in_and_out_keep_their_keys(tmp_path: Path) -> None:
    # The layers are called otherwise, and in another order.
    model = f"{HERE / 'keras_models.py'}:dictionaries"
    status, record, said = export(model, tmp_path, "tflite-float32,onnx-float32", left=LEFT, right=RIGHT)
    assert status == 0, said
    assert record.inputs == {"left": "float32 [5]", "right": "float32 [3]"}
    assert record.outputs == {"one": "float32 [1]", "three": "float32 [3]"}
    assert set(verdicts(record).values()) <= {"identical", "rounding"}


@pytest.mark.xdist_group("tensorflow")
def test_keras_file_and_savedmodel_are_models_themselves(tmp_path: Path) -> None:
    model = f"{HERE / 'keras_models.py'}:two_in_two_out"
    status, record, said = export(model, tmp_path, "keras,savedmodel", left=LEFT, right=RIGHT)
    assert status == 0, said
    assert record.outputs == {"three": "float32 [3]", "one": "float32 [1]"}
    # Found before more is exported beside them.
    (paths,) = ([folder / made for made in ("keras.keras", "savedmodel/1")] for folder in tmp_path.glob("out-*/models"))
    for made, path in zip(("keras.keras", "savedmodel/1"), paths, strict=True):
        status, again, said = export(str(path), tmp_path, "tflite-float32,tflite-int8,keras", left=LEFT, right=RIGHT)
        found = verdicts(again)
        assert status == 0, said
        assert found["tflite-float32"] in ("identical", "rounding")
        if made == "savedmodel/1":
            assert again.kind == "savedmodel"
            assert "no tolerance can be derived" in found["tflite-int8"]
            assert "without the layers of a .keras file" in found["keras"]


@pytest.mark.xdist_group("tensorflow")
def test_a_lambda_layer_needs_trust(tmp_path: Path) -> None:
    code = (
        "import keras; keras.Sequential([keras.Input((5,)), keras.layers.Lambda(lambda x: x * 2)])"
        f".save({str(tmp_path / 'own.keras')!r})"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, timeout=300)
    np.save(tmp_path / "rows.npy", LEFT)
    command = [sys.executable, "-m", "throughline", "export", str(tmp_path / "own.keras"), "--to", "savedmodel"]
    rest = ["--sample", str(tmp_path / "rows.npy"), "--out", str(tmp_path / "out")]
    done = subprocess.run([*command, *rest], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 2, done.stderr
    assert "MODEL must be a .keras file that loads without its own code" in done.stderr
    done = subprocess.run([*command, *rest, "--trust"], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    record = json.loads((tmp_path / "out" / "record.json").read_text())
    assert record["artefacts"][0]["verdict"] in ("identical", "rounding")


@pytest.mark.xdist_group("tensorflow")
def test_float16_keeps_the_scaling_of_incomes_and_years(tmp_path: Path) -> None:
    # 150,000 is infinite in float16, and years have a step of 1 there.
    rows = np.stack([RNG.normal(150_000, 40_000, 40), RNG.normal(1975, 12, 40)], axis=1).astype(np.float32)
    status, record, said = export(f"{HERE / 'keras_models.py'}:incomes", tmp_path, "tflite-float16", table=rows)
    (made,) = (entry for entry in record.artefacts if entry.name == "tflite-float16")
    assert status == 0, said
    assert made.verdict == "explained (float16 weights)"
    assert made.facts["constants_kept_in_float32"] == 2
    assert made.outputs[0].largest_difference < 1e-3


@pytest.mark.xdist_group("torch")
def test_a_pickled_module_needs_trust(tmp_path: Path) -> None:
    import torch

    torch.save(torch.nn.Sequential(torch.nn.Linear(5, 2), torch.nn.Sigmoid()), tmp_path / "net.pt")
    torch.save(torch.nn.Linear(5, 2).state_dict(), tmp_path / "state.pt")
    np.save(tmp_path / "rows.npy", LEFT)
    for name, options, said in (
        ("net.pt", (), "a pickled PyTorch file that could run code"),
        ("state.pt", ("--trust",), "MODEL must be a whole module, but got a pickled OrderedDict"),
    ):
        done = call(tmp_path / name, tmp_path / "rows.npy", tmp_path / "out", "torchscript", *options)
        assert done.returncode == 2, done.stderr
        assert said in done.stderr
        assert not (tmp_path / "out").exists()
    status, record, said = export(str(tmp_path / "net.pt"), tmp_path, "torchscript,onnx-float32", "--trust", x=LEFT)
    assert status == 0, said
    assert set(verdicts(record).values()) <= {"identical", "rounding"}


def call(model: Path | str, sample: Path, out: Path, to: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "throughline", "export", str(model), "--sample", str(sample), "--out", str(out)]
    return subprocess.run([*command, "--to", to, *options], capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.xdist_group("torch")
def test_a_fault_in_a_users_file_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "net.py").write_text("import torch\n\ndef build():\n    return torch.nn.Linear(1 // 0, 2)\n")
    np.save(tmp_path / "rows.npy", LEFT)
    done = call(f"{tmp_path / 'net.py'}:build", tmp_path / "rows.npy", tmp_path / "out", "torchscript")
    assert done.returncode == 2
    assert "ZeroDivisionError in line 4 (integer division or modulo by zero): correct it." in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.xdist_group("torch")
def test_whole_numbers_are_codes_or_numbers_as_the_module_takes_them() -> None:
    import torch

    from throughline.own_model.torch_model import TorchModel

    whole = {"": np.arange(20).reshape(5, 4)}
    assert TorchModel(torch.nn.Embedding(20, 3), None, whole).dtypes == ["int64"]
    assert TorchModel(torch.nn.Linear(4, 3), None, whole).dtypes == ["float32"]
    assert TorchModel(torch.nn.Linear(4, 3).double(), None, {"": np.ones((5, 4), np.float32)}).dtypes == ["float64"]
    with pytest.raises(DataError, match="float64, but got bfloat16"):
        TorchModel(torch.nn.Linear(4, 3).bfloat16(), None, whole)


@pytest.mark.xdist_group("run")
def test_weights_of_a_run_get_the_verdicts_of_the_run(finished_run: FinishedRun, tmp_path: Path) -> None:
    split = rows_of_run(finished_run.record, finished_run.data)
    rows = split.X_test.astype(np.float32)
    wanted = ["torchscript", "torch-export", "onnx-float32", "savedmodel", "tflite-float32", "tflite-float16"]
    np.save(tmp_path / "labels.npy", split.y_test.astype(np.int64).reshape(-1))
    options = ("--labels", str(tmp_path / "labels.npy"))
    weights = finished_run.folder / "models/torch/weights.safetensors"
    to = ",".join([*wanted, "neutral", "c99"])
    status, record, said = export(str(weights), tmp_path, to, *options, features=rows)
    assert status == 0, said
    assert record.kind == "neutral"
    in_run = {entry.name: entry for entry in finished_run.record.formats}
    for entry in record.artefacts:
        assert entry.status == "passed"
        kind = in_run[entry.name].verdict if entry.name in in_run else "rounding"
        assert entry.verdict in ("identical", kind)
    (script,) = (entry for entry in record.artefacts if entry.name == "torchscript")
    assert script.accuracy == pytest.approx(in_run["torchscript"].test_accuracy)
