"""Bars: what a chapter must reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What a chapter must reach.

    Attributes
    ----------
    chapter : int
    text : str
        What is measured, as a noun phrase.
    kind : {"at least", "above", "below", "at most"}
        How `measured` must stand to `required`.
    required, measured : float
    met : bool
    unit : {"percent", "number", "ratio"}
        "percent": shares of 1, shown as percentages; "ratio": about 1, shown with decimals.
    """

    chapter: int
    text: str
    kind: Literal["at least", "above", "below", "at most"]
    required: float
    measured: float
    met: bool
    unit: Literal["percent", "number", "ratio"]

    @property
    def missed_in(self) -> int:
        """The chapter if the bar was missed, otherwise 0."""
        return 0 if self.met else self.chapter


def make_bar(
    chapter: int,
    text: str,
    measured: float,
    kind: Literal["at least", "above", "below", "at most"],
    required: float,
    unit: Literal["percent", "number", "ratio"] = "percent",
) -> Bar:
    """Compare and return the bar; a measured NaN never meets it."""
    met = {
        "at least": measured >= required,
        "above": measured > required,
        "below": measured < required,
        "at most": measured <= required,
    }[kind]
    return Bar(
        chapter=chapter, text=text, kind=kind, required=required, measured=float(measured), met=bool(met), unit=unit
    )
