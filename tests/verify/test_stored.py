"""Numbers that a file stores against the network's own: what rounding explains, and nothing beyond it."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from throughline.errors import WeightError
from throughline.formats.base import StoredArray
from throughline.spec import NetworkSpec
from throughline.verify.checks import check_weights
from throughline.verify.stored import (
    LEAST_STEPS,
    coarse_units,
    find_bare,
    load_parameters,
    save_parameters,
    share_of_rounding,
    unpacked,
)
from throughline.weights import Weights, initial_weights

# Above the subnormal numbers of float16, and below its largest.
NORMAL = st.floats(2.0**-10, 1000.0, width=32).flatmap(lambda value: st.sampled_from([value, -value]))
KERNELS = arrays.arrays(np.float32, st.tuples(st.integers(1, 6), st.integers(1, 4)), elements=NORMAL)


def weights_of(hidden=(7, 5)) -> Weights:
    drawn = initial_weights(NetworkSpec(n_inputs=4, hidden_units=hidden, seed=3), np.full(4, 2.0), np.full(4, 0.5))
    rng = np.random.default_rng(0)
    return Weights(
        drawn.mean, drawn.std, drawn.kernels, tuple(rng.normal(size=b.shape).astype(np.float32) for b in drawn.biases)
    )


def on_grid(exact, levels=127):
    """Kernel in int8, one step for each output unit."""
    step = (np.abs(exact).max(axis=0) / levels).astype(np.float32)
    return StoredArray(values=np.rint(exact / step).astype(np.int8), step=step)


def stored_in(dtype, weights):
    """All arrays as a file stores them."""

    def stored(name, array):
        if name.startswith("scaling.") or (dtype == "int8" and name.endswith("bias")):
            return StoredArray(values=array.copy())
        return on_grid(array) if dtype == "int8" else StoredArray(values=array.astype(dtype))

    return {name: stored(name, array) for name, array in weights.named_arrays().items()}


@given(KERNELS, st.data())
def test_in_float32_any_bit_counts(exact, data):
    assert share_of_rounding(StoredArray(values=exact), exact).max() == 0
    wrong = exact.copy()
    at, bit = data.draw(st.integers(0, exact.size - 1)), data.draw(st.integers(0, 31))
    wrong.reshape(-1).view(np.uint32)[at] ^= np.uint32(1 << bit)
    share = share_of_rounding(StoredArray(values=wrong), exact)
    assert share.reshape(-1)[at] == np.inf
    assert np.count_nonzero(share) == 1


@given(KERNELS, st.data())
def test_in_float16_only_the_nearest_number_passes(exact, data):
    rounded = exact.astype(np.float16)
    assert share_of_rounding(StoredArray(values=rounded), exact).max() <= 1
    at, bit = data.draw(st.integers(0, exact.size - 1)), data.draw(st.integers(0, 15))
    wrong = rounded.copy()
    wrong.reshape(-1).view(np.uint16)[at] ^= np.uint16(1 << bit)
    share = share_of_rounding(StoredArray(values=wrong), exact).reshape(-1)[at]
    # Halfway between two numbers both are the nearest.
    halfway = (
        abs(float(exact.reshape(-1)[at]) - float(wrong.reshape(-1)[at]))
        <= float(np.spacing(np.abs(rounded.reshape(-1)[at]))) / 2
    )
    assert share > 1 or halfway


@given(KERNELS, st.integers(-127, 127).filter(bool), st.data())
def test_in_int8_a_number_that_is_off_by_steps_does_not_pass(exact, n_steps, data):
    sound = on_grid(exact)
    assert share_of_rounding(sound, exact).max() <= 1
    assert len(coarse_units(sound, exact)) == 0
    at = data.draw(st.integers(0, exact.size - 1))
    wrong = sound.values.astype(np.int32)
    own = share_of_rounding(sound, exact).reshape(-1)[at]
    wrong.reshape(-1)[at] += n_steps
    share = share_of_rounding(StoredArray(values=wrong, step=sound.step), exact).reshape(-1)[at]
    # The steps beside the nearest are at least as far as it falls short of one: 1 only where both are as near.
    assert share >= (2 * abs(n_steps) - own) * 0.999
    assert share > 1 or own > 0.999


@pytest.mark.parametrize("factor", [0.5, 2.0, 1.01, 0.99])
def test_a_wrong_step_is_a_wrong_kernel(factor):
    exact = weights_of().kernels[1]
    sound = on_grid(exact)
    wrong = StoredArray(values=sound.values, step=(factor * sound.step).astype(np.float32))
    assert share_of_rounding(wrong, exact).max() > 1


def test_a_grid_that_is_too_coarse_excuses_nothing():
    weights = weights_of()
    coarse = on_grid(weights.kernels[1], levels=LEAST_STEPS - 20)
    assert share_of_rounding(coarse, weights.kernels[1]).max() <= 1
    with pytest.raises(WeightError, match=r"The steps of dense_2\.kernel are coarser than 5 of its units need"):
        check_weights(stored_in("int8", weights) | {"dense_2.kernel": coarse}, weights)
    assert len(coarse_units(on_grid(weights.kernels[1], levels=64), weights.kernels[1])) == 0
    silent = np.zeros((3, 2), np.float32)  # a unit without a weight has any step
    assert len(coarse_units(StoredArray(values=silent.astype(np.int8), step=np.ones(2, np.float32)), silent)) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_what_is_not_finite_is_never_explained(value, dtype):
    exact = np.ones((2, 2), np.float32)
    wrong = exact.astype(dtype)
    wrong[1, 0] = value
    assert share_of_rounding(StoredArray(values=wrong), exact)[1, 0] == np.inf
    # Nor where the network's own number has no float16.
    assert share_of_rounding(StoredArray(values=wrong), np.full((2, 2), 1e6, np.float32))[1, 0] == np.inf


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8"])
def test_sound_numbers_pass_and_are_counted(dtype):
    weights = weights_of()
    stored = stored_in(dtype, weights)
    n_numbers = sum(array.values.size for array in stored.values())
    said = check_weights(stored, weights)
    assert said.startswith(f"{n_numbers} numbers as the network has them: ")
    assert {"float32": "float32 equal", "float16": "float16 rounded", "int8": "int8 rounded"}[dtype] in said


def test_one_percent_of_one_weight_is_seen_in_every_type():
    weights = weights_of()
    for dtype in ("float32", "float16"):
        stored = stored_in(dtype, weights)
        stored["dense_2.kernel"].values[3, 1] *= stored["dense_2.kernel"].values.dtype.type(1.01)
        with pytest.raises(WeightError, match=rf"dense_2\.kernel\[3, 1\] is stored in {dtype} as .*; 1 of 35 numbers"):
            check_weights(stored, weights)


def test_missing_misshapen_and_unreadable_arrays_are_named():
    weights = weights_of()
    stored = stored_in("float32", weights)
    without = {name: array for name, array in stored.items() if name != "dense_3.kernel"}
    with pytest.raises(WeightError, match=r"does not hold dense_3\.kernel"):
        check_weights(without, weights)
    turned = StoredArray(values=weights.kernels[1].T)
    with pytest.raises(WeightError, match=r"dense_2\.kernel must have the shape \(7, 5\), but the file holds \(5, 7\)"):
        check_weights(stored | {"dense_2.kernel": turned}, weights)
    with pytest.raises(WeightError, match="cannot be read: ValueError: no header"):
        check_weights({}, weights, "ValueError: no header")
    with pytest.raises(WeightError, match=r"dense_1\.kernel"):
        check_weights({}, weights)


def test_scaling_may_be_stored_otherwise_or_differ_by_roundings_alone():
    weights = weights_of()
    stored = stored_in("float32", weights)
    del stored["scaling.mean"]
    near = StoredArray(values=np.nextafter(weights.std, np.float32(9)))
    assert check_weights(stored | {"scaling.std": near}, weights)
    with pytest.raises(WeightError, match=r"scaling\.std\[0\]"):
        check_weights(stored | {"scaling.std": StoredArray(values=weights.std * np.float32(1.001))}, weights)


def test_a_scaling_that_was_folded_into_the_first_layer_is_folded_here_too():
    weights = weights_of()
    stored = stored_in("float32", weights)
    std, mean = weights.std, weights.mean
    folded = {
        "folded_1.kernel": StoredArray(values=weights.kernels[0] / std[:, None]),
        "folded_1.bias": StoredArray(values=weights.biases[0] - (mean / std) @ weights.kernels[0]),
    }
    others = {name: array for name, array in stored.items() if not name.startswith(("dense_1.", "scaling."))}
    assert check_weights(others | folded, weights)
    # Of linear layers the own bias may have gone on to the next one.
    own = {"folded_1.bias": StoredArray(values=-(mean / std) @ weights.kernels[0])}
    on = {"dense_2.bias": StoredArray(values=weights.biases[1] + weights.biases[0] @ weights.kernels[1])}
    assert check_weights(others | folded | own | on, weights)
    with pytest.raises(WeightError, match=r"dense_2\.bias\["):
        check_weights(others | folded | own, weights)
    wrong = StoredArray(values=folded["folded_1.bias"].values + np.float32(1e-3))
    with pytest.raises(WeightError, match=r"folded_1\.bias\["):
        check_weights(others | folded | {"folded_1.bias": wrong}, weights)


def test_a_bias_that_was_left_out_is_in_that_of_the_next_layer():
    weights = weights_of()
    stored = stored_in("float32", weights)
    del stored["dense_2.bias"]
    with pytest.raises(WeightError, match=r"dense_3\.bias\[0\]"):
        check_weights(stored, weights)
    moved = weights.biases[2] + weights.biases[1] @ weights.kernels[2]
    assert check_weights(stored | {"dense_3.bias": StoredArray(values=moved)}, weights)
    del stored["dense_3.bias"]
    with pytest.raises(WeightError, match=r"does not hold dense_3\.bias"):
        check_weights(stored, weights)
    nothing = Weights(weights.mean, weights.std, weights.kernels, tuple(np.zeros_like(b) for b in weights.biases))
    kernels = {name: array for name, array in stored.items() if not name.endswith("bias")}
    assert check_weights(kernels, nothing)


def test_what_was_written_is_read_back(tmp_path):
    stored = stored_in("int8", weights_of())
    save_parameters(tmp_path / "a.npz", stored)
    found = load_parameters(tmp_path / "a.npz")
    assert list(found) == list(stored)
    for name, array in stored.items():
        assert found[name].values.dtype == array.values.dtype
        np.testing.assert_array_equal(unpacked(found[name]), unpacked(array))


def test_numbers_are_found_in_either_layout_and_bit_for_bit_alone(tmp_path):
    weights = weights_of()
    path = tmp_path / "net.bin"
    content = b"head" + b"".join(np.ascontiguousarray(a.T).tobytes() + b"\x01" for a in weights.named_arrays().values())
    path.write_bytes(content)
    assert list(find_bare(path, weights)) == list(weights.named_arrays())
    assert check_weights(find_bare(path, weights), weights)
    at = content.index(weights.kernels[1].T.copy().tobytes()) + 8
    path.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
    with pytest.raises(WeightError, match=r"does not hold dense_2\.kernel"):
        check_weights(find_bare(path, weights), weights)


def test_a_short_vector_may_be_spread_over_the_code_but_each_of_its_numbers_must_be_there(tmp_path):
    weights = weights_of()
    path = tmp_path / "net.bin"
    bias = np.array([0.37, -1.9, 2.6], np.float32)
    weights = dataclasses.replace(weights, biases=(*weights.biases[:-1], bias))
    others = b"".join(a.tobytes() for name, a in weights.named_arrays().items() if name != "dense_3.bias")
    path.write_bytes(others + b"".join(b"\x90mov" + number.tobytes() for number in bias))
    assert "dense_3.bias" in find_bare(path, weights)
    path.write_bytes(others + b"".join(b"\x90mov" + number.tobytes() for number in bias[:2]))
    assert "dense_3.bias" not in find_bare(path, weights)
    long = dataclasses.replace(weights, biases=(*weights.biases[:-1], np.arange(1, 10, dtype=np.float32) / 7))
    path.write_bytes(b"".join(b"\x90" + number.tobytes() for number in long.biases[-1]))
    assert "dense_3.bias" not in find_bare(path, long)
