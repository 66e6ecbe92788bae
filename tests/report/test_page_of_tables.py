"""The page of a run on a table: more than two classes, amounts, and what was found in the file."""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from throughline.claims.check import check_text
from throughline.record import EquivalenceTest, RunRecord
from throughline.report import plots
from throughline.report.formatting import amount, difference, percent
from throughline.report.page import render_page
from throughline.report.plots.amounts import draw
from throughline.report.plots.canvas import Picture, style
from throughline.report.view import MOST_MIX_UPS, build_view

from .page_reader import PageReader
from .record_factory import equivalence, make_amounts, make_multiclass, make_record, make_table
from .test_page import assert_sound

MAKERS: dict[str, Callable[[], RunRecord]] = {
    "two classes": lambda: make_record(table=make_table()),
    "three classes": make_multiclass,
    "ten classes": lambda: make_multiclass(10),
    "forty classes": lambda: make_multiclass(40),
    "amounts": make_amounts,
}


@functools.cache
def record_of(name: str) -> RunRecord:
    return MAKERS[name]()


@functools.cache  # to draw the pictures of a page takes seconds
def page_of(name: str) -> str:
    return render_page(record_of(name))


@pytest.fixture
def changed_page(monkeypatch: pytest.MonkeyPatch) -> Callable[[RunRecord, str], str]:
    """Render a changed record with the pictures of the record that it was changed from."""

    def render(record: RunRecord, name: str) -> str:
        drawn = pictures_of(name)
        monkeypatch.setattr(plots, "draw_pictures", lambda _: drawn)
        return render_page(record)

    return render


@functools.cache
def pictures_of(name: str) -> dict[str, Picture]:
    return plots.draw_pictures(record_of(name))


def section(page: str, name: str) -> str:
    """Return a section of the page as text."""
    (found,) = re.findall(rf'<section id="{name}".*?</section>', page, re.DOTALL)
    return PageReader(found).text


def spaced(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("name", MAKERS)
def test_page_is_sound_and_every_figure_names_its_field(name: str) -> None:
    page = page_of(name)
    reader = assert_sound(page)
    assert not re.search(r"\b(?:nan|None|inf)\b", reader.text)
    # What is claimed and said of such runs is held by the tests of the claims.
    shown = re.sub(r'<section id="claims".*?</section>', "", page, flags=re.DOTALL)
    assert check_text(shown, Path("report.html"), record_of(name)).faults == []


def test_a_figure_that_was_changed_is_found_in_the_new_parts() -> None:
    page = page_of("amounts").replace(">57.2<", ">57.3<")
    faults = check_text(page, Path("report.html"), record_of("amounts")).faults
    assert any("rmse.value is 57.21" in fault.reason for fault in faults)


def test_a_class_that_is_renamed_is_found() -> None:
    record = record_of("three classes")
    page = page_of("three classes").replace('"task.class_names[1]">8<', '"task.class_names[1]">9<')
    assert any(fault.reason == "task.class_names[1] is 8" for fault in check_text(page, Path("r.html"), record).faults)


# More than two classes


def test_classes_that_a_plane_parts_are_named() -> None:
    text = section(page_of("three classes"), "perceptron")
    assert "Each of the 3 classes got a perceptron of its own" in text
    assert "A plane parts 1 of them from all the rest" in text
    assert "parted from the rest by a plane setosa not parted 8 a <long> name of a class" in text
    assert "weights that were right most often are kept (the pocket)" in text


@pytest.mark.parametrize(("separated", "said"), [([], "none of them"), (["setosa", "8"], "2 of them")])
def test_how_many_classes_are_parted_is_said(
    separated: list[str], said: str, changed_page: Callable[[RunRecord, str], str]
) -> None:
    record = record_of("three classes")
    assert record.perceptron is not None
    perceptron = dataclasses.replace(record.perceptron, task_classes_separated=separated)
    text = section(changed_page(dataclasses.replace(record, perceptron=perceptron), "three classes"), "perceptron")
    assert f"A plane parts {said} from all the rest" in text


@pytest.mark.parametrize("name", ["three classes", "ten classes", "forty classes"])
def test_the_whole_confusion_matrix_is_shown(name: str) -> None:
    record, page = record_of(name), page_of(name)
    assert record.evaluation is not None
    for network in record.evaluation.networks:
        (table,) = re.findall(rf'id="confusion-{network.framework}".*?</table>', page, re.DOTALL)
        rows = re.findall(r"<tr>.*?</tr>", table.split("<tbody>")[1], re.DOTALL)
        cells = [re.findall(r"<td[^>]*>(?:<b>)?(?:<span[^>]*>(\d+)</span>)?", row) for row in rows]
        assert [[int(cell or 0) for cell in row] for row in cells] == network.confusion
    assert ("most frequent mistakes" in page) == (name != "three classes")


def test_the_most_frequent_mistakes_come_first() -> None:
    record = record_of("ten classes")
    assert record.evaluation is not None
    for network in record.evaluation.networks:
        found = build_view(record).mix_ups[network.framework]
        assert len(found) == MOST_MIX_UPS
        mistakes = sorted(
            (n for true, row in enumerate(network.confusion) for answered, n in enumerate(row) if true != answered),
            reverse=True,
        )
        assert [mix_up.n_rows for mix_up in found] == mistakes[:MOST_MIX_UPS]
        for mix_up in found:
            assert network.confusion[mix_up.true][mix_up.answered] == mix_up.n_rows
            assert mix_up.of_rows == sum(network.confusion[mix_up.true])


def test_what_is_averaged_or_pooled_says_so() -> None:
    text = section(page_of("three classes"), "evaluation")
    for words in (
        "ROC AUC, macro",
        "PR AUC, macro",
        "macro averages: the mean over the classes",
        "ROC curves of all classes pooled",
        "Calibration of the class that was answered",
        "and its ROC AUC against all others",
        "Class by class",
    ):
        assert words in text
    assert "of class 1 are found" not in text
    assert "All labels on this page use" not in text
    two = section(page_of("two classes"), "evaluation")
    assert "macro" not in two
    assert "pooled" not in two


def test_pictures_of_many_classes_say_what_they_show() -> None:
    drawn = pictures_of("three classes")
    assert "all classes pooled" in drawn["roc"].alt
    assert "Mean area of single classes" in drawn["roc"].alt
    assert "share of right answers" in drawn["calibration"].alt
    assert ">cross-entropy<" in drawn["losses"].svg


def test_shares_of_every_class_are_shown() -> None:
    text = section(page_of("ten classes"), "run")
    assert text.count(spaced(percent(0.098))) == 30


# Amounts


def test_headlines_of_amounts_are_r2_and_rmse() -> None:
    headlines = {headline.label: headline for headline in build_view(record_of("amounts")).headlines}
    keras = headlines["Keras, test R²"]
    assert keras.value == "0.362"
    assert keras.detail.endswith("interval −0.042 to 0.522; RMSE 57.2, 48.7 to 65.7")


def test_amounts_are_never_called_accurate() -> None:
    page = page_of("amounts")
    for name in ("result", "frameworks", "evaluation", "tflite", "formats"):
        text = section(page, name).replace("test accuracy above", "")
        assert not re.search(r"labels? flipped|validation accuracy|Test accuracy", re.sub(r"\d Keras, .*", "", text))
    assert "It was not asked" in section(page, "perceptron")
    assert "mean squared error" in page


def test_scores_and_errors_of_amounts_are_shown() -> None:
    record = record_of("amounts")
    assert record.evaluation is not None
    text = section(page_of("amounts"), "evaluation")
    network = record.evaluation.amounts[0]
    for figure in (network.rmse, network.mae, network.bias):
        assert f"{amount(figure.value)} {amount(figure.low)} to {amount(figure.high)}" in text
    assert f"{difference(network.r2.value)} {difference(network.r2.low)} to {difference(network.r2.high)}" in text
    assert f"always the mean of the training rows – {amount(network.baseline_rmse)}" in text
    assert " ".join(map(amount, network.error_quantiles)) in text
    assert "by Wilcoxon’s signed-rank test (p = 0.283) the two do not differ significantly" in text
    assert f"minus that of PyTorch is {amount(0.773)} on average" in text


@pytest.mark.parametrize(
    ("test", "said"),
    [
        (equivalence(0.001, 0.002, metric="R²"), "is 0.001 on average (90 % interval −0.001 to 0.003): equivalent"),
        (equivalence(-0.02, 0.002, metric="R²"), "−0.022 to −0.018): different by more than 0.01 of R²"),
    ],
)
def test_equivalence_of_amounts_is_told_in_r2(
    test: EquivalenceTest, said: str, changed_page: Callable[[RunRecord, str], str]
) -> None:
    record = record_of("amounts")
    assert record.evaluation is not None
    changed = dataclasses.replace(record, evaluation=dataclasses.replace(record.evaluation, equivalence=test))
    assert said in section(changed_page(changed, "amounts"), "evaluation")


def test_each_network_has_its_answers_and_errors_drawn_to_one_scale() -> None:
    drawn = pictures_of("amounts")
    for framework in ("numpy", "keras", "torch"):
        assert {f"answers-{framework}", f"residuals-{framework}"} <= set(drawn)
    ticks = [re.findall(r">(−?[\d,.]+)<", drawn[f"answers-{name}"].svg) for name in ("numpy", "keras", "torch")]
    assert ticks[0] == ticks[1] == ticks[2] != []
    assert "roc" not in drawn


@pytest.mark.parametrize("scale", [0.0, 1e-7, 1e-3, 1e6, 1e12])
def test_amounts_of_any_size_are_drawn(scale: float) -> None:
    record = record_of("amounts")
    assert record.evaluation is not None
    scaled = [
        dataclasses.replace(
            network,
            points=[(scale * truth, scale * answer) for truth, answer in network.points],
            error_quantiles=[scale * error for error in network.error_quantiles],
        )
        for network in record.evaluation.amounts
    ]
    with style():
        drawn = draw(scaled)
    assert len(drawn) == 7
    for picture in drawn:
        ticks = re.findall(r'style="[^"]*font-size[^"]*"[^>]*>([^<]*\d[^<]*)<', picture.svg)
        assert len(ticks) >= 2, picture.name
        assert max(map(len, ticks)) <= 13, ticks


# The file


def test_what_was_found_in_the_file_is_told() -> None:
    page = page_of("three classes")
    text = section(page, "table")
    assert "leakage '7' alone predicts the target with 0.997." in text
    assert "All 5,003 rows were read; 3 of them have no target and were left out." in text
    assert "format CSV encoding Latin-1 separator semicolons rows all" in text
    assert "town category as asked 12 distinct texts 12 4 99 12 inputs: town = 0, town = 1" in text
    assert "<id> identifier another text in every row 5,000 0 left out" in text
    assert "what is to be answered" in text
    assert "is left out: identifier" not in text  # it stands beside its column
    first_screen = section(page, "result")
    assert "before the figures are believed: leakage ( what was found in it )" in first_screen


def test_a_file_without_warnings_says_what_was_looked_for(changed_page: Callable[[RunRecord, str], str]) -> None:
    record = dataclasses.replace(record_of("amounts"), table=make_table(warnings=[]))
    text = PageReader(changed_page(record, "amounts")).text
    assert "Looked for and not found: a column that alone gives the target away" in text
    assert "a rare class" not in text  # an amount has none
    assert "before the figures are believed" not in text


def test_a_sample_is_called_one(changed_page: Callable[[RunRecord, str], str]) -> None:
    record = dataclasses.replace(record_of("amounts"), table=make_table(n_rows=80_000, n_read=5003))
    assert "5,003 of the file’s 80,000 rows were read" in section(changed_page(record, "amounts"), "table")


def test_a_built_in_task_has_no_file(record: RunRecord, changed_page: Callable[[RunRecord, str], str]) -> None:
    page = changed_page(record, "two classes")
    assert 'href="#table"' not in page
    assert 'id="table"' not in page
