r"""How far two honest computations of the same network may lie apart: derived, not chosen (rule 5).

Every stored number and every operation is off by a small relative error, at most the unit roundoff ``u``
(2**-24 in float32, 2**-11 for weights stored in float16). Three steps lead from there to a tolerance:

1. **Local errors.** A sum of ``n`` rounded products is off by about ``sqrt(n) u (|a| |W| + |b|)``: rounding
   errors are as good as independent, so they grow with the root of their number [1]_, in whatever
   order a runtime adds. A kernel stored in float16 is off by up to ``2**-11 |W|`` in every entry.
2. **Sensitivity.** How much a local error moves the logit is the derivative of the logit with respect to
   that pre-activation: backpropagation, once more, started with a 1 at the output instead of a loss.
3. **Sum.** Independent contributions add as squares; the root of the sum, `SAFETY` times, bounds the
   logit. The sigmoid of the logit plus and minus that bounds the probability.

The worst case over all signs of all errors would also be a bound, but three orders of magnitude above
what happens: so wide that swapped columns could hide in it.

References
----------
.. [1] N. J. Higham, T. Mary, "A New Approach to Probabilistic Rounding Error Analysis", SIAM J. Sci.
   Comput. 41(5), 2019, theorem 2.4.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from throughline.data.scaling import scale
from throughline.scratch import ACTIVATIONS, sigmoid
from throughline.spec import NetworkSpec
from throughline.weights import Array, Weights

# In theorem 2.4 a bound with factor 6 fails with probability 2 exp(-18) < 4e-8 for each inner product.
SAFETY = 6.0
# Roundings of an activation, absolute where its values stay below 1: exp, tanh and erf of a vector library err by a
# few units in the last place, add and divide by more, and a runtime may compute sigmoid as (1 + tanh(z / 2)) / 2,
# which is accurate beside 1 and not beside a small probability (ONNX Runtime does).
ACTIVATION_ROUNDINGS = {"relu": 0.0, "linear": 0.0, "tanh": 8.0, "sigmoid": 8.0, "gelu": 8.0}
# (x - mean) / std rounds twice; Keras takes a square root of a rounded variance, and a converter may
# multiply by a rounded reciprocal.
SCALING_ROUNDINGS = 4.0
FLOAT16_ROUNDOFF = 2.0**-11
FLOAT16_SUBNORMAL_SPACING = 2.0**-25  # half the distance between two subnormal float16 numbers


@dataclass(frozen=True)
class Tolerance:
    """How far an artefact may lie from its source network.

    Attributes
    ----------
    per_row : ndarray of shape (n_samples,)
        Bound on the difference of the probability, for each row.
    rounding_only : ndarray of shape (n_samples,)
        The part of it that the arithmetic alone explains.
    reason : str
        The formula in words, with its inputs.
    """

    per_row: Array
    rounding_only: Array
    reason: str


def derive_tolerance(
    spec: NetworkSpec, weights: Weights, X: Array, stored_as: Literal["float32", "float16"]
) -> Tolerance:
    """Bound the difference between an artefact and its source network on these rows.

    Parameters
    ----------
    spec : NetworkSpec
        Architecture; the arithmetic of both sides is in its dtype.
    weights : Weights
        The weights of the source network.
    X : ndarray of shape (n_samples, n_features)
        Raw rows.
    stored_as : {"float32", "float16"}
        Type in which the artefact stores kernels and biases; the scaling stays in float32.

    Returns
    -------
    Tolerance

    Examples
    --------
    >>> import numpy as np
    >>> from throughline.weights import initial_weights
    >>> spec = NetworkSpec(n_inputs=3, hidden_units=(4,))
    >>> weights = initial_weights(spec, np.zeros(3), np.ones(3))
    >>> tolerance = derive_tolerance(spec, weights, np.ones((1, 3), np.float32), "float32")
    >>> bool(1e-7 < tolerance.per_row[0] < 1e-5)
    True
    """
    u = float(np.finfo(spec.dtype).eps) / 2
    logits, rounding, storage = _logit_variances(spec, weights.astype("float64"), X, u)
    both_sides = 2 * rounding  # source network and artefact round independently
    last = 2 * ACTIVATION_ROUNDINGS["sigmoid"] * u  # of the output, on both sides
    rounding_only = _largest_move(logits, SAFETY * np.sqrt(both_sides)) + last
    reason = (
        f"{SAFETY:g} times the root of the summed squares of all rounding errors (unit roundoff {u:.1e}, "
        f"{len(weights.kernels)} layers, fan-in up to {max(spec.layer_sizes[:-1])}), each times its sensitivity"
    )
    if stored_as == "float32":
        return Tolerance(rounding_only, rounding_only, reason)
    per_row = _largest_move(logits, SAFETY * np.sqrt(both_sides + storage)) + last
    return Tolerance(per_row, rounding_only, f"{reason}; weights rounded to float16 ({FLOAT16_ROUNDOFF:.1e}) included")


def _logit_variances(spec: NetworkSpec, weights: Weights, X: Array, u: float) -> tuple[Array, Array, Array]:
    """Return the logits and the summed squares of their errors: from arithmetic, and from float16 storage."""
    activation = ACTIVATIONS[spec.hidden_activation]
    activation_error = ACTIVATION_ROUNDINGS[spec.hidden_activation] * u
    a = [scale(X, weights.mean, weights.std)]  # (n_samples, fan_in) of each layer; float64 stands for exact
    z = []
    for W, b in zip(weights.kernels, weights.biases, strict=True):
        z.append(a[-1] @ W + b)
        a.append(activation.forward(z[-1]))
    rounding, storage = np.zeros(len(X)), np.zeros(len(X))
    dz = np.ones((len(X), 1))  # d logit / d pre-activation, shape (n_samples, fan_out), from the last layer back
    for layer in reversed(range(len(z))):
        W, b = weights.kernels[layer], weights.biases[layer]
        magnitude = np.abs(a[layer]) @ np.abs(W) + np.abs(b)
        rounding += np.sum(np.square(dz * np.sqrt(len(W) + 1) * u * magnitude), axis=1)
        stored = np.square(a[layer]) @ np.square(_float16_error(W)) + np.square(_float16_error(b))
        storage += np.sum(np.square(dz) * stored, axis=1)
        da = dz @ W.T  # (n_samples, fan_in)
        if layer == 0:
            break
        rounding += np.sum(np.square(da * activation_error * np.maximum(1.0, np.abs(a[layer]))), axis=1)
        dz = da * activation.derivative(z[layer - 1], a[layer])
    rounding += np.sum(np.square(da * SCALING_ROUNDINGS * u * a[0]), axis=1)
    return z[-1][:, 0], rounding, storage


def _largest_move(logits: Array, distance: Array) -> Array:
    """Return how far the probability moves at most when the logit moves by up to `distance`."""
    here = sigmoid(logits)
    return np.maximum(sigmoid(logits + distance) - here, here - sigmoid(logits - distance))


def _float16_error(values: Array) -> Array:
    return np.maximum(FLOAT16_ROUNDOFF * np.abs(values), FLOAT16_SUBNORMAL_SPACING)
