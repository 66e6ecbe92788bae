"""What the notebook asserts of a run: its claims, but for those that depend on rows or sizes that nobody promised."""

from __future__ import annotations

from collections.abc import Iterable

from throughline.claims.claim import ToldClaim
from throughline.record import RunRecord
from throughline.run import DEFAULT_TASK

# How large a part of a file the weights are.
OF_THE_SIZE = frozenset({"float16-half", "int8-quarter"})
# How well a network does on them, how soon, and whether a row lies so close to the threshold that rounding flips it.
OF_THE_ROWS = frozenset(
    {
        *("perceptron-not-enough", "gradient-kinks", "numpy-validation", "numpy-as-good"),
        *("keras-validation", "keras-stops-early", "keras-test", "savedmodel-labels"),
        *("pytorch-validation", "pytorch-stops-early", "torch-test"),
        *("no-significant-difference", "agreement", "equivalent", "mean-difference", "stock-equivalent"),
        *("ranking", "better-than-a-coin", "bars-met"),
        *("float16-labels", "float16-accuracy", "onnx-labels", "no-label-flips"),
        *("numpy-above-commonest", "keras-above-commonest", "pytorch-above-commonest"),
        *("keras-test-above-commonest", "torch-test-above-commonest", "ranks-above-chance"),
        *("ranks-each-class-above-chance", "better-than-equal-probabilities"),
        *("numpy-r2", "keras-r2", "pytorch-r2", "keras-test-r2", "torch-test-r2", "keras-rmse", "torch-rmse"),
        *("no-significant-difference-of-errors", "float16-r2"),
    }
)
# What eight bits may change, in a run with formats beyond those of the chapters.
OF_OTHER_FORMATS = frozenset({"no-label-flips", "int8-labels"})


def open_claims(record: RunRecord) -> frozenset[str]:
    """Name the claims that this run may contradict without anything being wrong.

    Parameters
    ----------
    record : RunRecord

    Returns
    -------
    frozenset of str
        On the default task and seed only what depends on the size of the network, and on formats that were added.
    """
    as_promised = (record.task.name, record.seed) == (DEFAULT_TASK, 0)
    as_told = all(entry.told for entry in record.formats)
    return OF_THE_SIZE | (frozenset() if as_promised else OF_THE_ROWS) | (frozenset() if as_told else OF_OTHER_FORMATS)


def contradicted(told: Iterable[ToldClaim]) -> set[str]:
    """Name the claims that a record contradicts."""
    return {each.claim.name for each in told if each.verdict == "contradicted"}
