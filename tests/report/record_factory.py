"""A record that looks like a real one; its values are made up, the same each time."""

from __future__ import annotations

import dataclasses
import math
import random
from typing import Any

from throughline.record import (
    CHECKS,
    BatchCheck,
    Check,
    ClassFigures,
    Environment,
    EquivalenceTest,
    Evaluation,
    EvaluationRecord,
    FormatRecord,
    GradientRecord,
    Interval,
    LedgerLine,
    LedgerRecord,
    MlpRecord,
    PairedTest,
    PerceptronRecord,
    PlanePicture,
    PlaneProblem,
    RunRecord,
    Span,
    SplitRecord,
    TrainingRecord,
    make_bar,
)
from throughline.spec import NetworkSpec, Task, TrainSpec

N_TEST = 1000
ENVIRONMENT = Environment(
    throughline="0.1.0",
    python="3.11.9",
    system="Linux 6.1",
    machine="x86_64",
    n_cpus=2,
    packages={"numpy": "2.4.6", "keras": "3.15.0", "torch": "2.13.0", "onnxruntime": "1.31.0"},
)


def make_record(**changes: Any) -> RunRecord:
    """Make a record of all chapters, then replace the fields given."""
    rng = random.Random(7)
    record = RunRecord(
        schema_version=1,
        name="make-classification-seed7",
        created="2026-01-02T03:04:05Z",
        arguments={"task": "make-classification", "data": None, "out": "runs", "chapters": None, "strict": False},
        seed=7,
        chapters=[1, 2, 3, 4, 5, 6, 7],
        task=Task(
            name="make-classification",
            kind="binary",
            feature_names=tuple(f"x{i}" for i in range(20)),
            class_names=("class 0", "class 1"),
            source="sklearn.datasets.make_classification(n_samples=5000, random_state=7)",
        ),
        split=SplitRecord(
            n_train=3200, n_val=800, n_test=N_TEST, share_of_class_1=(0.4981, 0.4975, 0.499), sha256="5eed" * 16
        ),
        network=NetworkSpec(n_inputs=20),
        train=TrainSpec(),
        perceptron=_perceptron(rng),
        mlp=_mlp(rng),
        keras=_training("keras", 21, rng),
        pytorch=_training("torch", 24, rng),
        evaluation=_evaluation(rng),
        formats=_formats(),
        bars=[
            make_bar(1, "perceptron, test accuracy", 0.99, "above", 0.95),
            make_bar(2, "largest relative gradient error", 3.2e-9, "below", 1e-6, "number"),
            make_bar(2, "XOR, test accuracy", 1.0, "above", 0.95),
            make_bar(3, "Keras, validation accuracy", 0.9363, "above", 0.90),
            make_bar(4, "PyTorch, validation accuracy", 0.9388, "above", 0.90),
            make_bar(6, "labels flipped by TFLite", 0, "at most", 0, "number"),
        ],
        spans=_spans(),
        wall_s=13.42,
        environment=ENVIRONMENT,
        ledger=_ledger(),
    )
    return dataclasses.replace(record, **changes)


def failed(entry: FormatRecord, reason: str = "row 17 differs by 0.31, tolerance 0.002: unexplained") -> FormatRecord:
    named = [
        dataclasses.replace(check, status="failed", said=reason, error="OutputValueError")
        if check.name == "values"
        else check
        for check in entry.named_checks
    ]
    judged = {"verdict": "unexplained", "largest_difference": 0.31, "named_checks": named}
    return dataclasses.replace(entry, status="failed", reason=f"check 'values': {reason}", **judged)


def not_run(entry: FormatRecord, reason: str = "LiteRT is not installed here") -> FormatRecord:
    kept = ("name", "title", "chapter", "framework", "runtime", "good_for", "stored_as")
    return FormatRecord(**{field: getattr(entry, field) for field in kept}, status="not_run", reason=reason)


def equivalence(difference: float = -0.0012, half: float = 0.0021, **changes: Any) -> EquivalenceTest:
    """Make a test of equivalence; it is passed where the interval lies inside the margin."""
    low, high = difference - half, difference + half
    equivalent = low > -0.01 and high < 0.01
    test = EquivalenceTest(
        frameworks=("keras", "torch"),
        margin=0.01,
        n_seeds=8,
        difference=difference,
        low=low,
        high=high,
        p_value=0.0003 if equivalent else 0.217,
        equivalent=equivalent,
    )
    return dataclasses.replace(test, **changes)


def without_new_parts(record: RunRecord) -> RunRecord:
    """Return the record as an older release wrote it: no bootstrap intervals, no equivalence, no ledger, no units."""
    assert record.evaluation is not None
    assert record.mlp is not None
    mlp = dataclasses.replace(
        record.mlp, problems=[dataclasses.replace(problem, units=[]) for problem in record.mlp.problems]
    )
    networks = [dataclasses.replace(network, intervals={}) for network in record.evaluation.networks]
    evaluation = dataclasses.replace(record.evaluation, networks=networks, equivalence=None)
    return dataclasses.replace(record, mlp=mlp, evaluation=evaluation, ledger=None)


def _perceptron(rng: random.Random) -> PerceptronRecord:
    points = []
    while len(points) < 150:
        x, y = rng.uniform(-2, 2), rng.uniform(-2, 2)
        score = 1.3 * x - 0.8 * y + 0.2
        if abs(score) > 0.25:
            points.append((round(x, 3), round(y, 3), int(score > 0)))
    lines = [(1.3 - 2.2 * 0.8**k, -0.8 + 1.9 * 0.7**k, 0.2 - 1.1 * 0.8**k) for k in range(14)]
    per_epoch = [17, 9, 6, 4, 3, 2, 1, 0]
    return PerceptronRecord(
        n_train=150,
        n_test=100,
        n_epochs=len(per_epoch),
        mistakes_per_epoch=per_epoch,
        n_mistakes=sum(per_epoch),
        converged=True,
        radius=2.91,
        margin=0.161,
        margin_found=0.021,
        novikoff_bound=326.7,
        train_accuracy=1.0,
        test_accuracy=0.99,
        task_test_accuracy=0.823,
        task_n_epochs=50,
        task_converged=False,
        picture=PlanePicture(points=points, lines=lines, grid=[], extent=(-2.2, 2.2, -2.2, 2.2)),
    )


def _mlp(rng: random.Random) -> MlpRecord:
    def xor(x: float, y: float) -> float:
        return 1 / (1 + math.exp(9 * x * y))

    def moons(x: float, y: float) -> float:
        return 1 / (1 + math.exp(-5 * (-y + 0.6 * math.sin(2.4 * x))))

    return MlpRecord(
        gradient=GradientRecord(
            n_checked=1217,
            n_skipped_kinks=3,
            largest_relative_error=3.2e-9,
            autograd_framework="torch",
            autograd_largest_relative_error=4.1e-7,
        ),
        problems=[
            _problem("XOR", xor, rng, perceptron_accuracy=0.532, test_accuracy=0.995),
            _problem("moons", moons, rng, perceptron_accuracy=0.868, test_accuracy=0.977),
        ],
        training=_training("numpy", 23, rng),
    )


def _problem(name: str, probability: Any, rng: random.Random, **accuracies: float) -> PlaneProblem:
    places = [(round(rng.uniform(-1.4, 1.4), 3), round(rng.uniform(-1.4, 1.4), 3)) for _ in range(200)]
    steps = [-1.5 + 3 * k / 47 for k in range(48)]
    return PlaneProblem(
        name=name,
        layer_sizes=[2, 16, 1],
        n_epochs=200,
        losses=[round(0.7 * 0.98**k, 4) for k in range(200)],
        picture=PlanePicture(
            points=[(x, y, int(probability(x, y) > 0.5)) for x, y in places],
            lines=[],
            grid=[[round(probability(x, y), 3) for x in steps] for y in steps],
            extent=(-1.5, 1.5, -1.5, 1.5),
        ),
        units=[[[round(math.tanh(k * x - y), 2) for x in steps[::3]] for y in steps[::3]] for k in range(5)],
        **accuracies,
    )


def _training(framework: str, n_epochs: int, rng: random.Random) -> TrainingRecord:
    val_losses = [0.22 + 0.35 * 0.75**k + 0.0012 * k + rng.uniform(0, 0.008) for k in range(n_epochs)]
    best = val_losses.index(min(val_losses)) + 1
    val_accuracies = [0.938 - 0.1 * 0.7**k + rng.uniform(-0.004, 0.004) for k in range(n_epochs)]
    return TrainingRecord(
        framework=framework,
        n_parameters=3457,
        losses=[0.26 + 0.4 * 0.82**k + rng.uniform(0, 0.01) for k in range(n_epochs)],
        val_losses=val_losses,
        val_accuracies=val_accuracies,
        best_epoch=best,
        val_accuracy=val_accuracies[best - 1],
        val_loss=val_losses[best - 1],
        initial_digest="ab12cd34" * 8,
        weights_digest=f"{rng.getrandbits(64):016x}" * 4,
        weights_path=f"models/{framework}/weights.safetensors",
        fit_s=rng.uniform(0.8, 4),
        versions={framework: "1.0"},
    )


def _evaluation(rng: random.Random) -> EvaluationRecord:
    networks = [
        _network("numpy", 0.937, rng),
        _network("keras", 0.941, rng),
        _network("torch", 0.939, rng),
    ]
    paired = PairedTest(
        frameworks=("keras", "torch"), only_first_right=14, only_second_right=12, agreement=0.974, p_value=0.845
    )
    return EvaluationRecord(threshold=0.5, networks=networks, paired=paired, equivalence=equivalence())


def _intervals(network: Evaluation) -> dict[str, Interval]:
    figures = {"accuracy": network.accuracy.value} | {
        name: getattr(network, name) for name in ("roc_auc", "average_precision", "log_loss", "brier")
    }
    for code, of_class in enumerate(network.classes):
        figures |= {f"{name}_{code}": getattr(of_class, name) for name in ("precision", "recall", "f1")}
    return {
        name: Interval(value=value, low=0.97 * value, high=value + 0.3 * min(value, 1 - value))
        for name, value in figures.items()
    }


def _ledger() -> LedgerRecord:
    return LedgerRecord(
        n_steps=400,
        n_train=3100,
        n_test=1900,
        seeds=list(range(8)),
        lines=[
            _line("aligned", "nothing: all aligned", 0.0, 0.0),
            _line("l2", "L2 penalty", 1.7e-4, 0.0001, torch_stands_for="scikit-learn"),
            _line("initialisation", "initial weights", 0.0041, -0.0003),
            _line("float32", "float32 and its sums", 4.2e-9, 0.0),
            _line("all", "all of them: stock frameworks", 0.0033, -0.0012),
        ],
        equivalence=equivalence(n_seeds=8),
        wall_s=151.0,
        environment=ENVIRONMENT,
    )


def _line(name: str, title: str, gap: float, difference: float, **changes: str) -> LedgerLine:
    words = {
        "keras_does": f"what Keras does about {name}",
        "torch_does": f"what PyTorch does about {name}",
        "torch_stands_for": "PyTorch",
        "sentence": f"The sentence about {name} that one can say aloud.",
    }
    return LedgerLine(
        name=name,
        title=title,
        gap=gap,
        gap_low=gap / 7,
        gap_high=2.1 * gap if gap else 2.8e-17,
        share=gap / 0.0033,
        keras_accuracy=0.9267 + difference,
        torch_accuracy=0.9267,
        accuracy_difference=Interval(
            value=difference, low=difference - abs(difference), high=difference + 1.4 * abs(difference)
        ),
        **(words | changes),
    )


def _network(framework: str, accuracy: float, rng: random.Random) -> Evaluation:
    rates = [k / 40 for k in range(41)]
    power = rng.uniform(0.05, 0.07)
    wrong = round(N_TEST * (1 - accuracy))
    half = wrong // 2
    network = Evaluation(
        framework=framework,
        accuracy=Interval(value=accuracy, low=accuracy - 0.0162, high=accuracy + 0.0131),
        classes=[
            ClassFigures(name="class 0", precision=0.932, recall=0.951, f1=0.941, n_rows=501),
            ClassFigures(name="class 1", precision=0.950, recall=0.931, f1=0.940, n_rows=499),
        ],
        confusion=[[501 - half, half], [wrong - half, 499 - wrong + half]],
        report="         precision    recall  f1-score   support\n\n class 0     0.932     0.951     0.941       501\n",
        roc_auc=0.9655 + power / 10,
        average_precision=0.958 + power / 10,
        log_loss=0.2213 + power / 10,
        brier=0.0548,
        roc=[(rate, rate**power) for rate in rates],
        precision_recall=[(rate, 1 - 0.03 * rate - 0.45 * rate**14) for rate in rates],
        calibration=[
            (0.05 + 0.1 * k, min(max(0.05 + 0.1 * k + rng.uniform(-0.12, 0.12), 0.0), 1.0), rows)
            for k, rows in enumerate([402, 41, 18, 11, 9, 12, 10, 21, 44, 432])
        ],
    )
    return dataclasses.replace(network, intervals=_intervals(network))


def _formats() -> list[FormatRecord]:
    float16 = "explained (float16 weights)"
    return [
        _format("savedmodel", "TensorFlow SavedModel", 3, "keras", "TensorFlow / TF Serving", 92_310, 3.0e-8, 171.0),
        _format("torchscript", "TorchScript", 4, "torch", "libtorch", 24_981, 0.0, 14.2),
        _format("torch-export", "torch.export", 4, "torch", "PyTorch", 31_022, 6.0e-8, 38.5),
        _format("tflite-float32", "TFLite float32", 6, "keras", "LiteRT", 17_300, 1.2e-7, 1.3),
        _format("tflite-float16", "TFLite float16", 6, "keras", "LiteRT", 10_220, 4.1e-4, 1.4, "float16", float16),
        _format("onnx", "ONNX float32", 7, "torch", "ONNX Runtime", 15_902, 1.8e-7, 5.6),
    ]


def _format(
    name: str,
    title: str,
    chapter: int,
    framework: str,
    runtime: str,
    size_bytes: int,
    difference: float,
    latency_us: float,
    stored_as: str = "float32",
    verdict: str = "rounding",
) -> FormatRecord:
    return FormatRecord(
        name=name,
        title=title,
        chapter=chapter,
        framework=framework,
        runtime=runtime,
        good_for=f"a place where {runtime} is at home",
        stored_as=stored_as,
        status="passed",
        reason="",
        verdict="identical" if difference == 0 else verdict,
        path=f"models/{name}",
        size_bytes=size_bytes,
        sha256="f00d" * 16,
        named_checks=[Check(name=check, status="passed", said="as it should be") for check in CHECKS],
        checks=[
            BatchCheck(
                batch_size=batch,
                n_rows=N_TEST,
                largest_difference=difference,
                mean_difference=difference / 9,
                n_flips=0,
            )
            for batch in (1, 2, 7, 33, N_TEST)
        ],
        largest_difference=difference,
        mean_difference=difference / 9,
        tolerance=2.1e-3 if stored_as == "float16" else 2.4e-6,
        tolerance_reason=f"rounding of {stored_as} weights through three layers, on these rows",
        numpy_largest_difference=difference + 1e-8,
        batch_difference=6e-8,
        test_accuracy=0.941 if framework == "keras" else 0.939,
        latency_us=latency_us,
        rows_per_s=1e9 / (300 + latency_us),
        load_s=0.004,
        export_s=0.41,
        facts={"exporter": f"{framework} exporter", "threads": 1},
    )


def _spans() -> list[Span]:
    rows = [
        ("load rows", "main", 0, 0.0, 0.8),
        ("perceptron", "main", 1, 0.8, 0.2),
        ("multi-layer perceptron", "main", 2, 1.0, 1.6),
        ("evaluate", "main", 5, 8.9, 0.5),
        ("report", "main", 0, 12.3, 1.0),
        ("import tensorflow", "keras", 3, 0.1, 3.4),
        ("train", "keras", 3, 3.5, 4.2),
        ("export SavedModel", "keras", 3, 7.7, 0.5),
        ("convert to TFLite", "keras", 6, 8.2, 0.7),
        ("import torch", "torch", 4, 0.1, 1.6),
        ("train", "torch", 4, 1.7, 3.3),
        ("export", "torch", 4, 5.0, 1.8),
        ("verify SavedModel", "check savedmodel", 3, 8.9, 3.2),
        ("verify ONNX", "check onnx", 7, 7.0, 0.4),
    ]
    return [
        Span(name=name, process=process, chapter=chapter, start_s=start, seconds=seconds)
        for name, process, chapter, start, seconds in rows
    ]
