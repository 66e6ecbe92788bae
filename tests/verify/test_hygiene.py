"""What a file says of the machine that made it, and what it would import: found without running any of it."""

from __future__ import annotations

import os
import pickle
import zipfile
from collections import OrderedDict

import pytest

from throughline.formats import find_format
from throughline.verify import hygiene
from throughline.verify.hygiene import scan


def kinds(path, **known):
    return [(finding.kind, finding.where) for finding in scan(path, **known)]


@pytest.mark.parametrize(
    "path",
    [
        b"/home/ada/models/train.py",
        b"/Users/ada/train.py",
        b"/tmp/tmpab12/model.onnx",
        rb"C:\Users\ada\train.py",
        b"/opt/python/lib/python3.11/site-packages/torch/nn.py",
    ],
)
def test_local_paths_are_found_between_other_bytes(tmp_path, path):
    file = tmp_path / "net.bin"
    file.write_bytes(os.urandom(64) + b"\x00" + path + b"\x00" + os.urandom(64))
    (finding,) = [f for f in scan(file) if f.kind == "local path"]
    assert finding.where == "net.bin"
    assert finding.what.encode().replace(b"\\\\", b"\\") in path


def test_random_bytes_are_clean(tmp_path):
    file = tmp_path / "weights.bin"
    file.write_bytes(os.urandom(4_000_000))
    assert scan(file) == []


def test_a_stack_trace_is_found(tmp_path):
    file = tmp_path / "net.onnx"
    file.write_bytes(b'...File "model.py", line 12, in forward...')
    assert kinds(file) == [("stack trace", "net.onnx")]


def test_the_name_of_the_user_is_found_as_a_word_only(tmp_path, monkeypatch):
    monkeypatch.setattr(hygiene.getpass, "getuser", lambda: "lovelace")
    file = tmp_path / "net.onnx"
    file.write_bytes(b"made by lovelace\x00")
    assert kinds(file) == [("user name", "net.onnx")]
    file.write_bytes(b"lovelaces")
    assert kinds(file) == []
    monkeypatch.setattr(hygiene.getpass, "getuser", lambda: "root")
    file.write_bytes(b"root")
    assert kinds(file) == []


class Dangerous:
    def __reduce__(self):
        return os.system, ("true",)


@pytest.mark.parametrize("protocol", range(2, pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_that_imports_is_found_and_not_run(tmp_path, protocol):
    file = tmp_path / "net.pt"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("net/data.pkl", pickle.dumps(Dangerous(), protocol))
        archive.writestr("net/harmless.pkl", pickle.dumps(OrderedDict(a=1), protocol))
    (finding,) = scan(file)
    assert (finding.kind, finding.where) == ("pickle", "net.pt:net/data.pkl")
    assert "system" in finding.what


def test_a_pickle_without_a_suffix_is_found_too(tmp_path):
    file = tmp_path / "weights"
    file.write_bytes(pickle.dumps(Dangerous(), 4))
    assert kinds(file) == [("pickle", "weights")]


def test_missing_parts_and_foreign_operators_come_first(tmp_path):
    form = find_format("c99")
    folder = tmp_path / "c99"
    folder.mkdir()
    (folder / "network.h").write_text("/* /home/ada/secret/x */")
    found = scan(folder, form, ["com.example.Magic"])
    assert [(f.kind, f.what) for f in found[:2]] == [
        ("missing part", "network.c is not there"),
        ("foreign operator", "com.example.Magic"),
    ]
    assert [(f.kind, f.where) for f in found[2:]] == [("local path", "network.h")]


def test_missing_members_of_an_archive_and_damaged_archives_are_found(tmp_path):
    form = find_format("keras")
    file = tmp_path / "net.keras"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", "{}")
    assert [f.what for f in scan(file, form)] == ["metadata.json is not there", "model.weights.h5 is not there"]
    file.write_bytes(file.read_bytes()[:40])
    assert len(scan(file, form)) == 3


def test_keras_layers_of_other_modules_are_named(tmp_path):
    import json

    layers = [
        {"module": "keras.layers", "class_name": "Dense", "config": {"initializer": {"module": "keras.initializers"}}},
        {"module": "my_package.layers", "class_name": "Mine"},
        {"module": "keras.layers", "class_name": "Lambda", "config": {"function": {"class_name": "__lambda__"}}},
    ]
    file = tmp_path / "net.keras"
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", json.dumps({"config": {"layers": layers}}))
    found = find_format("keras").read_foreign_operators(file)
    assert found == ["__lambda__", "keras.layers.Lambda", "my_package.layers.Mine"]


def test_onnx_operators_outside_the_standard_and_arrays_elsewhere_are_named(tmp_path):
    import numpy as np
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    x, y = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [None, 1]) for name in "xy")
    node = helper.make_node("Magic", ["x", "w"], ["y"], domain="com.example")
    w = numpy_helper.from_array(np.zeros(4, np.float32), "w")
    model = helper.make_model(helper.make_graph([node], "g", [x], [y], [w]))
    onnx.save(model, tmp_path / "a.onnx")
    read = find_format("onnx-float32").read_foreign_operators
    assert read(tmp_path / "a.onnx") == ["com.example.Magic"]
    onnx.save(model, tmp_path / "b.onnx", save_as_external_data=True, location="b.data", size_threshold=0)
    assert read(tmp_path / "b.onnx") == ["com.example.Magic", "w, stored in another file"]
