"""NumPy, Keras and PyTorch are the same network behind the same functions: one body, looped over all."""

from __future__ import annotations

import dataclasses
import inspect
import re

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from throughline.data.features import feature_names
from throughline.errors import UsageError
from throughline.frameworks import numpy_net
from throughline.frameworks.base import FRAMEWORKS, PRELOAD, STOCK_RULES, Epoch, Framework, best_epoch, load_framework
from throughline.scratch import sigmoid
from throughline.spec import TrainSpec
from throughline.verify.reference import numpy_answers
from throughline.verify.tolerance import derive_tolerance

from . import contract
from .contract import CASES, N_ROWS, TRAIN_CASES, case_name, labels, raw_rows, seeded_weights

FLOAT64 = [spec for spec in CASES if spec.dtype == "float64"]


def cases(specs=CASES):
    return pytest.mark.parametrize("spec", specs, ids=case_name)


def share_of_tolerance(spec, weights, X, answers):
    tolerance = derive_tolerance(spec, weights, X, "float32").rounding_only
    return (np.abs(answers - numpy_answers(spec, weights, X)) / tolerance).max()


def cross_entropy(probabilities, y):
    p = np.asarray(probabilities, np.float64)
    return float(-np.mean(np.where(y == 1, np.log(p), np.log(1 - p))))


# --- the network -----------------------------------------------------------------------------------------------------


@cases()
def test_answers_are_those_of_the_float64_reference_within_rounding(asked, spec):
    weights = seeded_weights(spec, 11)
    found = asked.network(spec)
    X = raw_rows(weights, N_ROWS, 1)
    assert found["answers"].shape == (N_ROWS,)
    assert found["answers"].dtype == spec.dtype
    assert np.ptp(found["answers"]) > 0.02  # rows that all give one answer would prove nothing
    assert share_of_tolerance(spec, weights, X, found["answers"]) <= 1
    assert share_of_tolerance(spec, weights, X[:1], found["one row"]) <= 1
    assert share_of_tolerance(spec, weights, X[::2], found["strided"]) <= 1


@cases()
def test_weights_come_back_exactly(asked, spec):
    given = seeded_weights(spec, 11).named_arrays()
    found = asked.network(spec)
    for name, array in given.items():
        back = found[f"built {name}"]
        assert (back.shape, back.dtype) == (array.shape, array.dtype), name
        # Keras keeps the variance: its root is within one unit in the last place of what was given.
        assert_array_almost_exact(back, array, ulps=1 if name == "scaling.std" else 0)
    assert found.keys() >= {f"built {name}" for name in given}


@cases()
def test_overwriting_replaces_all_of_it_scaling_included(asked, spec):
    second = seeded_weights(spec, 12)
    found = asked.network(spec)
    for name, array in second.named_arrays().items():
        assert_array_almost_exact(found[f"overwritten {name}"], array, ulps=1 if name == "scaling.std" else 0)
    assert share_of_tolerance(spec, second, raw_rows(second, N_ROWS, 2), found["answers of second"]) <= 1


@cases()
def test_neither_gradients_nor_changed_copies_change_the_network(asked, spec):
    found = asked.network(spec)
    assert_array_equal(found["answers after gradients"], found["answers"])
    assert_array_equal(found["answers after changed copies"], found["answers"])


@cases(FLOAT64)
def test_gradients_are_those_of_backpropagation(asked, spec):
    weights = seeded_weights(spec, 11)
    X = raw_rows(weights, N_ROWS, 1).astype(np.float64)
    expected = numpy_net.gradients(numpy_net.build(spec, weights), X, labels(N_ROWS))
    found = asked.network(spec)
    assert f"gradient {len(expected)}" not in found
    for i, gradient in enumerate(expected):
        assert found[f"gradient {i}"].dtype == np.float64
        assert_allclose(found[f"gradient {i}"], gradient, rtol=1e-10, atol=1e-10 * np.abs(gradient).max())
        assert np.abs(gradient).max() > 0


@pytest.mark.parametrize("std", contract.NARROW)
def test_narrow_columns_are_answered_right_or_refused_in_words(asked, framework, std):
    answers = asked.narrow[str(std)]
    if framework == "keras" and std < 1e-7:
        assert answers.startswith("the standard deviation of every column must be at least 1e-07")
    else:
        assert share_of_tolerance(*contract.narrow_columns(std), np.array(answers)) <= 1


# --- the training ----------------------------------------------------------------------------------------------------


@pytest.fixture(params=TRAIN_CASES)
def name(request):
    return request.param


def test_every_epoch_is_told_once_and_in_order(asked, name):
    told = [event[name] for event in asked.epochs_told if name in event]
    assert told == asked.training[name]["epochs"]
    assert [epoch["number"] for epoch in told] == list(range(1, len(told) + 1))


def test_training_lowers_the_validation_loss(asked, name, split):
    spec, initial = contract.training_weights(split, "float64" if name == "float64" else "float32")
    before = cross_entropy(numpy_answers(spec, initial, split.X_val), split.y_val)
    kept, _ = contract.read_kept(asked.folder, name)
    after = cross_entropy(numpy_answers(spec, kept, split.X_val), split.y_val)
    assert after < (0.6 if name in ("float32", "float64") else 1.0) * before


def test_scaling_is_not_trained(asked, name, split):
    kept, spec = contract.read_kept(asked.folder, name)
    _, initial = contract.training_weights(split, spec.dtype)
    assert_array_equal(kept.mean, initial.mean)
    assert_array_almost_exact(kept.std, initial.std, ulps=1)


def test_weights_of_the_best_epoch_are_kept(asked, framework, name, split):
    epochs = [Epoch(**epoch) for epoch in asked.training[name]["epochs"]]
    best = epochs[best_epoch(epochs) - 1]
    kept, spec = contract.read_kept(asked.folder, name)
    again = numpy_answers(spec, kept, split.X_val)
    rtol = 1e-12 if spec.dtype == "float64" and framework != "keras" else 1e-5  # Keras averages losses in float32
    assert_allclose(cross_entropy(again, split.y_val), best.val_loss, rtol=rtol)
    assert_allclose(cross_entropy(asked.training[name]["val"], split.y_val), best.val_loss, rtol=rtol)
    assert np.mean((again > 0.5) == split.y_val) == pytest.approx(best.val_accuracy, abs=1e-6)
    # The tolerance above must tell epochs apart, or any epoch's weights would have passed.
    others = [epoch.val_loss for epoch in epochs if epoch.number != best.number]
    assert min(others) > best.val_loss * (1 + 2 * rtol)


def test_training_stops_after_patience(asked, name):
    epochs = [Epoch(**epoch) for epoch in asked.training[name]["epochs"]]
    plan = TRAIN_CASES[name]
    if name == "last epoch is the best":
        assert best_epoch(epochs) == len(epochs) == plan.max_epochs
    else:
        assert len(epochs) == best_epoch(epochs) + plan.patience < plan.max_epochs


def test_same_seed_gives_the_same_weights_bit_for_bit(asked, framework, ask, tmp_path):
    # Keras too, on one thread of the same machine and build; in another process, and after another training.
    names = ["last epoch is the best", "float32"]
    again, _ = ask(framework, "ask_training", split=str(asked.split), folder=str(tmp_path), names=names)
    assert [again[name]["digest"] for name in names] == [asked.training[name]["digest"] for name in names]


def test_dropout_acts_in_training_alone(asked, split):
    spec, weights = contract.training_weights(split, "float32")
    without = cross_entropy(numpy_answers(spec, weights, split.X_train), split.y_train)
    validation = cross_entropy(numpy_answers(spec, weights, split.X_val), split.y_val)
    assert asked.dropout["val_loss"] == pytest.approx(validation, rel=1e-5)
    assert abs(asked.dropout["loss"] - without) > 0.02 * without


# --- everything a spec can say ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", contract.OUTPUT_CASES)
def test_every_activation_and_output_answers_as_the_reference(asked, framework, name):
    spec = contract.OUTPUT_CASES[name]
    weights = seeded_weights(spec, 11)
    exact = numpy_net.build(dataclasses.replace(spec, dtype="float64"), weights.astype("float64"))
    X = raw_rows(weights, N_ROWS, 1)
    with np.load(asked.folder / f"{name}.npz") as found:
        answered, gradients = found["answers"], [found[key] for key in found if key.startswith("gradient")]
    expected = numpy_net.predict(exact, X)
    rtol = 1e-11 if spec.dtype == "float64" else 1e-4
    if framework == "keras" and spec.hidden_activation == "gelu":
        rtol = 1e-6  # TensorFlow rounds the square root of 2 in it to float32, whatever the dtype
    assert answered.shape == ((N_ROWS, 3) if spec.output == "softmax" else (N_ROWS,))
    assert_allclose(answered, expected, rtol=rtol, atol=rtol)
    wanted = numpy_net.gradients(exact, X.astype(np.float64), contract.labels_for(spec, N_ROWS))
    for ours, theirs in zip(wanted, gradients, strict=True):
        assert_allclose(theirs, ours, rtol=10 * rtol, atol=10 * rtol * np.abs(ours).max())


@pytest.mark.parametrize("name", contract.WIDE_CASES)
def test_stock_training_in_a_fixed_order_is_the_training_of_the_reference(asked, framework, split, name):
    spec, plan, weights, rows = contract.wide_case(name, split)
    told = asked.wide[name]
    if framework == "keras" and plan.weight_mean == "weights":
        assert told.startswith("weight_mean must be 'rows' for the weights of Keras, but got 'weights'")
        return
    # The reference follows whatever rules the framework's stock optimizers have.
    rules = {field: own for field, (_, own) in STOCK_RULES.get(framework, {}).items()}
    network = numpy_net.build(spec, weights)
    epochs = numpy_net.fit(network, dataclasses.replace(plan, **rules), rows, lambda epoch: None)
    assert len(told) == len(epochs)
    # Keras keeps the learning rate, the momentum and its means of losses in float32, whatever the network's dtype.
    rtol = 3e-5 if framework == "keras" else 1e-9
    for theirs, ours in zip(told, epochs, strict=True):
        assert_allclose(theirs["loss"], ours.loss, rtol=rtol)
        assert_allclose(theirs["val_loss"], ours.val_loss, rtol=rtol)
        assert_allclose(theirs["val_accuracy"], ours.val_accuracy, atol=1e-5)
    kept, _ = contract.load_weights(asked.folder / f"wide {name}.safetensors")
    for theirs, ours in zip(kept.parameters, numpy_net.get_weights(network).parameters, strict=True):
        assert_allclose(theirs, ours, rtol=rtol, atol=rtol)
    moved = [np.abs(array - first).max() for array, first in zip(kept.parameters, weights.parameters, strict=True)]
    assert min(moved) > 100 * rtol


def test_losses_are_means_by_the_weights_and_the_best_of_them_is_kept(asked, framework, split):
    spec, _, start, _ = contract.wide_case("sgd", split)
    rows, trained = contract.repeated(split)[0], asked.repeated[0]
    kernels, biases = (tuple(np.array(values) for values in trained["parameters"][i::2]) for i in (0, 1))
    kept = dataclasses.replace(start, kernels=kernels, biases=biases)
    best = min(epoch["val_loss"] for epoch in trained["epochs"])
    # The first epoch is a single batch: its loss is that of the start.
    for weights, part, told in ((start, "train", trained["epochs"][0]["loss"]), (kept, "val", best)):
        p, y = numpy_answers(spec, weights, getattr(split, f"X_{part}")), getattr(split, f"y_{part}")
        losses = -np.where(y == 1, np.log(p), np.log(1 - p))
        counted = getattr(rows, f"weights_{part}").astype(np.float64)
        assert_allclose(told, np.average(losses, weights=counted), rtol=1e-6 if framework == "keras" else 1e-12)
        assert abs(losses.mean() - told) > 1e-3 * told


def test_a_row_of_weight_2_is_the_row_twice(asked, framework):
    with_weights, with_repeats = asked.repeated
    # Weights are float32 numbers, whose mean rounds; Keras takes means of losses in float32, too.
    rtol = 3e-5 if framework == "keras" else 1e-6
    assert len(with_weights["epochs"]) == len(with_repeats["epochs"]) > 4
    for ours, theirs in zip(with_weights["epochs"], with_repeats["epochs"], strict=True):
        assert_allclose([ours["loss"], ours["val_loss"]], [theirs["loss"], theirs["val_loss"]], rtol=rtol)
    for ours, theirs in zip(with_weights["parameters"], with_repeats["parameters"], strict=True):
        assert_allclose(ours, theirs, rtol=rtol, atol=rtol)


def to_arrays(lists):
    return tuple(np.array(values) for values in lists)


def test_a_training_that_diverges_stops_in_words_and_leaves_good_weights(asked):
    said = asked.wide["diverges"]
    assert re.search(r"diverged in epoch \d+.*weight.* layer \d", said), said
    left, _ = contract.load_weights(asked.folder / "diverged.safetensors")
    assert all(np.isfinite(array).all() for array in left.parameters)


def test_empty_cells_and_categories_are_the_same_network_in_every_framework(asked, framework, split):
    spec, weights, rows = contract.columns_case(split)
    network = numpy_net.build(spec, weights)
    reference = numpy_net.fit(network, TrainSpec(**contract.FIXED), rows, lambda epoch: None)
    with np.load(asked.folder / "columns.npz") as found:
        for name, array in weights.named_arrays().items():
            assert_array_almost_exact(found[f"built {name}"], array, ulps=1 if name == "scaling.std" else 0)
        kept, _ = contract.load_weights(asked.folder / "columns.safetensors")
        assert_allclose(found["answers"], numpy_answers(spec, kept, rows.X_test), rtol=1e-12)
        assert np.isfinite(found["answers"]).all()
        trained = numpy_net.build(spec, kept)
        for i, gradient in enumerate(numpy_net.gradients(trained, rows.X_test.astype(np.float64), rows.y_test)):
            assert_allclose(found[f"gradient {i}"], gradient, rtol=1e-9, atol=1e-11)
    # Adam's epsilon stands elsewhere in Keras, and it rounds its constants to float32.
    rtol = 1e-2 if framework == "keras" else 1e-9
    assert_allclose([epoch["loss"] for epoch in asked.columns], [epoch.loss for epoch in reference], rtol=rtol)
    unseen = [i for i, name in enumerate(feature_names(spec.columns)) if name == "c = other"]
    assert not weights.kernels[0][unseen].any()


# --- the table of frameworks -----------------------------------------------------------------------------------------


def test_preload_names_what_each_framework_needs():
    assert PRELOAD.keys() == FRAMEWORKS.keys()


@pytest.mark.xdist_group("torch")
@pytest.mark.parametrize("function", [name for name in vars(Framework) if not name.startswith("_")])
def test_each_framework_has_every_function_with_the_same_parameters(function):
    # Keras' module imports TensorFlow inside its functions only, so all three may be looked at here.
    wanted = [name for name in inspect.signature(getattr(Framework, function)).parameters if name != "self"]
    for name in FRAMEWORKS:
        assert list(inspect.signature(getattr(load_framework(name), function)).parameters) == wanted


def test_unknown_framework_is_refused_with_the_known_ones():
    with pytest.raises(UsageError, match="one of numpy, keras, torch, but got 'jax'"):
        load_framework("jax")


def test_best_epoch_is_the_first_of_equals():
    losses = [0.5, 0.3, 0.3, 0.4]
    assert best_epoch([Epoch(i, 1.0, loss, 0.5) for i, loss in enumerate(losses, start=1)]) == 2


def test_reference_itself_is_the_formula_written_out():
    spec = CASES[0]
    weights = seeded_weights(spec, 11).astype("float64")
    X = raw_rows(weights, 4, 1).astype(np.float64)
    hidden = np.maximum((X - weights.mean) / weights.std @ weights.kernels[0] + weights.biases[0], 0)
    expected = sigmoid(hidden @ weights.kernels[1] + weights.biases[1])[:, 0]
    assert_allclose(numpy_answers(spec, weights, X), expected, rtol=1e-14)


def assert_array_almost_exact(back, given, ulps):
    assert back.dtype == given.dtype
    assert np.all(np.abs(back - given) <= ulps * np.spacing(np.abs(given)))
