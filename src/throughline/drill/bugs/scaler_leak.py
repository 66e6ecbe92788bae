"""The scaling has seen validation and test rows."""

from __future__ import annotations

import numpy as np

from throughline.drill.bug import Bug, Probe
from throughline.drill.rows import NOISY
from throughline.drill.trial import Trial


def mean_off(trial: Trial) -> float:
    """Return how far the scaling's mean is from that of the training rows, in standard deviations, at most."""
    X = trial.raw(trial.prepared.train)
    return float(np.max(np.abs(trial.prepared.mean - X.mean(axis=0)) / X.std(axis=0)))


BUG = Bug(
    name="scaler-leak",
    title="The scaling is fitted on all rows, validation and test rows too",
    before="mean, std = fit_scaling(X[train])",
    after="mean, std = fit_scaling(X)",
    case=NOISY,
    sign=None,
    probe=Probe(
        title="mean of the scaling off the mean of the training rows, in standard deviations, largest column",
        measure=mean_off,
        unit="decimal",
        apart=0.005,
    ),
    hints=(
        "No curve is wrong, and no figure is off by more than chance. That is a symptom too: a reviewer found it "
        "by reading.",
        "Ask of every number in the exported file from which rows it comes.",
        "Two of the numbers in the file were computed before the training began.",
    ),
    why="Mean and standard deviation come from all rows, so validation and test rows have had a say in the network "
    "that they judge. It cannot be told from curves or figures, and a drill that pretended otherwise would lie: "
    "the rows of all parts come from one source, their means agree but for chance, and a first layer undoes any "
    "scaling. What tells it is the scaling itself. It is a bug all the same, because nothing warns where it does "
    "matter: with few rows, columns that drift, or a step that learns more than two numbers a column, such as "
    "selection of columns or imputation.",
    confused_with=("train-val-overlap", "scaled-twice", "keeps-last-weights", "columns-reordered"),
    said_as=("scaler fitted on all rows", "data leakage in preprocessing", "leak", "normalisation before the split"),
)
