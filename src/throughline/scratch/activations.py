"""Activation functions, each beside its derivative.

A layer first forms a linear combination of its inputs, the pre-activation z, and then bends it: a = f(z). Without the
bend any stack of layers would collapse into a single linear map. Backpropagation asks each f for one more thing, its
slope da/dz. Both live in the table `ACTIVATIONS`, so a network names its activation and a test can walk all of them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Activation:
    """An elementwise activation function and its derivative.

    Parameters
    ----------
    name : str
        The key of the activation in `ACTIVATIONS`.
    forward : callable
        ``forward(z)`` gives the output a = f(z), in the shape and dtype of z.
    derivative : callable
        ``derivative(z, a)`` gives da/dz elementwise. It receives the output as well, because the slopes of sigmoid
        and tanh are cheapest when written in terms of a, which the forward pass has already computed.

    Examples
    --------
    >>> import numpy as np
    >>> tanh = ACTIVATIONS["tanh"]
    >>> z = np.array([0.0, 1.0])
    >>> tanh.derivative(z, tanh.forward(z)).round(4)
    array([1.  , 0.42])
    """

    name: str
    forward: Callable[[FloatArray], FloatArray]
    derivative: Callable[[FloatArray, FloatArray], FloatArray]


# --- linear: f(z) = z, f'(z) = 1 -------------------------------------------------------------------------------------


def _linear(z: FloatArray) -> FloatArray:
    return z


def _linear_derivative(z: FloatArray, a: FloatArray) -> FloatArray:
    return np.ones_like(z)


# --- sigmoid: f(z) = 1 / (1 + e^-z), f'(z) = f(z) (1 - f(z)) ---------------------------------------------------------


def sigmoid(z: FloatArray) -> FloatArray:
    """Squash every element into the interval from 0 to 1: 1 / (1 + exp(-z)).

    Parameters
    ----------
    z : ndarray of float, any shape
        Pre-activations. Any finite magnitude is safe.

    Returns
    -------
    ndarray
        The sigmoid of each element, in the shape and dtype of `z`.

    Examples
    --------
    >>> import numpy as np
    >>> sigmoid(np.array([-1e4, 0.0, 1e4]))
    array([0. , 0.5, 1. ])
    """
    # exp(-z) overflows for a very negative z. Multiplying numerator and denominator by exp(z) there gives
    # exp(z) / (1 + exp(z)), so one exponential of -|z|, never above 1, serves both halves.
    e = np.exp(-np.abs(z))
    a: FloatArray = np.where(z >= 0, 1.0, e) / (1.0 + e)
    return a


def _sigmoid_derivative(z: FloatArray, a: FloatArray) -> FloatArray:
    # d/dz (1 + e^-z)^-1 = e^-z / (1 + e^-z)^2 = a (1 - a)
    return a * (1.0 - a)


# --- tanh: f(z) = tanh(z), f'(z) = 1 - f(z)^2 ------------------------------------------------------------------------


def _tanh(z: FloatArray) -> FloatArray:
    a: FloatArray = np.tanh(z)
    return a


def _tanh_derivative(z: FloatArray, a: FloatArray) -> FloatArray:
    return 1.0 - a * a


# --- relu: f(z) = max(z, 0), f'(z) = 1 where z > 0, else 0 -----------------------------------------------------------


def _relu(z: FloatArray) -> FloatArray:
    a: FloatArray = np.maximum(z, 0.0)
    return a


def _relu_derivative(z: FloatArray, a: FloatArray) -> FloatArray:
    # At z = 0 there is a kink and any slope in [0, 1] would do; PyTorch and Keras take 0, and so do we.
    return (z > 0).astype(z.dtype)


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation("linear", _linear, _linear_derivative),
    "sigmoid": Activation("sigmoid", sigmoid, _sigmoid_derivative),
    "tanh": Activation("tanh", _tanh, _tanh_derivative),
    "relu": Activation("relu", _relu, _relu_derivative),
}


# --- softmax: p_j = e^(z_j) / sum_k e^(z_k), for output layers only --------------------------------------------------


def softmax(z: FloatArray) -> FloatArray:
    """Turn each row of logits into probabilities that add up to 1.

    Softmax mixes the elements of a row, so its derivative is a matrix per row and it has no place in `ACTIVATIONS`.
    It is only used on the output, where its gradient is fused with the loss (see `losses`).

    Parameters
    ----------
    z : ndarray of float, shape (n_samples, n_classes)
        Logits. Any finite magnitude is safe.

    Returns
    -------
    ndarray of shape (n_samples, n_classes)
        Probabilities, in the dtype of `z`.

    Examples
    --------
    >>> import numpy as np
    >>> softmax(np.array([[1e4, 1e4], [0.0, np.log(3.0)]]))
    array([[0.5 , 0.5 ],
           [0.25, 0.75]])
    """
    # Subtracting a row's maximum changes no ratio between its exponentials, and leaves none above 1.
    e = np.exp(z - z.max(axis=-1, keepdims=True))  # (n_samples, n_classes)
    p: FloatArray = e / e.sum(axis=-1, keepdims=True)  # (n_samples, n_classes) / (n_samples, 1)
    return p


# What turns the logits of the last layer into the network's answer; the loss decides which (see `losses`).
OUTPUT_ACTIVATIONS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "linear": _linear,
    "sigmoid": sigmoid,
    "softmax": softmax,
}
