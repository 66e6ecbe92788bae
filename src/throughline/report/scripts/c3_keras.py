"""Chapter 3: the Sequential model, its training, and the SavedModel."""

from __future__ import annotations

from throughline.record import RunRecord
from throughline.report.answers import gives_amounts, has_several, output_layer, score, score_name
from throughline.report.phrases import (
    CORE,
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
from throughline.report.spoken import counted, percent, small


def keras(record: RunRecord) -> Script | None:
    """Tell chapter 3."""
    training = record.keras
    if training is None:
        return None
    network, train = record.network, record.train
    learning_rate = small(train.learning_rate, [train.learning_rate])
    reached = score(record, training.val_accuracy, requirements(record, 3))
    dropout = f"Dropout of {percent(network.dropout)} after each hidden layer keeps units from relying on each other."
    sentences = [
        Sentence(
            f"In Keras the network is a Sequential model: {hidden_layers(record)}, then {output_layer(record)}.", RESULT
        ),
        Sentence("The scaling sits inside as the first layer, so the model takes raw rows.", 5),
        Sentence(dropout if network.dropout > 0 else "I left dropout off in this run.", CORE),
        Sentence(
            f"I train with {said(train.optimizer)}, at a learning rate of {learning_rate}, on {said(train.loss)}."
        ),
        *_loss_sentences(record),
        Sentence(stopping_sentence(record, training)),
        Sentence(f"On the validation rows its {score_name(record)} is {reached}.", RESULT),
        *_meaning_of_r2(record),
        *bar_sentences(record, 3),
        *export_sentences(record, 3, "Then I export it as a SavedModel, a folder with a named signature for a server."),
        *verification_sentences(record, 3, "SavedModel"),
        Sentence(f"All in all it has {counted(training.n_parameters, 'parameter')}.", 3),
        Sentence("I check the file and not the live model, because the file is what gets deployed.", 2),
    ]
    key_points = [
        f"Sequential: {hidden_layers(record)}, dropout {percent(network.dropout)}, {output_layer(record)}.",
        f"{said(train.optimizer)}, learning rate {learning_rate}, {said(train.loss)}.",
        f"Validation {score_name(record)} {reached}, weights of epoch {training.best_epoch:,}.",
        *joined_format_points(record, 3),
    ]
    return Script(sentences, [*key_points, *bar_points(record, 3)])


def _loss_sentences(record: RunRecord) -> list[Sentence]:
    """Say what the loss is good for, and how amounts are learned."""
    if gives_amounts(record):
        return [
            Sentence("It squares each error, so one large miss counts more than several small ones.", 4, follows=True),
            Sentence(
                "The target is standardized in training, and its mean and deviation then go back into the last layer.",
                CORE,
            ),
        ]
    wanted = "probabilities" if has_several(record) else "a probability"
    return [
        Sentence(
            f"That loss punishes a confident wrong answer hardest, which is what I want of {wanted}.", 4, follows=True
        )
    ]


def _meaning_of_r2(record: RunRecord) -> list[Sentence]:
    if not gives_amounts(record):
        return []
    told = "That is the share of the variance that it explains; always answering their mean explains none."
    return [Sentence(told, 7, follows=True)]
