"""The bugs, one file each; adding a bug is adding a file with a constant ``BUG``."""

from __future__ import annotations

from functools import cache

from throughline.drill.bug import Bug
from throughline.errors import UsageError, quoted
from throughline.registry import by_name, declared


@cache
def load_bugs() -> dict[str, Bug]:
    """Return all bugs by name, in the order of their names."""
    return dict(sorted(by_name(declared(__name__, "BUG", Bug), "bug files").items()))


def find_bug(name: str) -> Bug:
    """Return a bug by its name.

    Raises
    ------
    UsageError
        If there is none; the message lists them.
    """
    bugs = load_bugs()
    if name not in bugs:
        raise UsageError("--name", f"one of {', '.join(bugs)}", quoted(name), "choose one of these")
    return bugs[name]
