"""What a reader should know of the matrix before reading it: sentences drawn from the records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from statistics import median

from throughline.own_model.noise import NOISE_OF_FORMAT
from throughline.own_model.record import ArtefactRecord, ExportRecord

Records = Mapping[str, ExportRecord]
FEWEST_NUMBERS = 100_000  # below that, what surrounds the weights is most of a file


def attempts(records: Records) -> Iterator[tuple[str, ArtefactRecord]]:
    """Return every attempt with its model's name."""
    for title, record in records.items():
        for entry in record.artefacts:
            yield title, entry


def remarkable(records: Records) -> list[str]:
    """Return a few sentences: how many, how exact, what flips, how small, how slow."""
    all_of = list(attempts(records))
    counts = {status: sum(entry.status == status for _, entry in all_of) for status in ("passed", "failed", "not_run")}
    said = [
        f"{len(records)} models, {len(all_of)} attempts: {counts['passed']} files are proven, "
        f"{counts['failed']} failed, {counts['not_run']} could not be made."
    ]
    said += [sentence for sentence in (_exact(all_of), _flips(all_of), _small(records), _slow(all_of)) if sentence]
    return said


def _exact(all_of: list[tuple[str, ArtefactRecord]]) -> str:
    proven = [
        (title, entry, entry.worst)
        for title, entry in all_of
        if entry.status == "passed" and entry.name not in NOISE_OF_FORMAT and entry.worst is not None
    ]
    if not proven:
        return ""
    n_identical = sum(entry.verdict == "identical" for _, entry, _ in proven)
    title, entry, worst = max(proven, key=lambda found: found[2].share_of_tolerance)
    return (
        f"Of {len(proven)} proven files that compute in float32, {n_identical} answer bit for bit like their source; "
        f"none needs more than {worst.share_of_tolerance:.0%} of its tolerance ({title}, {entry.title})."
    )


def _flips(all_of: list[tuple[str, ArtefactRecord]]) -> str:
    judged = [(title, entry) for title, entry in all_of if entry.n_flips is not None]
    flipped = [(title, entry) for title, entry in judged if entry.n_flips]
    if not judged:
        return ""
    if not flipped:
        return f"In none of {len(judged)} files that answer with classes does a row get another class."
    names = ", ".join(f"{title} as {entry.name} ({entry.n_flips})" for title, entry in flipped)
    return f"Of {len(judged)} files that answer with classes, {len(flipped)} put another on top in some rows: {names}."


def _small(records: Records) -> str:
    shares = []
    for record in records.values():
        sizes = {entry.name: entry.size_bytes for entry in record.artefacts if entry.size_bytes}
        if record.n_parameters >= FEWEST_NUMBERS and {"tflite-float32", "tflite-int8"} <= set(sizes):
            shares.append(sizes["tflite-int8"] / sizes["tflite-float32"])
    if len(shares) < 2:  # a range needs two
        return ""
    return (
        f"Of the {len(shares)} models with {FEWEST_NUMBERS:,} numbers or more, the int8 TFLite file has "
        f"{min(shares):.2f} to {max(shares):.2f} of the bytes of the float32 one."
    )


def _slow(all_of: list[tuple[str, ArtefactRecord]]) -> str:
    seconds: dict[str, list[float]] = {}
    for _, entry in all_of:
        if entry.export_s:
            seconds.setdefault(entry.title, []).append(entry.export_s)
    if not seconds:
        return ""
    slowest = max(seconds, key=lambda title: median(seconds[title]))
    return (
        f"{slowest} takes longest to make: {median(seconds[slowest]):.0f} s in the median, "
        f"{max(seconds[slowest]):.0f} s at most."
    )
