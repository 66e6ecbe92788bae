"""What is trained: networks, rows, batches and settings that every peer gets alike, and the loss they are judged by."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from throughline.scratch import MLP, Adam, GradientDescent, Plan

FloatArray = npt.NDArray[np.floating]

LEARNING_RATE = 0.001
# Exact in binary. Keras rounds its betas to float32 in one place and not in another, which these two survive.
BETA_1, BETA_2 = 0.90625, 0.9990234375
EPSILON = 1e-8
TOLERANCES = {"float32": 1e-6, "float64": 1e-12}


@dataclass(frozen=True)
class Task:
    """One row of the comparison.

    Parameters
    ----------
    name, title : str
        What it is called on the command line and in the tables.
    sizes : tuple of int
        Units of each layer; one output means sigmoid and binary cross-entropy, more mean softmax.
    batch_size, n_rows : int
        Rows of a step and of an epoch; the first divides the second, so that nobody meets a ragged batch.
    epochs : int
        Epochs of a timed round; for `kind` "predict" the calls of a round.
    kind : {"train", "fit", "predict"}
        The training loop, a whole ``fit`` from the outside, or calls for predictions.
    data : {"random", "digits"}
        Rows drawn from a normal distribution and labelled by a random linear rule, or scikit-learn's digits.
    optimizer : {"adam", "sgd"}
        Both with a learning rate of 0.001.
    dropout : float
        Rate of every hidden layer.
    threads : int
        Threads of matrix products.
    dtype : {"float32", "float64"}
        Of parameters and rows.
    validation : bool
        Whether a tenth of the rows is held out and scored after every epoch, and rows are shuffled.
    seed : int
        Of the rows. In float32 a pre-activation can lie so near 0 that rounding decides whether its ReLU is on, which
        no two libraries decide alike; the seed is one with which that does not happen.
    """

    name: str
    title: str
    sizes: tuple[int, ...] = (20, 64, 32, 1)
    batch_size: int = 32
    n_rows: int = 7_680
    epochs: int = 5
    kind: str = "train"
    data: str = "random"
    optimizer: str = "adam"
    dropout: float = 0.0
    threads: int = 1
    dtype: str = "float32"
    validation: bool = False
    seed: int = 0

    @property
    def n_steps(self) -> int:
        """Steps of an epoch; 1 for a call."""
        return 1 if self.kind == "predict" else self.n_rows // self.batch_size

    @property
    def loss(self) -> str:
        """Name of the loss, as the package knows it."""
        return "binary_cross_entropy" if self.sizes[-1] == 1 else "categorical_cross_entropy"

    @property
    def tolerance(self) -> float:
        """How far a result may lie from ours."""
        return TOLERANCES[self.dtype]

    def for_check(self) -> "Task":
        """Return the same task with nothing random in it."""
        return replace(self, dropout=0.0, validation=False)

    def save(self, path: Path) -> None:
        """Write the task as JSON."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def load(cls, path: Path) -> "Task":
        """Read what `save` wrote."""
        settings = json.loads(path.read_text())
        return cls(**settings | {"sizes": tuple(settings["sizes"])})


@dataclass(frozen=True)
class Data:
    """Rows, targets and initial parameters of a task.

    Parameters
    ----------
    X : ndarray of shape (n_rows, n_inputs)
    y : ndarray of shape (n_rows, n_outputs)
        Labels 0 and 1, or one-hot rows.
    parameters : list of ndarray
        Kernels of shape (fan_in, fan_out) and biases, alternating.
    """

    X: FloatArray
    y: FloatArray
    parameters: list[FloatArray]

    def save(self, path: Path) -> None:
        """Write all arrays into one file."""
        np.savez(path, *self.parameters, X=self.X, y=self.y)

    @classmethod
    def load(cls, path: Path) -> "Data":
        """Read what `save` wrote."""
        with np.load(path) as file:
            return cls(file["X"], file["y"], [file[f"arr_{i}"] for i in range(len(file.files) - 2)])


_WIDE = Task(
    "wide",
    "784-1024-512-10, batch 128, Adam, 1 thread",
    sizes=(784, 1024, 512, 10),
    batch_size=128,
    n_rows=1_024,
    epochs=2,
    seed=4,
)

TASKS = {
    task.name: task
    for task in (
        Task("seed", "20-64-32-1, batch 32, Adam"),
        Task("seed-sgd", "20-64-32-1, batch 32, SGD", optimizer="sgd"),
        Task("seed-dropout", "20-64-32-1, batch 32, Adam, dropout 0.3", dropout=0.3),
        Task("batch-256", "20-64-32-1, batch 256, Adam", batch_size=256, epochs=12),
        Task(
            "digits",
            "digits 64-128-64-10, batch 64, Adam",
            sizes=(64, 128, 64, 10),
            batch_size=64,
            n_rows=1_792,
            epochs=12,
            data="digits",
        ),
        _WIDE,
        replace(_WIDE, name="wide-2", title="784-1024-512-10, batch 128, Adam, 2 threads", threads=2),
        Task("seed-float64", "20-64-32-1, batch 32, Adam, float64", dtype="float64"),
        Task(
            "fit",
            "MLPClassifier.fit, 8,000 × 20, float32",
            kind="fit",
            n_rows=8_000,
            epochs=10,
            validation=True,
        ),
        Task(
            "fit-float64",
            "MLPClassifier.fit, 8,000 × 20, float64",
            kind="fit",
            n_rows=8_000,
            epochs=10,
            validation=True,
            dtype="float64",
        ),
        Task("predict-1", "prediction of 1 row, 20-64-32-1", kind="predict", n_rows=1, batch_size=1, epochs=2_000),
        Task(
            "predict-1024",
            "prediction of 1,024 rows, 20-64-32-1",
            kind="predict",
            n_rows=1_024,
            batch_size=1_024,
            epochs=200,
        ),
    )
}


def make_data(task: Task) -> Data:
    """Return the rows, targets and initial parameters of a task; the same at every call."""
    rng = np.random.default_rng(task.seed)
    n_inputs, n_outputs = task.sizes[0], task.sizes[-1]
    if task.data == "digits":
        from sklearn.datasets import load_digits

        X, labels = load_digits(return_X_y=True)
        X, labels = X[: task.n_rows] / 16, labels[: task.n_rows]
    else:
        X = rng.normal(size=(task.n_rows, n_inputs))
        scores = X @ rng.normal(size=(n_inputs, max(n_outputs, 2))) + rng.normal(size=(task.n_rows, max(n_outputs, 2)))
        labels = scores.argmax(axis=1)
    y = labels[:, None] if n_outputs == 1 else np.eye(n_outputs)[labels]
    parameters = MLP(task.sizes, loss=task.loss, dtype=task.dtype).parameters
    return Data(X.astype(task.dtype), y.astype(task.dtype), parameters)


def make_mlp(task: Task, data: Data) -> MLP:
    """Return our network with the task's initial parameters."""
    return MLP(task.sizes, loss=task.loss, dropout=task.dropout, dtype=task.dtype, parameters=data.parameters)


def make_optimizer(task: Task, *, epsilon_inside: bool = False) -> Adam | GradientDescent:
    """Return the task's optimizer; `epsilon_inside` is where Keras and scikit-learn have Adam's epsilon."""
    if task.optimizer == "sgd":
        return GradientDescent(LEARNING_RATE)
    return Adam(LEARNING_RATE, BETA_1, BETA_2, EPSILON, epsilon_inside_correction=epsilon_inside)


def full_loss(task: Task, data: Data, parameters: list[FloatArray]) -> float:
    """Return the mean loss over all rows, in float64, whatever the parameters were computed in."""
    wide = Data(data.X.astype(np.float64), data.y, [w.astype(np.float64) for w in parameters])
    mlp = MLP(task.sizes, loss=task.loss, parameters=wide.parameters)
    return mlp.loss_value(wide.X, wide.y)


def reference(task: Task, data: Data, *, epsilon_inside: bool) -> list[FloatArray]:
    """Return what a correct peer has after one epoch without dropout, or answers: ours, computed here."""
    task = task.for_check()
    mlp = make_mlp(task, data)
    if task.kind == "predict":
        return [mlp.predict_proba(data.X)]
    optimizer = make_optimizer(task, epsilon_inside=epsilon_inside)
    plan = Plan(mlp, optimizer, n_samples=task.n_rows, batch_size=task.batch_size)
    plan.run_epoch(data.X, data.y)
    plan.write_back()
    return mlp.parameters
