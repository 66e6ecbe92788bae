r"""An artefact's answers against the source's own, with a tolerance that the source's sensitivity gives.

The source answered the sample `N_DRAWS` times with its numbers moved as rounding moves them (`noise`). For each row the
root mean square of the largest move, ``s``, says how far two honest computations of this model lie apart there. The
difference of an artefact is one more such move. Divided by ``s`` it follows Student's t distribution with as many
degrees of freedom as there are draws, so that

    tolerance = t(N_DRAWS, 1 - FALSE_ALARM / (2 n_rows)) * s + 2 * LAST_ROUNDINGS * u * |answer|

is exceeded by a sound artefact in one of `1 / FALSE_ALARM` exports (Bonferroni over the rows). The second term is what
the last operation may err by on either side, which moved numbers do not show where an answer is saturated. For an
output of whole numbers ``s`` alone counts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from throughline.errors import OutputShapeError, OutputValueError
from throughline.own_model.answers import N_DRAWS
from throughline.own_model.noise import NOISES, ROUNDING
from throughline.own_model.record import OutputCheck
from throughline.weights import Array

FALSE_ALARM = 1e-6
# exp and tanh of a vector library err by a few units in the last place, add and divide by more.
LAST_ROUNDINGS = 8.0
VERDICTS = ("identical", "rounding", "explained", "unexplained")  # from best to worst
Answers = Mapping[int, Mapping[str, Array]]


@dataclass(frozen=True)
class Judgement:
    """What was compared, output by output.

    Attributes
    ----------
    outputs : list of OutputCheck
    verdict : str
    reason : str
        The tolerance in words.
    failure : str
        Why it failed, in a sentence; empty if it passed.
    """

    outputs: list[OutputCheck]
    verdict: str
    reason: str
    failure: str


def judge(answers: Answers, expected: Answers, noise: Mapping[str, Array], noise_name: str) -> Judgement:
    """Compare and judge every output at every batch size.

    Parameters
    ----------
    answers, expected : mapping of batch size to mapping of output to ndarray
        Of the artefact, and of the source in the same batches.
    noise : mapping of str to ndarray of shape (n_samples,)
        ``noise/output``: how far the draws moved each row.
    noise_name : str
        What the format does to numbers, a key of `NOISES`.

    Raises
    ------
    OutputShapeError
        If nothing was compared, or an answer has another shape.
    OutputValueError
        If an answer is not finite, or the tolerance is too wide to prove anything.
    """
    if not expected or not next(iter(expected.values())):
        raise OutputShapeError("There was nothing to compare: no batch size or no output was answered.")
    checks, failure = [], ""
    for name in next(iter(expected.values())):
        pairs = {size: _pair(answers, expected, size, name) for size in expected}
        check, said = _check(name, pairs, noise, noise_name)
        checks.append(check)
        failure = failure or said
    verdict = max((check.verdict for check in checks), key=_rank)
    return Judgement(checks, verdict, tolerance_in_words(noise_name, len(next(iter(pairs.values()))[0])), failure)


def tolerances(name: str, wanted: Array, noise: Mapping[str, Array], noise_name: str) -> tuple[Array, Array]:
    """Return how far each row of an output may be off by rounding alone, and altogether.

    Parameters
    ----------
    name : str
        Of the output.
    wanted : ndarray of shape (n_samples, ...)
        What the source answers.
    noise, noise_name :
        As for `judge`.

    Returns
    -------
    (ndarray, ndarray) of shape (n_samples,)
    """
    u = float(np.finfo(wanted.dtype).eps) / 2 if wanted.dtype.kind == "f" else 0.0
    last = 2 * LAST_ROUNDINGS * u * _rows(wanted).max(axis=1)
    factor = _quantile(len(wanted))
    of_rounding = noise[f"{ROUNDING.name}/{name}"]
    rounding = factor * of_rounding + last
    if noise_name == ROUNDING.name:
        return rounding, rounding
    return rounding, factor * np.hypot(of_rounding, noise[f"{noise_name}/{name}"]) + last


def useful_tolerance(wanted: Array) -> float | None:
    """Return how much the usual row differs from the next; None for whole numbers, which rows may well share.

    Answers of a file that mixes its rows up would be off by as much.
    """
    if wanted.dtype.kind != "f":
        return None
    return float(
        np.median(_rows(wanted.astype(np.float64) - np.roll(wanted.astype(np.float64), 1, axis=0)).max(axis=1))
    )


def tolerance_in_words(noise_name: str, n_rows: int) -> str:
    """Return the formula with its inputs."""
    moved = NOISES[noise_name].reason
    return (
        f"{_quantile(n_rows):.1f} (Student's t, {N_DRAWS} draws, {n_rows} rows, false alarm rate {FALSE_ALARM:g}) "
        f"times the root mean square of the row's largest move when the source has its {moved}, plus "
        f"{2 * LAST_ROUNDINGS:g} unit roundoffs of the answer"
    )


def _rank(verdict: str) -> int:
    return VERDICTS.index(verdict.split(" ")[0])


def _quantile(n_rows: int) -> float:
    from scipy.stats import t

    return float(t.isf(FALSE_ALARM / (2 * n_rows), N_DRAWS))


def _pair(answers: Answers, expected: Answers, size: int, name: str) -> tuple[Array, Array]:
    wanted = expected[size][name]
    found = answers.get(size, {}).get(name)
    if found is None:
        raise OutputShapeError(f"The output '{name}' was not answered at batch size {size}.")
    if found.shape != wanted.shape:
        raise OutputShapeError(
            f"The output '{name}' must have shape {wanted.shape}, but at batch size {size} it has {found.shape}."
        )
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        n_wrong = int(np.count_nonzero(~np.isfinite(found)))
        raise OutputValueError(f"{n_wrong} of {found.size} numbers of '{name}' are NaN or infinite, batch size {size}.")
    return found, wanted


def _check(
    name: str, pairs: Mapping[int, tuple[Array, Array]], noise: Mapping[str, Array], noise_name: str
) -> tuple[OutputCheck, str]:
    largest = max(pairs)
    wanted = pairs[largest][1]
    magnitude = _rows(wanted).max(axis=1)  # (n_samples,)
    rounding, tolerance = tolerances(name, wanted, noise, noise_name)
    worst = np.max([_rows(found.astype(np.float64) - exact).max(axis=1) for found, exact in pairs.values()], axis=0)
    share = np.divide(worst, tolerance, out=np.where(worst > 0, np.inf, 0.0), where=tolerance > 0)
    row = int(np.argmax(share))
    verdict = _verdict(worst, rounding, tolerance, NOISES[noise_name].explanation)
    nonzero = np.where(magnitude > 0, magnitude, 1.0)
    useful = useful_tolerance(wanted)
    check = OutputCheck(
        name=name,
        largest_difference=float(worst.max()),
        relative_difference=float((worst / nonzero).max()),
        tolerance=float(tolerance[row]),
        share_of_tolerance=float(min(share[row], np.finfo(np.float64).max)),
        n_flips=_flips(pairs),
        verdict=verdict,
        n_telling=None if useful is None else int(np.count_nonzero(tolerance < useful)),
    )
    if verdict == "unexplained":
        return check, (
            f"'{name}' differs by {worst[row]:.1e} in row {row}, {share[row]:.3g} times what is allowed there."
        )
    return check, _useless(name, wanted, tolerance, NOISES[noise_name].name)


def _rows(values: Array) -> Array:
    return np.abs(values.astype(np.float64)).reshape(len(values), -1)


def _verdict(worst: Array, rounding: Array, tolerance: Array, explanation: str) -> str:
    if not worst.any():
        return "identical"
    if (worst <= rounding).all():
        return "rounding"
    return explanation if (worst <= tolerance).all() else "unexplained"


def _flips(pairs: Mapping[int, tuple[Array, Array]]) -> int | None:
    """Return in how many rows the class is another, for outputs of shape (n_samples, n_classes) or one probability."""
    flips = []
    for found, wanted in pairs.values():
        if wanted.dtype.kind != "f" or wanted.ndim > 2:
            return None
        found_labels, wanted_labels = labels_of(found), labels_of(wanted)
        if found_labels is None or wanted_labels is None:
            return None
        flips.append(int(np.count_nonzero(found_labels != wanted_labels)))
    return max(flips)


def labels_of(values: Array) -> Array | None:
    """Return the class of each row, or None where the output has no classes.

    Examples
    --------
    >>> labels_of(np.array([[0.2, 0.8], [0.9, 0.1]])).tolist(), labels_of(np.array([[0.7], [0.4]])).tolist()
    ([1, 0], [1, 0])
    """
    if values.ndim == 2 and values.shape[1] > 1:
        return np.asarray(values.argmax(axis=1))
    flat = values.reshape(len(values), -1)
    if flat.shape[1] == 1 and flat.min() >= 0 and flat.max() <= 1:
        return (flat[:, 0] > 0.5).astype(np.int64)
    return None


def _useless(name: str, wanted: Array, tolerance: Array, noise_name: str) -> str:
    """Say that a tolerance as wide as rows differ among themselves proves nothing; empty if it does prove something."""
    usual, allowed = useful_tolerance(wanted), float(np.median(tolerance))
    if usual is None or allowed < usual:
        return ""
    return (
        f"{noise_name} alone may move half of the rows of '{name}' by {allowed:.1e} or more, and they differ from each "
        f"other by no more than {usual:.1e}: answers that uncertain prove nothing."
    )
