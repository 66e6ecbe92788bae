"""What the page says, as plain values: chosen and compared here, laid out by the templates.

RunRecord -> build_view -> View
                           ├── verdict      the run in a sentence
                           ├── headlines    the first screen
                           ├── equivalence  what the test over seeds says
                           ├── claims       what is claimed, and what the run says to it
                           ├── ledger       which default of a framework does how much
                           ├── formats      rows of the tables, with the ratios between them
                           ├── timeline     where the time went
                           └── command      how to run it again, and with seeds to test on
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from throughline.claims.cited import counted_from, is_cited, length, plain, unmarked
from throughline.claims.claim import ToldClaim, tell_all
from throughline.record import (
    Bar,
    EquivalenceTest,
    Evaluation,
    FormatRecord,
    LedgerLine,
    LedgerRecord,
    RunRecord,
    Span,
)
from throughline.report.formatting import count, decimal, framework_title, percent, scientific, size

CONFIDENCE = 0.95  # of every `record.Interval`
SIGNIFICANCE = 0.05  # below it, `record.PairedTest` counts as a difference
EQUIVALENCE_CONFIDENCE = 1 - 2 * SIGNIFICANCE  # of the interval of `record.EquivalenceTest`
SEEDS_TO_TEST_ON = 10  # what a run that tested no equivalence is told to try

# Arguments that say where to write: another run must not be told the same folder.
_PLACES = {"out", "name"}


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """The run in a sentence, and whether there is anything to mend."""

    good: bool
    title: str
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Headline:
    """One figure of the first screen.

    Attributes
    ----------
    label, value, detail : str
        What it is, the figure, and what to hold it against.
    field : str
        Where in the record it stands.
    good : bool
        False if the chapter missed one of its bars.
    """

    label: str
    value: str
    detail: str
    field: str
    good: bool = True


@dataclass(frozen=True, kw_only=True)
class FormatRow:
    """A format, and its size against the float32 file of the same runtime and framework (None: it is that file)."""

    record: FormatRecord
    base: FormatRecord | None

    @property
    def ratio(self) -> float | None:
        """Size as a share of the base's."""
        return self.record.size_bytes / self.base.size_bytes if self.base else None


@dataclass(frozen=True, kw_only=True)
class Equivalence:
    """A test of equivalence, what it shows, and what it leaves open."""

    test: EquivalenceTest
    verdict: str
    remark: str


@dataclass(frozen=True, kw_only=True)
class Ledger:
    """The ledger as it is read.

    Attributes
    ----------
    record : LedgerRecord
    lines : list of LedgerLine
        The aligned one, then those of one default, the largest gap first, then the one with all of them.
    widest : LedgerLine or None
        The single default with the largest gap.
    equivalence : Equivalence
    """

    record: LedgerRecord
    lines: list[LedgerLine]
    widest: LedgerLine | None
    equivalence: Equivalence


@dataclass(frozen=True, kw_only=True)
class Claims:
    """The claims as this run leaves them.

    Attributes
    ----------
    told : dict of str to list of ToldClaim
        By the heading of their chapter; claims whose field is missing are not told.
    contradicted : list of ToldClaim
    missing : list of str
        Names of the claims that this run has nothing to say about.
    """

    told: dict[str, list[ToldClaim]]
    contradicted: list[ToldClaim]
    missing: list[str]

    @property
    def n_told(self) -> int:
        """How many are told."""
        return sum(map(len, self.told.values()))


@dataclass(frozen=True, kw_only=True)
class TimeRow:
    """A span, with its place on a line as long as the run, in percent."""

    span: Span
    left: float
    width: float


@dataclass(frozen=True, kw_only=True)
class View:
    """Everything that the templates need beside the record itself."""

    verdict: Verdict
    headlines: list[Headline]
    equivalence: Equivalence | None
    ledger: Ledger | None
    claims: Claims
    formats: list[FormatRow]
    checks: list[str]  # names, in their order; none in records of before there were any
    smallest: FormatRecord | None
    quickest: FormatRecord | None
    timeline: dict[str, list[TimeRow]]
    command: str
    seeds_command: str
    confidence: float = CONFIDENCE
    equivalence_confidence: float = EQUIVALENCE_CONFIDENCE
    significance: float = SIGNIFICANCE


def build_view(record: RunRecord) -> View:
    """Choose and compare what the page shows."""
    formats = [FormatRow(record=entry, base=_base_of(entry, record.formats)) for entry in record.formats]
    passed = [entry for entry in record.formats if entry.status == "passed"]
    equivalence = record.evaluation.equivalence if record.evaluation else None
    return View(
        verdict=_verdict(record),
        headlines=_headlines(record, formats),
        equivalence=_equivalence(equivalence) if equivalence else None,
        ledger=build_ledger(record.ledger),
        claims=_claims(record),
        formats=formats,
        checks=next(([check.name for check in each.named_checks] for each in record.formats if each.named_checks), []),
        smallest=min(passed, key=lambda entry: entry.size_bytes, default=None),
        quickest=min(passed, key=lambda entry: entry.latency_us, default=None),
        timeline=_timeline(record),
        command=reproduce_command(record.arguments, record.seed),
        seeds_command=reproduce_command({**record.arguments, "seeds": SEEDS_TO_TEST_ON}, record.seed),
    )


def build_ledger(record: LedgerRecord | None) -> Ledger | None:
    """Order the lines as they are read; None if nothing was measured."""
    if record is None or not record.lines:
        return None
    single = sorted(record.lines[1:-1], key=lambda line: -line.gap)
    return Ledger(
        record=record,
        lines=[*record.lines[:1], *single, *record.lines[1:][-1:]],
        widest=single[0] if single else None,
        equivalence=_equivalence(record.equivalence),
    )


def reproduce_command(arguments: Mapping[str, Any], seed: int) -> str:
    """Write the command line that does the run again.

    Examples
    --------
    >>> reproduce_command({"task": "breast-cancer", "chapters": [3, 4], "strict": True, "out": "runs"}, 7)
    'throughline run --task breast-cancer --chapters 3,4 --strict --seed 7'
    """
    words = ["throughline", "run"]
    for name, value in arguments.items():
        if name in _PLACES | {"seed"} or value is None or value is False:
            continue
        words.append("--" + name.replace("_", "-"))
        if isinstance(value, list | tuple):
            words.append(",".join(str(item) for item in value))
        elif value is not True:
            words.append(str(value))
    return shlex.join([*words, "--seed", str(plain(seed))])


def _verdict(record: RunRecord) -> Verdict:
    missed = [bar for bar in record.bars if not bar.met]
    failed, not_run = (
        [entry.title for entry in record.formats if entry.status == status] for status in ("failed", "not_run")
    )
    parts = [_bars_part(record.bars, missed), _formats_part(record.formats, failed)]
    if not_run:
        parts.append(f"Not run here: {', '.join(not_run)}.")
    good = not missed and not failed
    if good:
        title = "Everything that ran held"
    else:
        title = " · ".join(
            text
            for text, found in (
                (
                    f"{count(_n_formats(record.formats, 'failed'))} of {count(length(record.formats))} exported files "
                    "failed",
                    failed,
                ),
                (f"{count(_n_missed(record.bars))} of {count(length(record.bars))} bars missed", missed),
            )
            if found
        )
    return Verdict(good=good, title=title, sentence=" ".join(part for part in parts if part))


def _bars_part(bars: list[Bar], missed: list[Bar]) -> str:
    if not bars:
        return "This run had no bars to clear."
    if not missed:
        return f"All {count(length(bars))} bars were met."
    return f"Missed: {'; '.join(f'chapter {bar.chapter}, {bar.text}' for bar in missed)}."


def _formats_part(formats: list[FormatRecord], failed: list[str]) -> str:
    n_passed = sum(entry.status == "passed" for entry in formats)
    if failed:
        return f"Failed verification: {', '.join(failed)}."
    if n_passed == 0:
        return "No exported file was verified."
    told = f"{count(_n_formats(formats, 'passed'))} of {count(length(formats))}"
    return f"{told} exported files proved to be the network they came from."


def _n_formats(formats: list[FormatRecord], status: str) -> int:
    return counted_from(formats, sum(entry.status == status for entry in formats), f"count(formats.status, '{status}')")


def _n_missed(bars: list[Bar]) -> int:
    return counted_from(bars, sum(not bar.met for bar in bars), "count(bars.met, 0)")


def _headlines(record: RunRecord, formats: list[FormatRow]) -> list[Headline]:
    missed = {bar.chapter for bar in record.bars if not bar.met}
    found = [
        _gradient_headline(record, missed),
        *(_network_headline(record, framework, missed) for framework in ("keras", "torch")),
        _formats_headline(record),
        _ratio_headline(formats),
    ]
    return [headline for headline in found if headline is not None]


def _gradient_headline(record: RunRecord, missed: set[int]) -> Headline | None:
    if record.mlp is None:
        return None
    gradient = record.mlp.gradient
    return Headline(
        label="Gradient, largest relative error",
        value=scientific(gradient.largest_relative_error),
        detail=f"{count(gradient.n_checked)} parameters against central differences",
        field="mlp.gradient.largest_relative_error",
        good=2 not in missed,
    )


def _network_headline(record: RunRecord, framework: str, missed: set[int]) -> Headline | None:
    networks: list[Evaluation] = record.evaluation.networks if record.evaluation else []
    place, network = next(
        ((place, network) for place, network in enumerate(networks) if network.framework == framework), (0, None)
    )
    if network is None:
        return None
    return Headline(
        label=f"{framework_title(framework)}, test accuracy",
        value=percent(network.accuracy.value),
        detail=f"{percent(CONFIDENCE, 0)} interval {percent(network.accuracy.low)} to {percent(network.accuracy.high)}",
        field=f"evaluation.networks[{place}].accuracy",
        good=({"keras": 3, "torch": 4}[framework] not in missed) and 5 not in missed,
    )


def _formats_headline(record: RunRecord) -> Headline | None:
    if not record.formats:
        return None
    passed = [entry for entry in record.formats if entry.status == "passed"]
    worst = max(passed, key=lambda entry: entry.largest_difference, default=None)
    n_failed, n_not_run = (sum(entry.status == status for entry in record.formats) for status in ("failed", "not_run"))
    parts = [
        f"{count(_n_formats(record.formats, 'failed'))} failed" if n_failed else "",
        f"{count(_n_formats(record.formats, 'not_run'))} not run" if n_not_run else "",
    ]
    if worst is not None:
        parts.append(f"largest difference {scientific(worst.largest_difference)}, in {worst.title}")
    return Headline(
        label="Exported files proven",
        value=f"{count(_n_formats(record.formats, 'passed'))} of {count(length(record.formats))}",
        detail="; ".join(part for part in parts if part),
        field="formats[].status",
        good=n_failed == 0,
    )


def _ratio_headline(formats: list[FormatRow]) -> Headline | None:
    row = next((row for row in formats if row.ratio is not None), None)
    if row is None or row.base is None or row.ratio is None:
        return None
    return Headline(
        label=f"{row.record.title}, size against {row.base.stored_as}",
        value=f"× {decimal(row.ratio, 2)}",
        detail=f"{size(row.record.size_bytes)} instead of {size(row.base.size_bytes)}, as measured",
        field="formats[].size_bytes",
        good=row.record.status == "passed",
    )


def _equivalence(test: EquivalenceTest) -> Equivalence:
    """Say what the test shows; that it does not show something is not turned into its opposite."""
    margin = scientific(100 * test.margin)
    points_of_margin = f"{margin} percentage point{'' if unmarked(margin) == '1' else 's'}"
    has_zero = test.low <= 0 <= test.high
    if test.equivalent:
        verdict = f"equivalent within {points_of_margin}"
        remark = "" if has_zero else "The interval leaves out zero: a difference is there, too small to matter here."
    elif test.low >= test.margin or test.high <= -test.margin:
        verdict, remark = f"different by more than {points_of_margin}", "The whole interval lies outside that margin."
    else:
        verdict = f"not shown to be equivalent within {points_of_margin}"
        remark = (
            "That does not show that they differ either: more seeds would narrow the interval."
            if has_zero
            else "The interval leaves out zero: a difference is likely, and it may be larger than that margin."
        )
    return Equivalence(test=test, verdict=verdict, remark=remark)


def _base_of(entry: FormatRecord, formats: list[FormatRecord]) -> FormatRecord | None:
    """Find the float32 file that a file in another type is to be held against."""
    if entry.stored_as == "float32" or entry.status == "not_run" or entry.size_bytes == 0:
        return None
    family = [other for other in formats if (other.runtime, other.framework) == (entry.runtime, entry.framework)]
    return next((other for other in family if other.stored_as == "float32" and other.size_bytes > 0), None)


CLAIMED_OF = (
    "The run",
    "Perceptron",
    "Multi-layer perceptron",
    "Keras",
    "PyTorch",
    "Evaluation",
    "TFLite",
    "ONNX",
    "Formats",
)


def _claims(record: RunRecord) -> Claims:
    told: dict[str, list[ToldClaim]] = {}
    all_told = tell_all(record, cited=is_cited(record.formats))
    for found in all_told:
        if found.verdict != "missing":
            told.setdefault(CLAIMED_OF[found.claim.chapter], []).append(found)
    return Claims(
        told=told,
        contradicted=[found for found in all_told if found.verdict == "contradicted"],
        missing=[found.claim.name for found in all_told if found.verdict == "missing"],
    )


def _timeline(record: RunRecord) -> dict[str, list[TimeRow]]:
    """Group the spans by process, in the order in which the processes begin."""
    total = max([record.wall_s, *(span.start_s + span.seconds for span in record.spans)]) or 1.0
    rows: dict[str, list[TimeRow]] = {}
    for span in sorted(record.spans, key=lambda span: (span.start_s, span.name)):
        left, width = 100 * span.start_s / total, 100 * span.seconds / total
        row = TimeRow(span=span, left=round(max(left, 0.0), 2), width=round(max(width, 0.0), 2))
        rows.setdefault(span.process, []).append(row)
    return rows
