"""Loss functions of the logits, each beside its gradient.

The obvious way computes probabilities first and takes their logarithm after. In floating point that fails: a confident
mistake rounds to probability 0, and its logarithm is infinite. Written as one function of the logits (the
pre-activations of the last layer) the same loss is exact and cannot overflow, and its gradient is simpler than that of
either half.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .activations import FloatArray, sigmoid, softmax


@dataclass(frozen=True)
class Loss:
    """A loss as a function of the logits, with its gradient.

    Parameters
    ----------
    name : str
        The key of the loss in `LOSSES`.
    output_activation : str
        Which of `OUTPUT_ACTIVATIONS` turns logits into predictions under this loss: "sigmoid", "softmax", "linear" or
        "exp".
    value : callable
        ``value(logits, y, weights=None)`` gives the mean loss as a float, weighted by row if weights are given.
    gradient : callable
        ``gradient(logits, y)`` gives d(mean loss) / d(logits), in the shape and dtype of the logits.

    Notes
    -----
    Both functions raise ValueError when the logits have no rows, or when `y` does not have exactly their shape: NumPy
    would broadcast (n, 1) against (n,) to (n, n) and return a plausible, wrong number.

    Examples
    --------
    >>> import numpy as np
    >>> loss = LOSSES["binary_cross_entropy"]
    >>> logits, y = np.array([[0.0], [-1e4]]), np.array([[1.0], [1.0]])
    >>> round(loss.value(logits, y), 4)  # (log 2 + 10000) / 2
    5000.3466
    >>> loss.gradient(logits, y)
    array([[-0.25],
           [-0.5 ]])
    """

    name: str
    output_activation: str
    value: Callable[..., float]
    gradient: Callable[[FloatArray, npt.ArrayLike], FloatArray]


def _targets(logits: FloatArray, y: npt.ArrayLike) -> FloatArray:
    """Return y in the dtype of the logits, after checking that the shapes agree."""
    targets: FloatArray = np.asarray(y, dtype=logits.dtype)  # integer labels would promote float32 to float64
    if logits.ndim != 2 or logits.shape[0] == 0:
        raise ValueError(f"logits must have shape (n_samples, n_outputs) with at least one row, got {logits.shape}.")
    if targets.shape != logits.shape:
        raise ValueError(f"y must have the shape of the logits, {logits.shape}, got {targets.shape}.")
    return targets


# --- binary cross-entropy: p = sigmoid(z), L = -[y log p + (1 - y) log(1 - p)], a sum over outputs --------------------


def _mean(losses: FloatArray, weights: npt.ArrayLike | None) -> float:
    """Return the mean over rows, each counted `weights` times."""
    return float(losses.mean() if weights is None else np.average(losses, weights=np.asarray(weights)))


def _binary_cross_entropy(logits: FloatArray, y: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    y = _targets(logits, y)  # (n_samples, n_outputs)
    # -log p = log(1 + e^-z) and -log(1 - p) = z + log(1 + e^-z), hence L = (1 - y) z + log(1 + e^-z).
    # For z < 0 pull e^-z out of the logarithm: log(1 + e^-z) = -z + log(1 + e^z). Both cases in one line:
    losses = np.maximum(logits, 0.0) - y * logits + np.log1p(np.exp(-np.abs(logits)))  # (n_samples, n_outputs)
    return _mean(losses.sum(axis=1), weights)


def _binary_cross_entropy_gradient(logits: FloatArray, y: npt.ArrayLike) -> FloatArray:
    y = _targets(logits, y)  # (n_samples, n_outputs)
    # Chain rule, for one sample:
    #   dL/dp = -y/p + (1 - y)/(1 - p) = (p - y) / (p (1 - p))      the slope of the logarithms
    #   dp/dz = p (1 - p)                                          the slope of the sigmoid
    #   dL/dz = dL/dp * dp/dz = p - y                              the two p (1 - p) cancel
    # The cancellation is why a saturated sigmoid still learns: where dp/dz vanishes, dL/dp grows just as fast.
    # The loss is a mean over samples, hence 1/n.
    return (sigmoid(logits) - y) / len(logits)  # (n_samples, n_outputs)


# --- categorical cross-entropy: p = softmax(z), L = -sum_j y_j log p_j -----------------------------------------------


def _categorical_cross_entropy(logits: FloatArray, y: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    y = _targets(logits, y)  # (n_samples, n_classes)
    # log p_j = z_j - log sum_k e^(z_k). It stays the same when a constant is subtracted from the whole row; with the
    # row's maximum subtracted no exponential exceeds 1, and at least one equals 1, so the logarithm is finite.
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))  # (n_samples, n_classes)
    return _mean(-(y * log_p).sum(axis=1), weights)


def _categorical_cross_entropy_gradient(logits: FloatArray, y: npt.ArrayLike) -> FloatArray:
    y = _targets(logits, y)  # (n_samples, n_classes)
    # L = -sum_j y_j z_j + (sum_j y_j) log sum_k e^(z_k), and the y_j of a row add up to 1, so
    #   dL/dz_j = -y_j + e^(z_j) / sum_k e^(z_k) = p_j - y_j
    # the same form as in the binary case, which is softmax over the two logits (z, 0).
    return (softmax(logits) - y) / len(logits)  # (n_samples, n_classes)


# --- mean squared error: L = (z - y)^2 -------------------------------------------------------------------------------


def _mean_squared_error(logits: FloatArray, y: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    y = _targets(logits, y)  # (n_samples, n_outputs)
    return _mean(((logits - y) ** 2).mean(axis=1), weights)  # over rows and outputs, as PyTorch's MSELoss and Keras do


def _mean_squared_error_gradient(logits: FloatArray, y: npt.ArrayLike) -> FloatArray:
    y = _targets(logits, y)  # (n_samples, n_outputs)
    return 2.0 * (logits - y) / logits.size  # size = n_samples * n_outputs


# --- half Poisson deviance: m = e^z, L = y log(y / m) - y + m, a sum over outputs, with 0 log 0 = 0 -------------------


def _half_poisson_deviance(logits: FloatArray, y: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    y = _targets(logits, y)  # (n_samples, n_outputs)
    # A count y that was expected to be m has the likelihood e^-m m^y / y!. L is its negative logarithm less the least
    # that it can be, at m = y. With t = z - log y, how far the logit is from that best one, L = y (e^t - 1 - t): no
    # difference of large numbers is left, so that L is exact near its zero, where training wants to go.
    counted = y > 0
    t = logits - np.log(y, out=np.zeros_like(y), where=counted)
    # A logit above 709 stands for a count that float64 cannot hold: L is infinite, and 0 times it, not used, is NaN.
    with np.errstate(over="ignore", invalid="ignore"):
        losses = np.where(counted, y * (np.expm1(t) - t), np.exp(logits))  # (n_samples, n_outputs)
    return _mean(losses.sum(axis=1), weights)


def _half_poisson_deviance_gradient(logits: FloatArray, y: npt.ArrayLike) -> FloatArray:
    y = _targets(logits, y)  # (n_samples, n_outputs)
    # L = m - y z + terms without z, and dm/dz = m, so dL/dz = m - y: answer minus target, as for the cross-entropies.
    with np.errstate(over="ignore"):
        return (np.exp(logits) - y) / len(logits)  # (n_samples, n_outputs)


LOSSES: dict[str, Loss] = {
    "binary_cross_entropy": Loss(
        "binary_cross_entropy", "sigmoid", _binary_cross_entropy, _binary_cross_entropy_gradient
    ),
    "categorical_cross_entropy": Loss(
        "categorical_cross_entropy", "softmax", _categorical_cross_entropy, _categorical_cross_entropy_gradient
    ),
    "half_poisson_deviance": Loss(
        "half_poisson_deviance", "exp", _half_poisson_deviance, _half_poisson_deviance_gradient
    ),
    "mean_squared_error": Loss("mean_squared_error", "linear", _mean_squared_error, _mean_squared_error_gradient),
}
