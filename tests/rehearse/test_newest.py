from __future__ import annotations

from pathlib import Path

import pytest

from throughline.errors import DataError
from throughline.rehearse.newest import newest_run


def test_the_newest_run_is_that_with_the_latest_moment_in_its_record(tmp_path: Path) -> None:
    for name, text in {
        "a": '{"created": "2026-03-02T10:00:00+00:00"}',
        "b": '{"created": "2026-01-02T10:00:00+00:00"}',
        "z-broken": "{",
        "z-other": '{"made": 1}',
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "record.json").write_text(text)
    assert newest_run(tmp_path) == tmp_path / "a"


def test_without_a_run_it_says_what_to_type(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "none"):
        with pytest.raises(DataError, match="RUN must be the folder of a finished run, but got none below"):
            newest_run(folder)
