"""Figures against their definitions, written out here without scikit-learn; tests of means against SciPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from throughline.evaluate import (
    THRESHOLD,
    equivalence_test,
    evaluate,
    evaluate_amounts,
    mcnemar,
    mean_interval,
    wilson_interval,
)
from throughline.evaluate.classes import MAX_CURVE_POINTS, N_CALIBRATION_BINS

NAMES = ("no", "yes")


@st.composite
def labelled(draw, smallest=2, largest=60):
    """Labels of both classes, and probabilities with ties, exact halves and both ends among them."""
    n_rows = draw(st.integers(smallest, largest))
    y = np.array(draw(st.lists(st.integers(0, 1), min_size=n_rows, max_size=n_rows)))
    assume(0 < y.sum() < n_rows)
    values = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.7, 0.9999999, 1.0]) | st.floats(0, 1, width=32)
    p = np.array(draw(st.lists(values, min_size=n_rows, max_size=n_rows)), np.float32)
    return y, p


# --- intervals and the paired test -----------------------------------------------------------------------------------


@given(st.integers(1, 2000), st.data())
@settings(deadline=None)  # the first call imports SciPy
def test_wilson_interval_is_the_formula_of_1927(n_rows, data):
    n_right = data.draw(st.integers(0, n_rows))
    z = 1.959963984540054  # the 97.5 % point of the normal distribution
    share = n_right / n_rows
    centre = (share + z**2 / (2 * n_rows)) / (1 + z**2 / n_rows)
    half = z / (1 + z**2 / n_rows) * math.sqrt(share * (1 - share) / n_rows + z**2 / (4 * n_rows**2))
    found = wilson_interval(n_right, n_rows)
    assert found.value == share
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half), abs=1e-9)
    assert -1e-12 <= found.low <= found.value + 1e-12
    assert found.value - 1e-12 <= found.high <= 1 + 1e-12


def test_wilson_interval_of_a_published_example():
    # Newcombe, Statistics in Medicine 17, 1998, table I, method 3: 81 of 263 gives 0.2553 to 0.3662.
    found = wilson_interval(81, 263)
    assert (round(found.low, 4), round(found.high, 4)) == (0.2553, 0.3662)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 20), st.integers(0, 20))
@settings(deadline=None)
def test_mcnemar_is_the_exact_binomial_test(only_first, only_second, both, neither):
    n_rows = only_first + only_second + both + neither
    assume(n_rows > 0)
    right = [np.repeat([True, False, True, False], [only_first, only_second, both, neither])]
    right.append(np.repeat([False, True, True, False], [only_first, only_second, both, neither]))
    y = np.arange(n_rows) % 2
    first, second = (np.where(each, y, 1 - y) * 0.8 + 0.1 for each in right)
    found = mcnemar(("keras", "torch"), y, first, second)
    assert (found.only_first_right, found.only_second_right) == (only_first, only_second)
    assert found.agreement == pytest.approx((both + neither) / n_rows)
    n_apart, fewer = only_first + only_second, min(only_first, only_second)
    tail = sum(math.comb(n_apart, k) for k in range(fewer + 1)) / 2**n_apart
    assert found.p_value == pytest.approx(min(1.0, 2 * tail))
    swapped = mcnemar(("torch", "keras"), y, second, first)
    assert swapped.p_value == pytest.approx(found.p_value)
    assert swapped.only_first_right == only_second


def test_mcnemar_of_an_example_worked_out_by_hand():
    # 1 row against 5: two tails of (1 + 6) / 64 each.
    y = np.ones(8, int)
    first, second = np.array([0.9, *[0.1] * 5, 0.9, 0.1]), np.array([0.1, *[0.9] * 5, 0.9, 0.1])
    assert mcnemar(("a", "b"), y, first, second).p_value == pytest.approx(14 / 64)


# --- one network -----------------------------------------------------------------------------------------------------


@given(labelled())
@settings(max_examples=150, deadline=None)
def test_counts_and_shares_follow_from_their_definitions(rows):
    y, p = rows
    found = evaluate("keras", y, p, NAMES)
    said = p > THRESHOLD
    confusion = [[int(np.sum((y == true) & (said == answer))) for answer in (0, 1)] for true in (0, 1)]
    assert found.framework == "keras"
    assert found.confusion == confusion
    assert found.accuracy.value == (confusion[0][0] + confusion[1][1]) / len(y)
    for code, figures in enumerate(found.classes):
        hits, named, there = confusion[code][code], confusion[0][code] + confusion[1][code], sum(confusion[code])
        precision, recall = hits / named if named else 0.0, hits / there
        assert (figures.name, figures.n_rows) == (NAMES[code], there)
        assert (figures.precision, figures.recall) == pytest.approx((precision, recall))
        assert figures.f1 == pytest.approx(2 * hits / (named + there))
    assert found.brier == pytest.approx(float(np.mean((p.astype(float) - y) ** 2)), abs=1e-6)


@given(labelled())
@settings(max_examples=100, deadline=None)
def test_area_under_roc_is_the_share_of_pairs_in_order(rows):
    y, p = rows
    difference = p[y == 1][:, None] - p[y == 0][None, :]
    assert evaluate("x", y, p, NAMES).roc_auc == pytest.approx(
        float(np.mean((difference > 0) + 0.5 * (difference == 0)))
    )


@given(labelled())
@settings(max_examples=100, deadline=None)
def test_average_precision_is_the_sum_over_thresholds(rows):
    y, p = rows
    recall_before, total = 0.0, 0.0
    for threshold in np.unique(p)[::-1]:
        named = p >= threshold
        recall = np.sum(y[named]) / np.sum(y)
        total += (recall - recall_before) * np.mean(y[named])
        recall_before = recall
    assert evaluate("x", y, p, NAMES).average_precision == pytest.approx(float(total))


def test_log_loss_is_the_mean_surprise():
    y, p = np.array([1, 0, 1]), np.array([0.8, 0.4, 0.25], np.float32)
    expected = -(math.log(0.8) + math.log(0.6) + math.log(0.25)) / 3
    assert evaluate("x", y, p, NAMES).log_loss == pytest.approx(expected, rel=1e-6)


def test_certain_and_wrong_costs_much_but_not_infinity():
    found = evaluate("x", np.array([1, 0]), np.array([0.0, 1.0], np.float32), NAMES)
    assert 10 < found.log_loss < 1000
    assert found.accuracy.value == 0


def test_a_half_is_class_0():
    assert evaluate("x", np.array([0, 1]), np.array([0.5, 0.5], np.float32), NAMES).confusion == [[1, 0], [1, 0]]


def test_report_names_the_classes_and_never_warns_of_an_empty_one():
    report = evaluate("x", np.array([0, 1, 1]), np.array([0.1, 0.2, 0.3]), NAMES).report
    assert "no" in report
    assert "yes" in report
    assert "accuracy" in report


# --- curves and calibration ------------------------------------------------------------------------------------------


@given(labelled())
@settings(max_examples=100, deadline=None)
def test_calibration_counts_every_row_once_in_bins_of_equal_width(rows):
    y, p = rows
    bins = evaluate("x", y, p, NAMES).calibration
    assert sum(n for _, _, n in bins) == len(y)
    assert 1 <= len(bins) <= N_CALIBRATION_BINS
    assert all(n > 0 for _, _, n in bins)
    assert sum(mean * n for mean, _, n in bins) == pytest.approx(float(p.astype(float).sum()), rel=1e-5, abs=1e-6)
    assert sum(share * n for _, share, n in bins) == pytest.approx(y.sum())
    means = [mean for mean, _, _ in bins]
    assert means == sorted(set(means))


def test_calibration_of_an_example_worked_out_by_hand():
    y, p = np.array([0, 1, 1, 0]), np.array([0.05, 0.92, 1.0, 0.07])
    assert [(round(mean, 3), share, n) for mean, share, n in evaluate("x", y, p, NAMES).calibration] == [
        (0.06, 0.0, 2),
        (0.96, 1.0, 2),
    ]


@pytest.mark.parametrize("n_rows", [2, 3, 150, 5000])
def test_curves_keep_both_ends_and_stay_short(n_rows):
    rng = np.random.default_rng(n_rows)
    y = np.arange(n_rows) % 2
    p = np.clip(0.3 * y + rng.random(n_rows), 0, 1)
    found = evaluate("x", y, p, NAMES)
    assert (found.roc[0], found.roc[-1]) == ((0.0, 0.0), (1.0, 1.0))
    assert found.precision_recall[0][0] == 0.0
    assert found.precision_recall[0][1] == 1.0
    assert found.precision_recall[-1] == (1.0, pytest.approx(np.mean(y), abs=1e-5))
    for curve in (found.roc, found.precision_recall):
        assert 2 <= len(curve) <= MAX_CURVE_POINTS
        assert [x for x, _ in curve] == sorted(x for x, _ in curve)
    assert len(found.roc) > 100 or n_rows < 1000


def test_thinned_curve_encloses_the_same_area():
    rng = np.random.default_rng(1)
    y = np.arange(5000) % 2
    p = np.clip(0.2 * y + 0.8 * rng.random(5000), 0, 1)
    found = evaluate("x", y, p, NAMES)
    fpr, tpr = np.array(found.roc).T
    assert np.trapezoid(tpr, fpr) == pytest.approx(found.roc_auc, abs=2e-3)


def test_equivalence_agrees_with_two_one_sided_tests_of_scipy():
    rng = np.random.default_rng(0)
    for _ in range(20):
        first, second = 0.93 + 0.005 * rng.normal(size=(2, 10))
        test = equivalence_test(("keras", "torch"), first, second, margin=0.004)
        above = scipy.stats.ttest_rel(first + 0.004, second, alternative="greater").pvalue
        below = scipy.stats.ttest_rel(first - 0.004, second, alternative="less").pvalue
        assert test.p_value == pytest.approx(max(above, below), rel=1e-9)
        assert test.equivalent == (test.p_value < 0.05) == (test.low > -0.004 and test.high < 0.004)


def test_equivalence_is_not_found_where_there_is_a_difference_or_too_much_noise():
    noise = np.array([0.001, -0.001, 0.0005, -0.0005, 0.0])
    assert equivalence_test(("a", "b"), 0.93 + noise, 0.93 - noise).equivalent
    assert not equivalence_test(("a", "b"), 0.95 + noise, 0.93 - noise).equivalent
    assert not equivalence_test(("a", "b"), 0.93 + 40 * noise, 0.93 - noise).equivalent


def test_equivalence_without_any_spread():
    assert equivalence_test(("a", "b"), np.full(3, 0.9), np.full(3, 0.9)).p_value == 0.0
    assert not equivalence_test(("a", "b"), np.full(3, 0.9), np.full(3, 0.8)).equivalent


def test_mean_interval_is_that_of_scipy():
    values = np.array([0.1, 0.4, 0.2, 0.9])
    low, high = scipy.stats.t.interval(0.95, 3, loc=values.mean(), scale=scipy.stats.sem(values))
    interval = mean_interval(values)
    assert (interval.low, interval.value, interval.high) == pytest.approx((low, values.mean(), high))


# --- rows that count more than others ---------------------------------------------------------------------------------


def shares(found):
    """All figures of an evaluation but the numbers of rows."""
    classes = [(c.precision, c.recall, c.f1, c.roc_auc or 0.0) for c in found.classes]
    bins = [(said, true) for said, true, _ in found.calibration]
    scores = (found.roc_auc, found.average_precision, found.log_loss, found.brier)
    return np.concatenate([[found.accuracy.value, *scores], np.ravel(classes), np.ravel(bins)])


@given(labelled(), st.sampled_from([0.3, 0.5, 0.62]), st.integers(0, 2**32 - 1))
@settings(max_examples=15, deadline=None)
def test_a_row_of_weight_2_is_the_row_twice(rows, threshold, seed):
    y, p = rows
    times = np.random.default_rng(seed).integers(1, 4, len(y))
    weighted = evaluate("keras", y, p, NAMES, threshold, times.astype(np.float32))
    often = evaluate("keras", np.repeat(y, times), np.repeat(p, times), NAMES, threshold)
    assert shares(weighted) == pytest.approx(shares(often), abs=1e-6)
    assert weighted.intervals.keys() == often.intervals.keys()
    assert sum(map(sum, weighted.confusion)) == sum(c.n_rows for c in weighted.classes) == len(y)
    assert weighted.accuracy == weighted.intervals["accuracy"]  # Wilson's would be one of rows
    assert weighted.threshold == often.threshold == threshold
    assert weighted.plain_accuracy == evaluate("keras", y, p, NAMES).accuracy
    assert (often.plain_accuracy is None) == (threshold == THRESHOLD)


def test_a_row_of_weight_2_is_the_row_twice_with_more_classes_and_with_amounts():
    rng = np.random.default_rng(8)
    y, times = rng.integers(0, 3, 80), rng.integers(1, 4, 80)
    p = rng.dirichlet([1, 1, 1], 80) + 0.3 * np.eye(3)[y]
    p = (p / p.sum(axis=1, keepdims=True)).astype(np.float32)
    names = ("a", "b", "c")
    weighted = evaluate("torch", y, p, names, weights=times.astype(np.float32))
    often = evaluate("torch", np.repeat(y, times), np.repeat(p, times, axis=0), names)
    assert shares(weighted) == pytest.approx(shares(often), abs=1e-6)
    assert weighted.threshold is None
    assert abs(weighted.accuracy.value - weighted.plain_accuracy.value) > 1e-3
    amounts, answers = rng.normal(size=80), rng.normal(size=80)
    weighted = evaluate_amounts("torch", amounts, answers, 0.3, times.astype(np.float32))
    often = evaluate_amounts("torch", np.repeat(amounts, times), np.repeat(answers, times), 0.3)
    for name in ("r2", "rmse", "mae", "bias"):
        assert getattr(weighted, name).value == pytest.approx(getattr(often, name).value, abs=1e-9)
    assert weighted.baseline_rmse == pytest.approx(often.baseline_rmse)


def test_mcnemar_compares_labels_by_the_threshold_of_each():
    y, p = np.array([0, 0, 1, 1]), np.array([0.1, 0.6, 0.7, 0.9])
    found = mcnemar(("a", "b"), y, p, p, (0.5, 0.65))
    assert (found.only_first_right, found.only_second_right, found.agreement) == (0, 1, 0.75)
