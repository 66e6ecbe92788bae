"""A target in standard deviations, and weights that answer in its own unit again."""

from __future__ import annotations

import numpy as np
import pytest

from throughline.data.split import Split
from throughline.data.target_scaling import TargetScaling, fit_target_scaling
from throughline.frameworks import numpy_net
from throughline.frameworks.fitting import fit_rows
from throughline.frameworks.rows import score
from throughline.spec import NetworkSpec, TrainSpec
from throughline.weights import Weights, initial_weights

SPEC = NetworkSpec(n_inputs=3, hidden_units=(8,), output="linear", dropout=0.0, dtype="float64")


def rows(scale: float, offset: float, seed: int = 0) -> Split:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(300, 3)).astype(np.float32)
    y = (offset + scale * (X[:, 0] - 0.5 * X[:, 1] + 0.1 * rng.normal(size=300))).astype(np.float32)
    return Split(X[:200], y[:200], X[200:250], y[200:250], X[250:], y[250:])


def start() -> Weights:
    return initial_weights(SPEC, np.zeros(3), np.ones(3))


def test_weights_that_were_put_back_answer_in_the_unit() -> None:
    scaling, weights = TargetScaling(mean=-40.0, std=1e5), start()
    X = rows(1, 0).X_test.astype(np.float64)
    before = numpy_net.predict(numpy_net.build(SPEC, weights), X)
    after = numpy_net.predict(numpy_net.build(SPEC, scaling.put_back(weights)), X)
    np.testing.assert_allclose(after, scaling.mean + scaling.std * before, rtol=1e-12)


def test_only_training_rows_decide_and_classes_are_left_alone() -> None:
    split = rows(5, 70)
    scaling = fit_target_scaling(SPEC, split.y_train)
    assert scaling == TargetScaling(float(split.y_train.astype(float).mean()), float(split.y_train.astype(float).std()))
    told = scaling.standardize(split)
    assert abs(told.y_train.mean()) < 1e-5
    assert told.y_train.std() == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(told.y_test * scaling.std + scaling.mean, split.y_test, rtol=1e-5)
    assert fit_target_scaling(NetworkSpec(n_inputs=3), split.y_train) == TargetScaling()
    assert TargetScaling().standardize(split) is split


def test_one_amount_for_all_rows_is_not_divided_by_zero() -> None:
    assert fit_target_scaling(SPEC, np.full(5, 3.0)) == TargetScaling(3.0, 1.0)


@pytest.mark.parametrize(("scale", "offset"), [(1e6, 3e6), (1e-4, 0.0)])
def test_a_network_learns_the_same_whatever_the_unit(scale: float, offset: float) -> None:
    plan = TrainSpec(loss="mean_squared_error", learning_rate=0.02, max_epochs=30, patience=None)
    scores, losses = [], []
    for split in (rows(1, 0), rows(scale, offset)):
        network = numpy_net.build(SPEC, start())
        epochs = fit_rows(numpy_net, network, SPEC, plan, split, lambda epoch: None)
        scores.append(score(numpy_net.predict(network, split.X_test), split.y_test, "linear"))
        losses.append([epoch.val_loss / np.var(split.y_train.astype(float)) for epoch in epochs])
        unit = np.mean(np.square(numpy_net.predict(network, split.X_val) - split.y_val))
        assert min(epoch.val_loss for epoch in epochs) == pytest.approx(unit, rel=1e-4)  # float32 targets
    assert scores[0] > 0.9
    assert scores[1] == pytest.approx(scores[0], abs=1e-3)
    assert losses[1] == pytest.approx(losses[0], rel=1e-2)
