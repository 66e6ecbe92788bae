"""What the two multi-layer perceptrons share: parameters, checks, initial weights, and the way into training."""

from __future__ import annotations

import math
import os
from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.base import BaseEstimator, is_regressor
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval, Options, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ..scratch.activations import FloatArray
from .callbacks import Callback, FunctionCallback, ProgressBar
from .checkpoint import Checkpoint
from .lbfgs import fit_lbfgs
from .metrics import Metrics, check_metrics
from .network import HIDDEN, SOLVERS
from .prediction import Predictor, pack
from .schedules import Schedule
from .stochastic import NOT_FINITE, PROGRESS, Rows, StochasticTraining, memory_of

# Rows of sparse input that are made dense at a time to predict.
DENSE_ROWS = 4096


class BaseMLP(BaseEstimator, ABC):  # type: ignore[misc]  # scikit-learn ships no types
    """Parameters and training of a network; `MLPClassifier` and `MLPRegressor` explain them."""

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "hidden_layer_sizes": ["array-like", Interval(Integral, 1, None, closed="left")],
        "activation": [StrOptions(set(HIDDEN))],
        "solver": [StrOptions({"lbfgs", *SOLVERS})],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "batch_size": [StrOptions({"auto"}), Interval(Integral, 1, None, closed="left")],
        "learning_rate": [StrOptions({"constant", "invscaling", "adaptive"}), callable],
        "learning_rate_init": [Interval(Real, 0, None, closed="neither")],
        "power_t": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "shuffle": ["boolean"],
        "random_state": ["random_state"],
        "tol": [Interval(Real, 0, None, closed="left")],
        "verbose": ["verbose"],
        "warm_start": ["boolean"],
        "momentum": [Interval(Real, 0, 1, closed="both")],
        "nesterovs_momentum": ["boolean"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="left")],
        "beta_1": [Interval(Real, 0, 1, closed="left")],
        "beta_2": [Interval(Real, 0, 1, closed="left")],
        "epsilon": [Interval(Real, 0, None, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left"), Options(Real, {np.inf})],
        "max_fun": [Interval(Integral, 1, None, closed="left")],
        "dropout": [Interval(Real, 0, 1, closed="left"), "array-like"],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "rho": [Interval(Real, 0, 1, closed="left")],
        "validation_metrics": [str, callable, list, tuple, dict, None],
        "monitor": [str, None],
        "callbacks": [list, tuple, None],
        "progress": ["boolean"],
    }

    def __init__(
        self,
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
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.dropout = dropout
        self.weight_decay = weight_decay
        self.rho = rho
        self.validation_metrics = validation_metrics
        self.monitor = monitor
        self.callbacks = callbacks
        self.progress = progress

    # --- what the two differ in --------------------------------------------------------------------------------------

    @abstractmethod
    def _checked_targets(self, y: Any, *, first: bool, incremental: bool) -> FloatArray:
        """Return the targets as the engine takes them, (n_samples, n_outputs); learn the classes if it is time."""

    @abstractmethod
    def _validation_targets(self, y: Any) -> FloatArray:
        """Return the targets of `fit(y_val=)`, (n_samples, n_outputs)."""

    @abstractmethod
    def _output_activation(self) -> str:
        """Return the name for `out_activation_`."""

    @abstractmethod
    def _score_logits(self, logits: FloatArray, y: FloatArray, sample_weight: FloatArray | None) -> float:
        """Return the score of logits against targets, both (n_samples, n_outputs)."""

    @abstractmethod
    def _as_answers(self, targets: FloatArray) -> Any:
        """Return targets of shape (n_samples, n_outputs) in the form in which `predict` answers."""

    def _values(self, logits: FloatArray) -> FloatArray:
        """Return the values that logits stand for."""
        return logits

    # --- training ----------------------------------------------------------------------------------------------------

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        *,
        incremental: bool = False,
        validation: tuple[Any, Any] = (None, None),
        resume_from: Checkpoint | str | os.PathLike[str] | None = None,
    ) -> Self:
        self._validate_params()
        # Calls of partial_fit may have validation rows or not: curves have an entry for each that has.
        validated = incremental or self.early_stopping or validation[0] is not None
        scorers = check_metrics(self, validated=validated)
        hidden_sizes = self._hidden_sizes()
        first = not hasattr(self, "coefs_") or not (self.warm_start or incremental)
        X, y = validate_data(
            self,
            X,
            y,
            accept_sparse=["csr", "csc"],
            multi_output=True,
            y_numeric=is_regressor(self),
            dtype=(np.float64, np.float32),
            reset=first,
        )
        targets = self._checked_targets(y, first=first, incremental=incremental)
        X = _dense(X)
        weights = None if sample_weight is None else _check_sample_weight(sample_weight, X)
        self.n_outputs_ = targets.shape[1]
        checkpoint = self._checked_checkpoint(resume_from)
        self._random_state = check_random_state(self.random_state)
        held_out = self._checked_validation(*validation, X.dtype)
        sizes = (X.shape[1], *hidden_sizes, self.n_outputs_)
        if first or checkpoint:
            self._initialize(sizes, X.dtype)
        self._check_same_network(sizes)
        if self.solver == "lbfgs":
            fit_lbfgs(self, X, targets, weights)
        else:
            training = StochasticTraining(
                self, incremental=incremental, callbacks=self._all_callbacks(), scorers=scorers
            )
            training.run(Rows(X, targets, weights), held_out, checkpoint)
        if not all(np.isfinite(w).all() for w in (*self.coefs_, *self.intercepts_)):
            raise ValueError(NOT_FINITE)
        return self

    def _check_same_network(self, sizes: tuple[int, ...]) -> None:
        present = (len(self.coefs_[0]), *(coef.shape[1] for coef in self.coefs_))
        if sizes != present:
            raise ValueError(
                f"warm_start and partial_fit must go on with layers of {present} units, inputs and outputs included, "
                f"as they were before, got {sizes}."
            )

    def _hidden_sizes(self) -> tuple[int, ...]:
        sizes: Any = self.hidden_layer_sizes
        sizes = tuple(sizes) if hasattr(sizes, "__iter__") else (sizes,)
        if any(not isinstance(size, Integral) or int(size) <= 0 for size in sizes):
            raise ValueError(f"hidden_layer_sizes must be > 0 and whole, got {list(sizes)}.")
        return tuple(int(size) for size in sizes)

    def _checked_checkpoint(self, resume_from: Checkpoint | str | os.PathLike[str] | None) -> Checkpoint | None:
        if resume_from is None:
            return None
        if self.solver == "lbfgs":
            raise ValueError("resume_from must be None for solver='lbfgs', which has no epochs.")
        return resume_from if isinstance(resume_from, Checkpoint) else Checkpoint.load(resume_from)

    def _checked_validation(self, X_val: Any, y_val: Any, dtype: npt.DTypeLike) -> Rows | None:
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val must be given together, got only one of them.")
        if X_val is None:
            return None
        if self.solver == "lbfgs":
            raise ValueError("X_val and y_val must be None for solver='lbfgs', which has no epochs.")
        X_val, y_val = validate_data(
            self, X_val, y_val, accept_sparse=["csr", "csc"], multi_output=True, dtype=dtype, reset=False
        )
        targets = self._validation_targets(y_val)
        if targets.shape[1] != self.n_outputs_:
            raise ValueError(f"y_val must have {self.n_outputs_} outputs as y has, got {targets.shape[1]}.")
        return Rows(_dense(X_val), targets, None)

    def _all_callbacks(self) -> list[Callback]:
        callbacks = [c if isinstance(c, Callback) else FunctionCallback(c) for c in self.callbacks or ()]
        return [*callbacks, ProgressBar()] if self.progress else callbacks

    def _initialize(self, sizes: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        """Draw the initial weights, from the generator in scikit-learn's order."""
        self.n_layers_ = len(sizes)
        self.out_activation_ = self._output_activation()
        factor = 2.0 if self.activation == "logistic" else 6.0
        coefs, intercepts = [], []
        for fan_in, fan_out in pairwise(sizes):
            bound = math.sqrt(factor / (fan_in + fan_out))
            coefs.append(self._random_state.uniform(-bound, bound, (fan_in, fan_out)).astype(dtype))
            intercepts.append(self._random_state.uniform(-bound, bound, fan_out).astype(dtype))
        self._adopt(pack(coefs, intercepts))
        for name in ("_optimizer_state", "_plan", "_rates", *PROGRESS):
            self.__dict__.pop(name, None)
        self.n_iter_ = self.t_ = 0

    def _adopt(self, layers: list[FloatArray]) -> None:
        """Make these packed layers the parameters: `coefs_` and `intercepts_` are views of them."""
        self._predictor = Predictor(layers, HIDDEN[self.activation])
        self.coefs_, self.intercepts_ = list(self._predictor.kernels), list(self._predictor.biases)

    # --- answers -----------------------------------------------------------------------------------------------------

    def _logits(self, X: Any) -> FloatArray:
        """Check the rows and return what the last layer says of them, (n_samples, n_outputs)."""
        plain = self._ready_for(X)
        logits = plain.logits(X) if plain is not None else None
        if logits is not None:
            return logits
        check_is_fitted(self)
        predictor = self._present_predictor()
        with np.errstate(over="ignore"):  # what does not fit float32 is refused, so it need not warn
            X = validate_data(self, X, accept_sparse=["csr", "csc"], dtype=predictor.dtype, reset=False)
        if not sparse.issparse(X):
            return _present(predictor.logits(X))
        X = X.tocsr()
        starts = range(0, X.shape[0], DENSE_ROWS)
        return np.concatenate([_present(predictor.logits(X[i : i + DENSE_ROWS].toarray())) for i in starts])

    def _ready_for(self, X: Any) -> Predictor | None:
        """Return the compiled network if these rows need no check but for NaN; that takes half a microsecond."""
        known = self.__dict__
        predictor: Predictor | None = known.get("_predictor")
        if (
            predictor is None
            or type(X) is not np.ndarray
            or X.dtype is not predictor.dtype
            or X.ndim != 2
            or X.shape[1] != predictor.n_inputs
            or len(X) == 0
            or "feature_names_in_" in known
            or not predictor.holds(known["coefs_"], known["intercepts_"])
        ):
            return None
        return predictor

    def _one_logit(self, X: Any) -> float | None:
        """Return the only logit of a single plain row; None if there are several, or it has to be looked at."""
        predictor: Predictor | None = self.__dict__.get("_predictor")
        return None if predictor is None else predictor.row(X, self.__dict__)

    def _present_predictor(self) -> Predictor:
        """Return the compiled network, or one of the arrays that someone has put in the place of its parameters."""
        predictor: Predictor = self._predictor
        if predictor.holds(self.coefs_, self.intercepts_):
            return predictor
        return Predictor(pack(self.coefs_, self.intercepts_), HIDDEN[self.activation])

    # --- copies ------------------------------------------------------------------------------------------------------

    def __getstate__(self) -> dict[str, Any]:
        state: dict[str, Any] = dict(super().__getstate__())
        plan = state.pop("_plan", None)
        if plan is not None:
            state["_optimizer_state"] = memory_of(plan)
        state.pop("_predictor", None)
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if "coefs_" in state:
            self._adopt(pack(self.coefs_, self.intercepts_))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _dense(X: Any) -> FloatArray:
    dense: FloatArray = X.toarray() if sparse.issparse(X) else X
    return dense


def _present(logits: FloatArray | None) -> FloatArray:
    assert logits is not None  # the rows have been found finite
    return logits
