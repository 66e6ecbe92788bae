"""The multi-layer perceptron as a regressor."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, Self

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import r2_score
from sklearn.utils import column_or_1d
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.metaestimators import available_if

from ..scratch.activations import FloatArray
from .base import BaseMLP
from .checkpoint import Checkpoint
from .metrics import Metrics
from .network import is_stochastic
from .schedules import Schedule


class MLPRegressor(RegressorMixin, BaseMLP):  # type: ignore[misc]  # scikit-learn ships no types
    """A multi-layer perceptron that predicts values: scikit-learn's contract on a training engine of compiled steps.

    It descends on half of the squared error, or of the Poisson deviance. With the settings that scikit-learn has too,
    the same `random_state` gives the same initial weights, batches and losses as its `MLPRegressor`.

    Parameters
    ----------
    loss : {"squared_error", "poisson"}, default="squared_error"
        "poisson" is for counts and other amounts that are never negative: the network predicts their logarithm, and
        `predict` returns its exponential.
    hidden_layer_sizes, activation, solver, alpha, batch_size, learning_rate, learning_rate_init, power_t, max_iter, \
shuffle, random_state, tol, verbose, warm_start, momentum, nesterovs_momentum, early_stopping, validation_fraction, \
beta_1, beta_2, epsilon, n_iter_no_change, max_fun, dropout, weight_decay, rho, validation_metrics, monitor, \
callbacks, progress :
        As for `MLPClassifier`; the score is R^2.

    Attributes
    ----------
    coefs_, intercepts_, best_loss_, best_validation_score_, n_iter_, t_, n_layers_, n_outputs_, n_features_in_, \
feature_names_in_ :
        As for `MLPClassifier`.
    loss_, loss_curve_ : float and list of float
        Half of the squared error, mean over rows and outputs, or half of the Poisson deviance, mean over rows and sum
        over outputs; penalty included.
    validation_scores_ : list of float or None
        R^2 on the validation rows after each epoch, or what `monitor` names in its place.
    validation_history_ : dict of str to list of float
        Each of `validation_metrics` on the validation rows after each epoch.
    out_activation_ : {"identity", "exp"}
        Activation of the output.

    Notes
    -----
    With several outputs scikit-learn reports the mean of their squared errors and descends on the sum; so does this.

    Examples
    --------
    >>> import numpy as np
    >>> from throughline import MLPRegressor
    >>> X = np.linspace(-1, 1, 200)[:, None]
    >>> model = MLPRegressor(hidden_layer_sizes=(20,), solver="lbfgs", random_state=0).fit(X, X[:, 0] ** 2)
    >>> round(model.score(X, X[:, 0] ** 2), 2)
    1.0
    """

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        **BaseMLP._parameter_constraints,
        "loss": [StrOptions({"squared_error", "poisson"})],
    }

    def __init__(
        self,
        loss: str = "squared_error",
        hidden_layer_sizes: int | Sequence[int] = (100,),
        activation: str = "relu",
        *,
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | Literal["auto"] = "auto",
        learning_rate: Schedule = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: int | float = 10,
        max_fun: int = 15000,
        dropout: float | Sequence[float] = 0.0,
        weight_decay: float = 0.01,
        rho: float = 0.9,
        validation_metrics: Metrics = None,
        monitor: str | None = None,
        callbacks: Sequence[Any] | None = None,
        progress: bool = False,
    ) -> None:
        super().__init__(
            hidden_layer_sizes,
            activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
            dropout=dropout,
            weight_decay=weight_decay,
            rho=rho,
            validation_metrics=validation_metrics,
            monitor=monitor,
            callbacks=callbacks,
            progress=progress,
        )
        self.loss = loss

    # --- training ----------------------------------------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        resume_from: Checkpoint | str | os.PathLike[str] | None = None,
    ) -> Self:
        """Train.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows; float32 is computed in float32.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Values.
        sample_weight : array-like of shape (n_samples,), optional
            How often each row counts.
        X_val, y_val : array-like, optional
            Rows to score after each epoch.
        resume_from : Checkpoint or path, optional
            Go on from there, with the same data and settings, to `max_iter` epochs in all.

        Returns
        -------
        MLPRegressor
            Itself.

        Raises
        ------
        ValueError
            If a parameter or an array is not as described, or training diverged.
        """
        return self._fit(X, y, sample_weight, validation=(X_val, y_val), resume_from=resume_from)

    @available_if(is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None) -> Self:
        """Train for one epoch, with what the optimizer remembers of the calls before.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Values.
        sample_weight : array-like of shape (n_samples,), optional
            How often each row counts.
        X_val, y_val : array-like, optional
            Rows to score after the epoch.

        Returns
        -------
        MLPRegressor
            Itself.
        """
        return self._fit(X, y, sample_weight, incremental=True, validation=(X_val, y_val))

    def _checked_targets(self, y: Any, *, first: bool, incremental: bool) -> FloatArray:
        y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
        if not first and self.out_activation_ != self._output_activation():
            raise ValueError(
                f"loss must stay what it was when warm_start and partial_fit go on, as out_activation_ is "
                f"{self.out_activation_!r}, but got {self.loss!r}: set it back, or train a clone."
            )
        return self._amounts(y, "y")

    def _validation_targets(self, y: Any) -> FloatArray:
        return self._amounts(y, "y_val")

    def _amounts(self, y: Any, name: str) -> FloatArray:
        """Return the values in columns, after checking that the loss can use them."""
        if self.loss == "poisson" and y.min() < 0:
            raise ValueError(
                f"{name} must be at least 0 in every row for loss='poisson', but got {y.min()}: use "
                "loss='squared_error' for values that may be negative."
            )
        amounts: FloatArray = y.reshape(-1, 1) if y.ndim == 1 else y
        return amounts

    def _output_activation(self) -> str:
        return "exp" if self.loss == "poisson" else "identity"

    def _score_logits(self, logits: FloatArray, y: FloatArray, sample_weight: FloatArray | None) -> float:
        with np.errstate(over="ignore"):  # what is infinite has no score
            values = self._values(logits)
        return float(r2_score(y, values, sample_weight=sample_weight)) if np.isfinite(values).all() else math.nan

    def _as_answers(self, targets: FloatArray) -> FloatArray:
        return targets.ravel() if targets.shape[1] == 1 else targets

    # --- answers -----------------------------------------------------------------------------------------------------

    def predict(self, X: Any) -> FloatArray:
        """Return the values of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Values in the dtype of the weights.
        """
        one = self._one_logit(X)
        if one is not None:
            return self._values(np.array([one], self._predictor.dtype))
        values = self._values(self._logits(X))
        return values.ravel() if values.shape[1] == 1 else values

    def _values(self, logits: FloatArray) -> FloatArray:
        return np.exp(logits) if self.out_activation_ == "exp" else logits

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags
