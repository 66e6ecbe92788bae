"""The network ends in a sigmoid, and the loss takes its outputs for logits."""

from __future__ import annotations

from throughline.drill.bug import Bug, Probe, Sign
from throughline.drill.trial import Trial


def largest_probability(trial: Trial) -> float:
    """Return the largest probability of class 1 that a test row gets."""
    return float(trial.script.run_file(trial.file, trial.raw(trial.prepared.test)).max())


BUG = Bug(
    name="sigmoid-twice",
    title="The sigmoid is applied twice",
    before='LAYERS = ("relu", "relu", "linear")  # the outputs of the last layer are logits',
    after='LAYERS = ("relu", "relu", "sigmoid")',
    sign=Sign(figure="train_loss", direction="above", by=0.15),
    probe=Probe(
        title="largest probability of class 1 on the test rows",
        measure=largest_probability,
        unit="decimal",
        apart=0.2,
    ),
    hints=(
        "The loss falls, smoothly, and then rests on a floor that no learning rate gets it through.",
        "Every row gets the label 1, and still the loss is below log 2 = 0.693: the network does tell rows apart.",
        "Look at the range of the probabilities.",
    ),
    why="What leaves the last layer is already a probability, between 0 and 1, and is taken for a logit. The second "
    "sigmoid turns it into something between 0.5 and 0.731, so no row can be labelled 0, and the loss cannot fall "
    "below about 0.50 where both classes count the same. The order of the rows survives: the area under the ROC "
    "curve looks healthy. In PyTorch it is nn.Sigmoid before BCEWithLogitsLoss, in Keras a sigmoid output with "
    "from_logits=True.",
    confused_with=("threshold-on-logits", "zero-weights", "lost-class-weights", "learning-rate-too-small"),
    said_as=("double sigmoid", "sigmoid before BCEWithLogitsLoss", "from_logits wrong", "sigmoid on top of sigmoid"),
)
