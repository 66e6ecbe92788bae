"""Chapter 5: every network of the run on the same test rows, measured without knowing its framework."""

from __future__ import annotations

from throughline.chapters.base import Chapter, Run
from throughline.evaluate import THRESHOLD, evaluate, mcnemar
from throughline.record import Bar, EvaluationRecord, make_bar
from throughline.spec import FRAMEWORK_TITLES

LEAST_ACCURACY = 0.92


def tell(run: Run) -> list[Bar]:
    """Evaluate the networks and pair Keras with PyTorch."""
    y, names = run.split.y_test, run.table.task.class_names
    answers = {framework: future.result().test_answers for framework, future in run.trained.items()}
    if run.numpy_test_answers is not None:
        answers = {"numpy": run.numpy_test_answers, **answers}
    networks = [evaluate(framework, y, probabilities, names) for framework, probabilities in answers.items()]
    run.parts["evaluation"] = EvaluationRecord(
        threshold=THRESHOLD,
        networks=networks,
        paired=mcnemar(("keras", "torch"), y, answers["keras"], answers["torch"]),
    )
    return [
        make_bar(
            5,
            f"{FRAMEWORK_TITLES[network.framework]} test accuracy",
            network.accuracy.value,
            "at least",
            LEAST_ACCURACY,
        )
        for network in networks
        if network.framework in ("keras", "torch")
    ]


CHAPTER = Chapter(5, "Evaluation", (3, 4), tell)
