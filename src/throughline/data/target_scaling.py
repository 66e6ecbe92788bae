"""Amounts are learned in standard deviations and answered in their own unit.

An amount may be a price in the hundred thousands, and Adam moves every weight by about its learning rate a step: from
small weights such a target is out of reach. So the target is standardized while a network trains, with figures of the
training rows, and what was taken off it is put into the last layer afterwards, kernel times deviation and bias times
deviation plus mean. The network that is left has no step more than before, in any format.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from throughline.data.split import Split
from throughline.spec import NetworkSpec
from throughline.weights import Array, Weights


@dataclass(frozen=True)
class TargetScaling:
    """Mean and standard deviation of the target in the training rows; 0 and 1 where answers are classes."""

    mean: float = 0.0
    std: float = 1.0

    def standardize(self, split: Split) -> Split:
        """Return the parts with the target in standard deviations; classes as they are."""
        if self == TargetScaling():
            return split
        y_train, y_val, y_test = (
            ((y.astype(np.float64) - self.mean) / self.std).astype(np.float32)
            for y in (split.y_train, split.y_val, split.y_test)
        )
        return replace(split, y_train=y_train, y_val=y_val, y_test=y_test)

    def put_back(self, weights: Weights) -> Weights:
        """Return weights that answer in the target's own unit, from those that answer in standard deviations.

        Examples
        --------
        >>> one = Weights(np.zeros(1), np.ones(1), (np.array([[2.0]]),), (np.array([0.5]),))
        >>> told = TargetScaling(mean=100.0, std=10.0).put_back(one)
        >>> told.kernels[0], told.biases[0]
        (array([[20.]]), array([105.]))
        """
        if self == TargetScaling():
            return weights
        *kernels, kernel = weights.kernels
        *biases, bias = weights.biases
        last, constant = (
            array.astype(bias.dtype)
            for array in (kernel.astype(np.float64) * self.std, bias.astype(np.float64) * self.std + self.mean)
        )
        return replace(weights, kernels=(*kernels, last), biases=(*biases, constant))

    def loss_in_unit(self, loss: float) -> float:
        """Return a mean squared error in the target's unit, squared; the loss of classes as it is."""
        return loss * self.std**2


def fit_target_scaling(spec: NetworkSpec, y_train: Array) -> TargetScaling:
    """Learn the scaling from training rows.

    Parameters
    ----------
    spec : NetworkSpec
    y_train : ndarray of shape (n_samples,)

    Examples
    --------
    >>> fit_target_scaling(NetworkSpec(n_inputs=1, output="linear"), np.array([90.0, 110.0]))
    TargetScaling(mean=100.0, std=10.0)
    """
    if spec.output != "linear":
        return TargetScaling()
    y = y_train.astype(np.float64)
    return TargetScaling(mean=float(y.mean()), std=float(y.std()) or 1.0)
