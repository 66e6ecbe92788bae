"""Validation rows are training rows as well."""

from __future__ import annotations

import numpy as np

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.rows import FEW
from throughline.drill.trial import Trial


def shared_rows(trial: Trial) -> float:
    """Return the share of validation rows that are training rows, too."""
    return float(np.mean(np.isin(trial.prepared.val.rows, trial.prepared.train.rows)))


BUG = Bug(
    name="train-val-overlap",
    title="Validation rows are among the training rows",
    before="val = slice(n_train, n_train + n_val)",
    after="val = slice(n_train - n_val, n_train)",
    case=FEW,
    sign=Sign(figure="val_loss", direction="below", by=0.01),
    probe=Probe(title="validation rows that are training rows as well", measure=shared_rows, unit="percent", apart=0.9),
    hints=(
        "One curve is too good.",
        "The validation loss falls to the last epoch, below the training loss, while test rows and new rows do no "
        "better than expected.",
        "Look which rows of the table are where.",
    ),
    why="The network is asked on rows that it has learned. The validation loss follows the training loss down, even "
    "below it, since that one is measured with dropout on; no gap ever opens, and no epoch is ever the best one. "
    "Test rows and new rows know nothing of it: where validation and test accuracy part by far more than chance, "
    "look at the split before the model.",
    confused_with=("scaler-leak", "keeps-last-weights", "columns-reordered", "lost-class-weights"),
    said_as=("train and validation overlap", "leak between train and validation", "duplicates", "split wrong"),
)
