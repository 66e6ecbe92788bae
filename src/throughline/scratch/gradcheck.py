"""Gradient checking: backpropagation held against the definition of a derivative.

The definition needs no chain rule, only the loss: nudge one parameter both ways and see how much the loss moves,
(L(w + h) - L(w - h)) / 2h. That costs two forward passes per parameter, far too slow to train with, and is the
perfect witness for a backward pass.
"""

import copy
import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ._checks import Masks
from .activations import FloatArray
from .mlp import MLP, Trace

# The relative error a correct gradient stays below. Central differences resolve about eps^(2/3) of the loss, 4e-11 in
# float64 and 2e-5 in float32; the rest is room for gradients that are small compared with the loss.
BARS: dict[str, float] = {"float64": 1e-6, "float32": 1e-2}


@dataclass(frozen=True)
class GradientCheck:
    """How far backpropagation and central differences are apart.

    Parameters
    ----------
    relative_errors : list of float
        One per parameter array, in the order of `MLP.parameters`; infinite where every entry had to be skipped, since
        an array of which nothing was compared has not been checked.
    largest : float
        The largest of them.
    n_checked : int
        Entries compared.
    n_skipped_kinks : int
        Entries left out because a ReLU changed sides between w - h and w + h.

    Examples
    --------
    >>> GradientCheck(relative_errors=[1e-10, 3e-9], largest=3e-9, n_checked=10, n_skipped_kinks=0).largest < 1e-6
    True
    """

    relative_errors: list[float]
    largest: float
    n_checked: int
    n_skipped_kinks: int


def gradient_check(
    mlp: MLP,
    X: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    step: float | None = None,
    max_per_array: int = 200,
    seed: int = 0,
    masks: Masks | None = None,
) -> GradientCheck:
    """Compare the gradients of a network with central differences.

    Parameters
    ----------
    mlp : MLP
        The network; it is left untouched.
    X : array-like of shape (n_samples, n_features)
        Rows.
    y : array-like of shape (n_samples, n_outputs)
        Their targets.
    step : float, optional
        The nudge h at parameters of magnitude 1 or less; at larger ones it grows in proportion. By default
        eps^(1/3), 6e-6 in float64: the error of the formula falls with h^2 and the rounding of the loss costs eps / h,
        and their sum is smallest about there.
    max_per_array : int, default=200
        Check at most this many entries of each array, drawn without replacement.
    seed : int, default=0
        Seed of that draw.
    masks : sequence of (ndarray or None), optional
        Dropout masks to hold fixed through all passes, as from `MLP.draw_masks`.

    Returns
    -------
    GradientCheck
        Relative errors; below 1e-6 in float64 (1e-2 in float32) for a correct gradient.

    Raises
    ------
    ValueError
        If `step` or `max_per_array` is not above 0, or a shape is wrong.

    Notes
    -----
    The relative error of an array is ||a - n|| / max(||a|| + ||n||, floor), a from backpropagation, n numerical, in
    Euclidean norms over its checked entries. Entry by entry the ratio would be ruled by whichever entry happens to be
    near zero, where n is nothing but the rounding of the loss. The norm is immune to that, yet one wrong sign or
    factor still stands out by orders of magnitude. The floor handles the case of a whole array near zero: it is the
    norm at which rounding alone, eps * max(1, loss) / h in each entry, would fill the bar of `BARS`. Below it the
    comparison becomes absolute, against that rounding.

    Where a ReLU changes sides between w - h and w + h the loss has a kink and no derivative to compare with. Such
    entries are recognised by the signs of the pre-activations, skipped and counted.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> check = gradient_check(MLP((3, 4, 1)), rng.normal(size=(8, 3)), rng.integers(0, 2, (8, 1)))
    >>> check.largest < 1e-6, check.n_checked
    (True, 21)
    """
    if step is not None and not (math.isfinite(step) and step > 0.0):
        raise ValueError(f"step must be a finite number above 0, got {step!r}.")
    if max_per_array < 1:
        raise ValueError(f"max_per_array must be at least 1, got {max_per_array!r}.")
    eps = float(np.finfo(mlp.dtype).eps)
    h = eps ** (1.0 / 3.0) if step is None else step
    probe = copy.deepcopy(mlp)  # the nudges happen here
    trace = probe.forward(X, masks)
    rounding = eps * max(1.0, probe.objective(trace.logits, y)) / h
    rng = np.random.default_rng(seed)

    errors: list[float] = []
    n_checked = n_skipped = 0
    for w, gradient in zip(probe.parameters, probe.backward(trace, y), strict=True):
        entries = rng.permutation(w.size)[:max_per_array]
        differences = [_central_difference(probe, w, int(i), h, X, y, masks) for i in entries]
        smooth = [(float(gradient.flat[i]), d) for i, d in zip(entries, differences, strict=True) if d is not None]
        errors.append(_relative_error(smooth, floor=rounding * math.sqrt(len(smooth)) / BARS[mlp.dtype.name]))
        n_checked += len(smooth)
        n_skipped += len(differences) - len(smooth)
    return GradientCheck(errors, float(np.max(errors)), n_checked, n_skipped)  # np.max lets a NaN through, max may not


def _central_difference(
    probe: MLP, w: FloatArray, i: int, h: float, X: npt.ArrayLike, y: npt.ArrayLike, masks: Masks | None
) -> float | None:
    """Return (L(w + h) - L(w - h)) / 2h for entry i of the array w, or None if a kink lies between."""
    original = float(w.flat[i])
    h *= max(1.0, abs(original))
    w.flat[i] = original + h
    w_above, above = float(w.flat[i]), probe.forward(X, masks)
    w.flat[i] = original - h
    w_below, below = float(w.flat[i]), probe.forward(X, masks)
    w.flat[i] = original
    if _crosses_kink(probe, above, below):
        return None
    rise = probe.objective(above.logits, y) - probe.objective(below.logits, y)
    return rise / (w_above - w_below)  # the distance after rounding to the dtype, not exactly 2h


def _crosses_kink(mlp: MLP, above: Trace, below: Trace) -> bool:
    """Tell whether any ReLU is on in one trace and off in the other."""
    hidden = zip(mlp.hidden, above.z, below.z, strict=False)  # z has the logits too, after the hidden layers
    return any(f.name == "relu" and not np.array_equal(up > 0, down > 0) for f, up, down in hidden)


def _relative_error(pairs: list[tuple[float, float]], floor: float) -> float:
    if not pairs:
        return math.inf
    a, n = np.array(pairs, dtype=np.float64).T  # each (n_checked,)
    size = float(np.linalg.norm(a) + np.linalg.norm(n))
    return float(np.linalg.norm(a - n)) / max(size, floor)
