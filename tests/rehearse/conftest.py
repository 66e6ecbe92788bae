"""A record without a run, and the script of its full walk."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import pytest

from throughline.record import RunRecord
from throughline.rehearse.script import TimedScript, timed
from throughline.report.walks import compose_walk

RECORD_FACTORY = Path(__file__).resolve().parents[1] / "report" / "record_factory.py"


@pytest.fixture(scope="session")
def record() -> RunRecord:
    """A whole record, as the report's tests make it."""
    spec = importlib.util.spec_from_file_location("record_factory", RECORD_FACTORY)
    assert spec is not None
    assert spec.loader is not None
    module: Any = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    made: RunRecord = module.make_record()
    return made


@pytest.fixture(scope="session")
def script(record: RunRecord) -> TimedScript:
    return timed(compose_walk(record, "full"))
