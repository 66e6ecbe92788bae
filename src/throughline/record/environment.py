"""On what a run ran, and when."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Span:
    """A stretch of time: what ran, in which process, for which chapter (0: for all)."""

    name: str
    process: str
    chapter: int
    start_s: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Environment:
    """On what it ran."""

    throughline: str
    python: str
    system: str
    machine: str
    n_cpus: int
    packages: dict[str, str]
