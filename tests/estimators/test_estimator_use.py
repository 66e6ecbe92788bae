"""How the estimators are used: copies, threads, sparse rows, single rows, pipelines, and misuse."""

from __future__ import annotations

import copy
import io
import pickle
import warnings
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
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
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier as SklearnClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from throughline import MLPClassifier, MLPRegressor
from throughline.estimators.blas import WORTH_THREADS, single_thread_if_small
from throughline.estimators.prediction import BLOCK, Predictor, pack

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = make_classification(230, 8, n_informative=5, random_state=0)
WORDS = np.array(["no", "yes"])[Y]
QUICK: dict[str, Any] = {"hidden_layer_sizes": (12, 6), "batch_size": 32, "random_state": 0, "max_iter": 5}


def fitted(**settings: Any) -> MLPClassifier:
    return MLPClassifier(**(QUICK | settings)).fit(X, WORDS)


# --- copies -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("copied", [copy.deepcopy, copy.copy, lambda m: pickle.loads(pickle.dumps(m))])
def test_copies_answer_and_go_on_alike(copied: Any) -> None:
    model = MLPClassifier(**QUICK)
    for _ in range(3):
        model.partial_fit(X, WORDS, classes=["no", "yes"])
    twin = copied(model)
    assert_array_equal(twin.predict_proba(X), model.predict_proba(X))
    assert_array_equal(twin.predict_proba(X[:1]), model.predict_proba(X[:1]))
    before = model.coefs_[0].copy()
    twin.partial_fit(X, WORDS)
    assert_array_equal(model.coefs_[0], before)
    model.partial_fit(X, WORDS)
    assert_array_equal(twin.coefs_[0], model.coefs_[0])


def test_clones_have_the_settings_alone() -> None:
    model = clone(fitted(dropout=0.2))
    assert model.get_params()["dropout"] == 0.2
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_pickles_do_not_hold_the_rows() -> None:
    many = np.random.default_rng(0).normal(size=(20_000, 8))
    model = MLPClassifier(**QUICK).partial_fit(many, many[:, 0] > 0, classes=[False, True])
    assert len(pickle.dumps(model)) < 50_000


def test_weights_that_are_put_in_their_place_answer() -> None:
    model = fitted()
    answers = model.predict_proba(X)
    one = model.predict_proba(X[:1])
    model.coefs_[-1][...] *= -1  # in place
    model.intercepts_[-1][...] *= -1
    assert_allclose(model.predict_proba(X), answers[:, ::-1], atol=1e-15)
    model.coefs_[-1] = -model.coefs_[-1]  # another array
    model.intercepts_ = [*model.intercepts_[:-1], -model.intercepts_[-1]]  # another list
    assert_allclose(model.predict_proba(X), answers, atol=1e-15)
    assert_allclose(model.predict_proba(X[:1]), one, atol=1e-15)


# --- prediction -------------------------------------------------------------------------------------------------------


@given(
    n=st.integers(1, 3 * BLOCK),
    sizes=st.lists(st.integers(1, 7), min_size=2, max_size=4),
    hidden=st.sampled_from(["relu", "tanh", "sigmoid", "linear"]),
    seed=st.integers(0, 99),
)
@settings(max_examples=60, deadline=None)
def test_compiled_passes_are_the_products(n: int, sizes: list[int], hidden: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    kernels = [rng.normal(size=shape) for shape in pairwise(sizes)]
    biases = [rng.normal(size=k) for k in sizes[1:]]
    functions = {"relu": lambda z: z * (z > 0), "tanh": np.tanh, "sigmoid": lambda z: 1 / (1 + np.exp(-z))}
    predictor, rows = Predictor(pack(kernels, biases), hidden), rng.normal(size=(n, sizes[0]))
    a = rows
    for layer, (kernel, bias) in enumerate(zip(kernels, biases, strict=True)):
        a = a @ kernel + bias
        if layer < len(kernels) - 1:
            a = functions.get(hidden, lambda z: z)(a)
    assert_allclose(predictor.logits(rows), a, rtol=1e-12, atol=1e-12)
    if sizes[-1] == 1:
        assert_allclose(
            predictor.row(rows[:1], {"coefs_": predictor.kernels, "intercepts_": predictor.biases}),
            a[0, 0],
            rtol=1e-12,
            atol=1e-12,
        )


@pytest.mark.parametrize("kind", ["two", "three", "labels", "value", "values", "count value"])
def test_one_row_is_answered_as_many_are(kind: str) -> None:
    targets = {
        "two": WORDS,
        "three": np.arange(230) % 3,
        "labels": make_multilabel_classification(230, n_classes=3, random_state=0)[1],
        "value": X[:, 0],
        "values": X[:, :2],
        "count value": Y,
    }[kind]
    loss = {"loss": "poisson"} if kind == "count value" else {}
    model = (MLPRegressor if "value" in kind else MLPClassifier)(**QUICK, **loss).fit(X, targets)
    for method in ("predict", "predict_proba", "predict_log_proba"):
        if hasattr(model, method):
            answers = getattr(model, method)(X)
            for i in range(5):
                one = getattr(model, method)(X[i : i + 1])
                assert (one.dtype, one.shape) == (answers.dtype, (1, *answers.shape[1:]))
                if answers.dtype.kind == "f":
                    assert_allclose(one[0], answers[i], rtol=1e-12, atol=1e-14)
                else:
                    assert_array_equal(one[0], answers[i])


def test_answers_have_memory_of_their_own() -> None:
    model = fitted()
    for rows in (X[:1], X):
        first = model.predict_proba(rows)
        kept = first.copy()
        model.predict_proba(rows + 1)
        assert_array_equal(first, kept)
    value = MLPRegressor(**QUICK).fit(X, Y)
    first = value.predict(X[:1])
    assert first != value.predict(X[1:2])


def test_threads_do_not_share_buffers() -> None:
    model = fitted()
    parts = [X[i::7] for i in range(7)]
    expected = [model.predict_proba(part) for part in parts]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(20):
            for got, wanted in zip(pool.map(model.predict_proba, parts), expected, strict=True):
                assert_array_equal(got, wanted)


@pytest.mark.filterwarnings("error")
def test_very_large_logits_make_no_noise() -> None:
    model = fitted()
    model.coefs_[-1][...], model.intercepts_[-1][...] = 0, 1e4
    assert_array_equal(model.predict_proba(X[:1]), [[0, 1]])
    assert_array_equal(model.predict_proba(X[:2]), [[0, 1]] * 2)
    model.intercepts_[-1][...] = -1e4
    assert_array_equal(model.predict_proba(X[:1]), [[1, 0]])
    assert_array_equal(model.predict_proba(X[:2]), [[1, 0]] * 2)
    assert_array_equal(model.predict_log_proba(X[:1]), [[0, -1e4]])


# --- rows of other kinds ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("container", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
def test_sparse_rows_are_rows(container: Any) -> None:
    rows = np.where(np.abs(X) > 1, X, 0)
    dense = MLPClassifier(**QUICK).fit(rows, Y)
    thin = MLPClassifier(**QUICK).fit(container(rows), Y)
    assert thin.loss_curve_ == dense.loss_curve_
    assert_array_equal(thin.predict_proba(container(rows)), dense.predict_proba(rows))
    thin.partial_fit(container(rows), Y)


def test_sparse_labels_are_answered_sparse() -> None:
    rows, labels = make_multilabel_classification(100, n_classes=3, random_state=0)
    model = MLPClassifier(**QUICK).fit(rows, sparse.csr_matrix(labels))
    assert sparse.issparse(model.predict(rows))
    plain = MLPClassifier(**QUICK).fit(rows, labels)
    assert_array_equal(model.predict(rows).toarray(), plain.predict(rows))


def test_names_of_columns_are_kept_and_checked() -> None:
    frame = pl.DataFrame(X, schema=[f"column {i}" for i in range(8)])
    model = MLPClassifier(**QUICK).fit(frame, Y)
    assert list(model.feature_names_in_) == frame.columns
    assert_array_equal(model.predict(frame), MLPClassifier(**QUICK).fit(X, Y).predict(X))
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        model.predict(X)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame.rename({"column 0": "other"}))


def test_pipelines_and_searches() -> None:
    pipeline = make_pipeline(StandardScaler(), MLPClassifier(**(QUICK | {"max_iter": 60})))
    search = GridSearchCV(pipeline, {"mlpclassifier__alpha": [1e-4, 1.0]}, cv=3, n_jobs=2)
    assert search.fit(X, WORDS).score(X, WORDS) > 0.8
    assert len(cross_val_score(MLPRegressor(**QUICK), X, Y, cv=3)) == 3


# --- misuse -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"hidden_layer_sizes": (3, 0)}, r"hidden_layer_sizes must be > 0 and whole, got \[3, 0\]"),
        ({"hidden_layer_sizes": (2.5,)}, "hidden_layer_sizes must be > 0 and whole"),
        ({"hidden_layer_sizes": -1}, "'hidden_layer_sizes' parameter"),
        ({"activation": "swish"}, "'activation' parameter of MLPClassifier must be a str among"),
        ({"solver": "newton"}, "'solver' parameter"),
        ({"alpha": -1.0}, "'alpha' parameter"),
        ({"batch_size": 0}, "'batch_size' parameter"),
        ({"learning_rate_init": 0.0}, "'learning_rate_init' parameter"),
        ({"momentum": 1.5}, "'momentum' parameter"),
        ({"beta_1": 1.0}, "'beta_1' parameter"),
        ({"epsilon": 0.0}, "'epsilon' parameter"),
        ({"max_iter": 0}, "'max_iter' parameter"),
        ({"dropout": 1.0}, "'dropout' parameter"),
        ({"dropout": (0.1, 0.1, 0.1)}, "dropout must be one rate or one for each of 2 hidden layers"),
        ({"weight_decay": -0.1}, "'weight_decay' parameter"),
        ({"solver": "lbfgs", "dropout": 0.1}, "dropout must be 0 for solver='lbfgs'"),
    ],
)
def test_settings_out_of_range(setting: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**(QUICK | setting)).fit(X, Y)


def test_one_validation_row_is_too_few() -> None:
    with pytest.raises(ValueError, match="The validation set is too small"):
        MLPRegressor(early_stopping=True, validation_fraction=0.001).fit(X, Y)


def test_losses_of_the_regressor() -> None:
    with pytest.raises(ValueError, match="'loss' parameter of MLPRegressor must be a str among"):
        MLPRegressor(loss="gamma").fit(X, Y)


def test_poisson_is_for_amounts() -> None:
    counts = np.random.default_rng(0).poisson(np.exp(X[:, 0]))
    model = MLPRegressor("poisson", **QUICK)
    with pytest.raises(ValueError, match=r"y must be at least 0 in every row for loss='poisson', but got -1\.0: use"):
        model.fit(X, counts - 1.0)
    with pytest.raises(ValueError, match="y_val must be at least 0 in every row"):
        model.fit(X, counts, X_val=X, y_val=counts - 1)
    with pytest.raises(ValueError, match="y must be at least 0 in every row"):
        model.partial_fit(X, counts - 1)
    assert (model.fit(X, counts).predict(X) > 0).all()
    assert model.out_activation_ == "exp"


@pytest.mark.parametrize("go_on", ["fit", "partial_fit"])
def test_the_loss_cannot_change_on_the_way(go_on: str) -> None:
    model = MLPRegressor("poisson", warm_start=True, **QUICK).fit(X, Y)
    with pytest.raises(ValueError, match=r"loss must stay what it was .* 'exp', but got 'squared_error': set it back"):
        getattr(model.set_params(loss="squared_error"), go_on)(X, Y)
    getattr(model.set_params(loss="poisson"), go_on)(X, Y)


def test_counts_that_no_number_can_hold() -> None:
    model = MLPRegressor("poisson", **QUICK).fit(X, Y)
    model.intercepts_[-1][...] = 1e4
    with pytest.warns(RuntimeWarning, match="overflow encountered in exp"):
        assert_array_equal(model.predict(X), np.inf)
    for solver in ("sgd", "adam"):
        with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
            MLPRegressor("poisson", **(QUICK | {"learning_rate_init": 1e4, "solver": solver})).fit(X, Y)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_that_are_not_finite(bad: float) -> None:
    spoilt = X.copy()
    spoilt[3, 2] = bad
    with pytest.raises(ValueError, match="Input X contains"):
        MLPClassifier(**QUICK).fit(spoilt, Y)
    model = fitted()
    for rows in (spoilt, spoilt[3:4]):
        for method in (model.predict, model.predict_proba, model.predict_log_proba):
            with pytest.raises(ValueError, match="Input X contains"):
                method(rows)
    with pytest.raises(ValueError, match="Input y contains"):
        MLPRegressor(**QUICK).fit(X, np.where(Y, bad, 0.0))


def test_rows_too_large_for_float32() -> None:
    model = MLPClassifier(**QUICK).fit(X.astype(np.float32), Y)
    with pytest.raises(ValueError, match=r"too large for dtype\('float32'\)"):
        model.predict(np.full((1, 8), 1e300))
    assert model.predict(np.full((1, 8), 1e30, np.float32)).shape == (1,)


def test_wrong_shapes() -> None:
    model = fitted()
    with pytest.raises(ValueError, match="X has 7 features, but MLPClassifier is expecting 8 features"):
        model.predict(X[:, :7])
    with pytest.raises(ValueError, match="Expected 2D array, got 1D array instead"):
        model.predict(X[0])
    with pytest.raises(ValueError, match="Found array with 0 sample"):
        model.predict(X[:0])
    with pytest.raises(ValueError, match="inconsistent numbers of samples"):
        MLPClassifier(**QUICK).fit(X, Y[:-1])


@pytest.mark.parametrize("model", [MLPClassifier(), MLPRegressor()])
def test_not_fitted(model: Any) -> None:
    for method in ("predict", "predict_proba", "predict_log_proba"):
        if hasattr(model, method):
            for rows in (X, X[:1], sparse.csr_matrix(X)):
                with pytest.raises(NotFittedError):
                    getattr(model, method)(rows)


def test_one_class_is_learned() -> None:
    model = MLPClassifier(**QUICK).fit(X, ["only"] * len(X))
    assert set(model.predict(X)) == {"only"}
    assert model.predict(X[:1]) == ["only"]


@pytest.mark.parametrize("labels", [["b", "a"], [7, -2, 3], [True, False], [2.0, 1.0, -5.0], list("dcba")])
def test_classes_of_any_kind(labels: list[Any]) -> None:
    for dtype in (None, object) if isinstance(labels[0], str) else (None,):
        y = np.array(labels, dtype)[np.arange(230) % len(labels)]
        theirs, ours = SklearnClassifier(**QUICK).fit(X, y), MLPClassifier(**QUICK).fit(X, y)
        assert_array_equal(ours.classes_, theirs.classes_)
        assert_array_equal(ours.predict(X), theirs.predict(X))
        assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=0, atol=1e-12)
        ours.partial_fit(X[:40], y[:40])


def test_classes_that_were_not_announced() -> None:
    model = MLPClassifier(**QUICK)
    with pytest.raises(ValueError, match="classes must be passed on the first call to partial_fit"):
        model.partial_fit(X, Y)
    model.partial_fit(X, Y, classes=[0, 1])
    with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
        model.partial_fit(X, Y + 1)
    with pytest.raises(ValueError, match="is not the same as on last call"):
        model.partial_fit(X, Y, classes=[0, 1, 2])
    with pytest.raises(ValueError, match=r"`y` has classes not in `self\.classes_`"):
        model.partial_fit(X, WORDS)
    warm = fitted(warm_start=True)
    with pytest.raises(ValueError, match="warm_start can only be used where `y` has the same classes"):
        warm.fit(X, Y)
    with pytest.raises(ValueError, match=r"`y_val` has classes not in `self\.classes_`"):
        MLPClassifier(**QUICK).fit(X, Y, X_val=X, y_val=Y + 1)


def test_going_on_needs_the_same_layers() -> None:
    model = fitted(warm_start=True).set_params(hidden_layer_sizes=(5,))
    with pytest.raises(ValueError, match=r"must go on with layers of \(8, 12, 6, 1\) units.* got \(8, 5, 1\)"):
        model.fit(X, WORDS)


def test_a_warm_start_may_change_the_solver_and_the_way_of_stopping() -> None:
    model = fitted(solver="lbfgs", warm_start=True)
    loss = model.loss_
    model.set_params(solver="adam").fit(X, WORDS)
    assert model.loss_curve_[0] == pytest.approx(loss, rel=0.2)
    model.set_params(early_stopping=True).fit(X, WORDS)
    assert model.validation_scores_ is not None
    assert len(model.validation_scores_) == 5
    model.set_params(early_stopping=False).fit(X, WORDS)
    assert len(model.loss_curve_) == 15


def test_a_new_fit_forgets_the_record_of_the_old_one() -> None:
    model = MLPClassifier(**QUICK, early_stopping=True).fit(X, Y)
    model.set_params(early_stopping=False).fit(X, Y)
    assert model.validation_scores_ is None
    assert model.best_validation_score_ is None
    assert not hasattr(model.set_params(solver="lbfgs").fit(X, Y), "loss_curve_")


def test_partial_fit_is_for_solvers_with_epochs() -> None:
    assert not hasattr(MLPClassifier(solver="lbfgs"), "partial_fit")
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        MLPRegressor(early_stopping=True).partial_fit(X, Y)


def test_validation_rows_need_targets_and_epochs() -> None:
    with pytest.raises(ValueError, match="X_val and y_val must be given together"):
        MLPClassifier(**QUICK).fit(X, Y, X_val=X)
    with pytest.raises(ValueError, match="must be None for solver='lbfgs'"):
        MLPClassifier(**(QUICK | {"solver": "lbfgs"})).fit(X, Y, X_val=X, y_val=Y)
    with pytest.raises(ValueError, match="resume_from must be None for solver='lbfgs'"):
        MLPClassifier(**(QUICK | {"solver": "lbfgs"})).fit(X, Y, resume_from="nowhere")
    with pytest.raises(ValueError, match="y_val must have 1 outputs as y has, got 2"):
        MLPRegressor(**QUICK).fit(X, Y, X_val=X, y_val=X[:, :2])


def test_a_training_that_diverges_says_so() -> None:
    rows, values = make_regression(100, 4, random_state=0)
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights"):
        MLPRegressor(**(QUICK | {"solver": "sgd", "learning_rate_init": 1e5})).fit(rows, values)


def test_a_batch_larger_than_the_rows_is_clipped() -> None:
    with pytest.warns(UserWarning, match="It is going to be clipped"):
        clipped = MLPClassifier(**(QUICK | {"batch_size": 1000})).fit(X, Y)
    assert clipped.loss_curve_ == MLPClassifier(**(QUICK | {"batch_size": 230})).fit(X, Y).loss_curve_


def test_rows_of_no_weight_are_as_if_absent() -> None:
    weights = np.ones(len(X))
    weights[100:] = 0
    settings = QUICK | {"batch_size": 230, "shuffle": False, "alpha": 0.0}
    some = MLPClassifier(**settings).fit(X, Y, weights)
    few = MLPClassifier(**(settings | {"batch_size": 100})).fit(X[:100], Y[:100])
    assert_allclose(some.loss_curve_, few.loss_curve_, rtol=0, atol=1e-12)
    # A whole batch without weight moves nothing and costs nothing.
    batches = MLPClassifier(**(settings | {"batch_size": 23, "solver": "sgd", "momentum": 0.0})).fit(X, Y, weights)
    assert np.isfinite(batches.loss_curve_).all()


def test_interrupting_keeps_what_was_learned() -> None:
    def interrupt(epoch: Any) -> None:
        if epoch.number == 2:
            raise KeyboardInterrupt

    with pytest.warns(UserWarning, match="Training interrupted by user"):
        model = MLPClassifier(callbacks=[interrupt], **QUICK).fit(X, Y)
    assert model.n_iter_ == 2
    assert model.predict(X).shape == Y.shape


# --- threads of the matrix products -----------------------------------------------------------------------------------


def test_small_products_use_one_thread() -> None:
    from threadpoolctl import threadpool_info

    def threads() -> set[int]:
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    before = threads()
    with single_thread_if_small((20, 64, 1), 200):
        assert threads() == {1}
    assert threads() == before
    with single_thread_if_small((1000, WORTH_THREADS // 1000, 1), 2):
        assert threads() == before


def test_nothing_is_printed_without_being_asked() -> None:
    with warnings.catch_warnings(), io.StringIO() as out:
        warnings.simplefilter("error")
        from contextlib import redirect_stdout

        with redirect_stdout(out):
            MLPClassifier(**(QUICK | {"tol": 1.0, "n_iter_no_change": 1, "max_iter": 50})).fit(X, Y)
        assert out.getvalue() == ""
