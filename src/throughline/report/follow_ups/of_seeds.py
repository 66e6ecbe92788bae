"""What a test over several seeds adds to one over the rows of a run."""

from __future__ import annotations

from throughline.record import EquivalenceTest
from throughline.report.spoken import counted, decimal, ratio, signed


def over_seeds(test: EquivalenceTest) -> str:
    """Say between which differences the frameworks lie, and whether that is inside the margin."""
    unit = " percentage points" if test.metric == "accuracy" else f" in {test.metric}"
    low, high = (_written(test, value) for value in (test.low, test.high))
    return (
        f"Over {counted(test.n_seeds, 'seed')} the difference lies between {low} and {high}{unit}, "
        f"which is {'inside' if test.equivalent else 'not inside'} my margin of {_written(test, test.margin)}. "
        "A test that finds nothing would not be enough."
    )


def _written(test: EquivalenceTest, difference: float) -> str:
    if test.metric != "accuracy":
        return signed(difference, ratio)
    return f"{'minus ' if difference < 0 else ''}{decimal(abs(round(100 * difference, 10)), 2, [0.0])}"
