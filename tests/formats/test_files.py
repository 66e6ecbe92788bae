"""What each file says of itself, read with tools that are not ours."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import onnx
import pytest

from throughline.formats import find_format

from .conftest import SPECS, group


def exported_path(name, exported_by, source="20-64-32-1"):
    form = find_format(name)
    return exported_by(form.framework).path(form, source)


@pytest.fixture(scope="session")
def facts(start, exported_by, tmp_path_factory):
    """What a format's runtime read back from the file of the large network."""

    def read(name):
        form, folder = find_format(name), tmp_path_factory.mktemp("facts")
        exported = exported_by(form.framework)
        job = {
            "format_name": name,
            "path": str(exported.path(form)),
            "rows": str(exported.folder / "20-64-32-1.npy"),
            "answers": str(folder / "answers.npz"),
        }
        with start(name, form.preload, folder, form.environment) as child:
            return child.call("throughline.verify.worker:run_artifact", job)["facts"]

    return read


# --- ONNX ------------------------------------------------------------------------------------------------------------


@group(find_format("onnx-float32"))
@pytest.mark.parametrize("source", SPECS)
def test_onnx_batch_is_symbolic_and_versions_are_those_pinned(exported_by, source):
    model = onnx.load(exported_path("onnx-float32", exported_by, source), load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert model.ir_version == 10
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 20)]
    (features,), (probability,) = model.graph.input, model.graph.output
    assert (features.name, probability.name) == ("features", "probability")
    dimensions = [entry.type.tensor_type.shape.dim for entry in (features, probability)]
    assert [dimension[0].dim_param for dimension in dimensions] == ["batch", "batch"]
    assert [dimension[1].dim_value for dimension in dimensions] == [SPECS[source].n_inputs, 1]
    assert features.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


@group(find_format("onnx-float32"))
def test_onnx_is_one_file_without_metadata(exported_by):
    path = exported_path("onnx-float32", exported_by)
    assert [file.name for file in path.parent.glob("*onnx*")] == [path.name]
    model = onnx.load(path, load_external_data=False)
    graph = model.graph
    assert all(entry.data_location != onnx.TensorProto.EXTERNAL for entry in graph.initializer)
    entries = [graph, *graph.node, *graph.input, *graph.output, *graph.initializer, *graph.value_info]
    assert len(entries) > 20
    assert [entry for entry in entries if entry.doc_string or entry.metadata_props] == []
    assert (list(model.metadata_props), model.doc_string, list(model.functions)) == ([], "", [])


@group(find_format("onnx-float32"))
def test_onnx_runtime_says_what_it_runs(facts):
    read = facts("onnx-float32")
    assert (read["input"], read["output"]) == ("features ['batch', 20]", "probability ['batch', 1]")
    assert read["threads"] == 1


# --- SavedModel and TFLite -------------------------------------------------------------------------------------------


@group(find_format("savedmodel"))
def test_savedmodel_has_the_named_signature_and_lies_where_servers_look(exported_by, facts):
    path = exported_path("savedmodel", exported_by)
    assert path.name == "1"
    assert {file.name for file in path.iterdir()} >= {"saved_model.pb", "variables"}
    graph = (path / "saved_model.pb").read_bytes()
    # Field 4 of MetaInfoDef is the tag: length-delimited, five letters (tensorflow/core/protobuf/meta_graph.proto).
    assert b"\x22\x05serve" in graph
    read = facts("savedmodel")
    assert (read["signature"], read["input"], read["output"]) == ("serving_default", "features", "probability")


@group(find_format("tflite-float32"))
@pytest.mark.parametrize("name", ["tflite-float32", "tflite-float16"])
def test_tflite_batch_is_free(exported_by, facts, name):
    assert exported_path(name, exported_by).read_bytes()[4:8] == b"TFL3"
    read = facts(name)
    assert json.loads(read["input_signature"]) == [-1, 20]
    assert read["threads"] == 1


@group(find_format("tflite-float32"))
def test_float16_takes_less_than_float32_and_more_than_half(exported_by):
    sizes = [exported_path(name, exported_by).stat().st_size for name in ("tflite-float16", "tflite-float32")]
    assert 0.5 < sizes[0] / sizes[1] < 0.75


# --- TorchScript and torch.export ------------------------------------------------------------------------------------


@group(find_format("torchscript"))
@pytest.mark.parametrize("name", ["torchscript", "torch-export"])
def test_torch_archives_are_whole_and_hold_every_weight(exported_by, name):
    path = exported_path(name, exported_by)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        sizes = {Path(entry.filename).name: entry.file_size for entry in archive.infolist()}
    assert sum(sizes.values()) > 4 * SPECS["20-64-32-1"].n_parameters
