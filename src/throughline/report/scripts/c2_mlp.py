"""Chapter 2: hidden layers, the chain rule, and how the gradient was checked."""

from __future__ import annotations

from throughline.record import PlaneProblem, RunRecord
from throughline.report.answers import reaches, score, score_name
from throughline.report.phrases import (
    CORE,
    FACT,
    MUST,
    RESULT,
    Sentence,
    bar_points,
    bar_sentences,
    brief,
    requirements,
    said,
)
from throughline.report.scripts.script import Script
from throughline.report.spoken import counted, percent, small

# What the gradient of the loss is at the last weighted sum, by the output that the network ends in.
AT_THE_OUTPUT = {
    "sigmoid": "For the sigmoid the derivative is s times one minus s, so the forward value is used again.",
    "softmax": "With softmax and cross-entropy, the chain rule begins with each probability minus its target.",
    "linear": "With a linear output and squared error, the chain rule begins with the error itself, doubled.",
}
POINT_AT_THE_OUTPUT = {
    "sigmoid": "sigmoid' = s(1 - s)",
    "softmax": "at a softmax it begins with probability minus target",
    "linear": "at a linear output it begins with the error, doubled",
}


def mlp(record: RunRecord) -> Script | None:
    """Tell chapter 2."""
    if record.mlp is None:
        return None
    gradient, training = record.mlp.gradient, record.mlp.training
    error = small(gradient.largest_relative_error, requirements(record, 2))
    problems = sorted(record.mlp.problems, key=lambda problem: "xor" not in problem.name.lower())
    autograd = gradient.autograd_largest_relative_error
    framework = said(gradient.autograd_framework)
    sentences = [
        Sentence("One perceptron draws one straight line, and some problems need more than that.", CORE),
        *(Sentence(_plane_sentence(problem), _plane_value(problem, i)) for i, problem in enumerate(problems[:2])),
        Sentence("The forward pass is a weighted sum and an activation, layer after layer.", CORE),
        Sentence("Backpropagation is the chain rule, from the loss back to every weight."),
        Sentence(AT_THE_OUTPUT[record.network.output], CORE),
        Sentence(
            f"I compared {counted(gradient.n_checked, 'derivative')} with central differences: "
            f"the largest relative error is {error}.",
            RESULT,
        ),
        Sentence(
            "Central differences only nudge a weight and watch the loss, so they share no code with mine.",
            6,
            follows=True,
        ),
        *bar_sentences(record, 2),
        Sentence(
            "No automatic differentiation ran here, so that second check is missing."
            if autograd is None
            else f"Against {framework}'s autograd, on this run's own network, the largest error is {small(autograd)}.",
            MUST if autograd is None else FACT,
        ),
        Sentence(
            "On my own task, the NumPy network reaches "
            f"{reaches(record, training.val_accuracy)} on the validation rows.",
            3,
        ),
        Sentence(
            "A hidden layer bends the space until one line is enough, and without its activation it could not.", 2
        ),
    ]
    key_points = [
        f"Chain rule from the loss back; {POINT_AT_THE_OUTPUT[record.network.output]}.",
        *(
            f"{problem.name}: perceptron {percent(problem.perceptron_accuracy)}, "
            f"network {percent(problem.test_accuracy)}."
            for problem in problems[:1]
        ),
        f"Largest relative gradient error {error} against central differences"
        + (f", {small(autograd)} against {framework}'s autograd." if autograd is not None else "; autograd not run."),
        f"NumPy network on the run's task: validation {score_name(record)} {score(record, training.val_accuracy)}.",
    ]
    return Script(sentences, [*key_points, *bar_points(record, 2)])


def _plane_value(problem: PlaneProblem, place: int) -> int:
    """Return the worth of a problem: a network that did not help must be owned up to, in the first one told."""
    if place > 0:
        return 4
    return FACT if problem.test_accuracy > problem.perceptron_accuracy else MUST


def _plane_sentence(problem: PlaneProblem) -> str:
    line, network = percent(problem.perceptron_accuracy), percent(problem.test_accuracy)
    name = brief(problem.name, 5)
    if problem.test_accuracy > problem.perceptron_accuracy:
        return f"On {name}, a perceptron gets {line} right and a small network {network}."
    return f"On {name}, a perceptron gets {line} right and my small network {network}, so there it did not help."
