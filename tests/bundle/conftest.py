"""One bundle of a finished run, and environments that hold the runtime of one artefact and nothing else."""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

FORMATS = ["tflite-float16", "onnx-float32", "onnx-int8", "neutral", "c99"]


@pytest.fixture(scope="session")
def bundle_folder(finished_run: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of the run's PyTorch network: two formats of the run, three that it has not exported."""
    folder = tmp_path_factory.mktemp("bundles") / "send"
    command = ["bundle", str(finished_run.folder), "--data", str(finished_run.data), "--out", str(folder)]
    done = finished_run.call([*command, "--to", ",".join(FORMATS), "--network", "torch", "--licence", "CC0-1.0"])
    assert done.returncode == 0, done.stderr
    assert "in 5 formats, proven on 114 rows" in done.stdout
    return folder


@pytest.fixture
def copy(bundle_folder: Path, tmp_path: Path) -> Path:
    """A copy that a test may damage."""
    return Path(shutil.copytree(bundle_folder, tmp_path / "received"))


def check(folder: Path, *arguments: str, python: Path | str = sys.executable) -> subprocess.CompletedProcess[str]:
    """Run the bundle's own check, from another folder, without this package in its way."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    command = [str(python), str(folder / "check.py"), *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, cwd=folder.parent, env=environment, timeout=300, check=False
    )


def sign_again(folder: Path, change: Callable[[dict[str, Any]], None] = lambda manifest: None) -> None:
    """Write manifest and checksums anew, as someone who wants damage to go unnoticed would."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["files"] = {name: sha for name, sha in _sums(folder).items() if name != "manifest.json"}
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    lines = (f"{sha}  {name}\n" for name, sha in sorted(_sums(folder).items()))
    (folder / "SHA256SUMS").write_bytes("".join(lines).encode())


def _sums(folder: Path) -> dict[str, str]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {n: hashlib.sha256(p.read_bytes()).hexdigest() for n, p in sorted(found.items()) if n != "SHA256SUMS"}


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
