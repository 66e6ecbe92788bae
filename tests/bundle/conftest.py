"""Environments that hold the runtime of one artefact and nothing else."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import venv
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def bare_python(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Make an environment of some distributions with what they require, and nothing else, not even pip.

    The files are linked from this environment, each by itself, so that no network is needed and no neighbour of a
    shared folder comes along.
    """

    def make(*distributions: str) -> Path:
        folder = tmp_path_factory.mktemp("bare")
        venv.create(folder, with_pip=False)
        (site,) = (folder / "lib").glob("python*/site-packages")
        for name in sorted(_with_required(distributions)):
            for file in importlib.metadata.distribution(name).files or []:
                place = site / file
                if ".." in file.parts or place.exists():
                    continue  # scripts
                place.parent.mkdir(parents=True, exist_ok=True)
                _link(Path(str(file.locate())), place)
        return folder / "bin" / "python"

    return make


@pytest.fixture(scope="session")
def python_without_us(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make an environment that sees all that is installed here, but in which this package cannot be imported."""
    folder = tmp_path_factory.mktemp("without-us")
    venv.create(folder, with_pip=False)
    (site,) = (folder / "lib").glob("python*/site-packages")
    here = dict.fromkeys(str(Path(str(importlib.metadata.distribution(n).locate_file("")))) for n in ("numpy", "torch"))
    refuse = "import sys; sys.modules['throughline'] = None"
    (site / "neighbours.pth").write_text("\n".join([*here, refuse]) + "\n", encoding="utf-8")
    return folder / "bin" / "python"


def _link(source: Path, place: Path) -> None:
    if not source.is_file():
        return  # bytecode that is not there
    try:
        os.link(source, place)
    except OSError:
        shutil.copyfile(source, place)


def _with_required(names: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        try:
            required = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for another system or Python
        if name not in found:
            found.add(name)
            waiting += [
                match[0] for line in required if "extra ==" not in line and (match := re.match(r"[\w.-]+", line))
            ]
    return found
