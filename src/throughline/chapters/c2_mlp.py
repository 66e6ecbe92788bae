"""Chapter 2: hidden layers and backpropagation in NumPy: checked gradients, bent boundaries, the own task."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import cast

import numpy as np

from throughline.chapters.base import Chapter, Run
from throughline.data.target_scaling import fit_target_scaling
from throughline.data.tasks import two_moons, xor
from throughline.frameworks import numpy_net
from throughline.frameworks.base import Framework
from throughline.frameworks.fitting import fit_rows
from throughline.frameworks.rows import targets
from throughline.record import Bar, GradientRecord, MlpRecord, PlanePicture, PlaneProblem, TrainingRecord, make_bar
from throughline.scratch import MLP, Adam, Perceptron, gradient_check
from throughline.spec import FRAMEWORK_TITLES
from throughline.train import N_GRADIENT_ROWS, training_record
from throughline.verify.prove import TrainedNetwork
from throughline.weights import Array

PLANE_PROBLEMS: dict[str, Callable[[int], tuple[Array, Array]]] = {"XOR": xor, "two moons": two_moons}
PLANE_LAYERS = (2, 16, 8, 1)
TEST_SHARE = 0.25
N_PLANE_EPOCHS = 80
N_PERCEPTRON_EPOCHS = 50
GRID_POINTS = 48
UNIT_GRID_POINTS = 16  # the pictures of single units are small, and the units smooth


def tell(run: Run) -> list[Bar]:
    """Check gradients, solve what one perceptron cannot, and train the run's network in NumPy."""
    problems = [_solve(name, draw, run.seed) for name, draw in PLANE_PROBLEMS.items()]
    training = _train_on_task(run)
    record = MlpRecord(gradient=_check_gradients(run), problems=problems, training=training)
    run.parts["mlp"] = record
    gradient = record.gradient
    bars = [
        make_bar(
            2, "gradient error against central differences", gradient.largest_relative_error, "below", 1e-6, "number"
        )
    ]
    if gradient.autograd_largest_relative_error is not None:
        text = f"gradient error against autograd of {FRAMEWORK_TITLES[gradient.autograd_framework]}"
        bars.append(make_bar(2, text, gradient.autograd_largest_relative_error, "below", 1e-6, "number"))
    return bars + [make_bar(2, f"{p.name} test accuracy", p.test_accuracy, "above", 0.95) for p in problems]


def _solve(name: str, draw: Callable[[int], tuple[Array, Array]], seed: int) -> PlaneProblem:
    X, y = draw(seed)
    n_test = int(TEST_SHARE * len(X))
    X_train, y_train, X_test, y_test = X[n_test:], y[n_test:], X[:n_test], y[:n_test]
    mlp = MLP(PLANE_LAYERS, hidden="tanh", seed=seed)
    history = mlp.fit(
        X_train, y_train[:, None], optimizer=Adam(0.01), n_epochs=N_PLANE_EPOCHS, batch_size=32, rng_seed=seed
    )
    line = Perceptron(max_epochs=N_PERCEPTRON_EPOCHS).fit(X_train, y_train)
    return PlaneProblem(
        name=name,
        layer_sizes=list(PLANE_LAYERS),
        n_epochs=history.n_epochs,
        losses=[round(loss, 6) for loss in history.losses],
        perceptron_accuracy=line.score(X_test, y_test),
        test_accuracy=float(np.mean(mlp.predict(X_test) == y_test)),
        picture=_picture(mlp, line, X_train, y_train),
        units=_units(mlp, X_train),
    )


def _units(mlp: MLP, X: Array) -> list[list[list[float]]]:
    """Return what each unit of the last hidden layer says around the points."""
    outputs = mlp.hidden_output(_grid(X, UNIT_GRID_POINTS))
    maps = outputs.T.reshape(-1, UNIT_GRID_POINTS, UNIT_GRID_POINTS).round(2) + 0.0  # no -0.0
    units: list[list[list[float]]] = maps.tolist()
    return units


def _extent(X: Array) -> tuple[float, float, float, float]:
    (x_low, y_low), (x_high, y_high) = X.min(axis=0) - 0.3, X.max(axis=0) + 0.3
    return float(x_low), float(x_high), float(y_low), float(y_high)


def _grid(X: Array, n_points: int) -> Array:
    """Return an even grid over the picture of the points, rows from low y to high y."""
    x_low, x_high, y_low, y_high = _extent(X)
    axes = np.meshgrid(np.linspace(x_low, x_high, n_points), np.linspace(y_low, y_high, n_points))
    return np.column_stack([axis.ravel() for axis in axes])


def _picture(mlp: MLP, line: Perceptron, X: Array, y: Array) -> PlanePicture:
    grid = mlp.predict_proba(_grid(X, GRID_POINTS))
    return PlanePicture(
        points=[(round(float(a), 3), round(float(b), 3), int(label)) for (a, b), label in zip(X, y, strict=True)],
        lines=[(float(line.coef_[0]), float(line.coef_[1]), float(line.intercept_))],
        grid=grid.reshape(GRID_POINTS, GRID_POINTS).round(2).tolist(),
        extent=_extent(X),
    )


def _train_on_task(run: Run) -> TrainingRecord:
    folder = run.models / "numpy"
    folder.mkdir(parents=True, exist_ok=True)
    network = numpy_net.build(run.network, run.initial)
    started = time.perf_counter()
    epochs = fit_rows(cast(Framework, numpy_net), network, run.network, run.train, run.split, lambda epoch: None)
    fit_s = time.perf_counter() - started
    kept = numpy_net.get_weights(network)
    kept.save(folder / "weights.safetensors", run.network)
    run.numpy_val_answers = numpy_net.predict(network, run.split.X_val)
    run.numpy_test_answers = numpy_net.predict(network, run.split.X_test)
    return training_record("numpy", run.network, run.train, epochs, run.initial.digest, kept.digest, fit_s)


def _check_gradients(run: Run) -> GradientRecord:
    """Compare with central differences at the start weights and with a framework at its trained ones."""
    # At the start weights amounts are standardized, as in training.
    start = fit_target_scaling(run.network, run.split.y_train).standardize(run.split)
    X, y = start.X_train[:N_GRADIENT_ROWS], start.y_train[:N_GRADIENT_ROWS]
    network = numpy_net.build(*run.in_float64(run.initial))
    wanted = targets(y, run.network.output, run.network.n_outputs, "float64")
    check = gradient_check(network.mlp, network.features(X.astype(np.float64)), wanted)
    framework = next((name for name in ("torch", "keras") if name in run.trained), "")
    return GradientRecord(
        n_checked=check.n_checked,
        n_skipped_kinks=check.n_skipped_kinks,
        largest_relative_error=check.largest,
        autograd_framework=framework,
        autograd_largest_relative_error=_against_autograd(run, run.trained[framework].result()) if framework else None,
    )


def _against_autograd(run: Run, trained: TrainedNetwork) -> float:
    X, y = run.split.X_train[:N_GRADIENT_ROWS], run.split.y_train[:N_GRADIENT_ROWS]
    network = numpy_net.build(*run.in_float64(trained.weights))
    ours = numpy_net.gradients(network, X.astype(np.float64), y)
    return max(
        float(np.linalg.norm(a - b) / max(np.linalg.norm(a) + np.linalg.norm(b), np.finfo(np.float64).tiny))
        for a, b in zip(ours, trained.gradients, strict=True)
    )


CHAPTER = Chapter(2, "Multi-layer perceptron", (), tell)
