"""Registries by folder: what the modules of a package declare under an agreed name; a new file is a new entry."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from importlib import import_module
from pkgutil import iter_modules
from typing import Protocol, TypeVar


class Named(Protocol):
    """What has a name of its own."""

    @property
    def name(self) -> str:
        """By which it is found."""


Entry = TypeVar("Entry")
NamedEntry = TypeVar("NamedEntry", bound=Named)


def declared(package: str, constant: str, kind: type[Entry]) -> list[Entry]:
    """Import every module of a package and return its constant of this name, in the order of the files.

    Parameters
    ----------
    package : str
        One that is imported.
    constant : str
        An entry, or a list or tuple of entries; modules without it are the package's own machinery.
    kind : type
        Of the entries.

    Raises
    ------
    TypeError
        If something else stands there.

    Examples
    --------
    >>> from throughline.formats.base import Format
    >>> [entry.name for entry in declared("throughline.formats", "FORMAT", Format)][:2]
    ['aotinductor', 'c99']
    """
    names = sorted(info.name for info in iter_modules(sys.modules[package].__path__))
    modules = [import_module(f"{package}.{name}") for name in names]
    found = [getattr(module, constant) for module in modules if hasattr(module, constant)]
    entries = [entry for each in found for entry in (each if isinstance(each, list | tuple) else [each])]
    for entry in entries:
        if not isinstance(entry, kind):
            raise TypeError(f"{constant} in {package} must be a {kind.__name__}, but one is {entry!r}")
    return entries


def by_name(entries: Iterable[NamedEntry], what: str) -> dict[str, NamedEntry]:
    """Return entries by their names.

    Raises
    ------
    RuntimeError
        If two have the same.
    """
    found: dict[str, NamedEntry] = {}
    for entry in entries:
        if entry.name in found:
            raise RuntimeError(f"two {what} call themselves '{entry.name}'")
        found[entry.name] = entry
    return found
