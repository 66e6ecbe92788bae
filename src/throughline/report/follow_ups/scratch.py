"""Follow-up questions on what was written by hand: the perceptron and the multi-layer perceptron."""

from __future__ import annotations

from throughline.claims.cited import length
from throughline.record import MlpRecord, PerceptronRecord, RunRecord
from throughline.report.answers import has_several, score, score_name
from throughline.report.follow_ups.question import FollowUp
from throughline.report.phrases import brief, said
from throughline.report.spoken import counted, decimal, listed, percent, small


def perceptron(record: RunRecord) -> list[FollowUp]:
    """Return what is asked after chapter 1."""
    found = record.perceptron
    return [_promise(found), _own_task(record, found), _best_line(found), _step(found)] if found else []


def mlp(record: RunRecord) -> list[FollowUp]:
    """Return what is asked after chapter 2."""
    found = record.mlp
    return [_gradient(found), _kinks(found), *_plane(found), _by_hand(record)] if found else []


def _promise(found: PerceptronRecord) -> FollowUp:
    bound = decimal(found.novikoff_bound, 0, [found.n_mistakes])
    verdict = (
        "It says when the rule must stop, not how good the line is."
        if found.n_mistakes <= found.novikoff_bound
        else "A theorem cannot be broken, so my code or my margin is wrong, and I would look there first."
    )
    return FollowUp(
        "1.bound",
        "What does Novikoff's bound promise?",
        "On separable points the number of mistakes is at most the radius over the margin, squared. "
        f"The radius is {small(found.radius)} and the margin {small(found.margin)}, which allows {bound}; "
        f"I counted {found.n_mistakes:,}. {verdict}",
    )


def _own_task(record: RunRecord, found: PerceptronRecord) -> FollowUp:
    if found.task_test_accuracy is None:
        return FollowUp(
            "1.amounts",
            "Could a perceptron answer your own task?",
            "No: its step says yes or no, and the task asks for an amount. Without the step, the same weighted sum "
            "with a squared error is linear regression, and the network of the next chapters ends in exactly such a "
            f"unit. So here the rule is shown on {counted(found.n_train, 'point')} in the plane alone.",
        )
    if has_several(record):
        return _against_the_rest(record, found)
    accuracy, epochs = percent(found.task_test_accuracy), counted(found.task_n_epochs, "epoch")
    if found.task_converged:
        return FollowUp(
            "1.own-task",
            "The perceptron settled on your own task; is a network needed then?",
            f"It settled after {epochs}, so a plane separates the training rows. On test rows it gets {accuracy}, "
            "and that figure is what a network has to beat. It also gives no probability, which I want for a "
            "threshold.",
        )
    return FollowUp(
        "1.own-task",
        "Why did it not settle on your own task?",
        f"When I stopped it after {epochs}, some training row was still on the wrong side. Either no plane separates "
        "the classes, or the margin is too narrow for so few epochs; the rule itself cannot tell which. It gets "
        f"{accuracy} of the test rows right.",
    )


def _against_the_rest(record: RunRecord, found: PerceptronRecord) -> FollowUp:
    n_classes, apart = record.network.n_outputs, length(found.task_classes_separated)
    settled = (
        f"All {n_classes:,} settled, so a plane separates each class from the others in training."
        if found.task_converged
        else f"Within {counted(found.task_n_epochs, 'epoch')} {f'{apart:,}' if apart else 'none'} of {n_classes:,} "
        "settled, which a plane has to separate from the rest; of the others the rule cannot tell. Those keep the "
        "weights that were right on most training rows."
    )
    return FollowUp(
        "1.several",
        f"How do perceptrons tell {n_classes:,} classes apart?",
        f"Each learns one class against the rest, and the largest weighted sum decides. {settled} Together they get "
        f"{percent(found.task_test_accuracy or 0.0)} of the test rows right.",
    )


def _best_line(found: PerceptronRecord) -> FollowUp:
    widest = small(found.margin, [found.margin_found])
    verdict = "narrower than" if found.margin_found < found.margin else "no narrower than"
    return FollowUp(
        "1.margin",
        "Does it find the best line?",
        f"It finds a line and then stops. Its own margin is {small(found.margin_found, [found.margin])}, {verdict} the "
        f"{widest} of the line that made the points. A support vector machine would look for the widest margin.",
    )


def _step(found: PerceptronRecord) -> FollowUp:
    return FollowUp(
        "1.step",
        "Why not train it with gradient descent?",
        "The derivative of a step is zero almost everywhere, so there is nothing to descend. The rule needs no "
        f"derivative, only the sign of a mistake, and it gets {percent(found.test_accuracy)} of new separable points "
        "right. Deeper networks need a smooth activation.",
    )


def _gradient(found: MlpRecord) -> FollowUp:
    gradient = found.gradient
    second = (
        "No automatic differentiation ran, so this is my only check."
        if gradient.autograd_largest_relative_error is None
        else f"{said(gradient.autograd_framework)}'s autograd is a second opinion, and differs by at most "
        f"{small(gradient.autograd_largest_relative_error)}."
    )
    return FollowUp(
        "2.gradient",
        "How do you know that your gradient is right?",
        f"I nudge each weight in both directions and watch the loss, {counted(gradient.n_checked, 'time')} over, in "
        f"float64. The largest relative error is {small(gradient.largest_relative_error)}. {second}",
    )


def _kinks(found: MlpRecord) -> FollowUp:
    skipped = found.gradient.n_skipped_kinks
    here = (
        "Here none had to be left out."
        if skipped == 0
        else f"Here {counted(skipped, 'derivative')} had to be left out, and I say so."
    )
    return FollowUp(
        "2.kinks",
        "What does ReLU do to such a check?",
        "ReLU has a kink at zero. If a nudge moves a unit across it, the difference quotient mixes two slopes and "
        f"proves nothing, so those weights are counted and skipped. {here} "
        f"{counted(found.gradient.n_checked, 'derivative')} were compared.",
    )


def _plane(found: MlpRecord) -> list[FollowUp]:
    problem = min(found.problems, key=lambda problem: problem.perceptron_accuracy, default=None)
    if problem is None:
        return []
    line, network = percent(problem.perceptron_accuracy), percent(problem.test_accuracy)
    units = listed([f"{size:,}" for size in problem.layer_sizes[1:-1]])
    helped = problem.test_accuracy > problem.perceptron_accuracy
    return [
        FollowUp(
            "2.hidden",
            f"What does the hidden layer buy you on {brief(problem.name, 5)}?",
            f"A single line gets {line} right. With {units} hidden units the same points reach {network}. "
            + (
                "Each unit of the first layer draws a line of its own, and what follows combines them into a region."
                if helped
                else "So here it bought nothing, and I would look at the training before I blame the idea."
            ),
        )
    ]


def _by_hand(record: RunRecord) -> FollowUp:
    trainings = [
        f"{score(record, training.val_accuracy)} with {said(training.framework)}" for training in record.trainings()
    ]
    alone = "There is no other framework in this run to hold it against." if len(trainings) == 1 else ""
    return FollowUp(
        "2.by-hand",
        "Why write it by hand when frameworks exist?",
        "Because then I know what a framework does for me, and what goes wrong without it. On the same validation "
        f"rows, {score_name(record)} is {listed(trainings)}. {alone}".strip(),
    )
