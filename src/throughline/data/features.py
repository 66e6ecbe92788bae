"""What a network makes of a raw row before its first layer: the same selection in every framework and every format.

    raw row, shape (n_inputs,)                         features, shape (n_features,)
    ┌ numbers, NaN where a cell is empty ┐    ┌ numbers, the fill where one is missing ┐
    └ codes of categories                ┘ -> │ 1 where a cell is empty, else 0        │ -> (x - mean) / std -> layers
                                              └ 1 for the category's label, else 0     ┘

Nothing is computed here: every feature is a number of the row, a constant, 0 or 1, so that no runtime can round it
otherwise than another one. The scaling after it is the only arithmetic, with mean 0 and deviation 1 for what is 0 or 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from throughline.data.scaling import fit_scaling, scale
from throughline.spec import Column, NetworkSpec
from throughline.weights import Array, Weights


@dataclass(frozen=True)
class Selection:
    """Where each feature comes from, in the order of the features: numbers, flags, labels.

    Attributes
    ----------
    numbers, flags, labels : ndarray of int
        Columns of the row, shape (n_numbers,), (n_flags,) and (n_labels,).
    fills : ndarray of shape (n_numbers,), float32
        What stands for a missing number.
    codes : ndarray of shape (n_labels,), float32
        The code at which a label's feature is 1; after the codes of a column's labels comes that of all other texts.
    """

    numbers: Array
    fills: Array
    flags: Array
    labels: Array
    codes: Array

    @property
    def n_features(self) -> int:
        """How many features there are."""
        return len(self.numbers) + len(self.flags) + len(self.labels)


def select(columns: tuple[Column, ...]) -> Selection:
    """Return where the features of these columns come from.

    Parameters
    ----------
    columns : tuple of Column

    Examples
    --------
    >>> chosen = select((Column(name="age", source="age", fill=30.0, flag_missing=True),
    ...                  Column(name="city", source="city", encoding="category", labels=("Bern", "Rome"))))
    >>> chosen.numbers, chosen.flags, chosen.labels, chosen.codes
    (array([0]), array([0]), array([1, 1, 1]), array([0., 1., 2.], dtype=float32))
    """
    numbered = list(enumerate(columns))
    slots = [(i, code) for i, column in numbered if column.is_category for code in range(len(column.labels) + 1)]
    return Selection(
        numbers=np.array([i for i, column in numbered if not column.is_category], np.int64),
        fills=np.array([column.fill for column in columns if not column.is_category], np.float32),
        flags=np.array([i for i, column in numbered if column.flag_missing], np.int64),
        labels=np.array([i for i, _ in slots], np.int64),
        codes=np.array([code for _, code in slots], np.float32),
    )


def feature_names(columns: tuple[Column, ...]) -> list[str]:
    """Return a name for each feature.

    Examples
    --------
    >>> feature_names((Column(name="age", source="age", flag_missing=True),
    ...                Column(name="city", source="city", encoding="category", labels=("Bern", "Rome"))))
    ['age', 'age missing', 'city = Bern', 'city = Rome', 'city = other']
    """
    names = [column.name for column in columns if not column.is_category]
    names += [f"{column.name} missing" for column in columns if column.flag_missing]
    labelled = [column for column in columns if column.is_category]
    return names + [f"{column.name} = {label}" for column in labelled for label in (*column.labels, "other")]


def select_features(X: Array, columns: tuple[Column, ...], dtype: str) -> Array:
    """Return the features of raw rows, before they are scaled.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_inputs)
        Raw rows.
    columns : tuple of Column
        None at all: the rows are their features.
    dtype : str
        Of the features.

    Returns
    -------
    ndarray of shape (n_samples, n_features)

    Examples
    --------
    >>> columns = (Column(name="age", source="age", fill=30.0, flag_missing=True),
    ...            Column(name="city", source="city", encoding="category", labels=("Bern", "Rome")))
    >>> select_features(np.array([[np.nan, 1.0], [7.0, 2.0]]), columns, "float32")
    array([[30.,  1.,  0.,  1.,  0.],
           [ 7.,  0.,  0.,  0.,  1.]], dtype=float32)
    """
    rows: Array = X.astype(dtype, copy=False)
    if not columns:
        return rows
    chosen = select(columns)
    numbers = rows[:, chosen.numbers]
    filled = np.where(np.isnan(numbers), chosen.fills.astype(dtype), numbers)
    flags = np.isnan(rows[:, chosen.flags]).astype(dtype)
    labels = (rows[:, chosen.labels] == chosen.codes).astype(dtype)
    return np.concatenate([filled, flags, labels], axis=1)


def features(X: Array, columns: tuple[Column, ...], mean: Array, std: Array) -> Array:
    """Return what the first layer takes in, in the dtype of `mean`: selected, then scaled.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_inputs)
    columns : tuple of Column
    mean, std : ndarray of shape (n_features,)

    Returns
    -------
    ndarray of shape (n_samples, n_features)
    """
    return scale(select_features(X, columns, mean.dtype.name), mean, std)


def features_of(spec: NetworkSpec, weights: Weights, X: Array) -> Array:
    """Return what the first layer of a network takes in for raw rows."""
    return features(X, spec.columns, weights.mean, weights.std)


def fit_feature_scaling(X_train: Array, columns: tuple[Column, ...]) -> tuple[Array, Array]:
    """Return mean and standard deviation of each feature; 0 and 1 for those that are 0 or 1 themselves.

    Parameters
    ----------
    X_train : ndarray of shape (n_samples, n_inputs)
        Raw training rows; never validation or test rows.
    columns : tuple of Column

    Returns
    -------
    mean, std : ndarray of shape (n_features,), float64
    """
    if not columns:
        return fit_scaling(X_train)
    chosen = select(columns)
    n_flags = chosen.n_features - len(chosen.numbers)
    mean, std = fit_scaling(select_features(X_train, columns, "float64")[:, : len(chosen.numbers)])
    return np.append(mean, np.zeros(n_flags)), np.append(std, np.ones(n_flags))
