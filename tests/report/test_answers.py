"""What networks answer is named after the task, and a class that is called by a figure cites its name."""

from __future__ import annotations

import pytest

from throughline.claims.cited import cite, marked_figures
from throughline.record import RunRecord
from throughline.report.answers import answer_of, class_name, loss, output_layer, reaches, score, scores_on_test_rows

from .task_records import DIGITS, of_amounts, of_classes


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("two classes", ("one sigmoid unit", "probability", "94.1 %", "94.1 %", "0.215")),
        ("classes", ("3 softmax units, one for each class", "probability", "94.1 %", "94.1 %", "0.215")),
        ("amounts", ("one linear unit", "amount", "minus 0.05", "an R² of minus 0.05", "about 4,570")),
    ],
)
def test_answers_scores_and_losses_are_named_after_the_task(
    kind: str, said: tuple[str, ...], record: RunRecord
) -> None:
    made = {"two classes": record, "classes": of_classes(record), "amounts": of_amounts(record)}[kind]
    value, of_loss = (-0.0512, 4567.8) if kind == "amounts" else (0.941, 0.2149)
    told = output_layer(made), answer_of(made), score(made, value), reaches(made, value), loss(made, of_loss)
    assert told == said


def test_scores_are_those_of_the_test_rows(record: RunRecord) -> None:
    assert record.evaluation is not None
    assert scores_on_test_rows(record) == {
        network.framework: network.accuracy for network in record.evaluation.networks
    }
    assert {name: found.value for name, found in scores_on_test_rows(of_amounts(record)).items()} == dict.fromkeys(
        ("numpy", "keras", "torch"), 0.3093
    )


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (("0", "1", "2"), ["class 0", "class 1", "class 2"]),
        (("Class A", " b\n c ", "d"), ["Class A", "class b c", "class d"]),
        (("one two three four five", "a b c d e", "f"), ["one class", "one class", "class f"]),
        (("a", "b", "one two three four five"), ["class a", "class b", "the last class"]),
    ],
)
def test_classes_are_named_as_they_are_said(names: tuple[str, ...], said: list[str], record: RunRecord) -> None:
    made = of_classes(record, names)
    assert [class_name(made, code) for code in range(3)] == said


def test_a_figure_for_a_name_cites_it(record: RunRecord) -> None:
    cited = cite(of_classes(record, DIGITS))
    assert list(marked_figures(class_name(cited, 7))) == [("7", "task.class_names[7]")]
    assert list(marked_figures(class_name(cite(of_classes(record)), 1))) == []
