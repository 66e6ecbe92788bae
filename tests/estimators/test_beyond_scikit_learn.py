"""What scikit-learn's networks lack: dropout, other solvers, schedules, callbacks, validation rows, checkpoints."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification, make_regression

from throughline import MLPClassifier, MLPRegressor
from throughline.estimators.callbacks import Callback, Epoch, SaveCheckpoint
from throughline.estimators.checkpoint import Checkpoint
from throughline.scratch import MLP

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = make_classification(230, 8, n_informative=5, random_state=0)
QUICK: dict[str, Any] = {"hidden_layer_sizes": (12, 6), "batch_size": 32, "random_state": 0, "max_iter": 10}


def torch_losses(solver: str, parameters: list[np.ndarray], n_epochs: int) -> list[float]:
    """Train the same network on one batch by torch's optimizer; return the loss before each step."""
    tensors = [torch.tensor(w, requires_grad=True) for w in parameters]
    optimizers = {
        "adamw": lambda: torch.optim.AdamW(tensors, lr=0.01, weight_decay=0.3, eps=1e-8),
        "rmsprop": lambda: torch.optim.RMSprop(tensors, lr=0.01, alpha=0.8, eps=1e-8),
    }
    optimizer, losses = optimizers[solver](), []
    for _ in range(n_epochs):
        a = torch.tensor(X)
        for W, b in zip(tensors[0:-2:2], tensors[1:-2:2], strict=True):
            a = torch.relu(a @ W + b)
        logits = a @ tensors[-2] + tensors[-1]
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logits[:, 0], torch.tensor(Y, dtype=torch.float64))
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses


@pytest.mark.parametrize("solver", ["adamw", "rmsprop"])
def test_the_other_solvers_are_torchs(solver: str) -> None:
    settings = QUICK | {"solver": solver, "learning_rate_init": 0.01, "alpha": 0.0, "weight_decay": 0.3, "rho": 0.8}
    settings |= {"batch_size": len(X), "max_iter": 30, "shuffle": False}
    rng, parameters = np.random.RandomState(0), []
    for fan_in, fan_out in pairwise((8, 12, 6, 1)):
        bound = np.sqrt(6 / (fan_in + fan_out))
        parameters += [rng.uniform(-bound, bound, (fan_in, fan_out)), rng.uniform(-bound, bound, fan_out)]
    losses = MLPClassifier(**settings).fit(X, Y).loss_curve_
    assert_allclose(losses, torch_losses(solver, parameters, 30), rtol=0, atol=1e-12)


def test_dropout_trains_another_network_that_answers_without_it() -> None:
    plain = MLPClassifier(**QUICK).fit(X, Y)
    dropped = MLPClassifier(dropout=0.3, **QUICK).fit(X, Y)
    assert dropped.loss_curve_ != plain.loss_curve_
    assert_array_equal(dropped.predict_proba(X), dropped.predict_proba(X))
    assert MLPClassifier(dropout=(0.3, 0.0), **QUICK).fit(X, Y).loss_curve_ not in (
        plain.loss_curve_,
        dropped.loss_curve_,
    )
    assert MLPClassifier(dropout=0.3, **QUICK).fit(X, Y).loss_curve_ == dropped.loss_curve_


def test_a_schedule_gives_the_rate_of_each_epoch() -> None:
    rates: list[float] = []
    settings = QUICK | {"max_iter": 4, "learning_rate": lambda epoch: 0.01 / (epoch + 1)}
    MLPClassifier(callbacks=[lambda epoch: rates.append(epoch.learning_rate)], **settings).fit(X, Y)
    assert rates == [0.01, 0.01 / 2, 0.01 / 3, 0.01 / 4]
    constant = MLPClassifier(**(QUICK | {"learning_rate": lambda epoch: 0.001})).fit(X, Y)
    assert constant.loss_curve_ == MLPClassifier(**QUICK).fit(X, Y).loss_curve_


@pytest.mark.parametrize("rate", [0.0, -1.0, float("nan"), float("inf")])
def test_a_schedule_must_return_a_rate(rate: float) -> None:
    with pytest.raises(ValueError, match=r"learning_rate\(0\) must return a finite number above 0"):
        MLPClassifier(**(QUICK | {"learning_rate": lambda epoch: rate})).fit(X, Y)


def test_validation_rows_of_ones_own() -> None:
    model = MLPClassifier(**QUICK).fit(X[:150], Y[:150], X_val=X[150:], y_val=Y[150:])
    assert model.validation_scores_ is not None
    assert len(model.validation_scores_) == 10
    assert model.validation_scores_[-1] == model.score(X[150:], Y[150:])
    assert model.best_validation_score_ == max(model.validation_scores_)
    assert model.loss_curve_ == MLPClassifier(**QUICK).fit(X[:150], Y[:150]).loss_curve_
    stopped = MLPClassifier(early_stopping=True, n_iter_no_change=3, **(QUICK | {"max_iter": 200}))
    stopped.fit(X[:150], Y[:150], X_val=X[150:], y_val=Y[150:])
    assert stopped.n_iter_ < 200
    assert stopped.score(X[150:], Y[150:]) == stopped.best_validation_score_


def test_validation_rows_of_a_regressor_are_scored_by_r2() -> None:
    A, b = make_regression(100, 4, random_state=0)
    model = MLPRegressor(**QUICK).fit(A, b / 100, X_val=A[:30], y_val=b[:30] / 100)
    assert_allclose((model.validation_scores_ or [])[-1], model.score(A[:30], b[:30] / 100), rtol=1e-12)


def test_callbacks_see_each_epoch_and_may_stop() -> None:
    seen: list[Epoch] = []

    class StopAtThree(Callback):
        calls: tuple[str, ...] = ()

        def on_start(self, n_epochs: int) -> None:
            self.calls += (f"start of {n_epochs}",)

        def on_epoch(self, epoch: Epoch) -> bool:
            return epoch.number == 3

        def on_end(self) -> None:
            self.calls += ("end",)

    stopper = StopAtThree()
    model = MLPClassifier(callbacks=[seen.append, stopper], **QUICK).fit(X, Y)
    assert model.n_iter_ == 3
    assert [(e.number, e.n_epochs, e.loss) for e in seen] == [(i + 1, 10, model.loss_curve_[i]) for i in range(3)]
    assert stopper.calls == ("start of 10", "end")
    assert all(e.estimator is model and e.validation_score is None for e in seen)


def test_a_callback_sees_the_present_weights() -> None:
    losses: list[float] = []

    def measure(epoch: Epoch) -> None:
        proba = epoch.estimator.predict_proba(X)
        losses.append(float(-np.log(proba[np.arange(len(Y)), Y]).mean()))

    MLPClassifier(callbacks=[measure], **QUICK).fit(X, Y)
    assert losses == sorted(losses, reverse=True)
    assert len(set(losses)) == 10


def test_progress_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    MLPClassifier(progress=True, early_stopping=True, **QUICK).fit(X, Y)
    out = capsys.readouterr().out
    assert "10/10" in out
    assert "validation score" in out


# --- checkpoints ------------------------------------------------------------------------------------------------------

RESUMED: dict[str, dict[str, Any]] = {
    "adam": {},
    "nesterov": {"solver": "sgd", "learning_rate": "invscaling", "learning_rate_init": 0.05},
    "adaptive": {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.1, "n_iter_no_change": 2},
    "adamw with dropout": {"solver": "adamw", "dropout": 0.3},
    "rmsprop": {"solver": "rmsprop", "learning_rate": lambda epoch: 0.01 / (1 + epoch)},
    "early stopping": {"early_stopping": True, "n_iter_no_change": 6, "learning_rate_init": 0.005},
    "ended before": {"tol": 1.0, "n_iter_no_change": 3},
    "drawn by chance": {"random_state": None, "early_stopping": True, "dropout": 0.1},
}


def assert_equal_to_the_bit(a: Any, b: Any) -> None:
    assert a.loss_curve_ == b.loss_curve_
    assert a.validation_scores_ == b.validation_scores_
    assert (a.n_iter_, a.t_, a.best_loss_) == (b.n_iter_, b.t_, b.best_loss_)
    for mine, other in zip((*a.coefs_, *a.intercepts_), (*b.coefs_, *b.intercepts_), strict=True):
        assert mine.tobytes() == other.tobytes()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("settings", RESUMED)
def test_ten_and_ten_epochs_are_twenty(settings: str, dtype: type, tmp_path: Path) -> None:
    path, data = tmp_path / "ten.npz", X.astype(dtype)
    whole_settings = QUICK | {"max_iter": 20} | RESUMED[settings]

    def save_tenth(epoch: Epoch) -> None:
        if epoch.number == 10 or (settings == "ended before" and epoch.number == 5):
            epoch.checkpoint().save(path)

    whole = MLPClassifier(callbacks=[save_tenth], **whole_settings).fit(data, Y)
    again = MLPClassifier(**whole_settings).fit(data, Y, resume_from=path)
    assert_equal_to_the_bit(again, whole)
    assert whole.n_iter_ == (5 if settings == "ended before" else whole.n_iter_)


def test_a_training_cut_short_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    MLPClassifier(callbacks=[SaveCheckpoint(path, every=4)], **QUICK).fit(X, Y)
    assert Checkpoint.load(path).progress["n_iter_"] == 10
    assert [p.name for p in tmp_path.iterdir()] == ["checkpoint.npz"]
    longer = QUICK | {"max_iter": 20}
    resumed = MLPClassifier(**longer).fit(X, Y, resume_from=Checkpoint.load(path))
    assert_equal_to_the_bit(resumed, MLPClassifier(**longer).fit(X, Y))


def test_a_checkpoint_of_another_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.npz"
    MLPClassifier(callbacks=[SaveCheckpoint(path)], **QUICK).fit(X, Y)
    with pytest.raises(ValueError, match=r"resume_from must be a checkpoint of .* and 100 rows, got one of"):
        MLPClassifier(**QUICK).fit(X[:100], Y[:100], resume_from=path)
    path.write_bytes(b"no archive")
    with pytest.raises(ValueError, match=r"must be a file that Checkpoint\.save wrote"):
        MLPClassifier(**QUICK).fit(X, Y, resume_from=path)
    np.savez(tmp_path / "other.npz", a=np.zeros(3))
    with pytest.raises(ValueError, match=r"must be a file that Checkpoint\.save wrote"):
        Checkpoint.load(tmp_path / "other.npz")


# --- single checks of what lies below ---------------------------------------------------------------------------------


def test_scratch_agrees_on_the_answers() -> None:
    model = MLPClassifier(**QUICK).fit(X, Y)
    parameters = [w for pair in zip(model.coefs_, model.intercepts_, strict=True) for w in pair]
    mlp = MLP((8, 12, 6, 1), parameters=parameters)
    assert_allclose(model.predict_proba(X)[:, 1:], mlp.predict_proba(X), rtol=0, atol=1e-15)
