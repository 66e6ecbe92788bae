"""Class weights that make classes count alike."""

from __future__ import annotations

import numpy as np

from throughline.weights import Array


def balanced_class_weights(y_train: Array, weights: Array | None = None) -> tuple[float, ...]:
    """Return ``n / (n_classes * count)`` for each class, so that all classes add up to the same in the loss.

    Parameters
    ----------
    y_train : ndarray of shape (n_samples,)
        Codes of the training rows; every class must occur.
    weights : ndarray of shape (n_samples,), optional
        How much each row counts; sums of weights then take the place of the counts.

    Returns
    -------
    tuple of float
        In the order of the codes.

    Examples
    --------
    >>> balanced_class_weights(np.array([0, 0, 0, 1]))
    (0.6666666666666666, 2.0)
    """
    from sklearn.utils.class_weight import compute_class_weight

    found = compute_class_weight("balanced", classes=np.unique(y_train), y=y_train, sample_weight=weights)
    return tuple(float(weight) for weight in found)
