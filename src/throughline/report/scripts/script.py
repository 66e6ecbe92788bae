"""What a chapter has to say."""

from __future__ import annotations

from dataclasses import dataclass

from throughline.report.phrases import Sentence

NOTHING_CLAIMED = "No figure is claimed for a file that was not verified."


@dataclass(frozen=True)
class Script:
    """All that could be said about a chapter, in the order in which it would be said."""

    sentences: list[Sentence]
    key_points: list[str]
