"""What each file says of itself, read with tools that are not ours."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import zipfile
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from throughline.errors import DataError, VerificationError
from throughline.formats import c99, find_format, neutral
from throughline.frameworks import numpy_net
from throughline.frameworks.base import PRELOAD
from throughline.spec import NetworkSpec
from throughline.weights import Weights, initial_weights, load_weights

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
            return child.call("throughline.verify.worker:examine_artifact", job)["facts"]

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
    assert [file.name for file in path.parent.glob(f"*{path.stem}*")] == [path.name]
    model = onnx.load(path, load_external_data=False)
    graph = model.graph
    assert all(entry.data_location != onnx.TensorProto.EXTERNAL for entry in graph.initializer)
    entries = [graph, *graph.node, *graph.input, *graph.output, *graph.initializer, *graph.value_info]
    assert len(entries) > 20
    assert [entry for entry in entries if entry.doc_string or entry.metadata_props] == []
    assert (list(model.metadata_props), model.doc_string, list(model.functions)) == ([], "", [])


@group(find_format("onnx-float32"))
@pytest.mark.parametrize("name", ["onnx-float16", "onnx-int8"])
@pytest.mark.parametrize("source", SPECS)
def test_smaller_onnx_files_have_the_same_border_and_no_metadata(exported_by, name, source):
    model = onnx.load(exported_path(name, exported_by, source), load_external_data=False)
    onnx.checker.check_model(model, full_check=True)
    assert (model.ir_version, [(entry.domain, entry.version) for entry in model.opset_import]) == (10, [("", 20)])
    plain = onnx.load(exported_path("onnx-float32", exported_by, source))
    assert list(model.graph.input) == list(plain.graph.input)
    assert list(model.graph.output) == list(plain.graph.output)
    entries = [model.graph, *model.graph.node, *model.graph.initializer, *model.graph.value_info]
    assert [entry for entry in entries if entry.doc_string or entry.metadata_props] == []
    assert (list(model.metadata_props), model.producer_name in ("", "pytorch")) == ([], True)
    scaling = [stored(model)[name] for name in ("mean", "std")]
    assert [array.dtype for array in scaling] == [np.float32, np.float32]


def stored(model):
    return {entry.name: numpy_helper.to_array(entry) for entry in model.graph.initializer}


@group(find_format("onnx-float32"))
def test_onnx_float16_holds_every_kernel_and_bias_rounded_once(exported_by):
    model = onnx.load(exported_path("onnx-float16", exported_by))
    exact = stored(onnx.load(exported_path("onnx-float32", exported_by)))
    short = {name: array for name, array in stored(model).items() if array.dtype == np.float16}
    assert len(short) == 6
    for name, array in short.items():
        np.testing.assert_array_equal(array, exact[name.removesuffix(".float16")].astype(np.float16))


@group(find_format("onnx-float32"))
def test_onnx_int8_is_qdq_with_a_step_a_unit_and_seven_bits(exported_by):
    path = exported_path("onnx-int8", exported_by)
    model = onnx.load(path)
    kinds = [node.op_type for node in model.graph.node]
    assert kinds[-2:] == ["Gemm", "Sigmoid"]  # the logit is not rounded
    assert kinds.count("QuantizeLinear") == 3  # the inputs of the three layers, the scaled row first
    assert kinds.index("Div") < kinds.index("QuantizeLinear")
    kernels = [array for array in stored(model).values() if array.dtype == np.int8 and array.ndim == 2]
    assert [kernel.shape for kernel in kernels] == [(64, 20), (32, 64), (1, 32)]
    assert [int(np.abs(kernel.astype(int)).max()) for kernel in kernels] == [64, 64, 64]
    steps = find_format("onnx-int8").read_quantization(path).layers
    weights = exported_by("torch").network(find_format("onnx-int8"), "20-64-32-1").weights
    for kernel, layer, exact in zip(kernels, steps, weights.kernels, strict=True):
        assert len(layer.kernel) == len(kernel)
        # Nothing but rounding: every number within half a step of the one it stands for.
        assert (np.abs(kernel.T * np.array(layer.kernel) - exact) <= 0.5001 * np.array(layer.kernel)).all()


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
@pytest.mark.parametrize("name", ["tflite-float32", "tflite-float16", "tflite-dynamic", "tflite-int8"])
def test_tflite_batch_is_free(exported_by, facts, name):
    assert exported_path(name, exported_by).read_bytes()[4:8] == b"TFL3"
    read = facts(name)
    assert json.loads(read["input_signature"]) == [-1, 20]
    assert read["threads"] == 1


@group(find_format("tflite-float32"))
def test_float16_takes_less_than_float32_and_more_than_half(exported_by):
    sizes = [exported_path(name, exported_by).stat().st_size for name in ("tflite-float16", "tflite-float32")]
    assert 0.5 < sizes[0] / sizes[1] < 0.75


@group(find_format("tflite-float32"))
def test_int8_files_take_less_than_float16_where_there_are_weights_to_save(exported_by):
    names = ("tflite-int8", "tflite-dynamic", "tflite-float16")
    int8, dynamic, float16 = (exported_path(name, exported_by).stat().st_size for name in names)
    assert dynamic < float16
    assert int8 < float16


# --- TorchScript and torch.export ------------------------------------------------------------------------------------


@group(find_format("torchscript"))
@pytest.mark.parametrize("name", ["torchscript", "torch-export"])
def test_torch_archives_are_whole_and_hold_every_weight(exported_by, name):
    path = exported_path(name, exported_by)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        sizes = {Path(entry.filename).name: entry.file_size for entry in archive.infolist()}
    assert sum(sizes.values()) > 4 * SPECS["20-64-32-1"].n_parameters


# --- the neutral form ------------------------------------------------------------------------------------------------


@group(find_format("neutral"))
def test_neutral_form_gives_every_number_back_bit_for_bit(exported_by):
    path = exported_path("neutral", exported_by)
    assert sorted(file.name for file in path.iterdir()) == ["spec.json", "weights.safetensors"]
    weights, spec = load_weights(path / neutral.WEIGHTS_NAME)
    source = exported_by("torch").network(find_format("neutral"), "20-64-32-1")
    assert (weights.digest, spec) == (source.weights.digest, SPECS["20-64-32-1"])


@group(find_format("neutral"))
@pytest.mark.parametrize("framework", ["numpy", "keras", "torch"])
def test_frameworks_rebuild_the_neutral_form(exported_by, start, tmp_path, framework):
    path = exported_path("neutral", exported_by) / neutral.WEIGHTS_NAME
    with start(f"rebuild-{framework}", PRELOAD[framework], tmp_path) as child:
        largest = child.call("contract:rebuild", {"framework": framework, "weights": str(path)})
    # Keras keeps the variance: its root may be the float32 beside the deviation it was made from.
    assert set(largest) <= ({"scaling.std"} if framework == "keras" else set())
    assert all(share <= 2.0**-23 for share in largest.values())


@group(find_format("neutral"))
def test_neutral_form_with_another_specification_is_refused(exported_by, tmp_path):
    source = exported_path("neutral", exported_by)
    for file in source.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "spec.json").write_text(NetworkSpec(n_inputs=20, seed=5, hidden_activation="tanh").to_json())
    with pytest.raises(DataError, match=r"spec\.json must be the specification inside"):
        neutral.NeutralRunner(tmp_path)


# --- C99 -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def written(tmp_path):
    """Write a network in C; give the folder, the specification and the weights."""

    def write(**fields):
        spec = NetworkSpec(**{"n_inputs": 3, "hidden_units": (4,), **fields})
        weights = initial_weights(spec, [1e9, -0.5, 0.0], [1e-6, 3.0, 1e30])
        header, source = c99.write_c(spec, weights)
        (tmp_path / c99.HEADER_NAME).write_text(header)
        (tmp_path / c99.SOURCE_NAME).write_text(source)
        return tmp_path, spec, weights

    return write


def test_c_gives_every_float32_back(written):
    folder, _, weights = written()
    text = (folder / c99.SOURCE_NAME).read_text()
    for name, array in [("mean", weights.mean), ("std", weights.std), ("kernel_1", weights.kernels[0].T)]:
        body = text.split(f"static const float {name}[{array.size}] = {{")[1].split("}")[0]
        read = np.array([np.float32(number.strip().rstrip("f")) for number in body.split(",")])
        np.testing.assert_array_equal(read, array.reshape(-1))


HIDDEN = {"hidden_units": (4,), "hidden_activation": "relu"}
NETWORKS_IN_C = {
    **{name: HIDDEN | {"hidden_activation": name} for name in ("relu", "tanh", "sigmoid", "gelu", "linear")},
    "softmax": HIDDEN | {"output": "softmax", "n_outputs": 3},
    "value": HIDDEN | {"output": "linear"},
    "no hidden layer": {"hidden_units": ()},
    "three layers": HIDDEN | {"hidden_units": (4, 1, 5)},
}


@pytest.mark.parametrize("fields", NETWORKS_IN_C.values(), ids=NETWORKS_IN_C)
def test_c_computes_every_activation_and_output_and_lets_nan_through(written, fields):
    folder, spec, weights = written(**fields)
    source = Weights(np.zeros(3, np.float32), np.ones(3, np.float32), weights.kernels, weights.biases)
    (folder / c99.SOURCE_NAME).write_text(c99.write_c(spec, source)[1])
    X = np.random.default_rng(1).normal(size=(50, 3)).astype(np.float32)
    broken = X.copy()
    broken[7, 1] = np.nan
    with c99.C99Runner(folder) as runner:
        answers, of_broken = runner.predict(X), runner.predict(broken)
    in_float64 = dataclasses.replace(spec, dtype="float64")
    expected = numpy_net.predict(numpy_net.build(in_float64, source.astype("float64")), X.astype(np.float64))
    np.testing.assert_allclose(answers.reshape(expected.shape), expected, rtol=1e-5, atol=1e-6)
    assert np.flatnonzero(np.isnan(of_broken).any(axis=1)).tolist() == [7]


def test_c_calls_nothing_but_the_activations_it_needs(written, tmp_path):
    folder, *_ = written(hidden_activation="tanh")
    compiled = tmp_path / "network.o"
    subprocess.run(["cc", "-std=c99", "-O2", "-c", str(folder / c99.SOURCE_NAME), "-o", str(compiled)], check=True)
    symbols = subprocess.run(["nm", "-u", str(compiled)], capture_output=True, text=True, check=True).stdout.split()
    assert {name for name in symbols if name != "U"} <= {"expf", "tanhf", "_GLOBAL_OFFSET_TABLE_"}


def test_c_that_does_not_compile_or_has_other_columns_is_refused(written):
    folder, *_ = written()
    with c99.C99Runner(folder) as runner, pytest.raises(VerificationError, match="takes 3 features, but rows have 2"):
        runner.predict(np.zeros((1, 2), np.float32))
    source = folder / c99.SOURCE_NAME
    source.write_text(source.read_text().replace("float sum", "flaot sum"))
    with pytest.raises(VerificationError, match="The source does not compile: "):
        c99.C99Runner(folder)
