"""What a run tells while it runs: three kinds of event, for a terminal or any other listener."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from throughline.record import Bar


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


Event = ChapterStarted | ChapterDone | Stage
OnEvent = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Listen to nothing."""
