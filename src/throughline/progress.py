"""What a run tells while it runs: four kinds of event, for a terminal or any other listener."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from throughline.record import Bar, TableRecord


@dataclass(frozen=True)
class ChapterStarted:
    """A chapter begins to be told; its processes may have run for a while."""

    number: int
    title: str


@dataclass(frozen=True)
class ChapterDone:
    """A chapter ended, with its bars and the seconds since the run began."""

    number: int
    title: str
    bars: tuple[Bar, ...]
    elapsed_s: float


@dataclass(frozen=True)
class Stage:
    """What a process is doing now; an empty text says that it ended."""

    process: str
    text: str


@dataclass(frozen=True)
class TableRead:
    """A table was read; nothing is trained yet."""

    record: TableRecord


Event = ChapterStarted | ChapterDone | Stage | TableRead
OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to nothing."""
