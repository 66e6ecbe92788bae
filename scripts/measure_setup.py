"""Measure what the first call of `make run` takes: time, downloads, disk. README cites the file that this writes.

    python3 scripts/measure_setup.py [FILE]        by default docs/measurements/setup.json

A clone of the last commit is set up from nothing, with pip's cache off, and removed. Only the standard library is used.
"""

import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
UNITS = {"bytes": 1, "kB": 10**3, "MB": 10**6, "GB": 10**9}


def measure() -> dict[str, object]:
    """Set up a clone and return what it took."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        started = time.monotonic()
        command = [sys.executable, str(clone / "scripts" / "setup_env.py"), "exec", "throughline", "--version"]
        subprocess.run(command, check=True, env={**os.environ, "PIP_NO_CACHE_DIR": "1"})
        seconds = time.monotonic() - started
        log = (clone / ".venv" / "install.log").read_text(encoding="utf-8", errors="replace")
        return {
            "date": datetime.date.today().isoformat(),
            "command": "python3 scripts/measure_setup.py",
            "seconds": round(seconds, 1),
            "download_bytes": downloaded(log),
            "disk_bytes": sum(path.lstat().st_size for path in (clone / ".venv").rglob("*") if path.is_file()),
            "python": platform.python_version(),
            "system": platform.system(),
            "machine": platform.machine(),
            "n_cpus": os.cpu_count(),
            "load_before": load,
        }


def downloaded(log: str) -> float:
    r"""Add up what pip says it fetched, to the digits that it says, and the wheels that a mirror has as files.

    >>> downloaded("Downloading a-1-py3-none-any.whl (1.5 MB)\nDownloading b.whl (12 kB)")
    1512000.0
    """
    found = re.findall(r"Downloading \S+ \(([\d.]+) (bytes|kB|MB|GB)\)", log)
    beside = {Path(path) for path in re.findall(r"Processing (\S+\.whl)", log)}
    return sum(float(size) * UNITS[unit] for size, unit in found) + sum(path.stat().st_size for path in beside)


def main() -> int:
    """Write the measurement beside its place, then put it there."""
    path = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "measurements" / "setup.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_suffix(".partial")
    beside.write_text(json.dumps(measure(), indent=1) + "\n", encoding="utf-8")
    os.replace(beside, path)
    print(path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
