"""What can back a figure: the values of a record, and the words of a record that hold digits themselves."""

from __future__ import annotations

import bisect
import math
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import msgspec

from throughline.claims.figures import Figure
from throughline.record import RunRecord
from throughline.report.view import SEEDS_TO_TEST_ON, reproduce_command

# Curves and grids have thousands of values; any figure would find one of them.
_NOT_BACKING = {"picture", "roc", "precision_recall", "calibration", "losses", "val_losses", "val_accuracies", "rounds"}


class Backing:
    """All values and words of a record.

    Parameters
    ----------
    record : RunRecord
    """

    def __init__(self, record: RunRecord) -> None:
        self._values: list[float] = []
        self._words: set[str] = set()
        self._collect(msgspec.to_builtins(record))
        # The command that does the run again is written from its arguments; so is the one that tests on more seeds.
        for arguments in (record.arguments, {**record.arguments, "seeds": SEEDS_TO_TEST_ON}):
            self._words.add(reproduce_command(arguments, record.seed))
        self._collect_derived(record)
        self._values.sort()

    def backs(self, figure: Figure) -> bool:
        """Whether some value of the record would be rounded to this figure."""
        near = (
            value
            for read, room in figure.readings()
            for sign in (1, -1)
            for value in self._between(sign * read - room, sign * read + room)
        )
        return any(figure.stands_for(value) for value in near)

    def _between(self, low: float, high: float) -> Iterator[float]:
        slack = 1e-9 * max(abs(low), abs(high))
        first = bisect.bisect_left(self._values, low - slack)
        return iter(self._values[first : bisect.bisect_right(self._values, high + slack)])

    @cached_property
    def words(self) -> re.Pattern[str] | None:
        """Names, versions and reasons of the record that hold digits, the longest first."""
        found = sorted(map(re.escape, self._words), key=len, reverse=True)
        return re.compile(rf"(?<!\w)(?:{'|'.join(found)})(?!\w)") if found else None

    def _collect(self, value: Any) -> None:
        if isinstance(value, bool) or value is None:
            return
        if isinstance(value, int | float):
            if math.isfinite(value):
                self._values.append(float(value))
        elif isinstance(value, str):
            self._collect_word(" ".join(value.split()))
        elif isinstance(value, dict):
            for key, item in value.items():
                self._collect(key)
                if str(key).endswith("_us"):  # written in seconds and parts of them
                    self._values.append(1e-6 * item)
                if key in _NOT_BACKING:
                    self._values.append(float(len(item)))
                else:
                    self._collect(item)
        else:
            self._values.append(float(len(value)))
            for item in value:
                self._collect(item)

    def _collect_word(self, word: str) -> None:
        if re.fullmatch(r"[\d.]{1,3}", word):  # a class that is called 1 is no reason for every other 1
            return
        if any(character.isdigit() for character in word):
            self._words.add(word)
        if re.fullmatch(r"[0-9a-f]{64}", word):  # of a digest, the beginning is shown
            self._words.add(word[:8])

    def _collect_derived(self, record: RunRecord) -> None:
        """Add what texts compute from several fields: totals, ratios of sizes, numbers of files and bars."""
        split, formats = record.split, record.formats
        self._values += [split.n_train + split.n_val + split.n_test, float(record.network.n_parameters)]
        self._values += map(float, record.network.layer_sizes)
        counts = (sum(entry.status == status for entry in formats) for status in ("passed", "failed", "not_run"))
        self._values += map(float, counts)
        self._values.append(float(sum(bar.met for bar in record.bars)))
        sizes = [entry.size_bytes for entry in formats if entry.size_bytes]
        if sizes:
            self._values += [size / base for size in sizes for base in sizes]
