"""Standard scaling, learned from the training rows alone.

The two arrays become constants of every network and every exported file (rule 1), and everywhere the
formula is the same: ``(x - mean) / std``, a division, in the dtype of the network.
"""

from __future__ import annotations

import numpy as np

from throughline.weights import Array

SMALLEST_STD = float(np.finfo(np.float32).smallest_normal)


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


def scale(X: Array, mean: Array, std: Array) -> Array:
    """Apply ``(x - mean) / std`` in the dtype of `mean`."""
    scaled: Array = (X.astype(mean.dtype, copy=False) - mean) / std
    return scaled
