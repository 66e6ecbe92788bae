from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from throughline import record as r
from throughline.claims.figures import find_figures
from throughline.report import spoken
from throughline.report.follow_ups import follow_ups
from throughline.report.phrases import MUST, Sentence
from throughline.report.scripts import CHAPTERS
from throughline.report.speaker import Speaker
from throughline.report.spoken import count_words, read_aloud
from throughline.report.talking_points import (
    COMFORTABLE_S,
    LONGEST_S,
    SHORTEST_S,
    TalkingPoint,
    compose,
    escape_markdown,
    render_talking_points,
    talking_points,
    write_talking_points,
)
from throughline.spec import NetworkSpec, Task, TrainSpec

from .task_records import DIGITS, of_amounts, of_classes

PICTURE = r.PlanePicture(points=[], lines=[], grid=[], extent=(0.0, 1.0, 0.0, 1.0))
FORMATS = {
    "savedmodel": (
        "TensorFlow SavedModel",
        3,
        "keras",
        "TensorFlow / TF Serving",
        "a server: TF Serving loads the folder and answers its named signature",
    ),
    "torchscript": (
        "TorchScript",
        4,
        "torch",
        "libtorch",
        "a C++ program or an older PyTorch server: no Python class is needed",
    ),
    "torch-export": (
        "torch.export",
        4,
        "torch",
        "PyTorch",
        "PyTorch's compilers: AOTInductor and ExecuTorch start from this graph",
    ),
    "tflite-float32": (
        "TFLite float32",
        6,
        "keras",
        "LiteRT",
        "a phone or board that computes in float32, without TensorFlow",
    ),
    "tflite-float16": (
        "TFLite float16",
        6,
        "keras",
        "LiteRT",
        "the same with a smaller download: weights stored in 16 bits",
    ),
    "onnx-float32": (
        "ONNX float32",
        7,
        "torch",
        "ONNX Runtime",
        "any language and vendor runtime: C++, C#, Java, browsers, accelerators",
    ),
}
SIZES = {
    "savedmodel": 121_377,
    "torchscript": 31_911,
    "torch-export": 41_023,
    "tflite-float32": 17_112,
    "tflite-float16": 10_096,
    "onnx-float32": 15_333,
}


def make_format(name: str, status: str = "passed", **changes: Any) -> r.FormatRecord:
    title, chapter, framework, runtime, good_for = FORMATS[name]
    half = name.endswith("16")
    difference, n_flips = changes.get("largest_difference", 2.43e-4 if half else 5.97e-8), changes.get("n_flips", 0)
    fields: dict[str, Any] = {
        "name": name,
        "title": title,
        "chapter": chapter,
        "framework": framework,
        "runtime": runtime,
        "good_for": good_for,
        "stored_as": "float16" if half else "float32",
        "status": status,
        "reason": "" if status == "passed" else "The largest difference is 1.2e-01, which nothing explains.",
    }
    if status == "passed":
        fields |= {
            "verdict": "explained (float16 weights)" if half else "rounding",
            "size_bytes": SIZES[name],
            "checks": [
                r.BatchCheck(
                    batch_size=size, n_rows=1000, largest_difference=difference, mean_difference=1e-9, n_flips=n_flips
                )
                for size in (1, 2, 33, 1000)
            ],
            "largest_difference": difference,
            "tolerance": 1e-3 if half else 1.31e-6,
            "batch_difference": 5.9e-8,
            "test_accuracy": 0.938,
            "latency_us": 100.0 / len(title),
        }
    return r.FormatRecord(**(fields | changes))


def make_training(framework: str, accuracy: float, digest: str = "ab") -> r.TrainingRecord:
    return r.TrainingRecord(
        framework=framework,
        n_parameters=3457,
        losses=[0.5] * 23,
        val_losses=[0.4] * 23,
        val_accuracies=[accuracy] * 23,
        best_epoch=18,
        val_accuracy=accuracy,
        val_loss=0.2,
        initial_digest=digest,
        weights_digest="cd",
        weights_path="models/w.safetensors",
        fit_s=2.5,
        versions={},
    )


def make_evaluation(framework: str, accuracy: float, classes: tuple[str, str]) -> r.Evaluation:
    figures = [r.ClassFigures(name=n, precision=0.9412, recall=0.9377, f1=0.94, n_rows=500) for n in classes]
    return r.Evaluation(
        framework=framework,
        accuracy=r.Interval(value=accuracy, low=max(0, accuracy - 0.0162), high=min(1, accuracy + 0.0131)),
        classes=figures,
        confusion=[[1, 2], [3, 4]],
        report="",
        roc_auc=0.97,
        average_precision=0.97,
        log_loss=0.2,
        brier=0.05,
        roc=[],
        precision_recall=[],
        calibration=[],
    )


def make_perceptron(**changes: Any) -> r.PerceptronRecord:
    fields: dict[str, Any] = {
        "n_train": 320,
        "n_test": 80,
        "n_epochs": 12,
        "mistakes_per_epoch": [40, 7, 0],
        "n_mistakes": 47,
        "converged": True,
        "radius": 2.9,
        "margin": 0.1,
        "margin_found": 0.02,
        "novikoff_bound": 841.3,
        "train_accuracy": 1.0,
        "test_accuracy": 0.9875,
        "task_test_accuracy": 0.811,
        "task_n_epochs": 50,
        "task_converged": False,
        "picture": PICTURE,
    }
    return r.PerceptronRecord(**(fields | changes))


def make_mlp(error: float = 2.94e-10, autograd: float | None = 1.3e-6, xor: float = 0.995) -> r.MlpRecord:
    problems = [
        r.PlaneProblem(
            name=name,
            layer_sizes=[2, 8, 1],
            n_epochs=300,
            losses=[],
            perceptron_accuracy=line,
            test_accuracy=net,
            picture=PICTURE,
        )
        for name, line, net in (("two moons", 0.8625, 0.9875), ("XOR", 0.5125, xor))
    ]
    gradient = r.GradientRecord(
        n_checked=3457,
        n_skipped_kinks=3,
        largest_relative_error=error,
        autograd_framework="" if autograd is None else "torch",
        autograd_largest_relative_error=autograd,
    )
    return r.MlpRecord(gradient=gradient, problems=problems, training=make_training("numpy", 0.9313))


def make_equivalence(
    difference: float = -0.0012, half: float = 0.0021, p_value: float = 3e-5, n_seeds: int = 10
) -> r.EquivalenceTest:
    return r.EquivalenceTest(
        frameworks=("keras", "torch"),
        margin=0.01,
        n_seeds=n_seeds,
        difference=difference,
        low=difference - half,
        high=difference + half,
        p_value=p_value,
        equivalent=p_value < 0.05,
    )


def make_record(
    *,
    hidden: tuple[int, ...] = (64, 32),
    task_name: str = "make-classification",
    classes: tuple[str, str] = ("class 0", "class 1"),
    accuracy: float = 0.9421,
    paired: tuple[int, int, float] = (12, 9, 0.6636),
    bars_met: bool = True,
    n_bars: int = 1,
    digest: str = "ab",
    without: tuple[int, ...] = (),
    formats: list[r.FormatRecord] | None = None,
    perceptron: r.PerceptronRecord | None = None,
    mlp: r.MlpRecord | None = None,
    network: dict[str, Any] | None = None,
    equivalence: r.EquivalenceTest | None = None,
) -> r.RunRecord:
    measured = accuracy if bars_met else 0.8765
    entries = formats if formats is not None else [make_format(name) for name in FORMATS]
    return r.RunRecord(
        schema_version=1,
        name="a-run",
        created="",
        arguments={},
        seed=7,
        chapters=[c for c in range(1, 8) if c not in without],
        task=Task(
            name=task_name,
            kind="binary",
            feature_names=tuple(f"a rather long name of a feature {i}" for i in range(20)),
            class_names=classes,
            source="made",
        ),
        split=r.SplitRecord(n_train=3000, n_val=1000, n_test=1000, share_of_class_1=(0.5, 0.5, 0.5), sha256="00"),
        network=NetworkSpec(n_inputs=20, hidden_units=hidden, **(network or {})),
        train=TrainSpec(),
        perceptron=None if 1 in without else perceptron or make_perceptron(),
        mlp=None if 2 in without else mlp or make_mlp(),
        keras=None if 3 in without else make_training("keras", measured, digest),
        pytorch=None if 4 in without else make_training("torch", measured),
        evaluation=None
        if 5 in without
        else r.EvaluationRecord(
            threshold=0.5,
            networks=[make_evaluation(name, accuracy, classes) for name in ("numpy", "keras", "torch")],
            paired=r.PairedTest(
                frameworks=("keras", "torch"),
                only_first_right=paired[0],
                only_second_right=paired[1],
                agreement=0.979,
                p_value=paired[2],
            ),
            equivalence=equivalence,
        ),
        formats=[entry for entry in entries if entry.chapter not in without],
        bars=[
            r.make_bar(c, "accuracy on the rows of this chapter", measured, "above", 0.90)
            for c in range(1, 8)
            for _ in range(n_bars)
        ],
        spans=[],
        wall_s=12.0,
        environment=r.Environment(throughline="0", python="3", system="", machine="", n_cpus=2, packages={}),
    )


def with_status(**statuses: str) -> list[r.FormatRecord]:
    return [make_format(name, statuses.get(name.replace("-", "_"), "passed")) for name in FORMATS]


def changed(name: str, **changes: Any) -> list[r.FormatRecord]:
    return [make_format(other, **(changes if other == name else {})) for other in FORMATS]


ALL_FAILED, NONE_RUN = ([make_format(name, status) for name in FORMATS] for status in ("failed", "not_run"))
LONG_NAME = "a very long name " * 12
RECORDS = {
    "usual": make_record(),
    "breast-cancer": make_record(task_name="breast-cancer", classes=("malignant", "benign"), accuracy=0.9825),
    "perfect": make_record(accuracy=1.0, paired=(0, 0, 1.0)),
    "bad": make_record(accuracy=0.5213, bars_met=False),
    "many bars missed": make_record(bars_met=False, n_bars=4),
    "no bars": make_record(n_bars=0),
    "significant": make_record(paired=(31, 9, 0.00068)),
    "just significant": make_record(paired=(9, 21, 0.0499)),
    "equivalent": make_record(equivalence=make_equivalence()),
    "equivalent and significant": make_record(paired=(31, 9, 0.00068), equivalence=make_equivalence(0.0071)),
    "equivalent and the same": make_record(paired=(0, 0, 1.0), equivalence=make_equivalence(0.0, 0.0, 0.0)),
    "not equivalent": make_record(equivalence=make_equivalence(half=0.021, p_value=0.31)),
    "beyond the margin": make_record(equivalence=make_equivalence(-0.0312, p_value=0.9999)),
    "long names": make_record(task_name=LONG_NAME, classes=(LONG_NAME, "x" * 300)),
    "numbers for names": make_record(task_name="2024_data_123456789", classes=("123456789", "987654321")),
    "markup in names": make_record(task_name="<b>|x|</b>", classes=("*a*", "`b` [c](d)")),
    "one hidden layer": make_record(hidden=(8,)),
    "three hidden layers": make_record(hidden=(128, 64, 32)),
    "four wide hidden layers": make_record(hidden=(1777, 1777, 1777, 1777), network={"hidden_activation": "tanh"}),
    "no dropout": make_record(network={"dropout": 0.0}),
    "one flip": make_record(formats=changed("tflite-float16", n_flips=1)),
    "many flips": make_record(formats=changed("tflite-float16", n_flips=377, largest_difference=0.3312)),
    "float16 larger": make_record(formats=changed("tflite-float16", size_bytes=19_000)),
    "float16 below half": make_record(formats=changed("tflite-float16", size_bytes=8_000)),
    "float16 identical": make_record(
        formats=changed("tflite-float16", largest_difference=0.0, verdict="identical", n_flips=0)
    ),
    "all failed": make_record(formats=ALL_FAILED),
    "none run": make_record(formats=NONE_RUN),
    "all failed and bars missed": make_record(formats=ALL_FAILED, bars_met=False, n_bars=3),
    "some failed": make_record(
        formats=with_status(onnx_float32="failed", tflite_float16="failed", torchscript="not_run")
    ),
    "no formats": make_record(formats=[]),
    "one format": make_record(formats=[make_format("onnx-float32")]),
    "float16 alone": make_record(formats=[make_format("tflite-float16")]),
    "only chapters 6 and 7": make_record(without=(1, 2, 3, 4, 5)),
    "only chapters 1 and 2": make_record(without=(3, 4, 5, 6, 7)),
    "only chapter 4": make_record(without=(1, 2, 3, 5, 6, 7)),
    "other start weights": make_record(digest="other"),
    "perceptron did not converge": make_record(
        perceptron=make_perceptron(converged=False, n_epochs=1000, n_mistakes=777_777, novikoff_bound=1_234_567.8)
    ),
    "own task separable": make_record(perceptron=make_perceptron(task_converged=True, task_test_accuracy=1.0)),
    "bound broken": make_record(perceptron=make_perceptron(n_mistakes=900)),
    "no autograd": make_record(mlp=make_mlp(autograd=None)),
    "bad gradient": make_record(mlp=make_mlp(error=0.37, autograd=1.21), bars_met=False),
    "gradient not a number": make_record(mlp=make_mlp(error=float("nan"), xor=0.5125)),
}
MISSED = make_record(bars_met=False, n_bars=4, formats=ALL_FAILED)
SEVERAL_CLASSES = {
    "three classes": of_classes(make_record(equivalence=make_equivalence(half=0.021, p_value=0.31))),
    "ten classes": of_classes(make_record(paired=(31, 9, 0.00068)), DIGITS, separated=(0, 2, 4, 6)),
    "no class separated": of_classes(make_record(), DIGITS[:4], separated=()),
    "every class separated": of_classes(make_record(), separated=(0, 1, 2), mistakes={}),
    "classes with long names": of_classes(make_record(), (LONG_NAME, "x" * 300, "*b* <i>"), separated=(0, 1)),
    "classes, nothing worked": of_classes(MISSED, mistakes={(0, 1): 30, (1, 2): 30, (2, 0): 30}),
}
AMOUNTS = {
    "amounts": of_amounts(make_record(equivalence=make_equivalence(half=0.021, p_value=0.31))),
    "amounts, equivalent": of_amounts(make_record(equivalence=make_equivalence())),
    "amounts in millions": of_amounts(make_record(), rmse=1_234_567.8, baseline=7_654_321.0, apart=-98_765.4),
    "tiny amounts": of_amounts(make_record(), rmse=1.23e-7, baseline=1.31e-7, apart=-2.2e-9, largest_apart=3.3e-8),
    "worse than the mean": of_amounts(make_record(bars_met=False), r2=-0.1234, rmse=81.2, p_value=0.0004),
    "amounts that are the same": of_amounts(make_record(), apart=0.0, largest_apart=0.0, p_value=1.0),
    "amounts, other after export": of_amounts(make_record(), file_r2=0.2871),
    "amounts, nothing worked": of_amounts(MISSED, r2=-3.21),
}
RECORDS |= SEVERAL_CLASSES | AMOUNTS


def script(record: r.RunRecord, chapter: int) -> str:
    return next(point.script for point in talking_points(record) if point.chapter == chapter)


def check_lengths(points: list[TalkingPoint], wpm: int = 150) -> None:
    for point in points:
        where = f"{point.title}: {point.n_words} words: {point.script}"
        assert point.n_words == count_words(point.script)
        assert SHORTEST_S <= 60 * point.n_words / wpm <= LONGEST_S, where
        assert SHORTEST_S <= point.seconds <= LONGEST_S, where
        assert 3 <= len(point.key_points) <= 5, (point.title, point.key_points)


def test_there_are_enough_different_records() -> None:
    assert len({repr(record) for record in RECORDS.values()}) == len(RECORDS) >= 20


@pytest.mark.parametrize("wpm", [100, 125, 150, 175, 200])
@pytest.mark.parametrize("name", RECORDS)
def test_every_script_takes_half_a_minute_to_a_minute(name: str, wpm: int) -> None:
    check_lengths(talking_points(RECORDS[name], Speaker(wpm)), wpm)


@pytest.mark.parametrize("name", RECORDS)
def test_rendered_text_shows_every_script_with_its_length_and_is_reproducible(name: str) -> None:
    record = RECORDS[name]
    text = render_talking_points(record)
    assert text == render_talking_points(record)
    for point in talking_points(record):
        assert escape_markdown(point.script) in text
        assert f"*{point.n_words} words as spoken, about {point.seconds} s*" in text
    assert not re.search(r"<b>|\n{3}|[ \t]\n|None", text)
    assert text.endswith("\n")
    assert not text.endswith("\n\n")


def test_the_longest_case_of_every_chapter_still_fits() -> None:
    """Everything that must be said at once, with figures that take many words."""
    difference = {"largest_difference": 2.7718e-5, "n_flips": 777, "size_bytes": 777_777, "tolerance": 2.7719e-5}
    statuses = {"torchscript": "not_run", "tflite-float32": "failed"}
    formats = [
        make_format(n, s, **(difference if s == "passed" else {})) for n in FORMATS for s in [statuses.get(n, "passed")]
    ]
    record = make_record(
        hidden=(1777, 1777, 1777, 1777),
        accuracy=0.77777,
        bars_met=False,
        n_bars=4,
        paired=(777, 797, 0.63777),
        formats=formats,
        perceptron=make_perceptron(converged=False, n_epochs=7777, n_mistakes=777_777, novikoff_bound=1_777_777.7),
        mlp=make_mlp(error=2.77e-17, autograd=2.77e-17),
        network={"dropout": 0.277},
        equivalence=make_equivalence(0.27777, 0.27776, 0.27777, 777),
    )
    check_lengths(talking_points(record))


statuses = st.sampled_from(["passed", "failed", "not_run"])
shares = st.floats(0, 1)
sizes = st.floats(1e-12, 1e14)
amounts_of_any_size = st.fixed_dictionaries(
    {
        "r2": st.floats(-1e4, 1),
        "rmse": sizes,
        "baseline": sizes,
        "apart": sizes.flatmap(lambda size: st.sampled_from([size, -size, 0.0])),
        "largest_apart": sizes | st.just(0.0),
        "p_value": shares,
        "file_r2": st.none() | st.floats(-1e4, 1),
    }
).map(lambda fields: partial(of_amounts, **fields))
several_classes = st.lists(st.text(max_size=30), min_size=3, max_size=12, unique=True).flatmap(
    lambda names: st.builds(
        lambda separated, mistakes: partial(of_classes, names=names, separated=separated, mistakes=mistakes),
        st.lists(st.integers(0, len(names) - 1), unique=True).map(sorted),
        st.dictionaries(st.permutations(range(len(names))).map(lambda codes: tuple(codes[:2])), st.integers(0, 9)),
    )
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    accuracy=shares,
    paired=st.tuples(st.integers(0, 9999), st.integers(0, 9999), shares),
    hidden=st.lists(st.integers(1, 4096), min_size=1, max_size=4).map(tuple),
    entries=st.tuples(*[statuses] * 6),
    difference=st.floats(0, 1),
    n_flips=st.integers(0, 1000),
    size_bytes=st.integers(100, 10**8),
    bars_met=st.booleans(),
    without=st.sets(st.integers(1, 7)).map(tuple),
    classes=st.tuples(st.text(max_size=40), st.text(max_size=40)),
    task_name=st.text(max_size=60),
    equivalence=st.none() | st.builds(make_equivalence, st.floats(-1, 1), shares, shares, st.integers(2, 99)),
    wpm=st.integers(100, 200),
    task=st.none() | amounts_of_any_size | several_classes,
)
def test_lengths_hold_for_any_record(
    entries: tuple[str, ...],
    difference: float,
    n_flips: int,
    size_bytes: int,
    wpm: int,
    task: Callable[[r.RunRecord], r.RunRecord] | None,
    **fields: Any,
) -> None:
    changes = {"largest_difference": difference, "n_flips": n_flips, "size_bytes": size_bytes}
    formats = [make_format(n, s, **(changes if s == "passed" else {})) for n, s in zip(FORMATS, entries, strict=True)]
    record = make_record(formats=formats, **fields)
    check_lengths(talking_points(task(record) if task else record, Speaker(wpm)), wpm)


def test_missing_chapters_are_left_out_with_a_note() -> None:
    record = RECORDS["only chapters 6 and 7"]
    assert [point.chapter for point in talking_points(record)] == [6, 7, 8]
    note = render_talking_points(record).splitlines()[-1]
    assert "chapter 1 (Perceptron), chapter 2 (Multi-layer perceptron)" in note
    assert note.endswith("chapter 5 (Evaluation).")
    assert "Left out" not in render_talking_points(RECORDS["usual"])
    assert [point.chapter for point in talking_points(RECORDS["usual"])] == list(CHAPTERS)


@pytest.mark.parametrize("chapter", [3, 4, 6, 7])
def test_a_failed_verification_is_said_and_not_praised(chapter: int) -> None:
    text = script(RECORDS["all failed"], chapter)
    assert "failed verification" in text
    assert not re.search(r"no label|passed|differ(s)? by at most|rounding in this network", text)
    points = next(p.key_points for p in talking_points(RECORDS["all failed"]) if p.chapter == chapter)
    assert any("FAILED" in point for point in points)


@pytest.mark.parametrize("chapter", [3, 4, 6, 7])
def test_what_was_not_run_claims_nothing(chapter: int) -> None:
    text = script(RECORDS["none run"], chapter)
    assert "could not be checked" in text
    assert not re.search(r"passed|differ(s)? by at most", text)


@pytest.mark.parametrize("chapter", range(1, 8))
def test_a_missed_bar_is_said_with_both_figures(chapter: int) -> None:
    assert "had to be above 90 % and is 87.7 %" in script(RECORDS["many bars missed"], chapter).replace("87.65", "87.7")
    assert "I missed 3 other bars too." in script(RECORDS["many bars missed"], chapter)
    assert "missed a bar" not in script(RECORDS["usual"], chapter)


def test_no_export_is_told_that_did_not_happen() -> None:
    assert "There is no export to SavedModel" in script(RECORDS["no formats"], 3)
    assert "I export it" not in script(RECORDS["no formats"], 3) + script(RECORDS["no formats"], 4)
    assert "My only export passed the check." in script(RECORDS["one format"], 8)
    assert "Of my 6 exports, none passed the check and 6 failed it." in script(RECORDS["all failed"], 8)
    assert "Of my 6 exports, 3 passed the check, 2 failed it and 1 could not be run here." in script(
        RECORDS["some failed"], 8
    )


def test_wording_follows_the_measurement() -> None:
    usual = RECORDS["usual"]
    assert "a ratio of 0.59." in script(usual, 6)
    assert "does not shrink" in script(RECORDS["float16 larger"], 6)
    assert "a ratio of 0.47." in script(RECORDS["float16 below half"], 6)
    assert "Only the weights shrink" not in script(RECORDS["float16 below half"], 6)
    assert "no label changes" in script(usual, 6)
    assert "377 labels change" in script(RECORDS["many flips"], 6)
    assert "1 label changes" in script(RECORDS["one flip"], 6)
    assert "I can't say that they differ" in script(usual, 5)
    assert "in favour of Keras" in script(RECORDS["significant"], 5)
    assert "p-value is 0.0499, so the difference is significant, in favour of PyTorch" in script(
        RECORDS["just significant"], 5
    )
    assert "nothing to test" in script(RECORDS["perfect"], 5)
    assert "they are 0.12 percentage points apart, and a test shows them equivalent to within 1 point." in script(
        RECORDS["equivalent"], 5
    )
    assert "which is not proof" not in script(RECORDS["equivalent"], 5)
    assert "are 0 percentage points apart" in script(RECORDS["equivalent and the same"], 5)
    assert "which does not show them equivalent to within 1 point." in script(RECORDS["not equivalent"], 5)
    assert "3.12 percentage points apart, and shown to differ by more than 1 point." in script(
        RECORDS["beyond the margin"], 5
    )
    assert "over 10 seeds equivalent within 1 percentage point, p is below 0.001." in render_talking_points(
        RECORDS["equivalent"]
    )
    assert "over 10 seeds NOT shown to be equivalent within 1 percentage point, p is 0.31." in render_talking_points(
        RECORDS["not equivalent"]
    )
    assert "percentage point" not in render_talking_points(usual)
    assert "did not converge" in script(RECORDS["perceptron did not converge"], 1)
    assert "did settle" in script(RECORDS["own task separable"], 1)
    assert "something is wrong" in script(RECORDS["bound broken"], 1)
    assert "second check is missing" in script(RECORDS["no autograd"], 2)
    assert "not a number" in script(RECORDS["gradient not a number"], 2)
    assert "it did not help" in script(RECORDS["gradient not a number"], 2)
    assert "same weights as NumPy and Keras" in script(usual, 4)
    assert "not a fair one" in script(RECORDS["other start weights"], 4)
    assert "left dropout off" in script(RECORDS["no dropout"], 3)
    assert "batches of 1, 2, 33 and 1,000" in script(usual, 7)
    for chapter, idea in (
        (1, "learns only from mistakes"),
        (2, "chain rule"),
        (2, "s times one minus s"),
        (3, "Dropout of 30 %"),
    ):
        assert idea in script(usual, chapter)
    assert "precision of 94.1 % and a recall of 93.8 %" in script(usual, 5)
    assert not any("half" in point.script for point in talking_points(usual))


def test_figures_come_from_the_record() -> None:
    """With other measurements, no figure of the old ones stays behind."""
    training = dataclasses.replace(make_training("keras", 0.7131), best_epoch=4, n_parameters=99)
    other = dataclasses.replace(
        RECORDS["usual"],
        keras=training,
        train=TrainSpec(learning_rate=0.0125),
        network=NetworkSpec(n_inputs=3, hidden_units=(5,)),
    )
    text = script(other, 3)
    for figure in ("71.3 %", "epoch 4", "0.0125", "5 units"):
        assert figure in text
    assert not re.search(r"94\.2|0\.002|64|epoch 18|3,457", text)


def test_write_is_whole_and_leaves_nothing_beside(tmp_path: Path) -> None:
    path = tmp_path / "talking_points.md"
    path.write_text("old")
    write_talking_points(RECORDS["usual"], path)
    assert path.read_text(encoding="utf-8") == render_talking_points(RECORDS["usual"])
    assert list(tmp_path.iterdir()) == [path]


def test_compose_keeps_the_order_and_prefers_the_better_sentence() -> None:
    must = [Sentence("word " * 60 + "a.", MUST), Sentence("word " * 60 + "d.", MUST)]
    better, worse = Sentence("better " * 19 + "b.", 2), Sentence("worse " * 19 + "c.", 1)
    text = compose([must[0], worse, better, must[1]], Speaker().words_in(COMFORTABLE_S))
    assert "better" in text
    assert "worse" not in text
    assert text.index("a.") < text.index("better") < text.index("d.")
    assert count_words(text) == 61 + 20 + 61


def test_compose_never_drops_what_must_be_said() -> None:
    assert count_words(compose([Sentence("word " * 300, MUST), Sentence("more.", 1)], 9)) == 300


def test_compose_says_what_follows_a_sentence_only_after_it() -> None:
    told = [Sentence("One two three.", 1), Sentence("So it is.", 5, follows=True), Sentence("Four five.", 2)]
    assert compose(told, 4) == "Four five."
    assert compose(told, 6) == "One two three. Four five."
    assert compose(told, 8) == "One two three. So it is. Four five."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("94.2 %", "ninety-four point two percent"),
        ("100%", "one hundred percent"),
        ("0.05", "zero point zero five"),
        ("3,457 rows", "three thousand four hundred fifty-seven rows"),
        ("1,234,567.", "one million two hundred thirty-four thousand five hundred sixty-seven."),
        ("1000", "one thousand"),
        ("3 × 10⁻¹⁰", "three times ten to the minus ten"),
        ("2.9 × 10⁻⁷, then", "two point nine times ten to the minus seven, then"),
        ("float16", "float sixteen"),
        ("16-bit", "sixteen-bit"),
        ("1, 2, 33 and 1,000", "one, two, thirty-three and one thousand"),
        ("nn.Module.", "nn dot Module."),
        ("zero_grad in C++", "zero grad in C plus plus"),
        ("an R² of 0.3", "an R squared of zero point three"),
    ],
)
def test_read_aloud(text: str, said: str) -> None:
    assert read_aloud(text) == said


def test_words_are_counted_as_spoken() -> None:
    assert count_words("94.2 %") == 5  # ninety four point two percent
    assert count_words("I can't say, really: no.") == 5


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (spoken.percent(0.942), "94.2 %"),
        (spoken.percent(0.29, [0.29]), "29 %"),
        (spoken.percent(0.9999), "99.99 %"),
        (spoken.percent(0.00001), "0.001 %"),
        (spoken.percent(0.94996, [0.95]), "94.996 %"),
        (spoken.small(5.97e-8, [6.01e-8]), "5.97 × 10⁻⁸"),
        (spoken.small(6.01e-8, [5.97e-8]), "6.01 × 10⁻⁸"),
        (spoken.small(0.00123), "0.0012"),
        (spoken.small(0.002), "0.002"),
        (spoken.small(9.99e-4), "0.001"),
        (spoken.small(1234.5), "1,234.5"),
        (spoken.decimal(float("inf"), 1), "not a number"),
        (spoken.p_value(1.0, 0.05), "1"),
        (spoken.p_value(0.9999, 0.05), "0.9999"),
        (spoken.p_value(0.6636, 0.05), "0.66"),
        (spoken.p_value(0.0312, 0.05), "0.031"),
        (spoken.p_value(0.04996, 0.05), "0.04996"),
        (spoken.data_size(17_112), "17.1 kilobytes"),
        (spoken.data_size(17_112, [17_140]), "17.11 kilobytes"),
        (spoken.data_size(2_500_000), "2.5 megabytes"),
        (spoken.duration(0.42), "0.4 microseconds"),
        (spoken.duration(2_000_000), "2 seconds"),
        (spoken.listed(["a"]), "a"),
        (spoken.listed(["a", "b", "c"]), "a, b and c"),
        (spoken.counted(0, "row"), "no rows"),
    ],
)
def test_numbers_are_written_without_crossing_what_they_are_compared_with(written: str, expected: str) -> None:
    assert written == expected


@given(st.integers(0, 10**13))
def test_every_whole_number_has_words(n: int) -> None:
    assert re.fullmatch(r"[a-z]+(?:[ -][a-z]+)*", spoken.say_whole(n))
    assert read_aloud(f"{n:,}") == read_aloud(str(n)) == spoken.say_whole(n)


@given(shares, shares)
def test_a_rounded_share_stays_on_its_side(share: float, other: float) -> None:
    written, against = (float(spoken.percent(value, [share, other]).removesuffix(" %")) for value in (share, other))
    if abs(share - other) > 1e-9:
        assert (written > against) == (share > other)


def test_markdown_in_names_is_shown_and_not_obeyed() -> None:
    assert escape_markdown("a *b* <c> [d](e)\n# f `g` h_i _j_") == r"a \*b\* \<c\> \[d\](e) # f \`g\` h_i \_j\_"
    assert escape_markdown("# not a heading") == r"\# not a heading"
    assert escape_markdown("1. not a list") == r"1\. not a list"
    assert escape_markdown("1.5 times") == "1.5 times"


def said_of(record: r.RunRecord, chapters: Sequence[int]) -> str:
    """Return all that could be said and asked of these chapters, at any pace."""
    told = [
        text
        for chapter in chapters
        if (found := CHAPTERS[chapter][1](record)) is not None
        for text in (*(sentence.text for sentence in found.sentences), *found.key_points)
    ]
    asked = [f"{entry.question} {entry.answer}" for chapter in chapters for entry in follow_ups(record, chapter)]
    return "\n".join([*told, *asked])


OF_ONE_PROBABILITY = r"sigmoid|BCELoss|binary cross|true case|alarm|positives|threshold on|move the threshold"
OF_CLASSES = r"probabilit|label|accurac|softmax|sigmoid|BCE|cross-entropy|threshold|flip|recall|McNemar|% of the test"


@pytest.mark.parametrize("name", AMOUNTS)
def test_amounts_are_told_in_no_word_that_is_for_classes(name: str) -> None:
    text = said_of(AMOUNTS[name], range(3, 9)).replace("Why R² and not accuracy?", "")
    assert re.findall(OF_CLASSES, text) == []
    assert "sigmoid" not in said_of(AMOUNTS[name], [1, 2])
    assert "mean squared error" in text
    assert "one linear unit" in text
    table = render_talking_points(AMOUNTS[name])
    assert "| test R² |" in table
    assert "labels changed" not in table


@pytest.mark.parametrize("name", SEVERAL_CLASSES)
def test_several_classes_are_told_in_no_word_that_is_for_two(name: str) -> None:
    record = SEVERAL_CLASSES[name]
    text = said_of(record, range(1, 9))
    assert re.findall(OF_ONE_PROBABILITY, text) == []
    assert f"{record.network.n_outputs} softmax units, one for each class" in text
    assert "categorical cross-entropy" in text
    assert "categorical_cross_entropy" not in text


@pytest.mark.parametrize("name", ["usual", "breast-cancer", "bad", "all failed"])
def test_two_classes_are_told_as_before(name: str) -> None:
    text = said_of(RECORDS[name], range(1, 9))
    assert {"one sigmoid unit", "so the loss is BCELoss", "binary cross-entropy"} <= set(
        re.findall(r"one sigmoid unit|so the loss is BCELoss|binary cross-entropy", text)
    )
    assert not re.search(r"R²|softmax|the target|standardized|Wilcoxon|amount", text)


def test_a_run_on_several_classes_says_which_are_apart_and_which_are_mixed_up() -> None:
    three = SEVERAL_CLASSES["three classes"]
    assert "Within 50 epochs a plane separates class setosa from the rest;" in script(three, 1)
    assert "The others keep their best weights, in a pocket." in script(three, 1)
    assert "Keras takes class versicolor for class virginica, on 4 of 30 rows." in script(three, 5)
    assert "mean area under the ROC curve is 0.97." in script(three, 5)
    assert "the loss is" not in script(three, 4)
    assert "so I write the cross-entropy out" in script(three, 4)
    assert "and 3 come out: a probability for each class" in script(three, 7)
    assert "a plane separates 4 of them" in script(SEVERAL_CLASSES["ten classes"], 1)
    assert "a plane separates none of them" in script(SEVERAL_CLASSES["no class separated"], 1)
    assert "They keep their best weights" in said_of(SEVERAL_CLASSES["no class separated"], [1])
    assert "pocket" not in said_of(SEVERAL_CLASSES["every class separated"], [1])
    assert "Keras takes no class for another." in script(SEVERAL_CLASSES["every class separated"], 5)
    assert "Among its commonest mistakes, Keras takes" in said_of(SEVERAL_CLASSES["classes, nothing worked"], [5])


def test_a_run_on_amounts_says_how_far_off_it_is() -> None:
    amounts = AMOUNTS["amounts"]
    assert "a step can only say yes or no" in script(amounts, 1)
    assert "its mean and deviation then go back into the last layer" in script(amounts, 3)
    assert "so the loss is MSELoss" in script(amounts, 4)
    assert "Keras gets an R² of 0.31, with a confidence interval from 0.1 to 0.48." in script(amounts, 5)
    assert "root mean square error is 59.5; always answering the mean gets 71.9." in script(amounts, 5)
    assert "Keras is off by 0.773 more than PyTorch on average. Its p-value is 0.28" in script(amounts, 5)
    assert "their R² lie 0.001 apart, which does not show them equivalent to within 0.01." in script(amounts, 5)
    assert "where the target's standard deviation is 71.9." in script(amounts, 6)
    assert "one comes out: the amount" in script(amounts, 7)
    worse = script(AMOUNTS["worse than the mean"], 5)
    assert "an R² of minus 0.12, with a confidence interval from minus 0.33 to 0.05" in worse
    assert "is 81.2, no better than the 71.9 of always answering the mean." in worse
    assert "so the difference is significant." in worse
    assert "exactly the same amounts" in script(AMOUNTS["amounts that are the same"], 5)
    assert "is 0.29, and before the export it was 0.31." in script(AMOUNTS["amounts, other after export"], 6)


@given(st.floats(1e-13, 1e15), st.floats(1e-13, 1e15))
def test_an_amount_of_any_size_is_written_as_it_is_and_apart_from_others(value: float, other: float) -> None:
    written, against = spoken.amount(value, [other]), spoken.amount(other, [value])
    (figure,) = find_figures(written)
    assert figure.stands_for(value), written
    assert count_words(written) <= 24 or abs(value - other) < 1e-3 * value
    if abs(value - other) > 1e-9 * value:
        (counter,) = find_figures(against)
        assert (figure.value > counter.value) == (value > other)
