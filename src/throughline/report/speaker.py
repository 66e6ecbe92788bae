"""Who says it: a pace in words a minute, and projects of their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from throughline.errors import UsageError
from throughline.report.resume import Project, load_resume

WORDS_PER_MINUTE = 150
# Slower, and what must be said of a bad run would not fit into a minute; faster, and nobody would follow.
SLOWEST, FASTEST = 100, 200


@dataclass(frozen=True)
class Speaker:
    """How fast one speaks, and what of one's own one tells.

    Attributes
    ----------
    wpm : int
        Words a minute, from 100 to 200.
    projects : tuple of Project

    Examples
    --------
    >>> Speaker(120).words_in(30), Speaker(120).seconds_for(100)
    (60, 50.0)
    """

    wpm: int = WORDS_PER_MINUTE
    projects: tuple[Project, ...] = ()

    def __post_init__(self) -> None:
        if not SLOWEST <= self.wpm <= FASTEST:
            allowed = f"a whole number from {SLOWEST} to {FASTEST}"
            raise UsageError("--wpm", allowed, str(self.wpm), f"{WORDS_PER_MINUTE} is usual")

    def words_in(self, seconds: float) -> int:
        """Return how many words fit into so many seconds."""
        return int(seconds * self.wpm / 60)

    def seconds_for(self, n_words: int) -> float:
        """Return how long so many words take."""
        return 60 * n_words / self.wpm


def speaker_of(wpm: int = WORDS_PER_MINUTE, resume: Path | None = None) -> Speaker:
    """Return the speaker that the options ``--wpm`` and ``--resume`` describe."""
    return Speaker(wpm, load_resume(resume) if resume is not None else ())
