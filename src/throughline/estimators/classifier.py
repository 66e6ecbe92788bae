"""The multi-layer perceptron as a classifier."""

from __future__ import annotations

import math
import os
from math import exp
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from numpy import empty
from sklearn.base import ClassifierMixin
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils import column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from ..scratch.activations import FloatArray, sigmoid, softmax
from .base import BaseMLP
from .checkpoint import Checkpoint
from .network import is_stochastic


class MLPClassifier(ClassifierMixin, BaseMLP):  # type: ignore[misc]  # scikit-learn ships no types
    """A multi-layer perceptron that classifies: scikit-learn's contract on a training engine of compiled steps.

    Two classes, several, or several labels at a time. With the settings that scikit-learn has too, the same
    `random_state` gives the same initial weights, batches and losses as its `MLPClassifier`.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Units of each hidden layer; an empty sequence gives logistic regression.
    activation : {"identity", "logistic", "tanh", "relu"}, default="relu"
        Activation of the hidden layers.
    solver : {"adam", "sgd", "lbfgs", "adamw", "rmsprop"}, default="adam"
        "lbfgs" uses all rows in every step. "adam" adds epsilon before the bias correction, as scikit-learn and Keras
        do; "adamw" after it, as PyTorch does.
    alpha : float, default=0.0001
        Strength of the L2 penalty: alpha / (2 n) times the squared weights joins the loss of a batch of n rows. Set it
        to 0 where "adamw" is to decay the weights alone.
    batch_size : int or "auto", default="auto"
        Rows of a step; "auto" is 200, or all if there are fewer.
    learning_rate : {"constant", "invscaling", "adaptive"} or callable, default="constant"
        The three are for "sgd": constant; divided by (samples seen + 1) ** `power_t` after each epoch; divided by 5
        whenever there was nothing gained for `n_iter_no_change` epochs. A callable, for any solver but "lbfgs", gets
        the number of the epoch, from 0, and returns its rate.
    learning_rate_init : float, default=0.001
        The first learning rate.
    power_t : float, default=0.5
        Exponent of "invscaling".
    max_iter : int, default=200
        Epochs, or iterations of "lbfgs".
    shuffle : bool, default=True
        Visit the rows in a new order each epoch.
    random_state : int, RandomState or None, default=None
        Draws initial weights, validation rows, dropout masks and the order of rows.
    tol : float, default=0.0001
        What counts as a gain of loss or score; for "lbfgs" the gradient at which to stop.
    verbose : bool or int, default=False
        Print a line an epoch.
    warm_start : bool, default=False
        Let `fit` start from the parameters of the call before.
    momentum : float, default=0.9
        For "sgd".
    nesterovs_momentum : bool, default=True
        For "sgd" with momentum.
    early_stopping : bool, default=False
        Stop when the validation score gains nothing for `n_iter_no_change` epochs, and keep the best parameters. The
        rows are those of ``fit(X_val=, y_val=)``, or a share set aside.
    validation_fraction : float, default=0.1
        That share.
    beta_1, beta_2 : float, default=0.9 and 0.999
        Decay of the two memories of "adam" and "adamw".
    epsilon : float, default=1e-8
        For "adam", "adamw" and "rmsprop".
    n_iter_no_change : int or inf, default=10
        Epochs without a gain after which training stops.
    max_fun : int, default=15000
        Evaluations of loss and gradient in "lbfgs".
    dropout : float or sequence of float, default=0.0
        Share of the hidden outputs that training drops; one for all hidden layers or one for each.
    weight_decay : float, default=0.01
        For "adamw".
    rho : float, default=0.9
        Decay of the memory of "rmsprop".
    validation_metrics : str, callable, list or dict of these, or None, default=None
        What to measure on the validation rows after each epoch besides the score: names of scikit-learn's scorers
        ("roc_auc", "neg_log_loss"), functions ``scorer(estimator, X, y)``, or a dictionary that names either. More is
        better in all of them. Each costs a prediction an epoch.
    monitor : str or None, default=None
        Which of these metrics takes the place of the score, in `early_stopping` and in `validation_scores_`.
    callbacks : list or None, default=None
        Functions that get a `callbacks.Epoch` after each epoch and return True to stop, or `callbacks.Callback`.
    progress : bool, default=False
        Show a progress bar.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels, in the order of the columns of `predict_proba`.
    coefs_ : list of ndarray of shape (fan_in, fan_out)
        Kernels, first layer first.
    intercepts_ : list of ndarray of shape (fan_out,)
        Biases.
    loss_ : float
        Loss of the last epoch, penalty included.
    best_loss_ : float or None
        The lowest; None with `early_stopping`.
    loss_curve_ : list of float
        Loss of each epoch: the mean over its rows, each taken before the step it took part in.
    validation_scores_ : list of float or None
        Accuracy on the validation rows after each epoch, or what `monitor` names in its place.
    validation_history_ : dict of str to list of float
        Each of `validation_metrics` on the validation rows after each epoch; NaN for epochs in which it was not asked
        for, before a warm start or resumption with other metrics.
    best_validation_score_ : float or None
        The highest of them.
    n_iter_ : int
        Epochs of the last call of `fit`.
    t_ : int
        Rows seen in all epochs.
    n_layers_, n_outputs_ : int
        Layers, inputs included; outputs.
    out_activation_ : {"logistic", "softmax"}
        Activation of the output.
    n_features_in_ : int
        Features seen in `fit`.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, if `X` has names that are all strings.

    Notes
    -----
    Sparse rows are made dense for training, where the products of small networks gain nothing from sparsity.
    Predictions may come from several threads at a time.

    scikit-learn clips probabilities in its loss, here it is exact: a row that is wrong with a logit of 50 costs 50, not
    36.

    Examples
    --------
    >>> from sklearn.datasets import make_moons
    >>> from throughline import MLPClassifier
    >>> X, y = make_moons(400, noise=0.1, random_state=0)
    >>> model = MLPClassifier((16, 16), learning_rate_init=0.01, random_state=0).fit(X, y)
    >>> model.score(X, y)
    1.0
    >>> model.predict_proba([[1.0, 0.5]]).round(2)
    array([[1., 0.]])
    """

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
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Classes, or for each label whether it applies.
        sample_weight : array-like of shape (n_samples,), optional
            How often each row counts.
        X_val, y_val : array-like, optional
            Rows to score after each epoch.
        resume_from : Checkpoint or path, optional
            Go on from there, with the same data and settings, to `max_iter` epochs in all.

        Returns
        -------
        MLPClassifier
            Itself.

        Raises
        ------
        ValueError
            If a parameter or an array is not as described, or training diverged.
        """
        return self._fit(X, y, sample_weight, validation=(X_val, y_val), resume_from=resume_from)

    @available_if(is_stochastic)  # type: ignore[untyped-decorator]
    def partial_fit(
        self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None, *, X_val: Any = None, y_val: Any = None
    ) -> Self:
        """Train for one epoch, with what the optimizer remembers of the calls before.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Classes or labels.
        sample_weight : array-like of shape (n_samples,), optional
            How often each row counts.
        classes : array-like of shape (n_classes,), optional
            All classes there will be; needed in the first call.
        X_val, y_val : array-like, optional
            Rows to score after the epoch.

        Returns
        -------
        MLPClassifier
            Itself.
        """
        if _check_partial_fit_first_call(self, classes):
            several = type_of_target(y).startswith("multilabel")
            self._label_binarizer = LabelBinarizer().fit(y if several else classes)
        return self._fit(X, y, sample_weight, incremental=True, validation=(X_val, y_val))

    def _checked_targets(self, y: Any, *, first: bool, incremental: bool) -> FloatArray:
        y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
        if not hasattr(self, "classes_") or not (self.warm_start or incremental):
            self._label_binarizer = LabelBinarizer().fit(y)
            self.classes_ = self._label_binarizer.classes_
        elif self.warm_start and set(unique_labels(y)) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous call to fit. "
                f"Previously got {self.classes_}, `y` has {unique_labels(y)}"
            )
        return self._indicators(y, "y")

    def _validation_targets(self, y: Any) -> FloatArray:
        y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
        return self._indicators(y, "y_val")

    def _indicators(self, y: Any, name: str) -> FloatArray:
        """Return 0 and 1, in a column for two classes, in a column each for several classes or labels."""
        if y.ndim == 2:
            self._refuse_unless(not len(np.setdiff1d(unique_labels(y), self.classes_)), y, name)
            labels: FloatArray = self._label_binarizer.transform(y)
            return labels
        # What LabelBinarizer does, without looking at y from so many sides that it takes longer than a step.
        codes = np.minimum(np.searchsorted(self.classes_, y), len(self.classes_) - 1)
        self._refuse_unless(np.array_equal(self.classes_[codes], y), y, name)
        indicators: FloatArray = np.eye(len(self.classes_))[codes] if len(self.classes_) > 2 else codes[:, None] * 1.0
        return indicators

    def _refuse_unless(self, known: bool, y: Any, name: str) -> None:
        if not known:
            raise ValueError(
                f"`{name}` has classes not in `self.classes_`. `self.classes_` has {self.classes_}. "
                f"{name!r} has {unique_labels(y)}."
            )

    def _output_activation(self) -> str:
        return "softmax" if self._label_binarizer.y_type_ == "multiclass" else "logistic"

    def _score_logits(self, logits: FloatArray, y: FloatArray, sample_weight: FloatArray | None) -> float:
        """Return the accuracy: of classes, or of rows with all their labels right."""
        if not np.isfinite(logits).all():
            return math.nan
        if self.out_activation_ == "softmax":
            right = logits.argmax(axis=1) == y.argmax(axis=1)
        else:
            right = ((logits > 0) == (y > 0)).all(axis=1)
        return float(np.average(right, weights=sample_weight))

    def _as_answers(self, targets: FloatArray) -> Any:
        return self._label_binarizer.inverse_transform(targets)

    # --- answers -----------------------------------------------------------------------------------------------------

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the class of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_labels)
            Classes; or 0 and 1 for each label, sparse if `y` was.
        """
        logit = self._one_logit(X)
        if logit is not None and len(self.classes_) == 2:
            chosen = logit > 0
            return np.array(self.classes_[chosen : chosen + 1])
        logits = self._logits(X)
        answers: npt.NDArray[Any]
        if self.out_activation_ == "softmax":
            answers = self.classes_[logits.argmax(axis=1)]
        elif self._label_binarizer.y_type_.startswith("multilabel"):
            answers = self._label_binarizer.inverse_transform(sigmoid(logits))
        elif len(self.classes_) == 1:
            answers = np.repeat(self.classes_, len(logits))
        else:
            answers = self.classes_[(logits[:, 0] > 0).view(np.int8)]
        return answers

    def predict_proba(self, X: Any) -> FloatArray:
        """Return the probability of each class or label.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`. Labels of a multi-label task do not add up to 1.
        """
        known = self.__dict__  # `_one_logit`, written out
        logit = known["_predictor"].row(X, known) if "_predictor" in known else None
        if logit is not None:  # for so little, Python's own numbers are faster; exp below 0 cannot overflow
            p = 1 / (1 + exp(-logit)) if logit >= 0 else (e := exp(logit)) / (1 + e)
            both = empty((1, 2), X.dtype)
            both[0, 0], both[0, 1] = 1 - p, p
            return both
        logits = self._logits(X)
        if self.out_activation_ == "softmax":
            return softmax(logits)
        if self.n_outputs_ > 1:
            return sigmoid(logits)
        return _two_columns(logits)

    def predict_log_proba(self, X: Any) -> FloatArray:
        """Return the logarithm of `predict_proba`, finite also where the probability is too small for a number.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of `classes_`.
        """
        logits = self._logits(X)
        if self.out_activation_ == "softmax":
            shifted = logits - logits.max(axis=1, keepdims=True)
            return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))
        if self.n_outputs_ > 1:
            return _log_sigmoid(logits)
        return np.hstack([_log_sigmoid(-logits), _log_sigmoid(logits)])

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _log_sigmoid(z: FloatArray) -> FloatArray:
    return np.asarray(np.minimum(z, 0) - np.log1p(np.exp(-np.abs(z))))


def _two_columns(z: FloatArray) -> FloatArray:
    """Return (1 - p, p) for logits of one column."""
    both = np.empty((len(z), 2), z.dtype)
    p = np.negative(z[:, 0])
    with np.errstate(over="ignore"):  # 1 / (1 + inf) is 0, as it should be
        np.exp(p, out=p)
    p += 1
    np.reciprocal(p, out=p)
    both[:, 1] = p
    np.subtract(1, p, out=both[:, 0])
    return both
