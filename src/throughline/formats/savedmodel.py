"""TensorFlow SavedModel: a folder that TF Serving loads, with the signature `serving_default`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from throughline.formats.base import (
    ExportInputs,
    Facts,
    Format,
    Parameters,
    Port,
    Route,
    Runner,
    StoredArray,
    named_parameters,
)
from throughline.weights import Array

SIGNATURE = "serving_default"
TAGS = ["serve"]
GRAPH_NAME = "saved_model.pb"
VARIABLES = "variables/variables"
PYTHON_OPERATORS = ("PyFunc", "EagerPyFunc")


def export(inputs: ExportInputs, path: Path) -> Facts:
    """Write the folder with `keras.export.ExportArchive`, inputs and outputs named as in the network."""
    import keras
    import tensorflow as tf

    from throughline.frameworks.keras_net import INPUT_NAME

    network = inputs.network
    # `network.export` would call its output "output_0": a signature of our own keeps the name.
    signature = [tf.TensorSpec((None, network.input_shape[1]), network.inputs[0].dtype, name=INPUT_NAME)]

    def serve(features: Any) -> dict[str, Any]:
        return {inputs.spec.output_name: _answer(network, features)}

    archive = keras.export.ExportArchive()
    archive.track(network)
    archive.add_endpoint(SIGNATURE, serve, input_signature=signature)
    archive.write_out(str(path), verbose=False)
    return {"exporter": "keras.export.ExportArchive", "keras": keras.__version__, "tensorflow": tf.__version__}


def _answer(network: Any, features: Any) -> Any:
    """Return what the network answers; of a network with one feature, in a graph that keeps the scaling apart.

    TFLite's converter folds a scaling by single numbers into the first dense layer. That subtracts 167 from 167 for a
    year with a deviation of 12, and in float16 28 times what rounding explains was lost. Turning a single column around
    changes nothing, and the converter does not fold across it.
    """
    import tensorflow as tf

    if network.input_shape[1] > 1:
        return network(features, training=False)
    first, *others = network.layers
    answer = tf.reverse(first(features), axis=[1])
    for layer in others:
        answer = layer(answer, training=False)
    return answer


class SavedModelRunner(Runner):
    """Calls the named signature, as a server does."""

    def __init__(self, path: Path) -> None:
        import tensorflow as tf

        # The loaded object owns the variables: without a reference to it they are freed.
        self._loaded = tf.saved_model.load(str(path), tags=TAGS)
        self._signature = self._loaded.signatures[SIGNATURE]
        (self._input,) = self._signature.structured_input_signature[1]
        (self._output,) = self._signature.structured_outputs
        super().__init__(
            {
                "runtime": f"TensorFlow {tf.__version__}",
                "signature": SIGNATURE,
                "input": self._input,
                "output": self._output,
            },
            [_port(spec) for spec in self._signature.structured_input_signature[1].values()],
            [_port(spec, name) for name, spec in self._signature.structured_outputs.items()],
        )

    def _predict(self, X: Array) -> Any:
        import tensorflow as tf

        return self._signature(**{self._input: tf.constant(X)})[self._output].numpy()


def _port(spec: Any, name: str = "") -> Port:
    return Port(name=name or spec.name, dtype=spec.dtype.name, shape=spec.shape.as_list())


def read_facts(path: Path) -> Facts:
    """Return the versions of TensorFlow, schema and graph, as the file states them."""
    from tensorflow.core.protobuf import saved_model_pb2

    model = saved_model_pb2.SavedModel.FromString((path / GRAPH_NAME).read_bytes())
    (graph,) = model.meta_graphs
    return {
        "written_by": f"TensorFlow {graph.meta_info_def.tensorflow_version}",
        "schema_version": model.saved_model_schema_version,
        "graph_producer": graph.graph_def.versions.producer,
        "graph_min_consumer": graph.graph_def.versions.min_consumer,
        "tags": ", ".join(graph.meta_info_def.tags),
    }


def read_parameters(path: Path) -> Parameters:
    """Read kernels and biases from the checkpoint; the scaling is a constant of the graph."""
    import tensorflow as tf

    checkpoint = tf.train.load_checkpoint(str(path / VARIABLES))
    # "variables/3/..." in the order of the layers; the states of the dropouts are integers.
    numbered = sorted(
        (int(name.split("/")[1]), name)
        for name, dtype in checkpoint.get_variable_to_dtype_map().items()
        if name.startswith("variables/") and dtype.is_floating
    )
    arrays = [StoredArray(values=checkpoint.get_tensor(name)) for _, name in numbered]
    return named_parameters(zip(arrays[::2], arrays[1::2], strict=True))


def read_foreign_operators(path: Path) -> list[str]:
    """Return operators that call back into Python, which a server does not have."""
    content = (path / GRAPH_NAME).read_bytes()
    return [name for name in PYTHON_OPERATORS if name.encode() in content]


FORMAT = Format(
    name="savedmodel",
    title="TensorFlow SavedModel",
    chapter=3,
    order=0,
    framework="keras",
    routes=(Route(framework="keras", export=export),),
    in_every_run=True,
    suffix="/1",  # TF Serving looks for numbered versions below the folder of a model
    runtime="TensorFlow / TF Serving",
    runs_on="servers",
    preload=("tensorflow",),
    forbidden=("keras", "torch"),
    # TensorFlow imports Keras 3 on its own unless it is told to use its predecessor, which is not installed.
    environment={"TF_USE_LEGACY_KERAS": "1"},
    load=SavedModelRunner,
    opener="savedmodel",
    distributions=("tensorflow",),
    port_names=("features", "probability"),
    parts=(GRAPH_NAME, "variables/variables.index", "variables/variables.data-00000-of-00001"),
    read_foreign_operators=read_foreign_operators,
    read_facts=read_facts,
    read_parameters=read_parameters,
    good_for="a server: TF Serving loads the folder and answers its named signature",
)
