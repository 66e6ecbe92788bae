"""How much memory this process has, and the most it had; Linux says both, other systems the second."""

from __future__ import annotations

import sys
from pathlib import Path

STATUS = Path("/proc/self/status")
RESET_PEAK = "5"  # written to clear_refs, it lets the peak begin anew (Linux 4.0)


def begin_peak() -> int:
    """Let the peak begin anew where the system can, and return the memory in use now, in bytes."""
    if not STATUS.exists():
        return peak_bytes()
    try:
        Path("/proc/self/clear_refs").write_text(RESET_PEAK, encoding="ascii")
    except OSError:
        return peak_bytes()  # without the right to reset it, growth counts from the highest so far
    return _status("VmRSS")


def peak_bytes() -> int:
    """Return the peak of the resident memory in bytes; 0 where the system does not say."""
    if STATUS.exists():
        return _status("VmHWM")
    try:
        import resource
    except ImportError:
        return 0
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else 1024 * most


def n_threads() -> int | None:
    """Return the number of threads of this process, runtimes' own among them; None where the system does not say."""
    return int(_field("Threads")) if STATUS.exists() else None


def _status(name: str) -> int:
    return 1024 * int(_field(name))  # the kernel writes kB and means 1,024 bytes


def _field(name: str) -> str:
    lines = STATUS.read_text(encoding="ascii", errors="replace").splitlines()
    return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))
