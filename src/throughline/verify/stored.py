"""The numbers that a file stores, each against the number of the network that it stands for.

Answers show a wrong weight as far as rows bring it to light: a float16 weight that is off by 1 %, or an int8 weight
that is off by a step, stays within the tolerance of them all. Read back from the file there is no such room. In float32
a stored number is the network's own, in float16 the nearest that there is, in int8 within half a step.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from throughline.formats.base import FOLDED, Parameters, StoredArray
from throughline.verify.hygiene import read_contents
from throughline.verify.tolerance import SCALING_ROUNDINGS
from throughline.weights import Array, Weights

# Quotients of a number and its step are rounded in float32 before they are rounded to a whole number.
QUOTIENT_ROUNDOFF = 2.0**-22
STEP = ".step"
# A grid must be used: half a step of one that is too coarse would excuse anything. ONNX' kernels have 7 bits.
LEAST_STEPS = 63
# Numbers of a vector that a compiler may write into its code one by one.
MOST_INLINED = 8


def parameters_path(answers: Path) -> Path:
    """Return where the numbers of a file are written when its answers are written there."""
    return answers.with_name(f"{answers.stem}-parameters.npz")


def save_parameters(path: Path, parameters: Parameters) -> None:
    """Write arrays and steps, .npz."""
    arrays = {name: stored.values for name, stored in parameters.items()}
    steps = {f"{name}{STEP}": stored.step for name, stored in parameters.items() if stored.step is not None}
    np.savez(path, **arrays, **steps)  # type: ignore[arg-type]  # numpy/numpy#29226: the stub types **kwds as bool


def load_parameters(path: Path) -> Parameters:
    """Read what `save_parameters` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        return {
            name: StoredArray(values=arrays[name], step=arrays.get(f"{name}{STEP}"))
            for name in arrays.files
            if not name.endswith(STEP)
        }


def unpacked(stored: StoredArray) -> Array:
    """Return the numbers that a stored array stands for, in float64."""
    values = stored.values.astype(np.float64)
    return values if stored.step is None else values * stored.step.astype(np.float64)


def expected_arrays(weights: Weights, stored: Parameters) -> dict[str, tuple[Array, Array]]:
    """Return by name what a file must hold, and how far it may be off before it is rounded to the type of the file.

    A converter may fold what is linear: the scaling into the first layer, and a bias into that of the next layer where
    no activation stands between them. Whether it might is for the answers to show.

    Parameters
    ----------
    weights : Weights
    stored : Parameters
        Whose names say what was folded, and whether the scaling is there as such.
    """
    u = float(np.finfo(weights.mean.dtype).eps) / 2
    exact: dict[str, tuple[Array, Array]] = {}
    for name, scaling in (("scaling.mean", weights.mean), ("scaling.std", weights.std)):
        if name in stored:  # where it is stored in another form, answers show it
            exact[name] = scaling, SCALING_ROUNDINGS * u * np.abs(scaling)
    # What comes into a layer beside its inputs, and the sum of the magnitudes that it was added from.
    shift, size = np.zeros(len(weights.kernels[0])), np.zeros(len(weights.kernels[0]))
    for i, (kernel, bias) in enumerate(zip(weights.kernels, weights.biases, strict=True), start=1):
        prefix, W, slack = f"dense_{i}.", kernel, np.zeros_like(kernel)
        if i == 1 and f"{FOLDED}kernel" in stored:
            # ((x - mean) / std) W + b = x (W / std) + (b - (mean / std) W)
            prefix, W = FOLDED, kernel.astype(np.float64) / weights.std[:, None]
            shift, size = -(weights.mean.astype(np.float64) / weights.std), np.abs(weights.mean / weights.std)
            slack = SCALING_ROUNDINGS * u * np.abs(W)
        exact[f"{prefix}kernel"] = W, slack
        folded, size = shift @ kernel, size @ np.abs(kernel)
        found = stored.get(f"{prefix}bias")
        if found is None and (i < len(weights.biases) or not (folded + bias).any()):
            shift, size = folded + bias, size + np.abs(bias)
        elif found is not None and prefix == FOLDED and _nearer(found, folded, folded + bias):
            exact[f"{prefix}bias"] = folded, (len(kernel) + 1) * u * size
            shift, size = bias.astype(np.float64), np.abs(bias)
        else:
            slack = (len(kernel) + 1) * u * (size + np.abs(bias)) if folded.any() else np.zeros_like(bias)
            exact[f"{prefix}bias"] = folded + bias if folded.any() else bias, slack
            shift, size = np.zeros(len(bias)), np.zeros(len(bias))
    return exact


def _nearer(found: StoredArray, one: Array, other: Array) -> bool:
    """Say whether a stored bias is the first of two that it may be."""
    if found.values.shape != one.shape:
        return False
    return bool(np.abs(unpacked(found) - one).sum() < np.abs(unpacked(found) - other).sum())


def share_of_rounding(stored: StoredArray, exact: Array, slack: Array | float = 0.0) -> Array:
    """Return how far each number is off, as a share of what rounding to the type of the file explains.

    Parameters
    ----------
    stored : StoredArray
    exact : ndarray of the same shape
        The network's own.
    slack : ndarray or float
        As `expected_arrays` gives it.

    Returns
    -------
    ndarray
        At most 1 where rounding explains it; infinite where a number should be the same and is not.

    Examples
    --------
    >>> exact = np.array([0.1, 0.2], np.float32)
    >>> float(share_of_rounding(StoredArray(values=exact), exact).max())
    0.0
    >>> halves = exact.astype(np.float16)
    >>> bool(share_of_rounding(StoredArray(values=halves), exact).max() <= 1)
    True
    """
    found, dtype, wanted = unpacked(stored), stored.values.dtype, exact.astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
        if stored.step is not None:
            allowed = stored.step.astype(np.float64) / 2 + QUOTIENT_ROUNDOFF * np.abs(wanted)
        elif dtype == np.float16:
            allowed = np.spacing(np.abs(exact.astype(np.float16))).astype(np.float64) / 2
        else:
            wanted = exact.astype(dtype).astype(np.float64)
            allowed = np.zeros_like(wanted)
        share = np.where(found == wanted, 0.0, np.abs(found - wanted) / (allowed + slack))
    return np.nan_to_num(share, nan=np.inf, posinf=np.inf)


def coarse_units(stored: StoredArray, exact: Array) -> Array:
    """Return the output units of a kernel whose step is coarser than their largest number asks for."""
    if stored.step is None or exact.ndim < 2:
        return np.zeros(0, int)
    largest = np.abs(exact.astype(np.float64)).max(axis=0 if stored.step.size > 1 else None)
    return np.flatnonzero((np.ravel(stored.step) * LEAST_STEPS > np.ravel(largest)) & (np.ravel(largest) > 0))


def find_bare(path: Path, weights: Weights) -> Parameters:
    """Return the kernels and biases that lie in a file bit for bit, in either layout.

    For formats whose weights are among machine code or in a delegate's own form. That the numbers are there does not
    say that they are used, which the answers show.
    """
    content = b"".join(content for _, content in read_contents(path))

    def holds(array: Array) -> bool:
        if array.tobytes() in content or np.ascontiguousarray(array.T).tobytes() in content:
            return True
        # TorchInductor writes vectors of up to eight numbers into its code, each where it is used (`get_attr` in
        # torch/_inductor/graph.py).
        return array.ndim == 1 and array.size <= MOST_INLINED and all(value.tobytes() in content for value in array)

    return {name: StoredArray(values=array) for name, array in weights.named_arrays().items() if holds(array)}
