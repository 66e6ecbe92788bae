"""The record of the report's tests, and what is written from it."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from throughline.record import RunRecord

ROOT = Path(__file__).resolve().parents[2]


def load_factory(name: str = "record_factory") -> ModuleType:
    """Import a factory of the report's tests, which is no package that can be imported by name."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "tests" / "report" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def factory() -> ModuleType:
    return load_factory()


@pytest.fixture(scope="session")
def make_record(factory: ModuleType) -> Callable[..., RunRecord]:
    return factory.make_record  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def record(make_record: Callable[..., RunRecord]) -> RunRecord:
    return make_record()


@pytest.fixture(scope="session")
def page(record: RunRecord) -> str:
    from throughline.report.page import render_page

    return render_page(record)


@pytest.fixture(scope="session")
def points(record: RunRecord) -> str:
    from throughline.report.talking_points import render_talking_points

    return render_talking_points(record)
