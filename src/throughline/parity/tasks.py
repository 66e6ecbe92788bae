"""What the frameworks learn side by side: rows, and the architecture that goes with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from throughline.data.scaling import fit_scaling
from throughline.errors import UsageError, quoted
from throughline.spec import LOSS_OF_OUTPUT, NetworkSpec, TrainSpec
from throughline.weights import Array

N_ROWS = 3000  # 94 batches of 32, the last of 24: an incomplete batch is part of what must be aligned
N_FEATURES = 20
# Usual rates: the point is to follow real trainings, neither frozen ones nor wild ones.
LEARNING_RATES = {"sgd": 0.05, "momentum": 0.01, "nesterov": 0.01, "rmsprop": 1e-3, "adam": 1e-3, "adamw": 1e-3}
OPTIMIZERS = tuple(LEARNING_RATES)


@dataclass(frozen=True)
class ParityTask:
    """A set of rows with its architecture.

    Attributes
    ----------
    output : {"sigmoid", "softmax", "linear"}
    hidden_units : tuple of int
    n_outputs : int
    draw : callable
        From a seed to rows of shape (3000, 20), float32, and labels or values of shape (3000,).
    """

    output: Literal["sigmoid", "softmax", "linear"]
    hidden_units: tuple[int, ...]
    n_outputs: int
    draw: Callable[[int], tuple[Array, Array]]


def _classes(n_classes: int) -> Callable[[int], tuple[Array, Array]]:
    def draw(seed: int) -> tuple[Array, Array]:
        from sklearn.datasets import make_classification

        X, y = make_classification(
            N_ROWS,
            N_FEATURES,
            n_informative=10,
            n_redundant=5,
            n_classes=n_classes,
            flip_y=0.10,
            shift=None,
            scale=None,
            random_state=seed,
        )
        return X.astype(np.float32), y.astype(np.int64)

    return draw


def _curved_surface(seed: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N_ROWS, N_FEATURES))
    y = X[:, 0] + np.sin(2 * X[:, 1]) + 0.5 * X[:, 2] * X[:, 3] + 0.1 * rng.normal(size=N_ROWS)
    return X.astype(np.float32), (y - y.mean()) / y.std()


PARITY_TASKS = {
    "seed": ParityTask("sigmoid", (64, 32), 1, _classes(2)),
    "deep": ParityTask("softmax", (64, 64, 64, 64), 3, _classes(3)),
    "regression": ParityTask("linear", (64, 32), 1, _curved_surface),
}


@dataclass(frozen=True)
class Case:
    """One training that several frameworks are to do alike.

    Attributes
    ----------
    task : str
        A name in `PARITY_TASKS`.
    network : NetworkSpec
    train : TrainSpec
        With no rule left at "own".
    """

    task: str
    network: NetworkSpec
    train: TrainSpec

    @property
    def name(self) -> str:
        """Short and unique among the cases of a comparison; used for files."""
        return f"{self.task}-{self.train.optimizer}-{self.network.dtype}-{self.network.dropout:g}"


def make_case(task: str, optimizer: str, dtype: str, dropout: float, seed: int) -> Case:
    """Return a case whose rules are the ones that most frameworks can follow.

    Parameters
    ----------
    task : {"seed", "deep", "regression"}
    optimizer : {"sgd", "momentum", "nesterov", "rmsprop", "adam", "adamw"}
    dtype : {"float64", "float32"}
    dropout : float
    seed : int
        Of rows, weights, order and masks.

    Raises
    ------
    UsageError
        If there is no such task or optimizer.
    """
    if task not in PARITY_TASKS:
        raise UsageError("--task", f"one of {', '.join(PARITY_TASKS)}", quoted(task), "choose one of these")
    if optimizer not in OPTIMIZERS:
        raise UsageError(
            "--optimizer", f"one of {', '.join(OPTIMIZERS)}, all", quoted(optimizer), "choose one of these"
        )
    chosen = PARITY_TASKS[task]
    network = NetworkSpec(
        n_inputs=N_FEATURES,
        hidden_units=chosen.hidden_units,
        output=chosen.output,
        n_outputs=chosen.n_outputs,
        dropout=dropout,
        dtype=dtype,  # type: ignore[arg-type]  # the spec refuses another
        seed=seed,
    )
    train = TrainSpec(
        loss=LOSS_OF_OUTPUT[chosen.output],
        optimizer=optimizer,  # type: ignore[arg-type]
        learning_rate=LEARNING_RATES[optimizer],
        epsilon_placement="before_correction",  # the only one of scikit-learn
        root_epsilon="outside",  # the only one of PyTorch
        momentum_form="rate_inside",
        shuffle_seed=seed,
    )
    return Case(task, network, train)


def scaled_rows(task: str, seed: int) -> tuple[Array, Array, Array, Array]:
    """Return the rows and labels of a task with the mean and the standard deviation of its columns."""
    X, y = PARITY_TASKS[task].draw(seed)
    return X, y, *fit_scaling(X)
