"""Each type's noise moves numbers by as much as the type itself would, and no further."""

from __future__ import annotations

import numpy as np
import pytest

from throughline.own_model.noise import NOISES, one_unit

RNG = np.random.default_rng(3)
WEIGHTS = RNG.normal(size=(40, 30)).astype(np.float32)


def test_one_unit_is_the_neighbour_and_zero_stays():
    values = np.array([0.0, 1.0, -2.5], np.float32)
    moved = one_unit(values, np.random.default_rng(0))
    assert moved[0] == 0
    assert (np.abs(moved[1:] - values[1:]) <= np.spacing(np.abs(values[1:]))).all()
    assert (moved[1:] != values[1:]).all()


@pytest.mark.parametrize(
    ("name", "step"),
    [
        ("float16", lambda w: np.spacing(np.abs(w).astype(np.float16)).astype(np.float64)),
        ("bfloat16", lambda w: 2.0**-7 * np.abs(w)),
        ("int8", lambda w: np.full(w.shape, np.abs(w).max() / 127)),
        ("int8-7bit", lambda w: np.full(w.shape, np.abs(w).max() / 63)),
    ],
)
def test_weights_move_uniformly_within_half_a_step(name, step):
    moved = NOISES[name].weight(WEIGHTS, np.random.default_rng(0)).astype(np.float64) - WEIGHTS
    share = np.abs(moved) / step(WEIGHTS)
    assert share.max() <= 0.5 + 1e-3
    assert 0.22 < share.mean() < 0.28


def test_float16_noise_is_as_large_as_rounding_to_float16():
    rounded = np.abs(WEIGHTS.astype(np.float16).astype(np.float32) - WEIGHTS)
    moved = np.abs(NOISES["float16"].weight(WEIGHTS, np.random.default_rng(0)) - WEIGHTS)
    assert moved.mean() == pytest.approx(rounded.mean(), rel=0.1)


def test_inner_values_move_within_half_a_step_of_their_range():
    values = RNG.uniform(2, 10, (50, 8)).astype(np.float32)
    moved = NOISES["int8"].value(values, np.random.default_rng(0))
    step = values.max() / 255  # the grid holds 0, too
    assert 0.45 * step < np.abs(moved - values).max() < 0.51 * step
