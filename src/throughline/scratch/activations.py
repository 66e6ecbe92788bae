"""Activation functions, each beside its derivative.

A layer first forms a linear combination of its inputs, the pre-activation z, and then bends it: a = f(z). Without the
bend any stack of layers would collapse into a single linear map. Backpropagation asks each f for one more thing, its
slope da/dz. Both live in the table `ACTIVATIONS`, so a network names its activation and a test can walk all of them.
"""

import math
from collections.abc import Callable, Sequence
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


# --- gelu: f(z) = z Phi(z), f'(z) = Phi(z) + z phi(z), with Phi and phi the normal distribution and its density -------

# Coefficients of numerator and denominator, highest power first, of the approximations of Cody [1] for double
# precision: erf(x) / x in x^2 up to 0.46875, exp(x^2) erfc(x) in x up to 4, and beyond it in 1 / x^2.
_ERF_NEAR_0 = (
    (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2, 3.20937758913846947e3),
    (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3),
)
_ERFC_TO_4 = (
    (
        *(2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1),
        *(2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3),
        1.23033935479799725e3,
    ),
    (
        *(1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3),
        *(3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3),
    ),
)
_ERFC_FAR = (
    (
        *(1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1),
        *(1.60837851487422766e-2, 6.58749161529837803e-4),
    ),
    (
        *(1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1),
        *(6.05183413124413191e-2, 2.33520497626869185e-3),
    ),
)
_LARGEST_ERF_ARGUMENT = 6.0  # erfc(6) = 2e-17 is nothing beside 1, in double precision too


def erf(x: FloatArray) -> FloatArray:
    """Return the error function, 2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x, which NumPy does not have.

    Parameters
    ----------
    x : ndarray of float, any shape

    Returns
    -------
    ndarray
        Values between -1 and 1, in the shape and dtype of `x`; in float64 within 3e-16 of the true ones.

    References
    ----------
    .. [1] W. J. Cody, "Rational Chebyshev approximations for the error function", Mathematics of Computation 23, 1969.

    Examples
    --------
    >>> import numpy as np
    >>> erf(np.array([-np.inf, 0.0, 1.0])).round(4)
    array([-1.    ,  0.    ,  0.8427])
    """
    x = np.asarray(x)
    y = np.minimum(np.abs(x), x.dtype.type(_LARGEST_ERF_ARGUMENT))  # NaN stays NaN
    result = np.empty_like(x)
    near_0, far = y <= 0.46875, y > 4.0
    between = ~(near_0 | far)
    result[near_0] = y[near_0] * _ratio(_ERF_NEAR_0, np.square(y[near_0]))
    t = y[between]
    result[between] = 1.0 - np.exp(-np.square(t)) * _ratio(_ERFC_TO_4, t)
    t = y[far]
    u = 1.0 / np.square(t)
    result[far] = 1.0 - np.exp(-np.square(t)) / t * (1.0 / math.sqrt(math.pi) - u * _ratio(_ERFC_FAR, u))
    return np.copysign(result, x)


def _ratio(coefficients: tuple[Sequence[float], Sequence[float]], x: FloatArray) -> FloatArray:
    """Evaluate a polynomial over another by Horner's rule."""
    values = []
    for first, *rest in coefficients:
        value = np.full_like(x, first)
        for coefficient in rest:
            value *= x
            value += coefficient
        values.append(value)
    return values[0] / values[1]


def _gelu(z: FloatArray) -> FloatArray:
    # The exact form; the one with tanh in the place of erf differs by up to 5e-4.
    a: FloatArray = 0.5 * z * (1.0 + erf(z * math.sqrt(0.5)))
    return a


def _gelu_derivative(z: FloatArray, a: FloatArray) -> FloatArray:
    density = np.exp(-0.5 * np.square(z)) * (1.0 / math.sqrt(2.0 * math.pi))
    # Phi(z) = a / z saves a second erf; beside 0, where a may underflow, it is 1/2.
    distribution = np.divide(a, z, out=np.full_like(z, 0.5), where=np.abs(z) > 1e-20)
    slope: FloatArray = distribution + z * density
    return slope


ACTIVATIONS: dict[str, Activation] = {
    "linear": Activation("linear", _linear, _linear_derivative),
    "sigmoid": Activation("sigmoid", sigmoid, _sigmoid_derivative),
    "tanh": Activation("tanh", _tanh, _tanh_derivative),
    "relu": Activation("relu", _relu, _relu_derivative),
    "gelu": Activation("gelu", _gelu, _gelu_derivative),
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


# --- exp: f(z) = e^z, for output layers only: a positive value from any logit ----------------------------------------


def _exp(z: FloatArray) -> FloatArray:
    a: FloatArray = np.exp(z)
    return a


# What turns the logits of the last layer into the network's answer; the loss decides which (see `losses`).
OUTPUT_ACTIVATIONS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "exp": _exp,
    "linear": _linear,
    "sigmoid": sigmoid,
    "softmax": softmax,
}
