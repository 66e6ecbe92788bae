"""Training in batches: the epochs of a `scratch.plan.Plan`, and the decision after each whether to go on."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import is_classifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from ..scratch.activations import FloatArray
from ..scratch.plan import Plan
from .blas import single_thread_if_small
from .callbacks import Callback, Epoch
from .checkpoint import Checkpoint, random_from, random_words
from .metrics import Scorer, extend_curves, score_rows
from .network import SOLVERS, build_mlp, descended_share, reported_share
from .schedules import LearningRate

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and need to be scaled, or "
    "learning_rate_init is too large."
)
# The fitted attributes that a checkpoint carries.
PROGRESS = (
    "n_iter_",
    "t_",
    "loss_",
    "loss_curve_",
    "best_loss_",
    "validation_scores_",
    "best_validation_score_",
    "validation_history_",
    "_no_improvement_count",
)


@dataclass(frozen=True)
class Rows:
    """Rows, their targets of shape (n_samples, n_outputs), and their weights if they have any."""

    X: FloatArray
    y: FloatArray
    sample_weight: FloatArray | None


class StochasticTraining:
    """One call of `fit` or `partial_fit`.

    Parameters
    ----------
    estimator : BaseMLP
        Its parameters are read and its fitted attributes written, `coefs_` from the first step on.
    incremental : bool
        Whether one epoch is all, with what the optimizer remembers of the calls before.
    callbacks : sequence of Callback
    scorers : dict of str to callable
        The validation metrics.
    """

    def __init__(
        self, estimator: Any, *, incremental: bool, callbacks: Sequence[Callback], scorers: dict[str, Scorer]
    ) -> None:
        if incremental and estimator.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        self.estimator, self.incremental, self.callbacks, self.scorers = estimator, incremental, callbacks, scorers
        self.stopped = False
        self._measured: dict[str, float] = {}

    def run(self, rows: Rows, validation: Rows | None, checkpoint: Checkpoint | None) -> None:
        """Train until there is no more to gain, or `max_iter`."""
        e = self.estimator
        e.n_iter_ = 0
        if checkpoint is not None:
            e._random_state = random_from(checkpoint.start)
        self._start = e._random_state.get_state(legacy=False)
        if e.early_stopping and validation is None:
            rows, validation = self._split(rows)
        self._validation, self._order = validation, np.arange(len(rows.X))
        self._plan = self._compile(rows)
        e._adopt(self._plan.layers)
        self._start_watching()
        if checkpoint is not None:
            self._resume(checkpoint)
        self._start_curves()
        with single_thread_if_small(self._plan.mlp.layer_sizes, self._plan.batch_size):
            self._run_epochs()
        if e.early_stopping:
            self._plan.P[...] = self._best
        self._leave()

    # --- before ------------------------------------------------------------------------------------------------------

    def _split(self, rows: Rows) -> tuple[Rows, Rows]:
        """Set rows aside as scikit-learn does, to the same draw."""
        e = self.estimator
        arrays = [rows.X, rows.y] if rows.sample_weight is None else [rows.X, rows.y, rows.sample_weight]
        # Stratified by class, but not by combinations of labels, of which some may be there once.
        stratify = rows.y.ravel() if is_classifier(e) and e.n_outputs_ == 1 else None
        parts = train_test_split(
            *arrays, random_state=e._random_state, test_size=e.validation_fraction, stratify=stratify
        )
        train, held_out = (Rows(*part, *[None] * (3 - len(part))) for part in (parts[0::2], parts[1::2]))
        if len(held_out.X) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of your dataset."
            )
        return train, held_out

    def _batch_size(self, n_samples: int) -> int:
        wanted = self.estimator.batch_size
        if wanted == "auto":
            return min(200, n_samples)
        if wanted > n_samples:
            warnings.warn(
                f"Got `batch_size` larger than sample size: {wanted} > {n_samples}. It is going to be clipped.",
                stacklevel=6,
            )
        return min(int(wanted), n_samples)

    def _compile(self, rows: Rows) -> Plan:
        """Return a plan that holds the rows, with the memory of the calls before if this is one of several."""
        e = self.estimator
        n, batch_size, weighted = len(rows.X), self._batch_size(len(rows.X)), rows.sample_weight is not None
        known: Plan | None = e.__dict__.pop("_plan", None)
        memory = e.__dict__.pop("_optimizer_state", None)
        if not self.incremental or not hasattr(e, "_rates"):
            schedule = e.learning_rate if e.solver == "sgd" or callable(e.learning_rate) else "constant"
            e._rates = LearningRate(schedule, e.learning_rate_init, e.power_t)
            known = memory = None
        if known is not None and (known.n_samples, known.batch_size, known.weighted) == (n, batch_size, weighted):
            plan = known
            for layer, coef, intercept in zip(plan.layers, e.coefs_, e.intercepts_, strict=True):
                layer[:-1], layer[-1] = coef, intercept  # someone may have replaced them
        else:
            plan = self._new_plan(n, batch_size, weighted)
            memory = memory_of(known) if known is not None else memory
            if memory is not None:
                plan.load_state({**memory, "parameters": plan.P})
        plan.load(rows.X, rows.y, rows.sample_weight)
        return plan

    def _new_plan(self, n_samples: int, batch_size: int, weighted: bool) -> Plan:
        e = self.estimator
        dropped = bool(np.any(np.asarray(e.dropout) != 0))
        return Plan(
            build_mlp(e),
            SOLVERS[e.solver](e, e._rates.rate),
            n_samples=n_samples,
            batch_size=batch_size,
            weighted=weighted,
            mask_seed=int(e._random_state.randint(2**31 - 1)) if dropped else 0,
            loss_factor=descended_share(e),
        )

    def _start_watching(self) -> None:
        """Begin the record; after a warm start go on with it, also if it was stopped in another way before."""
        e = self.estimator
        if not hasattr(e, "loss_curve_"):
            e.loss_curve_, e.validation_history_, e._no_improvement_count = [], {}, 0
            e.best_loss_ = e.validation_scores_ = e.best_validation_score_ = None
        self._best = self._plan.P.copy() if e.early_stopping else self._plan.P[:0].copy()
        if self._validation is not None and e.validation_scores_ is None:
            e.validation_scores_, e.best_validation_score_ = [], -math.inf
        if not e.early_stopping and e.best_loss_ is None:
            e.best_loss_ = math.inf

    def _start_curves(self) -> None:
        """Let a metric that was not there before begin where the others are; forget the best of another one."""
        e = self.estimator
        if self._validation is None:
            return
        self._validation_answers = e._as_answers(self._validation.y) if self.scorers else None
        for name in self.scorers:
            e.validation_history_.setdefault(name, [math.nan] * len(e.validation_scores_))
        if getattr(e, "_monitored", e.monitor) != e.monitor:
            e.best_validation_score_ = -math.inf
        e._monitored = e.monitor

    # --- epochs ------------------------------------------------------------------------------------------------------

    def _run_epochs(self) -> None:
        e = self.estimator
        for callback in self.callbacks:
            callback.on_start(e.max_iter)
        try:
            while e.n_iter_ < e.max_iter and not self.stopped:
                self._run_epoch()
                if self.incremental:
                    break
                if e.n_iter_ == e.max_iter and not self.stopped:
                    warnings.warn(
                        f"Stochastic Optimizer: Maximum iterations ({e.max_iter}) reached and the optimization "
                        "hasn't converged yet.",
                        ConvergenceWarning,
                        stacklevel=5,
                    )
        except FloatingPointError as error:
            raise ValueError(NOT_FINITE) from error
        except KeyboardInterrupt:
            warnings.warn("Training interrupted by user.", stacklevel=5)
        finally:
            for callback in self.callbacks:
                callback.on_end()

    def _run_epoch(self) -> None:
        e, plan = self.estimator, self._plan
        e._rates.start_epoch(len(e.loss_curve_))
        plan.change_learning_rate(e._rates.rate)
        if e.shuffle:
            self._order = _shuffled(self._order, e._random_state)
        losses = reported_share(e) * plan.epoch(self._order if e.shuffle else None) + plan.penalties()
        rows_of_steps = np.diff([*plan.starts, plan.n_samples])
        e.loss_ = float(losses @ rows_of_steps) / plan.n_samples
        e.n_iter_ += 1
        e.t_ += plan.n_samples
        e.loss_curve_.append(e.loss_)
        if e.verbose:
            print(f"Iteration {e.n_iter_}, loss = {e.loss_:.8f}")
        rate = e._rates.rate
        self._watch()
        e._rates.end_epoch(e.t_)
        self._judge()
        self._tell(rate)

    def _watch(self) -> None:
        """Count the epochs in a row that brought nothing, by validation score or by training loss."""
        e, score = self.estimator, math.nan
        if self._validation is not None:
            score = self._score(self._validation)
            e.validation_scores_.append(score)
            extend_curves(e.validation_history_, self._measured)
            if e.verbose:
                measured = "".join(f", {name}: {value:f}" for name, value in self._measured.items())
                print(f"Validation score: {score:f}{measured}")
        idle = score < e.best_validation_score_ + e.tol if e.early_stopping else e.loss_ > e.best_loss_ - e.tol
        e._no_improvement_count = e._no_improvement_count + 1 if idle else 0
        if self._validation is not None and score > e.best_validation_score_:
            e.best_validation_score_ = score
            if e.early_stopping:
                self._best[...] = self._plan.P
        if not e.early_stopping and e.loss_ < e.best_loss_:
            e.best_loss_ = e.loss_

    def _score(self, held_out: Rows) -> float:
        """Measure the metrics; return the one that is monitored, or the estimator's own score."""
        e = self.estimator
        logits = e._predictor.logits(held_out.X)
        with np.errstate(over="ignore"):
            finite = np.isfinite(e._values(logits)).all()
        self._measured = dict.fromkeys(self.scorers, math.nan)  # what has diverged has no score
        if finite:
            answers = self._validation_answers
            self._measured = score_rows(self.scorers, e, held_out.X, answers, held_out.sample_weight)
        if e.monitor is not None:
            return self._measured[e.monitor]
        score: float = e._score_logits(logits, held_out.y, held_out.sample_weight)
        return score

    def _judge(self) -> None:
        """Stop, or go on at a lower rate, when there was nothing new for too long."""
        e = self.estimator
        if e._no_improvement_count <= e.n_iter_no_change:
            return
        consequence = e._rates.reached_plateau()
        self.stopped = consequence.endswith("Stopping.")
        if not self.stopped:
            e._no_improvement_count = 0
        if e.verbose:
            watched = "Validation score" if e.early_stopping else "Training loss"
            print(
                f"{watched} did not improve more than tol={e.tol:f} for {e.n_iter_no_change} consecutive epochs. "
                + consequence
            )

    def _tell(self, rate: float) -> None:
        e = self.estimator
        if not self.callbacks:
            return
        score = e.validation_scores_[-1] if self._validation is not None else None
        epoch = Epoch(e.n_iter_, e.max_iter, e.loss_, score, rate, e, self.checkpoint, self._measured)
        answers = [callback.on_epoch(epoch) for callback in self.callbacks]
        self.stopped = self.stopped or any(answer is True for answer in answers)

    # --- after, and again --------------------------------------------------------------------------------------------

    def _leave(self) -> None:
        """Keep what another `partial_fit` needs; the rows themselves are not kept."""
        e = self.estimator
        if self.incremental:
            self._plan.unload()
            e._plan = self._plan
        else:
            e._optimizer_state = memory_of(self._plan)

    def checkpoint(self) -> Checkpoint:
        """Return what the next epoch depends on."""
        e, state = self.estimator, self._plan.state()
        return Checkpoint(
            parameters=state["parameters"],
            best_parameters=self._best.copy(),
            memory=state["memory"],
            order=self._order.copy(),
            t=state["t"],
            scale=state["scale"],
            rate=state["learning_rate"],
            masks=state["masks"],
            start=random_words(self._start),
            random=random_words(e._random_state.get_state(legacy=False)),
            learning_rate=e._rates.rate,
            progress={name: copy.deepcopy(getattr(e, name)) for name in PROGRESS},
            stopped=self.stopped,
        )

    def _resume(self, checkpoint: Checkpoint) -> None:
        e, c = self.estimator, checkpoint
        here = (self._plan.P.shape, self._plan.P.dtype, self._order.shape)
        there = (c.parameters.shape, c.parameters.dtype, c.order.shape)
        if here != there:
            raise ValueError(
                f"resume_from must be a checkpoint of {here[0][0]} {here[1]} parameters and {here[2][0]} rows, "
                f"got one of {there[0][0]} {there[1]} parameters and {there[2][0]} rows."
            )
        state = {"parameters": c.parameters, "memory": c.memory, "t": c.t, "scale": c.scale, "masks": c.masks}
        self._plan.load_state({**state, "learning_rate": c.rate})
        self._best, self._order, self.stopped = c.best_parameters.copy(), c.order, c.stopped
        e._random_state, e._rates.rate = random_from(c.random), c.learning_rate
        for name, value in c.progress.items():
            setattr(e, name, copy.deepcopy(value))


def memory_of(plan: Plan) -> dict[str, Any]:
    """Return what the optimizer of a plan remembers, for another plan with the same parameters."""
    return {name: value for name, value in plan.state().items() if name != "parameters"}


def _shuffled(order: npt.NDArray[np.intp], random: np.random.RandomState) -> npt.NDArray[np.intp]:
    """Permute the order further, by the draw that `sklearn.utils.shuffle` makes."""
    permutation = np.arange(len(order))
    random.shuffle(permutation)
    return order[permutation]
