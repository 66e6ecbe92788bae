"""The perceptron: one neuron, a step for an activation, and a rule that learns only from mistakes.

It draws a line (a hyperplane) between two classes. Rows are visited one at a time; a row on its proper side changes
nothing, a row on the wrong side pulls the line towards itself. If any line separates the classes, the rule finds one
after a bounded number of mistakes (`novikoff_bound`). If none does, as in XOR, it never settles: that is what hidden
layers are for (see `mlp`).
"""

from typing import Self

import numpy as np
import numpy.typing as npt

Float64Array = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


class Perceptron:
    """A linear classifier trained by the online perceptron rule.

    The output is a step of a linear combination: 1 where x . coef + intercept > 0, else 0. Training starts from zero
    weights. With s = +1 for class 1 and s = -1 for class 0, a row is a mistake when s (x . coef + intercept) <= 0,
    and then::

        coef      <- coef      + learning_rate * s * x
        intercept <- intercept + learning_rate * s

    A row exactly on the boundary is on nobody's side and counts as a mistake, for either class; this is the rule of
    Novikoff's theorem, and scikit-learn's. Starting from zero, the learning rate only scales the weights.

    Parameters
    ----------
    learning_rate : float, default=1.0
        Scale of each correction, finite and above 0.
    max_epochs : int, default=1000
        Passes over the data after which to give up, at least 1.
    shuffle : bool, default=False
        Visit the rows in a new random order each epoch.
    seed : int, default=0
        Seed of that order.
    record_path : bool, default=True
        Keep `updates_` and `path_`. On large data that no line separates they grow with every mistake of every epoch;
        with False, `updates_` stays empty and `path_` holds only the first and the last weights.

    Attributes
    ----------
    coef_ : ndarray of shape (n_features,), float64
        Weights.
    intercept_ : float
        Bias.
    mistakes_ : list of int
        Mistakes made in each epoch.
    n_epochs_ : int
        Epochs run.
    converged_ : bool
        Whether the last epoch passed without a mistake, so that every training row is on its proper side.
    updates_ : list of (int, int)
        Epoch and row of each correction, both counted from 0.
    path_ : ndarray of shape (n_updates + 1, n_features + 1), float64
        Weights and, in the last column, bias: at the start, then after each correction.

    References
    ----------
    Rosenblatt: The perceptron: a probabilistic model for information storage and organization in the brain,
    Psychological Review 65, 1958.

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> logical_and = Perceptron().fit(X, np.array([0, 0, 0, 1]))
    >>> logical_and.predict(X)
    array([0, 0, 0, 1])
    >>> logical_and.mistakes_, logical_and.converged_
    ([2, 3, 3, 2, 2, 3, 2, 1, 0], True)
    """

    coef_: Float64Array
    intercept_: float
    mistakes_: list[int]
    n_epochs_: int
    converged_: bool
    updates_: list[tuple[int, int]]
    path_: Float64Array

    def __init__(
        self,
        learning_rate: float = 1.0,
        max_epochs: int = 1000,
        shuffle: bool = False,
        seed: int = 0,
        record_path: bool = True,
    ) -> None:
        self.learning_rate = learning_rate
        self.max_epochs = max_epochs
        self.shuffle = shuffle
        self.seed = seed
        self.record_path = record_path

    def fit(self, X: npt.ArrayLike, y: npt.ArrayLike) -> Self:
        """Learn from rows and their labels.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Finite numbers; used as float64.
        y : array-like of shape (n_samples,)
            Labels, 0 or 1.

        Returns
        -------
        Perceptron
            Itself, with the fitted attributes.

        Raises
        ------
        ValueError
            If a setting is out of range, `X` is not a finite matrix with rows, or `y` holds anything but 0 and 1.
        """
        if not (np.isfinite(self.learning_rate) and self.learning_rate > 0):
            raise ValueError(f"learning_rate must be a finite number above 0, got {self.learning_rate!r}.")
        if self.max_epochs < 1:
            raise ValueError(f"max_epochs must be at least 1, got {self.max_epochs!r}.")
        X = _check_rows(X)
        signs = _check_signs(y, len(X))
        self.coef_, self.intercept_ = np.zeros(X.shape[1]), 0.0
        self.mistakes_, self.updates_ = [], []
        path = [self._weights()]
        rng = np.random.default_rng(self.seed)

        for epoch in range(self.max_epochs):
            mistakes = 0
            for i in rng.permutation(len(X)) if self.shuffle else range(len(X)):
                if signs[i] * (X[i] @ self.coef_ + self.intercept_) > 0:  # (n_features,) @ (n_features,) -> number
                    continue
                mistakes += 1
                self.coef_ += self.learning_rate * signs[i] * X[i]
                self.intercept_ += self.learning_rate * float(signs[i])
                if self.record_path:
                    self.updates_.append((epoch, int(i)))
                    path.append(self._weights())
            self.mistakes_.append(mistakes)
            if mistakes == 0:
                break

        self.n_epochs_ = len(self.mistakes_)
        self.converged_ = self.mistakes_[-1] == 0
        self.path_ = np.array(path if self.record_path else [*path, self._weights()])
        return self

    def _weights(self) -> Float64Array:
        return np.append(self.coef_, self.intercept_)  # (n_features + 1,)

    def decision_function(self, X: npt.ArrayLike) -> Float64Array:
        """Return x . coef_ + intercept_ for each row, an ndarray of shape (n_samples,), before the step.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows with as many features as in training.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            Above 0 on the side of class 1.

        Raises
        ------
        ValueError
            If `fit` has not been called, or `X` has another number of features.
        """
        if not hasattr(self, "coef_"):
            raise ValueError("fit must be called before the perceptron can answer, got an unfitted one.")
        X = _check_rows(X)
        if X.shape[1] != len(self.coef_):
            raise ValueError(f"X must have {len(self.coef_)} features, as in training, got {X.shape[1]}.")
        z: Float64Array = X @ self.coef_ + self.intercept_  # (n_samples, n_features) @ (n_features,) -> (n_samples,)
        return z

    def predict(self, X: npt.ArrayLike) -> IntArray:
        """Return the class of each row: the step activation, 1 above the boundary, 0 on or below it.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows with as many features as in training.

        Returns
        -------
        ndarray of shape (n_samples,), int64
            Labels, 0 or 1.
        """
        return (self.decision_function(X) > 0).astype(np.int64)

    def score(self, X: npt.ArrayLike, y: npt.ArrayLike) -> float:
        """Return the share of rows whose class is predicted correctly.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Rows with as many features as in training.
        y : array-like of shape (n_samples,)
            Their labels, 0 or 1.

        Returns
        -------
        float
            Accuracy, from 0 to 1.
        """
        predicted = self.predict(X)
        return float(np.mean(predicted == (_check_signs(y, len(predicted)) > 0)))


def margin(coef: npt.ArrayLike, intercept: float, X: npt.ArrayLike, y: npt.ArrayLike) -> float:
    """Return how far the closest row is from the wrong side of a boundary.

    Distances are taken in the augmented space, where each row gets a constant 1 appended and the bias is one more
    weight: w = [coef, intercept], x' = [x, 1], margin = min over rows of s (x' . w) / ||w||. The boundary then passes
    through the origin, as Novikoff's theorem assumes. It is a little smaller than the distance seen in a plot, which
    divides by ||coef|| alone.

    Parameters
    ----------
    coef : array-like of shape (n_features,)
        Weights of the boundary.
    intercept : float
        Its bias.
    X : array-like of shape (n_samples, n_features)
        Rows.
    y : array-like of shape (n_samples,)
        Labels, 0 or 1.

    Returns
    -------
    float
        Above 0 if and only if the boundary separates the classes.

    Raises
    ------
    ValueError
        If all weights are zero, or a shape or label is wrong.

    Examples
    --------
    >>> margin([1.0], 0.0, [[-3.0], [2.0]], [0, 1])
    2.0
    """
    w = np.append(np.asarray(coef, dtype=np.float64), intercept)  # (n_features + 1,)
    rows = _augment(_check_rows(X))  # (n_samples, n_features + 1)
    signs = _check_signs(y, len(rows))
    if rows.shape[1] != len(w):
        raise ValueError(f"coef must have one weight per feature, {rows.shape[1] - 1}, got {len(w) - 1}.")
    length = np.linalg.norm(w)
    if not length > 0:
        raise ValueError("coef and intercept must not all be zero, got a boundary without direction.")
    return float(np.min(signs * (rows @ w)) / length)


def novikoff_bound(X: npt.ArrayLike, y: npt.ArrayLike, coef: npt.ArrayLike, intercept: float) -> float:
    """Return the most mistakes the perceptron can make on rows that a given boundary separates.

    The bound is (R / gamma)^2: R the norm of the longest augmented row [x, 1], gamma the `margin` of the boundary. It
    holds over all epochs together, in any order of rows. Any separating boundary gives a valid bound, the one with the
    largest margin the tightest.

    Why: each mistake raises w . u, with u the unit vector of the boundary, by at least gamma, and ||w||^2 by at most
    R^2, since the row added was on the wrong side. After k mistakes k gamma <= w . u <= ||w|| <= sqrt(k) R.

    Parameters
    ----------
    X : array-like of shape (n_samples, n_features)
        Rows.
    y : array-like of shape (n_samples,)
        Labels, 0 or 1.
    coef : array-like of shape (n_features,)
        Weights of a boundary that separates them.
    intercept : float
        Its bias.

    Returns
    -------
    float
        Upper bound on the total number of mistakes.

    Raises
    ------
    ValueError
        If the boundary does not separate the classes.

    References
    ----------
    Novikoff: On convergence proofs on perceptrons, Symposium on the Mathematical Theory of Automata, 1962.

    Examples
    --------
    >>> novikoff_bound([[-3.0], [2.0]], [0, 1], [1.0], 0.0)  # R^2 = 3^2 + 1^2, gamma = 2
    2.5
    """
    gamma = margin(coef, intercept, X, y)
    if not gamma > 0:
        raise ValueError(f"coef and intercept must separate the classes with a margin above 0, got margin {gamma!r}.")
    squared_norms = (_augment(_check_rows(X)) ** 2).sum(axis=1)  # (n_samples,)
    return float(squared_norms.max() / gamma**2)


def _augment(X: Float64Array) -> Float64Array:
    return np.hstack([X, np.ones((len(X), 1))])  # (n_samples, n_features) -> (n_samples, n_features + 1)


def _check_rows(X: npt.ArrayLike) -> Float64Array:
    rows = np.asarray(X, dtype=np.float64)
    if rows.ndim != 2 or len(rows) == 0:
        raise ValueError(f"X must have shape (n_samples, n_features) with at least one row, got {rows.shape}.")
    if not np.isfinite(rows).all():  # every comparison with NaN is false, so a NaN would pass for a correct answer
        raise ValueError("X must hold finite numbers only, got NaN or infinity.")
    return rows


def _check_signs(y: npt.ArrayLike, n_samples: int) -> Float64Array:
    """Map labels 0 and 1 to -1 and +1."""
    labels = np.asarray(y)
    if labels.shape != (n_samples,):
        raise ValueError(f"y must have shape ({n_samples},), one label per row, got {labels.shape}.")
    if not np.isin(labels, (0, 1)).all():
        raise ValueError(f"y must hold only the labels 0 and 1, got {np.unique(labels)[:5].tolist()}.")
    return np.where(labels == 1, 1.0, -1.0)
