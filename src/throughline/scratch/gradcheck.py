"""Gradient checking: backpropagation held against the definition of a derivative.

The definition needs no chain rule, only the loss: nudge one parameter both ways and see how much the loss moves,
(L(w + h) - L(w - h)) / 2h. That costs two forward passes per parameter, far too slow to train with, and is the
perfect witness for a backward pass.

A layer has no loss of its own, so it is given one: the sum of its outputs times random numbers u. That is all a layer
ever learns of the loss above it, since its backward pass receives u = d(loss)/d(output) and nothing else.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from ._checks import (
    Masks,
    check_at_least_1,
    check_gradients,
    check_loss,
    check_offers,
    check_outputs,
    check_own_parameters,
    check_repeats,
    check_step,
    check_unchanged,
)
from .activations import FloatArray
from .mlp import MLP

# The relative error a correct gradient stays below. Central differences resolve about eps^(2/3) of the loss, 4e-11 in
# float64 and 2e-5 in float32; the rest is room for gradients that are small compared with the loss.
BARS: dict[str, float] = {"float64": 1e-6, "float32": 1e-2}
# Activations whose slope jumps at 0.
KINKED = ("relu",)
# Slopes at a step and at half of it agree within so many roundings of the loss where nothing but rounding parts them.
ROUNDINGS = 20


class Network(Protocol):
    """What a network of your own offers to be checked."""

    @property
    def parameters(self) -> Sequence[FloatArray]:
        """The arrays of float32 or float64 that it computes with, no copies: they are nudged in place and put back."""

    def loss(self, X: Any, y: Any) -> float:
        """Return the loss, the same each time; dropout has to be off or its mask fixed."""

    def gradients(self, X: Any, y: Any) -> Sequence[FloatArray]:
        """Return the gradient of the loss for each of `parameters`, in its shape."""


class Layer(Protocol):
    """What a layer of your own offers to be checked; `parameters` as a `Network` has them, or no such attribute."""

    def forward(self, X: FloatArray) -> FloatArray:
        """Return the outputs, the same each time, and keep what `backward` needs."""

    def backward(self, upstream: FloatArray) -> Any:
        """Return ``dX``, or ``dX, dW, db`` with the gradient of each of `parameters` in their order.

        `upstream` is d(loss)/d(output), in the shape of what the last `forward` returned.
        """


@dataclass(frozen=True)
class GradientCheck:
    """How far backpropagation and central differences are apart.

    Parameters
    ----------
    relative_errors : list of float
        One per parameter array, in the order of `parameters`; for a layer that of `X` comes first. Infinite where every
        entry had to be skipped, since an array of which nothing was compared has not been checked.
    largest : float
        The largest of them.
    n_checked : int
        Entries compared.
    n_skipped_kinks : int
        Entries left out because the loss has a kink between w - h and w + h: a ReLU changes sides there, for one.
    bar : float
        What a correct gradient stays below, according to the dtype.

    Examples
    --------
    >>> GradientCheck(relative_errors=[1e-10, 3e-9], largest=3e-9, n_checked=10, n_skipped_kinks=0).passed
    True
    """

    relative_errors: list[float]
    largest: float
    n_checked: int
    n_skipped_kinks: int
    bar: float = BARS["float64"]

    @property
    def passed(self) -> bool:
        """Whether the largest relative error is below the bar; one that is not a number is not."""
        return self.largest < self.bar


def gradient_check(
    network: MLP | Network | Layer,
    X: npt.ArrayLike,
    y: Any = None,
    *,
    step: float | None = None,
    max_per_array: int = 200,
    seed: int = 0,
    masks: Masks | None = None,
) -> GradientCheck:
    """Compare the gradients of a network, or of a single layer, with central differences.

    Parameters
    ----------
    network : MLP, or an object of your own
        Our network; one of yours with `parameters`, ``loss(X, y)`` and ``gradients(X, y)``; or, without `y`, a layer
        of yours with ``forward(X)``, ``backward(upstream)`` and, if it has any, `parameters`. `Network` and `Layer` in
        this module say what these are. Parameters are nudged in place and put back to the bit.
    X : array-like of shape (n_samples, n_features)
        Rows. What a network of your own gets is `X` as it is; a layer gets copies, of any shape, and the gradient
        with respect to them is checked too.
    y : array-like, optional
        Targets, of shape (n_samples, n_outputs) for our network; to be left out for a layer.
    step : float, optional
        The nudge h at parameters of magnitude 1 or less; at larger ones it grows in proportion. By default
        eps^(1/3), 6e-6 in float64: the error of the formula falls with h^2 and the rounding of the loss costs eps / h,
        and their sum is smallest about there.
    max_per_array : int, default=200
        Check at most this many entries of each array, drawn without replacement.
    seed : int, default=0
        Seed of that draw, and of the upstream gradient of a layer.
    masks : sequence of (ndarray or None), optional
        Dropout masks of an `MLP` to hold fixed through all passes, as from `MLP.draw_masks`.

    Returns
    -------
    GradientCheck
        Relative errors; below 1e-6 in float64 (1e-2 in float32) for a correct gradient.

    Raises
    ------
    ValueError
        If a setting is out of its range, a shape is wrong, or an object of your own lacks something, answers otherwise
        the second time, or returns gradients that do not fit its parameters.

    Notes
    -----
    The relative error of an array is ||a - n|| / max(||a|| + ||n||, floor), a from backpropagation, n numerical, in
    Euclidean norms over its checked entries. Entry by entry the ratio would be ruled by whichever entry happens to be
    near zero, where n is nothing but the rounding of the loss. The norm is immune to that, yet one wrong sign or
    factor still stands out by orders of magnitude. The floor handles the case of a whole array near zero: it is the
    norm at which rounding alone, eps * max(1, loss) / h in each entry, would fill the bar of `BARS`. Below it the
    comparison becomes absolute, against that rounding. float32 sees little either way: check in float64 where you can.

    Where a ReLU changes sides between w - h and w + h the loss has a kink and no derivative to compare with. In an
    `MLP` such entries are recognised by the signs of the pre-activations. Of a network or layer of your own the losses
    alone must tell, whatever made the kink: with those at w, w - h/2 and w + h/2 there are four slopes from w outwards,
    and in a smooth loss they lie on a straight line, up to h^2. Entries with a kink are skipped and counted.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(8, 3))
    >>> check = gradient_check(MLP((3, 4, 1)), X, rng.integers(0, 2, (8, 1)))
    >>> check.passed, check.n_checked
    (True, 21)

    A layer of one's own, and the same with one gradient wrong: the bias joined every row, so its gradient is a sum over
    rows, not their mean.

    >>> class Dense:
    ...     def __init__(self, fan_in, fan_out):
    ...         self.W, self.b = rng.normal(size=(fan_in, fan_out)), np.zeros(fan_out)
    ...         self.parameters = [self.W, self.b]
    ...
    ...     def forward(self, X):
    ...         self.X = X
    ...         return X @ self.W + self.b
    ...
    ...     def backward(self, upstream):
    ...         return upstream @ self.W.T, self.X.T @ upstream, upstream.sum(axis=0)
    >>> gradient_check(Dense(3, 4), X).passed
    True
    >>> class MeanForSum(Dense):
    ...     def backward(self, upstream):
    ...         return upstream @ self.W.T, self.X.T @ upstream, upstream.mean(axis=0)
    >>> [error < 1e-6 for error in gradient_check(MeanForSum(3, 4), X).relative_errors]  # X, W, b
    [True, True, False]

    And a network with a loss of its own, least absolute deviations:

    >>> class Line:
    ...     def __init__(self):
    ...         self.parameters = [np.zeros(3)]
    ...
    ...     def loss(self, X, y):
    ...         return np.abs(X @ self.parameters[0] - y).mean()
    ...
    ...     def gradients(self, X, y):
    ...         return [X.T @ np.sign(X @ self.parameters[0] - y) / len(X)]
    >>> gradient_check(Line(), X, rng.normal(size=8)).passed
    True
    """
    check_at_least_1(max_per_array=max_per_array)
    claim = _claim(network, X, y, masks, seed)
    eps, bar = float(np.finfo(claim.dtype).eps), BARS[claim.dtype.name]
    h = eps ** (1.0 / 3.0) if step is None else check_step(step, eps)
    rounding = eps * max(1.0, claim.size()) / h

    rng = np.random.default_rng(seed)
    errors: list[float] = []
    n_checked = n_skipped = 0
    for w, gradient in zip(claim.arrays, claim.gradients, strict=True):
        entries = rng.permutation(w.size)[:max_per_array]
        a = np.array([float(gradient.flat[i]) for i in entries])
        n, doubts = np.array([_slope(claim, w, int(i), h) for i in entries]).reshape(-1, 2).T
        # The bound depends on the numerical slopes alone: no claim, however wrong, can have its witnesses dismissed.
        smooth = ~(doubts > max(bar / 10 * float(np.linalg.norm(n)), ROUNDINGS * rounding))
        errors.append(_relative_error(a[smooth], n[smooth], floor=rounding * math.sqrt(smooth.sum()) / bar))
        n_checked += int(smooth.sum())
        n_skipped += int((~smooth).sum())
    return GradientCheck(errors, float(np.max(errors)), n_checked, n_skipped, bar)  # max may not let a NaN through


# --- numerical slopes, and whether they can be trusted ---------------------------------------------------------------

# What shows: the outputs, and on which side of its kink each unit is, None if that is not known.
Look = tuple[FloatArray, list[npt.NDArray[np.bool_]] | None]


class _Point(NamedTuple):
    """An entry of an array at one of its values, and what shows there."""

    w: float
    outputs: FloatArray
    gates: list[npt.NDArray[np.bool_]] | None


@dataclass(frozen=True)
class _Claim:
    """That `gradients` are the derivatives, in the entries of `arrays`, of the sum of ``upstream * outputs``."""

    arrays: Sequence[FloatArray]
    gradients: Sequence[FloatArray]
    upstream: FloatArray
    look: Callable[[], Look]  # at the present values of the arrays
    dtype: np.dtype[Any]

    def size(self) -> float:
        """Return the magnitude of what is summed, which its rounding is in proportion to."""
        return float(np.linalg.norm(self.upstream * self.look()[0]))

    def slope(self, p: _Point, q: _Point) -> float:
        """Return the slope of the sum between two points."""
        # A sum of differences, not a difference of sums: outputs that have not moved then add no rounding.
        rise = float(np.vdot(self.upstream, q.outputs - p.outputs))
        return rise / (q.w - p.w)  # the distance after rounding to the dtype, not exactly 2h


def _slope(claim: _Claim, w: FloatArray, i: int, h: float) -> tuple[float, float]:
    """Return (L(w + h) - L(w - h)) / 2h for entry i of the array w, and by how much a kink may have spoilt it."""
    original = w.flat[i]
    h *= max(1.0, abs(float(original)))

    def at(nudge: float) -> _Point:
        w.flat[i] = float(original) + nudge
        return _Point(float(w.flat[i]), *claim.look())

    try:
        below, above = at(-h), at(h)
        slope = claim.slope(below, above)
        if below.gates is not None and above.gates is not None:
            same = all(np.array_equal(a, b) for a, b in zip(below.gates, above.gates, strict=True))
            return slope, 0.0 if same else math.inf
        here = at(0.0)
        far_left, left, right, far_right = [claim.slope(here, p) for p in (below, at(-h / 2), at(h / 2), above)]
        # In a smooth loss the slope from w to w + d is L' + L'' d / 2 + O(d^2), a straight line in d. These four can
        # leave it in two ways: the mean of the outer two moves away from that of the inner two, or the line bends at
        # d = 0. A kink at w bends it, one further out also moves the mean; both together are at least half of the error
        # that it makes.
        moved = (far_left + far_right) / 2 - (left + right) / 2
        bent = (far_right - far_left) - 2 * (right - left)
        return slope, abs(moved) + abs(bent)
    finally:
        w.flat[i] = original


def _relative_error(a: FloatArray, n: FloatArray, floor: float) -> float:
    if not len(a):
        return math.inf
    size = float(np.linalg.norm(a) + np.linalg.norm(n))
    return float(np.linalg.norm(a - n)) / max(size, floor)


# --- what is claimed: by an MLP, by a network of someone's own, by a layer -------------------------------------------


def _claim(network: MLP | Network | Layer, X: npt.ArrayLike, y: Any, masks: Masks | None, seed: int) -> _Claim:
    if isinstance(network, MLP):
        claim = _claim_of_mlp(network, X, y, masks)
    elif masks is not None:
        raise ValueError(
            f"masks must be None for anything but an MLP, got {len(masks)}: fix those of your own dropout."
        )
    elif y is None:
        claim = _claim_of_layer(network, X, seed)
    else:
        claim = _claim_of_network(network, X, y)
    check_repeats(claim.look()[0], claim.look()[0])
    return claim


def _claim_of_mlp(mlp: MLP, X: npt.ArrayLike, y: Any, masks: Masks | None) -> _Claim:
    if y is None:
        raise ValueError("y must hold the targets of the rows for an MLP, got None: pass them after X.")

    def look() -> Look:
        trace = mlp.forward(X, masks)
        gates = [z > 0 for f, z in zip(mlp.hidden, trace.z, strict=False) if f.name in KINKED]  # z has the logits too
        return np.array(mlp.objective(trace.logits, y)), gates

    return _Claim(mlp.parameters, mlp.backward(mlp.forward(X, masks), y), np.ones(()), look, mlp.dtype)


def _claim_of_network(network: Any, X: Any, y: Any) -> _Claim:
    check_offers(network, ("parameters", "loss", "gradients"), "when y is given", "leave y out to check a layer")
    parameters = check_own_parameters(network.parameters, network.parameters)
    if not parameters:
        raise ValueError("parameters must hold at least one array, got none: there is no gradient to check.")
    with check_unchanged("gradients", parameters):
        answers = network.gradients(X, y)
    gradients = check_gradients("gradients(X, y)", answers, parameters, _names(parameters))
    return _Claim(
        parameters, gradients, np.ones(()), lambda: (check_loss(network.loss(X, y)), None), _coarsest(parameters)
    )


def _claim_of_layer(layer: Any, X: npt.ArrayLike, seed: int) -> _Claim:
    check_offers(layer, ("forward", "backward"), "when y is not given", "pass y to check a network by its loss")
    parameters = check_own_parameters(layer.parameters, layer.parameters) if hasattr(layer, "parameters") else []
    X = np.asarray(X)
    dtype = _coarsest([*parameters, X])
    rows = np.array(X, dtype)  # a copy, to be nudged; the layer gets copies of it, which it may write into

    def look() -> Look:
        return check_outputs(layer.forward(rows.copy())), None

    # From a stream of its own. Drawn from the seed alone it would be X itself where someone has drawn X from the same
    # seed, and the gradient X.T @ X of a kernel looks right the wrong way round too.
    upstream = np.random.default_rng((seed, 1)).normal(size=look()[0].shape).astype(dtype)
    with check_unchanged("backward", parameters):
        answers = layer.backward(upstream.copy())
    answers = [answers] if isinstance(answers, np.ndarray) else answers
    arrays = [rows, *parameters]
    gradients = check_gradients("backward(upstream)", answers, arrays, ["X", *_names(parameters)])
    return _Claim(arrays, gradients, upstream, look, dtype)


def _names(parameters: Sequence[FloatArray]) -> list[str]:
    return [f"parameters[{i}]" for i in range(len(parameters))]


def _coarsest(arrays: Sequence[npt.NDArray[Any]]) -> np.dtype[Any]:
    """Return float32 if any array is of that type: nothing that is computed from it is known any better."""
    return np.dtype(np.float32 if any(w.dtype == np.float32 for w in arrays) else np.float64)
