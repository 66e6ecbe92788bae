"""What was measured of sizes, and what was fitted to it, as one JSON file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib import resources

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

    The mean and deviation of an input take 8 bytes more or less for networks with other inputs than the family.

    Attributes
    ----------
    name, title, runtime, stored_as :
        As in `formats.base.Format`.
    fixed, per_weight, per_unit : float
        Bytes.
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
    n_inputs: int
    largest_error: float
    exports: list[Export]

    def predict(self, spec: NetworkSpec) -> float:
        """Return the bytes that a network will take."""
        n_weights, n_units = counts(spec)
        scaling = SCALING_BYTES * (spec.n_inputs - self.n_inputs)
        return self.fixed + self.per_weight * n_weights + self.per_unit * n_units + scaling


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


def counts(spec: NetworkSpec) -> tuple[int, int]:
    """Return the entries of all kernels, and the units of all layers.

    Examples
    --------
    >>> counts(NetworkSpec(n_inputs=20))
    (3360, 97)
    """
    sizes = spec.layer_sizes
    n_units = sum(sizes[1:])
    return spec.n_parameters - n_units, n_units


def load_measured() -> SizesRecord | None:
    """Return the measurement that comes with the package."""
    file = resources.files("throughline.sizes").joinpath(MEASURED_NAME)
    return msgspec.json.decode(file.read_bytes(), type=SizesRecord) if file.is_file() else None
