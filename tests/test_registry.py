"""Registries by folder, over real packages in a temporary folder."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from throughline.registry import by_name, declared


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An imported package without modules, which tests fill."""
    folder = tmp_path / "registered_here"
    folder.mkdir()
    (folder / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    import_module("registered_here")
    yield folder
    for name in [name for name in sys.modules if name.split(".")[0] == "registered_here"]:
        del sys.modules[name]


def test_entries_come_in_the_order_of_the_files_and_machinery_has_none(package: Path) -> None:
    (package / "c.py").write_text("WORD = 'last'\n")
    (package / "a.py").write_text("WORD = ['first', 'second']\n")
    (package / "b.py").write_text("WORD = ('third',)\n")
    (package / "base.py").write_text("OTHER = 'none of it'\n")
    assert declared("registered_here", "WORD", str) == ["first", "second", "third", "last"]
    assert declared("registered_here", "NOTHING", str) == []


def test_something_else_in_its_place_is_refused(package: Path) -> None:
    (package / "a.py").write_text("WORD = 7\n")
    with pytest.raises(TypeError, match="WORD in registered_here must be a str, but one is 7"):
        declared("registered_here", "WORD", str)


def test_two_of_one_name_are_refused() -> None:
    paths = [Path("a/one"), Path("a/two")]
    assert by_name(paths, "files") == {"one": paths[0], "two": paths[1]}
    with pytest.raises(RuntimeError, match="two files call themselves 'two'"):
        by_name([*paths, Path("b/two")], "files")
