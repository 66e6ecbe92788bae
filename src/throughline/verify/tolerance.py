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

A network with several outputs is judged output by output. Under softmax the logit of class k is its log odds,
``m = z[k] - log(sum of exp(z[j]) over the others)``, whose sigmoid is the probability of k; backpropagation starts with
``dm/dz``, which is 1 for k and ``-p[j] / (1 - p[k])`` for the others. Times the slope of the sigmoid, that is row k of
the Jacobian of softmax; near 0 and 1 it bends as softmax does. A linear output is its own logit.

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
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from throughline.data.features import features_of
from throughline.frameworks.rows import answers
from throughline.scratch import ACTIVATIONS, Activation, sigmoid
from throughline.spec import NetworkSpec, OutputName
from throughline.weights import Array, Weights

if TYPE_CHECKING:
    from throughline.formats.base import LayerSteps, Quantization

# In theorem 2.4 a bound with factor 6 fails with probability 2 exp(-18) < 4e-8 for each inner product.
SAFETY = 6.0
# Roundings of an activation, absolute where its values stay below 1: exp, tanh and erf of a vector library err by a
# few units in the last place, add and divide by more, and a runtime may compute sigmoid as (1 + tanh(z / 2)) / 2,
# which is accurate beside 1 and not beside a small probability (ONNX Runtime does).
ACTIVATION_ROUNDINGS = {"relu": 0.0, "linear": 0.0, "tanh": 8.0, "sigmoid": 8.0, "gelu": 8.0}
# Of a softmax: those of a sigmoid, and the root of the number of classes for their sum.
SOFTMAX_ROUNDINGS = 8.0
# (x - mean) / std rounds twice; Keras takes a square root of a rounded variance, and a converter may
# multiply by a rounded reciprocal.
SCALING_ROUNDINGS = 4.0
FLOAT16_ROUNDOFF = 2.0**-11
FLOAT16_SUBNORMAL_SPACING = 2.0**-25  # half the distance between two subnormal float16 numbers
BFLOAT16_ROUNDOFF = 2.0**-8
UNIFORM_VARIANCE = 1 / 12  # of an error that lies anywhere within half a step, in squared steps
OF_WHAT = {"sigmoid": "", "softmax": " of the log odds of each class", "linear": " of the value"}
EXPLAINED_BY_INT8 = "explained (int8)"
EXPLAINED_BY_BFLOAT16 = "explained (bfloat16 compute)"
INT8_LEVELS = 127  # of each sign, where a row sets its own step


@dataclass(frozen=True)
class Tolerance:
    """How far an artefact may lie from its source network.

    Attributes
    ----------
    per_row : ndarray of shape (n_samples,) or (n_samples, n_outputs)
        Bound on the difference of each answer, for each row; in the shape of the answers.
    rounding_only : ndarray of the same shape
        The part of it that the arithmetic alone explains.
    reason : str
        The formula in words, with its inputs.
    explanation : str
        The verdict on a difference that is more than rounding and still within bounds.
    output : {"sigmoid", "softmax", "linear"}
        What the network ends in, which decides what a label is.
    scale : float
        Beside what a tolerance is wide: 1 for probabilities, for values the range that they have on these rows.
    """

    per_row: Array
    rounding_only: Array
    reason: str
    explanation: str
    output: OutputName = "sigmoid"
    scale: float = 1.0

    @property
    def coarse_compute(self) -> bool:
        """Whether sums are rounded to something coarser than float32, and not the weights alone."""
        return self.explanation in (EXPLAINED_BY_INT8, EXPLAINED_BY_BFLOAT16)


@dataclass
class _LogitErrors:
    """What reaches the logits of each row, shape (n_samples, n_outputs)."""

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
    last = 2 * _output_rounding(spec)  # on both sides
    rounding_only = _largest_move(spec, errors.logits, SAFETY * np.sqrt(both_sides)) + last
    reason = (
        f"{SAFETY:g} times the root of the summed squares of all rounding errors (unit roundoff {u:.1e}, "
        f"{len(weights.kernels)} layers, fan-in up to {max(spec.layer_sizes[:-1])}), each times its sensitivity"
        f"{OF_WHAT[spec.output]}"
    )
    scale_of_answers = 1.0 if spec.output != "linear" else _range(errors.logits)
    shared: dict[str, Any] = {"output": spec.output, "scale": scale_of_answers}
    if coarse is None:
        narrow = answers(rounding_only)
        return Tolerance(narrow, narrow, reason, "unexplained", **shared)
    # The same pass once more, clipped as the artefact clips: how far that alone moves the logit is known exactly.
    of_artefact = _logit_errors(spec, weights.astype("float64"), X, u, coarse)
    clipped = np.abs(of_artefact.logits - errors.logits)
    distance = SAFETY * np.sqrt(both_sides + of_artefact.coarse) + clipped
    # A linear output is the last sum, whose rounding is in the distance already.
    of_output = 0.0 if spec.output == "linear" else coarse.output
    per_row = _largest_move(spec, errors.logits, distance) + last + of_output
    reason = f"{reason}; {coarse.reason} included"
    return Tolerance(answers(per_row), answers(rounding_only), reason, coarse.explanation, **shared)


def _output_rounding(spec: NetworkSpec) -> float:
    """Return how far the output function itself rounds, absolute."""
    u = float(np.finfo(spec.dtype).eps) / 2
    if spec.output == "linear":
        return float(np.finfo(spec.dtype).tiny)  # nothing, but a tolerance of 0 cannot be divided by
    if spec.output == "softmax":
        return float(SOFTMAX_ROUNDINGS + np.sqrt(spec.n_outputs)) * u
    return ACTIVATION_ROUNDINGS["sigmoid"] * u


def _range(values: Array) -> float:
    """Return how far values lie apart; of a single one, or of equal ones, the size; 1 if there are none."""
    return (float(np.ptp(values)) or float(np.abs(values).max())) if values.size else 1.0


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
    layers = _forward(spec, weights, X, coarse)
    logits = np.empty((len(X), spec.n_outputs))
    rounding, coarsely = np.zeros_like(logits), np.zeros_like(logits)
    for k in range(spec.n_outputs):
        logits[:, k], dz = _log_odds(layers[-1].z, k)
        rounding[:, k], coarsely[:, k] = _reaching(spec, layers, dz, u)
    return _LogitErrors(logits, rounding, coarsely)


@dataclass
class _Layer:
    """One dense layer on all rows, and how it errs locally."""

    W: Array
    slope: Array  # (n_samples, fan_in), of the activation in front of it
    a: Array  # (n_samples, fan_in), what goes in
    z: Array  # (n_samples, fan_out), the sums
    magnitude: Array  # (n_samples, fan_out), of what is added up in them
    at_inputs: Array  # (n_samples, fan_in), squared errors of shorter types
    at_sums: Array  # (n_samples, fan_out), likewise


def _forward(spec: NetworkSpec, weights: Weights, X: Array, coarse: _Coarse | None) -> list[_Layer]:
    activation = ACTIVATIONS[spec.hidden_activation]
    a = features_of(spec, weights, X)  # float64 stands for exact
    layers: list[_Layer] = []
    for number, (W, b) in enumerate(zip(weights.kernels, weights.biases, strict=True)):
        if coarse is not None:
            a = coarse.clip_inputs(number, a)
        slope = _steepest(activation, layers[-1], a, coarse) if layers else np.ones_like(a)
        z = a @ W + b
        magnitude = np.abs(a) @ np.abs(W) + np.abs(b)
        if coarse is None:
            layers.append(_Layer(W, slope, a, z, magnitude, np.zeros_like(a), np.zeros_like(z)))
        else:
            z = coarse.clip_sums(number, z)
            at_inputs, at_sums = coarse.at_inputs(number, a), coarse.at_sums(number, W, b, a, z)
            layers.append(_Layer(W, slope, a, z, magnitude, at_inputs, at_sums))
        a = activation.forward(z)
    return layers


def _steepest(activation: Activation, layer: _Layer, after: Array, coarse: _Coarse | None) -> Array:
    """Return the slope of the activation behind a layer, shape (n_samples, fan_out)."""
    slope = activation.derivative(layer.z, after)
    if coarse is None or not coarse.crosses_kinks:
        return slope
    # Errors of this size reach across the kink of a ReLU: the steepest slope within their reach counts.
    reach = SAFETY / 2 * np.sqrt(layer.at_sums + layer.at_inputs @ np.square(layer.W))
    for near in (layer.z - reach, layer.z + reach):
        slope = np.maximum(slope, activation.derivative(near, activation.forward(near)))
    return slope


def _reaching(spec: NetworkSpec, layers: list[_Layer], dz: Array, u: float) -> tuple[Array, Array]:
    """Return the summed squares of what rounding and shorter types do to one logit of each row, shape (n_samples,).

    `dz` is d logit / d sums of the last layer, shape (n_samples, n_outputs), and is carried back from there.
    """
    activation_error = ACTIVATION_ROUNDINGS[spec.hidden_activation] * u
    rounding, coarsely = np.zeros(len(dz)), np.zeros(len(dz))
    for number in reversed(range(len(layers))):
        layer = layers[number]
        rounding += np.sum(np.square(dz * np.sqrt(len(layer.W) + 1) * u * layer.magnitude), axis=1)
        da = dz @ layer.W.T  # (n_samples, fan_in)
        coarsely += np.sum(np.square(dz) * layer.at_sums, axis=1)
        coarsely += np.sum(np.square(da) * layer.at_inputs, axis=1)
        if number > 0:
            rounding += np.sum(np.square(da * activation_error * np.maximum(1.0, np.abs(layer.a))), axis=1)
            dz = da * layer.slope
    rounding += np.sum(np.square(da * SCALING_ROUNDINGS * u * layers[0].a), axis=1)
    return rounding, coarsely


def _log_odds(z: Array, k: int) -> tuple[Array, Array]:
    """Return the logit of output k and its derivative by all sums of the last layer.

    Parameters
    ----------
    z : ndarray of shape (n_samples, n_outputs)
        A single one is a logit, or a value, itself; several are those of a softmax.
    k : int
    """
    if z.shape[1] == 1:
        return z[:, 0], np.ones_like(z)
    others = z.copy()
    others[:, k] = -np.inf
    largest = others.max(axis=1, keepdims=True)
    exponentials = np.exp(others - largest)
    total = exponentials.sum(axis=1, keepdims=True)
    slopes = -exponentials / total
    slopes[:, k] = 1.0
    return z[:, k] - (largest + np.log(total))[:, 0], slopes


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


def _largest_move(spec: NetworkSpec, logits: Array, distance: Array) -> Array:
    """Return how far the answer moves at most when the logit moves by up to `distance`."""
    if spec.output == "linear":
        return distance
    here = sigmoid(logits)
    return np.maximum(sigmoid(logits + distance) - here, here - sigmoid(logits - distance))


def _float16_error(values: Array) -> Array:
    return np.maximum(FLOAT16_ROUNDOFF * np.abs(values), FLOAT16_SUBNORMAL_SPACING)
