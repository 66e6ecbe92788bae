"""What is on the page: a title, how the model is had, and the rows that it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from throughline.own_model.compatibility.patterns import N_CLASSES, pictures, scaled
from throughline.weights import Array

N_ROWS = 8
HERE = Path(__file__).resolve().parent
Rows = Callable[[np.random.Generator], dict[str, Array]]


@dataclass(frozen=True)
class Model:
    """A model to measure.

    Attributes
    ----------
    framework : {"Keras", "PyTorch"}
    name : str
        Of a function in `keras_architectures.py` or `torch_architectures.py`, or of an application of Keras'.
    rows : callable
    trained : bool
        Whether it is one of `keras.applications`, trained before it is measured.
    """

    framework: str
    name: str
    rows: Rows
    trained: bool = False

    @property
    def factory(self) -> str:
        """The model as ``throughline export`` takes it."""
        kind = self.framework.lower().removeprefix("py")
        return f"{HERE / kind}_architectures.py:{self.name}"


def _pictures(rng: np.random.Generator) -> dict[str, Array]:
    return {"rows": pictures(rng.permutation(N_CLASSES)[:N_ROWS], rng)}


def _scaled_pictures(rng: np.random.Generator) -> dict[str, Array]:
    return {"rows": scaled(_pictures(rng)["rows"])}


def _channels_first(rng: np.random.Generator) -> dict[str, Array]:
    return {"rows": np.ascontiguousarray(_scaled_pictures(rng)["rows"].transpose(0, 3, 1, 2))}


def _sequences(rng: np.random.Generator) -> dict[str, Array]:
    return {"rows": rng.normal(size=(N_ROWS, 15, 8)).cumsum(axis=1).astype(np.float32)}


def _sequences_channels_first(rng: np.random.Generator) -> dict[str, Array]:
    return {"rows": np.ascontiguousarray(_sequences(rng)["rows"].transpose(0, 2, 1))}


def _tokens(rng: np.random.Generator) -> dict[str, Array]:
    return {"rows": rng.integers(0, 100, (N_ROWS, 12))}


def _padded_tokens(rng: np.random.Generator) -> dict[str, Array]:
    lengths = rng.integers(4, 13, (N_ROWS, 1))
    return {"tokens": rng.integers(0, 100, (N_ROWS, 12)), "padding": np.arange(12) >= lengths}


def _sentence_pairs(rng: np.random.Generator) -> dict[str, Array]:
    return {"source": rng.integers(0, 100, (N_ROWS, 12)), "target": rng.integers(0, 100, (N_ROWS, 9))}


def _image_and_table(rng: np.random.Generator) -> dict[str, Array]:
    image = rng.normal(size=(N_ROWS, 1, 16, 16)).astype(np.float32)
    return {"image": image, "table": rng.normal(size=(N_ROWS, 6)).astype(np.float32)}


def _channels_last_and_table(rng: np.random.Generator) -> dict[str, Array]:
    rows = _image_and_table(rng)
    return rows | {"image": np.ascontiguousarray(rows["image"].transpose(0, 2, 3, 1))}


MODELS = {
    "MobileNetV2": Model("Keras", "MobileNetV2", _scaled_pictures, trained=True),
    "MobileNetV3Small": Model("Keras", "MobileNetV3Small", _pictures, trained=True),
    "EfficientNetB0": Model("Keras", "EfficientNetB0", _pictures, trained=True),
    "ResNet50": Model("Keras", "ResNet50", _scaled_pictures, trained=True),
    "ConvNeXtTiny": Model("Keras", "ConvNeXtTiny", _pictures, trained=True),
    "DenseNet121": Model("Keras", "DenseNet121", _scaled_pictures, trained=True),
    "NASNetMobile": Model("Keras", "NASNetMobile", _scaled_pictures, trained=True),
    "Keras LSTM": Model("Keras", "lstm", _sequences),
    "Keras GRU": Model("Keras", "gru", _sequences),
    "Keras two inputs and outputs": Model("Keras", "two_inputs", _channels_last_and_table),
    "CNN with BatchNorm": Model("PyTorch", "cnn_with_batch_norm", _channels_first),
    "LSTM": Model("PyTorch", "lstm", _sequences),
    "Bidirectional GRU": Model("PyTorch", "gru", _sequences),
    "Temporal convolution": Model("PyTorch", "temporal_convolution", _sequences_channels_first),
    "Transformer encoder": Model("PyTorch", "transformer_encoder", _tokens),
    "Encoder and decoder": Model("PyTorch", "translator", _sentence_pairs),
    "Attention with padding": Model("PyTorch", "masked_attention", _padded_tokens),
    "Two inputs and outputs": Model("PyTorch", "two_inputs", _image_and_table),
}
