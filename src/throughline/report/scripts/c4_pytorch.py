"""Chapter 4: the module, the loop written out, and its two exports."""

from __future__ import annotations

from throughline.record import RunRecord, TrainingRecord
from throughline.report.answers import score, score_name
from throughline.report.phrases import (
    CORE,
    MUST,
    RESULT,
    Sentence,
    bar_points,
    bar_sentences,
    export_sentences,
    hidden_layers,
    joined_format_points,
    requirements,
    said,
    stopping_sentence,
    verification_sentences,
)
from throughline.report.scripts.script import Script
from throughline.report.spoken import listed

# Which loss `frameworks.torch_net` takes, by the output that the network ends in.
LOSS_SENTENCES = {
    "sigmoid": "The output is a sigmoid, so the loss is BCELoss.",
    "softmax": "The output is a softmax, and CrossEntropyLoss wants logits, so I write the cross-entropy out: minus "
    "the log of the right class's probability.",
    "linear": "The output is linear, so the loss is MSELoss.",
}
LOSS_POINTS = {
    "sigmoid": "BCELoss on probabilities",
    "softmax": "cross-entropy written out, on probabilities",
    "linear": "MSELoss",
}


def pytorch(record: RunRecord) -> Script | None:
    """Tell chapter 4."""
    training = record.pytorch
    if training is None:
        return None
    reached = score(record, training.val_accuracy, requirements(record, 4))
    sentences = [
        Sentence(f"In PyTorch I wrote the same network as an nn.Module: {hidden_layers(record)}.", RESULT),
        Sentence(
            "The loop is explicit: zero the gradients, forward, loss, backward, and a step with "
            f"{said(record.train.optimizer)}."
        ),
        Sentence("Without the first step, gradients would add up from batch to batch.", 5, follows=True),
        Sentence(LOSS_SENTENCES[record.network.output], CORE),
        *_start_sentences(record, training),
        Sentence(f"On the validation rows its {score_name(record)} is {reached}.", RESULT),
        Sentence(stopping_sentence(record, training), 4),
        *bar_sentences(record, 4),
        *export_sentences(
            record, 4, "I export it twice: to TorchScript, which is deprecated but still in use, and to torch.export."
        ),
        *verification_sentences(record, 4, "TorchScript or torch.export"),
        Sentence("For every answer I switch to evaluation mode, because dropout must be off then.", 3),
        Sentence("Writing the loop myself shows where each gradient is made and where it is used.", 2),
    ]
    key_points = [
        f"nn.Module; zero_grad, forward, loss, backward, step; {LOSS_POINTS[record.network.output]}.",
        _start_point(record, training),
        f"Validation {score_name(record)} {reached}, weights of epoch {training.best_epoch:,}.",
        *joined_format_points(record, 4),
    ]
    return Script(sentences, [*key_points, *bar_points(record, 4)])


def _start_sentences(record: RunRecord, training: TrainingRecord) -> list[Sentence]:
    peers = [other for other in record.trainings() if other is not training]
    if not peers:
        return []
    if any(other.initial_digest != training.initial_digest for other in peers):
        return [
            Sentence("It did not start from the same weights as the others, so the comparison is not a fair one.", MUST)
        ]
    names = listed([said(other.framework) for other in peers])
    return [
        Sentence(f"It starts from the same weights as {names}; their hashes agree."),
        Sentence("So any gap between them comes from training, not from a lucky start.", 6, follows=True),
    ]


def _start_point(record: RunRecord, training: TrainingRecord) -> str:
    peers = [other for other in record.trainings() if other is not training]
    if not peers:
        return "No other framework in this run to compare the start weights with."
    same = all(other.initial_digest == training.initial_digest for other in peers)
    names = listed([said(other.framework) for other in peers])
    return f"Start weights {'equal to' if same else 'differ from'} those of {names}, by SHA-256."
