"""Real tables, from file to proven files: those of docs/datasets.md, one training each, beside scikit-learn's."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from throughline.data.split import split_rows
from throughline.data.table import TableRequest, read_table

pytestmark = pytest.mark.xdist_group("real_tables")
# Seed 0 has 30 test rows of iris, so that one of them is three points; means over five seeds are in docs/datasets.md.
ONE_SEED = 0.04
NAMES = ("breast cancer", "wine", "iris", "digits", "diabetes", "mixed")
OUTPUTS = {"breast cancer": "sigmoid", "mixed": "sigmoid", "diabetes": "linear"}


@pytest.fixture(scope="module")
def benchmark() -> ModuleType:
    """The benchmark that writes the page; it lies outside the package."""
    path = Path(__file__).parent.parent / "benchmarks" / "datasets.py"
    spec = importlib.util.spec_from_file_location("datasets_benchmark", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_these_are_the_tables_of_the_page(benchmark: ModuleType) -> None:
    assert tuple(benchmark.SETS) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_table_becomes_a_proven_network_as_good_as_scikit_learns(
    name: str, benchmark: ModuleType, tmp_path: Path
) -> None:
    paths = benchmark.write(benchmark.SETS[name](), name, tmp_path)
    rows = [split_rows(read_table(TableRequest(data=path, target="target"), seed=0), 0) for path in paths]
    assert rows[0].sha256 == rows[1].sha256  # CSV and Parquet hold the same table
    found = benchmark.measure(paths[NAMES.index(name) % 2], 0, tmp_path, chapters=(4,))
    assert found["output"] == OUTPUTS.get(name, "softmax")
    assert found["proven"] == [2, 2]
    assert found["bars_missed"] == 0
    assert found["scores"]["torch"] >= found["scores"]["scikit-learn"] - ONE_SEED
