"""Why there are several formats: for whom each is, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence

from throughline.claims.cited import length
from throughline.record import FormatRecord, RunRecord
from throughline.report.phrases import FACT, MUST, Sentence, and_flips_of, n_formats
from throughline.report.scripts.script import Script
from throughline.report.spoken import count_words, counted, data_size, duration, listed, small


def why_several_formats(record: RunRecord) -> Script | None:
    """Tell why one network is exported several times, from the table of the run."""
    if not record.formats:
        return None
    passed = [entry for entry in record.formats if entry.status == "passed"]
    once = {entry.title: entry for entry in passed}  # a format may come from both frameworks
    by_chapter = {entry.chapter: entry for entry in reversed(once.values())}
    sentences = [
        Sentence("Why several formats? Because a network is rarely run where it was trained."),
        Sentence("Each target has its own runtime, and each runtime reads its own kind of file.", 2),
        Sentence(_tally(record), FACT if len(passed) == len(record.formats) else MUST),
        *(
            Sentence(text, 8 if entry is by_chapter[entry.chapter] else 3)
            for entry in once.values()
            if count_words(text := f"{entry.title} is for {_first_clause(entry.good_for)}.") <= 22
        ),
        *_extremes(record, passed),
        Sentence("I start from the device and its runtime, and then compare size, speed and difference.", 5),
        Sentence("I only hand out a file that has answered the same rows as its source network.", 7),
        *(
            [Sentence("These times are from one machine, so I'd measure again on the real device.", 4)]
            if passed
            else []
        ),
        Sentence("More formats also mean more ways to go wrong, which is why each one is checked on its own.", 6),
        Sentence("A phone wants a small file, a server a named signature, and a compiler a graph that it can read.", 1),
        Sentence("Every file takes raw rows, since the scaling is part of the network.", 1),
    ]
    key_points = [
        _tally(record),
        *(sentence.text for sentence in _extremes(record, passed)),
        "Choose by target and runtime first, then by size, latency and difference.",
    ]
    return Script(sentences, key_points)


def _tally(record: RunRecord) -> str:
    endings = {"passed": "passed the check", "failed": "failed it", "not_run": "could not be run here"}
    if len(record.formats) == 1:
        return f"My only export {endings[record.formats[0].status].replace('failed it', 'failed the check')}."
    counts = {status: n_formats(record, status) for status in endings}
    exports = counted(length(record.formats), "export")
    if counts["passed"] == len(record.formats):
        return f"Of my {exports}, every one passed its check against the network it came from."
    passed = f"{counts['passed'] or 'none'} passed the check"
    told = [f"{n:,} {endings[status]}" for status, n in counts.items() if n and status != "passed"]
    return f"Of my {exports}, {listed([passed, *told])}."


def _extremes(record: RunRecord, passed: Sequence[FormatRecord]) -> list[Sentence]:
    """Say which file is smallest, which is quickest, and which is furthest from its source."""
    if not passed:
        return [Sentence("So there is nothing here that I would hand out yet.", MUST)]
    if len(passed) == 1:
        (only,) = passed
        return [
            Sentence(
                f"{only.title} takes {data_size(only.size_bytes)} and answers a row in {duration(only.latency_us)}."
            ),
            Sentence(f"It is off by at most {small(only.largest_difference)}{and_flips_of(record, only)}."),
        ]
    low, high = (pick(passed, key=lambda entry: entry.size_bytes) for pick in (min, max))
    fast, slow = (pick(passed, key=lambda entry: entry.latency_us) for pick in (min, max))
    far = max(passed, key=lambda entry: entry.largest_difference)
    return [
        Sentence(
            f"{low.title} is the smallest, at {data_size(low.size_bytes)}, "
            f"and {high.title} takes {data_size(high.size_bytes)}."
        ),
        Sentence(
            f"For a single row {fast.title} needs {duration(fast.latency_us)}, "
            f"and {slow.title} {duration(slow.latency_us)}."
        ),
        Sentence(
            f"The largest difference is {small(far.largest_difference)}, in {far.title}{and_flips_of(record, far)}."
        ),
    ]


def _first_clause(good_for: str) -> str:
    return good_for.split(":")[0].strip()
