"""What a bug file declares: the line it changes, how it shows, and what tells it from everything else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from throughline.drill.rows import Case

if TYPE_CHECKING:
    from throughline.drill.trial import Trial

FigureName = Literal[
    "train_loss",
    "val_loss",
    "kept_val_loss",
    "train_accuracy",
    "val_accuracy",
    "test_accuracy",
    "labelled_1",
    "file_difference",
    "file_flips",
    "service_accuracy",
]
Unit = Literal["percent", "decimal", "count", "scientific"]


@dataclass(frozen=True, kw_only=True)
class Sign:
    """A figure among the symptoms that the bug moves, in every seed.

    Attributes
    ----------
    figure : FigureName
    direction : {"below", "above"}
        On which side of the sound twin's figure.
    by : float
        By how much at least; a test holds it over seeds.
    """

    figure: FigureName
    direction: Literal["below", "above"]
    by: float


@dataclass(frozen=True, kw_only=True)
class Probe:
    """The quantity to look at in order to tell the bug.

    Attributes
    ----------
    title : str
        What is measured; the evidence puts a colon behind it.
    measure : callable
        ``measure(trial) -> float``, asked of the run with the bug and of its sound twin.
    unit : Unit
    apart : float
        By how much at least the two differ; a test holds it over seeds.
    """

    title: str
    measure: Callable[[Trial], float]
    unit: Unit
    apart: float


@dataclass(frozen=True, kw_only=True)
class Bug:
    """A bug in the script: one line of it, and what there is to know about it.

    Attributes
    ----------
    name : str
        As ``--name`` takes it.
    title : str
        The cause in a few words, as it stands among the choices.
    before, after : str
        The line of the script, and what stands there instead; empty where the line is missing.
    case : Case
        Rows on which it shows.
    sign : Sign or None
        None where no figure tells it, as `why` then says.
    probe : Probe
    hints : tuple of str
        Given one at a time, each more of a hint than the one before.
    why : str
        What the bug does, and how its symptoms come about.
    confused_with : tuple of str
        Names of the causes that are offered beside it.
    said_as : tuple of str
        Other words for it, for answers in free text.
    """

    name: str
    title: str
    before: str
    after: str
    probe: Probe
    hints: tuple[str, ...]
    why: str
    confused_with: tuple[str, ...]
    said_as: tuple[str, ...] = ()
    case: Case = field(default_factory=Case)
    sign: Sign | None = None
