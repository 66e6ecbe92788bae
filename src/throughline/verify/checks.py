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
    MetricError,
    OutputShapeError,
    OutputValueError,
    PortNameError,
    PortTypeError,
    WeightError,
)
from throughline.formats.base import Parameters, Port, StoredArray, file_sha256
from throughline.frameworks.rows import score
from throughline.verify.compare import refuse_flips, refuse_not_finite, refuse_useless, shapes_allowed, verdict_on
from throughline.verify.decision import margins, place_in_words, reach
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


def check_shapes(answers: Mapping[str, Array], n_rows: int, n_outputs: int = 1) -> str:
    """Require one answer a row and output, in every cut.

    Raises
    ------
    OutputShapeError
    """
    if n_rows == 0 or not answers:
        raise OutputShapeError("There was nothing to compare: no row was answered.")
    allowed = shapes_allowed((n_rows,) if n_outputs == 1 else (n_rows, n_outputs))
    for cut, answer in answers.items():
        if answer.shape not in allowed:
            raise OutputShapeError(
                f"Answers to {n_rows} rows must have shape {' or '.join(map(str, allowed))}, "
                f"but in the cut '{cut}' they have {answer.shape}."
            )
    many = "one answer" if n_outputs == 1 else f"{n_outputs} answers"
    return f"{many} for each of {n_rows:,} rows, in {len(answers)} cuts"


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
    refuse_not_finite({"source network": expected} | {f"cut '{cut}'": answer for cut, answer in answers.items()})
    refuse_useless(tolerance)
    worst = np.abs(np.stack(list(answers.values())) - expected).max(axis=0)
    at = np.unravel_index((worst / tolerance.per_row).argmax(), worst.shape)
    share = float(worst[at] / tolerance.per_row[at])
    verdict = verdict_on(worst, tolerance)
    if verdict == "unexplained":
        raise OutputValueError(
            f"The difference in {place_in_words(at)} is {worst[at]:.1e}, {share:.3g} times what is allowed there "
            f"({tolerance.reason})."
        )
    return f"{verdict}: {worst.max():.1e} at most, {share:.2g} of what is allowed"


def check_labels(answers: Mapping[str, Array], expected: Array, tolerance: Tolerance) -> str | None:
    """Require that no label flips whose margin forbids it, and not too many of the others; None for values.

    Raises
    ------
    LabelFlipError
    """
    if tolerance.output == "linear":
        return None
    flipped = [refuse_flips(answer, expected, tolerance, f"in the cut '{cut}'") for cut, answer in answers.items()]
    return f"{int(np.any(flipped, axis=0).sum())} of {len(expected):,} flipped"


def check_metric(
    answer: Array, expected: Array, labels: Array, tolerance: Tolerance, recorded_accuracy: float | None
) -> str:
    """Require the accuracy of the source network, and the recorded one, up to the rows that may flip.

    For values it is the root mean square error that may differ, by as much as the tolerances have of it.

    Raises
    ------
    MetricError
    """
    if tolerance.output == "linear":
        return _check_error(answer, expected, labels, tolerance, recorded_accuracy)
    accuracy, source = (score(each, labels, tolerance.output) for each in (answer, expected))
    n_uncertain = int(np.count_nonzero(margins(expected, tolerance.output) <= reach(expected, tolerance)))
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


def _check_error(answer: Array, expected: Array, y: Array, tolerance: Tolerance, recorded: float | None) -> str:
    # The root mean square is a norm, so by the triangle inequality two errors lie no further apart than their answers.
    error, source = root_mean_square(answer - y), root_mean_square(expected - y)
    allowed = root_mean_square(tolerance.per_row)
    others = [("the source network has", source)]
    if recorded is not None:  # R^2, of which the error is the other form
        others.append(("the record says", float(np.std(y) * np.sqrt(max(0.0, 1.0 - recorded)))))
    for what, value in others:
        if abs(error - value) > allowed + 1e-12 * (error + value):
            raise MetricError(
                f"The root mean square error is {error:.6g} where {what} {value:.6g}, but rounding explains "
                f"{allowed:.1e} of it."
            )
    beside = "" if recorded is None else ", as recorded"
    return f"root mean square error {error:.6g}, of the source network {source:.6g}{beside}"


def root_mean_square(values: Array) -> float:
    """Return the root of the mean of the squares.

    Examples
    --------
    >>> root_mean_square(np.array([3.0, -4.0, 0.0, 0.0]))
    2.5
    """
    return float(np.sqrt(np.mean(np.square(values.astype(np.float64)))))


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
    at = np.unravel_index((apart / allowed).argmax(), apart.shape)
    if apart[at] > allowed[at]:
        names, found = list(answers), stacked[:, *at]
        low, high = names[int(found.argmin())], names[int(found.argmax())]
        raise BatchError(
            f"{place_in_words(at).capitalize()} is answered {found.min():.6f} in the cut '{low}' and {found.max():.6f} "
            f"in '{high}', apart by {apart[at]:.1e} where {allowed[at]:.1e} is allowed."
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
