"""What a drill shows, as JSON gives it: the symptoms before the answer, evidence and grade after it."""

from __future__ import annotations

import math
from dataclasses import dataclass

from throughline.drill.bug import Unit


@dataclass(frozen=True, kw_only=True)
class Curves:
    """What was logged, an entry an epoch; None where a figure was not finite."""

    train_loss: list[float | None]
    val_loss: list[float | None]
    train_accuracy: list[float | None]
    val_accuracy: list[float | None]


@dataclass(frozen=True, kw_only=True)
class Compared:
    """A figure of the run beside that of its sound twin."""

    name: str
    title: str
    unit: Unit
    measured: float | None
    expected: float | None


@dataclass(frozen=True, kw_only=True)
class Symptoms:
    """Everything that is shown before the answer; the bug's name is not in it.

    Attributes
    ----------
    seed : int
        With which the drill is drawn again.
    case : str
        What was trained, in a sentence.
    curves : Curves
    figures : list of Compared
        `expected` is what the same script reports without the bug.
    choices : list of str
        Possible causes; an answer may name one by its number, from 1.
    hints : list of str
        Those that were asked for.
    """

    seed: int
    case: str
    curves: Curves
    figures: list[Compared]
    choices: list[str]
    hints: list[str]


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What tells the bug, and how good the answer was.

    Attributes
    ----------
    name, title : str
        The bug.
    answer : str
        As it was given.
    understood : str
        Title of the cause that it was taken for; empty if for none.
    correct : bool
    grade : str
        "easy", "good" or "hard" by the number of hints, "again" for a wrong answer.
    symptom : Compared or None
        The figure among the symptoms that gives it away; None where none does.
    probe : Compared
        The quantity to look at, in this run and in the sound one.
    diff : str
        What the bug changes in the script.
    why : str
    """

    name: str
    title: str
    answer: str
    understood: str
    correct: bool
    grade: str
    symptom: Compared | None
    probe: Compared
    diff: str
    why: str


@dataclass(frozen=True, kw_only=True)
class DrillRecord:
    """What ``drill bug --json`` prints; `evidence` is None before the answer."""

    symptoms: Symptoms
    evidence: Evidence | None

    def to_json(self) -> str:
        """Return it as indented JSON with a newline at the end."""
        import msgspec

        return msgspec.json.format(msgspec.json.encode(self), indent=1).decode() + "\n"


def finite(value: float) -> float | None:
    """Return a number as JSON can hold it."""
    return float(value) if math.isfinite(value) else None
