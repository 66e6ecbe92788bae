"""Training on all rows at once by L-BFGS: SciPy minimises, `scratch.MLP` gives loss and gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import minimize
from sklearn.utils.optimize import _check_optimize_result

from ..scratch import MLP
from ..scratch.activations import FloatArray
from .blas import single_thread_if_small
from .network import build_mlp, descended_share, reported_share
from .prediction import pack


def fit_lbfgs(estimator: Any, X: FloatArray, y: FloatArray, sample_weight: FloatArray | None) -> None:
    """Minimise the loss with its penalty from the present `coefs_`, in double precision; set `loss_` and `n_iter_`."""
    if np.any(np.asarray(estimator.dropout) != 0):
        raise ValueError(f"dropout must be 0 for solver='lbfgs', got {estimator.dropout!r}.")
    objective = _Objective(estimator, X, y, sample_weight)
    options = {"maxfun": estimator.max_fun, "maxiter": estimator.max_iter, "gtol": estimator.tol}
    with single_thread_if_small(objective.mlp.layer_sizes, len(X)):
        result = minimize(objective, objective.flat.copy(), method="L-BFGS-B", jac=True, options=options)
    estimator.n_iter_ = _check_optimize_result("lbfgs", result, estimator.max_iter)
    objective.flat[...] = result.x
    parameters = [w.astype(X.dtype) for w in objective.mlp.parameters]
    estimator.loss_ = objective.reported(result.x)
    estimator._adopt(pack(parameters[0::2], parameters[1::2]))
    if estimator.verbose:
        print(f"{estimator.n_iter_} iterations, loss = {estimator.loss_:.8f}")


class _Objective:
    """Loss and gradient as functions of one flat vector, of which the parameters of an `MLP` are views."""

    def __init__(self, estimator: Any, X: FloatArray, y: FloatArray, sample_weight: FloatArray | None) -> None:
        self.mlp: MLP = build_mlp(estimator, np.dtype(np.float64))
        self._X, self._y, self._weights = X.astype(np.float64, copy=False), y.astype(np.float64), sample_weight
        self._n = len(X) if sample_weight is None else float(sample_weight.sum())
        self._factor, self._share = descended_share(estimator), reported_share(estimator)
        self._alpha, self.mlp.l2 = float(estimator.alpha), estimator.alpha / self._factor
        shapes = [w.shape for w in self.mlp.parameters]
        ends = np.cumsum([w.size for w in self.mlp.parameters]).tolist()
        self.flat = np.concatenate([w.ravel() for w in self.mlp.parameters])
        starts = [0, *ends[:-1]]
        self.mlp.parameters = [self.flat[a:b].reshape(s) for a, b, s in zip(starts, ends, shapes, strict=True)]

    def __call__(self, flat: FloatArray) -> tuple[float, FloatArray]:
        """Return the objective and its gradient."""
        self.flat[...] = flat
        trace = self.mlp.forward(self._X)
        loss = self.mlp.loss.value(trace.logits, self._y, self._weights)
        gradients = self.mlp.backward(trace, self._y, self._weights)
        value = self._factor * loss + self._penalty()
        return value, self._factor * np.concatenate([g.ravel() for g in gradients])

    def reported(self, flat: FloatArray) -> float:
        """Return the loss as `loss_` gives it."""
        self.flat[...] = flat
        logits = self.mlp.forward(self._X).logits
        return self._share * self.mlp.loss.value(logits, self._y, self._weights) + self._penalty()

    def _penalty(self) -> float:
        return self._alpha / (2 * self._n) * sum(float(np.vdot(kernel, kernel)) for kernel in self.mlp.kernels)
