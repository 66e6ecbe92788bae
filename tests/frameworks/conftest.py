from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from throughline.data.split import Split
from throughline.frameworks.base import PRELOAD
from throughline.processes import Child
from throughline.spec import NetworkSpec

from . import contract

# One group a framework: its process is started once, on the worker that has the group.
FRAMEWORKS = [
    pytest.param("numpy", marks=pytest.mark.xdist_group("numpy")),
    pytest.param("keras", marks=pytest.mark.xdist_group("tensorflow")),
    pytest.param("torch", marks=pytest.mark.xdist_group("torch")),
]


@pytest.fixture(scope="session", params=FRAMEWORKS)
def framework(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="session")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., tuple[Any, list[Any]]]:
    """Call a function of `contract` in a child that has imported the framework; return result and events."""

    def call(framework: str, function: str, **arguments: Any) -> tuple[Any, list[Any]]:
        events: list[Any] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
            log = tmp_path_factory.mktemp("log") / f"{framework}.log"
            with Child(framework, preload=PRELOAD[framework], log=log) as child:
                return child.call(f"contract:{function}", {"framework": framework, **arguments}, events.append), events

    return call


@pytest.fixture(scope="session")
def split() -> Split:
    """Two overlapping classes in columns of unlike scale."""
    rng = np.random.default_rng(21)
    z = rng.normal(size=(260, 4))
    y = (z @ [1.5, -1.0, 0.5, 0.0] + 0.7 * z[:, 0] * z[:, 1] + 0.6 * rng.normal(size=260) > 0).astype(np.int64)
    X = ([100.0, -3.0, 0.02, 7.0] + z * [40.0, 0.5, 0.01, 300.0]).astype(np.float32)
    return Split(X[:160], y[:160], X[160:210], y[160:210], X[210:], y[210:])


@dataclass(frozen=True)
class Asked:
    """What a framework said to `contract.ask_all`."""

    folder: Path
    split: Path
    training: dict[str, Any]
    dropout: dict[str, float]
    narrow: dict[str, list[float] | str]
    wide: dict[str, list[dict[str, Any]] | str]
    columns: list[dict[str, Any]]
    repeated: list[dict[str, Any]]
    epochs_told: list[dict[str, Any]]

    def network(self, spec: NetworkSpec) -> dict[str, np.ndarray]:
        with np.load(self.folder / f"{contract.case_name(spec)}.npz") as arrays:
            return dict(arrays)


@pytest.fixture(scope="session")
def asked(framework, ask, split, tmp_path_factory) -> Asked:
    folder = tmp_path_factory.mktemp(f"asked-{framework}")
    split.save(folder / "split.npz")
    result, events = ask(framework, "ask_all", split=str(folder / "split.npz"), folder=str(folder))
    return Asked(folder, folder / "split.npz", **result, epochs_told=events)
