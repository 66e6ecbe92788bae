"""Chapter 5: every network of the run on the same test rows, measured without knowing its framework."""

from __future__ import annotations

import numpy as np

from throughline.chapters.base import Chapter, Run, quality_bar
from throughline.evaluate import THRESHOLD, best_threshold, evaluate, evaluate_amounts, mcnemar, paired_errors
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
    if run.train.class_weight is not None:
        recalls = {network.framework: [found.recall for found in network.classes] for network in record.networks}
        scores = {framework: float(np.mean(found)) for framework, found in recalls.items()}
    scores |= {network.framework: network.r2.value for network in record.amounts}
    return [
        quality_bar(run, 5, framework, "test", score, LEAST_ACCURACY)
        for framework, score in scores.items()
        if framework in PAIR
    ]


def _of_classes(run: Run, answers: dict[str, Array]) -> EvaluationRecord:
    y, names, weights = run.split.y_test, run.table.task.class_names, run.split.weights_test
    chosen = run.threshold_rule == "best"
    thresholds = {framework: _threshold(run, framework) if chosen else THRESHOLD for framework in answers}
    return EvaluationRecord(
        threshold=None if chosen or len(names) > 2 else THRESHOLD,
        networks=[
            evaluate(framework, y, probabilities, names, thresholds[framework], weights)
            for framework, probabilities in answers.items()
        ],
        paired=mcnemar(PAIR, y, answers["keras"], answers["torch"], (thresholds["keras"], thresholds["torch"])),
        threshold_rule=run.threshold_rule,
        weighted_by=run.weighted_by,
    )


def _threshold(run: Run, framework: str) -> float:
    """Choose a network's threshold on the validation rows."""
    answered = run.numpy_val_answers if framework == "numpy" else run.trained[framework].result().val_answers
    assert answered is not None  # chapter 2 gives answers to both parts
    return best_threshold(run.split.y_val, answered, run.split.weights_val)


def _of_amounts(run: Run, answers: dict[str, Array]) -> EvaluationRecord:
    y, weights = run.split.y_test, run.split.weights_test
    mean = float(np.average(run.split.y_train, weights=run.split.weights_train))
    return EvaluationRecord(
        threshold=None,
        networks=[],
        paired=None,
        amounts=[evaluate_amounts(framework, y, given, mean, weights) for framework, given in answers.items()],
        paired_errors=paired_errors(PAIR, y, *(answers[framework] for framework in PAIR)),
        weighted_by=run.weighted_by,
    )


CHAPTER = Chapter(5, "Evaluation", (3, 4), tell)
