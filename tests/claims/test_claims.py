"""Claims hold, are contradicted, or are not made; and each can go each way."""

from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from throughline.claims.book import all_claims
from throughline.claims.claim import WRITERS, Claim, roots, tell, tell_all
from throughline.record import RunRecord, load_record

from .conftest import load_factory

ROOT = Path(__file__).resolve().parents[2]
MEASURED = load_record(ROOT / "docs" / "record.json")
OPPOSITE = {"above": "at most", "at most": "above", "below": "at least", "at least": "below"}


def by_name(record: RunRecord, name: str) -> str:
    (told,) = (told for told in tell_all(record) if told.claim.name == name)
    return told.text


def test_there_is_a_claim_for_each_promise_of_each_chapter() -> None:
    claims = all_claims()
    assert len(claims) >= 30
    assert {claim.chapter for claim in claims} == set(range(9))
    assert {claim.write for claim in claims} <= set(WRITERS)


def own(record: RunRecord) -> RunRecord:
    return dataclasses.replace(record, arguments={"data": "rows.csv", "target": "target"})


def runs(record: RunRecord) -> dict[str, RunRecord]:
    """Return runs of all kinds; their ONNX file has the name that the package gives it."""
    formats = [dataclasses.replace(e, name=e.name.replace("onnx", "onnx-float32")) for e in record.formats]
    made = dataclasses.replace(record, formats=formats)
    task_records = load_factory("task_records")
    return {
        "built-in": MEASURED,
        "made up": made,
        "own": own(MEASURED),
        "several classes": task_records.of_classes(MEASURED),
        "amounts": task_records.of_amounts(MEASURED),
    }


@pytest.mark.parametrize("claim", all_claims(), ids=lambda claim: claim.name)
def test_each_claim_can_hold_and_can_be_contradicted(claim: Claim, record: RunRecord) -> None:
    """On a run that it is for, a real one or one that is made up: the ledger and int8 are not part of every run."""
    meant = [roots(each) for each in runs(record).values() if claim.is_for(each)]
    assert meant
    found = next((each for each in meant if tell(claim, each).verdict != "missing"), None)
    if found is None:
        assert "tflite-int8" in claim.field
        return
    told = tell(claim, found)
    if claim.kind == "from":
        bar = {"bar": told.value + 0.01, "upper": told.value + 0.02}  # type: ignore[operator]
        other = dataclasses.replace(claim, **bar)
    else:
        other = dataclasses.replace(claim, kind=OPPOSITE[claim.kind])
    turned = tell(other, found)
    assert {told.verdict, turned.verdict} == {"held", "contradicted"}
    assert told.text != turned.text
    for each in (told, turned):
        assert each.text.endswith(".")
        assert "{{" not in each.text
        assert each.shown_value


def test_bars_of_the_chapters_are_promises_too() -> None:
    promised = {(claim.chapter, claim.bar) for claim in all_claims() if not isinstance(claim.bar, str)}
    for bar in MEASURED.bars:
        if "exported files" not in bar.text and "Novikoff" not in bar.text:
            assert (bar.chapter, bar.required) in promised, bar.text


PROMISED_OF_THE_BUILT_IN_TASK = {
    *("keras-test", "torch-test", "keras-validation", "pytorch-validation", "numpy-validation", "ranking"),
    *("numpy-as-good", "perceptron-not-enough", "equivalent", "agreement", "within-a-minute"),
}


@pytest.mark.parametrize("kind", ["own", "several classes", "amounts"])
def test_a_table_of_ones_own_is_held_to_nothing_that_was_promised_of_the_built_in_task(
    kind: str, record: RunRecord
) -> None:
    told = {each.claim.name: each for each in tell_all(runs(record)[kind])}
    assert not told.keys() & PROMISED_OF_THE_BUILT_IN_TASK
    assert told.keys() >= PROMISED_OF_THE_BUILT_IN_TASK & {claim.name for claim in all_claims() if claim.rows == "any"}
    assert {each.claim.chapter for each in told.values() if each.verdict == "held"} == set(range(9))
    assert {name for name, each in told.items() if each.verdict == "contradicted"} <= {"float16-half"}
    missing = {name for name, each in told.items() if each.verdict == "missing"}
    assert all(re.search("losses|stock|int8", name) for name in missing)


def test_the_range_of_accuracies_is_promised_of_one_task_alone() -> None:
    names = {each.claim.name for each in tell_all(MEASURED)}
    assert names >= PROMISED_OF_THE_BUILT_IN_TASK
    task = dataclasses.replace(MEASURED.task, name="breast-cancer")
    others = {each.claim.name for each in tell_all(dataclasses.replace(MEASURED, task=task))}
    assert names - others == {"keras-test", "torch-test"}


def test_amounts_are_claimed_without_labels_and_classes_without_amounts(record: RunRecord) -> None:
    told = {kind: " ".join(each.text for each in tell_all(run)) for kind, run in runs(record).items()}
    assert not re.search("label|accura|probabilit|of the test rows right", told["amounts"])
    assert "Keras has an R² of 0.31 on the test rows (0.1 to 0.48)." in told["amounts"]
    assert "Wilcoxon's p is 0.28" in told["amounts"]
    for kind in ("built-in", "own", "several classes"):
        assert not re.search("R²|Wilcoxon|target", told[kind])
    assert "always giving the commonest class would get 33.3 %" in told["several classes"]
    assert "a coin has" not in told["several classes"]


def test_what_explains_nothing_is_contradicted() -> None:
    worse = load_factory("task_records").of_amounts(MEASURED, r2=-0.1234, rmse=81.2)
    texts = {each.claim.name: each.text for each in tell_all(worse) if each.verdict == "contradicted"}
    assert texts["keras-test-r2"] == "Keras has an R² of −0.12 on the test rows (−0.33 to 0.05): it explains nothing."
    assert "is 81.2 (69 to 93.4), in the target's unit, no less than the 71.9 of" in texts["torch-rmse"]
    assert "no better than always answering their mean" in texts["keras-r2"]


def test_a_missing_field_says_nothing(record: RunRecord) -> None:
    without = dataclasses.replace(record, keras=None, ledger=None)
    verdicts = {told.claim.name: (told.verdict, told.text) for told in tell_all(without)}
    assert verdicts["keras-validation"] == ("missing", "")
    assert verdicts["losses-coincide"] == ("missing", "")
    assert verdicts["pytorch-validation"][0] == "held"


def test_float16_is_told_as_it_was_measured(record: RunRecord) -> None:
    from throughline.sizes.record import load_measured

    sizes = load_measured()
    assert sizes is not None
    (payoff,) = (payoff for payoff in sizes.payoffs if payoff.name == "tflite-float16")
    text = by_name(record, "float16-half")
    assert text.startswith("float16 made the file 0.59 of its size here; it nears one half only from about ")
    said = float(text.split("from about ")[1].split(" parameters")[0].replace(",", ""))
    assert payoff.near_full_gain is not None
    assert said == pytest.approx(payoff.near_full_gain, rel=0.05)
    halved = [
        dataclasses.replace(entry, size_bytes=8700) if entry.name == "tflite-float16" else entry
        for entry in record.formats
    ]
    assert (
        by_name(dataclasses.replace(record, formats=halved), "float16-half")
        == "float16 halves the file: 0.5 of its size."
    )


def test_accuracy_outside_what_is_expected_is_said_with_its_interval(record: RunRecord) -> None:
    assert record.evaluation is not None
    assert by_name(record, "keras-test").startswith("Keras gets 94.1 % of the test rows right (92.5 % to ")
    networks = [
        dataclasses.replace(each, accuracy=dataclasses.replace(each.accuracy, value=0.97, high=0.98))
        for each in record.evaluation.networks
    ]
    better = dataclasses.replace(record, evaluation=dataclasses.replace(record.evaluation, networks=networks))
    assert "97 % of the test rows right (92.5 % to 98 %), outside the 92 % to 95 %" in by_name(better, "keras-test")


def test_json_has_what_the_table_has(record: RunRecord) -> None:
    rows = json.loads(json.dumps([told.to_dict() for told in tell_all(record)]))
    assert {"name", "chapter", "field", "value", "interval", "kind", "bar", "verdict", "text"} <= rows[0].keys()
    assert next(row for row in rows if row["name"] == "torch-test")["interval"].keys() == {"low", "high"}
