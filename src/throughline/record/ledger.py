"""Which default of a framework does how much."""

from __future__ import annotations

import json
from dataclasses import dataclass

import msgspec

from throughline.record.environment import Environment
from throughline.record.evaluation import EquivalenceTest, Interval


@dataclass(frozen=True, kw_only=True)
class LedgerLine:
    """What one default does.

    Attributes
    ----------
    name, title, keras_does, torch_does, torch_stands_for, sentence : str
        As in `parity.ledger.setting.Entry`.
    gap : float
        Difference of the two losses on the training rows after the last step, dropout off: the median of its size
        over the seeds.
    gap_low, gap_high : float
        Smallest and largest of the seeds.
    share : float
        The gap as a part of that of the stock frameworks. Shares need not add up to 1: defaults act on each other.
    keras_accuracy, torch_accuracy : float
        On the test rows, mean over the seeds.
    accuracy_difference : Interval
        Keras minus PyTorch, mean over the seeds, with a 95 % interval of Student's t.
    """

    name: str
    title: str
    keras_does: str
    torch_does: str
    torch_stands_for: str
    sentence: str
    gap: float
    gap_low: float
    gap_high: float
    share: float
    keras_accuracy: float
    torch_accuracy: float
    accuracy_difference: Interval


@dataclass(frozen=True, kw_only=True)
class LedgerRecord:
    """The whole ledger.

    Attributes
    ----------
    n_steps, n_train, n_test : int
    seeds : list of int
        Of initial weights, order, masks; the rows are the same for all.
    lines : list of LedgerLine
        The first is aligned, the last has every default.
    equivalence : EquivalenceTest
        Of the stock frameworks' accuracies over the seeds.
    wall_s : float
    environment : Environment
    """

    n_steps: int
    n_train: int
    n_test: int
    seeds: list[int]
    lines: list[LedgerLine]
    equivalence: EquivalenceTest
    wall_s: float
    environment: Environment

    def to_json(self) -> str:
        """Write the ledger as indented JSON."""
        return json.dumps(msgspec.to_builtins(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
