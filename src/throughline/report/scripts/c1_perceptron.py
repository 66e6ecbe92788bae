"""Chapter 1: one neuron, its rule, Novikoff's bound, and where it must fail."""

from __future__ import annotations

from throughline.claims.cited import length
from throughline.record import PerceptronRecord, RunRecord
from throughline.report.answers import class_name, gives_amounts, has_several
from throughline.report.phrases import (
    CORE,
    MUST,
    RESULT,
    Sentence,
    aside,
    bar_points,
    bar_sentences,
    requirements,
)
from throughline.report.scripts.script import Script
from throughline.report.spoken import count_words, counted, decimal, listed, percent

MOST_NAMED, MOST_WORDS = 3, 9


def perceptron(record: RunRecord) -> Script | None:
    """Tell chapter 1."""
    found = record.perceptron
    if found is None:
        return None
    bound = decimal(found.novikoff_bound, 0, [found.n_mistakes])
    accuracy = percent(found.test_accuracy, requirements(record, 1))
    settled = (
        f"it converged after {counted(found.n_mistakes, 'mistake')} in {counted(found.n_epochs, 'epoch')}."
        if found.converged
        else f"it did not converge, with {counted(found.n_mistakes, 'mistake')} in {counted(found.n_epochs, 'epoch')}."
    )
    within = found.n_mistakes <= found.novikoff_bound
    theorem = f"Novikoff's theorem bounds the mistakes by radius over margin, squared: {bound} here"
    sentences = [
        Sentence(
            "I started with one neuron in plain NumPy: a weighted sum of the inputs, then a step that says yes or no."
        ),
        Sentence("It learns only from mistakes: a row on the wrong side is added to the weights or subtracted.", CORE),
        Sentence("Everything else leaves the weights alone.", 4, follows=True),
        Sentence(f"On {found.n_train:,} points that a line can separate, {settled}"),
        Sentence(f"{theorem}.", follows=True)
        if within
        else Sentence(f"{theorem}; my count is above it, so something is wrong.", MUST),
        Sentence("The bound does not depend on how many rows there are, only on how wide the gap is.", 5, follows=True),
        Sentence(f"On new points from the same plane, its accuracy is {accuracy}.", RESULT),
        *bar_sentences(record, 1),
        *_own_task(record, found),
        Sentence(
            "So next I want a model that can answer with any number, and a loss that changes smoothly."
            if gives_amounts(record)
            else "So next I want a model that can bend its boundary, and a loss that changes smoothly.",
            3,
        ),
    ]
    key_points = [
        "Step of a weighted sum; weights move only on a mistake.",
        f"{counted(found.n_mistakes, 'mistake').capitalize()}, Novikoff's bound {bound}; "
        f"{'converged' if found.converged else 'not converged'} after {counted(found.n_epochs, 'epoch')}.",
        f"Test accuracy {accuracy} on separable points.",
        f"Own task: {_own_point(record, found)}.",
    ]
    return Script(sentences, [*key_points, *bar_points(record, 1)])


def _own_task(record: RunRecord, found: PerceptronRecord) -> list[Sentence]:
    """Say what the same rule makes of the run's own rows."""
    if found.task_test_accuracy is None:
        return [
            Sentence(
                f"This run's own task{aside(record.task.name)} asks for an amount, and a step can only say yes or no, "
                "so here the perceptron stays with points in the plane."
            ),
            Sentence("Without the step, the same weighted sum would be linear regression.", 8, follows=True),
        ]
    return _against_the_rest(record, found) if has_several(record) else _of_two(record, found)


def _of_two(record: RunRecord, found: PerceptronRecord) -> list[Sentence]:
    own = f"On this run's own task{aside(record.task.name)} it"
    right = f"{percent(found.task_test_accuracy or 0.0)} of the test rows right"
    return [
        Sentence(
            f"{own} did settle, with {right}, so a plane does separate those training rows."
            if found.task_converged
            else f"{own} had not settled after {counted(found.task_n_epochs, 'epoch')}, and gets {right}."
        ),
        _at_rest(found),
    ]


def _against_the_rest(record: RunRecord, found: PerceptronRecord) -> list[Sentence]:
    apart, n_epochs = _separated(record, found), counted(found.task_n_epochs, "epoch")
    they = "The others" if found.task_classes_separated else "They"
    return [
        Sentence(
            f"This run's own task{aside(record.task.name)} has {record.network.n_outputs:,} classes, so it takes one "
            "perceptron for each, against the rest."
        ),
        Sentence(
            f"A plane separates each of them from the rest in training, and together they get {_right(found)}."
            if found.task_converged
            else f"Within {n_epochs} a plane separates {apart} from the rest; "
            f"together the perceptrons get {_right(found)}.",
            follows=True,
        ),
        *([] if found.task_converged else [Sentence(f"{they} keep their best weights, in a pocket.", 9, follows=True)]),
        _at_rest(found),
    ]


def _separated(record: RunRecord, found: PerceptronRecord) -> str:
    """Name the classes that a plane separates, if they can be said, or count them."""
    apart = found.task_classes_separated
    if not apart:
        return "none of them"
    names = [class_name(record, record.task.class_names.index(name)) for name in apart[:MOST_NAMED]]
    if len(apart) > MOST_NAMED or count_words(" ".join(names)) > MOST_WORDS:
        return f"{length(apart):,} of them"
    return listed(names)


def _right(found: PerceptronRecord) -> str:
    return f"{percent(found.task_test_accuracy or 0.0)} of the test rows right"


def _at_rest(found: PerceptronRecord) -> Sentence:
    return Sentence(
        "The rule stops as soon as nothing is wrong, so it doesn't look for the widest gap."
        if found.task_converged
        else "Where classes overlap, some row is always on the wrong side, so the rule never comes to rest.",
        8,
        follows=True,
    )


def _own_point(record: RunRecord, found: PerceptronRecord) -> str:
    if found.task_test_accuracy is None:
        return "asks for an amount, which a step cannot answer"
    if has_several(record):
        apart = f"{length(found.task_classes_separated):,} of {record.network.n_outputs:,} classes apart from the rest"
        return f"{apart}, {_right(found)}"
    return f"{'converged' if found.task_converged else 'not converged'}, {_right(found)}"
