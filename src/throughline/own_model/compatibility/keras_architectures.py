"""Models of `keras.applications` with random numbers in every weight, at their smallest input.

Fresh weights would make the test empty: with statistics of batch normalisation at 0 and 1 the signal dies on its way
through a hundred layers, and every image gets the same answer. Scales and offsets are therefore drawn, and the
statistics are those of a batch of images.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

N_CLASSES = 10
N_IMAGES = 32


def _settled(model: Any, *, raw: bool) -> Any:
    """Draw scales and offsets anew, and let batch normalisation see images: of 0 to 255 if raw, else of -1 to 1."""
    if keras.backend.backend() != "tensorflow":
        return model  # its weights are read from where TensorFlow's process left them
    rng = np.random.default_rng(0)
    for variable in model.weights:
        name = variable.path.rsplit("/", 1)[-1]
        if name == "gamma":
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif name in ("beta", "bias"):
            variable.assign(rng.normal(0, 0.1, variable.shape))
    coarse = rng.uniform(0, 255, (N_IMAGES, 4, 4, 3)).repeat(8, axis=1).repeat(8, axis=2)
    images = (coarse * rng.uniform(0.3, 1, (N_IMAGES, 1, 1, 1)) + rng.normal(0, 8, coarse.shape)).astype(np.float32)
    normalising = [layer for layer in model._flatten_layers() if isinstance(layer, keras.layers.BatchNormalization)]
    momenta = [layer.momentum for layer in normalising]
    for layer in normalising:
        layer.momentum = 0.0  # the statistics become those of the batch
    model(images if raw else images / np.float32(127.5) - np.float32(1), training=True)
    for layer, momentum in zip(normalising, momenta, strict=True):
        layer.momentum = momentum
    return model


def mobilenet_v2() -> Any:
    """Return MobileNetV2, width 1."""
    model = keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), classes=N_CLASSES)
    return _settled(model, raw=False)


def mobilenet_v3_small() -> Any:
    """Return MobileNetV3Small with its own rescaling."""
    model = keras.applications.MobileNetV3Small(weights=None, input_shape=(32, 32, 3), classes=N_CLASSES)
    return _settled(model, raw=True)


def efficientnet_b0() -> Any:
    """Return EfficientNetB0 with its own scaling."""
    model = keras.applications.EfficientNetB0(weights=None, input_shape=(32, 32, 3), classes=N_CLASSES)
    return _settled(model, raw=True)


def resnet50() -> Any:
    """Return ResNet50."""
    model = keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), classes=N_CLASSES)
    return _settled(model, raw=False)


def densenet121() -> Any:
    """Return DenseNet121."""
    model = keras.applications.DenseNet121(weights=None, input_shape=(32, 32, 3), classes=N_CLASSES)
    return _settled(model, raw=False)


def nasnet_mobile() -> Any:
    """Return NASNetMobile."""
    model = keras.applications.NASNetMobile(weights=None, input_shape=(32, 32, 3), classes=N_CLASSES)
    return _settled(model, raw=False)


def convnext_tiny() -> Any:
    """Return ConvNeXtTiny with its own scaling."""
    model = keras.applications.ConvNeXtTiny(weights=None, input_shape=(32, 32, 3), classes=N_CLASSES)
    return _settled(model, raw=True)
