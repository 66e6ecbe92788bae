"""No false alarm on what the package writes, whatever the record; a false figure is found wherever it is."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from throughline.claims.check import check_text
from throughline.record import RunRecord, make_bar
from throughline.report.page import render_page
from throughline.report.talking_points import render_talking_points

from .conftest import load_factory

PAGE, POINTS = Path("report.html"), Path("talking_points.md")
FACTORY = load_factory()
RECORD: RunRecord = FACTORY.make_record()
SUPERSCRIPTS, DIGITS = "⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789"
# What is not read as a figure: styles, tags, the ticks of pictures, names of fields in small print, comments.
# The last: lengths of the walks, which are counted in the texts of the walks, and those are in no file.
UNREAD = re.compile(
    r"<style.*?</style>|<text[^>]*>[^<]*|<code>[^<]*</code></span>|<!--.*?-->|<[^>]*>|&#?\w+;|\| walk \|.*", re.DOTALL
)


def records() -> dict[str, RunRecord]:
    """Records of all kinds: whole, old, with chapters left out, with failures, contradicted."""
    formats = RECORD.formats
    missed = make_bar(3, "Keras, validation accuracy", 0.871, "above", 0.9)
    return {
        "whole": RECORD,
        "old": FACTORY.without_new_parts(RECORD),
        **{name: dataclasses.replace(RECORD, **{name: None}) for name in ("perceptron", "mlp", "keras", "evaluation")},
        "nothing exported": dataclasses.replace(RECORD, formats=[]),
        "one failed": dataclasses.replace(RECORD, formats=[FACTORY.failed(formats[0]), *formats[1:]]),
        "all failed": dataclasses.replace(RECORD, formats=list(map(FACTORY.failed, formats))),
        "some not run": dataclasses.replace(RECORD, formats=[*map(FACTORY.not_run, formats[:3]), *formats[3:]]),
        "one format": dataclasses.replace(RECORD, formats=formats[-1:]),
        "bar missed": dataclasses.replace(RECORD, bars=[*RECORD.bars, missed]),
    }


@pytest.mark.parametrize("name", records())
def test_no_figure_that_the_package_writes_is_an_alarm(name: str) -> None:
    record = records()[name]
    for path, text in ((PAGE, render_page(record)), (POINTS, render_talking_points(record))):
        checked = check_text(text, path, record)
        assert [str(fault) for fault in checked.faults] == []
        assert checked.n_figures == checked.n_cited > (20 if path == POINTS else 100)


TASKS = load_factory("task_records")
OF_OTHER_TASKS: dict[str, RunRecord] = {
    "three classes": TASKS.of_classes(RECORD),
    "classes that are called by digits": TASKS.of_classes(RECORD, TASKS.DIGITS, separated=(0, 2, 4)),
    "a class without rows": TASKS.of_classes(RECORD, mistakes={(0, 1): 30}, separated=()),
    "amounts": TASKS.of_amounts(RECORD),
    "amounts in millions": TASKS.of_amounts(RECORD, r2=-0.0004, rmse=7_654_321.0, baseline=1_234_567.8),
    "tiny amounts": TASKS.of_amounts(RECORD, rmse=1.23e-7, baseline=1.2345e-7, apart=-3.4e-9, largest_apart=5.6e-8),
}


@pytest.mark.parametrize("name", OF_OTHER_TASKS)
def test_every_figure_of_the_talking_points_is_a_field_whatever_the_task(name: str) -> None:
    record = OF_OTHER_TASKS[name]
    text = render_talking_points(record)
    checked = check_text(text, POINTS, record)
    assert [str(fault) for fault in checked.faults] == []
    assert checked.n_figures == checked.n_cited > 200


def test_a_class_that_is_called_by_a_digit_is_not_any_other() -> None:
    record = OF_OTHER_TASKS["classes that are called by digits"]
    text = render_talking_points(record)
    changed = text.replace("takes class 1 for class 2", "takes class 1 for class 7", 1)
    assert changed != text
    assert check_text(changed, POINTS, record).faults


class Texts(dict[Path, tuple[str, list[int]]]):
    """Texts with the places of the digits that are read; Hypothesis would write all of them out."""

    def __repr__(self) -> str:
        return f"{len(self)} texts"


@pytest.fixture(scope="module")
def texts(page: str, points: str) -> Texts:
    return Texts({path: (text, read_digits(text)) for path, text in ((PAGE, page), (POINTS, points))})


def read_digits(text: str) -> list[int]:
    unread = {place for found in UNREAD.finditer(text) for place in range(*found.span())}
    return [place for place, character in enumerate(text) if character in SUPERSCRIPTS + DIGITS and place not in unread]


@pytest.mark.parametrize("path", [PAGE, POINTS])
@settings(max_examples=25, deadline=None)
@given(number=st.integers(0, 10**9), step=st.integers(1, 9))
def test_a_changed_digit_anywhere_is_found(path: Path, number: int, step: int, texts: Texts) -> None:
    text, places = texts[path]
    place = places[number % len(places)]
    alphabet = SUPERSCRIPTS if text[place] in SUPERSCRIPTS else DIGITS
    digit = alphabet[(alphabet.index(text[place]) + step) % len(alphabet)]
    changed = text[:place] + digit + text[place + 1 :]
    before = text[max(0, place - 8) : place]
    if re.search(r"[Cc]hapters? $|\bclass $", before):  # numbers of chapters and classes: any of them is one
        return
    assert check_text(changed, path, RECORD).faults, changed[max(0, place - 60) : place + 30]


@pytest.mark.parametrize(
    ("said", "instead", "told"),
    [
        ("17.3 kilobytes", "17.4 kilobytes", "is cited here, and not said"),
        ("It learns only from mistakes", "It learns 3 times from mistakes", "it cites no field"),
        ("It learns only from mistakes", "It needs 99 % from mistakes", "it cites no field"),
        ("*134 words as spoken", "*135 words as spoken", "the script above has"),
        ("at 150 words a minute", "at 160 words a minute", "at 160 a minute"),
        ("3457", "x", None),
    ],
)
def test_a_false_figure_is_quoted_with_its_line(points: str, said: str, instead: str, told: str | None) -> None:
    said = re.sub(r"\*134", re.search(r"\*\d+(?= words)", points)[0], said)  # type: ignore[index]
    instead = instead.replace("*135", "*999")
    body = points
    if told is None:
        assert check_text(body, POINTS, RECORD).faults == []
        return
    assert said in body
    place = body.index(said)
    changed = body[:place] + instead + body[place + len(said) :]
    faults = check_text(changed, POINTS, RECORD).faults
    assert faults
    assert told in faults[0].reason
    lines = changed.splitlines()
    near = " ".join(lines[faults[0].line - 1 : faults[0].line + 12])
    assert faults[0].figure in " ".join(near.split())


def test_a_field_that_is_gone_or_changed_is_found(page: str, points: str) -> None:
    assert RECORD.keras is not None
    worse = dataclasses.replace(RECORD, keras=dataclasses.replace(RECORD.keras, val_accuracy=0.5))
    for path, text in ((PAGE, page), (POINTS, points)):
        assert any("keras.val_accuracy is 0.5" in fault.reason for fault in check_text(text, path, worse).faults)
        gone = check_text(text, path, dataclasses.replace(RECORD, keras=None)).faults
        assert any("no record has the field keras.val_accuracy" in fault.reason for fault in gone)


def test_a_point_that_was_taken_out_is_no_fault(points: str) -> None:
    line = next(line for line in points.splitlines() if line.startswith("- ") and "mistakes" in line and "8" in line)
    shorter = points.replace(f"{line}\n", "")
    assert shorter != points
    assert check_text(shorter, POINTS, RECORD).faults == []


def test_a_page_of_an_older_release_says_what_to_do(page: str) -> None:
    older = re.sub(r' data-fields?="[^"]*"', "", page)
    (fault,) = check_text(older, PAGE, RECORD).faults
    assert "throughline report RUN" in fault.reason


@example("It was 94.1 % of 1,000 rows.", 0)
@given(
    st.sampled_from(["A gradient error of 3.2 × 10⁻⁹.", "It has 1,000 test rows.", "Trained for 20 features."]),
    st.just(0),
)
def test_a_text_without_fields_needs_values_of_the_record(sentence: str, n_faults: int) -> None:
    found = check_text(sentence, Path("notes.md"), RECORD).faults
    assert len(found) == n_faults
    assert check_text(
        sentence.replace("1,000", "1,234,567").replace("⁻⁹", "⁻³"), Path("notes.md"), RECORD
    ).faults or not re.search("1,000|⁻⁹", sentence)


def test_prose_of_a_notebook_is_read_and_its_outputs_are_not() -> None:
    cells = [
        {
            "cell_type": "markdown",
            "source": ["## Chapter 3: Keras\n", "It uses `Dense(77)` and $x_{12}$ and 98.765 % dropout."],
        },
        {"cell_type": "code", "source": ["print(123456)"], "outputs": [{"text": "123456"}]},
    ]
    (fault,) = check_text(json.dumps({"cells": cells}), Path("n.ipynb"), RECORD).faults
    assert fault.figure == "98.765 %"


def test_the_same_record_gives_the_same_text_marked_or_not(
    factory: ModuleType, make_record: Callable[..., RunRecord], points: str
) -> None:
    from throughline.claims.cited import cite, unmarked
    from throughline.report.talking_points import talking_points

    for record in records().values():
        plain, cited = talking_points(record), talking_points(cite(record))
        assert [point.n_words for point in cited] == [point.n_words for point in plain]
        assert [unmarked(point.script) for point in cited] == [point.script for point in plain]
        assert [tuple(map(unmarked, point.key_points)) for point in cited] == [point.key_points for point in plain]
