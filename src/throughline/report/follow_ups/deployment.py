"""Follow-up questions on what is shipped: TFLite, ONNX, and why there are several formats."""

from __future__ import annotations

from throughline.claims.cited import length
from throughline.record import FormatRecord, RunRecord
from throughline.report.answers import answer_of, gives_amounts, score, score_name
from throughline.report.follow_ups.question import FollowUp
from throughline.report.follow_ups.training import outcome
from throughline.report.phrases import CAUSES, flips_of, formats_of, n_formats, title_of, titles_of
from throughline.report.spoken import counted, data_size, decimal, duration, listed, percent, small

FLOAT16_SAVES = 2  # bytes a parameter


def tflite(record: RunRecord) -> list[FollowUp]:
    """Return what is asked after chapter 6."""
    found = formats_of(record, 6)
    if not found:
        return []
    stored = {entry.stored_as: entry for entry in found}
    return [
        _halved(record, stored.get("float32"), stored.get("float16")),
        _cost_in_answers(record, stored.get("float16")),
        _int8(record),
        _alone(record, found),
    ]


def onnx(record: RunRecord) -> list[FollowUp]:
    """Return what is asked after chapter 7."""
    found = next(iter(formats_of(record, 7)), None)
    return [_dynamic_batch(found), _tolerance(found), _not_bit_for_bit(found), _operator_set(found)] if found else []


def why_several_formats(record: RunRecord) -> list[FollowUp]:
    """Return what is asked about the formats together."""
    return [_which(record), _if_one_fails(record), _same_model(record)] if record.formats else []


def _unproven(found: FormatRecord | None, name: str) -> str:
    """Say why there is no figure for a format."""
    if found is None:
        return f"{name} was not exported in this run, so I claim no figure."
    return f"{outcome(found)} So I claim no figure for it."


def _halved(record: RunRecord, plain: FormatRecord | None, compact: FormatRecord | None) -> FollowUp:
    question = "Why did float16 not halve the file?"
    for entry, name in ((plain, "TFLite float32"), (compact, "TFLite float16")):
        if entry is None or entry.status != "passed" or not entry.size_bytes:
            return FollowUp(
                "6.halved",
                question,
                f"{_unproven(entry, name)} In general it shortens weights from four bytes to two, and leaves graph, "
                "names and metadata as they are. This network has "
                f"{counted(record.network.n_parameters, 'parameter')}.",
            )
    assert plain is not None
    assert compact is not None
    ratio = compact.size_bytes / plain.size_bytes
    most = data_size(record.network.n_parameters * FLOAT16_SAVES)
    before, after = plain.size_bytes, compact.size_bytes
    sizes = f"{data_size(before, [after])} became {data_size(after, [before])}"
    told = f"{sizes}, a ratio of {decimal(ratio, 2, [0.5, 1.0])}."
    if ratio >= 1:
        question = "Why did float16 make the file no smaller?"
        why = f"Two bytes a parameter save at most {most} in so small a network; the conversion steps cost more."
    elif ratio > 0.5:
        why = (
            f"Two bytes for each of {counted(record.network.n_parameters, 'parameter')} save at most {most}; the "
            "graph, the names and the scaling stay as long as they were. The larger the network, the closer it gets to "
            "half."
        )
    else:
        question, why = (
            "Did float16 halve the file?",
            (
                f"So here it did. Two bytes a parameter explain at most {most} of it; whatever is beyond that came "
                "from the graph and its metadata, which the converter writes anew."
            ),
        )
    return FollowUp("6.halved", question, f"{told} {why}")


def _test_rows(record: RunRecord) -> str:
    rows = counted(record.split.n_answered, "test row")
    return rows if record.split.n_proven else f"all {rows}"


def _cost_in_answers(record: RunRecord, compact: FormatRecord | None) -> FollowUp:
    question = "What does float16 cost in answers?"
    if compact is None or compact.status != "passed":
        answer = (
            f"{_unproven(compact, 'TFLite float16')} I would compare every {answer_of(record)} with the source "
            f"network, row by row, on {_test_rows(record)}"
            f"{'' if gives_amounts(record) else ', and count labels that change'}."
        )
        return FollowUp("6.cost", question, answer)
    cause = CAUSES.get(compact.verdict, "and the two files are identical" if compact.verdict == "identical" else "")
    return FollowUp(
        "6.cost",
        question,
        f"The largest difference of {'an' if gives_amounts(record) else 'a'} {answer_of(record)} is "
        f"{small(compact.largest_difference, [compact.tolerance])}"
        f"{f', {cause}' if cause else ', which nothing I derived explains'}, where {small(compact.tolerance)} would be "
        f"allowed. {'The test' if gives_amounts(record) else f'{flips_of(compact).capitalize()}, and test'} "
        f"{score_name(record)} is {score(record, compact.test_accuracy)}.",
    )


def _int8(record: RunRecord) -> FollowUp:
    found = record.format_named("tflite-int8")
    told = outcome(found) + _flipped(record, found) if found else "This run has no such file, so I give no figure."
    return FollowUp(
        "6.int8",
        "Would int8 be better still?",
        "It stores a weight in one byte and computes in whole numbers, which some chips need. But its steps are "
        f"coarse, so I judge it by {'R²' if gives_amounts(record) else 'labels and accuracy'} as well, and it needs "
        f"representative rows to choose them. {told}",
    )


def _flipped(record: RunRecord, found: FormatRecord) -> str:
    passed = found.status == "passed" and not gives_amounts(record)
    return f" {flips_of(found).capitalize()}." if passed else ""


def _alone(record: RunRecord, found: list[FormatRecord]) -> FollowUp:
    sizes = [f"{check.batch_size:,}" for check in next((entry.checks for entry in found if entry.checks), [])]
    batches = f" in batches of {listed(sizes)}" if sizes else ""
    passed = [entry for entry in found if entry.status == "passed"]
    told = f"{titles_of(passed)} passed." if passed else "No file of these passed."
    return FollowUp(
        "6.alone",
        "How do you know that the file works without TensorFlow?",
        f"It is loaded by a process that gets nothing but the file and {counted(record.split.n_answered, 'row')}, and "
        f"that is failed if TensorFlow was imported. There it answers{batches}, and the answers are compared. {told}",
    )


def _dynamic_batch(found: FormatRecord) -> FollowUp:
    question = "What does a dynamic batch axis cost?"
    if found.status != "passed" or not found.rows_per_s:
        known = "Throughput is not in this record." if found.status == "passed" else _unproven(found, title_of(found))
        return FollowUp(
            "7.batch",
            question,
            f"{known} In "
            "principle the runtime cannot plan memory for one fixed shape, which costs a little on every call and "
            "saves a file for every batch size.",
        )
    each = 1e6 / found.rows_per_s
    n_rows = max((check.n_rows for check in found.checks), default=1)  # all at once is how throughput is measured
    verdict = (
        "so the fixed part of a call outweighs what a free axis could cost"
        if each < found.latency_us
        else "so here larger batches gain nothing"
    )
    return FollowUp(
        "7.batch",
        question,
        "I have no file with a fixed axis to compare, so I won't invent a figure. What I measured: one row alone "
        f"takes {duration(found.latency_us)}, and in batches of {n_rows:,} a row takes {duration(each)}, {verdict}.",
    )


def _tolerance(found: FormatRecord) -> FollowUp:
    question = "Where does your tolerance come from?"
    derived = (
        "Each rounding is a small error somewhere in the network, and backpropagation says how much it moves the "
        "answer. Their squares add up, row by row."
    )
    if found.status != "passed":
        return FollowUp("7.tolerance", question, f"{derived} {_unproven(found, title_of(found))}")
    return FollowUp(
        "7.tolerance",
        question,
        f"{derived} That allows {small(found.tolerance, [found.largest_difference])} here; the file is off by "
        f"{small(found.largest_difference, [found.tolerance])}. No row used more than "
        f"{percent(found.share_of_tolerance)} of its own share.",
    )


def _not_bit_for_bit(found: FormatRecord) -> FollowUp:
    if found.status != "passed":
        told = _unproven(found, title_of(found))
    elif found.largest_difference == 0:
        told = "Here the answers happen to be the same bit for bit."
    else:
        told = (
            f"Against PyTorch it is off by {small(found.largest_difference)}, and against plain NumPy in float64 by "
            f"{small(found.numpy_largest_difference)}."
        )
    return FollowUp(
        "7.bits",
        "Why are the answers not the same bit for bit?",
        "Another runtime adds the same products in another order, and in float32 the order changes the last digit. "
        f"{told} What matters is whether rounding explains it.",
    )


def _operator_set(found: FormatRecord) -> FollowUp:
    opset = found.facts.get("opset")
    told = f"Read back from the file, it is version {opset}." if opset is not None else "This record does not hold it."
    return FollowUp(
        "7.opset",
        "Why pin the operator set?",
        "An exporter may write a newer version than the runtime of the receiver reads, and then the file does not load "
        f"at all. So I ask for one that is widely read, and check what was written. {told}",
    )


def _which(record: RunRecord) -> FollowUp:
    passed = [entry for entry in record.formats if entry.status == "passed"]
    if not passed:
        told = f"Of {counted(length(record.formats), 'export')} none passed, so today I would ship none."
    else:
        small_one = min(passed, key=lambda entry: entry.size_bytes)
        quick_one = min(passed, key=lambda entry: entry.latency_us)
        told = (
            f"If bytes decide, {title_of(small_one)} with {data_size(small_one.size_bytes)}; if one row at a time "
            f"does, {title_of(quick_one)} with {duration(quick_one.latency_us)} on this machine."
        )
    return FollowUp(
        "8.which",
        "Which one would you ship?",
        f"That depends on where it runs, so I ask for the device and its runtime first. {told} On the device I would "
        "measure again.",
    )


def _if_one_fails(record: RunRecord) -> FollowUp:
    failed, absent = (n_formats(record, status) for status in ("failed", "not_run"))
    here = (
        f"Here none of {counted(length(record.formats), 'export')} failed"
        if not failed
        else f"Here {failed:,} of {counted(length(record.formats), 'export')} failed"
    ) + (f", and {absent:,} could not be run." if absent else ".")
    return FollowUp(
        "8.fails",
        "What happens when a file fails its check?",
        f"The command ends with an error, and the report shows the file with its reason. {here} What could not be run "
        "counts neither as passed nor as failed; it is shown as what it is.",
    )


def _same_model(record: RunRecord) -> FollowUp:
    passed = [entry for entry in record.formats if entry.status == "passed"]
    told = (
        "But no file passed, so here I can't say it."
        if not passed
        else f"Over {counted(n_formats(record, 'passed'), 'file')} that passed, the largest difference is "
        f"{small(max(entry.largest_difference for entry in passed))}"
        f"{'' if gives_amounts(record) else f', and {_most_flips(passed)}'}."
    )
    return FollowUp(
        "8.same",
        "How can you say that they are the same model?",
        f"Each answers the same {counted(record.split.n_answered, 'held-out row')} as the network it came from, and "
        f"may differ by what rounding explains in that row and no more. {told}",
    )


def _most_flips(passed: list[FormatRecord]) -> str:
    most = max(entry.n_flips for entry in passed)
    return f"at most {counted(most, 'label')} of a file changed" if most else "no label changed"
