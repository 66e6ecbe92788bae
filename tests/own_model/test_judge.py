"""The judge: what it passes, what it fails, and that it cannot pass empty."""

from __future__ import annotations

import numpy as np
import pytest

from throughline.errors import OutputShapeError, OutputValueError
from throughline.own_model.judge import judge, labels_of

RNG = np.random.default_rng(0)
EXPECTED = RNG.normal(size=(6, 3)).astype(np.float32)
ROUNDING, COARSE = np.full(6, 1e-7), np.full(6, 1e-4)
NOISE = {"rounding/out": ROUNDING, "float16/out": COARSE, "int8/out": np.full(6, 10.0)}


def judged(found, noise_name="rounding", expected=EXPECTED):
    return judge({2: {"out": found}}, {2: {"out": expected}}, NOISE, noise_name)


def test_equal_answers_are_identical():
    assert judged(EXPECTED.copy()).verdict == "identical"


@pytest.mark.parametrize(
    ("moved", "noise_name", "verdict"),
    [
        (3e-7, "rounding", "rounding"),
        (3e-7, "float16", "rounding"),
        (3e-4, "float16", "explained (float16 weights)"),
        (3e-4, "rounding", "unexplained"),
        (3e-2, "float16", "unexplained"),
    ],
)
def test_verdict_follows_the_size_of_the_difference(moved, noise_name, verdict):
    found = EXPECTED.copy()
    found[4, 1] += moved
    judgement = judged(found, noise_name)
    assert judgement.verdict == verdict
    assert bool(judgement.failure) == (verdict == "unexplained")
    assert judgement.outputs[0].largest_difference == pytest.approx(moved, rel=0.3)
    if verdict == "unexplained":
        assert "row 4" in judgement.failure


def test_a_row_with_little_noise_of_its_own_is_judged_by_it():
    noise = {"rounding/out": np.array([1e-3, 1e-3, 1e-3, 1e-3, 1e-9, 1e-3])}
    found = EXPECTED.copy()
    found[4] += 1e-4
    assert judge({2: {"out": found}}, {2: {"out": EXPECTED}}, noise, "rounding").verdict == "unexplained"


def test_rows_in_another_order_are_caught():
    assert judged(EXPECTED[::-1].copy(), "float16").failure


def test_a_tolerance_as_wide_as_rows_differ_proves_nothing():
    assert "prove nothing" in judged(EXPECTED.copy(), "int8").failure


def test_rows_that_prove_nothing_are_counted():
    expected = np.arange(12, dtype=np.float32).reshape(6, 2) / 10
    for n_wide, passes in ((0, True), (2, True), (4, False)):
        noise = {"rounding/out": np.where(np.arange(6) < n_wide, 1.0, 1e-7)}
        judgement = judge({2: {"out": expected}}, {2: {"out": expected}}, noise, "rounding")
        assert judgement.outputs[0].n_telling == 6 - n_wide
        assert (judgement.failure == "") == passes


@pytest.mark.parametrize("wrong", [EXPECTED[:5], EXPECTED[:, :2], EXPECTED[:, :, None]])
def test_another_shape_is_refused(wrong):
    with pytest.raises(OutputShapeError):
        judged(wrong)


def test_nothing_compared_is_a_failure():
    with pytest.raises(OutputShapeError):
        judge({}, {}, NOISE, "rounding")
    with pytest.raises(OutputShapeError):
        judge({}, {2: {"out": EXPECTED}}, NOISE, "rounding")


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(value):
    found = EXPECTED.copy()
    found[0, 0] = value
    with pytest.raises(OutputValueError):
        judged(found)


def test_flips_are_counted():
    expected = np.array([[0.5, 0.5 + 1e-6], [0.9, 0.1], [0.1, 0.9], [0.3, 0.7]], np.float32)
    found = expected.copy()
    found[0] = expected[0, ::-1]
    noise = {"rounding/out": np.full(4, 1e-6)}
    judgement = judge({1: {"out": found}}, {1: {"out": expected}}, noise, "rounding")
    assert judgement.outputs[0].n_flips == 1


def test_labels_of_values_that_are_no_probabilities():
    assert labels_of(np.array([[3.0], [-1.0]])) is None


def test_false_alarms_are_as_rare_as_promised():
    # Honest differences: as many draws as the source makes, and one more of the same kind.
    from throughline.own_model.answers import N_DRAWS

    rng = np.random.default_rng(1)
    for _ in range(500):
        scale = 10.0 ** rng.uniform(-7, -5, 6)
        draws = rng.normal(size=(N_DRAWS, 6, 3)) * scale[None, :, None]
        noise = {"rounding/out": np.sqrt(np.square(np.abs(draws).max(axis=2)).mean(axis=0))}
        found = (EXPECTED + rng.normal(size=(6, 3)) * scale[:, None]).astype(np.float32)
        assert judge({2: {"out": found}}, {2: {"out": EXPECTED}}, noise, "rounding").verdict == "rounding"
