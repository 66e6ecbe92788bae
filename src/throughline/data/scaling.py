"""Scaling, learned from the training rows alone.

The two arrays become constants of every network and every exported file (rule 1), and everywhere the
formula is the same: ``(x - mean) / std``, a division, in the dtype of the network. Under robust scaling the median
stands for the mean, and the interquartile range for the deviation.
"""

from __future__ import annotations

import numpy as np

from throughline.weights import Array

SMALLEST_STD = float(np.finfo(np.float32).smallest_normal)
IQR_OF_NORMAL = 1.3489795003921634  # of a normal distribution with deviation 1; usually written 1.349


def fit_scaling(X_train: Array) -> tuple[Array, Array]:
    """Return mean and standard deviation of each column.

    Parameters
    ----------
    X_train : ndarray of shape (n_samples, n_features)
        Training rows; never validation or test rows.

    Returns
    -------
    mean, std : ndarray of shape (n_features,), float64
        `std` is the population standard deviation, 1 for a constant column and for one whose deviation is
        below the normal numbers of float32, which some runtimes take for zero.

    Examples
    --------
    >>> import numpy as np
    >>> mean, std = fit_scaling(np.array([[1.0, 5.0], [3.0, 5.0]]))
    >>> mean.tolist(), std.tolist()
    ([2.0, 5.0], [1.0, 1.0])
    """
    X = np.asarray(X_train, np.float64)
    mean, std = X.mean(axis=0), X.std(axis=0)
    # Rounding of the mean leaves a constant column a deviation above zero: compare the values themselves.
    varies = (X.min(axis=0) < X.max(axis=0)) & (std >= SMALLEST_STD)
    return mean, np.where(varies, std, 1.0)


def fit_robust_scaling(X_train: Array) -> tuple[Array, Array]:
    """Return the median of each column and its interquartile range, as a deviation: divided by 1.349.

    Parameters
    ----------
    X_train : ndarray of shape (n_samples, n_features)
        Training rows; cells that are NaN do not count.

    Returns
    -------
    median, spread : ndarray of shape (n_features,), float64
        `spread` is 0 where the middle half of a column is one value, or is as narrow as no runtime can divide by: there
        is nothing to scale by then.

    Examples
    --------
    >>> import numpy as np
    >>> median, spread = fit_robust_scaling(np.array([[1.0, 0.0], [2.0, 0.0], [3.0, 0.0], [4.0, 0.0], [1e9, 7.0]]))
    >>> median.tolist(), spread.round(4).tolist()
    ([3.0, 0.0], [1.4826, 0.0])
    """
    X = np.asarray(X_train, np.float64)
    low, median, high = np.nanquantile(np.where(np.isnan(X).all(axis=0), 0.0, X), (0.25, 0.5, 0.75), axis=0)
    spread = (high - low) / IQR_OF_NORMAL
    return median, np.where(spread >= SMALLEST_STD, spread, 0.0)


def scale(X: Array, mean: Array, std: Array) -> Array:
    """Apply ``(x - mean) / std`` in the dtype of `mean`."""
    scaled: Array = (X.astype(mean.dtype, copy=False) - mean) / std
    return scaled
