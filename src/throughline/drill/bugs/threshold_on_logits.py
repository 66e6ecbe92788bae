"""Logits are compared with a threshold that is meant for probabilities."""

from __future__ import annotations

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.rows import NOISY
from throughline.drill.trial import Trial


def smallest_labelled_1(trial: Trial) -> float:
    """Return the smallest probability among the rows of the table that are labelled 1."""
    script, parts = trial.script, (trial.prepared.train, trial.prepared.val, trial.prepared.test)
    logits = [script.answer(trial.training.kept, part.X, trial.generator()) for part in parts]
    return min(float(script.sigmoid(z[script.labels_of(z)]).min()) for z in logits)


BUG = Bug(
    name="threshold-on-logits",
    title="The threshold of a half is applied to logits",
    before="return sigmoid(logits) > THRESHOLD",
    after="return logits > THRESHOLD",
    case=NOISY,
    sign=Sign(figure="file_flips", direction="above", by=1),
    probe=Probe(
        title="smallest probability that is labelled 1", measure=smallest_labelled_1, unit="decimal", apart=0.08
    ),
    hints=(
        "The losses are as expected, to the last digit. Accuracy is not.",
        "The exported file gives the same probabilities, and other labels.",
        "Sort the rows by probability and find where the label changes.",
    ),
    why="A logit of 0.5 is a probability of 0.622. Rows between a half and that are labelled 0, so class 1 is found "
    "less often, and every loss stays as it was, because a loss knows of no threshold. The file has its own "
    "threshold on probabilities: no difference in the numbers, many in the labels.",
    confused_with=("lost-class-weights", "sigmoid-twice", "dropout-at-inference", "transposed-kernel"),
    said_as=("wrong threshold", "threshold on logits", "argmax or threshold wrong", "cutoff at 0.62"),
)
