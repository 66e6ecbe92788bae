"""Several metrics on the validation rows: what their curves hold, which one decides, and how they go on."""

from __future__ import annotations

import copy
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification, make_multilabel_classification, make_regression
from sklearn.metrics import f1_score, fbeta_score, get_scorer, get_scorer_names, make_scorer
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from throughline import MLPClassifier, MLPRegressor
from throughline.estimators.callbacks import Epoch, SaveCheckpoint
from throughline.estimators.checkpoint import Checkpoint

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = make_classification(230, 8, n_informative=5, random_state=0)
WORDS = np.array(["no", "yes"])[Y]
HELD = {"X_val": X[150:], "y_val": Y[150:]}
QUICK: dict[str, Any] = {"hidden_layer_sizes": (12, 6), "batch_size": 32, "random_state": 0, "max_iter": 10}
METRICS = ("accuracy", "neg_log_loss", "roc_auc")


def largest_error(estimator: Any, rows: Any, y: Any) -> float:
    """Return minus the largest error of a probability, or of a value."""
    answers = estimator.predict_proba(rows)[:, 1] if hasattr(estimator, "predict_proba") else estimator.predict(rows)
    return -float(np.abs(answers - y).max())


def trained(**settings: Any) -> MLPClassifier:
    return MLPClassifier(**(QUICK | {"validation_metrics": METRICS} | settings)).fit(X[:150], Y[:150], **HELD)


# --- what the curves hold ---------------------------------------------------------------------------------------------

F2 = make_scorer(fbeta_score, beta=2)
CASES: dict[str, tuple[Any, Any, dict[str, Any]]] = {
    "words": (WORDS, ["accuracy", "neg_log_loss", "roc_auc"], {}),
    "two": (Y, {"F2": F2, "worst": largest_error, "again": "f1"}, {}),
    "three": (np.arange(230) % 3, ("balanced_accuracy", "roc_auc_ovr", "f1_macro", "neg_log_loss"), {}),
    "labels": (make_multilabel_classification(230, n_classes=3, random_state=0)[1], ("f1_micro", "roc_auc"), {}),
    "value": (X[:, 0] * X[:, 1], ("r2", "neg_mean_absolute_error", "neg_max_error", largest_error), {}),
    "values": (X[:, :2] * X[:, 2:4], ("r2", "neg_mean_squared_error"), {}),
    "counts": (np.arange(230) % 4, ("neg_mean_poisson_deviance", "r2"), {"loss": "poisson"}),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("case", CASES)
def test_each_epoch_has_what_the_scorers_say(case: str, dtype: type) -> None:
    y, metrics, more = CASES[case]
    rows, y_val = X[150:].astype(dtype), y[150:]
    expected: list[dict[str, float]] = []

    def score(epoch: Epoch) -> None:
        named = metrics if isinstance(metrics, dict) else {getattr(m, "__name__", m): m for m in metrics}
        expected.append({name: get_scorer(metric)(epoch.estimator, rows, y_val) for name, metric in named.items()})
        assert epoch.validation_metrics == expected[-1]

    estimator = MLPRegressor if case in ("value", "values", "counts") else MLPClassifier
    model = estimator(validation_metrics=metrics, callbacks=[score], **QUICK, **more)
    model.fit(X[:150].astype(dtype), y[:150], X_val=rows, y_val=y_val)
    assert model.validation_history_ == {name: [scores[name] for scores in expected] for name in expected[0]}
    assert len(expected) == 10
    assert all(type(value) is float for curve in model.validation_history_.values() for value in curve)


def test_sparse_labels_and_rows() -> None:
    rows, labels = make_multilabel_classification(100, n_classes=3, random_state=0)
    curves = []
    for make in (np.asarray, sparse.csr_matrix):
        model = MLPClassifier(validation_metrics=["f1_micro", "accuracy"], **QUICK)
        model.fit(make(rows), make(labels), X_val=make(rows[:40]), y_val=make(labels[:40]))
        curves.append(model.validation_history_)
    assert curves[0] == curves[1]
    assert curves[0]["accuracy"] == model.validation_scores_


def test_one_class_is_scored() -> None:
    model = MLPClassifier(validation_metrics="accuracy", early_stopping=True, **QUICK).fit(X, ["only"] * len(X))
    assert set(model.validation_history_["accuracy"]) == {1.0}


@pytest.mark.parametrize("settings", [{}, {"early_stopping": True, "n_iter_no_change": 2}])
def test_measuring_changes_nothing(settings: dict[str, Any]) -> None:
    plain = MLPClassifier(**(QUICK | settings)).fit(X, Y, **HELD)
    measured = MLPClassifier(**(QUICK | settings), validation_metrics=METRICS).fit(X, Y, **HELD)
    assert measured.loss_curve_ == plain.loss_curve_
    assert measured.validation_scores_ == plain.validation_scores_ == measured.validation_history_["accuracy"]
    assert plain.validation_history_ == {}
    assert_array_equal(measured.coefs_[0], plain.coefs_[0])
    assert MLPClassifier(**QUICK).fit(X, Y).validation_history_ == {}


def test_rows_set_aside_keep_their_weights() -> None:
    weights = np.random.default_rng(0).uniform(0, 3, len(X))
    seen: list[Any] = []

    def plain(estimator: Any, rows: Any, y: Any) -> float:
        return float((estimator.predict(rows) == y).mean())

    def weighted(estimator: Any, rows: Any, y: Any, sample_weight: Any = None) -> float:
        seen.append((rows, y, sample_weight))
        return float(np.average(estimator.predict(rows) == y, weights=sample_weight))

    metrics = ["accuracy", "neg_max_error", plain, weighted]
    model = MLPClassifier(early_stopping=True, validation_metrics=metrics, **QUICK).fit(X, Y, weights)
    history = model.validation_history_
    assert history["weighted"] == pytest.approx(history["accuracy"], abs=1e-15)
    assert history["accuracy"] == model.validation_scores_
    assert history["plain"] != history["accuracy"]
    for rows, y, kept in seen:
        which = np.searchsorted(np.sort(weights), kept)  # each weight is there once, and tells the row
        assert_array_equal(rows, X[np.argsort(weights)[which]])
        assert_array_equal(y, Y[np.argsort(weights)[which]])
    assert len(seen[0][2]) == 23


def test_names_of_columns_make_no_noise() -> None:
    frame = pl.DataFrame(X, schema=[f"column {i}" for i in range(8)])
    model = MLPClassifier(validation_metrics=METRICS, **QUICK).fit(
        frame[:150], Y[:150], X_val=frame[150:], y_val=Y[150:]
    )
    assert model.validation_history_ == trained().validation_history_
    assert model.validation_history_["roc_auc"][-1] == get_scorer("roc_auc")(model, frame[150:], Y[150:])


def test_what_has_diverged_has_no_score() -> None:
    rows, values = make_regression(100, 4, random_state=0)
    seen: list[dict[str, float]] = []

    def spoil(epoch: Epoch) -> None:
        seen.append(epoch.validation_metrics)
        epoch.estimator.intercepts_[-1][...] = 1e4  # its exponential is infinite

    model = MLPRegressor("poisson", validation_metrics="r2", callbacks=[spoil], solver="sgd", **QUICK)
    with pytest.raises(ValueError, match="Solver produced non-finite"):
        model.fit(rows, np.abs(values), X_val=rows[:30], y_val=np.abs(values[:30]))
    assert len(seen) == 1

    def diverge(logits: Any, y: Any, sample_weight: Any) -> float:
        return math.nan

    model = MLPRegressor(validation_metrics="r2", early_stopping=True, **QUICK)
    model._score_logits = diverge  # type: ignore[method-assign]
    model._values = lambda logits: logits * np.inf  # type: ignore[method-assign]
    with np.errstate(invalid="ignore"):
        model.fit(rows, values)
    assert_array_equal(model.validation_history_["r2"], math.nan)


# --- which one decides ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("monitor", ["neg_log_loss", "accuracy", "worst"])
def test_the_monitored_metric_decides(monitor: str) -> None:
    metrics = {"accuracy": "accuracy", "neg_log_loss": "neg_log_loss", "worst": largest_error}
    changes = {"early_stopping": True, "n_iter_no_change": 3, "max_iter": 300, "learning_rate_init": 0.01}
    model = trained(validation_metrics=metrics, monitor=monitor, **changes)
    assert model.validation_scores_ == model.validation_history_[monitor]
    assert model.best_validation_score_ == max(model.validation_history_[monitor])
    assert get_scorer(metrics[monitor])(model, X[150:], Y[150:]) == model.best_validation_score_  # its weights are kept
    assert 5 <= model.n_iter_ < 300
    # By hand: stop at the first epoch with more than three in a row that brought less than tol.
    best, idle = -math.inf, 0
    idle_after = []
    for score in model.validation_history_[monitor]:
        idle = idle + 1 if score < best + model.tol else 0
        idle_after.append(idle)
        best = max(best, score)
    assert [n > 3 for n in idle_after] == [False] * (model.n_iter_ - 1) + [True]
    if monitor == "accuracy":
        alone = MLPClassifier(**(QUICK | changes)).fit(X[:150], Y[:150], **HELD)
        assert alone.validation_scores_ == model.validation_scores_


def test_without_a_monitor_the_score_decides() -> None:
    settings = {"early_stopping": True, "n_iter_no_change": 3, "max_iter": 300, "learning_rate_init": 0.01}
    model = trained(validation_metrics=["neg_log_loss"], **settings)
    assert model.n_iter_ == trained(validation_metrics=None, **settings).n_iter_
    assert model.best_validation_score_ == model.score(X[150:], Y[150:])


def test_adaptive_rates_follow_it() -> None:
    settings = QUICK | {"solver": "sgd", "learning_rate": "adaptive", "early_stopping": True, "n_iter_no_change": 2}
    settings |= {"max_iter": 40, "learning_rate_init": 0.1}
    runs = [
        MLPClassifier(validation_metrics=METRICS, monitor=monitor, **settings).fit(X, Y).loss_curve_
        for monitor in (None, "accuracy", "neg_log_loss")
    ]
    assert runs[0] == runs[1] != runs[2]


# --- copies, searches, going on ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_have_the_curves_and_go_on(copied: Any) -> None:
    model = trained(validation_metrics={"auc": "roc_auc", "F2": F2, "worst": largest_error}, monitor="auc")
    twin = copied(model)
    assert twin.validation_history_ == model.validation_history_
    twin.partial_fit(X[:150], Y[:150], X_val=X[150:], y_val=Y[150:])
    assert len(twin.validation_history_["auc"]) == 11 == len(twin.validation_scores_)
    if copied is not copy.copy:
        assert len(model.validation_history_["auc"]) == 10


def test_clones_and_searches() -> None:
    metrics = {"auc": "roc_auc", "worst": largest_error}
    model = MLPClassifier(validation_metrics=metrics, monitor="auc", early_stopping=True, **QUICK)
    assert clone(model).get_params() == model.get_params()
    assert not hasattr(clone(model.fit(X, Y)), "validation_history_")
    choices = {
        "mlpclassifier__monitor": [None, "auc"],
        "mlpclassifier__validation_metrics": [metrics, {"auc": "average_precision"}],
    }
    search = GridSearchCV(make_pipeline(StandardScaler(), model), choices, cv=2, error_score="raise")
    best = search.fit(X, Y).best_estimator_[-1]
    assert set(best.validation_history_) in ({"auc", "worst"}, {"auc"})
    scores = cross_validate(model, X, Y, cv=2, return_estimator=True, error_score="raise")
    assert all(len(e.validation_history_["auc"]) == 10 for e in scores["estimator"])


def test_partial_fit_has_curves_where_it_has_rows() -> None:
    model = MLPClassifier(validation_metrics=METRICS, monitor="roc_auc", **QUICK)
    for rows in ({}, HELD, HELD, {}, HELD):
        model.partial_fit(X[:150], Y[:150], classes=[0, 1], **rows)
    assert len(model.loss_curve_) == 5
    assert model.validation_scores_ == model.validation_history_["roc_auc"]
    assert {len(curve) for curve in model.validation_history_.values()} == {3}
    assert model.validation_history_["roc_auc"][-1] == get_scorer("roc_auc")(model, X[150:], Y[150:])
    regressor = MLPRegressor(validation_metrics="r2", **QUICK).partial_fit(X, Y, X_val=X, y_val=Y)
    assert regressor.validation_history_ == {"r2": regressor.validation_scores_}
    with pytest.raises(ValueError, match="X_val and y_val must be given together"):
        model.partial_fit(X, Y, X_val=X)


def test_a_warm_start_goes_on_with_the_curves() -> None:
    whole = trained()
    model = MLPClassifier(**(QUICK | {"max_iter": 5}), warm_start=True, validation_metrics=METRICS)
    model.fit(X[:150], Y[:150], **HELD).fit(X[:150], Y[:150], **HELD)
    assert {len(curve) for curve in model.validation_history_.values()} == {10}
    assert model.validation_history_["accuracy"][:5] == whole.validation_history_["accuracy"][:5]
    model.set_params(validation_metrics=["f1", "accuracy"]).fit(X[:150], Y[:150], **HELD)
    history = model.validation_history_
    assert {len(curve) for curve in history.values()} == {15}
    assert_array_equal(np.isnan(history["f1"]), [True] * 10 + [False] * 5)
    assert_array_equal(np.isnan(history["roc_auc"]), [False] * 10 + [True] * 5)
    assert not np.isnan(history["accuracy"]).any()
    model.set_params(warm_start=False).fit(X[:150], Y[:150], **HELD)
    assert {name: len(curve) for name, curve in model.validation_history_.items()} == {"f1": 5, "accuracy": 5}


def test_a_warm_start_with_another_monitor_has_another_best() -> None:
    model = trained(warm_start=True, early_stopping=True, monitor="accuracy", n_iter_no_change=20)
    assert model.best_validation_score_ > 0
    model.set_params(monitor="neg_log_loss").fit(X[:150], Y[:150], **HELD)
    assert model.best_validation_score_ == max(model.validation_history_["neg_log_loss"][10:]) < 0


@settings(max_examples=12, deadline=None)
@given(
    n_before=st.integers(1, 9),
    early_stopping=st.booleans(),
    monitor=st.sampled_from([None, *METRICS]),
    resumed_metrics=st.sampled_from([METRICS, (*METRICS, "f1")]),
)
def test_curves_go_on_from_a_checkpoint(
    tmp_path_factory: Any, n_before: int, early_stopping: bool, monitor: str | None, resumed_metrics: tuple[str, ...]
) -> None:
    path = tmp_path_factory.mktemp("checkpoints") / "one.npz"
    settings = QUICK | {"early_stopping": early_stopping, "monitor": monitor, "validation_metrics": METRICS}

    def save(epoch: Epoch) -> None:
        if epoch.number == n_before:
            epoch.checkpoint().save(path)

    whole = MLPClassifier(callbacks=[save], **settings).fit(X[:150], Y[:150], **HELD)
    again = MLPClassifier(**(settings | {"validation_metrics": resumed_metrics}))
    again.fit(X[:150], Y[:150], resume_from=path, **HELD)
    assert again.loss_curve_ == whole.loss_curve_
    assert again.validation_scores_ == whole.validation_scores_
    assert {name: again.validation_history_[name] for name in METRICS} == whole.validation_history_
    if len(resumed_metrics) == 4:
        f1 = again.validation_history_["f1"]
        assert_array_equal(np.isnan(f1), np.arange(10) < n_before)
    for mine, other in zip((*again.coefs_, *again.intercepts_), (*whole.coefs_, *whole.intercepts_), strict=True):
        assert_array_equal(mine, other)


def test_a_checkpoint_from_before_there_were_metrics(tmp_path: Path) -> None:
    path = tmp_path / "old.npz"
    callbacks = [SaveCheckpoint(path, every=4)]
    MLPClassifier(callbacks=callbacks, **(QUICK | {"max_iter": 4})).fit(X[:150], Y[:150], **HELD)
    old = Checkpoint.load(path)
    del old.progress["validation_history_"]
    old.save(path)
    again = MLPClassifier(validation_metrics=METRICS, **QUICK).fit(X[:150], Y[:150], resume_from=path, **HELD)
    assert again.loss_curve_ == trained().loss_curve_
    assert_allclose(again.validation_history_["roc_auc"][4:], trained().validation_history_["roc_auc"][4:], atol=0)


# --- on display -------------------------------------------------------------------------------------------------------


def test_they_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    trained(progress=True, monitor="roc_auc")
    shown = capsys.readouterr().out
    assert all(name in shown for name in ("validation score", *METRICS))
    model = trained(verbose=True, max_iter=1)
    values = ", ".join(f"{name}: {curve[0]:f}" for name, curve in model.validation_history_.items())
    assert f"Validation score: {model.validation_scores_[0]:f}, {values}\n" in capsys.readouterr().out


# --- misuse -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"validation_metrics": "log_loss"}, r"got 'log_loss': use one of \['accuracy', .*'neg_log_loss'"),
        (
            {"validation_metrics": ["accuracy", 3]},
            "must be scorers of scikit-learn or functions of .*, got 3: use one of",
        ),
        (
            {"validation_metrics": {"a": None}},
            "must be scorers of scikit-learn or functions of .*, got None: use one of",
        ),
        ({"validation_metrics": 3}, "'validation_metrics' parameter of MLPClassifier must be"),
        ({"validation_metrics": ["f1", "f1"]}, r"must have different names, got \['f1', 'f1'\]: name them in a dict"),
        (
            {"validation_metrics": [f1_score]},
            "got scikit-learn's f1_score of labels and answers: wrap it with make_scorer",
        ),
        (
            {"validation_metrics": METRICS, "monitor": "f1"},
            r"monitor must be one of the .*'roc_auc'\].* got 'f1': add it",
        ),
        ({"monitor": "accuracy"}, r"monitor must be one of the validation_metrics, \[\], or None for the score"),
        ({"monitor": 3}, "'monitor' parameter of MLPClassifier must be"),
        ({"validation_metrics": "f1", "solver": "lbfgs"}, "validation_metrics must be None for solver='lbfgs'"),
        (
            {"validation_metrics": lambda e, rows, y: "good"},
            r"validation_metrics\['<lambda>'\] must return a number, got 'g",
        ),
        ({"validation_metrics": lambda e, rows, y: 1 / 0}, "division by zero"),
    ],
)
def test_what_is_refused(settings: dict[str, Any], message: str) -> None:
    model = MLPClassifier(**(QUICK | settings))
    with pytest.raises((ValueError, ZeroDivisionError), match=message):
        model.fit(X[:150], Y[:150], **({} if settings.get("solver") == "lbfgs" else HELD))


def test_every_allowed_name_is_in_the_message() -> None:
    with pytest.raises(ValueError, match="use one of") as raised:
        MLPRegressor(validation_metrics="mse", early_stopping=True).fit(X, Y)
    assert all(repr(name) in str(raised.value) for name in get_scorer_names())


def test_metrics_need_rows() -> None:
    with pytest.raises(
        ValueError, match=r"None without validation rows, got \['f1'\]: pass X_val and y_val to fit, or"
    ):
        MLPClassifier(validation_metrics="f1", **QUICK).fit(X, Y)
    MLPClassifier(validation_metrics="f1", **QUICK).partial_fit(X, Y, classes=[0, 1])


def test_a_metric_that_fails_is_named() -> None:
    with pytest.raises(ValueError, match="multi_class must be in") as raised:
        MLPClassifier(validation_metrics="roc_auc", early_stopping=True, **QUICK).fit(X, np.arange(230) % 3)
    assert raised.value.__notes__ == ["This was the validation metric 'roc_auc'."]
