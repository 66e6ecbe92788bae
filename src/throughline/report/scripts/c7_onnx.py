"""Chapter 7: the dynamic batch axis, and the difference against a derived tolerance."""

from __future__ import annotations

from throughline.record import FormatRecord, RunRecord
from throughline.report.answers import class_name, gives_amounts, has_several
from throughline.report.phrases import (
    Sentence,
    bar_points,
    format_point,
    formats_of,
    missed_bar_sentences,
    score_after_export,
    verification_sentences,
)
from throughline.report.scripts.script import NOTHING_CLAIMED, Script
from throughline.report.spoken import counted, listed, small


def onnx(record: RunRecord) -> Script | None:
    """Tell chapter 7."""
    found = next(iter(formats_of(record, 7)), None)
    if found is None:
        return None
    sentences = [
        Sentence(f"From PyTorch I export to ONNX, an open graph format that {found.runtime} loads."),
        Sentence("Any language with such a runtime can load it, so the service need not be written in Python.", 4),
        Sentence("The batch axis is dynamic: the graph must not remember the batch size it was traced with."),
        # One probability is what everybody expects; anything else is worth a word.
        Sentence(_shape_sentence(record), 4 if record.network.output == "sigmoid" else 8, follows=True),
        *verification_sentences(record, 7, "ONNX"),
        *(_onnx_sentences(found) if found.status == "passed" else []),
        *score_after_export(record, found),
        *missed_bar_sentences(record, 7),
        Sentence("I also pin the version of the operator set, because a runtime can be older than the exporter.", 3),
        Sentence("A test with one single batch size could not see a frozen axis.", 6),
        Sentence("A file whose answers are further off than rounding allows counts as broken.", 2),
        Sentence("The scaling is part of the graph, so whoever loads it sends raw rows.", 1),
    ]
    key_points = [
        f"Dynamic batch axis, checked at {_batch_sizes(found)}."
        if found.checks
        else "Dynamic batch axis, not checked.",
        format_point(record, found),
        f"Derived tolerance {small(found.tolerance, [found.largest_difference])}."
        if found.status == "passed"
        else NOTHING_CLAIMED,
    ]
    return Script(sentences, [*key_points, *bar_points(record, 7)])


def _shape_sentence(record: RunRecord) -> str:
    """Say what goes in for a row, and what comes out."""
    inputs = counted(record.network.n_inputs, "number")
    if has_several(record):
        outputs = f"{record.network.n_outputs:,} come out: a probability for each class"
    else:
        outputs = (
            f"one comes out: {'the amount' if gives_amounts(record) else f'the probability of {class_name(record, 1)}'}"
        )
    return f"For each row {inputs} {'go' if record.network.n_inputs > 1 else 'goes'} in and {outputs}."


def _onnx_sentences(found: FormatRecord) -> list[Sentence]:
    tolerance = small(found.tolerance, [found.largest_difference])
    return [
        *([Sentence(f"I checked it with {_batch_sizes(found)}.")] if found.checks else []),
        Sentence(f"Rounding in this network would explain a difference of {tolerance}."),
        Sentence(
            "That limit comes from the precision and the layers of this network; I did not choose it.", 7, follows=True
        ),
        Sentence(
            f"Between batch sizes, the same row moves by at most {small(found.batch_difference)}."
            if found.batch_difference
            else "A row gets exactly the same answer in a batch of any of these sizes.",
            5,
        ),
        Sentence("The file runs in a process of its own, without PyTorch.", 4),
    ]


def _batch_sizes(found: FormatRecord) -> str:
    return f"batches of {listed([f'{check.batch_size:,}' for check in found.checks[:5]])}"
