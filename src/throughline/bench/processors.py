"""Which processors there are, how much of them a container allows, and how a process is kept on one of them.

`os.cpu_count` counts the machine. A process may be allowed fewer (its affinity), a container less time than that (its
quota, which throttles everything together once it is used up): both decide what a time means.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from throughline.record import Processors

CGROUP_OF_PROCESS = Path("/proc/self/cgroup")
CGROUPS = Path("/sys/fs/cgroup")
PERIOD_US = 100_000  # the kernel's default, which version 1 leaves out where nothing was set


def describe_processors() -> Processors:
    """Return what this process may use, and on which one its measurements will run."""
    allowed = _allowed()
    return Processors(
        n_installed=os.cpu_count() or 1,
        n_allowed=len(allowed) or os.cpu_count() or 1,
        quota=container_quota(),
        pinned_to=max(allowed) if allowed else None,  # the first one serves most interrupts
    )


def container_quota(cgroup_of_process: Path = CGROUP_OF_PROCESS, cgroups: Path = CGROUPS) -> float | None:
    """Return how many processors' worth of time the control groups of this process allow, the least of them.

    Parameters
    ----------
    cgroup_of_process : Path
        Lines of ``id:controllers:path``.
    cgroups : Path
        Where they are mounted, in version 2 itself, in version 1 one folder a controller.

    Returns
    -------
    float or None
        None where there is no limit, or no control group.
    """
    try:
        lines = cgroup_of_process.read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    found: list[float] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            for mounted in (cgroups, cgroups / "unified"):  # the second where both versions are mounted
                found += _quotas(mounted, path, _quota_2)
        elif "cpu" in controllers.split(","):
            for mounted in (cgroups / controllers, cgroups / "cpu"):
                found += _quotas(mounted, path, _quota_1)
    return min(found, default=None)


def _quotas(mounted: Path, path: str, read: Callable[[Path], float | None]) -> list[float]:
    """Return the limits of a group and of all above it; inside a container its own path may not be visible."""
    here = mounted / path.lstrip("/")
    folders = [here, *(parent for parent in here.parents if parent.is_relative_to(mounted))]
    quotas = (read(folder) for folder in folders)
    return [quota for quota in quotas if quota is not None]


def _quota_2(folder: Path) -> float | None:
    try:
        quota, period = (folder / "cpu.max").read_text(encoding="utf-8").split()
    except (OSError, ValueError):
        return None
    return None if quota == "max" else int(quota) / int(period)


def _quota_1(folder: Path) -> float | None:
    try:
        quota = int((folder / "cpu.cfs_quota_us").read_text(encoding="utf-8"))
        period = int((folder / "cpu.cfs_period_us").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return None if quota < 0 else quota / (period or PERIOD_US)


@contextmanager
def pinned(processor: int | None) -> Iterator[None]:
    """Keep this thread, and the processes that it starts meanwhile, on one processor; do nothing for None."""
    if processor is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {processor})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _allowed() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
