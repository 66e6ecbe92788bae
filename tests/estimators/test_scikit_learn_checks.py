"""scikit-learn's own checks of estimators: all of them, none expected to fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from throughline import MLPClassifier, MLPRegressor


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@parametrize_with_checks(
    [
        MLPClassifier(max_iter=100),
        MLPRegressor(max_iter=100),
        MLPRegressor("poisson", learning_rate_init=0.01, max_iter=100),
    ]
)
def test_estimator(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)
