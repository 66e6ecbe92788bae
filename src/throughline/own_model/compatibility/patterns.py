"""Pictures of ten kinds: a pattern of 4 by 4 colours each, in changing light, with noise."""

from __future__ import annotations

import numpy as np

from throughline.weights import Array

N_CLASSES = 10


def pictures(labels: Array, rng: np.random.Generator) -> Array:
    """Return pictures of 0 to 255 and shape (n_samples, 32, 32, 3), one for each class number.

    Examples
    --------
    >>> import numpy as np
    >>> pictures(np.array([0, 3]), np.random.default_rng(0)).shape
    (2, 32, 32, 3)
    """
    patterns = np.random.default_rng(99).uniform(0, 255, (N_CLASSES, 4, 4, 3)).repeat(8, axis=1).repeat(8, axis=2)
    light = rng.uniform(0.5, 1, (len(labels), 1, 1, 1))
    return (patterns[labels] * light + rng.normal(0, 16, (len(labels), 32, 32, 3))).clip(0, 255).astype(np.float32)


def scaled(values: Array) -> Array:
    """Return pictures of -1 to 1, for architectures that do not scale them themselves."""
    return values / np.float32(127.5) - np.float32(1)
