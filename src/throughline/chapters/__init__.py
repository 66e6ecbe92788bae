"""The seven chapters, one file each, in the order in which they are told.

`load_chapters` walks this folder and collects the constant ``CHAPTER`` of every module.
"""

from __future__ import annotations

import importlib
import pkgutil
from functools import cache

from throughline.chapters.base import Chapter


@cache
def load_chapters() -> dict[int, Chapter]:
    """Return all chapters by number."""
    modules = [importlib.import_module(f"{__name__}.{info.name}") for info in pkgutil.iter_modules(__path__)]
    chapters = [module.CHAPTER for module in modules if hasattr(module, "CHAPTER")]
    return {chapter.number: chapter for chapter in sorted(chapters, key=lambda chapter: chapter.number)}


def with_needed(numbers: set[int]) -> list[int]:
    """Return the chapters together with those whose results they use, in order.

    Examples
    --------
    >>> with_needed({6})
    [3, 6]
    """
    chapters, wanted = load_chapters(), set(numbers)
    for number in numbers:
        wanted |= set(chapters[number].needs)
    return sorted(wanted)
