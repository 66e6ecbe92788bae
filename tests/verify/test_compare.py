"""Comparisons that cannot pass empty, and the matrix of faults: each caught, each by its named check (rule 6)."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from throughline.data.scaling import fit_scaling, scale
from throughline.data.split import Split
from throughline.errors import LabelFlipError, NotFiniteError, OutputShapeError, OutputValueError
from throughline.frameworks import numpy_net
from throughline.scratch import sigmoid
from throughline.spec import NetworkSpec, TrainSpec
from throughline.verify.checks import check_labels, check_shapes, check_values
from throughline.verify.compare import largest_share, verdict_on
from throughline.verify.tolerance import Tolerance, derive_tolerance
from throughline.weights import initial_weights

FLOAT16 = "explained (float16 weights)"


def uniform(n_rows, allowed, rounding=None):
    return Tolerance(np.full(n_rows, allowed), np.full(n_rows, rounding or allowed), "chosen for this test", FLOAT16)


def judge(answers, expected, tolerance):
    """Make the checks that look at answers, in their order, as `verify.artefact.judge` does; return the verdict."""
    check_shapes(answers, len(expected))
    rows = {cut: np.asarray(answer, np.float64).reshape(expected.shape) for cut, answer in answers.items()}
    check_values(rows, expected, tolerance)
    check_labels(rows, expected, tolerance)
    return verdict_on(worst_of(rows, expected), tolerance)


def worst_of(answers, expected):
    return np.max([np.abs(answer - expected) for answer in answers.values()], axis=0)


# --- what a comparison says ------------------------------------------------------------------------------------------


def test_a_column_and_a_row_of_answers_are_compared_alike():
    expected = np.array([0.2, 0.5001, 0.9])
    answers = {"1": np.array([[0.2], [0.4999], [0.9]]), "2": np.array([0.21, 0.5001, 0.87])}
    assert judge(answers, expected, uniform(3, 0.05, rounding=0.02)) == "explained (float16 weights)"


@pytest.mark.parametrize(
    ("worst", "allowed", "share"),
    [([0.01, 0.03], [0.1, 0.05], 0.6), ([0.0, 0.0], [0.0, 1.0], 0.0), ([1e-9], [np.inf], 0.0), ([0.0], [np.nan], 0.0)],
)
def test_largest_share_of_a_tolerance_is_always_finite(worst, allowed, share):
    tolerance = Tolerance(np.array(allowed), np.array(allowed), "", FLOAT16)
    assert largest_share(np.array(worst), tolerance) == pytest.approx(share)
    assert 1 < largest_share(np.ones(1), Tolerance(np.zeros(1), np.zeros(1), "", FLOAT16)) < np.inf


@pytest.mark.parametrize(
    ("difference", "verdict"),
    [(0.0, "identical"), (1e-7, "rounding"), (1e-3, "explained (float16 weights)"), (0.1, "unexplained")],
)
def test_verdict_names_the_smallest_explanation(difference, verdict):
    expected = np.array([0.2, 0.7])
    assert verdict_on(np.array([0, difference]), uniform(2, 1e-2, rounding=1e-6)) == verdict
    if verdict == "unexplained":
        with pytest.raises(OutputValueError):
            judge({"2": np.add(expected, [0, difference])}, expected, uniform(2, 1e-2, rounding=1e-6))
    else:
        assert judge({"2": np.add(expected, [0, difference])}, expected, uniform(2, 1e-2, rounding=1e-6)) == verdict


def test_each_row_is_judged_by_its_own_tolerance():
    expected = np.array([0.2, 0.7])
    tolerance = Tolerance(np.array([1e-6, 1e-2]), np.array([1e-6, 1e-2]), "two rows", FLOAT16)
    assert judge({"2": np.add(expected, [0, 9e-3])}, expected, tolerance) == "rounding"
    with pytest.raises(OutputValueError, match=r"row 0 is 9\.0e-03, 9e\+03 times what is allowed there \(two rows\)"):
        judge({"2": np.add(expected, [9e-3, 0])}, expected, tolerance)


def test_flip_within_the_tolerance_is_counted_and_allowed():
    expected = np.array([0.50001, 0.8])
    assert check_labels({"2": np.array([0.49999, 0.8])}, expected, uniform(2, 1e-4)) == "1 of 2 flipped"


def test_flip_beyond_the_margin_is_said_with_its_cut_and_row():
    expected = np.array([0.6, 0.51, 0.8])
    said = r"2 labels flipped in the cut '1' .* row 0 went from 0.6\d* to 0.4\d*"
    with pytest.raises(LabelFlipError, match=said):
        check_labels({"1": np.array([0.4, 0.49, 0.8])}, expected, uniform(3, 1e-3))


def test_one_wrong_cut_is_enough():
    expected = np.array([0.1, 0.2, 0.9])
    answers = {"1": expected, "2": expected, "33": expected[::-1]}
    with pytest.raises(LabelFlipError, match="in the cut '33'"):
        check_labels(answers, expected, uniform(3, 1e-3))
    with pytest.raises(OutputValueError, match="row 0"):
        judge(answers, expected, uniform(3, 1e-3))


@pytest.mark.parametrize("answers", [{}, {"1": np.zeros((0, 1))}], ids=["no cut", "no row"])
def test_nothing_compared_is_a_failure(answers):
    with pytest.raises(OutputShapeError, match="nothing to compare"):
        judge(answers, np.zeros(0 if answers else 3), uniform(0 if answers else 3, 1.0))


@pytest.mark.parametrize("shape", [(2,), (4,), (3, 2), (1, 3), (3, 1, 1), (), (0,)])
def test_wrong_shapes_are_a_failure(shape):
    with pytest.raises(OutputShapeError, match=r"in the cut '7' they have \("):
        judge({"1": np.full(3, 0.5), "7": np.full(shape, 0.5)}, np.full(3, 0.5), uniform(3, 1.0))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("side", ["answer", "expected"])
def test_a_value_that_is_not_finite_is_a_failure_whatever_the_tolerance(value, side):
    good, bad = np.full(3, 0.5), np.array([0.5, value, 0.5])
    answers, expected = ({"2": bad}, good) if side == "answer" else ({"2": good}, bad)
    with pytest.raises(NotFiniteError, match="1 of 3 answers are NaN or infinite"):
        judge(answers, expected, uniform(3, np.inf))


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_tolerance_that_is_not_finite_explains_nothing(value):
    expected = np.array([0.2, 0.7])
    tolerance = Tolerance(np.array([value, 1e-6]), np.array([1e-6, 1e-6]), "one row without a bound", FLOAT16)
    with pytest.raises(OutputValueError, match="No tolerance can be derived for 1 of 2 rows"):
        judge({"2": expected}, expected, tolerance)


def test_a_tolerance_too_wide_to_prove_anything_is_a_failure_even_of_equal_answers():
    expected = np.array([0.2, 0.7, 0.9])
    assert judge({"2": expected}, expected, uniform(3, 0.049)) == "identical"
    with pytest.raises(OutputValueError, match=r"move half of the rows by 0.06 or more, over 0.05"):
        judge({"2": expected}, expected, uniform(3, 0.06))
    one_wide_row = Tolerance(np.array([0.3, 1e-6, 1e-6]), np.full(3, 1e-6), "", FLOAT16)
    assert judge({"2": expected}, expected, one_wide_row) == "identical"


def test_many_flips_are_a_failure_even_within_the_tolerance():
    expected = np.full(300, 0.5001)
    answers = expected.copy()
    answers[:3] = 0.4999
    assert check_labels({"33": answers}, expected, uniform(300, 1e-3)) == "3 of 300 flipped"
    answers[3] = 0.4999
    with pytest.raises(LabelFlipError, match="4 of 300 labels flipped in the cut '33', more than 1%"):
        judge({"33": answers}, expected, uniform(300, 1e-3))


@given(st.integers(1, 30), st.integers(0, 2**32 - 1), st.floats(0, 2))
@settings(max_examples=60, deadline=None)
def test_passes_exactly_when_every_row_is_within_its_tolerance(n_rows, seed, factor):
    rng = np.random.default_rng(seed)
    expected, allowed = rng.random(n_rows), 10.0 ** rng.uniform(-8, -1.5, n_rows)
    moved = expected + factor * allowed * rng.uniform(-1, 1, n_rows)
    tolerance = Tolerance(allowed, allowed, "random", FLOAT16)
    assume(np.sum((moved > 0.5) != (expected > 0.5)) <= 1)  # more flips fail whatever the tolerance: see above
    within = bool((np.abs(moved - expected) <= allowed).all())
    assert (largest_share(np.abs(moved - expected), tolerance) <= 1) == within
    if within:
        assert judge({"all": moved}, expected, tolerance) in ("identical", "rounding")
    else:
        with pytest.raises(OutputValueError):
            judge({"all": moved}, expected, tolerance)


# --- faults on a trained network -------------------------------------------------------------------------------------


@dataclasses.dataclass(frozen=True)
class Trained:
    spec: NetworkSpec
    weights: object
    earlier: object
    split: Split

    @property
    def X(self):
        return self.split.X_test

    def answers(self, weights):
        """What a float32 artefact with these weights answers."""
        return numpy_net.predict(numpy_net.build(self.spec, weights), self.X)


@pytest.fixture(scope="module", params=[(64, 32), (16, 16)], ids=["64-32", "16-16"])
def trained(request):
    """The seed architecture, and a square one, after a few epochs on 20 features of unlike scale."""
    rng = np.random.default_rng(2)
    z = rng.normal(size=(1200, 20))
    y = (z[:, :6] @ [1.5, -1.0, 1.2, 0.8, -0.6, 0.5] + z[:, 0] * z[:, 7] + 0.7 * rng.normal(size=1200) > 0).astype(int)
    std = 10.0 ** rng.uniform(-2, 3, 20)
    X = (std * rng.uniform(-2, 2, 20) + std * z).astype(np.float32)
    split = Split(X[:700], y[:700], X[700:900], y[700:900], X[900:], y[900:])
    spec = NetworkSpec(n_inputs=20, hidden_units=request.param, seed=1)
    initial = initial_weights(spec, *fit_scaling(split.X_train))
    network = numpy_net.build(spec, initial)
    kept = []

    def keep(epoch):
        kept.append(numpy_net.get_weights(network))

    numpy_net.fit(network, TrainSpec(max_epochs=6, patience=6, learning_rate=5e-3), split, keep)
    final = numpy_net.get_weights(network)
    earlier = kept[-2] if kept[-1].digest == final.digest else kept[-1]
    return Trained(spec, final, earlier, split)


def changed(weights, layer, edit):
    kernels = [kernel.copy() for kernel in weights.kernels]
    kernels[layer] = np.ascontiguousarray(edit(kernels[layer]), np.float32)
    return dataclasses.replace(weights, kernels=tuple(kernels))


def put(value):
    def edit(W):
        W[3, 0] = value
        return W

    return edit


def transposed(net):
    return net.answers(changed(net.weights, 1, lambda W: W.T.reshape(W.shape)))  # of a square layer: W.T


def swapped_columns(net):
    return net.answers(changed(net.weights, 0, lambda W: W[[1, 0, *range(2, 20)]]))


def scaler_left_out(net):
    ones = np.ones(20, np.float32)
    return net.answers(dataclasses.replace(net.weights, mean=0 * ones, std=ones))


def scaler_of_the_test_rows(net):
    mean, std = (values.astype(np.float32) for values in fit_scaling(net.X))
    return net.answers(dataclasses.replace(net.weights, mean=mean, std=std))


def dropout_left_on(net):
    network = numpy_net.build(dataclasses.replace(net.spec, dropout=0.3), net.weights)
    masks = network.mlp.draw_masks(len(net.X), np.random.default_rng(0))
    trace = network.mlp.forward(scale(net.X, network.mean, network.std), masks)
    return sigmoid(trace.logits)[:, 0]


def nan_in_a_weight(net):
    network = numpy_net.build(net.spec, net.weights)
    network.mlp.parameters[2][3, 0] = np.nan
    return numpy_net.predict(network, net.X)


def earlier_epoch(net):
    return net.answers(net.earlier)


def classes_reversed(net):
    return 1 - net.answers(net.weights)


def sigmoid_twice(net):
    return sigmoid(net.answers(net.weights))


def sigmoid_left_out(net):
    network = numpy_net.build(net.spec, net.weights)
    return network.mlp.forward(scale(net.X, network.mean, network.std)).logits[:, 0]


def overflow_in_float16(net):
    # A weight of 1e5 is infinite in float16, as a column's mean would be.
    network = numpy_net.build(net.spec, net.weights)
    network.mean = np.where(np.arange(20) == 4, np.float32(np.inf), network.mean)
    with np.errstate(invalid="ignore"):
        return numpy_net.predict(network, net.X)


def short_by_a_row(net):
    return net.answers(net.weights)[:-1]


def one_row_too_many(net):
    return np.append(net.answers(net.weights), np.float32(0.5))


def first_row_for_all(net):
    return np.full(len(net.X), net.answers(net.weights)[0])


def rows_reversed(net):
    return net.answers(net.weights)[::-1]


def largest_weight_times(net, factor):
    W = net.weights.kernels[-1]
    largest = np.arange(len(W))[:, None] == np.abs(W).argmax()
    return net.answers(changed(net.weights, -1, lambda W: np.where(largest, factor * W, W)))


def one_weight_ten_times(net):
    return largest_weight_times(net, 10.0)


def bias_forgotten(net):
    biases = (*net.weights.biases[:-1], 0 * net.weights.biases[-1])
    return net.answers(dataclasses.replace(net.weights, biases=biases))


FAULTS = [
    (transposed, OutputValueError),
    (swapped_columns, OutputValueError),
    (scaler_left_out, OutputValueError),
    (scaler_of_the_test_rows, OutputValueError),
    (dropout_left_on, OutputValueError),
    (nan_in_a_weight, NotFiniteError),
    (earlier_epoch, OutputValueError),
    (classes_reversed, OutputValueError),
    (sigmoid_twice, OutputValueError),
    (sigmoid_left_out, OutputValueError),
    (overflow_in_float16, NotFiniteError),
    (short_by_a_row, OutputShapeError),
    (one_row_too_many, OutputShapeError),
    (first_row_for_all, OutputValueError),
    (rows_reversed, OutputValueError),
    (one_weight_ten_times, OutputValueError),
    (bias_forgotten, OutputValueError),
]


@pytest.mark.parametrize("stored_as", ["float32", "float16"])
@pytest.mark.parametrize(("fault", "error"), FAULTS, ids=[fault.__name__ for fault, _ in FAULTS])
def test_fault_is_caught_by_its_named_check(trained, fault, error, stored_as):
    expected = trained.answers(trained.weights)
    tolerance = derive_tolerance(trained.spec, trained.weights, trained.X, stored_as)
    assert judge({"1": expected}, expected, tolerance) == "identical"
    answers = {"1": expected, "33": fault(trained)}
    with pytest.raises(error) as raised:
        judge(answers, expected, tolerance)
    assert raised.type is error
    if error is OutputValueError:  # each of these moves labels too that may not move
        with pytest.raises(LabelFlipError):
            check_labels(answers, expected, tolerance)


def test_one_percent_of_one_weight_is_caught_in_float32(trained):
    expected = trained.answers(trained.weights)
    tolerance = derive_tolerance(trained.spec, trained.weights, trained.X, "float32")
    answers = {"33": largest_weight_times(trained, 1.01)}
    assert largest_share(worst_of(answers, expected), tolerance) > 50
    with pytest.raises(OutputValueError):
        judge(answers, expected, tolerance)


def test_one_percent_of_one_weight_hides_in_the_rounding_of_all_to_float16(trained):
    # Each of thousands of weights may be off by 0.05 %, and together that moves answers as far as this fault does:
    # the check of the stored weights sees it, in test_stored.py.
    expected = trained.answers(trained.weights)
    tolerance = derive_tolerance(trained.spec, trained.weights, trained.X, "float16")
    answers = {"33": largest_weight_times(trained, 1.01)}
    assert 0.1 < largest_share(worst_of(answers, expected), tolerance) < 2


def test_rounding_the_weights_to_float16_is_explained_and_not_rounding(trained):
    expected = trained.answers(trained.weights)
    tolerance = derive_tolerance(trained.spec, trained.weights, trained.X, "float16")
    rounded = trained.answers(trained.weights.astype("float16").astype("float32"))
    assert judge({"33": rounded}, expected, tolerance) == "explained (float16 weights)"
