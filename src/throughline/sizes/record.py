"""What was measured of sizes, and what was fitted to it, as one JSON file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise

import msgspec

from throughline.record import Environment
from throughline.spec import NetworkSpec

MEASURED_NAME = "measured.json"
SCALING_BYTES = 8  # mean and deviation of one input, which stay in float32 in every format


@dataclass(frozen=True, kw_only=True)
class Export:
    """The bytes of one network in one format."""

    layer_sizes: list[int]
    n_parameters: int
    size_bytes: int


@dataclass(frozen=True, kw_only=True)
class SizeModel:
    """``fixed + per_weight * entries of kernels + per_unit * units``, fitted to exports of one format.

    Where small kernels stay in float32, their entries and units have coefficients of their own.

    The mean and deviation of an input take 8 bytes more or less for networks with other inputs than the family.

    Attributes
    ----------
    name, title, runtime, stored_as :
        As in `formats.base.Format`.
    short_from : int
        Kernels with fewer entries stay in float32; 0 where there is no such rule.
    fixed, per_weight, per_unit : float
        Bytes.
    per_weight_kept, per_unit_kept : float
        Bytes of entries and units of kernels that stay in float32; 0 where there is no such rule.
    n_inputs : int
        Of the family.
    largest_error : float
        Of the exports it was fitted to, as a share of their size.
    exports : list of Export
    """

    name: str
    title: str
    runtime: str
    stored_as: str
    fixed: float
    per_weight: float
    per_unit: float
    per_weight_kept: float
    per_unit_kept: float
    short_from: int
    n_inputs: int
    largest_error: float
    exports: list[Export]

    def predict(self, spec: NetworkSpec) -> float:
        """Return the bytes that a network will take."""
        coefficients = (self.per_weight, self.per_unit, self.per_weight_kept, self.per_unit_kept)
        parts = (each * n for each, n in zip(coefficients, counts(spec, self.short_from), strict=True))
        return self.fixed + sum(parts) + SCALING_BYTES * (spec.n_inputs - self.n_inputs)


@dataclass(frozen=True, kw_only=True)
class Payoff:
    """From which size on a format with a shorter type is smaller than the float32 format of its runtime.

    Attributes
    ----------
    name, base : str
        Formats.
    n_parameters : int or None
        Of the smallest network of the family from which on the shorter one is smaller, as predicted; None if never.
    just_below, just_above : (int, int, int) or None
        Parameters and measured bytes, shorter and base, of the last network before and the first one from there.
    confirmed : bool
        Whether the measurement on both sides says the same as the prediction.
    near_full_gain : int or None
        Parameters from which on the size is within a tenth of the share that the types alone would give.
    ratio_of_types : float
        That share: 0.5 for float16, 0.25 for int8.
    """

    name: str
    base: str
    n_parameters: int | None
    just_below: tuple[int, int, int] | None
    just_above: tuple[int, int, int] | None
    confirmed: bool
    near_full_gain: int | None
    ratio_of_types: float


@dataclass(frozen=True, kw_only=True)
class SizesRecord:
    """The whole measurement."""

    models: list[SizeModel]
    payoffs: list[Payoff]
    wall_s: float
    environment: Environment

    def to_json(self) -> str:
        """Write it as indented JSON."""
        return json.dumps(msgspec.to_builtins(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def model_of(self, name: str) -> SizeModel | None:
        """Return the model of a format, or None if it was not measured."""
        return next((model for model in self.models if model.name == name), None)


def counts(spec: NetworkSpec, short_from: int = 0) -> tuple[int, int, int, int]:
    """Return entries and units of the kernels with at least `short_from` entries, then those of the others.

    Examples
    --------
    >>> counts(NetworkSpec(n_inputs=20)), counts(NetworkSpec(n_inputs=20), 1024)
    ((3360, 97, 0, 0), (3328, 96, 32, 1))
    """
    found = [0, 0, 0, 0]
    for fan_in, fan_out in pairwise(spec.layer_sizes):
        at = 0 if fan_in * fan_out >= short_from else 2
        found[at] += fan_in * fan_out
        found[at + 1] += fan_out
    return found[0], found[1], found[2], found[3]


def load_measured() -> SizesRecord | None:
    """Return the measurement that comes with the package."""
    file = resources.files("throughline.sizes").joinpath(MEASURED_NAME)
    return msgspec.json.decode(file.read_bytes(), type=SizesRecord) if file.is_file() else None
