"""A record without a run, and a place to stand in."""

from __future__ import annotations

import importlib.util
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from throughline.record import RunRecord

RECORD_FACTORY = Path(__file__).resolve().parents[1] / "report" / "record_factory.py"


@pytest.fixture(scope="session")
def make_record() -> Callable[..., RunRecord]:
    """The factory of the report's tests."""
    return _factory("make_record")


@pytest.fixture(scope="session")
def make_amounts() -> Callable[..., RunRecord]:
    """The same, of a run whose target is an amount."""
    return _factory("make_amounts")


def _factory(name: str) -> Callable[..., RunRecord]:
    spec = importlib.util.spec_from_file_location("record_factory", RECORD_FACTORY)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    factory: Callable[..., RunRecord] = getattr(module, name)
    return factory


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working directory; temporary folders are made beside it, in ``tmp_path / "temp"``."""
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "temp").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temp"))
    return folder
