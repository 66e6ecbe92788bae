"""The perceptron as an estimator: scikit-learn's `Perceptron`, with a proof of convergence, a pocket and an average."""

from __future__ import annotations

import warnings
from numbers import Integral, Real
from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.utils import assert_all_finite, check_random_state, compute_class_weight
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.extmath import safe_sparse_dot
from sklearn.utils.multiclass import unique_labels
from sklearn.utils.parallel import Parallel, delayed
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from ..scratch.blocks import FloatArray
from .online import Fit, Problem, fit_problem

LARGEST_SEED = np.iinfo(np.int32).max
NO_CONVERGENCE = (
    "Maximum number of iteration reached before convergence. Consider increasing max_iter to improve the fit."
)


class Perceptron(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn ships no types
    """Linear perceptron classifier, trained by the online rule.

    A drop-in for `sklearn.linear_model.Perceptron`: same parameters, same defaults, and for the same data and seed the
    same updates. It says more: whether the rows are separated, by an epoch without a mistake (`converged_`); how many
    mistakes each epoch made (`mistakes_`) and the most that there could have been (`novikoff_bound_`). And it can keep
    the best weights on the way (`pocket`), or their mean (`average`).

    Parameters
    ----------
    penalty : {'l2', 'l1', 'elasticnet'} or None, default=None
        Penalty on the weights.
    alpha : float, default=0.0001
        Strength of the penalty, if there is one.
    l1_ratio : float, default=0.15
        Share of L1 in 'elasticnet', from 0 to 1.
    fit_intercept : bool, default=True
        Whether the bias learns.
    max_iter : int, default=1000
        Largest number of epochs of `fit`.
    tol : float or None, default=1e-3
        Stop when the mean loss of `n_iter_no_change` epochs in a row was not better than the best by this. None: only
        `max_iter`, or convergence, ends the training.
    shuffle : bool, default=True
        Visit the rows in a new order each epoch.
    verbose : int, default=0
        Above 0, print a line for each epoch.
    eta0 : float, default=1.0
        What corrections are multiplied by.
    n_jobs : int or None, default=None
        Processes for the problems of a multi-class task.
    random_state : int, RandomState instance or None, default=0
        Of the order of rows and of the rows for validation.
    early_stopping : bool, default=False
        Keep rows for validation, and stop by their accuracy instead of the loss.
    validation_fraction : float, default=0.1
        Share of the rows kept, if `early_stopping`.
    n_iter_no_change : int, default=5
        Epochs without improvement after which to stop.
    class_weight : dict, 'balanced' or None, default=None
        Weights of the classes; their corrections are multiplied by them.
    warm_start : bool, default=False
        Start `fit` from the weights of the last one.
    average : bool or int, default=False
        Let `coef_` be the mean of the weights after each row visited; an int gives the row from which to average.
    pocket : bool, default=False
        Let `coef_` be the best weights seen during `fit`, by the number of training rows predicted correctly (or the
        sum of their weights). Not used by `partial_fit`, which sees too few rows to judge.

    Attributes
    ----------
    coef_ : ndarray of shape (1, n_features) if there are two classes, else (n_classes, n_features)
        Weights, in the dtype of the rows.
    intercept_ : ndarray of shape (1,) or (n_classes,)
        Biases.
    classes_ : ndarray of shape (n_classes,)
        Labels, sorted.
    n_iter_ : int
        Epochs until the stopping rule was met, the largest over the classes. Epochs after one without a mistake change
        nothing; they are counted as scikit-learn counts them, and not run.
    t_ : float
        1 + `n_iter_` * n_samples, over all calls of `partial_fit`.
    converged_ : ndarray of bool of shape (1,) or (n_classes,)
        Whether an epoch passed without a mistake, so that every training row is proven to be on its proper side (of
        the weights that learn; not of their average). Never, with a penalty.
    mistakes_ : list of list of int
        For each row of `coef_`, the mistakes of each epoch that was run.
    novikoff_bound_ : ndarray of shape (1,) or (n_classes,)
        (R / gamma)^2, the most mistakes that the rule can make in any order of the rows, with gamma the margin of the
        separator found. NaN where none was found, or training did not start from zero.
    n_features_in_ : int
        Features seen in training.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if all are strings.

    See Also
    --------
    throughline.scratch.Perceptron : The same rule in a dozen lines.
    throughline.scratch.blocks : How it is made fast without changing one decision.

    References
    ----------
    Rosenblatt: The perceptron: a probabilistic model for information storage and organization in the brain,
    Psychological Review 65, 1958.
    Novikoff: On convergence proofs on perceptrons, Symposium on the Mathematical Theory of Automata, 1962.
    Gallant: Perceptron-based learning algorithms, IEEE Transactions on Neural Networks 1, 1990.
    Freund and Schapire: Large margin classification using the perceptron algorithm, Machine Learning 37, 1999.

    Examples
    --------
    >>> from throughline import Perceptron
    >>> X, y = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 0, 0, 1]
    >>> logical_and = Perceptron(tol=None, shuffle=False).fit(X, y)
    >>> logical_and.coef_, logical_and.intercept_
    (array([[3., 2.]]), array([-4.]))
    >>> logical_and.converged_, logical_and.mistakes_
    (array([ True]), [[2, 3, 3, 2, 2, 3, 2, 1, 0]])
    """

    coef_: Any
    intercept_: FloatArray
    classes_: npt.NDArray[Any]
    n_iter_: int
    t_: float
    converged_: npt.NDArray[np.bool_]
    mistakes_: list[list[int]]
    novikoff_bound_: npt.NDArray[np.float64]

    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "penalty": [StrOptions({"l2", "l1", "elasticnet"}), None],
        "alpha": [Interval(Real, 0, None, closed="left")],
        "l1_ratio": [Interval(Real, 0, 1, closed="both")],
        "fit_intercept": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "tol": [Interval(Real, 0, None, closed="left"), None],
        "shuffle": ["boolean"],
        "verbose": ["verbose"],
        "eta0": [Interval(Real, 0, None, closed="neither")],
        "n_jobs": [Integral, None],
        "random_state": ["random_state"],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "class_weight": [StrOptions({"balanced"}), dict, None],
        "warm_start": ["boolean"],
        "average": [Interval(Integral, 0, None, closed="neither"), "boolean"],
        "pocket": ["boolean"],
    }

    def __init__(
        self,
        *,
        penalty: Literal["l2", "l1", "elasticnet"] | None = None,
        alpha: float = 0.0001,
        l1_ratio: float = 0.15,
        fit_intercept: bool = True,
        max_iter: int = 1000,
        tol: float | None = 1e-3,
        shuffle: bool = True,
        verbose: int = 0,
        eta0: float = 1.0,
        n_jobs: int | None = None,
        random_state: int | np.random.RandomState | None = 0,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 5,
        class_weight: dict[Any, float] | Literal["balanced"] | None = None,
        warm_start: bool = False,
        average: bool | int = False,
        pocket: bool = False,
    ) -> None:
        self.penalty = penalty
        self.alpha = alpha
        self.l1_ratio = l1_ratio
        self.fit_intercept = fit_intercept
        self.max_iter = max_iter
        self.tol = tol
        self.shuffle = shuffle
        self.verbose = verbose
        self.eta0 = eta0
        self.n_jobs = n_jobs
        self.random_state = random_state
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.class_weight = class_weight
        self.warm_start = warm_start
        self.average = average
        self.pocket = pocket

    def fit(
        self,
        X: Any,
        y: npt.ArrayLike,
        coef_init: npt.ArrayLike | None = None,
        intercept_init: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Learn from rows and their labels, until the stopping rule is met.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows; float32 is kept, everything else becomes float64.
        y : array-like of shape (n_samples,)
            Labels of at least two classes.
        coef_init : array-like of shape (n_classes, n_features) or (n_features,), default=None
            Weights to start from.
        intercept_init : array-like of shape (n_classes,), default=None
            Biases to start from.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows, multiplied with those of `class_weight`.

        Returns
        -------
        Perceptron
            Itself, with the fitted attributes.

        Raises
        ------
        ValueError
            If a parameter or an array is not what it must be, or weights overflow.
        """
        self._check_parameters()
        X, y = self._validated(X, y, reset=True)
        if self.warm_start and hasattr(self, "coef_"):
            coef_init = self.coef_ if coef_init is None else coef_init
            intercept_init = self.intercept_ if intercept_init is None else intercept_init
        self.classes_ = _classes(y)
        self.t_ = 1.0
        sample_weight = self._checked_weight(sample_weight, X)
        self._start(X, coef_init, intercept_init)
        self._train(X, y, sample_weight, self.max_iter, self.pocket)
        if self.tol is not None and self.n_iter_ == self.max_iter and not self.converged_.all():
            warnings.warn(NO_CONVERGENCE, ConvergenceWarning, stacklevel=2)
        return self

    def partial_fit(
        self,
        X: Any,
        y: npt.ArrayLike,
        classes: npt.ArrayLike | None = None,
        sample_weight: npt.ArrayLike | None = None,
    ) -> Self:
        """Visit rows once, starting from the present weights.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,)
            Labels.
        classes : array-like of shape (n_classes,), default=None
            All labels that will ever come; needed in the first call.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights of the rows.

        Returns
        -------
        Perceptron
            Itself.

        Raises
        ------
        ValueError
            If `classes` is missing in the first call, or `y` holds a label that is not in it.
        """
        self._check_parameters()
        first = not hasattr(self, "classes_")
        if first and self.early_stopping:
            raise ValueError("early_stopping should be False with partial_fit")
        if first and self.class_weight == "balanced":
            raise ValueError(
                "class_weight 'balanced' is not supported for partial_fit. In order to use 'balanced' weights, use"
                " compute_class_weight('balanced', classes=classes, y=y). In place of y you can use a large enough"
                " sample of the full training set target to properly estimate the class frequency distributions. Pass"
                " the resulting weights as the class_weight parameter."
            )
        X, y = self._validated(X, y, reset=first)
        self._check_classes(classes, y)
        sample_weight = self._checked_weight(sample_weight, X)
        if first:
            self.t_ = 1.0
            self._start(X, None, None)
        self._train(X, y, sample_weight, 1, pocket=False)
        return self

    def decision_function(self, X: Any) -> FloatArray:
        """Return x . coef_ + intercept_ for each row and class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,) if there are two classes, else (n_samples, n_classes)
            Above 0 on the side of the class; for two classes, of `classes_[1]`.
        """
        check_is_fitted(self)
        X = validate_data(self, X, accept_sparse="csr", reset=False)
        scores: FloatArray = safe_sparse_dot(X, self.coef_.T, dense_output=True) + self.intercept_
        return scores.ravel() if scores.shape[1] == 1 else scores

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the label of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,)
            Labels from `classes_`.
        """
        scores = self.decision_function(X)
        index = (scores > 0).astype(np.intp) if scores.ndim == 1 else scores.argmax(axis=1)
        labels: npt.NDArray[Any] = self.classes_[index]
        return labels

    def densify(self) -> Self:
        """Make `coef_` an ndarray again, after `sparsify`; needed for fitting.

        Returns
        -------
        Perceptron
            Itself.
        """
        check_is_fitted(self, msg="Estimator, %(name)s, must be fitted before densifying.")
        if sparse.issparse(self.coef_):
            self.coef_ = self.coef_.toarray()
        return self

    def sparsify(self) -> Self:
        """Make `coef_` a CSR matrix, which is smaller if an L1 penalty left most weights at zero.

        Returns
        -------
        Perceptron
            Itself.
        """
        check_is_fitted(self, msg="Estimator, %(name)s, must be fitted before sparsifying.")
        self.coef_ = sparse.csr_array(self.coef_)
        return self

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def _check_parameters(self) -> None:
        self._validate_params()
        if self.average and self.pocket:
            raise ValueError("average and pocket cannot both be set: coef_ is either the mean or the best weights.")

    def _validated(self, X: Any, y: npt.ArrayLike, reset: bool) -> tuple[Any, npt.NDArray[Any]]:
        checked: tuple[Any, npt.NDArray[Any]] = validate_data(
            self,
            X,
            y,
            accept_sparse="csr",
            dtype=[np.float64, np.float32],
            order="C",
            accept_large_sparse=False,
            reset=reset,
            ensure_all_finite=not self._engine_finds_infinity(X),
        )
        return checked

    def _engine_finds_infinity(self, X: Any) -> bool:
        """Whether every row goes through the block engine, which needs no extra pass to find NaN and infinity."""
        plain = self.penalty is None and self.fit_intercept and not self.early_stopping and not self.pocket
        return plain and isinstance(X, np.ndarray)

    def _checked_weight(self, sample_weight: npt.ArrayLike | None, X: Any) -> FloatArray | None:
        if sample_weight is None:
            return None
        # Where rows are kept for validation, `_validation_rows` has the better message.
        weights: FloatArray = _check_sample_weight(
            sample_weight, X, dtype=X.dtype, allow_all_zero_weights=self.early_stopping
        )
        return weights

    def _check_classes(self, classes: npt.ArrayLike | None, y: npt.NDArray[Any]) -> None:
        known = getattr(self, "classes_", None)
        if known is None and classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")
        if classes is not None:
            given = unique_labels(classes)
            if known is not None and not np.array_equal(known, given):
                raise ValueError(
                    f"`classes={classes!r}` is not the same as on last call to partial_fit, was: {known!r}"
                )
            if len(given) < 2:
                raise ValueError(f"The number of classes has to be greater than one; got {len(given)} class")
            self.classes_ = given
        unseen = np.setdiff1d(y, self.classes_)
        if len(unseen):
            raise ValueError(f"The target label(s) {unseen} in y do not exist in the initial classes {self.classes_}")

    def _start(self, X: Any, coef_init: npt.ArrayLike | None, intercept_init: npt.ArrayLike | None) -> None:
        """Set the weights to start from."""
        n_problems = 1 if len(self.classes_) == 2 else len(self.classes_)
        coef, intercept = np.zeros((n_problems, X.shape[1]), X.dtype), np.zeros(n_problems, X.dtype)
        if coef_init is not None:
            given = np.asarray(coef_init, dtype=X.dtype)
            if given.shape != coef.shape and (n_problems > 1 or given.size != X.shape[1]):
                raise ValueError("Provided coef_init does not match dataset.")
            coef[:] = given.reshape(coef.shape)
        if intercept_init is not None:
            given = np.asarray(intercept_init, dtype=X.dtype)
            if given.shape != (n_problems,) and (n_problems > 1 or given.shape != ()):
                raise ValueError("Provided intercept_init does not match dataset.")
            intercept[:] = given
        self._standard_coef, self._standard_intercept = coef, intercept
        self._average_coef, self._average_intercept = np.zeros_like(coef), np.zeros_like(intercept)

    def _train(
        self, X: Any, y: npt.NDArray[Any], sample_weight: FloatArray | None, max_iter: int, pocket: bool
    ) -> None:
        """Solve each class against the rest, and write the fitted attributes."""
        problems = self._problems(X, y, sample_weight, max_iter, pocket)
        try:
            fits = self._solve(problems)
        except ValueError:
            assert_all_finite(X, estimator_name=type(self).__name__, input_name="X")
            raise
        n_averaged = self._n_averaged()
        self.n_iter_ = max(fit.n_iter for fit in fits)
        self.t_ += self.n_iter_ * X.shape[0]
        self.converged_ = np.array([fit.converged for fit in fits])
        self.mistakes_ = [fit.mistakes for fit in fits]
        self.novikoff_bound_ = np.array([fit.novikoff_bound for fit in fits])
        self._standard_coef = np.stack([fit.coef for fit in fits])
        self._standard_intercept = np.array([fit.intercept for fit in fits], X.dtype)
        self.coef_, self.intercept_ = self._standard_coef, self._standard_intercept
        if pocket:
            best = [fit.pocketed for fit in fits if fit.pocketed]
            self.coef_ = np.stack([coef for coef, _, _ in best])
            self.intercept_ = np.array([intercept for _, intercept, _ in best], X.dtype)
        if self.average:
            self._mix_averages(fits, n_averaged)
            if int(self.average) <= self.t_ - 1:
                self.coef_, self.intercept_ = self._average_coef, self._average_intercept

    def _solve(self, problems: list[Problem]) -> list[Fit]:
        if len(problems) == 1:
            return [fit_problem(problems[0])]
        parallel = Parallel(n_jobs=self.n_jobs, verbose=self.verbose)
        fits: list[Fit] = parallel(delayed(fit_problem)(problem) for problem in problems)
        return fits

    def _n_averaged(self) -> int:
        """Rows in the average before this call."""
        return max(0, int(self.t_) - 1 - int(self.average) + 1) if self.average else 0

    def _mix_averages(self, fits: list[Fit], n_before: int) -> None:
        """Join the mean of this call's rows to the mean of those before."""
        for i, fit in enumerate(fits):
            if fit.averaged is None or not fit.averaged[2]:
                continue
            coef, intercept, n = fit.averaged
            share = n / (n_before + n)
            self._average_coef[i] += (share * (coef - self._average_coef[i])).astype(coef.dtype)
            self._average_intercept[i] += share * (intercept - self._average_intercept[i])
        self._average_coef, self._average_intercept = self._average_coef.copy(), self._average_intercept.copy()

    def _problems(
        self, X: Any, y: npt.NDArray[Any], sample_weight: FloatArray | None, max_iter: int, pocket: bool
    ) -> list[Problem]:
        """State one problem for each row of `coef_`, drawing random numbers in scikit-learn's order."""
        weights = np.ones(len(self.classes_))
        if self.class_weight is not None:  # to compute them takes as long as an epoch
            weights = compute_class_weight(self.class_weight, classes=self.classes_, y=y)
        rng = check_random_state(self.random_state)
        common = {"X": X, "sample_weight": sample_weight, "max_iter": max_iter, "pocket": pocket}
        if len(self.classes_) == 2:
            positive = y == self.classes_[1]
            rng.randint(1, LARGEST_SEED)  # scikit-learn seeds a sampler with it that the perceptron never asks
            mask = self._validation_rows(positive, sample_weight)
            seed = rng.randint(LARGEST_SEED)
            return [self._problem(0, positive, weights[1], weights[0], seed=seed, is_validation=mask, **common)]
        mask = self._validation_rows(y, sample_weight)
        problems = []
        for i, seed in enumerate(rng.randint(LARGEST_SEED, size=len(self.classes_))):
            own = np.random.RandomState(seed)
            own.randint(1, LARGEST_SEED)
            seed = own.randint(LARGEST_SEED)
            positive = y == self.classes_[i]
            problems.append(self._problem(i, positive, weights[i], 1.0, seed=seed, is_validation=mask, **common))
        return problems

    def _problem(
        self, i: int, positive: npt.NDArray[np.bool_], weight_positive: float, weight_negative: float, **rest: Any
    ) -> Problem:
        dtype, sample_weight = rest["X"].dtype, rest["sample_weight"]
        steps = None
        if sample_weight is not None or self.eta0 != 1 or weight_positive != 1 or weight_negative != 1:
            weights = np.where(positive, weight_positive, weight_negative).astype(dtype)
            steps = self.eta0 * (weights if sample_weight is None else weights * sample_weight).astype(np.float64)
        return Problem(
            signs=positive.astype(dtype) * 2 - 1,
            steps=steps,
            coef=self._standard_coef[i],
            intercept=float(self._standard_intercept[i]),
            eta0=self.eta0,
            penalty=self.penalty,
            alpha=self.alpha,
            l1_ratio=self.l1_ratio,
            fit_intercept=self.fit_intercept,
            tol=self.tol,
            n_iter_no_change=self.n_iter_no_change,
            shuffle=self.shuffle,
            verbose=self.verbose,
            average_from=max(1, int(self.average) - int(self.t_) + 1) if self.average else 0,
            **rest,
        )

    def _validation_rows(self, y: npt.NDArray[Any], sample_weight: FloatArray | None) -> npt.NDArray[np.bool_] | None:
        """Draw the rows to keep for validation, as many of each class as their share."""
        if not self.early_stopping:
            return None
        splitter = StratifiedShuffleSplit(test_size=self.validation_fraction, random_state=self.random_state)
        training, validation = next(splitter.split(np.zeros((len(y), 1)), y))
        if sample_weight is not None and not np.any(sample_weight[validation] > 0):
            raise ValueError(
                "The sample weights for validation set are all zero, consider using a different random state."
            )
        if not len(training) or not len(validation):
            raise ValueError(
                f"Splitting {len(y)} samples into a train set and a validation set with"
                f" validation_fraction={self.validation_fraction!r} led to an empty set ({len(training)} and"
                f" {len(validation)} samples). Please either change validation_fraction, increase number of samples,"
                " or disable early_stopping."
            )
        mask = np.zeros(len(y), np.bool_)
        mask[validation] = True
        return mask


def _classes(y: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the sorted labels; two whole numbers, the usual case, are found without sorting all of `y`."""
    if y.dtype.kind in "iub":
        is_first = y == y[0]
        other = y[is_first.argmin()]  # the first that is not like row 0, if there is one
        if np.count_nonzero(is_first) + np.count_nonzero(y == other) == len(y):
            return np.array(sorted((y[0], other)), y.dtype)
    classes: npt.NDArray[Any] = unique_labels(y)
    if len(classes) < 2:
        raise ValueError(f"The number of classes has to be greater than one; got {len(classes)} class")
    return classes
