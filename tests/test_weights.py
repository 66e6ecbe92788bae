"""Weights: the currency between frameworks, on disk whole or not at all, and suspicious of what it reads."""

from __future__ import annotations

import dataclasses
import json
import struct

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from safetensors.numpy import load_file, save_file

from throughline.errors import DataError, SpecError, UsageError
from throughline.spec import NetworkSpec
from throughline.weights import Weights, initial_weights, load_weights

SPEC = NetworkSpec(n_inputs=3, hidden_units=(5, 4), seed=2)


def seeded_weights(spec=SPEC):
    rng = np.random.default_rng(0)
    drawn = initial_weights(spec, [1.0, -2e4, 0.5], [2.0, 3e3, 1e-3])
    return dataclasses.replace(drawn, biases=tuple(rng.normal(size=b.shape).astype(b.dtype) for b in drawn.biases))


def assert_equal_weights(first, second):
    assert list(first.named_arrays()) == list(second.named_arrays())
    for name, array in first.named_arrays().items():
        assert array.dtype == second.named_arrays()[name].dtype
        assert_array_equal(array, second.named_arrays()[name])


# --- in memory -------------------------------------------------------------------------------------------------------


def test_initial_kernels_are_glorot_uniform_and_biases_zero():
    spec = NetworkSpec(n_inputs=200, hidden_units=(300,), seed=4)
    weights = initial_weights(spec, np.zeros(200), np.ones(200))
    limit = np.sqrt(6 / 500)
    kernel = weights.kernels[0]
    assert limit * 0.999 < np.abs(kernel).max() <= limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.01)
    assert abs(kernel.mean()) < 0.01 * limit
    assert not any(bias.any() for bias in weights.biases)


def test_seed_decides_and_both_dtypes_start_from_the_same_point():
    mean, std = np.zeros(3), np.ones(3)
    first = initial_weights(SPEC, mean, std)
    assert_equal_weights(first, initial_weights(SPEC, mean, std))
    assert first.digest != initial_weights(dataclasses.replace(SPEC, seed=3), mean, std).digest
    double = initial_weights(dataclasses.replace(SPEC, dtype="float64"), mean, std)
    assert_equal_weights(first, double.astype("float32"))
    assert {array.dtype.name for array in double.named_arrays().values()} == {"float64"}


def test_parameters_and_back():
    weights = seeded_weights()
    assert [array.shape for array in weights.parameters] == [(3, 5), (5,), (5, 4), (4,), (4, 1), (1,)]
    assert_equal_weights(weights.with_parameters(weights.parameters), weights)
    doubled = weights.with_parameters([2 * array for array in weights.parameters])
    assert_array_equal(doubled.kernels[1], 2 * weights.kernels[1])
    assert_array_equal(doubled.mean, weights.mean)


def test_astype_copies():
    weights = seeded_weights()
    copied = weights.astype("float32")
    copied.kernels[0][0, 0] = 99
    assert weights.kernels[0][0, 0] != 99


def test_digest_covers_every_number_its_place_and_its_type():
    weights = seeded_weights()
    digests = {weights.digest, weights.astype("float64").digest}
    for array in weights.named_arrays().values():
        kept = array.flat[0]
        array.flat[0] = np.nextafter(kept, np.float32(np.inf))
        digests.add(weights.digest)
        array.flat[0] = kept
    digests.add(dataclasses.replace(weights, mean=weights.std, std=weights.mean).digest)
    digests.add(dataclasses.replace(weights, mean=weights.mean.view(np.int32)).digest)  # the same bytes
    digests.add(dataclasses.replace(weights, mean=weights.mean[:, None]).digest)
    assert len(digests) == 2 + 8 + 3
    assert seeded_weights().digest == weights.digest
    strided = dataclasses.replace(weights, kernels=tuple(np.asfortranarray(kernel) for kernel in weights.kernels))
    assert strided.digest == weights.digest


# --- on disk ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_is_saved_comes_back_bit_for_bit(tmp_path, dtype):
    spec = dataclasses.replace(SPEC, dtype=dtype)
    weights = seeded_weights(spec)
    weights.save(tmp_path / "w.safetensors", spec)
    back, back_spec = load_weights(tmp_path / "w.safetensors")
    assert back_spec == spec
    assert_equal_weights(back, weights)
    assert back.digest == weights.digest
    assert [path.name for path in tmp_path.iterdir()] == ["w.safetensors"]


def test_transposed_views_are_saved_as_what_they_show(tmp_path):
    weights = seeded_weights()
    views = dataclasses.replace(weights, kernels=tuple(kernel.T.copy().T for kernel in weights.kernels))
    assert not views.kernels[0].flags.c_contiguous
    views.save(tmp_path / "w.safetensors", SPEC)
    assert_equal_weights(load_weights(tmp_path / "w.safetensors")[0], weights)


def test_other_tools_read_the_file(tmp_path):
    weights = seeded_weights()
    weights.save(tmp_path / "w.safetensors", SPEC)
    arrays = load_file(tmp_path / "w.safetensors")
    assert set(arrays) == set(weights.named_arrays())
    assert_array_equal(arrays["dense_2.kernel"], weights.kernels[1])
    content = (tmp_path / "w.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    assert json.loads(content[8 : 8 + length])["__metadata__"] == {"network_spec": SPEC.to_json()}


def test_saving_again_replaces_the_file(tmp_path):
    path = tmp_path / "w.safetensors"
    seeded_weights().save(path, SPEC)
    other = initial_weights(SPEC, np.zeros(3), np.ones(3))
    other.save(path, SPEC)
    assert load_weights(path)[0].digest == other.digest


@pytest.mark.parametrize(
    "change",
    [
        {"mean": np.zeros(4, np.float32)},
        {"std": np.ones((3, 1), np.float32)},
        {"mean": np.zeros(3)},
        {"kernels": tuple(kernel.T for kernel in seeded_weights().kernels)},
        {"kernels": tuple(kernel.astype(np.float16) for kernel in seeded_weights().kernels)},
        {"kernels": seeded_weights().kernels[:2], "biases": seeded_weights().biases[:2]},
        {"biases": tuple(bias[:, None] for bias in seeded_weights().biases)},
    ],
    ids=["long mean", "std of two axes", "double mean", "transposed", "half", "a layer less", "bias of two axes"],
)
def test_weights_of_another_spec_are_not_written(tmp_path, change):
    weights = dataclasses.replace(seeded_weights(), **change)
    with pytest.raises(SpecError, match="weights"):
        weights.check(SPEC)
    with pytest.raises(SpecError, match="weights"):
        weights.save(tmp_path / "w.safetensors", SPEC)
    assert list(tmp_path.iterdir()) == []


def test_failed_save_leaves_neither_a_part_nor_a_changed_file(tmp_path):
    path = tmp_path / "w.safetensors"
    path.mkdir()  # what stands there cannot be replaced by a file
    with pytest.raises(OSError, match=r"w\.safetensors"):
        seeded_weights().save(path, SPEC)
    assert [entry.name for entry in tmp_path.iterdir()] == ["w.safetensors"]
    assert path.is_dir()


# --- what is not ours ------------------------------------------------------------------------------------------------


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "w.safetensors"
    seeded_weights().save(path, SPEC)
    return path


@pytest.mark.parametrize("keep", [0, 4, 8, 100, -1])
def test_truncated_file_is_refused(saved, keep):
    saved.write_bytes(saved.read_bytes()[:keep])
    with pytest.raises(DataError, match="a safetensors file written by Throughline"):
        load_weights(saved)


def test_every_single_flipped_byte_of_the_header_is_refused_or_harmless(saved):
    content = saved.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    expected = seeded_weights()
    refused = 0
    for at in range(8 + length):
        saved.write_bytes(content[:at] + bytes([content[at] ^ 0x01]) + content[at + 1 :])
        try:
            weights, spec = load_weights(saved)
        except UsageError:
            refused += 1
            continue
        # What still loads is another seed or dropout rate, or the same arrays in the same places.
        weights.check(spec)
        assert weights.digest == expected.digest
    assert refused > 0.9 * length


@pytest.mark.parametrize("content", [b"", b"not a safetensors file", b"\x80\x04\x95pickle", b"\xff" * 64, b"{}" * 50])
def test_foreign_bytes_are_refused(tmp_path, content):
    path = tmp_path / "foreign"
    path.write_bytes(content)
    with pytest.raises(DataError, match="export it again"):
        load_weights(path)


def test_missing_file_and_folder_are_refused_by_name(tmp_path):
    for path in (tmp_path / "nowhere.safetensors", tmp_path):
        with pytest.raises(DataError) as raised:
            load_weights(path)
        assert str(path) in str(raised.value)


def rewritten(path, edit_arrays=lambda arrays: arrays, metadata=None):
    arrays = {name: array.copy() for name, array in load_file(path).items()}
    save_file(edit_arrays(arrays), path, metadata={"network_spec": SPEC.to_json()} if metadata is None else metadata)


@pytest.mark.parametrize("metadata", [{}, {"format": "pt"}, {"network_spec": "{}"}, {"network_spec": "???"}])
def test_safetensors_file_of_others_is_refused(saved, metadata):
    rewritten(saved, metadata=metadata)
    with pytest.raises(UsageError) as raised:
        load_weights(saved)
    assert raised.value.exit_status == 2


def test_spec_of_another_network_is_refused(saved):
    other = dataclasses.replace(SPEC, hidden_units=(5, 3))
    rewritten(saved, metadata={"network_spec": other.to_json()})
    with pytest.raises(
        SpecError, match=r"dense_2.kernel.*float32 of shape \(5, 3\), but got float32 of shape \(5, 4\)"
    ):
        load_weights(saved)


def test_missing_array_is_named(saved):
    rewritten(saved, lambda arrays: {name: array for name, array in arrays.items() if name != "dense_2.bias"})
    with pytest.raises(DataError, match=r"dense_2\.bias"):
        load_weights(saved)


def test_array_too_many_is_named(saved):
    rewritten(saved, lambda arrays: arrays | {"dense_4.kernel": np.zeros((1, 1), np.float32)})
    with pytest.raises(DataError, match=r"dense_4\.kernel"):
        load_weights(saved)


def test_array_of_another_type_is_refused(saved):
    rewritten(saved, lambda arrays: arrays | {"scaling.std": arrays["scaling.std"].astype(np.float64)})
    with pytest.raises(SpecError, match=r"scaling\.std"):
        load_weights(saved)


def test_weights_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        seeded_weights().mean = np.zeros(3)
    assert isinstance(seeded_weights(), Weights)
