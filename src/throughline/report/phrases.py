"""Phrases that several chapters share: names as they are said, bars, and what a verification found."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from throughline.claims.cited import counted_from, length
from throughline.record import Bar, FormatRecord, RunRecord, TrainingRecord
from throughline.report.answers import gives_amounts, score, score_name, scores_on_test_rows
from throughline.report.spoken import amount, count_words, counted, data_size, listed, percent, ratio, signed, small
from throughline.spec import FRAMEWORK_TITLES

SPOKEN = {
    **FRAMEWORK_TITLES,
    "relu": "ReLU",
    "adam": "Adam",
    "binary_cross_entropy": "binary cross-entropy",
    "categorical_cross_entropy": "categorical cross-entropy",
    "mean_squared_error": "mean squared error",
}
CAUSES = {
    "rounding": "from rounding",
    "explained (float16 weights)": "from float16 weights",
    "explained (bfloat16 compute)": "from bfloat16 arithmetic",
    "explained (int8)": "from int8",
}
EXACT_DIGITS = 3  # of R², which no two runtimes give to the last digit
# Worth of a sentence. What an honest speaker cannot leave out (a file that failed, a bar that was missed, a fact that
# speaks against the others) is said at any pace; then come results, what was done and why, while there is time.
MUST, RESULT, FACT, CORE = 100, 35, 30, 20


@dataclass(frozen=True)
class Sentence:
    """A sentence of a script.

    Attributes
    ----------
    text : str
    value : int
        Its worth, higher first; `MUST` if it must be said.
    follows : bool
        Whether it makes sense only directly after the sentence before it.
    """

    text: str
    value: int = FACT
    follows: bool = False


def brief(text: str, n_words: int) -> str:
    """Return `text` on one line, cut after so many spoken words."""
    words = text.split()
    while words and count_words(" ".join(words)) > n_words:
        words.pop()
    return " ".join(words) + ("…" if len(words) < len(text.split()) else "")


def said(name: str) -> str:
    """Return the name of a framework, activation, loss or optimizer as people say it."""
    return SPOKEN.get(name, brief(name, 4))


def aside(name: str) -> str:
    """Return the name between commas, or a comma alone if it is too long to be said."""
    return f", {brief(name, 6)}," if 0 < count_words(name) <= 6 else ","


def hidden_layers(record: RunRecord) -> str:
    """Say how many hidden layers there are, how wide, and with which activation."""
    widths = record.network.hidden_units
    activation = said(record.network.hidden_activation)
    if len(widths) == 1:
        return f"one hidden layer of {counted(widths[0], 'unit')} with {activation}"
    return f"hidden layers of {listed([f'{width:,}' for width in widths])} units with {activation}"


def stopping_sentence(record: RunRecord, training: TrainingRecord) -> str:
    """Say why training ended and which weights were kept."""
    stopped = len(training.losses) < record.train.max_epochs
    how = "Early stopping ended it" if stopped else f"It used all {counted(length(training.losses), 'epoch')}"
    return f"{how}, and I keep the weights of epoch {training.best_epoch:,}."


def n_formats(record: RunRecord, status: str) -> int:
    """Count the exported files that ended so: "passed", "failed" or "not_run"."""
    found = sum(entry.status == status for entry in record.formats)
    return counted_from(record.formats, found, f"count(formats.status, '{status}')")


def score_after_export(record: RunRecord, found: FormatRecord | None) -> list[Sentence]:
    """Say the accuracy or R² of a proven file beside the one of the network it came from."""
    if found is None or found.status != "passed":
        return []
    after, known = found.test_accuracy, scores_on_test_rows(record)
    # Files are judged at one half, every row counted once.
    networks = record.evaluation.networks if record.evaluation else []
    plain = {network.framework: network.plain_accuracy for network in networks}.get(found.framework)
    before = plain.value if plain else known[found.framework].value if found.framework in known else after
    alike = before == after or (gives_amounts(record) and round(before, EXACT_DIGITS) == round(after, EXACT_DIGITS))
    when = "At a threshold of one half, every row counted once, test" if plain else "Test"
    told = f"{when} {score_name(record)} of {title_of(found)} is {score(record, after, [] if alike else [before])}"
    if record.split.n_proven is not None:  # chapter 5 has the figure of all test rows
        return [Sentence(f"{told}, on the rows that it was proven on.", 6)]
    if found.framework not in known:
        return [Sentence(f"{told}.", 6)]
    if before == after:
        return [Sentence(f"{told}, the same as before the export.", 6)]
    if alike:
        return [Sentence(f"{told}, to three decimals the same as before the export.", 6)]
    return [Sentence(f"{told}, and before the export it was {score(record, before, [after])}.", 6)]


def verification_sentences(record: RunRecord, chapter: int, subject: str) -> list[Sentence]:
    """Say for each format of a chapter whether its file was proven; those that fared alike share a sentence."""
    found = formats_of(record, chapter)
    if not found:
        return [Sentence(f"There is no export to {subject} in this run.", MUST)]
    passed, failed, absent = (
        [entry for entry in found if entry.status == status] for status in ("passed", "failed", "not_run")
    )
    sentences = []
    if passed:
        sentences.append(Sentence(_passed_sentence(record, passed), RESULT))
    if failed:
        file = "that file" if len(failed) == 1 else "those files"
        sentences.append(Sentence(f"{titles_of(failed)} failed verification, so I would not ship {file}.", MUST))
    if absent:
        sentences.append(Sentence(f"{titles_of(absent)} could not be checked here, so I claim nothing.", MUST))
    return sentences


def export_sentences(record: RunRecord, chapter: int, text: str) -> list[Sentence]:
    """Say that a chapter exports its network, if it does."""
    return [Sentence(text, 7)] if any(entry.status != "not_run" for entry in formats_of(record, chapter)) else []


def _passed_sentence(record: RunRecord, passed: Sequence[FormatRecord]) -> str:
    worst = max(passed, key=lambda entry: entry.largest_difference)
    n_rows = max((check.n_rows for check in worst.checks), default=record.split.n_answered)
    differ, answer, source = ("differs", "answers", "its") if len(passed) == 1 else ("differ", "answer", "their")
    if worst.largest_difference == 0:
        told = f"{answer} all {n_rows:,} test rows exactly as {source} source network does"
        return f"Loaded alone, {titles_of(passed)} {told}."
    return (
        f"Loaded alone, {titles_of(passed)} {differ} from {source} source network by at most "
        f"{small(worst.largest_difference, [worst.tolerance])} on {n_rows:,} test rows, "
        f"{_what_changed(record, passed)}."
    )


def _what_changed(record: RunRecord, passed: Sequence[FormatRecord]) -> str:
    """Say how many labels changed; beside a difference of amounts, how far apart the amounts themselves are."""
    if gives_amounts(record):
        spread = record.split.target_std
        return (
            "in the unit of the target"
            if spread is None
            else f"where the target's standard deviation is {amount(spread[2])}"
        )
    flips = max(entry.n_flips for entry in passed)
    return (
        f"and {'no label changes' if flips == 0 else '1 label changes' if flips == 1 else f'{flips:,} labels change'}"
    )


def titles_of(found: Sequence[FormatRecord]) -> str:
    """List the titles."""
    return listed([title_of(entry) for entry in found])


def title_of(found: FormatRecord) -> str:
    """Return the title as it is said."""
    return brief(found.title, 5)


def flips_of(found: FormatRecord) -> str:
    """Say how many labels changed."""
    return f"{counted(found.n_flips, 'label')} changed"


def and_flips_of(record: RunRecord, found: FormatRecord, before: str = ", with ") -> str:
    """Say how many labels changed, after what stands before it; nothing where answers are amounts."""
    return "" if gives_amounts(record) else f"{before}{flips_of(found)}"


def joined_format_points(record: RunRecord, chapter: int) -> list[str]:
    """Return one key point for all formats of a chapter, or none."""
    found = formats_of(record, chapter)
    return [" ".join(format_point(record, entry) for entry in found)] if found else []


def format_point(record: RunRecord, found: FormatRecord) -> str:
    """Return what a glance must tell of a format."""
    if found.status == "not_run":
        return f"{title_of(found)}: not run ({brief(found.reason, 20)})."
    if found.status == "failed":
        return f"{title_of(found)}: verification FAILED ({brief(found.reason, 20)})."
    return (
        f"{title_of(found)}: {data_size(found.size_bytes)}, largest difference {small(found.largest_difference)}, "
        f"{CAUSES.get(found.verdict, found.verdict)}{and_flips_of(record, found, ', ')}."
    )


def padding(key_points: Sequence[str]) -> list[str]:
    """Return what brings key points up to three."""
    spare = ["A file that fails its check is not shipped.", "What could not run is counted, not hidden."]
    return spare[: max(0, 3 - len(key_points))]


def formats_of(record: RunRecord, chapter: int) -> list[FormatRecord]:
    """Return the formats that a chapter exports unasked, from its own framework: those it speaks of."""
    return [found for found in record.formats if found.chapter == chapter and found.told]


def requirements(record: RunRecord, chapter: int) -> list[float]:
    """Return what the bars of a chapter require, so that no figure is rounded across it."""
    return [bar.required for bar in record.bars if bar.chapter == chapter]


def bars_of(record: RunRecord, chapter: int) -> list[Bar]:
    """Return the bars of a chapter, missed ones first."""
    return sorted((bar for bar in record.bars if bar.chapter == chapter), key=lambda bar: bar.met)


def bar_name(bar: Bar) -> str:
    """Return what the bar measures as it is said, without what stands in brackets."""
    words = re.sub(r"\s*\(.*?\)", "", bar.text).split()
    return brief(" ".join(SPOKEN.get(word, word) for word in words), 10)


def bar_figures(bar: Bar) -> tuple[str, str]:
    """Return what is required and what was measured, as text."""
    if bar.unit == "ratio":  # R², which may be below 0
        return f"{bar.kind} {signed(bar.required, ratio)}", signed(bar.measured, ratio, [bar.required])
    write = percent if bar.unit == "percent" else small
    return f"{bar.kind} {write(bar.required)}", write(bar.measured, [bar.required])


def missed_bar_sentences(record: RunRecord, chapter: int) -> list[Sentence]:
    """Say which bar was missed, and how many others were; nothing if all are met."""
    missed = [bar for bar in bars_of(record, chapter) if not bar.met]
    if not missed:
        return []
    required, measured = bar_figures(missed[0])
    others = counted_from(record.bars, len(missed) - 1, f"count(bars.missed_in, {chapter}) - 1")
    more = f" I missed {counted(others, 'other bar')} too." if others else ""
    return [Sentence(f"I missed a bar: {bar_name(missed[0])} had to be {required} and is {measured}.{more}", MUST)]


def bar_sentences(record: RunRecord, chapter: int) -> list[Sentence]:
    """Say the bar that was missed; one that was met is mentioned while there is room."""
    met = [bar for bar in bars_of(record, chapter) if bar.met]
    said = [Sentence(f"My bar, {bar_name(bar)} {bar_figures(bar)[0]}, is met.", 6) for bar in met[:1]]
    if met and _is_commonest(record, met[0]):
        said.append(Sentence("So many would be right if one always gave the commonest class.", 5, follows=True))
    return missed_bar_sentences(record, chapter) or said


def _is_commonest(record: RunRecord, bar: Bar) -> bool:
    """Whether a bar asks for more than always giving one label, as on a table of one's own."""
    shares = record.split.largest_shares
    return shares is not None and bar.kind == "above" and any(abs(bar.required - share) < 1e-9 for share in shares[1:])


def bar_points(record: RunRecord, chapter: int) -> list[str]:
    """Return one key point for all bars of a chapter, or none."""
    told = [
        f"{bar_name(bar)} {measured} ({required}{'' if bar.met else ', MISSED'})"
        for bar in bars_of(record, chapter)
        for required, measured in [bar_figures(bar)]
    ]
    return [f"{'Bar' if len(told) == 1 else 'Bars'}: {'; '.join(told)}."] if told else []
