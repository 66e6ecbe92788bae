"""The network and the sample of a sheet: a small one for a whiteboard, or those of a run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from throughline.errors import UsageError, quoted
from throughline.record import RunRecord
from throughline.scratch import MLP
from throughline.weights import Array

SMALL_LAYERS = (2, 3, 1)
N_SMALL_ROWS = 10
SMALL_SEED = 3
HIDDEN = ("sigmoid", "tanh", "relu")


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A row, the network that it goes through, and the size of the step.

    Attributes
    ----------
    mlp : MLP
        In float64.
    x : ndarray of shape (n_inputs,)
        Scaled.
    y : int
        The label, 0 or 1.
    learning_rate : float
    said : str
        What network and which row, in words.
    raw, mean, std : ndarray of shape (n_inputs,) or None
        From which `x` was made; None where it was given as it is.
    """

    mlp: MLP
    x: Array
    y: int
    learning_rate: float
    said: str
    raw: Array | None = None
    mean: Array | None = None
    std: Array | None = None


def small_sample(row: int) -> Sample:
    """Return a network of 2, 3 and 1 units with weights of one decimal, and one of ten rows.

    Raises
    ------
    UsageError
        If there is no such row.

    Examples
    --------
    >>> small_sample(0).mlp.layer_sizes
    (2, 3, 1)
    """
    rng = np.random.default_rng(SMALL_SEED)
    rows, labels = _one_decimal(rng, (N_SMALL_ROWS, 2), 2.0), rng.integers(0, 2, N_SMALL_ROWS)
    _check_row(row, N_SMALL_ROWS)
    parameters = [_one_decimal(rng, shape, 1.0) for shape in ((2, 3), (3,), (3, 1), (1,))]
    return Sample(
        mlp=MLP(SMALL_LAYERS, hidden="sigmoid", parameters=parameters),
        x=rows[row],
        y=int(labels[row]),
        learning_rate=0.5,
        said=f"A network of 2, 3 and 1 units, for a whiteboard; row {row} of its {N_SMALL_ROWS}.",
    )


def _one_decimal(rng: np.random.Generator, shape: Sequence[int], largest: float) -> Array:
    """Draw numbers with one decimal, none of them 0."""
    tenths = rng.integers(1, int(10 * largest) + 1, shape) * rng.choice([-1, 1], shape)
    numbers: Array = tenths / 10
    return numbers


def run_sample(run: Path, row: int, rows: Path | None) -> Sample:
    """Return a run's own network, NumPy's where it has one, and one of the run's held-out rows.

    Parameters
    ----------
    run : Path
        Folder of a finished run.
    row : int
    rows : Path or None
        The rows, where the run read a file of its own; as ``verify`` takes them.

    Raises
    ------
    UsageError
        If the run, its weights or the row are not there, or the network is none that this page can tell.
    """
    from throughline.data.scaling import scale
    from throughline.record import load_record
    from throughline.spec import FRAMEWORK_TITLES
    from throughline.verify.held_out import read_rows, rebuild_rows

    record = load_record(run)
    folder = run if run.is_dir() else run.parent
    framework, path = _kept_weights(record, folder)
    mlp, mean, std = _load(path)
    held_out = read_rows(rows, record) if rows is not None else rebuild_rows(record)
    if held_out.y is None:
        raise UsageError("--rows", "rows with their labels", quoted(rows), "add the target column, or an array y")
    _check_row(row, len(held_out.X))
    raw = held_out.X[row].astype(np.float64)
    return Sample(
        mlp=mlp,
        x=scale(raw[None], mean, std)[0],
        y=int(held_out.y[row]),
        learning_rate=0.1,
        said=f"The {FRAMEWORK_TITLES[framework]} network of the run {record.name}, "
        f"{'–'.join(map(str, mlp.layer_sizes))} units, dropout off; row {row} of {held_out.said}.",
        raw=raw,
        mean=mean,
        std=std,
    )


def _kept_weights(record: RunRecord, folder: Path) -> tuple[str, Path]:
    for training in record.trainings():
        path = folder / training.weights_path
        if path.is_file():
            return training.framework, path
    received = f"{quoted(folder)}, which has none"
    raise UsageError("RUN", "a run with the weights of a network", received, "pass a run of chapter 2, 3 or 4")


def _load(path: Path) -> tuple[MLP, Array, Array]:
    from throughline.weights import load_weights

    weights, spec = load_weights(path)
    if spec.output != "sigmoid" or (spec.hidden_units and spec.hidden_activation not in HIDDEN):
        received = f"{spec.hidden_activation} and {spec.output}"
        allowed = f"a run of a network with {', '.join(HIDDEN)} and a sigmoid output"
        raise UsageError("RUN", allowed, received, "choose another run, or leave it out")
    weights = weights.astype("float64")
    mlp = MLP(spec.layer_sizes, hidden=spec.hidden_activation, parameters=weights.parameters)
    return mlp, weights.mean, weights.std


def _check_row(row: int, n_rows: int) -> None:
    if not 0 <= row < n_rows:
        raise UsageError("--row", f"a whole number from 0 to {n_rows - 1}", str(row), "choose one of these")
