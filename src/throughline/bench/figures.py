"""The figures that are measured, and which way is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from throughline.report.formatting import count, duration, microseconds, size


@dataclass(frozen=True)
class Figure:
    """One figure.

    Attributes
    ----------
    title : str
        For people, as a noun phrase.
    higher_is_better : bool
    write : callable
        From a value to text with its unit.
    """

    title: str
    higher_is_better: bool
    write: Callable[[float], str]


def _rows(value: float) -> str:
    return f"{count(value)} rows/s"


FIGURES = {
    "start_s": Figure("from the start of the process to the first answer", False, duration),
    "load_s": Figure("loading", False, duration),
    "first_s": Figure("first answer", False, duration),
    "p50_us": Figure("median time of one row", False, microseconds),
    "p95_us": Figure("95th percentile of one row", False, microseconds),
    "p99_us": Figure("99th percentile of one row", False, microseconds),
    "rows_per_s_32": Figure("rows a second in batches of 32", True, _rows),
    "rows_per_s_1024": Figure("rows a second in batches of 1,024", True, _rows),
    "memory_bytes": Figure("growth of the peak memory", False, size),
}
