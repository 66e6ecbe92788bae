"""A bundle as its receiver runs it, and as someone who hides damage would sign it."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np


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


def spoil(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change arrays of the rows, and sign again."""
    with np.load(folder / "rows.npz") as stored:
        arrays = {name: stored[name].copy() for name in stored.files}
    change(arrays)
    np.savez(folder / "rows.npz", **arrays)
    sign_again(folder)


def _sums(folder: Path) -> dict[str, str]:
    found = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {n: hashlib.sha256(p.read_bytes()).hexdigest() for n, p in sorted(found.items()) if n != "SHA256SUMS"}
