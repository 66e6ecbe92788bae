"""What a network's answers say: a label with the probability of each class, or a value."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from throughline.predict.source import Model
from throughline.weights import Array

if TYPE_CHECKING:
    import polars as pl

LABEL, VALUE = "label", "value"


def codes_of(model: Model, answers: Array) -> Array:
    """Return the place of each row's class among `Model.class_names`, shape (n_rows,)."""
    codes = answers.argmax(axis=1) if model.output == "softmax" else answers[:, 0] > model.threshold
    return np.asarray(codes, np.int64)


def frame_of(model: Model, answers: Array) -> pl.DataFrame:
    """Return answers as they are written.

    Parameters
    ----------
    model : Model
    answers : ndarray of shape (n_rows, n_outputs), float32

    Returns
    -------
    polars.DataFrame
        With ``label`` and ``probability <class>`` for each class, or with ``value``.

    Examples
    --------
    >>> model = Model("m", (), True, "sigmoid", ("no", "yes"), 0.5, "y", [])
    >>> frame_of(model, np.array([[0.25], [0.75]], np.float32)).rows()
    [('no', 0.75, 0.25), ('yes', 0.25, 0.75)]
    """
    import polars as pl

    if model.output == "linear":
        return pl.DataFrame({VALUE: answers[:, 0]})
    probabilities = answers if model.output == "softmax" else np.concatenate([1 - answers, answers], axis=1)
    labels = pl.Series(LABEL, np.array(model.class_names, np.str_)[codes_of(model, answers)].tolist(), pl.String)
    columns = [pl.Series(f"probability {name}", probabilities[:, i]) for i, name in enumerate(model.class_names)]
    return pl.DataFrame([labels, *columns])
