"""The network and the training that suit a table: what its target asks for, and as many steps as its rows need.

Built-in tasks train as the chapters say. A table may have ninety rows or a million: what counts is the number of steps,
so batches grow with the rows, and few rows are visited the more often.
"""

from __future__ import annotations

import dataclasses
import math

from throughline.data.split import FRACTIONS
from throughline.data.tasks import Table
from throughline.spec import LOSS_OF_OUTPUT, OUTPUT_OF_TASK, Column, NetworkSpec, TrainSpec

# At least so many steps may be made, and so many without a lower validation loss.
LEAST_STEPS, LEAST_STEPS_OF_PATIENCE = 1500, 150
# Batches are smaller than usual while an epoch has fewer steps than this, since epochs cost Keras more than steps do,
LEAST_STEPS_OF_EPOCH, LEAST_BATCH = 32, 8
# and larger than usual, in whole 32s, where it would have more.
MOST_STEPS_OF_EPOCH = 2000


def plan_network(table: Table, columns: tuple[Column, ...], seed: int) -> NetworkSpec:
    """Return the network of the chapters with the output that the target asks for.

    Parameters
    ----------
    table : Table
    columns : tuple of Column
        As `data.features.fit_columns` returns them.
    seed : int

    Returns
    -------
    NetworkSpec
        A sigmoid for two classes, a softmax for more, a linear output for amounts.
    """
    output = OUTPUT_OF_TASK[table.task.kind]
    n_outputs = len(table.task.class_names) if output == "softmax" else 1
    return NetworkSpec(n_inputs=table.X.shape[1], columns=columns, output=output, n_outputs=n_outputs, seed=seed)


def plan_training(table: Table, seed: int) -> TrainSpec:
    """Return how to train on a table of one's own.

    Parameters
    ----------
    table : Table
    seed : int
        Of the order of the rows.

    Examples
    --------
    >>> import numpy as np
    >>> from throughline.spec import Task
    >>> task = Task(name="t", kind="regression", feature_names=("x",), class_names=(), source="t.csv")
    >>> def planned(n_rows):
    ...     plan = plan_training(Table(task, np.zeros((n_rows, 1)), np.zeros(n_rows)), seed=0)
    ...     return plan.batch_size, plan.max_epochs, plan.patience
    >>> planned(150), planned(5_000), planned(1_000_000)
    ((8, 125, 13), (32, 50, 5), (320, 50, 5))
    """
    stock = TrainSpec(loss=LOSS_OF_OUTPUT[OUTPUT_OF_TASK[table.task.kind]], shuffle_seed=seed)
    n_train = math.ceil(FRACTIONS["train"] * len(table.y))
    small = max(LEAST_BATCH, n_train // LEAST_STEPS_OF_EPOCH)
    large = 32 * math.ceil(n_train / MOST_STEPS_OF_EPOCH / 32)
    batch_size = max(min(stock.batch_size, small), large if large > stock.batch_size else 0)
    steps = math.ceil(n_train / batch_size)
    return dataclasses.replace(
        stock,
        batch_size=batch_size,
        max_epochs=max(stock.max_epochs, math.ceil(LEAST_STEPS / steps)),
        patience=max(stock.patience or 0, math.ceil(LEAST_STEPS_OF_PATIENCE / steps)),
    )
