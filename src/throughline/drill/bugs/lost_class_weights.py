"""A rare class, and a loss in which it hardly counts."""

from __future__ import annotations

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.rows import RARE
from throughline.drill.trial import Trial


def recall(trial: Trial) -> float:
    """Return the share of the new rows of class 1 that are found."""
    script = trial.script
    found = script.run_file(trial.file, trial.table.X_new)[:, 0] > script.THRESHOLD
    return float(found[trial.table.y_new == 1].mean())


BUG = Bug(
    name="lost-class-weights",
    title="The rare class does not get its weight, and accuracy hides it",
    before="weights = class_weights(part.y)",
    after="weights = np.ones_like(part.y)",
    case=RARE,
    sign=Sign(figure="labelled_1", direction="below", by=0.05),
    probe=Probe(title="new rows of class 1 that are found", measure=recall, unit="percent", apart=0.1),
    hints=(
        "The accuracy is higher than expected. Should that please you?",
        "How accurate is a network that always says 0 here?",
        "Do not count all rows. Count those of class 1, and see how many are found.",
    ),
    why="Eight rows in a hundred are of class 1, and without weights the cheapest way to lower the loss is to say 0. "
    "Accuracy rises by it, since it counts rows and not classes, and so looks better than that of the network "
    "which finds the rare rows. Recall, the confusion matrix and the loss with both classes counting the same say "
    "what happened.",
    confused_with=("threshold-on-logits", "train-val-overlap", "sigmoid-twice", "keeps-last-weights"),
    said_as=(
        "class imbalance",
        "imbalanced classes",
        "accuracy is misleading",
        "class weights missing",
        "majority class",
    ),
)
