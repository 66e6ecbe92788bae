"""The newest run below a folder."""

from __future__ import annotations

from pathlib import Path

import msgspec

from throughline.errors import DataError, quoted

RUNS = Path("runs")


class _Created(msgspec.Struct):
    created: str


def newest_run(runs: Path = RUNS) -> Path:
    """Return the folder of the run that was made last, by what its record says.

    Raises
    ------
    DataError
        If there is none.
    """
    found = [(created, path.parent) for path in sorted(runs.glob("*/record.json")) if (created := _created(path))]
    if not found:
        raise DataError(
            "RUN", "the folder of a finished run", f"none below {quoted(runs)}", "type throughline run first"
        )
    return max(found)[1]


def _created(record: Path) -> str:
    """Return when a record was made; nothing for a file that is none."""
    try:
        return msgspec.json.decode(record.read_bytes(), type=_Created).created
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return ""
