"""The checks, one function each, in the order in which they are made; each raises its own exception.

What comes first explains what comes later: a file that was damaged on the way need not be searched for a wrong
weight, and a frozen batch explains a wrong number of rows. Each function returns, in words, what it found.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from throughline.errors import (
    AxisError,
    BatchError,
    DamagedFileError,
    HygieneError,
    LabelFlipError,
    MetricError,
    NotFiniteError,
    OutputShapeError,
    OutputValueError,
    PortNameError,
    PortTypeError,
    WeightError,
)
from throughline.evaluate import THRESHOLD
from throughline.formats.base import Parameters, Port, StoredArray, file_sha256
from throughline.verify.compare import most_flips_allowed, refuse_useless, verdict_on
from throughline.verify.record import Finding
from throughline.verify.stored import coarse_units, expected_arrays, share_of_rounding, unpacked
from throughline.verify.tolerance import Tolerance
from throughline.weights import Array, Weights

# Cuts of the rows into single batches: their answers need nothing but the row itself.
ALL_ROWS = "all"


def check_file(path: Path, sha256: str | None) -> str:
    """Require that the file is there, and the one whose checksum is known.

    Raises
    ------
    DamagedFileError
    """
    if not path.exists():
        raise DamagedFileError(f"There is no {path.name}.")
    found = file_sha256(path)
    if sha256 is None:
        return f"opens; no checksum to hold it against (sha256 {found[:12]}...)"
    if not hmac.compare_digest(found, sha256):
        raise DamagedFileError(f"Its sha256 is {found[:12]}..., but {sha256[:12]}... was recorded.")
    return f"sha256 {found[:12]}... as recorded"


def check_names(inputs: Sequence[Port], outputs: Sequence[Port], wanted: tuple[str, str] | None) -> str | None:
    """Require one input and one output with the names that were agreed; None where the file has no names.

    Raises
    ------
    PortNameError
    """
    declared = {"input": [port.name for port in inputs], "output": [port.name for port in outputs]}
    if wanted is None:
        return None
    for (kind, names), name in zip(declared.items(), wanted, strict=True):
        if names != [name]:
            said = ", ".join(repr(each) for each in names) or "none"
            raise PortNameError(f"Its {kind} must be called '{name}', but it declares {said}.")
    return f"{wanted[0]} in, {wanted[1]} out"


def check_dtypes(inputs: Sequence[Port], outputs: Sequence[Port], answers: Mapping[str, Array], wanted: str) -> str:
    """Require that rows go in, and answers come out, in one type: as declared, and as they really came.

    Raises
    ------
    PortTypeError
    """
    declared = {f"declares its {kind} as": port.dtype for kind, port in _ports(inputs, outputs) if port.dtype}
    answered = {f"answered the cut '{cut}' in": answer.dtype.name for cut, answer in answers.items()}
    for what, dtype in (declared | answered).items():
        if dtype != wanted:
            raise PortTypeError(f"Rows and answers must be in {wanted}, but the file {what} {dtype}.")
    if not declared and not answered:
        raise PortTypeError(f"Rows and answers must be in {wanted}, but the file neither declared nor answered any.")
    return f"{wanted}, {'declared and ' if declared else ''}{'answered' if answered else 'not answered'}"


def check_axes(inputs: Sequence[Port], outputs: Sequence[Port], refused: Mapping[str, str], n_features: int) -> str:
    """Require a free batch axis and the right number of features, and that no number of rows is refused.

    Raises
    ------
    AxisError
    """
    declared = [(kind, port.shape) for kind, port in _ports(inputs, outputs) if port.shape is not None]
    for kind, shape in declared:
        if len(shape) == 0 or shape[0] is not None:
            raise AxisError(f"The first axis of its {kind} must be free, but the file declares {_shape(shape)}.")
        if kind == "input" and shape[-1] not in (None, n_features):
            raise AxisError(f"Its input must take {n_features} features, but the file declares {_shape(shape)}.")
    if refused:
        cut, said = next(iter(refused.items()))
        raise AxisError(f"It refuses {len(refused)} of the batch sizes, first '{cut}': {said}.")
    return "free batch, declared and used" if declared else "free batch, as used; the file declares no shape"


def check_shapes(answers: Mapping[str, Array], n_rows: int) -> str:
    """Require one answer a row, in every cut.

    Raises
    ------
    OutputShapeError
    """
    if n_rows == 0 or not answers:
        raise OutputShapeError("There was nothing to compare: no row was answered.")
    for cut, answer in answers.items():
        if answer.shape not in ((n_rows,), (n_rows, 1)):
            raise OutputShapeError(
                f"Answers to {n_rows} rows must have shape ({n_rows},) or ({n_rows}, 1), "
                f"but in the cut '{cut}' they have {answer.shape}."
            )
    return f"one answer for each of {n_rows:,} rows, in {len(answers)} cuts"


def check_weights(stored: Parameters, weights: Weights, unreadable: str = "") -> str:
    """Require that every number the file stores is the network's, up to what its type rounds.

    Raises
    ------
    WeightError
    """
    if unreadable:
        raise WeightError(f"The numbers of the file cannot be read: {unreadable}.")
    shares: dict[str, float] = {}
    for name, (exact, slack) in expected_arrays(weights, stored).items():
        if name not in stored:
            raise WeightError(f"The file does not hold {name} as the network has it.")
        array = stored[name]
        if array.values.shape != exact.shape:
            raise WeightError(f"{name} must have the shape {exact.shape}, but the file holds {array.values.shape}.")
        coarse = coarse_units(array, exact)
        if len(coarse):
            raise WeightError(
                f"The steps of {name} are coarser than {len(coarse)} of its units need, first unit {coarse[0]}."
            )
        dtype = array.values.dtype.name
        shares[dtype] = max(shares.get(dtype, 0.0), _within(name, array, exact, slack))
    n_numbers = sum(array.values.size for array in stored.values())
    said = (f"{dtype} {'equal' if share == 0 else 'rounded'}" for dtype, share in shares.items())
    return f"{n_numbers:,} numbers as the network has them: {', '.join(said)}"


def _within(name: str, array: StoredArray, exact: Array, slack: Array) -> float:
    """Return the largest share of what rounding explains.

    Raises
    ------
    WeightError
    """
    share = share_of_rounding(array, exact, slack)
    wrong = int(np.count_nonzero(share > 1))
    if wrong:
        at = np.unravel_index(int(share.argmax()), share.shape)
        where = f"{name}[{', '.join(str(int(i)) for i in at)}]"
        raise WeightError(
            f"{where} is stored in {array.values.dtype.name} as {unpacked(array)[at]:.9g} where the network has "
            f"{float(exact[at]):.9g}, more than rounding explains; {wrong} of {share.size:,} numbers are wrong."
        )
    return float(share.max(initial=0.0))


def check_values(answers: Mapping[str, Array], expected: Array, tolerance: Tolerance) -> str:
    """Require finite answers, each within the tolerance of its row.

    Raises
    ------
    NotFiniteError, OutputValueError
    """
    for label, values in (("source network", expected), *((f"cut '{cut}'", a) for cut, a in answers.items())):
        n_wrong = int(np.count_nonzero(~np.isfinite(values)))
        if n_wrong:
            raise NotFiniteError(f"{n_wrong} of {len(values)} answers are NaN or infinite ({label}).")
    refuse_useless(tolerance)
    worst = np.abs(np.stack(list(answers.values())) - expected).max(axis=0)
    row = int((worst / tolerance.per_row).argmax())
    share = float(worst[row] / tolerance.per_row[row])
    verdict = verdict_on(worst, tolerance)
    if verdict == "unexplained":
        raise OutputValueError(
            f"The difference in row {row} is {worst[row]:.1e}, {share:.3g} times what is allowed there "
            f"({tolerance.reason})."
        )
    return f"{verdict}: {worst.max():.1e} at most, {share:.2g} of what is allowed"


def check_labels(answers: Mapping[str, Array], expected: Array, tolerance: Tolerance) -> str:
    """Require that no label flips whose margin forbids it, and not too many of the others.

    Raises
    ------
    LabelFlipError
    """
    margin = np.abs(expected - THRESHOLD)
    flipped_anywhere = np.zeros(len(expected), bool)
    most, in_words = most_flips_allowed(expected, tolerance)
    for cut, answer in answers.items():
        flipped = (answer > THRESHOLD) != (expected > THRESHOLD)
        forbidden = np.flatnonzero(flipped & (margin > tolerance.per_row))
        if len(forbidden):
            row = int(forbidden[np.argmax(margin[forbidden])])
            raise LabelFlipError(
                f"{len(forbidden)} labels flipped in the cut '{cut}' that lie further from the threshold than the "
                f"tolerance: row {row} went from {expected[row]:.6f} to {answer[row]:.6f}, "
                f"allowed {tolerance.per_row[row]:.1e}."
            )
        if flipped.sum() > most:
            raise LabelFlipError(
                f"{int(flipped.sum())} of {len(expected)} labels flipped in the cut '{cut}', more than {in_words}, "
                "though each within its tolerance."
            )
        flipped_anywhere |= flipped
    return f"{int(flipped_anywhere.sum())} of {len(expected):,} flipped"


def check_metric(
    answer: Array, expected: Array, labels: Array, tolerance: Tolerance, recorded_accuracy: float | None
) -> str:
    """Require the accuracy of the source network, and the recorded one, up to the rows that may flip.

    Raises
    ------
    MetricError
    """
    accuracy, source = (float(np.mean((p > THRESHOLD) == labels)) for p in (answer, expected))
    n_uncertain = int(np.count_nonzero(np.abs(expected - THRESHOLD) <= tolerance.per_row))
    for what, value in (("the source network has", source), ("the record says", recorded_accuracy)):
        # Half a row more, so that a share that was written in decimals is not off by its last digit.
        if value is not None and abs(accuracy - value) * len(labels) > n_uncertain + 0.5:
            raise MetricError(
                f"Accuracy is {accuracy:.2%} where {what} {value:.2%}, but only {n_uncertain} of {len(labels)} rows "
                "lie near enough to the threshold to flip."
            )
    beside = (
        ""
        if recorded_accuracy is None
        else ", as recorded"
        if accuracy == recorded_accuracy
        else (f", recorded {recorded_accuracy:.2%}")
    )
    return f"accuracy {accuracy:.2%}, of the source network {source:.2%}{beside}"


def check_batches(answers: Mapping[str, Array], tolerance: Tolerance) -> str:
    """Require that a row's answer does not depend on the batch it came in.

    In float32 answers may differ by rounding, since a runtime adds in another order when there are more rows; where
    sums are rounded to a coarser grid, by a step of that grid.

    Raises
    ------
    BatchError
    """
    stacked = np.stack(list(answers.values()))
    apart = np.ptp(stacked, axis=0)
    allowed = tolerance.per_row if tolerance.coarse_compute else tolerance.rounding_only
    row = int((apart / allowed).argmax())
    if apart[row] > allowed[row]:
        names = list(answers)
        low, high = names[int(stacked[:, row].argmin())], names[int(stacked[:, row].argmax())]
        raise BatchError(
            f"Row {row} is answered {stacked[:, row].min():.6f} in the cut '{low}' and {stacked[:, row].max():.6f} in "
            f"'{high}', apart by {apart[row]:.1e} where {allowed[row]:.1e} is allowed."
        )
    return f"the same in batches of {', '.join(answers)}: {float(apart.max()):.1e} apart at most"


def check_hygiene(findings: Sequence[Finding]) -> str:
    """Require that nothing was found.

    Raises
    ------
    HygieneError
    """
    if findings:
        first = findings[0]
        more = f", and {len(findings) - 1} more" if len(findings) > 1 else ""
        raise HygieneError(f"A {first.kind} in {first.where}: {first.what}{more}.")
    return "no local path, user name, stack trace, foreign pickle or operator; all parts are there"


def _ports(inputs: Sequence[Port], outputs: Sequence[Port]) -> list[tuple[str, Port]]:
    return [*(("input", port) for port in inputs), *(("output", port) for port in outputs)]


def _shape(shape: Sequence[int | None]) -> str:
    return f"[{', '.join('free' if n is None else str(n) for n in shape)}]"
