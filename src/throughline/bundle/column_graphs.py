"""Files that take the columns of a table, a name each, and look texts up themselves, with no codes beside the model.

    onnx-strings        the ONNX float32 file behind LabelEncoders of ai.onnx.ml
    savedmodel-strings  the SavedModel behind lookup tables, as the signature `columns` beside `serving_default`

Both are made from the file that is in the bundle, whose numbers they keep, and proven against the same answers. They
are no formats of the registry: a format takes rows of float32 from any network, and these need to know a table.

A column of texts takes them as they stand in the table, without blanks around them, whole numbers without ``.0``, and
an empty text where the cell is empty. A truth value is understood in small, in capital and in title letters; any other
text counts as an empty cell, since a graph has no way to refuse one. Numbers and the parts of dates are float32, NaN
where they are missing: reading a date is left to the caller, for neither format can.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from throughline.bundle.manifest import Table, TableColumn
from throughline.formats import find_format, load_formats
from throughline.formats.base import Facts, Format
from throughline.formats.onnx_float32 import INPUT_NAME, write_onnx
from throughline.processes import Emit

BATCH = "batch"
SIGNATURE = "columns"
# What a graph's input is called in the rows of a bundle.
PREFIX = "column."


@dataclass(frozen=True, kw_only=True)
class ColumnGraph:
    """One such file.

    Attributes
    ----------
    base : str
        The format whose file it is made from.
    form : Format
        That format under another name; not in the registry.
    make : callable
        ``make(base, table, path) -> facts``.
    packages : tuple of str
        Modules that making it needs.
    """

    base: str
    form: Format
    make: Callable[[Path, Table, Path], Facts]
    packages: tuple[str, ...]


def find_runnable(name: str) -> Format | None:
    """Return the format or the column graph of that name, or None."""
    return column_graphs()[name].form if name in column_graphs() else load_formats().get(name)


def column_graphs() -> dict[str, ColumnGraph]:
    """Return all of them by name."""
    onnx, savedmodel = find_format("onnx-float32"), find_format("savedmodel")
    return {
        "savedmodel-strings": ColumnGraph(
            base=savedmodel.name,
            form=dataclasses.replace(
                savedmodel,
                name="savedmodel-strings",
                title="SavedModel with texts",
                opener="savedmodel-columns",
                good_for="TF Serving takes the columns of the table as they are",
            ),
            make=make_savedmodel,
            packages=("tensorflow",),
        ),
        "onnx-strings": ColumnGraph(
            base=onnx.name,
            form=dataclasses.replace(
                onnx,
                name="onnx-strings",
                title="ONNX with texts",
                good_for="ONNX Runtime takes the columns of the table as they are",
            ),
            make=make_onnx,
            packages=("onnx",),
        ),
    }


def make_in_child(name: str, base: str, table: dict[str, Any], path: str, emit: Emit) -> Facts:
    """Make one, in the process that has its library."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    return column_graphs()[name].make(Path(base), msgspec.convert(table, Table), Path(path))


def codes_by_spelling(column: TableColumn) -> dict[str, float]:
    """Return every text that a graph knows with its number; the empty one, a missing cell, is NaN.

    Examples
    --------
    >>> from throughline.bundle.table import describe_table
    >>> from throughline.spec import Column
    >>> smokes = Column(name="smokes", source="smokes", encoding="boolean", labels=("no", "yes"))
    >>> codes_by_spelling(describe_table((smokes,), "y").columns[0])
    {'': nan, 'no': 0.0, 'NO': 0.0, 'No': 0.0, 'yes': 1.0, 'YES': 1.0, 'Yes': 1.0}
    """
    codes = {"": math.nan}
    for text, code in column.codes.items():
        spellings = (text, text.upper(), text.title()) if column.encoding == "boolean" else (text,)
        codes |= dict.fromkeys(spellings, code)
    return codes


def make_onnx(base: Path, table: Table, path: Path) -> Facts:
    """Put an input for each column, with a LabelEncoder where it has texts, before the graph of an ONNX file."""
    import onnx
    from onnx import TensorProto, compose, helper

    # What the network calls its own values must not meet the names of columns.
    network = compose.add_prefix(onnx.load(base), "network.", rename_inputs=True, rename_outputs=False)
    inputs, nodes, parts = [], [], []
    for column in table.columns:
        is_text = column.dtype == "string"
        inputs.append(
            helper.make_tensor_value_info(column.port, TensorProto.STRING if is_text else TensorProto.FLOAT, [BATCH])
        )
        number = column.port
        if is_text:
            number = f"code.{column.port}"
            nodes.append(_label_encoder(column, number))
        parts.append(f"part.{column.port}")
        nodes.append(helper.make_node("Unsqueeze", [number, "axis"], [parts[-1]]))
    nodes.append(helper.make_node("Concat", parts, [f"network.{INPUT_NAME}"], axis=1))
    graph = network.graph
    joined = helper.make_graph(
        [*nodes, *graph.node],
        "columns",
        inputs,
        graph.output,
        [*graph.initializer, helper.make_tensor("axis", TensorProto.INT64, [1], [1])],
    )
    standard = next(entry for entry in network.opset_import if entry.domain in ("", "ai.onnx"))
    model = helper.make_model(joined, opset_imports=[standard, helper.make_opsetid("ai.onnx.ml", 3)])
    return {"exporter": "ONNX float32 behind ai.onnx.ml.LabelEncoder"} | write_onnx(model, path)


def _label_encoder(column: TableColumn, output: str) -> Any:
    from onnx import helper

    codes = codes_by_spelling(column)
    return helper.make_node(
        "LabelEncoder",
        [column.port],
        [output],
        domain="ai.onnx.ml",
        keys_strings=list(codes),
        values_floats=list(codes.values()),
        default_float=math.nan if column.other is None else column.other,
    )


def make_savedmodel(base: Path, table: Table, path: Path) -> Facts:
    """Save a SavedModel once more, with lookup tables and a second signature that takes the columns."""
    import tensorflow as tf

    source = tf.saved_model.load(str(base), tags=["serve"])
    answer = source.signatures["serving_default"]
    features = answer.structured_input_signature[1][INPUT_NAME]
    model = tf.Module()
    model.source = source  # owns the variables
    model.tables = {column.port: _lookup_table(column) for column in table.columns if column.dtype == "string"}

    def from_columns(**columns: Any) -> Any:
        numbers = [
            model.tables[entry.port].lookup(columns[entry.port]) if entry.port in model.tables else columns[entry.port]
            for entry in table.columns
        ]
        return answer(**{INPUT_NAME: tf.stack(numbers, axis=1)})

    specs = {
        entry.port: tf.TensorSpec([None], tf.string if entry.dtype == "string" else tf.float32, name=entry.port)
        for entry in table.columns
    }
    signatures = {
        SIGNATURE: tf.function(from_columns, autograph=False).get_concrete_function(**specs),
        "serving_default": tf.function(
            lambda rows: answer(**{INPUT_NAME: rows}),
            input_signature=[tf.TensorSpec(features.shape, features.dtype, name=INPUT_NAME)],
            autograph=False,
        ),
    }
    tf.saved_model.save(model, str(path), signatures=signatures)
    return {"exporter": "tf.saved_model.save behind tf.lookup.StaticHashTable", "tensorflow": tf.__version__}


def _lookup_table(column: TableColumn) -> Any:
    import tensorflow as tf

    codes = codes_by_spelling(column)
    texts, numbers = tf.constant(list(codes)), tf.constant(list(codes.values()), tf.float32)
    initializer = tf.lookup.KeyValueTensorInitializer(texts, numbers)
    return tf.lookup.StaticHashTable(initializer, math.nan if column.other is None else column.other)
