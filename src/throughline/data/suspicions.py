"""What a careful person would notice in a table before training: each said with its figure, none of it an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from throughline.data.scaling import fit_robust_scaling
from throughline.data.tasks import Table
from throughline.errors import quoted
from throughline.record import TableWarning
from throughline.spec import ScalingName
from throughline.weights import Array

if TYPE_CHECKING:
    from throughline.data.tasks import Parts

# A column that alone reaches this area under the curve, balanced accuracy or R^2 is hardly an honest input.
LEAKAGE = 0.99
MOST_ROWS_LOOKED_AT = 5_000
LEAST_ROWS_OF_LEAF = 5
RARE = 0.1
NEARLY_EMPTY = 0.95
# Share of test rows, and how far outside the range of the training rows in widths of that range.
FAR_SHARE, FAR_WIDTHS = 0.01, 0.1


def suspect(table: Table, parts: Parts, seed: int, scaling: ScalingName = "standard") -> list[TableWarning]:
    """Look for leakage, duplicates, imbalance, empty columns, test rows far away, and columns that cannot be scaled.

    Parameters
    ----------
    table : Table
    parts : Parts
    seed : int
        Draws the rows that are looked at where there are many.
    scaling : {"standard", "robust"}
        The rule that was asked for.

    Returns
    -------
    list of TableWarning
    """
    return [
        *_leaks(table, parts, seed),
        *_duplicates(table, parts),
        *_imbalance(table),
        *_nearly_empty(table, parts),
        *_far_rows(table, parts),
        *(_without_spread(table, parts) if scaling == "robust" else []),
    ]


def _leaks(table: Table, parts: Parts, seed: int) -> list[TableWarning]:
    rows = np.random.default_rng(seed).permutation(parts.train)[:MOST_ROWS_LOOKED_AT]
    X, y = table.X[rows], table.y[rows]
    found = []
    for i, name in enumerate(table.task.feature_names):
        score, measure = _score_alone(X[:, [i]], y, table.task.kind)
        if score >= LEAKAGE:
            text = (
                f"{quoted(name)} alone predicts the target with {measure} of {score:.3f} on training rows that were "
                f"held out; check that it is known before the target is, or leave it out with --drop"
            )
            found.append(TableWarning(kind="leakage", column=name, text=text, figure=score))
    return found


def _score_alone(x: Array, y: Array, kind: str) -> tuple[float, str]:
    """Return how well a tree of one column does on rows that it has not seen."""
    from sklearn import metrics
    from sklearn.model_selection import KFold, StratifiedKFold
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    if kind == "regression":
        tree = DecisionTreeRegressor(min_samples_leaf=LEAST_ROWS_OF_LEAF, random_state=0)
        predicted = np.zeros(len(y))
        for seen, unseen in KFold(3, shuffle=True, random_state=0).split(x):
            predicted[unseen] = tree.fit(x[seen], y[seen]).predict(x[unseen])
        return float(metrics.r2_score(y, predicted)), "an R^2"
    tree = DecisionTreeClassifier(min_samples_leaf=LEAST_ROWS_OF_LEAF, random_state=0)
    answered = np.zeros(len(y))
    for seen, unseen in StratifiedKFold(3, shuffle=True, random_state=0).split(x, y):
        fitted = tree.fit(x[seen], y[seen])
        answered[unseen] = fitted.predict_proba(x[unseen])[:, 1] if kind == "binary" else fitted.predict(x[unseen])
    if kind == "binary":
        return float(metrics.roc_auc_score(y, answered)), "an area under the ROC curve"
    return float(metrics.balanced_accuracy_score(y, answered)), "a balanced accuracy"


def _duplicates(table: Table, parts: Parts) -> list[TableWarning]:
    import polars as pl

    hashes = pl.DataFrame(np.ascontiguousarray(table.X)).hash_rows().to_numpy()
    repeated = np.isin(hashes[parts.test], hashes[parts.train])
    n_repeated, n_test = int(repeated.sum()), len(parts.test)
    if not n_repeated:
        return []
    text = (
        f"{n_repeated:,} of {n_test:,} test rows have the same inputs as a training row, so that a network can know "
        "them by heart; leave duplicates out, or keep them together with --group"
    )
    return [TableWarning(kind="duplicates", column="", text=text, figure=n_repeated / n_test)]


def _imbalance(table: Table) -> list[TableWarning]:
    if table.task.kind == "regression":
        return []
    counts = np.bincount(table.y, minlength=len(table.task.class_names))
    rarest = int(np.argmin(counts))
    share = float(counts[rarest] / counts.sum())
    if share * len(counts) / 2 >= RARE:  # a fair share is smaller where there are more classes
        return []
    weights = ", ".join(f"{counts.sum() / (len(counts) * count):.2f}" for count in counts)
    text = (
        f"class {quoted(table.task.class_names[rarest])} has {share:.1%} of the rows, so that accuracy says little; "
        f"class weights {weights} would make the classes count alike, as --class-weights balanced does"
    )
    return [TableWarning(kind="imbalance", column="", text=text, figure=share)]


def _nearly_empty(table: Table, parts: Parts) -> list[TableWarning]:
    share = np.isnan(table.X[parts.train]).mean(axis=0)
    return [
        TableWarning(
            kind="empty",
            column=table.task.feature_names[i],
            text=f"{quoted(table.task.feature_names[i])} is empty in {share[i]:.1%} of the training rows",
            figure=float(share[i]),
        )
        for i in np.flatnonzero(share > NEARLY_EMPTY)
    ]


def _far_rows(table: Table, parts: Parts) -> list[TableWarning]:
    found = []
    for i, column in enumerate(table.columns):
        train, test = (values[~np.isnan(values)] for values in (table.X[parts.train, i], table.X[parts.test, i]))
        if column.is_category or not len(train) or not len(test):
            continue
        low, high = float(train.min()), float(train.max())
        margin = FAR_WIDTHS * (high - low)
        share = float(np.mean((test < low - margin) | (test > high + margin)))
        if share >= FAR_SHARE:
            text = (
                f"{share:.1%} of the test rows have {quoted(column.name)} outside the training range from {low:g} to "
                f"{high:g} by more than a tenth of its width, where a network can only guess"
            )
            found.append(TableWarning(kind="range", column=column.name, text=text, figure=share))
    return found


def _without_spread(table: Table, parts: Parts) -> list[TableWarning]:
    """Name the columns that vary although their middle half is one value: robust scaling has nothing to divide by."""
    X = table.X[parts.train]
    _, spread = fit_robust_scaling(X)
    return [
        TableWarning(
            kind="scaling",
            column=column.name,
            text=f"the middle half of the training rows has one value in {quoted(column.name)}, which is therefore "
            "scaled by mean and standard deviation instead of median and interquartile range",
            figure=_share_of_commonest(X[:, i]),
        )
        for i, column in enumerate(table.columns)
        if not column.is_category and spread[i] == 0 and len(np.unique(X[~np.isnan(X[:, i]), i])) > 1
    ]


def _share_of_commonest(values: Array) -> float:
    _, counts = np.unique(values[~np.isnan(values)], return_counts=True)
    return float(counts.max() / counts.sum())
