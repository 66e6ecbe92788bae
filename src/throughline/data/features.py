"""What a network makes of a raw row before its first layer: the same in every framework and every format.

    raw row, shape (n_inputs,)                              features, shape (n_features,)
    ┌ numbers, NaN where a cell is empty ┐                  ┌ numbers, the fill where one is missing ┐
    └ codes of categories                ┘ (x - mean) / std │ 1 where a cell is empty, else 0        │ -> layers
                                                            └ 1 for the category's label, else 0     ┘

The scaling is the only arithmetic, with mean 0 and deviation 1 for codes; NaN stays NaN. After it every feature is a
number that is there already, a constant, 0 or 1, so that no runtime can round it otherwise than another one. The other
order would do as well in float32, but not in bfloat16: what first touches a raw number must be the subtraction of the
mean, or an income has three digits left.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from throughline.data.scaling import fit_robust_scaling, fit_scaling, scale
from throughline.spec import Column, NetworkSpec, ScalingName
from throughline.weights import Array, Weights

# A number belongs to the code that is nearer than this.
HALF_A_CODE = 0.5


@dataclass(frozen=True)
class Selection:
    """Where each feature comes from, in the order of the features: numbers, flags, labels.

    Attributes
    ----------
    numbers, flags, labels : ndarray of int
        Columns of the row, shape (n_numbers,), (n_flags,) and (n_labels,).
    fills : ndarray of shape (n_numbers,), float32
        What stands for a missing number, after scaling.
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
    >>> chosen = select((Column(name="age", source="age", fill=-0.5, flag_missing=True),
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


def select_features(scaled: Array, columns: tuple[Column, ...]) -> Array:
    """Return the features of rows that are scaled.

    Parameters
    ----------
    scaled : ndarray of shape (n_samples, n_inputs)
    columns : tuple of Column
        None at all: the scaled numbers are the features.

    Returns
    -------
    ndarray of shape (n_samples, n_features)
        In the dtype of `scaled`.

    Examples
    --------
    >>> columns = (Column(name="age", source="age", fill=-0.5, flag_missing=True),
    ...            Column(name="city", source="city", encoding="category", labels=("Bern", "Rome")))
    >>> select_features(np.array([[np.nan, 1.0], [1.5, 2.0]]), columns)
    array([[-0.5,  1. ,  0. ,  1. ,  0. ],
           [ 1.5,  0. ,  0. ,  0. ,  1. ]])
    """
    if not columns:
        return scaled
    chosen, dtype = select(columns), scaled.dtype
    numbers = scaled[:, chosen.numbers]
    filled = np.where(np.isnan(numbers), chosen.fills.astype(dtype), numbers)
    flags = np.isnan(scaled[:, chosen.flags]).astype(dtype)
    # Not equality: some runtimes divide by 1 as a product with 0.99999994, and a code of 1 would be none.
    labels = (np.abs(scaled[:, chosen.labels] - chosen.codes) < HALF_A_CODE).astype(dtype)
    return np.concatenate([filled, flags, labels], axis=1)


def features(X: Array, columns: tuple[Column, ...], mean: Array, std: Array) -> Array:
    """Return what the first layer takes in, in the dtype of `mean`: scaled, then selected.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_inputs)
    columns : tuple of Column
    mean, std : ndarray of shape (n_inputs,)

    Returns
    -------
    ndarray of shape (n_samples, n_features)
    """
    return select_features(scale(X, mean, std), columns)


def features_of(spec: NetworkSpec, weights: Weights, X: Array) -> Array:
    """Return what the first layer of a network takes in for raw rows."""
    return features(X, spec.columns, weights.mean, weights.std)


def fit_columns(
    X_train: Array, columns: tuple[Column, ...], scaling: ScalingName = "standard"
) -> tuple[tuple[Column, ...], Array, Array]:
    """Learn fills and scaling from training rows.

    Parameters
    ----------
    X_train : ndarray of shape (n_samples, n_inputs)
        Raw training rows; never validation or test rows.
    columns : tuple of Column
        None at all: there is only the scaling.
    scaling : {"standard", "robust"}
        As in `NetworkSpec`. A column without a spread that is robust is scaled by the other rule.

    Returns
    -------
    columns : tuple of Column
        The same with `fill`: the median, scaled and rounded to float32.
    mean, std : ndarray of shape (n_inputs,), float64
        Of the rows with medians in place of empty cells, or under robust scaling the median and the spread of the
        filled cells; 0 and 1 for codes.

    Examples
    --------
    >>> age = Column(name="age", source="age")
    >>> columns, mean, std = fit_columns(np.array([[2.0], [np.nan], [1.0], [9.0]]), (age,))
    >>> mean, columns[0].fill.__round__(4)
    (array([3.5]), -0.4685)
    """
    if not columns:
        return (), *_fit(X_train, X_train, scaling)
    rows = np.array(X_train, np.float64)
    numbers = select(columns).numbers
    medians = np.zeros(rows.shape[1])
    medians[numbers] = [_median(rows[:, i]) for i in numbers]
    mean, std = _fit(rows, np.where(np.isnan(rows), medians, rows), scaling)
    codes = np.setdiff1d(np.arange(len(columns)), numbers)
    mean[codes], std[codes] = 0.0, 1.0
    fills = ((medians - mean) / std).astype(np.float32)
    return tuple(replace(c, fill=float(fill)) for c, fill in zip(columns, fills, strict=True)), mean, std


def _fit(rows: Array, filled: Array, scaling: ScalingName) -> tuple[Array, Array]:
    mean, std = fit_scaling(filled)
    if scaling == "standard":
        return mean, std
    median, spread = fit_robust_scaling(rows)
    return np.where(spread > 0, median, mean), np.where(spread > 0, spread, std)


def _median(values: Array) -> float:
    there = values[~np.isnan(values)]
    return float(np.median(there)) if len(there) else 0.0
