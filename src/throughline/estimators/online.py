"""One binary problem of the `Perceptron` estimator: the order of rows, the rules, and when to stop.

Dense rows without a penalty go through `scratch.blocks`. Penalties change the weights at every row, so there is nothing
to score by the block, and sparse rows are few numbers each: both go row by row through `RowRule`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

from ..scratch.blocks import BLOCK_ROWS, BlockPerceptron, Epoch, FloatArray, IntArray
from .blas import single_thread_if_small

# The bias learns a hundred times more slowly on sparse rows, as in scikit-learn: it is in every row, other features are
# in few.
SPARSE_INTERCEPT_DECAY = 0.01
NOT_FINITE = (
    "Floating-point under-/overflow occurred at epoch #{}. Scaling input data with StandardScaler or MinMaxScaler"
    " might help."
)


class Rule(Protocol):
    """What visits rows: `BlockPerceptron` or `RowRule`."""

    @property
    def coef(self) -> FloatArray:
        """Present weights."""

    @property
    def intercept(self) -> float:
        """Present bias."""

    def run_epoch(self, order: IntArray | None = None) -> Epoch:
        """Visit the rows once."""

    def rest(self, n_rows: int) -> None:
        """Count rows as visited that are known to be right."""

    def averaged(self) -> tuple[FloatArray, float, int]:
        """Return averaged weights and bias, and the number of rows in the mean."""

    def pocketed(self) -> tuple[FloatArray, float, float]:
        """Return the best weights seen, their bias, and the sum of the steps of rows right."""


@dataclass(frozen=True)
class Problem:
    """One class against the rest, with everything that its training depends on.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n_samples, n_features)
        All rows, those for validation included.
    signs : ndarray of shape (n_samples,)
        +1 for the class, -1 for the rest.
    steps : ndarray of shape (n_samples,) or None
        Learning rate times weights of class and row; None stands for 1 everywhere.
    coef, intercept
        Where to start.
    is_validation : ndarray of bool of shape (n_samples,) or None
        Rows to keep out of training and to stop by; None where the loss decides.
    sample_weight : ndarray of shape (n_samples,) or None
        Weights of the rows in the validation score.
    seed : int
        Of the order of rows, if `shuffle`.
    """

    X: Any
    signs: FloatArray
    steps: npt.NDArray[np.float64] | None
    coef: FloatArray
    intercept: float
    is_validation: npt.NDArray[np.bool_] | None
    sample_weight: FloatArray | None
    seed: int
    eta0: float
    penalty: str | None
    alpha: float
    l1_ratio: float
    fit_intercept: bool
    max_iter: int
    tol: float | None
    n_iter_no_change: int
    shuffle: bool
    verbose: int
    average_from: int
    pocket: bool

    def rule(self) -> Rule:
        """Return the rule that visits these rows."""
        if self.penalty is None and not sparse.issparse(self.X) and (self.fit_intercept or not self.intercept):
            return BlockPerceptron(
                self.X,
                self.signs,
                steps=self.steps,
                coef=self.coef,
                intercept=self.intercept,
                fit_intercept=self.fit_intercept,
                average_from=self.average_from,
                pocket=self.pocket,
            )
        return RowRule(self)


@dataclass(frozen=True)
class Fit:
    """What training one problem came to; plain data, so that it can come from another process."""

    coef: FloatArray
    intercept: float
    n_iter: int
    mistakes: list[int]
    converged: bool
    averaged: tuple[FloatArray, float, int] | None
    pocketed: tuple[FloatArray, float, float] | None
    novikoff_bound: float


def fit_problem(problem: Problem) -> Fit:
    """Run epochs until the stopping rule is met; top-level, so that a process pool can run it.

    An epoch without a mistake proves that every row is on its proper side, and without a penalty no later epoch can
    change anything. Those that the stopping rule still asks for are counted, not run.
    """
    rule, stopping, log = problem.rule(), _Stopping(problem), _Log(problem)
    orders = _orders(problem)
    n_rows = len(problem.signs) - (0 if problem.is_validation is None else int(problem.is_validation.sum()))
    mistakes: list[int] = []
    converged = False
    with single_thread_if_small((problem.X.shape[1], 1), BLOCK_ROWS):
        for epoch in range(1, problem.max_iter + 1):
            log.start(epoch)
            if converged:
                rule.rest(n_rows)
            else:
                result = rule.run_epoch(next(orders))
                mistakes.append(result.mistakes)
                converged = result.mistakes == 0 and problem.penalty is None
                if not (math.isfinite(rule.intercept) and np.isfinite(rule.coef).all()):
                    raise ValueError(NOT_FINITE.format(epoch))
            mean_loss, objective = result.loss / n_rows, getattr(rule, "objective", result.loss) / n_rows
            stop = stopping.update(rule, objective)
            log.end(rule, epoch * n_rows, mean_loss, objective, stopping.score)
            if stop:
                log.stopped(epoch)
                break
        return Fit(
            coef=rule.coef.copy(),
            intercept=rule.intercept,
            n_iter=epoch,
            mistakes=mistakes,
            converged=converged,
            averaged=rule.averaged() if problem.average_from else None,
            pocketed=rule.pocketed() if problem.pocket else None,
            novikoff_bound=_novikoff_bound(problem, rule) if converged else math.nan,
        )


class RowRule:
    """The rule, one row at a time, with weights that shrink: L2 by a factor, L1 by an amount, at every row.

    The weights are held as a number times a vector, so that shrinking all of them is one multiplication (Bottou). The
    L1 amount that a weight still owes is taken when its feature occurs, but never past zero (Tsuruoka and others).
    Both as scikit-learn does, so that results agree to rounding.

    References
    ----------
    Bottou: Stochastic gradient descent tricks, Neural Networks: Tricks of the Trade, 2012.
    Tsuruoka, Tsujii and Ananiadou: Stochastic gradient descent training for L1-regularized log-linear models with
    cumulative penalty, ACL 2009.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem, self.t = problem, 0
        self.intercept = float(problem.intercept)
        self._w, self._scale = problem.coef.copy(), 1.0
        self._squared_norm, self._l1_norm = float(self._w @ self._w), float(np.abs(self._w).sum())
        l1_ratio = {None: 0.0, "l2": 0.0, "l1": 1.0, "elasticnet": problem.l1_ratio}[problem.penalty]
        strength = problem.alpha if problem.penalty else 0.0
        self._l2, self._l1 = strength * (1.0 - l1_ratio), strength * l1_ratio
        self._owed, self._paid = 0.0, np.zeros_like(self._w)
        self._decay = SPARSE_INTERCEPT_DECAY if sparse.issparse(problem.X) else 1.0
        self._sum = np.zeros(len(self._w) + 1, np.float64)  # of weights, or what they lag: `_average`
        self._best, self._best_right = (self.coef.copy(), self.intercept), -math.inf
        self.objective = 0.0

    @property
    def coef(self) -> FloatArray:
        """Present weights."""
        weights: FloatArray = self._w * self._w.dtype.type(self._scale)
        return weights

    def run_epoch(self, order: IntArray | None = None) -> Epoch:
        """Visit the rows once, in this order."""
        X, signs, steps = self.problem.X, self.problem.signs.astype(np.float64), self.problem.steps
        sizes = np.ones(len(signs)) if steps is None else steps
        mistakes, loss, self.objective = 0, 0.0, 0.0
        for i in range(len(signs)) if order is None else order.tolist():
            if sparse.issparse(X):
                at: Any = X.indices[X.indptr[i] : X.indptr[i + 1]]
                x = X.data[X.indptr[i] : X.indptr[i + 1]]
            else:
                at, x = slice(None), X[i]
            margin = float(signs[i]) * (float(self._w[at] @ x) * self._scale + self.intercept)
            if margin <= 0:
                mistakes += 1
                loss -= margin
            if self.problem.penalty:
                self.objective += 0.5 * self._l2 * self._squared_norm + self._l1 * self._l1_norm
            self._correct(at, x, float(signs[i]) * float(sizes[i]) if margin <= 0 else 0.0)
        self.objective += loss
        if self.problem.pocket:
            self._look()
        return Epoch(mistakes, loss)

    def _correct(self, at: Any, x: FloatArray, update: float) -> None:
        """Shrink, add the row times `update`, and take what L1 owes."""
        self.t += 1
        if self.problem.penalty in ("l2", "elasticnet"):
            self._shrink(max(0.0, 1.0 - self.problem.eta0 * self._l2))
        if update:
            self._w[at] += x * (update / self._scale)
            changed = self._w[at]
            self._squared_norm = float(changed @ changed) * self._scale**2
            self._l1_norm = float(np.abs(changed).sum()) * self._scale
            if self.problem.fit_intercept:
                self.intercept += update * self._decay
        if self.problem.average_from:
            self._average(at, x, update)
        if self._l1 or self.problem.penalty == "l1":
            self._take_l1(at)

    def _shrink(self, factor: float) -> None:
        self._scale = float(self._w.dtype.type(self._scale * factor))
        self._squared_norm *= factor**2
        self._l1_norm *= factor
        if self._scale < (1e-9 if self._w.dtype == np.float64 else 1e-6):
            self._w *= self._w.dtype.type(self._scale)
            self._scale = 1.0

    def _take_l1(self, at: Any) -> None:
        """Move the row's weights towards zero by all that L1 owed up to now and has not taken from them yet."""
        self._owed += self.problem.eta0 * self._l1
        before, paid = self._w[at].copy(), self._paid[at]
        lowered = np.maximum(0.0, before - (self._owed + paid) / self._scale)
        raised = np.minimum(0.0, before + (self._owed - paid) / self._scale)
        after = np.where(before > 0, lowered, np.where(before < 0, raised, before))
        self._w[at] = after
        self._paid[at] = paid + self._scale * (after - before)

    def _average(self, at: Any, x: FloatArray, update: float) -> None:
        """Add the weights to their sum; without a penalty only what a correction misses, so sparse rows stay cheap."""
        n_before = self.t - self.problem.average_from
        if n_before < 0:
            return
        if self.problem.penalty:
            self._sum[:-1] += self.coef
            self._sum[-1] += self.intercept
        elif update:
            self._sum[:-1][at] += x * (n_before * update)
            self._sum[-1] += n_before * update * self._decay * self.problem.fit_intercept

    def rest(self, n_rows: int) -> None:
        """Count `n_rows` as visited that are known to be right, for the average."""
        self.t += n_rows

    def averaged(self) -> tuple[FloatArray, float, int]:
        """Return averaged weights and bias, and the number of rows in the mean."""
        n = max(0, self.t - self.problem.average_from + 1)
        if n == 0:
            return self.coef, self.intercept, 0
        mean = self._sum / n
        if not self.problem.penalty:
            mean = np.append(self.coef, self.intercept) - mean
        return mean[:-1].astype(self._w.dtype), float(mean[-1]), n

    def _look(self) -> None:
        z = self.problem.X @ self.coef + self.intercept
        is_right = (z > 0) == (self.problem.signs > 0)
        n_right = float(
            np.count_nonzero(is_right) if self.problem.steps is None else self.problem.steps[is_right].sum()
        )
        if n_right > self._best_right:
            self._best, self._best_right = (self.coef.copy(), self.intercept), n_right

    def pocketed(self) -> tuple[FloatArray, float, float]:
        """Return the best weights seen at the end of an epoch, their bias, and the sum of the steps of rows right."""
        self._look()
        return *self._best, self._best_right


class _Stopping:
    """scikit-learn's rule: stop after so many epochs in a row that were not better than the best by `tol`.

    Better is a lower mean loss (with the penalty), or a higher validation accuracy.
    """

    def __init__(self, problem: Problem) -> None:
        self.tol, self.patience, self.mask = problem.tol, problem.n_iter_no_change, problem.is_validation
        self.score: float | None = None
        self._best, self._waited = -math.inf, 0
        if self.mask is not None:
            self._X, self._positive = problem.X[self.mask], problem.signs[self.mask] > 0
            self._weights = None if problem.sample_weight is None else problem.sample_weight[self.mask]

    def update(self, rule: Rule, objective: float) -> bool:
        """Hear of an epoch; return whether to stop."""
        value = -objective
        if self.mask is not None:
            is_right = (self._X @ rule.coef + rule.intercept > 0) == self._positive
            value = self.score = float(np.average(is_right, weights=self._weights))
        self._waited = self._waited + 1 if self.tol is not None and value < self._best + self.tol else 0
        self._best = max(self._best, value)
        return self._waited >= self.patience


class _Log:
    """What `verbose` prints, in scikit-learn's words."""

    def __init__(self, problem: Problem) -> None:
        self.verbose, self.began = problem.verbose > 0, time.perf_counter()

    def start(self, epoch: int) -> None:
        if self.verbose:
            print(f"-- Epoch {epoch}")

    def end(self, rule: Rule, t: int, loss: float, objective: float, score: float | None) -> None:
        if not self.verbose:
            return
        norm, n_nonzero = float(np.linalg.norm(rule.coef)), np.count_nonzero(rule.coef)
        line = f"Norm: {norm:.2f}, NNZs: {n_nonzero}, Bias: {rule.intercept:.6f}, T: {t}, "
        line += f"Avg. loss: {loss:.6f}, Objective: {objective:.6f}"
        print(line if score is None else f"{line}, Validation score: {score:.6f}")
        print(f"Total training time: {time.perf_counter() - self.began:.2f} seconds.")

    def stopped(self, epoch: int) -> None:
        if self.verbose:
            print(f"Convergence after {epoch} epochs took {time.perf_counter() - self.began:.2f} seconds")


def _orders(problem: Problem) -> Iterator[IntArray | None]:
    """Yield the order of rows of each epoch, without those kept for validation."""
    n, is_validation = len(problem.signs), problem.is_validation
    if not problem.shuffle:
        as_they_lie = None if is_validation is None else np.flatnonzero(~is_validation)
        while True:
            yield as_they_lie
    order, permutation = np.arange(n), fisher_yates(n, problem.seed)
    while True:
        order = order[permutation]  # the same exchanges each epoch, on the order that the last one left
        yield order if is_validation is None else order[~is_validation[order]]


def fisher_yates(n: int, seed: int) -> IntArray:
    """Return the permutation by which scikit-learn's linear models shuffle `n` rows, so that equal seeds agree.

    Its random numbers come from a 32-bit xorshift generator, one after the other. A step of the generator is linear in
    the bits (XOR is addition), so 2^k steps are a linear map too: four tables of 256 entries, one for each byte. With
    the map for 1, 2, 4, ... steps the stream doubles its length at each call. Only the exchanges remain for a loop.

    Parameters
    ----------
    n : int
        Number of rows.
    seed : int
        From 0 to 2^32 - 1.

    Returns
    -------
    ndarray of int of shape (n,)
        A permutation of 0 to n - 1.

    Examples
    --------
    >>> fisher_yates(5, seed=7).tolist()
    [3, 4, 1, 2, 0]
    """
    states = np.array([_xorshift(np.array([seed or 1], np.uint32))[0]])
    bytes_of = np.arange(4)[:, None] * 8
    tables = _xorshift(np.arange(256, dtype=np.uint32) << bytes_of.astype(np.uint32))  # (4, 256): one step
    while len(states) < n - 1:
        states = np.concatenate([states, _apply(tables, states)])
        tables = _apply(tables, tables)  # twice as many steps
    numbers = states[: max(0, n - 1)].astype(np.int64) & 0x7FFFFFFF
    left = np.arange(n, 1, -1)  # rows not yet placed
    partners = (np.arange(max(0, n - 1)) + numbers % left).tolist()
    order = list(range(n))
    for i, j in enumerate(partners):
        order[i], order[j] = order[j], order[i]
    return np.array(order, np.intp)


def _xorshift(state: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    state = state ^ (state << np.uint32(13))
    state = state ^ (state >> np.uint32(17))
    return state ^ (state << np.uint32(5))


def _apply(tables: npt.NDArray[np.uint32], states: npt.NDArray[np.uint32]) -> npt.NDArray[np.uint32]:
    """Take as many steps as the tables stand for."""
    low, second = tables[0][states & 255], tables[1][states >> 8 & 255]
    later: npt.NDArray[np.uint32] = low ^ second ^ tables[2][states >> 16 & 255] ^ tables[3][states >> 24]
    return later


def _novikoff_bound(problem: Problem, rule: Rule) -> float:
    """Return (R / gamma)^2 with the separator found; NaN if training did not start from zero.

    A bias that learns at a rate of a^2 (sparse rows) is the weight of a feature of value a, divided by a. With unequal
    steps c the argument gives gamma sum(c) <= R sqrt(sum(c^2)), so the bound grows by the square of largest / smallest.
    """
    if problem.intercept or problem.coef.any():
        return math.nan
    X, signs, steps = problem.X, problem.signs, problem.steps
    if problem.is_validation is not None:
        X, signs = X[~problem.is_validation], signs[~problem.is_validation]
        steps = None if steps is None else steps[~problem.is_validation]
    is_sparse = sparse.issparse(X)
    a_squared = (SPARSE_INTERCEPT_DECAY if is_sparse else 1.0) * problem.fit_intercept
    squares = np.asarray(X.multiply(X).sum(axis=1)).ravel() if is_sparse else np.einsum("ij,ij->i", X, X)
    coef = rule.coef.astype(np.float64)
    squared_length = float(coef @ coef) + (rule.intercept**2 / a_squared if a_squared else 0.0)
    smallest = float((signs * (X @ coef + rule.intercept)).min())
    unequal = 1.0 if steps is None else float(np.abs(steps).max() / steps.min()) if steps.min() > 0 else math.inf
    if not (smallest > 0 and squared_length > 0):
        return math.inf  # separated by less than rounding shows
    return (float(squares.max()) + a_squared) * squared_length / smallest**2 * unequal**2
