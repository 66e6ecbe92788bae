"""The first dense layer at which a file and NumPy part, where the format lets its inside be read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from throughline.formats import find_format
from throughline.processes import Emit
from throughline.scratch import ACTIVATIONS
from throughline.spec import NetworkSpec
from throughline.verify.record import LayerGap
from throughline.verify.reference import numpy_layers, scaled
from throughline.verify.tolerance import ACTIVATION_ROUNDINGS, FLOAT16_ROUNDOFF, SAFETY, SCALING_ROUNDINGS
from throughline.weights import Array, Weights


def read_in_child(format_name: str, path: str, rows: str, layers: str, emit: Emit) -> int:
    """Write the pre-activations of each dense layer of a file, .npz; return how many layers it has."""
    form = find_format(format_name)
    assert form.read_layers is not None  # asked of no other
    found = form.read_layers(Path(path), np.load(rows, allow_pickle=False))
    np.savez(layers, *found)
    return len(found)


def compare_layers(spec: NetworkSpec, weights: Weights, X: Array, found: list[Array], stored_as: str) -> list[LayerGap]:
    """Compare each layer of a file with the same layer in NumPy.

    Parameters
    ----------
    spec : NetworkSpec
    weights : Weights
        Of the network that the file should be.
    X : ndarray of shape (n_samples, n_features)
        Raw rows.
    found : list of ndarray of shape (n_samples, fan_out)
        What the layers of the file put out, before or behind the activation.
    stored_as : {"float32", "float16"}
        Type of the stored kernels.

    Returns
    -------
    list of LayerGap
        As far as both have layers of the same shape; the first whose `parts` is true is where they part.
    """
    exact = numpy_layers(spec, weights, X)
    bounds = rounding_of_layers(spec, weights, X, stored_as)
    activation = ACTIVATIONS[spec.hidden_activation].forward
    gaps: list[LayerGap] = []
    for number, (z, bound, answer) in enumerate(zip(exact, bounds, found, strict=False), start=1):
        if answer.shape != z.shape:
            gaps.append(LayerGap(layer=number, largest_difference=float(np.abs(z).max()), allowed=0.0, parts=True))
            break
        # A runtime may have put the activation into the layer itself: the nearer of the two is what it is.
        gap = np.minimum(*(np.abs(np.nan_to_num(answer - each, nan=np.inf)).max(axis=0) for each in (z, activation(z))))
        share = np.minimum(
            *(np.nan_to_num(np.abs(answer - each) / bound, nan=np.inf).max() for each in (z, activation(z)))
        )
        at = int(gap.argmax())
        gaps.append(
            LayerGap(
                layer=number,
                largest_difference=float(min(gap[at], np.finfo(np.float64).max)),
                allowed=float(bound[:, at].max()),
                parts=bool(share > 1),
            )
        )
    return gaps


def rounding_of_layers(spec: NetworkSpec, weights: Weights, X: Array, stored_as: str) -> list[Array]:
    """Bound what rounding does to each pre-activation: the errors of `tolerance`, carried forward instead of back.

    Returns
    -------
    list of ndarray of shape (n_samples, fan_out)
    """
    u = float(np.finfo(spec.dtype).eps) / 2
    exact = weights.astype("float64")
    activation = ACTIVATIONS[spec.hidden_activation]
    a = scaled(spec, exact, X)
    variance = np.square(SCALING_ROUNDINGS * u * a)  # of what goes into the layer
    bounds = []
    for W, b in zip(exact.kernels, exact.biases, strict=True):
        z = a @ W + b
        own = np.square(np.sqrt(len(W) + 1) * u * (np.abs(a) @ np.abs(W) + np.abs(b)))
        if stored_as == "float16":
            own += np.square(a) @ np.square(FLOAT16_ROUNDOFF * W) + np.square(FLOAT16_ROUNDOFF * b)
        spread = variance @ np.square(W) + own
        bounds.append(SAFETY * np.sqrt(spread) + np.finfo(np.float32).tiny)
        after = activation.forward(z)
        slope = activation.derivative(z, after)
        rounded = ACTIVATION_ROUNDINGS[spec.hidden_activation] * u * np.maximum(1.0, np.abs(after))
        a, variance = after, np.square(slope) * spread + np.square(rounded)
    return bounds


def first_apart(gaps: list[LayerGap]) -> int | None:
    """Return the number of the first layer that parts, or None if all agree."""
    return next((gap.layer for gap in gaps if gap.parts), None)


def sentence(gaps: list[LayerGap], n_layers: int) -> str:
    """Say at which layer file and NumPy part."""
    at = first_apart(gaps)
    if at is None:
        return f"all {len(gaps)} layers agree before the activation of the last: it differs behind them"
    gap: Any = gaps[at - 1]
    return (
        f"they part at layer {at} of {n_layers}: {gap.largest_difference:.1e} where rounding explains {gap.allowed:.1e}"
    )
