"""Follow-up questions on training: Keras and PyTorch."""

from __future__ import annotations

import math

from throughline.claims.cited import length
from throughline.record import FormatRecord, RunRecord, TrainingRecord
from throughline.report.answers import gives_amounts, has_several, loss
from throughline.report.follow_ups.question import FollowUp
from throughline.report.phrases import formats_of, said, title_of
from throughline.report.spoken import counted, data_size, listed, percent, small


def keras(record: RunRecord) -> list[FollowUp]:
    """Return what is asked after chapter 3."""
    training = record.keras
    if training is None:
        return []
    return [_loss(record, training), _dropout(record, training), _stopping(record, training), _scaling(record)]


def pytorch(record: RunRecord) -> list[FollowUp]:
    """Return what is asked after chapter 4."""
    training = record.pytorch
    if training is None:
        return []
    return [_two_adams(record), _zero_grad(record), _torch_loss(record, training), _two_exports(record)]


def _loss(record: RunRecord, training: TrainingRecord) -> FollowUp:
    chance = _loss_of_ignorance(record)
    mine, known = loss(record, training.val_loss, [chance]), loss(record, chance, [training.val_loss])
    verdict = "so it has learned something" if training.val_loss < chance else "so it has learned nothing of use"
    named = said(record.train.loss)
    if gives_amounts(record):
        answer = (
            f"The answer is an amount, and {named} is, but for constants, the negative log-likelihood of errors with a "
            "normal distribution; its gradient is simply the error. On the validation rows it is "
            f"{mine}, in the target's unit squared; always answering their mean would get {known}, {verdict}."
        )
    else:
        output = "a softmax" if has_several(record) else "a sigmoid"
        minus = "the answers minus the one-hot label" if has_several(record) else "the answer minus the label"
        answer = (
            f"The answer is {'a probability for each class' if has_several(record) else 'a probability'}, and {named} "
            f"is its negative log-likelihood; with {output} its gradient is simply {minus}. On the validation rows it "
            f"is {mine}; someone who knows only the share of the classes would get {known}, {verdict}."
        )
    return FollowUp("3.loss", "Why this loss?", answer)


def _loss_of_ignorance(record: RunRecord) -> float:
    """Return the validation loss of who knows only the shares of the classes, or the mean amount."""
    split = record.split
    if split.target_std is not None:
        return split.target_std[1] * split.target_std[1]
    one = split.share_of_class_1
    shares = [one[1], 1 - one[1]] if one else [parts[1] for parts in split.class_shares]
    return -sum(p * math.log(p) for p in shares if p > 0)


def _dropout(record: RunRecord, training: TrainingRecord) -> FollowUp:
    n_parameters, n_rows = counted(training.n_parameters, "parameter"), counted(record.split.n_train, "training row")
    if record.network.dropout == 0:
        return FollowUp(
            "3.dropout",
            "Why no dropout?",
            f"It was set to zero for this run, with {n_parameters} and {n_rows}. Early stopping is then the only thing "
            "against overfitting, and I would compare the two on validation rows before I decide.",
        )
    at = training.losses[training.best_epoch - 1]
    during, after = loss(record, at, [training.val_loss]), loss(record, training.val_loss, [at])
    verdict = (
        "so I see no overfitting, but no proof either that dropout is the reason."
        if training.val_loss <= at
        else "so some overfitting is left."
    )
    return FollowUp(
        "3.dropout",
        "Why dropout here?",
        f"The network has {n_parameters} for {n_rows}, enough to learn rows by heart. With "
        f"{percent(record.network.dropout)} dropout, training loss at the kept epoch is {during} and validation loss, "
        f"with dropout off, {after}, {verdict}",
    )


def _stopping(record: RunRecord, training: TrainingRecord) -> FollowUp:
    used, most = length(training.losses), record.train.max_epochs
    ended = (
        f"It ended after {counted(used, 'epoch')} of {most:,} allowed"
        if used < most
        else f"It used all {counted(used, 'epoch')}, so more might still help"
    )
    patience = record.train.patience
    rule = (
        "I fixed it beforehand and looked at the validation loss afterwards."
        if patience is None
        else "I didn't; the validation loss did. Training stops once "
        f"{counted(patience, 'epoch')} in a row bring no improvement."
    )
    return FollowUp(
        "3.stopping",
        "How did you choose the number of epochs?",
        f"{rule} {ended}, and the weights are those of epoch {training.best_epoch:,}. That choice looks "
        "at validation rows, so I judge on test rows.",
    )


def _scaling(record: RunRecord) -> FollowUp:
    robust = record.network.scaling == "robust"
    centre_and_spread = "Median and interquartile range" if robust else "Mean and deviation"
    return FollowUp(
        "3.scaling",
        "Why is the scaling inside the model?",
        f"Because then nobody can forget it. {centre_and_spread} come from the "
        f"{counted(record.split.n_train, 'training row')} alone, one pair for each of "
        f"{counted(record.network.n_inputs, 'input')}; taken from all rows they would leak the test set. Every "
        "exported file takes raw rows.",
    )


def _two_adams(record: RunRecord) -> FollowUp:
    placed = [line for line in (record.ledger.lines if record.ledger else []) if line.name == "epsilon placement"]
    losses = [
        f"{loss(record, training.val_loss, digits=4)} with {said(training.framework)}"
        for training in (record.keras, record.pytorch)
        if training is not None
    ]
    measured = (
        f"In my ledger that alone moved the training loss by {small(placed[0].gap)}."
        if placed
        else f"Here validation loss is {listed(losses)}; order of rows and dropout masks are in that too."
    )
    return FollowUp(
        "4.two-adams",
        "Why do two Adams differ?",
        "Both divide by a root plus epsilon, but Keras adds epsilon before the bias correction is divided out and "
        f"PyTorch after it. So equal numbers are not equal settings, which matters most in the first steps. {measured}",
    )


def _zero_grad(record: RunRecord) -> FollowUp:
    n_rows, batch = record.split.n_train, record.train.batch_size
    return FollowUp(
        "4.zero-grad",
        "What happens without zero_grad?",
        "PyTorch adds each gradient to the old one, so every step follows the sum of all batches so far. With "
        f"{counted(n_rows, 'row')} in batches of {batch:,} that is {counted(math.ceil(n_rows / batch), 'step')} an "
        "epoch, and soon each step would mostly repeat old gradients.",
    )


def _torch_loss(record: RunRecord, training: TrainingRecord) -> FollowUp:
    value = loss(record, training.val_loss)
    if gives_amounts(record):
        return FollowUp(
            "4.mse",
            "Why MSELoss?",
            "Because the network ends in a weighted sum, and a squared error makes it learn the mean of what is "
            "likely. Large errors count most, so a few outliers can bend it; then I would try the absolute error or "
            "Huber's. "
            f"Validation loss here is {value}, in the target's unit squared.",
        )
    if has_several(record):
        return FollowUp(
            "4.cross-entropy",
            "Why not CrossEntropyLoss?",
            "Because it takes logits, and this network ends in a softmax, so that every exported file answers with "
            "probabilities. So I write it out: minus the logarithm of the probability of the right class. The loss on "
            "logits is steadier for extreme answers; mine stops at the smallest normal number instead. Validation loss "
            f"here is {value}, far from that.",
        )
    return FollowUp(
        "4.bce",
        "Why BCELoss, and not the one on logits?",
        "Because the network ends in a sigmoid, so that every exported file answers with a probability. The loss on "
        "logits is steadier for extreme answers; BCELoss clips its logarithm at minus one hundred instead. Validation "
        f"loss here is {value}, far from that.",
    )


def _two_exports(record: RunRecord) -> FollowUp:
    found = formats_of(record, 4)
    return FollowUp(
        "4.two-exports",
        "Why export to TorchScript if it is deprecated?",
        "Because servers that load it are still there, and torch.export is where PyTorch goes on. So I make both and "
        f"hold both against the same network. {' '.join(map(outcome, found)) or 'This run exported neither.'}",
    )


def outcome(found: FormatRecord) -> str:
    """Say in a sentence what became of an export."""
    title = title_of(found)
    if found.status != "passed":
        return f"{title} {'failed its check' if found.status == 'failed' else 'could not be run here'}."
    return f"{title} takes {data_size(found.size_bytes)} and is off by at most {small(found.largest_difference)}."
