"""From a Keras model on TensorFlow: its own file, and the SavedModel from which TFLite is made."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from throughline.formats.base import Facts
from throughline.formats.savedmodel import SIGNATURE
from throughline.own_model.export_inputs import ExportInputs
from throughline.own_model.keras_model import KerasModel


def export_keras(inputs: ExportInputs, path: Path) -> Facts:
    """Save as Keras does."""
    import keras

    _of_keras(inputs).model.save(path)
    return {"exporter": "keras.Model.save", "keras": keras.__version__}


def export_savedmodel(inputs: ExportInputs, path: Path) -> Facts:
    """Write the folder with one signature whose inputs and outputs are named as in the model."""
    import keras
    import tensorflow as tf

    opened = _of_keras(inputs)
    batch = inputs.fixed_batch
    signature = {
        name: tf.TensorSpec((batch, *array.shape[1:]), array.dtype, name=name)
        for name, array in zip(opened.inputs, inputs.arrays, strict=True)
    }

    def serve(tensors: dict[str, Any]) -> dict[str, Any]:
        answers = opened.call([tensors[name] for name in opened.inputs])
        # An output may be an input handed through, which a signature refuses.
        return {name: tf.identity(value) for name, value in zip(opened.outputs, answers, strict=True)}

    archive = keras.export.ExportArchive()
    archive.track(opened.model)
    archive.add_endpoint(SIGNATURE, serve, input_signature=[signature])
    archive.write_out(str(path), verbose=False)
    return {"exporter": "keras.export.ExportArchive", "keras": keras.__version__, "tensorflow": tf.__version__}


def _of_keras(inputs: ExportInputs) -> KerasModel:
    assert isinstance(inputs.opened, KerasModel)  # what the process "keras" opens
    return inputs.opened
