"""What answers decide: labels, margins, and what may not flip, for one probability, several, and values."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.errors import BatchError, LabelFlipError, MetricError, OutputShapeError, OutputValueError
from throughline.verify import checks
from throughline.verify.certificate import certificate_sentence, certify, find_flips
from throughline.verify.compare import refuse_useless
from throughline.verify.decision import flipped, labels, margins, reach
from throughline.verify.tolerance import Tolerance

EXPECTED = np.array([[0.5, 0.3, 0.2], [0.1, 0.45, 0.45], [0.3, 0.3, 0.4]])


def tolerance(allowed, output, scale=1.0, explanation="explained (float16 weights)"):
    return Tolerance(np.asarray(allowed), np.asarray(allowed), "for this test", explanation, output, scale)


def random_rows(seed, n_classes, n_rows=100):
    """Probabilities, what each of them may be off, and answers that are off by up to as much."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(scale=2.0, size=(n_rows, n_classes))
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    allowed = 10.0 ** rng.uniform(-6, -1, expected.shape)
    return expected, allowed, expected + allowed * rng.uniform(-1, 1, expected.shape)


@given(st.integers(0, 2**32 - 1), st.integers(2, 8))
@settings(max_examples=100, deadline=None)
def test_no_answer_within_its_tolerance_flips_a_label_that_is_said_not_to(seed, n_classes):
    expected, allowed, answers = random_rows(seed, n_classes)
    apart = flipped(answers, expected, "softmax")
    assert (margins(expected, "softmax") <= reach(expected, tolerance(allowed, "softmax")))[apart].all()


@given(st.integers(0, 2**32 - 1), st.integers(2, 8))
@settings(max_examples=100, deadline=None)
def test_no_row_flips_whose_margin_is_above_twice_the_largest_difference(seed, n_classes):
    expected, _, answers = random_rows(seed, n_classes)
    found = certify([expected, answers], expected, "softmax")
    assert found.largest_difference == np.abs(answers - expected).max()
    far = margins(expected, "softmax") > 2 * found.largest_difference
    assert not flipped(answers, expected, "softmax")[far].any()
    assert found.n_near == np.count_nonzero(~far)
    assert found.n_flips == np.count_nonzero(answers.argmax(axis=1) != expected.argmax(axis=1))


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_two_classes_are_decided_like_one_probability(seed):
    expected, allowed, answers = random_rows(seed, 2)
    answers[:, 0] = 1 - answers[:, 1]
    allowed[:, 0] = allowed[:, 1]
    of_two, of_one = tolerance(allowed, "softmax"), tolerance(allowed[:, 1], "sigmoid")
    # The distance between the two is twice that to the threshold, and so is what the tolerance lets it shrink.
    np.testing.assert_allclose(margins(expected, "softmax"), 2 * margins(expected[:, 1], "sigmoid"), atol=1e-15)
    np.testing.assert_allclose(reach(expected, of_two), 2 * reach(expected[:, 1], of_one))
    np.testing.assert_array_equal(
        flipped(answers, expected, "softmax"), flipped(answers[:, 1], expected[:, 1], "sigmoid")
    )


def test_labels_margins_and_reach_worked_out_by_hand():
    assert labels(EXPECTED, "softmax").tolist() == [0, 1, 2]
    np.testing.assert_allclose(margins(EXPECTED, "softmax"), [0.2, 0.0, 0.1])
    allowed = [[0.01, 0.02, 0.04], [0.1, 0.2, 0.3], [0.05, 0.0, 0.03]]
    np.testing.assert_allclose(reach(EXPECTED, tolerance(allowed, "softmax")), [0.05, 0.5, 0.08])


def test_values_have_no_label_and_nothing_to_flip():
    values, others = np.array([-3.0, 0.2, 900.0]), np.array([3.0, 0.8, -900.0])
    assert not flipped(values, others, "linear").any()
    assert np.isinf(margins(values, "linear")).all()
    assert checks.check_labels({"1": others}, values, tolerance([1.0] * 3, "linear")) is None


def test_flips_of_classes_are_named_with_both_classes():
    answers = EXPECTED.copy()
    answers[0] = [0.35, 0.45, 0.2]
    (flip,) = find_flips([EXPECTED, answers], EXPECTED, tolerance(np.full((3, 3), 0.2), "softmax"))
    assert (flip.row, flip.classes, flip.expected, flip.answered) == (0, (0, 1), 0.5, 0.35)
    assert (flip.margin, flip.allowed) == pytest.approx((0.2, 0.4))
    said = certificate_sentence(certify([answers], EXPECTED, "softmax"))
    assert "3 of 3 rows have a margin below twice that, the others cannot flip; 1 flipped" in said


# --- comparison and checks of several outputs ------------------------------------------------------------------------


def test_every_output_is_judged_by_its_own_tolerance():
    allowed = np.full((3, 3), 1e-3)
    allowed[1, 2] = 1e-1
    moved = EXPECTED.copy()
    moved[1, 2] -= 0.05
    assert checks.check_values({"2": moved}, EXPECTED, tolerance(allowed, "softmax")).startswith("rounding: 5.0e-02")
    moved[0, 2] += 0.002
    with pytest.raises(OutputValueError, match=r"row 0, output 2 is 2.0e-03, 2 times what is allowed there"):
        checks.check_values({"all": moved}, EXPECTED, tolerance(allowed, "softmax"))


def test_a_class_order_reversed_flips_labels_whose_margin_forbids_it():
    allowed = tolerance(np.full((3, 3), 0.04), "softmax")
    said = r"have a wider margin than the tolerance: row 0 went from class 0 \(0.500000, then 0.200000\) to class 2"
    with pytest.raises(LabelFlipError, match=said):
        checks.check_labels({"7": EXPECTED[:, ::-1]}, EXPECTED, allowed)


@pytest.mark.parametrize("shape", [(3,), (3, 1), (3, 2), (2, 3), (3, 3, 1), (9,)])
def test_wrong_numbers_of_classes_are_stopped(shape):
    with pytest.raises(OutputShapeError, match=r"must have shape \(3, 3\), but in the cut '7' they have"):
        checks.check_shapes({"7": np.zeros(shape)}, 3, 3)


def test_what_depends_on_the_batch_is_named_with_its_output():
    other = EXPECTED.copy()
    other[2, 1] += 2e-3
    with pytest.raises(BatchError, match=r"Row 2, output 1 is answered 0.300000 in the cut '1'"):
        checks.check_batches({"1": EXPECTED, "33": other}, tolerance(np.full((3, 3), 1e-3), "softmax"))


def test_accuracy_of_classes_may_differ_by_the_rows_that_may_flip():
    y, narrow = np.array([0, 1, 2]), tolerance(np.full((3, 3), 1e-3), "softmax")
    assert "accuracy 100.00%" in checks.check_metric(EXPECTED, EXPECTED, y, narrow, 1.0)
    other = EXPECTED[[1, 1, 1]]
    with pytest.raises(MetricError, match=r"33.33% where the source network has 100.00%, but only 1 of 3"):
        checks.check_metric(other, EXPECTED, y, narrow, None)


# --- values ----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=50, deadline=None)
def test_the_error_of_values_within_their_tolerances_never_alarms(seed):
    rng = np.random.default_rng(seed)
    expected = rng.normal(loc=rng.normal(scale=100), size=60)
    allowed = 10.0 ** rng.uniform(-6, 0, 60)
    y = expected + rng.normal(scale=10.0 ** rng.uniform(-3, 1), size=60)
    moved = expected + allowed * rng.uniform(-1, 1, 60)
    recorded = 1 - np.sum((y - expected) ** 2) / np.sum((y - y.mean()) ** 2)
    said = checks.check_metric(moved, expected, y, tolerance(allowed, "linear"), float(recorded))
    assert said.startswith("root mean square error ")


def test_an_error_that_rounding_does_not_explain_is_stopped():
    expected = np.linspace(0, 10, 11)
    narrow = tolerance(np.full(11, 1e-3), "linear")
    with pytest.raises(MetricError, match=r"error is 2 where the source network has 0, but rounding explains 1.0e-03"):
        checks.check_metric(expected + 2, expected, expected, narrow, None)
    with pytest.raises(MetricError, match="where the record says 1"):
        checks.check_metric(expected, expected, expected, narrow, 0.9)  # a variance of 10, and a tenth of it


def test_a_tolerance_of_values_is_wide_beside_their_range():
    refuse_useless(tolerance(np.full(4, 30.0), "linear", scale=1000.0))
    with pytest.raises(OutputValueError, match="by 30 or more, over 5: answers that uncertain prove nothing"):
        refuse_useless(tolerance(np.full(4, 30.0), "linear", scale=100.0))
