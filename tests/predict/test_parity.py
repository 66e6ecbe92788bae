"""Rows as they stand in a file through every format, against the NumPy pipeline, with the bars of the numeric proof."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import polars as pl
import pytest
from onnx import helper, numpy_helper

from throughline.bundle import check as receiver
from throughline.bundle import load_bundle
from throughline.bundle.column_graphs import find_runnable
from throughline.bundle.load import Bundle
from throughline.bundle.table import columns_of
from throughline.data.encode import encode
from throughline.data.read import read_cells
from throughline.formats import find_format
from throughline.predict.rows import PredictRequest, predict_rows
from throughline.verify.artefact import Expected, Network, Search, verify_artefact
from throughline.verify.checks import check_labels, check_shapes, check_values
from throughline.verify.finished_run import read_quantization
from throughline.verify.reference import numpy_answers
from throughline.verify.tolerance import derive_tolerance
from throughline.weights import Array, load_weights

from .conftest import FORMATS, GRAPHS, Sent
from .tables import hard_rows

pytestmark = pytest.mark.xdist_group("predict")


def network_of(bundle: Bundle) -> Network:
    entry = bundle.manifest.artefact("neutral")
    assert entry is not None
    path = bundle.path_of(entry) / "weights.safetensors"
    weights, spec = load_weights(path)
    return Network(spec=spec, weights=weights, path=path)


def raw_rows(bundle: Bundle, table: Path) -> Array:
    """What the manifest makes of a file."""
    assert bundle.manifest.table is not None
    return encode(read_cells(table), columns_of(bundle.manifest.table))


def written_answers(path: Path, output: str) -> Array:
    frame = pl.read_parquet(path)
    chosen = frame.select("value" if output == "linear" else pl.selectors.starts_with("probability "))
    return chosen.to_numpy()[:, 0] if output == "linear" else chosen.to_numpy()


def hold(sent: Sent, name: str, folder: Path) -> None:
    """Predict the new rows, and hold what was written against NumPy in float64."""
    bundle = load_bundle(sent.bundle)
    network, form, entry = network_of(bundle), find_runnable(name), bundle.manifest.artefact(name)
    assert form is not None
    assert entry is not None
    out = folder / "answers.parquet"
    done = predict_rows(PredictRequest(sent.bundle, sent.new, out, name))
    assert (done.format, done.n_rows) == (name, len(hard_rows()))
    X = raw_rows(bundle, sent.new)
    steps = read_quantization(form, bundle.path_of(entry), folder) if form.read_quantization else None
    tolerance = derive_tolerance(network.spec, network.weights, X, form.stored_as, form.computed_in, steps)
    expected, answers = numpy_answers(network.spec, network.weights, X), written_answers(out, network.spec.output)
    check_shapes({"all": answers}, len(X), tolerance.per_row[:1].size)
    check_values({"all": answers}, expected, tolerance)
    check_labels({"all": answers}, expected, tolerance)


@pytest.mark.parametrize("name", [*FORMATS, *GRAPHS])
def test_every_format_answers_raw_rows_of_a_file_as_numpy_does(name: str, classes: Sent, tmp_path: Path) -> None:
    hold(classes, name, tmp_path)


@pytest.mark.parametrize("name", ["onnx-float32", "neutral", "c99", "onnx-strings"])
def test_amounts_too(name: str, amounts: Sent, tmp_path: Path) -> None:
    hold(amounts, name, tmp_path)


def test_the_rows_are_hard(classes: Sent) -> None:
    bundle = load_bundle(classes.bundle)
    X, table = raw_rows(bundle, classes.new), bundle.manifest.table
    assert table is not None
    assert np.isnan(X).all(axis=1).any()
    assert np.nanmax(X) > 1e9
    for column, values in zip(table.columns, X.T, strict=True):
        assert np.isnan(values).any()
        if column.other is not None:
            assert (values == column.other).any()
            assert len(np.unique(values[~np.isnan(values)])) > 2
    assert read_cells(classes.new).found["encoding"] == "Windows-1252"


# --- faults, seen from raw rows of a file ----------------------------------------------------------------------------


def without_scaling(model: Any) -> None:
    """Take out what subtracts the mean and divides by the deviation."""
    nodes = [node for node in model.graph.node if node.op_type in ("Sub", "Div")][:2]
    assert [node.op_type for node in nodes] == ["Sub", "Div"]
    for node in nodes:
        node.op_type, unit = ("Add", 0.0) if node.op_type == "Sub" else ("Mul", 1.0)
        stored = next(entry for entry in model.graph.initializer if entry.name == node.input[1])
        stored.CopyFrom(numpy_helper.from_array(np.full_like(numpy_helper.to_array(stored), unit), stored.name))


def with_columns_swapped(model: Any) -> None:
    """Let the first two columns change places."""
    graph = model.graph
    width = graph.input[0].type.tensor_type.shape.dim[1].dim_value
    order = [1, 0, *range(2, width)]
    for node in graph.node:
        for place, name in enumerate(node.input):
            if name == "features":
                node.input[place] = "swapped"
    graph.initializer.append(helper.make_tensor("order", onnx.TensorProto.INT64, [width], order))
    nodes = [helper.make_node("Gather", ["features", "order"], ["swapped"], axis=1), *graph.node]
    graph.ClearField("node")
    graph.node.extend(nodes)


@pytest.mark.parametrize(
    ("fault", "check"), [(without_scaling, "weights"), (with_columns_swapped, "values")], ids=["scaler", "columns"]
)
def test_a_fault_is_caught_by_name_from_raw_rows(
    fault: Callable[[Any], None], check: str, classes: Sent, tmp_path: Path
) -> None:
    bundle = load_bundle(classes.bundle)
    network, form = network_of(bundle), find_format("onnx-float32")
    model = onnx.load(bundle.folder / "models" / "onnx-float32.onnx")
    fault(model)
    onnx.save(model, tmp_path / "model.onnx")
    X = raw_rows(bundle, classes.new)
    expected = Expected(
        form=form,
        path=tmp_path / "model.onnx",
        X=X,
        answers=numpy_answers(network.spec, network.weights, X),
        tolerance=derive_tolerance(network.spec, network.weights, X, form.stored_as),
        port_names=form.names_for(network.spec),
        network=network,
    )
    found = verify_artefact(expected, Search(most_rows=0))
    failed = [entry.name for entry in found.checks if entry.status == "failed"]
    assert failed[0] == check
    assert "values" in failed
    # Without the weights at hand it is the answers that show it.
    blind = verify_artefact(Expected(**vars(expected) | {"network": None}))
    assert next(entry.name for entry in blind.checks if entry.status == "failed") == "values"


def swap_texts(model: Any) -> None:
    """Let two columns of texts change places behind their names."""
    first, second = [node for node in model.graph.node if node.op_type == "LabelEncoder"][:2]
    first.output[0], second.output[0] = second.output[0], first.output[0]


def forget_empty(model: Any) -> None:
    """Let an empty text count as an unknown one."""
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "keys_strings":
                attribute.strings[:] = [text or b"\0" for text in attribute.strings]


def rename_input(model: Any) -> None:
    old = model.graph.input[2].name
    model.graph.input[2].name = "other"
    for node in model.graph.node:
        node.input[:] = ["other" if name == old else name for name in node.input]


@pytest.mark.parametrize(
    ("fault", "check"),
    [(swap_texts, "values"), (forget_empty, "values"), (rename_input, "names")],
    ids=["swapped", "empty", "renamed"],
)
def test_a_fault_in_a_graph_with_texts_is_caught_by_name(
    fault: Callable[[Any], None], check: str, classes: Sent, tmp_path: Path
) -> None:
    manifest = receiver.read_manifest(classes.bundle)
    (entry,) = (each for each in manifest["column_graphs"] if each["name"] == "onnx-strings")
    folder = tmp_path / "send"
    (folder / "models").mkdir(parents=True)
    shutil.copyfile(classes.bundle / "rows.npz", folder / "rows.npz")
    model = onnx.load(classes.bundle / entry["path"])
    onnx.save(model, folder / entry["path"])
    assert receiver.check_artefact(folder, manifest, entry)["status"] == "passed"
    fault(model)
    onnx.save(model, folder / entry["path"])
    found = receiver.check_artefact(folder, manifest, entry)
    assert (found["status"], found["check"]) == ("failed", check)


def test_a_table_of_codes_that_was_changed_is_caught_by_name(classes: Sent) -> None:
    manifest = receiver.read_manifest(classes.bundle)
    (entry,) = (each for each in manifest["artefacts"] if each["name"] == "onnx-float32")
    assert receiver.check_artefact(classes.bundle, manifest, entry)["status"] == "passed"
    (city,) = (column for column in manifest["table"]["columns"] if column["name"] == "Stadt")
    first, *_, last = city["codes"]
    city["codes"][first], city["codes"][last] = city["codes"][last], city["codes"][first]
    found = receiver.check_artefact(classes.bundle, manifest, entry)
    assert (found["status"], found["check"]) == ("failed", "table")
    assert f"'{first}' in 'Stadt' must become 0, but becomes {len(city['codes']) - 1}" in found["reason"]
