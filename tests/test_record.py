"""The record: JSON both ways, a schema that real records obey, and clear words about files that are none."""

from __future__ import annotations

import dataclasses
import json
import math
import os
from typing import Any, get_args, get_origin, get_type_hints

import jsonschema
import numpy as np
import pytest

from throughline.errors import DataError
from throughline.evaluate import evaluate, mcnemar
from throughline.record import (
    NOT_REPRODUCED,
    SCHEMA_VERSION,
    BatchCheck,
    Environment,
    EvaluationRecord,
    FormatRecord,
    GradientRecord,
    MlpRecord,
    PerceptronRecord,
    PlanePicture,
    PlaneProblem,
    RunRecord,
    Span,
    SplitRecord,
    TrainingRecord,
    json_schema,
    load_record,
    make_bar,
    reproducible_figures,
)
from throughline.spec import NetworkSpec, Task, TrainSpec

PICTURE = PlanePicture(points=[(0.5, -1.0, 1)], lines=[(1.0, 2.0, 3.0)], grid=[[0.25, 0.75]], extent=(0, 1, -1, 1))


def training(framework: str) -> TrainingRecord:
    return TrainingRecord(
        framework=framework,
        n_parameters=26,
        losses=[0.7, 0.5],
        val_losses=[0.6, 0.55],
        val_accuracies=[0.8, 0.9],
        best_epoch=2,
        val_accuracy=0.9,
        val_loss=0.55,
        initial_digest="a" * 64,
        weights_digest="b" * 64,
        weights_path=f"models/{framework}/weights.safetensors",
        fit_s=0.25,
        versions={framework: "1.0"},
    )


def artefact(name: str, status: str, **fields: Any) -> FormatRecord:
    words = {"title": name.upper(), "chapter": 7, "framework": "torch", "runtime": "a runtime", "good_for": "tests"}
    return FormatRecord(name=name, **words, stored_as="float32", status=status, reason="", **fields)


def small_record(**changes: Any) -> RunRecord:
    """A record of all chapters, its evaluation really computed, as small as it goes."""
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, 40), rng.random(40)
    checks = [BatchCheck(batch_size=1, n_rows=40, largest_difference=1e-7, mean_difference=1e-8, n_flips=0)]
    record = RunRecord(
        schema_version=SCHEMA_VERSION,
        name="small",
        created="2026-01-02T03:04:05Z",
        arguments={"task": "t", "data": None, "strict": False, "chapters": [1, 2]},
        seed=7,
        chapters=[1, 2, 3, 4, 5, 6, 7],
        task=Task(name="t", kind="binary", feature_names=("a", "ü"), class_names=("no", "yes"), source="hand"),
        split=SplitRecord(n_train=60, n_val=20, n_test=40, share_of_class_1=(0.5, 0.5, 0.5), sha256="c" * 64),
        network=NetworkSpec(n_inputs=2),
        train=TrainSpec(),
        perceptron=PerceptronRecord(
            n_train=3,
            n_test=2,
            n_epochs=2,
            mistakes_per_epoch=[1, 0],
            n_mistakes=1,
            converged=True,
            radius=2.0,
            margin=0.5,
            margin_found=0.1,
            novikoff_bound=16.0,
            train_accuracy=1.0,
            test_accuracy=1.0,
            task_test_accuracy=0.8,
            task_n_epochs=5,
            task_converged=False,
            picture=PICTURE,
        ),
        mlp=MlpRecord(
            gradient=GradientRecord(
                n_checked=9,
                n_skipped_kinks=0,
                largest_relative_error=1e-9,
                autograd_framework="",
                autograd_largest_relative_error=None,
            ),
            problems=[
                PlaneProblem(
                    name="XOR",
                    layer_sizes=[2, 3, 1],
                    n_epochs=1,
                    losses=[0.5],
                    perceptron_accuracy=0.5,
                    test_accuracy=1.0,
                    picture=PICTURE,
                )
            ],
            training=training("numpy"),
        ),
        keras=training("keras"),
        pytorch=training("torch"),
        evaluation=EvaluationRecord(
            threshold=0.5,
            networks=[evaluate("keras", y, p, ("no", "yes")), evaluate("torch", y, p**2, ("no", "yes"))],
            paired=mcnemar(("keras", "torch"), y, p, p**2),
        ),
        formats=[
            artefact("one", "passed", verdict="rounding", checks=checks, facts={"opset": 20, "runtime": "x 1.0"}),
            artefact("two", "not_run"),
        ],
        bars=[make_bar(1, "accuracy", 0.97, "above", 0.95), make_bar(2, "error", 1e-9, "below", 1e-6, "number")],
        spans=[
            Span(name="a", process="main", chapter=2, start_s=0.0, seconds=1.5),
            Span(name="b", process="main", chapter=1, start_s=0.5, seconds=0.25),
            Span(name="c", process="other", chapter=2, start_s=0.5, seconds=0.5),
        ],
        wall_s=2.0,
        environment=Environment(
            throughline="0", python="3", system="s", machine="m", n_cpus=2, packages={"numpy": "2.0"}
        ),
    )
    return dataclasses.replace(record, **changes)


def write(path, record):
    path.write_text(record.to_json(), encoding="utf-8")
    return path


# --- JSON ------------------------------------------------------------------------------------------------------------


def test_json_brings_back_an_equal_record(tmp_path):
    record = small_record()
    assert load_record(write(tmp_path / "record.json", record)) == record
    assert load_record(tmp_path) == record


def test_chapters_that_were_not_asked_for_are_null_and_come_back(tmp_path):
    empty = {"perceptron": None, "mlp": None, "keras": None, "pytorch": None, "evaluation": None, "formats": []}
    record = small_record(**empty, chapters=[])
    assert load_record(write(tmp_path / "record.json", record)) == record
    assert json.loads(record.to_json())["mlp"] is None


def test_text_is_indented_json_that_ends_in_a_newline():
    text = small_record().to_json()
    assert json.loads(text)["task"]["feature_names"] == ["a", "ü"]
    assert text.startswith('{\n "schema_version": ')
    assert text.endswith("}\n")


# --- the schema ------------------------------------------------------------------------------------------------------


def validator():
    schema = json_schema()
    kind = jsonschema.validators.validator_for(schema, default=jsonschema.Draft202012Validator)
    kind.check_schema(schema)
    return kind(schema)


@pytest.mark.parametrize("changes", [{}, {"mlp": None, "keras": None, "evaluation": None, "formats": []}])
def test_a_record_obeys_the_schema(changes):
    assert list(validator().iter_errors(json.loads(small_record(**changes).to_json()))) == []


def remove(key):
    return lambda data: data.pop(key)


DAMAGES = {
    "no seed": remove("seed"),
    "no formats": remove("formats"),
    "text for a number": lambda data: data.update(seed="7"),
    "unknown status": lambda data: data["formats"][0].update(status="fine"),
    "check without flips": lambda data: data["formats"][0]["checks"][0].pop("n_flips"),
    "null for a number": lambda data: data["bars"][0].update(measured=None),
    "unknown dtype": lambda data: data["network"].update(dtype="float16"),
    "two shares of three": lambda data: data["split"]["share_of_class_1"].pop(),
    "one of a pair": lambda data: data["evaluation"]["paired"].update(frameworks=["keras"]),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_record_breaks_the_schema_and_is_not_loaded(tmp_path, damage):
    data = json.loads(small_record().to_json())
    damage(data)
    assert list(validator().iter_errors(data))
    (tmp_path / "record.json").write_text(json.dumps(data))
    with pytest.raises(DataError, match="RUN must be a whole record of schema version 1"):
        load_record(tmp_path)


def test_schema_describes_every_field_of_every_type():
    definitions = json_schema()["$defs"]
    seen = set()

    def walk(kind):
        for part in get_args(kind) if get_origin(kind) else [kind]:
            if get_origin(part):
                walk(part)
            elif dataclasses.is_dataclass(part) and part not in seen:
                seen.add(part)
                assert set(definitions[part.__name__]["properties"]) == {
                    field.name for field in dataclasses.fields(part)
                }
                for field in get_type_hints(part).values():
                    walk(field)

    walk(RunRecord)
    assert len(seen) > 15


# --- files that are no record ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"{}",
        b"not json",
        b"\xff\xfe{}",
        b'{"schema_version": "1"}',
        b'{"schema_version": 1}',
    ],
)
def test_file_that_is_no_record_is_refused_by_name(tmp_path, content):
    (tmp_path / "record.json").write_bytes(content)
    with pytest.raises(DataError) as raised:
        load_record(tmp_path)
    assert "record.json" in str(raised.value)
    assert raised.value.parameter == "RUN"
    assert "\n" not in str(raised.value)


def test_truncated_record_is_refused(tmp_path):
    text = small_record().to_json()
    (tmp_path / "record.json").write_text(text[: len(text) // 2])
    with pytest.raises(DataError, match="a whole record of schema version 1"):
        load_record(tmp_path)


def test_record_of_another_version_is_told_so_even_if_it_fits(tmp_path):
    write(tmp_path / "record.json", small_record(schema_version=SCHEMA_VERSION + 1))
    with pytest.raises(DataError, match=r"a record of schema version 1, but got version 2 in .*record\.json"):
        load_record(tmp_path)


def test_missing_file_and_folder_are_refused(tmp_path):
    for path in (tmp_path, tmp_path / "nowhere", tmp_path / "record.json"):
        with pytest.raises(DataError, match="No such file or directory"):
            load_record(path)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="2026-11-22: a superuser may read every file")
def test_unreadable_file_is_refused(tmp_path):
    path = write(tmp_path / "record.json", small_record())
    path.chmod(0)
    with pytest.raises(DataError, match="Permission denied"):
        load_record(path)


# --- what a record answers -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "below", "equal", "above"),
    [
        ("at least", False, True, True),
        ("above", False, False, True),
        ("below", True, False, False),
        ("at most", True, True, False),
    ],
)
def test_bars(kind, below, equal, above):
    met = [make_bar(1, "x", measured, kind, 0.5).met for measured in (0.4, 0.5, 0.6)]
    assert met == [below, equal, above]
    assert not make_bar(1, "x", math.nan, kind, 0.5).met
    numpy_bar = make_bar(1, "x", np.float64(0.5), kind, 0.5)
    assert (type(numpy_bar.met), type(numpy_bar.measured)) == (bool, float)


def test_verified_unless_one_failed():
    passed, not_run, failed = (artefact(status, status) for status in ("passed", "not_run", "failed"))
    assert small_record(formats=[passed, not_run]).verified
    assert not small_record(formats=[passed, failed]).verified


def test_trainings_come_in_the_order_of_the_chapters():
    assert [entry.framework for entry in small_record().trainings()] == ["numpy", "keras", "torch"]
    assert [entry.framework for entry in small_record(mlp=None).trainings()] == ["keras", "torch"]
    assert small_record(mlp=None, keras=None, pytorch=None).trainings() == []


def test_format_by_name():
    assert small_record().format_named("one").verdict == "rounding"
    assert small_record().format_named("three") is None


def test_seconds_add_up_by_chapter():
    assert small_record().seconds_by_chapter() == {1: 0.25, 2: 2.0}


def test_reproducible_figures_leave_out_clocks_machine_and_nothing_else():
    record = small_record()
    other = dataclasses.replace(
        record,
        created="later",
        name="other",
        wall_s=9.0,
        spans=[],
        keras=dataclasses.replace(record.keras, fit_s=9.0),
        environment=dataclasses.replace(record.environment, machine="another"),
        formats=[dataclasses.replace(entry, latency_us=5.0, load_s=1.0, rows_per_s=2.0) for entry in record.formats],
    )
    assert reproducible_figures(other) == reproducible_figures(record)
    assert reproducible_figures(dataclasses.replace(record, seed=8)) != reproducible_figures(record)
    losses = dataclasses.replace(record.keras, losses=[0.7, 0.5000001])
    assert reproducible_figures(dataclasses.replace(record, keras=losses)) != reproducible_figures(record)
    kept = json.dumps(reproducible_figures(record))
    assert not [name for name in NOT_REPRODUCED if f'"{name}"' in kept]


def test_every_name_left_out_is_a_field_of_some_type():
    fields = {name for entry in json_schema()["$defs"].values() for name in entry.get("properties", {})}
    assert fields >= NOT_REPRODUCED
