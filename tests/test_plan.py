"""Networks and trainings that suit a table."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.data.tasks import Table
from throughline.plan import (
    LEAST_BATCH,
    LEAST_STEPS,
    LEAST_STEPS_OF_PATIENCE,
    MOST_STEPS_OF_EPOCH,
    plan_network,
    plan_training,
)
from throughline.spec import Task, TrainSpec


def table(n_rows: int, kind: str = "binary", classes: tuple[str, ...] = ("no", "yes")) -> Table:
    task = Task(name="t", kind=kind, feature_names=("x", "z"), class_names=classes, source="t.csv")
    return Table(task, np.zeros((n_rows, 2), np.float32), np.zeros(n_rows))


@given(st.integers(30, 3_000_000))
def test_every_table_gets_steps_enough_and_no_epoch_too_many(n_rows: int) -> None:
    plan = plan_training(table(n_rows), seed=1)
    n_train = 0.6 * n_rows
    steps = n_train / plan.batch_size
    assert plan.batch_size >= LEAST_BATCH
    assert steps <= MOST_STEPS_OF_EPOCH
    assert (steps + 1) * plan.max_epochs >= LEAST_STEPS
    assert (steps + 1) * (plan.patience or 0) >= LEAST_STEPS_OF_PATIENCE


def test_a_table_as_large_as_the_built_in_task_is_trained_like_it() -> None:
    assert plan_training(table(5000), seed=7) == TrainSpec(shuffle_seed=7)


@pytest.mark.parametrize(
    ("kind", "classes", "output", "n_outputs", "loss"),
    [
        ("binary", ("no", "yes"), "sigmoid", 1, "binary_cross_entropy"),
        ("multiclass", ("a", "b", "c"), "softmax", 3, "categorical_cross_entropy"),
        ("regression", (), "linear", 1, "mean_squared_error"),
    ],
)
def test_output_and_loss_are_what_the_target_asks_for(
    kind: str, classes: tuple[str, ...], output: str, n_outputs: int, loss: str
) -> None:
    rows = table(1000, kind, classes)
    network, training = plan_network(rows, (), seed=3), plan_training(rows, seed=3)
    assert (network.output, network.n_outputs, network.n_inputs, network.seed) == (output, n_outputs, 2, 3)
    assert training.loss == loss
    training.check_fits(network.output, network.n_outputs)  # would raise
