"""Follow-up questions cite the run, and say what was measured where it is not what is usually expected."""

from __future__ import annotations

import dataclasses
import re

import pytest

from throughline import record as r
from throughline.report.follow_ups import FollowUp, follow_ups
from throughline.report.scripts import CHAPTERS
from throughline.report.spoken import count_words
from throughline.report.talking_points import talking_points

from .test_talking_points import AMOUNTS, FORMATS, RECORDS, SEVERAL_CLASSES, changed, make_format, make_record


def asked(record: r.RunRecord, key: str) -> FollowUp:
    return next(entry for entry in follow_ups(record, int(key.split(".")[0])) if entry.key == key)


@pytest.mark.parametrize("name", RECORDS)
def test_every_chapter_has_three_questions_or_more_with_whole_answers(name: str) -> None:
    keys = []
    for point in talking_points(RECORDS[name]):
        assert len(point.follow_ups) >= 3
        for entry in point.follow_ups:
            keys.append(entry.key)
            assert entry.key.startswith(f"{point.chapter}.")
            assert entry.question.endswith("?")
            assert 20 <= count_words(entry.answer) <= 90, entry
            assert re.fullmatch(r"\S.*[.]", entry.answer)
            assert not re.search(r"None|  |nan\b|inf\b|[{}]", entry.answer), entry
    assert len(set(keys)) == len(keys)


def keys(record: r.RunRecord) -> set[str]:
    return {entry.key for chapter in CHAPTERS for entry in follow_ups(record, chapter)}


def test_keys_are_the_same_for_every_run_on_a_task_of_one_kind() -> None:
    for usual, others in (
        ("usual", RECORDS.keys() - SEVERAL_CLASSES.keys() - AMOUNTS.keys()),
        ("three classes", SEVERAL_CLASSES),
        ("amounts", AMOUNTS),
    ):
        known = keys(RECORDS[usual])
        assert len(known) >= 24
        assert all(keys(RECORDS[name]) <= known for name in others)


def test_a_question_that_is_asked_of_one_kind_of_task_alone_has_a_key_of_its_own() -> None:
    by_key: dict[str, set[str]] = {}
    for name in ("usual", "three classes", "amounts"):
        for chapter in CHAPTERS:
            for entry in follow_ups(RECORDS[name], chapter):
                by_key.setdefault(entry.key, set()).add(entry.question)
    assert {key for key, questions in by_key.items() if len(questions) > 1} == {"5.threshold"}


def test_answers_follow_what_the_networks_answer() -> None:
    three, ten, amounts = (RECORDS[name] for name in ("three classes", "ten classes", "amounts"))
    assert "Within 50 epochs 1 of 3 settled" in asked(three, "1.several").answer
    assert "always saying the largest class would be right on 10 %" in asked(ten, "5.imbalance").answer
    assert "where equal probabilities would have 0.45" in asked(ten, "5.probabilities").answer
    assert "with Keras, 6 test rows had less than one half there" in asked(ten, "5.threshold").answer
    assert "minus the one-hot label" in asked(three, "3.loss").answer
    assert "it takes logits" in asked(three, "4.cross-entropy").answer
    assert "in the target's unit squared; always answering their mean would get" in asked(amounts, "3.loss").answer
    assert "184 too low and 131 too high" in asked(amounts, "5.errors").answer
    assert "between 95.2 too low and 95.2 too high" in asked(amounts, "5.single").answer
    assert "so I judge it by R² as well" in asked(amounts, "6.int8").answer
    worse = RECORDS["worse than the mean"]
    assert "would do as well or better" in asked(worse, "5.r2").answer
    assert "so it has learned nothing of use" in asked(worse, "3.loss").answer


def test_answers_follow_the_measurement() -> None:
    usual = RECORDS["usual"]
    assert "a ratio of 0.59" in asked(usual, "6.halved").answer
    assert "save at most 6.9 kilobytes" in asked(usual, "6.halved").answer
    assert asked(RECORDS["float16 larger"], "6.halved").question == "Why did float16 make the file no smaller?"
    assert asked(RECORDS["float16 below half"], "6.halved").question == "Did float16 halve the file?"
    assert "claim no figure" in asked(RECORDS["all failed"], "6.halved").answer
    assert "claim no figure" in asked(RECORDS["float16 alone"], "6.halved").answer
    assert asked(RECORDS["no dropout"], "3.dropout").question == "Why no dropout?"
    assert "so I see no overfitting" in asked(usual, "3.dropout").answer
    assert "is wrong" in asked(RECORDS["bound broken"], "1.bound").answer
    assert "settled after" in asked(RECORDS["own task separable"], "1.own-task").answer
    assert "it bought nothing" in asked(RECORDS["gradient not a number"], "2.hidden").answer
    assert "my only check" in asked(RECORDS["no autograd"], "2.gradient").answer
    assert "not significant, and that does not prove them equal" in asked(usual, "5.real").answer
    assert "has nothing to go on" in asked(RECORDS["perfect"], "5.real").answer
    assert "calls the rest significant" in asked(RECORDS["significant"], "5.real").answer
    assert "the rule itself cannot tell which" in asked(usual, "1.own-task").answer
    assert "is inside my margin of 1" in asked(RECORDS["equivalent"], "5.real").answer
    assert "is not inside my margin of 1" in asked(RECORDS["not equivalent"], "5.real").answer
    assert "Here none of 6 exports failed." in asked(usual, "8.fails").answer
    assert "Here 2 of 6 exports failed, and 1 could not be run." in asked(RECORDS["some failed"], "8.fails").answer


def test_a_useless_network_is_not_praised() -> None:
    keras = RECORDS["usual"].keras
    assert keras is not None
    bad = dataclasses.replace(RECORDS["usual"], keras=dataclasses.replace(keras, val_loss=0.7))
    assert "so it has learned nothing of use" in asked(bad, "3.loss").answer
    assert "someone who knows only the share of the classes would get 0.693" in asked(bad, "3.loss").answer
    assert "so some overfitting is left" in asked(bad, "3.dropout").answer


def test_imbalance_is_held_against_the_larger_class() -> None:
    split = dataclasses.replace(RECORDS["usual"].split, share_of_class_1=(0.04, 0.04, 0.04))
    rare = dataclasses.replace(RECORDS["usual"], split=split)
    answer = asked(rare, "5.imbalance").answer
    assert "they do not balance" in answer
    assert "right on 96 %" in answer
    assert "only 94.2 %, which is no better" in answer


def test_batches_are_told_as_measured() -> None:
    quick = make_record(formats=changed("onnx-float32", latency_us=8.0, rows_per_s=8e6))
    assert "so the fixed part of a call outweighs" in asked(quick, "7.batch").answer
    slow = make_record(formats=changed("onnx-float32", latency_us=8.0, rows_per_s=1e5))
    assert "so here larger batches gain nothing" in asked(slow, "7.batch").answer
    assert "claim no figure" in asked(RECORDS["all failed"], "7.batch").answer


def test_the_bin_that_costs_most_is_named_and_not_a_stray_row() -> None:
    usual = RECORDS["usual"]
    assert usual.evaluation is not None
    networks = [
        dataclasses.replace(network, calibration=[(0.2, 1.0, 1), (0.8, 0.7, 300)])
        for network in usual.evaluation.networks
    ]
    record = dataclasses.replace(usual, evaluation=dataclasses.replace(usual.evaluation, networks=networks))
    assert "says 80 % on average where 70 % is true, on 300 rows." in asked(record, "5.probabilities").answer


def test_int8_is_told_where_it_was_made() -> None:
    assert "no such file" in asked(RECORDS["usual"], "6.int8").answer
    made = dataclasses.replace(
        make_format("tflite-float16"), name="tflite-int8", title="TFLite int8", told=False, n_flips=3
    )
    with_it = make_record(formats=[*(make_format(name) for name in FORMATS), made])
    assert "TFLite int8 takes 10.1 kilobytes" in asked(with_it, "6.int8").answer
    assert "3 labels changed." in asked(with_it, "6.int8").answer


def test_a_threshold_that_was_chosen_is_said_with_what_one_half_would_give() -> None:
    evaluation = RECORDS["usual"].evaluation
    assert evaluation is not None
    networks = [
        dataclasses.replace(n, threshold=0.37, plain_accuracy=dataclasses.replace(n.accuracy, value=0.912))
        for n in evaluation.networks
    ]
    chosen = dataclasses.replace(evaluation, networks=networks, threshold=None, threshold_rule="best")
    answer = asked(dataclasses.replace(RECORDS["usual"], evaluation=chosen), "5.threshold").answer
    assert answer.startswith("At 0.37 F1 is highest on the validation rows")
    assert "91.2 % of the test rows would be right" in answer
    assert "I left it at 0.5" in asked(RECORDS["usual"], "5.threshold").answer
