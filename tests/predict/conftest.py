"""Two real runs on the table of `tables`, each as a bundle: one tells three classes, the other an amount."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from throughline.bundle.build import BundleRequest, make_bundle
from throughline.bundle.column_graphs import column_graphs
from throughline.formats import load_formats
from throughline.formats.availability import missing_runtime
from throughline.run import RunRequest, run

from .tables import draw_rows, hard_rows, write_table

# Machine code is compiled for these, half a minute each; `tests/bundle` sends them.
SLOW = ("aotinductor", "executorch")
FORMATS = [name for name, form in load_formats().items() if name not in SLOW and not missing_runtime(form)]
GRAPHS = list(column_graphs())


@dataclass(frozen=True)
class Sent:
    """A run, the bundle that was made of it, its table, and a table of new rows."""

    run: Path
    bundle: Path
    data: Path
    new: Path


@pytest.fixture(scope="session")
def make_sent(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str, list[str]], Sent]:
    def make(target: str, drop: str, formats: list[str]) -> Sent:
        folder = tmp_path_factory.mktemp(target.lower())
        data = write_table(folder / "büro.csv", draw_rows(400, seed=5))
        request = RunRequest(
            data=data, target=target, drop=(drop,), chapters=(4,), seeds=1, embed=False, out=folder / "run"
        )
        run(request)
        make_bundle(BundleRequest(source=str(folder / "run"), formats=tuple(formats), data=data, out=folder / "send"))
        return Sent(folder / "run", folder / "send", data, write_table(folder / "neu.csv", hard_rows()))

    return make


@pytest.fixture(scope="session")
def classes(make_sent: Callable[..., Sent]) -> Sent:
    """Three classes, in every format and graph; tests that use it share the xdist group "predict"."""
    return make_sent("Urteil", "Preis", [*FORMATS, *GRAPHS])


@pytest.fixture(scope="session")
def amounts(make_sent: Callable[..., Sent]) -> Sent:
    """An amount, in formats that are light to load."""
    return make_sent("Preis", "Urteil", ["onnx-float32", "neutral", "c99", "onnx-strings"])
