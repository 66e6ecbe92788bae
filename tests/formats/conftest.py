"""Two untrained networks, exported once for the whole suite to every format there is."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from throughline.data.features import fit_columns
from throughline.formats import load_formats
from throughline.formats.availability import missing_runtime
from throughline.formats.base import Format
from throughline.frameworks.base import PRELOAD
from throughline.processes import Child
from throughline.record import TrainingRecord
from throughline.spec import Column, NetworkSpec
from throughline.verify.prove import HeldOutRows, TrainedNetwork
from throughline.weights import Array, Weights, initial_weights, load_weights

from .contract import training_rows

COLUMNS = (
    Column(name="income", source="income", fill=-0.2, flag_missing=True),
    Column(name="city", source="city", encoding="category", labels=("Bern", "Oslo", "Rome"), flag_missing=True),
    Column(name="year", source="date", encoding="year", fill=0.1),
    Column(name="smokes", source="smokes", encoding="boolean", labels=("no", "yes")),
    Column(name="plan", source="plan", encoding="category", labels=("a", "b"), has_other=True),
    # From eight columns on, converters fold the division by the deviations with vector instructions, which round 1 / 1.
    *(Column(name=f"value {i}", source=f"value {i}") for i in range(4)),
)
SPECS = {
    "20-64-32-1": NetworkSpec(n_inputs=20, seed=5),
    "3-5-1": NetworkSpec(n_inputs=3, hidden_units=(5,), hidden_activation="tanh", seed=6),
    "mixed": NetworkSpec(n_inputs=len(COLUMNS), columns=COLUMNS, hidden_units=(16, 8), seed=7),
}
N_ROWS = 1000  # neither a multiple of 33 nor of 2 * 33: the last batch is a short one


def seeded_weights(spec: NetworkSpec) -> Weights:
    """Random weights, biases too, and columns whose scales lie five orders of magnitude apart.

    The small network reads an income, a year and a fraction, far from 0 for their deviation: the first has no
    finite float16, the others lose their digits in it.
    """
    rng = np.random.default_rng(spec.seed)
    std = 10.0 ** np.linspace(-2, 3, spec.n_inputs)
    mean = std * rng.uniform(-2, 2, spec.n_inputs)
    if spec.columns:
        _, mean, std = fit_columns(mixed_rows(N_ROWS, seed=11), spec.columns)
    elif spec.n_inputs == 3:
        mean, std = np.array([90_000.0, 2_000.0, 0.7]), np.array([70_000.0, 12.0, 1e-4])
    weights = initial_weights(spec, mean, std)
    biases = tuple(rng.normal(scale=0.3, size=bias.shape).astype(spec.dtype) for bias in weights.biases)
    return Weights(weights.mean, weights.std, tuple(2 * kernel for kernel in weights.kernels), biases)


def mixed_rows(n_rows: int, seed: int) -> Array:
    """Rows of `COLUMNS`: incomes, cities, years, yes or no, and plans; a tenth of the cells is empty."""
    rng = np.random.default_rng(seed)
    columns = [
        rng.normal(90_000, 70_000, n_rows),
        rng.integers(0, 4, n_rows),
        rng.integers(1960, 2026, n_rows),
        rng.integers(0, 2, n_rows),
        rng.integers(0, 3, n_rows),
        *rng.normal(size=(4, n_rows)),
    ]
    rows = np.column_stack(columns).astype(np.float32)
    rows[rng.uniform(size=rows.shape) < 0.1] = np.nan
    return rows


def raw_rows(spec: NetworkSpec, weights: Weights, n_rows: int, seed: int = 9) -> Array:
    if spec.columns:
        return mixed_rows(n_rows, seed)
    scaled = np.random.default_rng(seed).normal(size=(n_rows, len(weights.mean)))
    return (weights.mean + weights.std * scaled).astype(np.float32)


@dataclass(frozen=True)
class Exported:
    """What a framework's process left: files in ``folder/<source>/<first or second>``, and its answers."""

    framework: str
    folder: Path
    made: dict[str, dict[str, dict[str, Any]]]

    def path(self, form: Format, source: str = "20-64-32-1", export: str = "first") -> Path:
        return Path(self.made[source][export][form.name]["path"])

    def network(self, form: Format, source: str, path: Path | None = None) -> TrainedNetwork:
        """The source network as `prove` wants it; `path` names another file in the artefact's place."""
        weights, spec = load_weights(self.folder / f"{source}.safetensors")
        answers = np.load(self.folder / f"answers-{source}-{self.framework}.npy")
        made = self.made[source]["first"]
        exports = made if path is None else made | {form.name: made[form.name] | {"path": str(path)}}
        return TrainedNetwork(
            record=untrained(self.framework, spec, weights),
            spec=spec,
            weights=weights,
            val_answers=answers,
            test_answers=answers,
            gradients=[],
            exports=exports,
        )

    def rows(self, source: str) -> HeldOutRows:
        path = self.folder / f"{source}.npy"
        X = np.load(path)
        return HeldOutRows(X, np.arange(len(X)) % 2, path)


@pytest.fixture(scope="session")
def start() -> Iterator[Callable[..., Child]]:
    """Start a child that can import this folder's `contract`; all are stopped at the end."""
    children: list[Child] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)

        def child(
            name: str, preload: Sequence[str], folder: Path, environment: Mapping[str, str] | None = None
        ) -> Child:
            log = folder / f"{name}-{len(children)}.log"
            children.append(Child(name, preload=preload, log=log, environment=environment))
            return children[-1]

        yield child
        for each in children:
            each.stop()


@pytest.fixture(scope="session")
def exported_by(start: Callable[..., Child], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Exported]:
    """Export by framework, once each, when first asked for."""
    done: dict[str, Exported] = {}

    def export(framework: str) -> Exported:
        if framework not in done:
            folder = tmp_path_factory.mktemp(f"exported-{framework}")
            for name, spec in SPECS.items():
                weights = seeded_weights(spec)
                weights.save(folder / f"{name}.safetensors", spec)
                np.save(folder / f"{name}.npy", raw_rows(spec, weights, N_ROWS))
                np.save(training_rows(str(folder / f"{name}.npy")), raw_rows(spec, weights, N_ROWS, seed=10))
            arguments = {
                "framework": framework,
                "sources": {name: str(folder / f"{name}.safetensors") for name in SPECS},
                "rows": {name: str(folder / f"{name}.npy") for name in SPECS},
                "out": str(folder),
            }
            with start(framework, PRELOAD[framework], folder) as child:
                done[framework] = Exported(framework, folder, child.call("contract:export_networks", arguments))
        return done[framework]

    return export


def group(form: Format) -> pytest.MarkDecorator:
    """One group a framework: its exports are made once, on the worker that has the group."""
    return pytest.mark.xdist_group({"keras": "tensorflow"}.get(form.framework, form.framework))


def parameter(form: Format) -> Any:
    """Skip a format whose runtime is an extra that is not installed; with it the suite runs all of them."""
    missing = missing_runtime(form)
    absent = [pytest.mark.skip(reason=f"2026-11-22: {missing}")] if missing else []
    return pytest.param(form, id=form.name, marks=[group(form), *absent])


@pytest.fixture(params=[parameter(form) for form in load_formats().values()])
def form(request: pytest.FixtureRequest) -> Format:
    """Each format of the registry that can run here, none named by hand."""
    return request.param


@pytest.fixture(params=[pytest.param(form, id=name) for name, form in load_formats().items()])
def described(request: pytest.FixtureRequest) -> Format:
    """Each format of the registry, whether it can run here or not."""
    return request.param


@pytest.fixture
def exported(form: Format, exported_by: Callable[[str], Exported]) -> Exported:
    return exported_by(form.framework)


def untrained(framework: str, spec: NetworkSpec, weights: Weights) -> TrainingRecord:
    return TrainingRecord(
        framework=framework,
        n_parameters=spec.n_parameters,
        losses=[],
        val_losses=[],
        val_accuracies=[],
        best_epoch=0,
        val_accuracy=0.0,
        val_loss=0.0,
        initial_digest=weights.digest,
        weights_digest=weights.digest,
        weights_path="",
        fit_s=0.0,
        versions={},
    )
