"""What is said about each chapter: sentences from the measured values of one run.

One function a chapter, each from a `RunRecord` to a `Script`, or to None if the run has nothing to tell there. A figure
in a sentence is always a formatted field of the record. Wording follows the measurement: what failed, was missed or was
not run is said, and is never optional.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from throughline.claims.cited import length, unmarked
from throughline.record import (
    EquivalenceTest,
    Evaluation,
    FormatRecord,
    PairedTest,
    PlaneProblem,
    RunRecord,
    TrainingRecord,
)
from throughline.report.phrases import (
    CORE,
    FACT,
    MUST,
    RESULT,
    Sentence,
    accuracy_after_export,
    aside,
    bar_points,
    bar_sentences,
    brief,
    flips_of,
    format_point,
    formats_of,
    hidden_layers,
    joined_format_points,
    missed_bar_sentences,
    n_formats,
    padding,
    requirements,
    said,
    stopping_sentence,
    verification_sentences,
)
from throughline.report.spoken import (
    count_words,
    counted,
    data_size,
    decimal,
    duration,
    listed,
    p_value,
    percent,
    small,
)

NOTHING_CLAIMED = "No figure is claimed for a file that was not verified."
SIGNIFICANCE = 0.05  # as `PairedTest.p_value` is read


@dataclass(frozen=True)
class Script:
    """All that could be said about a chapter, in the order in which it would be said."""

    sentences: list[Sentence]
    key_points: list[str]


def perceptron(record: RunRecord) -> Script | None:
    """Tell chapter 1: one neuron, its rule, Novikoff's bound, and where it must fail."""
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
    own = f"On this run's own task{aside(record.task.name)} it"
    own_accuracy = f"{percent(found.task_test_accuracy or 0.0)} of the test rows right"
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
        Sentence(
            f"{own} did settle, with {own_accuracy}, so a plane does separate those training rows."
            if found.task_converged
            else f"{own} had not settled after {counted(found.task_n_epochs, 'epoch')}, and gets {own_accuracy}."
        ),
        Sentence(
            "The rule stops as soon as nothing is wrong, so it doesn't look for the widest gap."
            if found.task_converged
            else "Where classes overlap, some row is always on the wrong side, so the rule never comes to rest.",
            8,
            follows=True,
        ),
        Sentence("So next I want a model that can bend its boundary, and a loss that changes smoothly.", 3),
    ]
    key_points = [
        "Step of a weighted sum; weights move only on a mistake.",
        f"{counted(found.n_mistakes, 'mistake').capitalize()}, Novikoff's bound {bound}; "
        f"{'converged' if found.converged else 'not converged'} after {counted(found.n_epochs, 'epoch')}.",
        f"Test accuracy {accuracy} on separable points.",
        f"Own task: {'converged' if found.task_converged else 'not converged'}, {own_accuracy}.",
    ]
    return Script(sentences, [*key_points, *bar_points(record, 1)])


def mlp(record: RunRecord) -> Script | None:
    """Tell chapter 2: hidden layers, the chain rule, and how the gradient was checked."""
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
        Sentence("For the sigmoid the derivative is s times one minus s, so the forward value is used again.", CORE),
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
            f"On my own task, the NumPy network reaches {percent(training.val_accuracy)} on the validation rows.", 3
        ),
        Sentence(
            "A hidden layer bends the space until one line is enough, and without its activation it could not.", 2
        ),
    ]
    key_points = [
        "Chain rule from the loss back; sigmoid' = s(1 - s).",
        *(
            f"{problem.name}: perceptron {percent(problem.perceptron_accuracy)}, "
            f"network {percent(problem.test_accuracy)}."
            for problem in problems[:1]
        ),
        f"Largest relative gradient error {error} against central differences"
        + (f", {small(autograd)} against {framework}'s autograd." if autograd is not None else "; autograd not run."),
        f"NumPy network on the run's task: validation accuracy {percent(training.val_accuracy)}.",
    ]
    return Script(sentences, [*key_points, *bar_points(record, 2)])


def keras(record: RunRecord) -> Script | None:
    """Tell chapter 3: the Sequential model, its training, and the SavedModel."""
    training = record.keras
    if training is None:
        return None
    network, train = record.network, record.train
    learning_rate = small(train.learning_rate, [train.learning_rate])
    accuracy = percent(training.val_accuracy, requirements(record, 3))
    dropout = f"Dropout of {percent(network.dropout)} after each hidden layer keeps units from relying on each other."
    sentences = [
        Sentence(
            f"In Keras the network is a Sequential model: {hidden_layers(record)}, then one sigmoid unit.", RESULT
        ),
        Sentence("The scaling sits inside as the first layer, so the model takes raw rows.", 5),
        Sentence(dropout if network.dropout > 0 else "I left dropout off in this run.", CORE),
        Sentence(
            f"I train with {said(train.optimizer)}, at a learning rate of {learning_rate}, on {said(train.loss)}."
        ),
        Sentence(
            "That loss punishes a confident wrong answer hardest, which is what I want of a probability.",
            4,
            follows=True,
        ),
        Sentence(stopping_sentence(record, training)),
        Sentence(f"On the validation rows its accuracy is {accuracy}.", RESULT),
        *bar_sentences(record, 3),
        *_export_sentences(
            record, 3, "Then I export it as a SavedModel, a folder with a named signature for a server."
        ),
        *verification_sentences(record, 3, "SavedModel"),
        Sentence(f"All in all it has {counted(training.n_parameters, 'parameter')}.", 3),
        Sentence("I check the file and not the live model, because the file is what gets deployed.", 2),
    ]
    key_points = [
        f"Sequential: {hidden_layers(record)}, dropout {percent(network.dropout)}, one sigmoid unit.",
        f"{said(train.optimizer)}, learning rate {learning_rate}, {said(train.loss)}.",
        f"Validation accuracy {accuracy}, weights of epoch {training.best_epoch:,}.",
        *joined_format_points(record, 3),
    ]
    return Script(sentences, [*key_points, *bar_points(record, 3)])


def pytorch(record: RunRecord) -> Script | None:
    """Tell chapter 4: the module, the loop written out, and its two exports."""
    training = record.pytorch
    if training is None:
        return None
    accuracy = percent(training.val_accuracy, requirements(record, 4))
    sentences = [
        Sentence(f"In PyTorch I wrote the same network as an nn.Module: {hidden_layers(record)}.", RESULT),
        Sentence(
            "The loop is explicit: zero the gradients, forward, loss, backward, and a step with "
            f"{said(record.train.optimizer)}."
        ),
        Sentence("Without the first step, gradients would add up from batch to batch.", 5, follows=True),
        Sentence("The output is a sigmoid, so the loss is BCELoss.", CORE),
        *_start_sentences(record, training),
        Sentence(f"On the validation rows its accuracy is {accuracy}.", RESULT),
        Sentence(stopping_sentence(record, training), 4),
        *bar_sentences(record, 4),
        *_export_sentences(
            record, 4, "I export it twice: to TorchScript, which is deprecated but still in use, and to torch.export."
        ),
        *verification_sentences(record, 4, "TorchScript or torch.export"),
        Sentence("For every answer I switch to evaluation mode, because dropout must be off then.", 3),
        Sentence("Writing the loop myself shows where each gradient is made and where it is used.", 2),
    ]
    key_points = [
        "nn.Module; zero_grad, forward, loss, backward, step; BCELoss on probabilities.",
        _start_point(record, training),
        f"Validation accuracy {accuracy}, weights of epoch {training.best_epoch:,}.",
        *joined_format_points(record, 4),
    ]
    return Script(sentences, [*key_points, *bar_points(record, 4)])


def evaluation(record: RunRecord) -> Script | None:
    """Tell chapter 5: accuracies with intervals, and whether the frameworks differ."""
    found = record.evaluation
    if found is None or found.paired is None or not found.networks:
        return None
    paired = [network for network in found.networks if network.framework in found.paired.frameworks]
    others = [network for network in found.networks if network not in paired]
    first = (paired or others)[0]
    sentences = [
        Sentence("I judge every network with the same code, on test rows that no training has seen.", CORE),
        *(
            Sentence(_accuracy_sentence(network, "a confidence" if i == 0 else "an"), RESULT)
            for i, network in enumerate(paired)
        ),
        Sentence("The confidence interval says how far other rows could move that figure.", 4, follows=True),
        *(
            Sentence(f"{said(other.framework)}, from scratch, gets {percent(other.accuracy.value)}.", 3)
            for other in others
        ),
        *(Sentence(text, 9) for text in _class_sentences(first)),
        Sentence(
            "Precision asks how many alarms are true; recall asks how many true cases are found.", 5, follows=True
        ),
        *bar_sentences(record, 5),
        *_paired_sentences(record),
        *_equivalence_sentences(found.equivalence),
        Sentence("I look at precision and recall, because accuracy alone hides which kind of error a model makes.", 2),
    ]
    key_points = [
        *(
            f"{said(network.framework)}: {percent(network.accuracy.value)} "
            f"({percent(network.accuracy.low)} to {percent(network.accuracy.high)})."
            for network in paired
        ),
        *(
            f"{said(first.framework)}, {_class_name(figures.name)}: precision {percent(figures.precision)}, "
            f"recall {percent(figures.recall)}."
            for figures in first.classes[-1:]
        ),
        f"McNemar: p is {_p(record)}, {'a' if _significant(record) else 'no'} significant difference"
        + (f"; {_equivalence_point(found.equivalence)}." if found.equivalence else "."),
    ]
    return Script(sentences, [*key_points, *bar_points(record, 5)])


def tflite(record: RunRecord) -> Script | None:
    """Tell chapter 6: what float16 saves, and what it costs."""
    found = formats_of(record, 6)
    plain, compact = (
        next((entry for entry in found if entry.stored_as == stored), None) for stored in ("float32", "float16")
    )
    if not found:
        return None
    sentences = [
        Sentence(f"For phones and small boards I convert the SavedModel to TFLite, which {found[0].runtime} runs."),
        Sentence(
            "A device like that has no room for TensorFlow, and the small runtime does without it.", 4, follows=True
        ),
        *_size_sentences(record, plain, compact),
        *verification_sentences(record, 6, "TFLite"),
        *(_float16_sentences(compact) if compact and compact.status == "passed" else []),
        *accuracy_after_export(record, compact or plain),
        *missed_bar_sentences(record, 6),
        Sentence("I look at labels as well as probabilities, since the label is what a user sees.", 3),
        Sentence("The converter starts from the SavedModel, so the scaling is inside and the app sends raw rows.", 3),
        Sentence("A phone pays for every byte twice: once when the app is downloaded, once when it is loaded.", 1),
        Sentence("I keep the float32 file as well, as the one to hold the others against.", 1),
        Sentence("Whether a smaller file is worth a small difference depends on the device, so I measure first.", 2),
    ]
    key_points = [*(format_point(entry) for entry in found), *_size_points(plain, compact)]
    ran = any(entry.status == "passed" for entry in found)
    key_points.append("Judged alone, in its own runtime, on held-out rows." if ran else NOTHING_CLAIMED)
    return Script(sentences, [*key_points, *padding(key_points), *bar_points(record, 6)])


def onnx(record: RunRecord) -> Script | None:
    """Tell chapter 7: the dynamic batch axis, and the difference against a derived tolerance."""
    found = next(iter(formats_of(record, 7)), None)
    if found is None:
        return None
    sentences = [
        Sentence(f"From PyTorch I export to ONNX, an open graph format that {found.runtime} loads."),
        Sentence("Any language with such a runtime can load it, so the service need not be written in Python.", 4),
        Sentence("The batch axis is dynamic: the graph must not remember the batch size it was traced with."),
        *verification_sentences(record, 7, "ONNX"),
        *(_onnx_sentences(found) if found.status == "passed" else []),
        *accuracy_after_export(record, found),
        *missed_bar_sentences(record, 7),
        Sentence("I also pin the version of the operator set, because a runtime can be older than the exporter.", 3),
        Sentence("A test with one single batch size could not see a frozen axis.", 6),
        Sentence("A file whose answers are further off than rounding allows counts as broken.", 2),
        Sentence("The scaling is part of the graph, so whoever loads it sends raw rows.", 1),
    ]
    key_points = [
        f"Dynamic batch axis, checked at {_batch_sizes(found)}."
        if found.checks
        else "Dynamic batch axis, not checked.",
        format_point(found),
        f"Derived tolerance {small(found.tolerance, [found.largest_difference])}."
        if found.status == "passed"
        else NOTHING_CLAIMED,
    ]
    return Script(sentences, [*key_points, *bar_points(record, 7)])


def why_several_formats(record: RunRecord) -> Script | None:
    """Tell why one network is exported several times, from this run's own table."""
    if not record.formats:
        return None
    passed = [entry for entry in record.formats if entry.status == "passed"]
    once = {entry.title: entry for entry in passed}  # a format may come from both frameworks
    by_chapter = {entry.chapter: entry for entry in reversed(once.values())}
    sentences = [
        Sentence("Why several formats? Because a network is rarely run where it was trained."),
        Sentence("Each target has its own runtime, and each runtime reads its own kind of file.", 2),
        Sentence(_tally(record), FACT if len(passed) == len(record.formats) else MUST),
        *(
            Sentence(text, 8 if entry is by_chapter[entry.chapter] else 3)
            for entry in once.values()
            if count_words(text := f"{entry.title} is for {_first_clause(entry.good_for)}.") <= 22
        ),
        *_extremes(passed),
        Sentence("I start from the device and its runtime, and then compare size, speed and difference.", 5),
        Sentence("I only hand out a file that has answered the same rows as its source network.", 7),
        *(
            [Sentence("These times are from one machine, so I'd measure again on the real target.", 4)]
            if passed
            else []
        ),
        Sentence("More formats also mean more ways to go wrong, which is why each one is checked on its own.", 6),
        Sentence("A phone wants a small file, a server a named signature, and a compiler a graph that it can read.", 1),
        Sentence("Every file takes raw rows, since the scaling is part of the network.", 1),
    ]
    key_points = [
        _tally(record),
        *(sentence.text for sentence in _extremes(passed)),
        "Choose by target and runtime first, then by size, latency and difference.",
    ]
    return Script(sentences, key_points)


CHAPTERS: dict[int, tuple[str, Callable[[RunRecord], Script | None]]] = {
    1: ("Perceptron", perceptron),
    2: ("Multi-layer perceptron", mlp),
    3: ("Keras", keras),
    4: ("PyTorch", pytorch),
    5: ("Evaluation", evaluation),
    6: ("TFLite", tflite),
    7: ("ONNX", onnx),
    8: ("Why several formats", why_several_formats),
}


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


def _export_sentences(record: RunRecord, chapter: int, text: str) -> list[Sentence]:
    return [Sentence(text, 7)] if any(entry.status != "not_run" for entry in formats_of(record, chapter)) else []


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


def _accuracy_sentence(network: Evaluation, kind_of: str) -> str:
    accuracy = network.accuracy
    return (
        f"{said(network.framework)} gets {percent(accuracy.value)}, "
        f"with {kind_of} interval from {percent(accuracy.low)} to {percent(accuracy.high)}."
    )


def _class_name(name: str) -> str:
    known = name.lower().startswith("class ")
    return "the last class" if not 0 < count_words(name) <= 4 else name if known else f"class {name}"


def _class_sentences(network: Evaluation) -> list[str]:
    return [
        f"For {_class_name(figures.name)}, {said(network.framework)} has a precision of {percent(figures.precision)} "
        f"and a recall of {percent(figures.recall)}."
        for figures in network.classes[-1:]
    ]


def _paired(record: RunRecord) -> PairedTest:
    assert record.evaluation is not None
    assert record.evaluation.paired is not None
    return record.evaluation.paired


def _p(record: RunRecord) -> str:
    return p_value(_paired(record).p_value, SIGNIFICANCE)


def _significant(record: RunRecord) -> bool:
    return _paired(record).p_value < SIGNIFICANCE


def _paired_sentences(record: RunRecord) -> list[Sentence]:
    paired = _paired(record)
    first, second = (said(framework) for framework in paired.frameworks)
    counts = paired.only_first_right, paired.only_second_right
    if sum(counts) == 0:
        return [Sentence(f"{first} and {second} are right on exactly the same rows, so there is nothing to test.")]
    better = first if counts[0] > counts[1] else second
    verdict = (
        f"so the difference is significant, in favour of {better}."
        if _significant(record)
        else "so I can't say that they differ."
        if record.evaluation and record.evaluation.equivalence
        else "so I can't say that they differ, which is not proof that they are equal."
    )
    value = MUST if _significant(record) else FACT
    return [
        Sentence(
            "McNemar's test takes the rows where one alone is right: "
            f"{counts[0]:,} for {first}, {counts[1]:,} for {second}.",
            value,
        ),
        Sentence(f"Its p-value is {_p(record)}, {verdict}", value, follows=True),
    ]


def _equivalence_sentences(test: EquivalenceTest | None) -> list[Sentence]:
    if test is None:
        return []
    return [Sentence(_equivalence_sentence(test), FACT if test.equivalent else MUST)]


def _equivalence_sentence(test: EquivalenceTest) -> str:
    apart, margin = _points(test.difference, test.margin), _points(test.margin).replace("percentage ", "")
    verdict = (
        f"and a test shows them equivalent to within {margin}"
        if test.equivalent
        else f"and shown to differ by more than {margin}"
        if test.low >= test.margin or test.high <= -test.margin
        else f"which does not show them equivalent to within {margin}"
    )
    return f"Over {counted(test.n_seeds, 'seed')} they are {apart} apart, {verdict}."


def _equivalence_point(test: EquivalenceTest) -> str:
    p = p_value(test.p_value, SIGNIFICANCE)
    verdict = "equivalent" if test.equivalent else "NOT shown to be equivalent"
    return f"over {counted(test.n_seeds, 'seed')} {verdict} within {_points(test.margin)}, p is {p}"


def _points(difference: float, *others: float) -> str:
    """Write the size of a difference of shares in percentage points."""
    hundredfold = [round(100 * other, 10) for other in (0.0, *others)]
    text = decimal(abs(round(100 * difference, 10)), 2, hundredfold)
    return f"{text} percentage point{'' if unmarked(text) == '1' else 's'}"


def _size_sentences(record: RunRecord, plain: FormatRecord | None, compact: FormatRecord | None) -> list[Sentence]:
    ratio = _size_ratio(plain, compact)
    if plain is None or compact is None or ratio is None:
        return []
    sizes = plain.size_bytes, compact.size_bytes
    before, after = (data_size(size, [other]) for size, other in (sizes, sizes[::-1]))
    text = f"With float16 weights the file is {after} against {before}, a ratio of {_written(ratio)}"
    if ratio >= 1:
        return [
            Sentence(f"{text}, so here it does not shrink.", MUST),
            Sentence(
                "In a network this small, the extra conversion steps outweigh what the weights save.", 8, follows=True
            ),
        ]
    why = Sentence("Only the weights shrink; the graph around them stays as it is.", 8, follows=True)
    n_parameters = counted(record.network.n_parameters, "parameter")
    return [
        Sentence(f"{text}.", RESULT),
        *([why] if ratio > 0.5 else []),
        Sentence(f"The network has {n_parameters}.", 3),
    ]


def _size_points(plain: FormatRecord | None, compact: FormatRecord | None) -> list[str]:
    ratio = _size_ratio(plain, compact)
    return [] if ratio is None else [f"Size of float16 over float32, as measured: {_written(ratio)}."]


def _size_ratio(plain: FormatRecord | None, compact: FormatRecord | None) -> float | None:
    if plain is None or compact is None or not plain.size_bytes or not compact.size_bytes:
        return None
    return compact.size_bytes / plain.size_bytes


def _written(ratio: float) -> str:
    return decimal(ratio, 2, [0.5, 1.0])


def _cause_value(found: FormatRecord) -> int:
    return MUST if found.verdict == "unexplained" else FACT


def _float16_sentences(found: FormatRecord) -> list[Sentence]:
    causes = {
        "identical": "Even the probabilities of the float16 file are identical.",
        "rounding": "The float16 file stays within ordinary rounding.",
        "explained (float16 weights)": "The float16 difference is what storing the weights in fewer bits explains.",
    }
    return [
        Sentence(causes.get(found.verdict, "Nothing I derived explains the float16 difference."), _cause_value(found)),
        Sentence(
            "The weights are unpacked again when the file runs, so I save storage and not arithmetic.", 5, follows=True
        ),
    ]


def _onnx_sentences(found: FormatRecord) -> list[Sentence]:
    tolerance = small(found.tolerance, [found.largest_difference])
    return [
        *([Sentence(f"I checked it with {_batch_sizes(found)}.")] if found.checks else []),
        Sentence(f"Rounding in this network would explain a difference of {tolerance}."),
        Sentence(
            "That limit comes from the precision and the layers of this network; I did not choose it.", 7, follows=True
        ),
        Sentence(
            f"Between batch sizes, the same row moves by at most {small(found.batch_difference)}."
            if found.batch_difference
            else "A row gets exactly the same answer in a batch of any of these sizes.",
            5,
        ),
        Sentence("The file runs in a process of its own, without PyTorch.", 4),
    ]


def _batch_sizes(found: FormatRecord) -> str:
    return f"batches of {listed([f'{check.batch_size:,}' for check in found.checks[:5]])}"


def _tally(record: RunRecord) -> str:
    endings = {"passed": "passed the check", "failed": "failed it", "not_run": "could not be run here"}
    if len(record.formats) == 1:
        return f"My only export {endings[record.formats[0].status].replace('failed it', 'failed the check')}."
    counts = {status: n_formats(record, status) for status in endings}
    exports = counted(length(record.formats), "export")
    if counts["passed"] == len(record.formats):
        return f"Of my {exports}, every one passed its check against the network it came from."
    passed = f"{counts['passed'] or 'none'} passed the check"
    told = [f"{n:,} {endings[status]}" for status, n in counts.items() if n and status != "passed"]
    return f"Of my {exports}, {listed([passed, *told])}."


def _extremes(passed: Sequence[FormatRecord]) -> list[Sentence]:
    """Say which file is smallest, which is quickest, and which is furthest from its source."""
    if not passed:
        return [Sentence("So there is nothing here that I would hand out yet.", MUST)]
    if len(passed) == 1:
        (only,) = passed
        return [
            Sentence(
                f"{only.title} takes {data_size(only.size_bytes)} and answers a row in {duration(only.latency_us)}."
            ),
            Sentence(f"It is off by at most {small(only.largest_difference)}, with {flips_of(only)}."),
        ]
    low, high = (pick(passed, key=lambda entry: entry.size_bytes) for pick in (min, max))
    fast, slow = (pick(passed, key=lambda entry: entry.latency_us) for pick in (min, max))
    far = max(passed, key=lambda entry: entry.largest_difference)
    return [
        Sentence(
            f"{low.title} is the smallest, at {data_size(low.size_bytes)}, "
            f"and {high.title} takes {data_size(high.size_bytes)}."
        ),
        Sentence(
            f"For a single row {fast.title} needs {duration(fast.latency_us)}, "
            f"and {slow.title} {duration(slow.latency_us)}."
        ),
        Sentence(f"The largest difference is {small(far.largest_difference)}, in {far.title}, with {flips_of(far)}."),
    ]


def _first_clause(good_for: str) -> str:
    return good_for.split(":")[0].strip()
