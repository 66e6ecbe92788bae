"""Figures of more than two classes, against scikit-learn and against those of two."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as reference
from sklearn.preprocessing import label_binarize

from throughline.bootstrap import bootstrap_intervals, metrics, metrics_of_classes
from throughline.evaluate import evaluate, mcnemar

NAMES = ("a", "b", "c", "d")


def answered(n_rows: int, seed: int, n_classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Codes of which every one occurs, and probabilities that know something of them."""
    rng = np.random.default_rng(seed)
    y = np.append(rng.integers(0, n_classes, n_rows - n_classes), np.arange(n_classes))
    p = np.exp(rng.normal(size=(n_rows, n_classes)) + 1.2 * np.eye(n_classes)[y])
    return y, (p / p.sum(axis=1, keepdims=True)).astype(np.float32)


@given(n_rows=st.integers(8, 80), seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_figures_are_those_of_scikit_learn(n_rows: int, seed: int) -> None:
    y, p = answered(n_rows, seed)
    found = evaluate("torch", y, p, NAMES)
    labels, exact = p.argmax(axis=1), p.astype(np.float64)
    exact /= exact.sum(axis=1, keepdims=True)
    assert found.accuracy.value == pytest.approx(reference.accuracy_score(y, labels))
    assert found.roc_auc == pytest.approx(reference.roc_auc_score(y, exact, multi_class="ovr", average="macro"))
    one_hot = label_binarize(y, classes=range(4))
    assert found.average_precision == pytest.approx(reference.average_precision_score(one_hot, p, average="macro"))
    assert found.log_loss == pytest.approx(reference.log_loss(y, exact, labels=range(4)))
    assert found.brier == pytest.approx(float(np.mean(np.sum((exact - one_hot) ** 2, axis=1)) / 2), rel=1e-6)
    assert found.confusion == reference.confusion_matrix(y, labels).tolist()
    assert [figures.n_rows for figures in found.classes] == np.bincount(y).tolist()
    assert sum(n for _, _, n in found.calibration) == n_rows
    assert np.average([right for _, right, _ in found.calibration], weights=[n for *_, n in found.calibration]) == (
        pytest.approx(found.accuracy.value)
    )


@given(n_rows=st.integers(8, 60), seed=st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_weighted_figures_are_those_of_scikit_learn(n_rows: int, seed: int) -> None:
    y, p = answered(n_rows, seed)
    weights = np.random.default_rng(seed).integers(0, 4, (2, n_rows)).astype(float)
    weights[:, -4:] += 1  # every class has some
    found = metrics_of_classes(y, p, weights)
    exact = p.astype(np.float64) / p.astype(np.float64).sum(axis=1, keepdims=True)
    one_hot, labels = label_binarize(y, classes=range(4)), p.argmax(axis=1)
    for i, w in enumerate(weights):
        areas = [reference.roc_auc_score(one_hot[:, k], exact[:, k], sample_weight=w) for k in range(4)]
        means = [reference.average_precision_score(one_hot[:, k], exact[:, k], sample_weight=w) for k in range(4)]
        recall = reference.recall_score(y, labels, average=None, sample_weight=w, zero_division=0)
        assert found["roc_auc"][i] == pytest.approx(np.mean(areas))
        assert found["average_precision"][i] == pytest.approx(np.mean(means))
        assert found["log_loss"][i] == pytest.approx(reference.log_loss(y, exact, labels=range(4), sample_weight=w))
        assert [found[f"recall_{k}"][i] for k in range(4)] == pytest.approx(recall)


def test_two_classes_have_the_same_figures_either_way() -> None:
    y, p = answered(200, 3, n_classes=2)
    weights = np.random.default_rng(0).integers(1, 4, (5, 200)).astype(float)
    of_two, of_many = metrics(y, p[:, 1], weights, threshold=0.5), metrics_of_classes(y, p, weights)
    del of_two["average_precision"]  # the only one that is another for class 0 than for class 1
    for name, values in of_two.items():
        np.testing.assert_allclose(of_many[name], values, rtol=1e-5, err_msg=name)


def test_a_class_without_test_rows_has_no_area_and_breaks_nothing() -> None:
    y, p = answered(120, 5)
    y = np.where(y == 2, 0, y)
    found = evaluate("keras", y, p, NAMES)
    assert (found.classes[2].n_rows, found.classes[2].recall, found.classes[2].roc_auc) == (0, 0.0, None)
    assert "recall_2" not in found.intervals
    assert all(np.isfinite([v.low, v.value, v.high]).all() for v in found.intervals.values())
    assert found.roc_auc == pytest.approx(np.mean([c.roc_auc for c in found.classes if c.roc_auc is not None]))


def test_intervals_hold_their_value() -> None:
    y, p = answered(300, 1)
    for name, interval in bootstrap_intervals(y, p, 0.5, n_resamples=200).items():
        assert interval.low <= interval.value <= interval.high, name


def test_mcnemar_takes_the_likeliest_class() -> None:
    y = np.array([0, 1, 2, 2])
    first, second = np.eye(3)[[0, 1, 2, 0]], np.eye(3)[[0, 2, 1, 0]]
    found = mcnemar(("keras", "torch"), y, first, second)
    assert (found.only_first_right, found.only_second_right, found.agreement) == (2, 0, 0.5)
