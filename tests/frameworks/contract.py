"""What every framework is asked, in a child process of its own; the tests judge the answers.

Called by name ("contract:ask_all") through `throughline.processes.Child`.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from throughline.data.features import fit_columns
from throughline.data.split import Split, load_split
from throughline.errors import DataError, DivergenceError, SpecError
from throughline.frameworks.base import load_framework
from throughline.processes import Emit
from throughline.spec import Column, NetworkSpec, TrainSpec
from throughline.weights import Array, Weights, initial_weights, load_weights

N_ROWS = 60
HIDDEN = {1: (7,), 2: (64, 32), 3: (6, 5, 4)}
CASES = [
    NetworkSpec(n_inputs=5, hidden_units=HIDDEN[depth], hidden_activation=activation, dtype=dtype, seed=depth)
    for depth in HIDDEN
    for activation in ("relu", "tanh", "sigmoid")
    for dtype in ("float32", "float64")
]
NARROW = (3e-7, 1e-9)  # Keras' Normalization puts 1e-7 in the place of anything smaller
TRAIN_CASES = {
    "float32": TrainSpec(learning_rate=0.02, batch_size=16, max_epochs=40, patience=3, shuffle_seed=4),
    "float64": TrainSpec(learning_rate=0.02, batch_size=16, max_epochs=40, patience=3, shuffle_seed=4),
    "last epoch is the best": TrainSpec(learning_rate=1e-4, batch_size=50, max_epochs=3, patience=3),
}


def case_name(spec: NetworkSpec) -> str:
    return f"{len(spec.hidden_units)}-{spec.hidden_activation}-{spec.dtype}"


def seeded_weights(spec: NetworkSpec, seed: int) -> Weights:
    """Weights whose every array is non-trivial: biases too, and columns of very unlike scale."""
    rng = np.random.default_rng(seed)
    std = 10.0 ** rng.uniform(-2, 3, spec.n_inputs)
    weights = initial_weights(dataclasses.replace(spec, seed=seed), std * rng.uniform(-2, 2, spec.n_inputs), std)
    kernels = tuple(2 * kernel for kernel in weights.kernels)
    biases = tuple(rng.normal(scale=0.4, size=bias.shape).astype(spec.dtype) for bias in weights.biases)
    return dataclasses.replace(weights, kernels=kernels, biases=biases)


def raw_rows(weights: Weights, n_rows: int, seed: int) -> Array:
    """Rows as they come from a table: float32, around the columns' means."""
    scaled = np.random.default_rng(seed).normal(size=(n_rows, len(weights.mean)))
    return (weights.mean + weights.std * scaled).astype(np.float32)


def labels(n_rows: int) -> Array:
    return np.random.default_rng(3).integers(0, 2, n_rows)


def training_weights(split: Split, dtype: str) -> tuple[NetworkSpec, Weights]:
    spec = NetworkSpec(n_inputs=split.X_train.shape[1], hidden_units=(12, 6), dropout=0.1, dtype=dtype, seed=8)
    return spec, initial_weights(spec, split.X_train.mean(axis=0), split.X_train.std(axis=0))


def ask_all(framework: str, split: str, folder: str, emit: Emit) -> dict[str, Any]:
    """Ask everything below in one process: importing a framework takes longer than all of it."""
    ask_network(framework, folder, emit)
    return {
        "training": ask_training(framework, split, folder, [*TRAIN_CASES], emit),
        "dropout": ask_dropout(framework, split, emit),
        "narrow": {str(std): ask_narrow_columns(framework, std, emit) for std in NARROW},
        "wide": ask_wide(framework, split, folder, emit),
        "columns": ask_columns(framework, split, folder, emit),
        "repeated": ask_repeated(framework, split, emit),
    }


def ask_network(framework: str, folder: str, emit: Emit) -> None:
    """Build, read back, answer, overwrite, and take gradients, for each of `CASES`; one .npz for each."""
    net = load_framework(framework)
    for spec in CASES:
        first, second = seeded_weights(spec, 11), seeded_weights(spec, 12)
        network = net.build(spec, first)
        X = raw_rows(first, N_ROWS, 1)
        found = _named("built", net.get_weights(network))
        found["answers"] = net.predict(network, X)
        found["one row"] = net.predict(network, X[:1])
        found["strided"] = net.predict(network, np.asfortranarray(X)[::2])
        found |= _arrays("gradient", net.gradients(network, X.astype(spec.dtype), labels(N_ROWS)))
        found["answers after gradients"] = net.predict(network, X)
        copies = net.get_weights(network)
        for array in copies.named_arrays().values():
            if array.flags.writeable:
                array += 1  # copies: the network must not feel it
        found["answers after changed copies"] = net.predict(network, X)
        net.set_weights(network, second)
        found |= _named("overwritten", net.get_weights(network))
        found["answers of second"] = net.predict(network, raw_rows(second, N_ROWS, 2))
        np.savez(Path(folder) / f"{case_name(spec)}.npz", **found)


def ask_training(framework: str, split: str, folder: str, names: list[str], emit: Emit) -> dict[str, Any]:
    """Train the cases named, out of `TRAIN_CASES`; emit every epoch as it is told."""
    net, rows = load_framework(framework), load_split(Path(split))
    found: dict[str, Any] = {}
    for name in names:
        plan = TRAIN_CASES[name]
        spec, weights = training_weights(rows, "float64" if name == "float64" else "float32")
        network = net.build(spec, weights)
        epochs = net.fit(network, plan, rows, lambda epoch, name=name: emit({name: dataclasses.asdict(epoch)}))
        kept = net.get_weights(network)
        kept.save(Path(folder) / f"{name}.safetensors", spec)
        found[name] = {
            "epochs": [dataclasses.asdict(epoch) for epoch in epochs],
            "digest": kept.digest,
            "val": net.predict(network, rows.X_val).astype(np.float64).tolist(),
        }
    return found


def ask_dropout(framework: str, split: str, emit: Emit) -> dict[str, float]:
    """Train for an epoch with much dropout, at a step size that moves nothing."""
    net, rows = load_framework(framework), load_split(Path(split))
    spec, weights = training_weights(rows, "float32")
    network = net.build(dataclasses.replace(spec, dropout=0.9), weights)
    still = TrainSpec(learning_rate=1e-12, batch_size=16, max_epochs=1, patience=1)
    (epoch,) = net.fit(network, still, rows, lambda epoch: None)
    return dataclasses.asdict(epoch)


def ask_narrow_columns(framework: str, std: float, emit: Emit) -> list[float] | str:
    """Build and answer with columns of a tiny standard deviation; a refusal is told in words."""
    net = load_framework(framework)
    spec, weights, X = narrow_columns(std)
    try:
        return net.predict(net.build(spec, weights), X).astype(np.float64).tolist()
    except DataError as error:
        return str(error)


def narrow_columns(std: float) -> tuple[NetworkSpec, Weights, Array]:
    weights = seeded_weights(CASES[0], 11)
    weights = dataclasses.replace(weights, mean=0 * weights.mean, std=np.full_like(weights.std, std))
    return CASES[0], weights, raw_rows(weights, N_ROWS, 1)


def read_kept(folder: Path, name: str) -> tuple[Weights, NetworkSpec]:
    return load_weights(folder / f"{name}.safetensors")


def _named(prefix: str, weights: Weights) -> dict[str, Array]:
    return {f"{prefix} {name}": array for name, array in weights.named_arrays().items()}


def _arrays(prefix: str, arrays: list[Array]) -> dict[str, Array]:
    return {f"{prefix} {i}": array for i, array in enumerate(arrays)}


# --- everything a spec can say ---------------------------------------------------------------------------------------

OUTPUT_CASES = {
    "gelu": NetworkSpec(n_inputs=5, hidden_units=(7, 6), hidden_activation="gelu", dtype="float64"),
    "linear layers": NetworkSpec(n_inputs=5, hidden_units=(7,), hidden_activation="linear", dtype="float64"),
    "no hidden layer": NetworkSpec(n_inputs=5, hidden_units=(), dtype="float64"),
    "softmax": NetworkSpec(n_inputs=5, hidden_units=(8, 6), output="softmax", n_outputs=3, dtype="float64"),
    "softmax of float32": NetworkSpec(n_inputs=5, hidden_units=(8, 6), output="softmax", n_outputs=3),
    "regression": NetworkSpec(
        n_inputs=5, hidden_units=(8,), hidden_activation="tanh", output="linear", dtype="float64"
    ),
}
# In a fixed order and without dropout, so that every framework must arrive at the same weights.
FIXED = {"learning_rate": 0.01, "batch_size": 16, "max_epochs": 3, "patience": None, "shuffle": False, "keep": "last"}
WIDE_CASES = {
    "sgd": ("binary", TrainSpec(**FIXED, optimizer="sgd")),
    "momentum, rate in steps": (
        "binary",
        TrainSpec(**FIXED, optimizer="momentum", schedule="step", schedule_steps=7, decay_rate=0.5),
    ),
    "nesterov, rate exponential": (
        "binary",
        TrainSpec(**FIXED, optimizer="nesterov", momentum=0.8, schedule="exponential", schedule_steps=9),
    ),
    "rmsprop": ("binary", TrainSpec(**FIXED, optimizer="rmsprop", rho=0.8, epsilon=1e-3)),
    "adam, rate cosine": ("binary", TrainSpec(**FIXED, epsilon=1e-3, schedule="cosine", schedule_steps=25)),
    "adamw": ("binary", TrainSpec(**FIXED, optimizer="adamw", weight_decay=0.3)),
    "penalty": ("binary", TrainSpec(**FIXED, l2=0.05)),
    "class weights": ("binary", TrainSpec(**FIXED, class_weight=(0.5, 3.0))),
    "class weights over their sum": (
        "binary",
        TrainSpec(**FIXED, class_weight=(0.5, 3.0), weight_mean="weights"),
    ),
    "penalty and class weights": ("binary", TrainSpec(**FIXED, l2=0.05, class_weight=(0.5, 3.0))),
    "row weights": ("regression", TrainSpec(**FIXED, loss="mean_squared_error", optimizer="momentum")),
    "row weights over their sum": ("binary", TrainSpec(**FIXED, weight_mean="weights")),
    "row and class weights, penalty": (
        "multiclass",
        TrainSpec(**FIXED, loss="categorical_cross_entropy", class_weight=(1.0, 2.0, 0.5), l2=0.01),
    ),
    "row weights, last batch dropped, best by a margin": (
        "binary",
        TrainSpec(
            **FIXED | {"keep": "best", "patience": 2, "max_epochs": 30, "learning_rate": 0.02, "batch_size": 30},
            min_delta=0.01,
            last_batch="drop",
        ),
    ),
    "last batch dropped": ("binary", TrainSpec(**FIXED | {"batch_size": 30}, last_batch="drop")),
    "three classes": (
        "multiclass",
        TrainSpec(**FIXED, loss="categorical_cross_entropy", class_weight=(1.0, 2.0, 0.5), l2=0.01),
    ),
    "regression": ("regression", TrainSpec(**FIXED, loss="mean_squared_error", optimizer="momentum")),
    "best by a margin": (
        "binary",
        TrainSpec(**FIXED | {"keep": "best", "patience": 2, "max_epochs": 30, "learning_rate": 0.02}, min_delta=0.01),
    ),
}
KIND_OF_OUTPUT = {"sigmoid": "binary", "softmax": "multiclass", "linear": "regression"}


def labels_for(spec: NetworkSpec, n_rows: int) -> Array:
    rng = np.random.default_rng(3)
    return rng.normal(size=n_rows) if spec.output == "linear" else rng.integers(0, max(2, spec.n_outputs), n_rows)


def wide_case(name: str, split: Split) -> tuple[NetworkSpec, TrainSpec, Weights, Split]:
    """The network, its start, and the rows with labels of the case's kind."""
    kind, plan = WIDE_CASES[name]
    output = {kind: output for output, kind in KIND_OF_OUTPUT.items()}[kind]
    activation = "gelu" if kind == "regression" else "relu"
    spec = NetworkSpec(
        n_inputs=split.X_train.shape[1],
        hidden_units=(12, 6),
        hidden_activation=activation,
        output=output,
        n_outputs=3 if kind == "multiclass" else 1,
        dropout=0.0,
        dtype="float64",
        seed=8,
    )
    weights = initial_weights(spec, split.X_train.mean(axis=0), split.X_train.std(axis=0))
    rows = dataclasses.replace(split, **_labels_of_kind(kind, split))
    return spec, plan, weights, weighted(rows) if name.startswith("row ") else rows


def weighted(split: Split) -> Split:
    """The same rows, of which some count ten times as much as others."""
    rng = np.random.default_rng(23)
    drawn = [10.0 ** rng.uniform(-0.5, 0.5, len(y)) for y in (split.y_train, split.y_val, split.y_test)]
    names = ("weights_train", "weights_val", "weights_test")
    return dataclasses.replace(split, **{n: w.astype(np.float32) for n, w in zip(names, drawn, strict=True)})


def _labels_of_kind(kind: str, split: Split) -> dict[str, Array]:
    labels = {}
    for part in ("train", "val", "test"):
        X, y = getattr(split, f"X_{part}"), getattr(split, f"y_{part}")
        if kind == "multiclass":
            y = y + (y * (X[:, 1] > split.X_train[:, 1].mean()))
        if kind == "regression":
            y = y + np.sin((X[:, 0] - split.X_train[:, 0].mean()) / split.X_train[:, 0].std()).astype(np.float64)
        labels[f"y_{part}"] = y
    return labels


def ask_wide(framework: str, split: str, folder: str, emit: Emit) -> dict[str, Any]:
    """Answer and take gradients for `OUTPUT_CASES`; train `WIDE_CASES`; a refusal is told in words."""
    net, rows = load_framework(framework), load_split(Path(split))
    for name, spec in OUTPUT_CASES.items():
        weights = seeded_weights(spec, 11)
        network, X = net.build(spec, weights), raw_rows(weights, N_ROWS, 1)
        found = {"answers": net.predict(network, X)}
        found |= _arrays("gradient", net.gradients(network, X.astype(spec.dtype), labels_for(spec, N_ROWS)))
        np.savez(Path(folder) / f"{name}.npz", **found)
    return {name: _train_wide(net, name, rows, Path(folder)) for name in WIDE_CASES} | {
        "diverges": _diverge(net, rows, Path(folder))
    }


# A single batch of all rows, so that a sum divided by the weights is the mean of the rows written out.
WHOLE = TrainSpec(**FIXED | {"batch_size": 1000, "max_epochs": 12, "keep": "best", "patience": 4})


def repeated(split: Split) -> tuple[Split, Split]:
    """Rows with whole weights, in an arbitrary unit, and the same rows as often as these say."""
    rng = np.random.default_rng(29)
    times = {part: rng.integers(1, 4, len(getattr(split, f"y_{part}"))) for part in ("train", "val", "test")}
    weights = {f"weights_{part}": (0.7 * n).astype(np.float32) for part, n in times.items()}
    often = {
        f"{a}_{part}": np.repeat(getattr(split, f"{a}_{part}"), n, axis=0) for part, n in times.items() for a in "Xy"
    }
    return dataclasses.replace(split, **weights), Split(**often)


def ask_repeated(framework: str, split: str, emit: Emit) -> list[dict[str, Any]]:
    """Train with weights and with repeated rows; give losses, answers and the last digits of the weights for both."""
    net, rows = load_framework(framework), load_split(Path(split))
    found = []
    for part in repeated(rows):
        spec, _, weights, _ = wide_case("sgd", rows)
        network = net.build(spec, weights)
        epochs = net.fit(network, WHOLE, part, lambda epoch: None)
        parameters = [array.tolist() for array in net.get_weights(network).parameters]
        found.append({"epochs": [dataclasses.asdict(epoch) for epoch in epochs], "parameters": parameters})
    return found


def _train_wide(net: Any, name: str, rows: Split, folder: Path) -> list[dict[str, Any]] | str:
    spec, plan, weights, split = wide_case(name, rows)
    network = net.build(spec, weights)
    try:
        epochs = net.fit(network, plan, split, lambda epoch: None)
    except SpecError as error:
        return str(error)
    net.get_weights(network).save(folder / f"wide {name}.safetensors", spec)
    return [dataclasses.asdict(epoch) for epoch in epochs]


def _diverge(net: Any, rows: Split, folder: Path) -> str:
    """Train at a rate that ends in NaN after an epoch or more; return what is said, and keep what is left."""
    spec, _, weights, split = wide_case("regression", rows)
    network = net.build(spec, weights)
    plan = TrainSpec(
        **FIXED | {"learning_rate": 40.0, "max_epochs": 60}, loss="mean_squared_error", optimizer="momentum"
    )
    try:
        net.fit(network, plan, split, lambda epoch: None)
    except DivergenceError as error:
        net.get_weights(network).save(folder / "diverged.safetensors", spec)
        return str(error)
    return "did not diverge"


# --- columns that are no plain numbers -------------------------------------------------------------------------------

COLUMNS = (
    Column(name="x0", source="x0", flag_missing=True),
    Column(name="c", source="c", encoding="category", labels=("a", "b", "c"), flag_missing=True),
    Column(name="x2", source="x2"),
    Column(name="d", source="d", encoding="category", labels=("e",), has_other=True),
)


def columns_case(split: Split, dtype: str = "float64") -> tuple[NetworkSpec, Weights, Split]:
    """The split with a tenth of its cells empty and two of its columns cut into codes; network and start for it."""
    rng = np.random.default_rng(17)
    edges = {1: np.quantile(split.X_train[:, 1], [0.25, 0.5, 0.75]), 3: np.quantile(split.X_train[:, 3], [0.5])}
    parts = {}
    for part in ("X_train", "X_val", "X_test"):
        X = getattr(split, part).copy()
        for column, cuts in edges.items():
            X[:, column] = np.digitize(X[:, column], cuts)
        X[rng.uniform(size=X.shape) < 0.1] = np.nan
        parts[part] = X
    columns, mean, std = fit_columns(parts["X_train"], COLUMNS)
    spec = NetworkSpec(n_inputs=4, columns=columns, hidden_units=(12, 6), dropout=0.0, dtype=dtype, seed=8)
    return spec, initial_weights(spec, mean, std), dataclasses.replace(split, **parts)


def ask_columns(framework: str, split: str, folder: str, emit: Emit) -> list[dict[str, Any]]:
    """Train in a fixed order on such columns; keep weights and answers."""
    net = load_framework(framework)
    spec, weights, rows = columns_case(load_split(Path(split)))
    network = net.build(spec, weights)
    before = net.get_weights(network)
    epochs = net.fit(network, TrainSpec(**FIXED), rows, lambda epoch: None)
    kept = net.get_weights(network)
    kept.save(Path(folder) / "columns.safetensors", spec)
    np.savez(
        Path(folder) / "columns.npz",
        answers=net.predict(network, rows.X_test),
        **_named("built", before),
        **_arrays("gradient", net.gradients(network, rows.X_test.astype(spec.dtype), rows.y_test)),
    )
    return [dataclasses.asdict(epoch) for epoch in epochs]
