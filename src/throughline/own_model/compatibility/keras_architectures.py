"""Models of `keras.applications` with random numbers in every weight, at their smallest input.

Fresh weights would make the test too easy: statistics of batch normalisation are 0 and 1, which an exporter may lose
without anyone seeing it. They are drawn here, and kernels as they come.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

N_CLASSES = 10


def _randomised(model: Any) -> Any:
    """Draw statistics, scales and offsets anew, near enough to 1 and 0 that nothing overflows on the way."""
    rng = np.random.default_rng(0)
    for variable in model.weights:
        name, shape = variable.path.rsplit("/", 1)[-1], variable.shape
        if name in ("moving_variance", "gamma"):
            variable.assign(rng.uniform(0.5, 1.5, shape))
        elif name in ("moving_mean", "beta", "bias"):
            variable.assign(rng.normal(0, 0.1, shape))
    return model


def mobilenet_v2() -> Any:
    """Return MobileNetV2, width 1."""
    return _randomised(keras.applications.MobileNetV2(weights=None, input_shape=(32, 32, 3), classes=N_CLASSES))


def mobilenet_v3_small() -> Any:
    """Return MobileNetV3Small with its own rescaling."""
    return _randomised(keras.applications.MobileNetV3Small(weights=None, input_shape=(32, 32, 3), classes=N_CLASSES))


def efficientnet_b0() -> Any:
    """Return EfficientNetB0 with its own scaling."""
    return _randomised(keras.applications.EfficientNetB0(weights=None, input_shape=(32, 32, 3), classes=N_CLASSES))


def resnet50() -> Any:
    """Return ResNet50."""
    return _randomised(keras.applications.ResNet50(weights=None, input_shape=(32, 32, 3), classes=N_CLASSES))


def densenet121() -> Any:
    """Return DenseNet121."""
    return _randomised(keras.applications.DenseNet121(weights=None, input_shape=(32, 32, 3), classes=N_CLASSES))


def nasnet_mobile() -> Any:
    """Return NASNetMobile."""
    return _randomised(keras.applications.NASNetMobile(weights=None, input_shape=(32, 32, 3), classes=N_CLASSES))


def convnext_tiny() -> Any:
    """Return ConvNeXtTiny with its own scaling."""
    return _randomised(keras.applications.ConvNeXtTiny(weights=None, input_shape=(32, 32, 3), classes=N_CLASSES))
