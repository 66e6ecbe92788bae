"""Deployment formats, one file each; adding a format is adding a file.

`load_formats` walks this folder and collects the constant ``FORMAT``, or ``FORMATS``, of every module. The modules
import nothing heavy: TensorFlow, PyTorch and the runtimes are imported inside their functions.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from throughline.errors import UsageError
from throughline.formats.base import Format, FrameworkName
from throughline.registry import by_name, declared


@cache
def load_formats() -> dict[str, Format]:
    """Return all formats by name, in the order in which the chapters tell them."""
    entries = [form for constant in ("FORMAT", "FORMATS") for form in declared(__name__, constant, Format)]
    return by_name(sorted(entries, key=lambda form: (form.chapter, form.order)), "format files")


def find_format(name: str) -> Format:
    """Return a format by its name.

    Raises
    ------
    UsageError
        If there is none; the message lists them.
    """
    formats = load_formats()
    if name not in formats:
        raise UsageError("format", f"one of {', '.join(formats)}", repr(name), "choose one of these")
    return formats[name]


def with_made_from(names: Iterable[str], source: FrameworkName) -> list[str]:
    """Return formats together with those out of which a framework's network gets to them, in the order of making.

    Examples
    --------
    >>> with_made_from(["tflite-int8"], "torch")
    ['savedmodel', 'tflite-int8']
    """
    formats, wanted = load_formats(), set(names)
    for name in reversed(formats):  # a format comes after what it is made from
        if name in wanted:
            wanted.add(formats[name].route_from(source).made_from)
    return [name for name in formats if name in wanted]
