"""Chapter 5 where answers are classes: which errors a network makes, and McNemar's test."""

from __future__ import annotations

from throughline.record import Evaluation, EvaluationRecord, PairedTest, RunRecord
from throughline.report.answers import class_name
from throughline.report.phrases import FACT, MUST, RESULT, Sentence, said
from throughline.report.scripts.c5_figures import SIGNIFICANCE, Figures, no_difference
from throughline.report.spoken import decimal, p_value, percent


def figures(record: RunRecord, found: EvaluationRecord) -> Figures:
    """Say what there is beyond the accuracies."""
    assert found.paired is not None
    first = next((n for n in found.networks if n.framework in found.paired.frameworks), found.networks[0])
    several = len(first.classes) > 2
    significant = found.paired.p_value < SIGNIFICANCE
    return Figures(
        about_one=[
            *_choice_sentences(found, first),
            *_imbalance_sentences(record, first),
            *(_several_classes(record, first) if several else _two_classes(record, first)),
        ],
        about_both=_paired_sentences(found.paired, found.equivalence is not None),
        why=Sentence(
            "I look at the confusion matrix, because accuracy alone hides which classes are taken for each other."
            if several
            else "I look at precision and recall, because accuracy alone hides which kind of error a model makes.",
            2,
        ),
        points=[_point_of_several(record, first)] if several else [_point_of_two(record, first)],
        test_point=f"McNemar: p is {_p(found.paired)}, {'a' if significant else 'no'} significant difference",
    )


def _choice_sentences(found: EvaluationRecord, network: Evaluation) -> list[Sentence]:
    """Say that the threshold was chosen, if it was."""
    if found.threshold_rule != "best" or network.threshold is None:
        return []
    text = (
        f"The threshold of {said(network.framework)} is {decimal(network.threshold, 9)}, "
        "which I chose on the validation rows, where F1 is highest with it."
    )
    return [Sentence(text, FACT)]


def _imbalance_sentences(record: RunRecord, network: Evaluation) -> list[Sentence]:
    """Say the area under the precision-recall curve where a class is rare."""
    if record.table is None or not any(warning.kind == "imbalance" for warning in record.table.warnings):
        return []
    precision, roc = network.average_precision, network.roc_auc
    area = "the mean area under it" if len(network.classes) > 2 else "the area under it"
    text = (
        f"One class is rare, so I look at the precision-recall curve: {area} is {decimal(precision, 3)}; "
        f"under the ROC curve, which rare classes flatter, it is {decimal(roc, 3)}."
    )
    return [Sentence(text, RESULT)]


def _two_classes(record: RunRecord, network: Evaluation) -> list[Sentence]:
    last = network.classes[-1]
    return [
        Sentence(
            f"For {class_name(record, len(network.classes) - 1)}, {said(network.framework)} has a precision of "
            f"{percent(last.precision)} and a recall of {percent(last.recall)}.",
            9,
        ),
        Sentence(
            "Precision asks how many alarms are true; recall asks how many true cases are found.", 5, follows=True
        ),
    ]


def _point_of_two(record: RunRecord, network: Evaluation) -> str:
    last = network.classes[-1]
    return (
        f"{said(network.framework)}, {class_name(record, len(network.classes) - 1)}: precision "
        f"{percent(last.precision)}, recall {percent(last.recall)}."
    )


def _several_classes(record: RunRecord, network: Evaluation) -> list[Sentence]:
    name = said(network.framework)
    weakest = min(range(len(network.classes)), key=lambda code: _recall(network, code))
    mistake = commonest_mistake(network)
    worst = [
        Sentence(
            f"{name} finds {class_name(record, weakest)} least often: its recall there is "
            f"{percent(network.classes[weakest].recall)}.",
            6,
        )
    ]
    return [
        Sentence(_mistake_sentence(record, network), 9),
        *(worst if mistake is not None else []),
        Sentence(
            f"{name}'s mean area under the ROC curve is {_area(network)}.",
            8,
        ),
        Sentence("The mean is over the classes, each against the rest; a coin would have one half.", 4, follows=True),
    ]


def _recall(network: Evaluation, code: int) -> float:
    """Return the recall of a class; one that no test row belongs to is no weakness."""
    return network.classes[code].recall if network.classes[code].n_rows else 1.0


def commonest_mistake(network: Evaluation) -> tuple[int, int] | None:
    """Return true class and answer of the most frequent mistake; of equal ones, that of the smallest class."""
    n_classes = len(network.classes)
    cells = [(i, j) for i in range(n_classes) for j in range(n_classes) if i != j and network.confusion[i][j] > 0]
    return max(
        cells, key=lambda cell: (network.confusion[cell[0]][cell[1]], -sum(network.confusion[cell[0]])), default=None
    )


def _mistake_sentence(record: RunRecord, network: Evaluation) -> str:
    cell = commonest_mistake(network)
    if cell is None:
        return f"{said(network.framework)} takes no class for another."
    true, answered = cell
    n_rows = network.confusion[true][answered]
    ties = sum(count == n_rows for i, row in enumerate(network.confusion) for j, count in enumerate(row) if i != j)
    which = "Among its commonest mistakes" if ties > 1 else "As its commonest mistake"
    return (
        f"{which}, {said(network.framework)} takes {class_name(record, true)} for {class_name(record, answered)}, "
        f"on {n_rows:,} of {network.classes[true].n_rows:,} rows."
    )


def _area(network: Evaluation) -> str:
    return decimal(network.roc_auc, 3, [0.5, 1.0])


def _point_of_several(record: RunRecord, network: Evaluation) -> str:
    area = f"{said(network.framework)}: area under the ROC curve {_area(network)}, mean over the classes"
    cell = commonest_mistake(network)
    if cell is None:
        return f"{area}; no class taken for another."
    true, answered = (class_name(record, code) for code in cell)
    return f"{area}; {true} taken for {answered} on {network.confusion[cell[0]][cell[1]]:,} rows."


def _p(paired: PairedTest) -> str:
    return p_value(paired.p_value, SIGNIFICANCE)


def _paired_sentences(paired: PairedTest, equivalence_follows: bool) -> list[Sentence]:
    first, second = (said(framework) for framework in paired.frameworks)
    counts = paired.only_first_right, paired.only_second_right
    if sum(counts) == 0:
        return [Sentence(f"{first} and {second} are right on exactly the same rows, so there is nothing to test.")]
    better = first if counts[0] > counts[1] else second
    significant = paired.p_value < SIGNIFICANCE
    verdict = (
        f"so the difference is significant, in favour of {better}."
        if significant
        else no_difference(equivalence_follows)
    )
    value = MUST if significant else FACT
    return [
        Sentence(
            "McNemar's test takes the rows where one alone is right: "
            f"{counts[0]:,} for {first}, {counts[1]:,} for {second}.",
            value,
        ),
        Sentence(f"Its p-value is {_p(paired)}, {verdict}", value, follows=True),
    ]
