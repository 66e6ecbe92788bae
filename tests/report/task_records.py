"""Records of runs on tables of one's own: with several classes, and with amounts, made from one with two classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from throughline import record as r
from throughline.spec import NetworkSpec

ARGUMENTS = {"task": None, "data": "rows.csv", "target": "target"}
SPECIES = ("setosa", "versicolor", "virginica")
DIGITS = tuple(map(str, range(10)))


def of_classes(
    record: r.RunRecord,
    names: Sequence[str] = SPECIES,
    *,
    separated: Sequence[int] = (0,),
    mistakes: dict[tuple[int, int], int] | None = None,
) -> r.RunRecord:
    """Return the record as a run on several classes has it; `mistakes` are rows by true class and answer."""
    n, wrong = len(names), mistakes if mistakes is not None else {(1, 2): 4, (2, 1): 3}
    spec = _network(record, output="softmax", n_outputs=n)
    changes: dict[str, Any] = {}
    if record.perceptron:
        changes["perceptron"] = dataclasses.replace(
            record.perceptron,
            task_converged=len(separated) == n,
            task_classes_separated=[names[code] for code in separated],
        )
    if record.evaluation:
        networks = [_of_several(network, names, wrong) for network in record.evaluation.networks]
        changes["evaluation"] = dataclasses.replace(record.evaluation, threshold=None, networks=networks)
    share = 1 / n
    split = dataclasses.replace(record.split, share_of_class_1=None, class_shares=[(share, share, share)] * n)
    task = dataclasses.replace(record.task, kind="multiclass", class_names=tuple(names))
    train = dataclasses.replace(record.train, loss="categorical_cross_entropy")
    return dataclasses.replace(
        record, arguments=ARGUMENTS, task=task, split=split, network=spec, train=train, **changes
    )


def _of_several(
    network: r.Evaluation, names: Sequence[str], wrong: dict[tuple[int, int], int], rows: int = 30
) -> r.Evaluation:
    confusion = [[0] * len(names) for _ in names]
    for (true, answered), count in wrong.items():
        confusion[true][answered] = count
    for code, row in enumerate(confusion):
        row[code] = rows - sum(row)
    answers = [sum(row[code] for row in confusion) for code in range(len(names))]
    classes = [
        r.ClassFigures(
            name=name,
            precision=confusion[code][code] / answers[code] if answers[code] else 0.0,
            recall=confusion[code][code] / rows,
            f1=0.9,
            n_rows=rows,
            roc_auc=0.99,
        )
        for code, name in enumerate(names)
    ]
    calibration = [(0.44, 0.5, 6), (0.97, 0.98, rows * len(names) - 6)]
    return dataclasses.replace(network, classes=classes, confusion=confusion, calibration=calibration)


def of_amounts(
    record: r.RunRecord,
    *,
    r2: float = 0.3093,
    rmse: float = 59.5149,
    baseline: float = 71.8865,
    apart: float = 0.7733,
    largest_apart: float = 22.5053,
    p_value: float = 0.2828,
    file_r2: float | None = None,
) -> r.RunRecord:
    """Return the record as a run with a target of amounts has it."""
    changes: dict[str, Any] = {}
    if record.perceptron:
        changes["perceptron"] = dataclasses.replace(
            record.perceptron, task_test_accuracy=None, task_n_epochs=0, task_converged=False
        )
    if record.mlp:
        changes["mlp"] = dataclasses.replace(record.mlp, training=_of_amount(record.mlp.training, r2, rmse))
    changes |= {
        part: _of_amount(training, r2, rmse)
        for part in ("keras", "pytorch")
        if (training := getattr(record, part)) is not None
    }
    if found := record.evaluation:
        equivalence = found.equivalence and dataclasses.replace(found.equivalence, metric="R²")
        changes["evaluation"] = r.EvaluationRecord(
            threshold=None,
            networks=[],
            paired=None,
            equivalence=equivalence,
            amounts=[_amounts(network.framework, r2, rmse, baseline) for network in found.networks],
            paired_errors=r.PairedErrors(
                frameworks=("keras", "torch"),
                difference=r.Interval(value=apart, low=apart - 1, high=apart + 1),
                largest_apart=largest_apart,
                correlation=0.98,
                p_value=p_value,
            ),
        )
    split = dataclasses.replace(
        record.split, share_of_class_1=None, target_mean=(3 * rmse,) * 3, target_std=(baseline, baseline, baseline)
    )
    formats = [
        dataclasses.replace(entry, n_flips=0, test_accuracy=r2 if file_r2 is None else file_r2)
        for entry in record.formats
    ]
    bars = [
        r.make_bar(bar.chapter, "Keras validation R²", 0.31 if bar.met else -0.12, "above", 0.0, "ratio")
        for bar in record.bars
    ]
    return dataclasses.replace(
        record,
        arguments=ARGUMENTS,
        task=dataclasses.replace(record.task, kind="regression", class_names=()),
        split=split,
        network=_network(record, output="linear", n_outputs=1),
        train=dataclasses.replace(record.train, loss="mean_squared_error"),
        formats=formats,
        bars=bars,
        **changes,
    )


def _of_amount(training: r.TrainingRecord, r2: float, rmse: float) -> r.TrainingRecord:
    n = len(training.losses)
    return dataclasses.replace(
        training,
        losses=[1.2 * rmse**2] * n,
        val_losses=[rmse**2] * n,
        val_accuracies=[r2] * n,
        val_accuracy=r2,
        val_loss=rmse**2,
    )


def _amounts(framework: str, r2: float, rmse: float, baseline: float) -> r.AmountEvaluation:
    return r.AmountEvaluation(
        framework=framework,
        r2=r.Interval(value=r2, low=r2 - 0.21, high=r2 + 0.17),
        rmse=r.Interval(value=rmse, low=0.85 * rmse, high=1.15 * rmse),
        mae=r.Interval(value=0.78 * rmse, low=0.7 * rmse, high=0.9 * rmse),
        bias=r.Interval(value=0.08 * rmse, low=-0.1 * rmse, high=0.26 * rmse),
        baseline_rmse=baseline,
        points=[(rmse, 1.1 * rmse)],
        error_quantiles=[k * rmse for k in (-3.1, -1.6, -0.4, 0.1, 0.7, 1.6, 2.2)],
    )


def _network(record: r.RunRecord, **changes: Any) -> NetworkSpec:
    return dataclasses.replace(record.network, **changes)
