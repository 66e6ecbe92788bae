"""scikit-learn's own networks as the reference: the same `random_state` gives the same losses and answers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification, make_multilabel_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.neural_network import MLPRegressor as SklearnRegressor

from throughline import MLPClassifier, MLPRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SETTINGS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "descent": {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.05},
    "momentum": {"solver": "sgd", "nesterovs_momentum": False, "learning_rate_init": 0.01},
    "nesterov": {"solver": "sgd", "learning_rate_init": 0.01},
    "everlasting momentum": {"solver": "sgd", "momentum": 1.0, "learning_rate_init": 1e-5},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.02, "power_t": 0.3},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 1e-2, "n_iter_no_change": 2},
    "other decay": {"beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-4, "learning_rate_init": 0.01},
    "strong penalty": {"alpha": 2.0, "batch_size": 32},
    "no penalty": {"alpha": 0.0, "batch_size": 7},
    "one batch": {"batch_size": 230},
    "not shuffled": {"shuffle": False, "batch_size": 50},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 3, "learning_rate_init": 0.02},
    "adaptive with validation": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "early_stopping": True,
        "n_iter_no_change": 2,
    },
    "two layers of tanh": {"hidden_layer_sizes": (9, 7), "activation": "tanh"},
    "logistic": {"hidden_layer_sizes": 12, "activation": "logistic"},
    "identity": {"hidden_layer_sizes": [6], "activation": "identity"},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "converges": {"tol": 0.05, "n_iter_no_change": 4},
}


def rows(kind: str) -> tuple[np.ndarray, np.ndarray]:
    if kind == "labels":
        return make_multilabel_classification(230, 8, n_classes=3, random_state=0)
    if kind in ("one value", "three values"):
        X, y = make_regression(230, 8, n_targets=3 if kind == "three values" else 1, random_state=0)
        return X, y / 100
    if kind in ("counts", "three counts"):
        X, y = make_regression(230, 8, n_targets=3 if kind == "three counts" else 1, random_state=0)
        return X, np.random.default_rng(0).poisson(np.exp(y / 200)).astype(float)
    return make_classification(230, 8, n_informative=5, n_classes=4 if kind == "four" else 2, random_state=0)


CLASSIFIED = ["two", "four", "labels"]
COUNTED = ["counts", "three counts"]
VALUED = ["one value", "three values", *COUNTED]


def both(kind: str, **settings: Any) -> tuple[Any, Any]:
    common = {"random_state": 3, "max_iter": 30, "hidden_layer_sizes": (16,)} | settings
    if kind in COUNTED:
        common |= {"loss": "poisson"}
    if kind in VALUED:
        return SklearnRegressor(**common), MLPRegressor(**common)
    return SklearnClassifier(**common), MLPClassifier(**common)


def assert_same(theirs: Any, ours: Any, X: np.ndarray, atol: float = 1e-9) -> None:
    assert ours.n_iter_ == theirs.n_iter_
    for name in ("n_layers_", "n_outputs_", "out_activation_", "t_", "n_features_in_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in ("loss_curve_", "loss_", "best_loss_", "validation_scores_", "best_validation_score_"):
        expected = getattr(theirs, name, None)
        if expected is None:
            assert getattr(ours, name, None) is None, name
        else:
            assert_allclose(getattr(ours, name), expected, rtol=0, atol=atol, err_msg=name)
    for mine, other in zip((*ours.coefs_, *ours.intercepts_), (*theirs.coefs_, *theirs.intercepts_), strict=True):
        assert_allclose(mine, other, rtol=0, atol=10 * atol)
    answers = ours.predict(X)
    assert answers.shape == theirs.predict(X).shape
    if hasattr(theirs, "classes_"):
        assert_array_equal(ours.classes_, theirs.classes_)
        assert_array_equal(answers, theirs.predict(X))
        assert answers.dtype == theirs.predict(X).dtype
        assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=0, atol=atol)
        with np.errstate(divide="ignore"):  # theirs is the logarithm of a number that may be 0
            expected = theirs.predict_log_proba(X)
        common = np.isfinite(expected) & (expected > -20)
        assert_allclose(ours.predict_log_proba(X)[common], expected[common], rtol=0, atol=1e-6)
    else:
        assert_allclose(answers, theirs.predict(X), rtol=0, atol=10 * atol)


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("kind", [*CLASSIFIED, *VALUED])
def test_the_same_random_state_gives_the_same_training(kind: str, settings: str) -> None:
    X, y = rows(kind)
    theirs, ours = both(kind, **SETTINGS[settings])
    assert_same(theirs.fit(X, y), ours.fit(X, y), X)


@pytest.mark.parametrize("kind", [*CLASSIFIED, "one value", *COUNTED])
def test_lbfgs_finds_the_same_minimum(kind: str) -> None:
    X, y = rows(kind)
    theirs, ours = both(kind, solver="lbfgs", alpha=0.5)
    assert_same(theirs.fit(X, y), ours.fit(X, y), X, atol=1e-6)


def test_lbfgs_with_several_outputs_descends_on_what_it_differentiates() -> None:
    # scikit-learn returns the mean over outputs with the gradient of the sum; a consistent pair gets further.
    X, y = rows("three values")
    theirs, ours = both("three values", solver="lbfgs", max_iter=300)
    assert ours.fit(X, y).loss_ <= theirs.fit(X, y).loss_ + 1e-6


@pytest.mark.parametrize("settings", ["defaults", "nesterov", "early stopping"])
@pytest.mark.parametrize("kind", ["two", "four", "one value", *COUNTED])
def test_sample_weights(kind: str, settings: str) -> None:
    X, y = rows(kind)
    weights = np.random.default_rng(0).uniform(0, 3, len(X))
    theirs, ours = both(kind, batch_size=20, **SETTINGS[settings])
    assert_same(theirs.fit(X, y, weights), ours.fit(X, y, weights), X)


@pytest.mark.parametrize("settings", ["defaults", "nesterov", "invscaling"])
@pytest.mark.parametrize("kind", [*CLASSIFIED, *VALUED])
def test_partial_fit_goes_on(kind: str, settings: str) -> None:
    X, y = rows(kind)
    theirs, ours = both(kind, **SETTINGS[settings])
    names = {"two": [0, 1], "four": [0, 1, 2, 3], "labels": [0, 1, 2]}.get(kind)
    classes = {} if names is None else {"classes": names}
    for chunk in (slice(0, 100), slice(100, 200), slice(150, 230), slice(0, 100)):  # the third is a smaller batch
        theirs.partial_fit(X[chunk], y[chunk], **classes)
        ours.partial_fit(X[chunk], y[chunk], **classes)
        classes = {}
    assert_same(theirs, ours, X)
    assert len(ours.loss_curve_) == 4


def test_partial_fit_goes_on_after_fit() -> None:
    X, y = rows("two")
    theirs, ours = both("two")
    for model in (theirs, ours):
        model.fit(X, y)
        model.partial_fit(X[:60], y[:60])
    assert_same(theirs, ours, X)


@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_warm_start_goes_on_from_the_weights(solver: str) -> None:
    X, y = rows("four")
    theirs, ours = both("four", warm_start=True, max_iter=5, solver=solver)
    for _ in range(3):
        theirs.fit(X, y)
        ours.fit(X, y)
    assert_same(theirs, ours, X)
    assert len(ours.loss_curve_) == 15


def test_verbose_prints_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    X, y = rows("two")
    for settings in (SETTINGS["converges"], SETTINGS["adaptive with validation"]):
        theirs, ours = both("two", verbose=True, **settings)
        theirs.fit(X, y)
        expected = capsys.readouterr().out
        ours.fit(X, y)
        assert capsys.readouterr().out == expected
        assert expected


def test_float32_stays_float32() -> None:
    X, y = rows("four")
    for settings in ({}, {"solver": "lbfgs"}):
        theirs, ours = both("four", **settings)
        ours.fit(X.astype(np.float32), y)
        assert {w.dtype for w in (*ours.coefs_, *ours.intercepts_)} == {np.dtype(np.float32)}
        assert ours.predict_proba(X.astype(np.float32)).dtype == np.float32
    theirs, ours = both("four")
    theirs.fit(X.astype(np.float32), y)
    assert_allclose(ours.fit(X.astype(np.float32), y).loss_curve_, theirs.loss_curve_, rtol=1e-4)


def test_parameters_have_their_names_and_defaults() -> None:
    for theirs, ours in ((SklearnClassifier, MLPClassifier), (SklearnRegressor, MLPRegressor)):
        expected = theirs().get_params()
        assert {name: value for name, value in ours().get_params().items() if name in expected} == expected


def test_warnings_are_theirs() -> None:
    X, y = rows("two")
    messages = []
    for model in both("two", max_iter=2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            model.fit(X, y)
        messages.append([(w.category, str(w.message)) for w in caught])
    assert messages[0] == messages[1]
    assert messages[0][0][0] is ConvergenceWarning
