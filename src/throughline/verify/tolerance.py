r"""How far two honest computations of the same network may lie apart: derived, not chosen (rule 5).

Every stored number and every operation is off by a small relative error, at most the unit roundoff ``u``
(2**-24 in float32, 2**-11 for weights stored in float16). Three steps lead from there to a tolerance:

1. **Local errors.** A sum of ``n`` rounded products is off by about ``sqrt(n) u (|a| |W| + |b|)``: rounding
   errors are as good as independent, so they grow with the root of their number [1]_, in whatever
   order a runtime adds. A kernel stored in float16 is off by up to ``2**-11 |W|`` in every entry. A runtime that
   multiplies in bfloat16 rounds kernel, input and sum of every layer by up to ``2**-8`` of themselves. An int8 file
   rounds to a grid whose steps ``s`` are read back from it: each error lies anywhere within ``s / 2``, so its
   variance is ``s**2 / 12`` [2]_. What lies outside the grid's range is clipped, and how far is known.
2. **Sensitivity.** How much a local error moves the logit is the derivative of the logit with respect to
   that pre-activation: backpropagation, once more, started with a 1 at the output instead of a loss.
3. **Sum.** Independent contributions add as squares; the root of the sum, `SAFETY` times, bounds the
   logit. What was clipped is added as it is. The sigmoid of the logit plus and minus that bounds the probability.

The worst case over all signs of all errors would also be a bound, but three orders of magnitude above
what happens: so wide that swapped columns could hide in it.

References
----------
.. [1] N. J. Higham, T. Mary, "A New Approach to Probabilistic Rounding Error Analysis", SIAM J. Sci.
   Comput. 41(5), 2019, theorem 2.4.
.. [2] B. Widrow, I. Kollár, "Quantization Noise", Cambridge University Press, 2008, chapter 5. A uniform error is
   sub-Gaussian with its variance as proxy, so that `SAFETY` means the same probability here as in [1]_.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from throughline.data.features import features_of
from throughline.scratch import ACTIVATIONS, sigmoid
from throughline.spec import NetworkSpec
from throughline.weights import Array, Weights

if TYPE_CHECKING:
    from throughline.formats.base import LayerSteps, Quantization

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
BFLOAT16_ROUNDOFF = 2.0**-8
UNIFORM_VARIANCE = 1 / 12  # of an error that lies anywhere within half a step, in squared steps
EXPLAINED_BY_INT8 = "explained (int8)"
EXPLAINED_BY_BFLOAT16 = "explained (bfloat16 compute)"
INT8_LEVELS = 127  # of each sign, where a row sets its own step


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
    explanation : str
        The verdict on a difference that is more than rounding and still within bounds.
    """

    per_row: Array
    rounding_only: Array
    reason: str
    explanation: str

    @property
    def coarse_compute(self) -> bool:
        """Whether sums are rounded to something coarser than float32, and not the weights alone."""
        return self.explanation in (EXPLAINED_BY_INT8, EXPLAINED_BY_BFLOAT16)


@dataclass
class _LogitErrors:
    """What reaches the logit of each row, shape (n_samples,)."""

    logits: Array
    rounding: Array  # summed squares of what float32 arithmetic does on one side
    coarse: Array  # summed squares of what shorter types do to the artefact


def derive_tolerance(
    spec: NetworkSpec,
    weights: Weights,
    X: Array,
    stored_as: Literal["float32", "float16", "int8"],
    computed_in: Literal["float32", "bfloat16", "int8"] = "float32",
    quantization: Quantization | None = None,
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
    stored_as : {"float32", "float16", "int8"}
        Type in which the artefact stores kernels and biases; the scaling stays in float32.
    computed_in : {"float32", "bfloat16", "int8"}
        Coarsest type in which its runtime multiplies.
    quantization : Quantization, optional
        The steps of an int8 artefact, read back from it.

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
    coarse = _coarse_errors(stored_as, computed_in, quantization)
    errors = _logit_errors(spec, weights.astype("float64"), X, u, None)
    both_sides = 2 * errors.rounding  # source network and artefact round independently
    last = 2 * ACTIVATION_ROUNDINGS["sigmoid"] * u  # of the output, on both sides
    rounding_only = _largest_move(errors.logits, SAFETY * np.sqrt(both_sides)) + last
    reason = (
        f"{SAFETY:g} times the root of the summed squares of all rounding errors (unit roundoff {u:.1e}, "
        f"{len(weights.kernels)} layers, fan-in up to {max(spec.layer_sizes[:-1])}), each times its sensitivity"
    )
    if coarse is None:
        return Tolerance(rounding_only, rounding_only, reason, "unexplained")
    # The same pass once more, clipped as the artefact clips: how far that alone moves the logit is known exactly.
    of_artefact = _logit_errors(spec, weights.astype("float64"), X, u, coarse)
    clipped = np.abs(of_artefact.logits - errors.logits)
    distance = SAFETY * np.sqrt(both_sides + of_artefact.coarse) + clipped
    per_row = _largest_move(errors.logits, distance) + last + coarse.output
    return Tolerance(per_row, rounding_only, f"{reason}; {coarse.reason} included", coarse.explanation)


@dataclass(frozen=True)
class _Coarse(ABC):
    """How a type shorter than float32 errs: one class a type, the same four questions.

    Attributes
    ----------
    reason, explanation : str
    output : float
        Error of the probability itself.
    crosses_kinks : bool
        Whether errors are large enough to move a sum across the kink of a ReLU in earnest.
    """

    reason: str
    explanation: str
    output: float = 0.0
    crosses_kinks: bool = True

    @abstractmethod
    def at_sums(self, layer: int, W: Array, b: Array, a: Array, z: Array) -> Array:
        """Return the squared error of each sum of a layer, shape (n_samples, fan_out): kernel, bias, sum itself."""

    def at_inputs(self, layer: int, a: Array) -> Array:
        """Return the squared error of each input of a layer, shape (n_samples, fan_in)."""
        return np.zeros_like(a)

    def clip_inputs(self, layer: int, a: Array) -> Array:
        """Return the inputs of a layer, cut off where they cannot be stored."""
        return a

    def clip_sums(self, layer: int, z: Array) -> Array:
        """Return the sums of a layer, cut off where they cannot be stored."""
        return z


class _Float16Weights(_Coarse):
    """Kernels and biases stored in float16, unpacked and multiplied in float32."""

    def at_sums(self, layer: int, W: Array, b: Array, a: Array, z: Array) -> Array:
        return np.square(a) @ np.square(_float16_error(W)) + np.square(_float16_error(b))


class _Bfloat16Compute(_Coarse):
    """Inputs, kernels, biases and sums rounded to bfloat16; products added in float32."""

    def at_sums(self, layer: int, W: Array, b: Array, a: Array, z: Array) -> Array:
        rounded: Array = np.square(a) @ np.square(W) + np.square(b) + np.square(z)
        rounded *= BFLOAT16_ROUNDOFF**2
        return rounded

    def at_inputs(self, layer: int, a: Array) -> Array:
        errors: Array = np.square(BFLOAT16_ROUNDOFF * a)
        return errors


@dataclass(frozen=True)
class _Int8(_Coarse):
    """Kernels and inputs on grids, and sums where the file stores them; products added exactly in 32 bits."""

    layers: tuple[LayerSteps, ...] = ()

    def at_sums(self, layer: int, W: Array, b: Array, a: Array, z: Array) -> Array:
        steps = self.layers[layer]
        kernel = np.asarray(steps.kernel)  # (fan_out,), or one for all
        variance: Array = np.sum(np.square(a), axis=1, keepdims=True) * np.square(kernel) + steps.pre_activation**2
        bias = kernel * (steps.input or 0.0)  # biases are stored in steps of the product
        variance = UNIFORM_VARIANCE * (variance + np.square(bias))
        return variance

    def at_inputs(self, layer: int, a: Array) -> Array:
        step = self.layers[layer].input
        own = np.abs(a).max(axis=1, keepdims=True) / INT8_LEVELS if step is None else np.full((len(a), 1), step)
        variance: Array = UNIFORM_VARIANCE * np.square(own) * np.ones_like(a)
        return variance

    def clip_inputs(self, layer: int, a: Array) -> Array:
        limits = self.layers[layer].input_range
        return a if limits is None else np.clip(a, *limits)

    def clip_sums(self, layer: int, z: Array) -> Array:
        limits = self.layers[layer].pre_activation_range
        return z if limits is None else np.clip(z, *limits)


def _coarse_errors(stored_as: str, computed_in: str, quantization: Quantization | None) -> _Coarse | None:
    if computed_in == "bfloat16":
        reason = f"inputs, weights and sums rounded to bfloat16 ({BFLOAT16_ROUNDOFF:.1e})"
        return _Bfloat16Compute(reason, EXPLAINED_BY_BFLOAT16, BFLOAT16_ROUNDOFF)
    if stored_as == "float16":
        reason = f"weights rounded to float16 ({FLOAT16_ROUNDOFF:.1e})"
        return _Float16Weights(reason, "explained (float16 weights)", crosses_kinks=False)
    if stored_as == "int8":
        if quantization is None:
            raise ValueError("the tolerance of an int8 file needs its steps")
        reason = f"int8 grids read from the file ({_steps_in_words(quantization)}), variance of a step {1 / 12:.3f},"
        # A table of the sigmoid may be off by the next step.
        return _Int8(reason, EXPLAINED_BY_INT8, quantization.output, layers=tuple(quantization.layers))
    return None


def _logit_errors(spec: NetworkSpec, weights: Weights, X: Array, u: float, coarse: _Coarse | None) -> _LogitErrors:
    activation = ACTIVATIONS[spec.hidden_activation]
    activation_error = ACTIVATION_ROUNDINGS[spec.hidden_activation] * u
    a = [features_of(spec, weights, X)]  # (n_samples, fan_in) of each layer; float64 stands for exact
    z = []
    for layer, (W, b) in enumerate(zip(weights.kernels, weights.biases, strict=True)):
        if coarse is not None:
            a[-1] = coarse.clip_inputs(layer, a[-1])
        z.append(a[-1] @ W + b)
        if coarse is not None:
            z[-1] = coarse.clip_sums(layer, z[-1])
        a.append(activation.forward(z[-1]))
    found = _LogitErrors(z[-1][:, 0], np.zeros(len(X)), np.zeros(len(X)))
    dz = np.ones((len(X), 1))  # d logit / d pre-activation, shape (n_samples, fan_out), from the last layer back
    for layer in reversed(range(len(z))):
        W, b = weights.kernels[layer], weights.biases[layer]
        magnitude = np.abs(a[layer]) @ np.abs(W) + np.abs(b)
        found.rounding += np.sum(np.square(dz * np.sqrt(len(W) + 1) * u * magnitude), axis=1)
        da = dz @ W.T  # (n_samples, fan_in)
        if coarse is not None:
            found.coarse += np.sum(np.square(dz) * coarse.at_sums(layer, W, b, a[layer], z[layer]), axis=1)
            found.coarse += np.sum(np.square(da) * coarse.at_inputs(layer, a[layer]), axis=1)
        if layer == 0:
            break
        found.rounding += np.sum(np.square(da * activation_error * np.maximum(1.0, np.abs(a[layer]))), axis=1)
        slope = activation.derivative(z[layer - 1], a[layer])
        if coarse is not None and coarse.crosses_kinks:
            # Errors of this size reach across the kink of a ReLU: the steepest slope within their reach counts.
            W, b = weights.kernels[layer - 1], weights.biases[layer - 1]
            local = coarse.at_sums(layer - 1, W, b, a[layer - 1], z[layer - 1])
            local += coarse.at_inputs(layer - 1, a[layer - 1]) @ np.square(W)
            reach = SAFETY / 2 * np.sqrt(local)
            for near in (z[layer - 1] - reach, z[layer - 1] + reach):
                slope = np.maximum(slope, activation.derivative(near, activation.forward(near)))
        dz = da * slope
    found.rounding += np.sum(np.square(da * SCALING_ROUNDINGS * u * a[0]), axis=1)
    return found


def _steps_in_words(quantization: Quantization) -> str:
    kernels = [step for layer in quantization.layers for step in layer.kernel]
    inputs = [layer.input for layer in quantization.layers]
    words = [f"kernels in steps up to {max(kernels):.1e}"]
    if any(inputs):
        words.append(f"inputs up to {max(step or 0.0 for step in inputs):.1e}")
    if None in inputs:
        words.append("inputs by each row's own range")
    if quantization.output:
        words.append(f"the probability {quantization.output:.1e}")
    return ", ".join(words)


def _largest_move(logits: Array, distance: Array) -> Array:
    """Return how far the probability moves at most when the logit moves by up to `distance`."""
    here = sigmoid(logits)
    return np.maximum(sigmoid(logits + distance) - here, here - sigmoid(logits - distance))


def _float16_error(values: Array) -> Array:
    return np.maximum(FLOAT16_ROUNDOFF * np.abs(values), FLOAT16_SUBNORMAL_SPACING)
