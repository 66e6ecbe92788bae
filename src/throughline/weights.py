"""Weights: the only form in which parameters cross frameworks.

Kernels are ``(fan_in, fan_out)`` here, whatever a framework keeps inside; the transpose for PyTorch
happens in `frameworks/torch_net.py` and nowhere else.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from throughline.errors import DataError, SpecError
from throughline.spec import NetworkSpec

Array = NDArray[Any]


@dataclass(frozen=True)
class Weights:
    """All numbers of a network, scaling included, so that it answers raw rows.

    Attributes
    ----------
    mean, std : ndarray of shape (n_inputs,)
        Scaling taken from the training rows; fixed, not trained.
    kernels : tuple of ndarray of shape (fan_in, fan_out)
        One a dense layer, input to output.
    biases : tuple of ndarray of shape (fan_out,)
        One a dense layer.
    """

    mean: Array
    std: Array
    kernels: tuple[Array, ...]
    biases: tuple[Array, ...]

    @property
    def parameters(self) -> list[Array]:
        """The trained arrays in the order kernel 1, bias 1, kernel 2, ..."""
        return [array for pair in zip(self.kernels, self.biases, strict=True) for array in pair]

    def with_parameters(self, parameters: list[Array]) -> Weights:
        """Return the same scaling with other trained arrays, in the order of `parameters`."""
        return Weights(self.mean, self.std, tuple(parameters[0::2]), tuple(parameters[1::2]))

    def astype(self, dtype: str) -> Weights:
        """Return a copy with all arrays in another dtype."""
        return Weights(
            self.mean.astype(dtype),
            self.std.astype(dtype),
            tuple(kernel.astype(dtype) for kernel in self.kernels),
            tuple(bias.astype(dtype) for bias in self.biases),
        )

    def named_arrays(self) -> dict[str, Array]:
        """Map the names used on disk to the arrays, in order."""
        named = {"scaling.mean": self.mean, "scaling.std": self.std}
        for i, (kernel, bias) in enumerate(zip(self.kernels, self.biases, strict=True), start=1):
            named |= {f"dense_{i}.kernel": kernel, f"dense_{i}.bias": bias}
        return named

    @property
    def digest(self) -> str:
        """SHA-256 over names, types, shapes and bytes of all arrays."""
        sha = hashlib.sha256()
        for name, array in self.named_arrays().items():
            sha.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            sha.update(np.ascontiguousarray(array).tobytes())
        return sha.hexdigest()

    def check(self, spec: NetworkSpec) -> None:
        """Make sure that the arrays are those of `spec`.

        Raises
        ------
        SpecError
            If a shape or a dtype is another one.
        """
        expected = dict(_expected_shapes(spec))
        arrays = self.named_arrays()
        if expected.keys() != arrays.keys():
            raise SpecError("weights", f"the arrays {', '.join(expected)}", ", ".join(arrays), "use the spec they had")
        for name, array in arrays.items():
            if array.shape != expected[name] or array.dtype != spec.dtype:
                allowed = f"{spec.dtype} of shape {expected[name]}"
                raise SpecError(f"weights '{name}'", allowed, f"{array.dtype} of shape {array.shape}", "use its spec")

    def save(self, path: Path, spec: NetworkSpec) -> None:
        """Write a safetensors file with the spec in its metadata; it appears whole or not at all."""
        from safetensors.numpy import save_file

        self.check(spec)
        beside = path.with_name(path.name + ".partial")
        arrays = {name: np.ascontiguousarray(array) for name, array in self.named_arrays().items()}
        try:
            save_file(arrays, beside, metadata={"network_spec": spec.to_json()})
            os.replace(beside, path)
        finally:
            beside.unlink(missing_ok=True)


def load_weights(path: Path) -> tuple[Weights, NetworkSpec]:
    """Read a file written by `Weights.save`; nothing in it is executed.

    Raises
    ------
    DataError
        If the file is missing, damaged, or not one of ours.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            spec = NetworkSpec.from_json((file.metadata() or {})["network_spec"])
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a dict)
    except (OSError, SafetensorError, KeyError) as error:
        raise DataError(
            str(path), "a safetensors file written by Throughline", str(error), "export it again"
        ) from error
    expected = [name for name, _ in _expected_shapes(spec)]
    if set(arrays) != set(expected):
        apart = ", ".join(sorted(set(arrays) ^ set(expected)))
        raise DataError(
            str(path), "a file with the arrays of its spec", f"too few or too many: {apart}", "export it again"
        )
    ordered = [arrays[name] for name in expected]
    weights = Weights(ordered[0], ordered[1], tuple(ordered[2::2]), tuple(ordered[3::2]))
    weights.check(spec)
    return weights, spec


def initial_weights(spec: NetworkSpec, mean: Array, std: Array) -> Weights:
    """Draw the weights at which every framework starts.

    Parameters
    ----------
    spec : NetworkSpec
        Sizes, dtype and seed.
    mean, std : ndarray of shape (n_inputs,)
        Scaling from the training rows.

    Returns
    -------
    Weights
        Glorot-uniform kernels (drawn in float64, then rounded to `spec.dtype`) and zero biases; zero too where a
        feature is 0 in every training row, since nothing would ever move such a weight from where it was drawn.

    Examples
    --------
    >>> import numpy as np
    >>> w = initial_weights(NetworkSpec(n_inputs=2, hidden_units=(3,)), np.zeros(2), np.ones(2))
    >>> [k.shape for k in w.kernels]
    [(2, 3), (3, 1)]
    """
    rng = np.random.default_rng(spec.seed)
    kernels, biases = [], []
    for fan_in, fan_out in pairwise(spec.layer_sizes):
        limit = np.sqrt(6.0 / (fan_in + fan_out))
        kernels.append(rng.uniform(-limit, limit, (fan_in, fan_out)).astype(spec.dtype))
        biases.append(np.zeros(fan_out, spec.dtype))
    kernels[0][_never_trained(spec)] = 0
    return Weights(np.asarray(mean, spec.dtype), np.asarray(std, spec.dtype), tuple(kernels), tuple(biases))


def _never_trained(spec: NetworkSpec) -> list[int]:
    """Return the features that are 0 in every training row: texts beyond a category's labels, if there were none."""
    at = sum(1 for column in spec.columns if not column.is_category) + sum(c.flag_missing for c in spec.columns)
    never = []
    for column in spec.columns:
        if column.is_category:
            at += len(column.labels) + 1
            never += [] if column.has_other else [at - 1]
    return never


def _expected_shapes(spec: NetworkSpec) -> list[tuple[str, tuple[int, ...]]]:
    shapes: list[tuple[str, tuple[int, ...]]] = [(f"scaling.{name}", (spec.n_inputs,)) for name in ("mean", "std")]
    for i, (fan_in, fan_out) in enumerate(pairwise(spec.layer_sizes), start=1):
        shapes += [(f"dense_{i}.kernel", (fan_in, fan_out)), (f"dense_{i}.bias", (fan_out,))]
    return shapes
