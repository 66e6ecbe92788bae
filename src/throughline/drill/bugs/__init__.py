"""The bugs, one file each; adding a bug is adding a file with a constant ``BUG``."""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from throughline.drill.bug import Bug
from throughline.errors import UsageError, quoted


@cache
def load_bugs() -> dict[str, Bug]:
    """Return all bugs by name, in the order of their names."""
    found: dict[str, Bug] = {}
    for module_info in pkgutil.iter_modules(__path__):
        bug: Bug = importlib.import_module(f"{__name__}.{module_info.name}").BUG
        if bug.name in found:
            raise RuntimeError(f"two bug files call themselves '{bug.name}'")
        found[bug.name] = bug
    return dict(sorted(found.items()))


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
