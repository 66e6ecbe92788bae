"""Chapter 6: what float16 saves, and what it costs."""

from __future__ import annotations

from throughline.record import FormatRecord, RunRecord
from throughline.report.answers import answer_of, gives_amounts
from throughline.report.phrases import (
    FACT,
    MUST,
    RESULT,
    Sentence,
    bar_points,
    format_point,
    formats_of,
    missed_bar_sentences,
    padding,
    score_after_export,
    verification_sentences,
)
from throughline.report.scripts.script import NOTHING_CLAIMED, Script
from throughline.report.spoken import counted, data_size, decimal


def tflite(record: RunRecord) -> Script | None:
    """Tell chapter 6."""
    found = formats_of(record, 6)
    plain, compact = (
        next((entry for entry in found if entry.stored_as == stored), None) for stored in ("float32", "float16")
    )
    if not found:
        return None
    sentences = [
        Sentence(f"For phones and small boards I convert the SavedModel to TFLite, which {found[0].runtime} runs."),
        Sentence(
            "A device like that has no room for TensorFlow, and the small runtime does without it.", 4, follows=True
        ),
        *_size_sentences(record, plain, compact),
        *verification_sentences(record, 6, "TFLite"),
        *(_float16_sentences(record, compact) if compact and compact.status == "passed" else []),
        *score_after_export(record, compact or plain),
        *missed_bar_sentences(record, 6),
        Sentence(
            "I look at the largest difference and not at the mean, since one wrong amount is enough to be noticed."
            if gives_amounts(record)
            else "I look at labels as well as probabilities, since the label is what a user sees.",
            3,
        ),
        Sentence("The converter starts from the SavedModel, so the scaling is inside and the app sends raw rows.", 3),
        Sentence("A phone pays for every byte twice: once when the app is downloaded, once when it is loaded.", 1),
        Sentence("I keep the float32 file as well, as the one to hold the others against.", 1),
        Sentence("Whether a smaller file is worth a small difference depends on the device, so I measure first.", 2),
    ]
    key_points = [*(format_point(record, entry) for entry in found), *_size_points(plain, compact)]
    ran = any(entry.status == "passed" for entry in found)
    key_points.append("Judged alone, in its own runtime, on held-out rows." if ran else NOTHING_CLAIMED)
    return Script(sentences, [*key_points, *padding(key_points), *bar_points(record, 6)])


def _size_sentences(record: RunRecord, plain: FormatRecord | None, compact: FormatRecord | None) -> list[Sentence]:
    ratio = _size_ratio(plain, compact)
    if plain is None or compact is None or ratio is None:
        return []
    sizes = plain.size_bytes, compact.size_bytes
    before, after = (data_size(size, [other]) for size, other in (sizes, sizes[::-1]))
    text = f"With float16 weights the file is {after} against {before}, a ratio of {_written(ratio)}"
    if ratio >= 1:
        return [
            Sentence(f"{text}, so here it does not shrink.", MUST),
            Sentence(
                "In a network this small, the extra conversion steps outweigh what the weights save.", 8, follows=True
            ),
        ]
    why = Sentence("Only the weights shrink; the graph around them stays as it is.", 8, follows=True)
    n_parameters = counted(record.network.n_parameters, "parameter")
    return [
        Sentence(f"{text}.", RESULT),
        *([why] if ratio > 0.5 else []),
        Sentence(f"The network has {n_parameters}.", 3),
    ]


def _size_points(plain: FormatRecord | None, compact: FormatRecord | None) -> list[str]:
    ratio = _size_ratio(plain, compact)
    return [] if ratio is None else [f"Size of float16 over float32, as measured: {_written(ratio)}."]


def _size_ratio(plain: FormatRecord | None, compact: FormatRecord | None) -> float | None:
    if plain is None or compact is None or not plain.size_bytes or not compact.size_bytes:
        return None
    return compact.size_bytes / plain.size_bytes


def _written(ratio: float) -> str:
    return decimal(ratio, 2, [0.5, 1.0])


def _cause_value(found: FormatRecord) -> int:
    return MUST if found.verdict == "unexplained" else FACT


def _float16_sentences(record: RunRecord, found: FormatRecord) -> list[Sentence]:
    causes = {
        "identical": f"Even the {answer_of(record, plural=True)} of the float16 file are identical.",
        "rounding": "The float16 file stays within ordinary rounding.",
        "explained (float16 weights)": "The float16 difference is what storing the weights in fewer bits explains.",
    }
    return [
        Sentence(causes.get(found.verdict, "Nothing I derived explains the float16 difference."), _cause_value(found)),
        Sentence(
            "The weights are unpacked again when the file runs, so I save storage and not arithmetic.", 5, follows=True
        ),
    ]
