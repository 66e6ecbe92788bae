from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from .chromium import PROGRAMS, Chromium, find_chromium


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    """A browser; without one the tests are skipped, unless `.ci/run` has said that there must be one."""
    program = find_chromium()
    if program is None and os.environ.get("THROUGHLINE_BROWSER") != "required":
        pytest.skip(f"2026-11-22: none of {', '.join(PROGRAMS)} is installed; on Debian: apt-get install chromium")
    assert program is not None, "THROUGHLINE_BROWSER says that there must be a browser, and there is none"
    with Chromium(program) as browser:
        yield browser
