"""Models of `keras.applications` at their smallest input, trained for a moment, and three small ones of Keras' layers.

A deep network with the numbers it was drawn with amplifies every rounding on its way through a hundred layers, until
answers differ more from rounding than from picture to picture; nobody deploys such a network. Fifty steps on patterns
of ten kinds are enough to make it one that tells pictures apart.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from keras import layers

from throughline.own_model.compatibility.patterns import N_CLASSES, pictures, scaled
from throughline.processes import Emit

N_PICTURES = 320
BATCH_SIZE = 32
N_EPOCHS = 5
# Name -> whether it scales pictures itself.
APPLICATIONS = {
    "MobileNetV2": False,
    "MobileNetV3Small": True,
    "EfficientNetB0": True,
    "ResNet50": False,
    "DenseNet121": False,
    "NASNetMobile": False,
    "ConvNeXtTiny": True,
}


def save_application(name: str, path: str, emit: Emit) -> float:
    """Train one of `APPLICATIONS` in this process and save it; return its accuracy on what it was trained on."""
    emit({"stage": "train"})
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    labels = np.arange(N_PICTURES) % N_CLASSES
    images = pictures(labels, rng)
    images = images if APPLICATIONS[name] else scaled(images)
    model = getattr(keras.applications, name)(weights=None, input_shape=(32, 32, 3), classes=N_CLASSES)
    model.compile(keras.optimizers.Adam(1e-3), "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(images, labels, batch_size=BATCH_SIZE, epochs=N_EPOCHS, verbose=0)
    _settle(model, images)
    accuracy = model.evaluate(images, labels, verbose=0, return_dict=True)["accuracy"]
    model.save(path)
    return float(accuracy)


def _settle(model: Any, images: Any) -> None:
    """Let batch normalisation take its statistics from the pictures; its moving average is slower than fifty steps."""
    normalising = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in normalising]
    for layer in normalising:
        layer.momentum = 0.0
    model(images, training=True)
    for layer, momentum in zip(normalising, momenta, strict=True):
        layer.momentum = momentum


def lstm() -> Any:
    """Return two LSTM layers and a dense one."""
    sequence = keras.Input((15, 8), name="sequence")
    steps = layers.LSTM(24, return_sequences=True)(sequence)
    return keras.Model(sequence, layers.Dense(5, name="logits")(layers.LSTM(24)(steps)))


def gru() -> Any:
    """Return a GRU that reads in both directions, and a dense layer."""
    sequence = keras.Input((15, 8), name="sequence")
    return keras.Model(sequence, layers.Dense(5, name="logits")(layers.Bidirectional(layers.GRU(16))(sequence)))


def two_inputs() -> Any:
    """Return a model of an image and a row of a table, with a class and a value as its answers."""
    image, table = keras.Input((16, 16, 1), name="image"), keras.Input((6,), name="table")
    seen = layers.Flatten()(layers.Conv2D(8, 3, strides=2, activation="relu")(image))
    joined = layers.Concatenate()([layers.Dense(16)(seen), layers.Dense(16, activation="tanh")(table)])
    classes = layers.Dense(3, activation="softmax", name="classes")(joined)
    return keras.Model([image, table], [classes, layers.Dense(1, name="value")(joined)])
