"""What a container allows is read as the kernel writes it, in both versions of control groups."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from throughline.bench.memory import begin_peak, n_threads, peak_bytes
from throughline.bench.processors import container_quota, describe_processors, pinned


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_version_2_takes_the_least_of_a_group_and_those_above_it(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", "0::/a/b\n")
    write(tmp_path / "fs" / "a" / "b" / "cpu.max", "max 100000\n")
    assert container_quota(tmp_path / "cgroup", tmp_path / "fs") is None
    write(tmp_path / "fs" / "a" / "cpu.max", "150000 100000\n")
    assert container_quota(tmp_path / "cgroup", tmp_path / "fs") == 1.5
    write(tmp_path / "fs" / "a" / "b" / "cpu.max", "20000 50000\n")
    assert container_quota(tmp_path / "cgroup", tmp_path / "fs") == 0.4


def test_inside_a_container_the_limit_lies_at_the_root(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", "0::/docker/unseen\n")
    write(tmp_path / "fs" / "cpu.max", "200000 100000\n")
    assert container_quota(tmp_path / "cgroup", tmp_path / "fs") == 2


def test_version_1_and_no_limit(tmp_path: Path) -> None:
    write(tmp_path / "cgroup", "4:cpu,cpuacct:/x\n3:memory:/x\n")
    folder = tmp_path / "fs" / "cpu,cpuacct" / "x"
    write(folder / "cpu.cfs_quota_us", "-1\n")
    write(folder / "cpu.cfs_period_us", "100000\n")
    assert container_quota(tmp_path / "cgroup", tmp_path / "fs") is None
    write(folder / "cpu.cfs_quota_us", "75000\n")
    assert container_quota(tmp_path / "cgroup", tmp_path / "fs") == 0.75


def test_without_control_groups(tmp_path: Path) -> None:
    assert container_quota(tmp_path / "nowhere", tmp_path) is None


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="2026-11-22: this system pins no process")
def test_a_child_stays_where_its_parent_was() -> None:
    processor = describe_processors().pinned_to
    before = os.sched_getaffinity(0)
    with pinned(processor):
        code = "import os; print(*os.sched_getaffinity(0))"
        said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.split() == [str(processor)]
    assert os.sched_getaffinity(0) == before


def test_growth_of_memory_is_seen() -> None:
    before = begin_peak()
    block = bytearray(64_000_000)
    block[::4096] = b"x" * len(block[::4096])  # touched, or the system gives none
    assert peak_bytes() - before > 50_000_000
    assert n_threads() is None or n_threads() >= 1  # type: ignore[operator]
