"""Chapter 5: every network of the run on the same test rows, measured without knowing its framework."""

from __future__ import annotations

from throughline.chapters.base import Chapter, Run, quality_bar
from throughline.evaluate import THRESHOLD, evaluate, evaluate_amounts, mcnemar, paired_errors
from throughline.record import Bar, EvaluationRecord
from throughline.weights import Array

LEAST_ACCURACY = 0.92
PAIR = ("keras", "torch")


def tell(run: Run) -> list[Bar]:
    """Evaluate the networks and pair Keras with PyTorch."""
    answers = {framework: future.result().test_answers for framework, future in run.trained.items()}
    if run.numpy_test_answers is not None:
        answers = {"numpy": run.numpy_test_answers, **answers}
    record = _of_amounts(run, answers) if run.network.output == "linear" else _of_classes(run, answers)
    run.parts["evaluation"] = record
    scores = {network.framework: network.accuracy.value for network in record.networks}
    scores |= {network.framework: network.r2.value for network in record.amounts}
    return [
        quality_bar(run, 5, framework, "test", score, LEAST_ACCURACY)
        for framework, score in scores.items()
        if framework in PAIR
    ]


def _of_classes(run: Run, answers: dict[str, Array]) -> EvaluationRecord:
    y, names = run.split.y_test, run.table.task.class_names
    return EvaluationRecord(
        threshold=THRESHOLD if len(names) == 2 else None,
        networks=[evaluate(framework, y, probabilities, names) for framework, probabilities in answers.items()],
        paired=mcnemar(PAIR, y, *(answers[framework] for framework in PAIR)),
    )


def _of_amounts(run: Run, answers: dict[str, Array]) -> EvaluationRecord:
    y, mean = run.split.y_test, float(run.split.y_train.mean())
    return EvaluationRecord(
        threshold=None,
        networks=[],
        paired=None,
        amounts=[evaluate_amounts(framework, y, given, mean) for framework, given in answers.items()],
        paired_errors=paired_errors(PAIR, y, *(answers[framework] for framework in PAIR)),
    )


CHAPTER = Chapter(5, "Evaluation", (3, 4), tell)
