"""What a comparison of trajectories found: plain data, written as JSON and told by the page."""

from __future__ import annotations

import json
from dataclasses import dataclass

import msgspec

from throughline.record import Environment

N_EARLY_STEPS = 100


@dataclass(frozen=True, kw_only=True)
class Bars:
    """How far two trajectories may lie apart.

    Attributes
    ----------
    loss : float
        Largest difference of the loss, over all steps.
    early_loss : float
        The same over the first 100 steps.
    weights : float or None
        Largest difference of a weight after the last step, if there is a bar for it.
    gates_explain : bool
        Whether a larger difference of the loss passes if a flipped ReLU gate is proven to be its cause.
    """

    loss: float
    early_loss: float
    weights: float | None
    gates_explain: bool


BARS = {
    "float64": Bars(loss=1e-12, early_loss=1e-12, weights=1e-10, gates_explain=False),
    "float32": Bars(loss=1e-5, early_loss=1e-6, weights=None, gates_explain=True),
}


@dataclass(frozen=True, kw_only=True)
class GateFlip:
    """A ReLU that is open in one framework and shut in the other.

    Attributes
    ----------
    step : int
        From 0.
    layer : int
        Hidden layer, from 1.
    unit, row : int
        Unit of the layer and row of the batch, from 0.
    pre_activations : dict of str to float
        What each of the two frameworks computed; of opposite signs, or 0 in one.
    """

    step: int
    layer: int
    unit: int
    row: int
    pre_activations: dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Departure:
    """Where two trajectories part, and the proof of the cause.

    Attributes
    ----------
    step : int
        First step, from 0, whose losses differ by more than the bar.
    flip : GateFlip or None
        The first gate that differs, if one does up to that step.
    forced : str
        The framework that was run again with the gates of the other.
    n_forced : int
        How many of its gates, over all steps, would have been otherwise in that second run.
    forced_loss : float or None
        Largest difference of the loss in that second run; None without one.
    """

    step: int
    flip: GateFlip | None
    forced: str
    n_forced: int
    forced_loss: float | None


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two frameworks on one case.

    Attributes
    ----------
    first, second : str
    loss : float
        Largest difference of the loss over all steps.
    loss_step : int
        Where that was, from 0.
    early_loss : float
        Largest over the first 100 steps.
    weights : float
        Largest difference of a weight after the last step.
    departure : Departure or None
        Given where the loss differs by more than its bar and the activation is ReLU.
    met : bool
        Whether the bars of the dtype are met.
    """

    first: str
    second: str
    loss: float
    loss_step: int
    early_loss: float
    weights: float
    departure: Departure | None
    met: bool


@dataclass(frozen=True, kw_only=True)
class CaseRecord:
    """One training, done by several frameworks.

    Attributes
    ----------
    task, optimizer, dtype : str
    layer_sizes : list of int
    dropout : float
    frameworks : list of str
        Those that took part.
    left_out : dict of str to str
        Those that could not express the spec, with the reason.
    diverged : dict of str to str
        Those whose training broke down, with step, layer and largest weight.
    good_weights : dict of str to str
        For each of these the file with the last weights whose loss was finite.
    pairs : list of Pair
        Every two that took part and did not diverge.
    first_loss, last_loss : float or None
        Loss of the first and of the last step, in the first framework that got there: something was learned.
    """

    task: str
    optimizer: str
    dtype: str
    layer_sizes: list[int]
    dropout: float
    frameworks: list[str]
    left_out: dict[str, str]
    diverged: dict[str, str]
    good_weights: dict[str, str]
    pairs: list[Pair]
    first_loss: float | None
    last_loss: float | None

    @property
    def met(self) -> bool:
        """Whether all pairs meet their bars; without a pair nothing was compared, and that is no pass."""
        return bool(self.pairs) and not self.diverged and all(pair.met for pair in self.pairs)


@dataclass(frozen=True, kw_only=True)
class ParityRecord:
    """A whole comparison.

    Attributes
    ----------
    n_steps, seed : int
    bars : dict of str to Bars
        By dtype.
    cases : list of CaseRecord
    wall_s : float
    environment : Environment
    """

    n_steps: int
    seed: int
    bars: dict[str, Bars]
    cases: list[CaseRecord]
    wall_s: float
    environment: Environment

    @property
    def met(self) -> bool:
        """Whether every case meets its bars, and there is one."""
        return bool(self.cases) and all(case.met for case in self.cases)

    def to_json(self) -> str:
        """Write the record as indented JSON; a NaN is refused."""
        return json.dumps(msgspec.to_builtins(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
