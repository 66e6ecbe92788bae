"""Metrics on validation rows: scikit-learn's scorers by name, or functions, each with a curve of its own."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from numbers import Real
from typing import Any

import numpy as np
from sklearn.metrics import get_scorer, get_scorer_names

Scorer = Callable[..., float]
Metrics = str | Scorer | Sequence[str | Scorer] | Mapping[str, str | Scorer] | None


def named_scorers(metrics: Metrics) -> dict[str, Scorer]:
    """Return the scorers that `validation_metrics` asks for by their names, in its order.

    Parameters
    ----------
    metrics : str, callable, list or tuple of these, dict from names to these, or None
        Names of scikit-learn's scorers, or functions ``scorer(estimator, X, y)`` of which more is better.

    Returns
    -------
    dict of str to callable
        A function without a name of its own choosing goes by its `__name__`.

    Raises
    ------
    ValueError
        If a scorer is not known, or two have the same name.

    Examples
    --------
    >>> named_scorers(["accuracy", "neg_log_loss"])["accuracy"]
    make_scorer(accuracy_score, response_method='predict')
    """
    if isinstance(metrics, Mapping):
        return {str(name): _scorer(metric) for name, metric in metrics.items()}
    if metrics is None:
        return {}
    listed = [metrics] if isinstance(metrics, str) or callable(metrics) else list(metrics)
    scorers = {_name(metric): _scorer(metric) for metric in listed}
    if len(scorers) < len(listed):
        raise ValueError(
            f"validation_metrics must have different names, got {[_name(metric) for metric in listed]}: name them in a "
            "dictionary."
        )
    return scorers


def check_metrics(estimator: Any, *, validated: bool) -> dict[str, Scorer]:
    """Return the scorers that an estimator's parameters ask for, after checking that they have rows to score.

    Parameters
    ----------
    estimator : BaseMLP
        Its `validation_metrics` and `monitor` are read.
    validated : bool
        Whether this training has, or may go without, validation rows.

    Raises
    ------
    ValueError
        If there is nothing to score, or nothing of the name that is to be monitored.
    """
    scorers = named_scorers(estimator.validation_metrics)
    if estimator.monitor is not None and estimator.monitor not in scorers:
        raise ValueError(
            f"monitor must be one of the validation_metrics, {list(scorers)}, or None for the score, got "
            f"{estimator.monitor!r}: add it to them."
        )
    if scorers and estimator.solver == "lbfgs":
        raise ValueError("validation_metrics must be None for solver='lbfgs', which has no epochs.")
    if scorers and not validated:
        raise ValueError(
            f"validation_metrics must be None without validation rows, got {list(scorers)}: pass X_val and y_val to "
            "fit, or set early_stopping=True."
        )
    return scorers


def score_rows(scorers: dict[str, Scorer], estimator: Any, X: Any, y: Any, sample_weight: Any) -> dict[str, float]:
    """Return what each scorer says of an estimator's answers; weights reach those that take any."""
    scored = _without_feature_names(estimator)
    values: dict[str, float] = {}
    for name, scorer in scorers.items():
        weights = {"sample_weight": sample_weight} if sample_weight is not None and _takes_weights(scorer) else {}
        try:
            value = scorer(scored, X, y, **weights)
        except Exception as error:
            error.add_note(f"This was the validation metric {name!r}.")
            raise
        if not isinstance(value, Real | np.bool_):
            raise ValueError(f"validation_metrics[{name!r}] must return a number, got {value!r}.")
        values[name] = float(value)
    return values


def extend_curves(curves: dict[str, list[float]], values: Mapping[str, float]) -> None:
    """Add an entry to every curve: NaN to that of a metric that is no longer asked for, so that epochs stay aligned."""
    for name, curve in curves.items():
        curve.append(values.get(name, math.nan))


def _name(metric: Any) -> str:
    return metric if isinstance(metric, str) else getattr(metric, "__name__", str(metric))


def _scorer(metric: Any) -> Scorer:
    if not callable(metric) and metric not in get_scorer_names():
        raise ValueError(
            f"validation_metrics must be scorers of scikit-learn or functions of estimator, X and y, got {metric!r}: "
            f"use one of {get_scorer_names()}."
        )
    if inspect.isfunction(metric) and metric.__module__.startswith("sklearn.metrics."):
        raise ValueError(
            f"validation_metrics must be functions of estimator, X and y, got scikit-learn's {metric.__name__} of "
            "labels and answers: wrap it with make_scorer, or give the name of its scorer."
        )
    scorer: Scorer = get_scorer(metric)
    return scorer


def _takes_weights(scorer: Any) -> bool:
    # scikit-learn's own take any keyword, and hand it to a function that may not.
    accepts = getattr(scorer, "_accept_sample_weight", None)
    return bool(accepts()) if accepts is not None else "sample_weight" in inspect.signature(scorer).parameters


def _without_feature_names(estimator: Any) -> Any:
    """Return a twin that shares all but the names of the columns: the rows at hand have lost theirs."""
    if not hasattr(estimator, "feature_names_in_"):
        return estimator
    twin = object.__new__(type(estimator))
    twin.__dict__.update({name: value for name, value in vars(estimator).items() if name != "feature_names_in_"})
    return twin
