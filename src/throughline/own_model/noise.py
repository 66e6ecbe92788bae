r"""What the rounding of each type does to weights, inputs and inner values, drawn at random.

A **draw** answers the sample once more with every number moved as the type could have moved it: by one unit in the
last place, up or down, for float32 arithmetic; by a uniform share of half a step for numbers that are stored in
float16 or on an int8 grid. The spread of such draws is the model's own sensitivity to rounding, whatever its
architecture. This is Monte Carlo arithmetic [1]_ on inputs and parameters; the roundings in between are fresh in each
draw, since other numbers round otherwise.

References
----------
.. [1] D. S. Parker, "Monte Carlo Arithmetic: exploiting randomness in floating-point arithmetic", UCLA CSD-970002,
   1997.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from throughline.weights import Array

BFLOAT16_STEP = 2.0**-7  # between neighbours, as a share of the number, at most


@dataclass(frozen=True)
class Noise:
    """How a type moves numbers.

    Attributes
    ----------
    name : str
    explanation : str
        The verdict on a difference of that size.
    reason : str
    weight_levels, value_levels : int
        Steps of the grid from 0 to the largest weight, and over the whole range of inner values; 0 for no grid.
    """

    name: str
    explanation: str
    reason: str
    weight_levels: int = 0
    value_levels: int = 0

    @property
    def moves_values(self) -> bool:
        """Whether inner values are rounded too, not the parameters alone."""
        return self.value_levels > 0 or self.name == "bfloat16"

    def weight(self, values: Array, rng: np.random.Generator) -> Array:
        """Return a parameter as it could have been stored, in its own dtype."""
        moved = one_unit(values, rng)
        if self.name == "float16":
            moved = values + _float16_step(values) * _half(values.shape, rng)
        elif self.name == "bfloat16":
            moved = values * (1 + BFLOAT16_STEP * _half(values.shape, rng))
        elif self.weight_levels and values.ndim > 1:
            moved = values + np.abs(values).max(initial=0) / self.weight_levels * _half(values.shape, rng)
        return np.asarray(moved, values.dtype)

    def value(self, values: Array, rng: np.random.Generator) -> Array:
        """Return inner values as they could have been rounded."""
        if self.name == "bfloat16":
            return np.asarray(values * (1 + BFLOAT16_STEP * _half(values.shape, rng)), values.dtype)
        # A grid holds 0, so its range does too.
        step = (max(values.max(initial=0), 0) - min(values.min(initial=0), 0)) / self.value_levels
        return np.asarray(values + step * _half(values.shape, rng), values.dtype)


def one_unit(values: Array, rng: np.random.Generator) -> Array:
    """Return every number's neighbour, above or below at random; zeros stay, since nothing rounds them."""
    up = rng.integers(0, 2, values.shape, dtype=np.int8).astype(bool)
    towards = np.where(up, np.inf, -np.inf).astype(values.dtype)
    return np.where(values == 0, values, np.nextafter(values, towards)).astype(values.dtype)


def _half(shape: tuple[int, ...], rng: np.random.Generator) -> Array:
    return rng.uniform(-0.5, 0.5, shape)


def _float16_step(values: Array) -> Array:
    with np.errstate(over="ignore", invalid="ignore"):
        step = np.spacing(np.abs(values).astype(np.float16)).astype(np.float64)
    return np.where(np.isfinite(step), step, 0.0)  # beyond float16 an exporter keeps float32, or fails


ROUNDING = Noise("rounding", "rounding", "weights and inputs moved by one unit in the last place")
NOISES = {
    noise.name: noise
    for noise in (
        ROUNDING,
        Noise("float16", "explained (float16 weights)", "weights moved by up to half a step of float16"),
        Noise("bfloat16", "explained (bfloat16 compute)", "weights and inner values moved by half a bfloat16 step"),
        Noise("int8", "explained (int8)", "weights and inner values moved by up to half a step of 8 bits", 127, 255),
        Noise("int8-7bit", "explained (int8)", "weights moved by half a step of 7 bits, inner values of 8", 63, 255),
    )
}
# What explains a difference of each format beyond rounding.
NOISE_OF_FORMAT = {
    "tflite-float16": "float16",
    "onnx-float16": "float16",
    "tflite-dynamic": "int8",
    "tflite-int8": "int8",
    "onnx-int8": "int8-7bit",
    "openvino-default": "bfloat16",
}
