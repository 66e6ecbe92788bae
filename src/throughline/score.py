"""What networks are judged by: accuracy where they answer classes, R² where they answer amounts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from throughline.record import EvaluationRecord, Interval
from throughline.spec import TaskKind


@dataclass(frozen=True, kw_only=True)
class Score:
    """A figure that says how good a network is; larger is better.

    Attributes
    ----------
    name : str
    short : str
        As the head of a narrow column has it.
    unit : {"percent", "ratio"}
        As in `record.Bar`.
    """

    name: str
    short: str
    unit: Literal["percent", "ratio"]


ACCURACY = Score(name="accuracy", short="acc.", unit="percent")
R2 = Score(name="R²", short="R²", unit="ratio")


def score_of(kind: TaskKind) -> Score:
    """Return what networks on a task of this kind are judged by.

    Examples
    --------
    >>> score_of("multiclass").name, score_of("regression").name
    ('accuracy', 'R²')
    """
    return R2 if kind == "regression" else ACCURACY


def scores_of(evaluation: EvaluationRecord | None) -> dict[str, Interval]:
    """Return the score of each network on the test rows, by framework; nothing where none was evaluated."""
    if evaluation is None:
        return {}
    accuracies = {network.framework: network.accuracy for network in evaluation.networks}
    return accuracies | {network.framework: network.r2 for network in evaluation.amounts}
