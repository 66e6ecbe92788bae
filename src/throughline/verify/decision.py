"""What an answer decides, by what the network ends in: which label, by what margin, and what may change it.

======== ========================= ===================================== ======================================
output   label                     margin                                shrinks by at most
======== ========================= ===================================== ======================================
sigmoid  class 1 above a threshold distance to the threshold             the row's tolerance
softmax  the likeliest class       between the two likeliest classes     the tolerances of that and another class
linear   none                      infinite: nothing is there to flip
======== ========================= ===================================== ======================================
"""

from __future__ import annotations

import numpy as np

from throughline.evaluate import THRESHOLD
from throughline.spec import OutputName
from throughline.verify.tolerance import Tolerance
from throughline.weights import Array

# By how many largest differences a margin can shrink: under softmax one class may lose what another gains.
SIDES = {"sigmoid": 1, "softmax": 2, "linear": 1}


def labels(answers: Array, output: OutputName) -> Array:
    """Return the label of each row, shape (n_samples,); under a linear output, which has none, 0.

    Examples
    --------
    >>> labels(np.array([0.2, 0.7]), "sigmoid"), labels(np.array([[0.2, 0.7, 0.1]]), "softmax")
    (array([0, 1]), array([1]))
    """
    if output == "linear":
        return np.zeros(len(answers), np.int64)
    if output == "softmax":
        return np.asarray(answers.argmax(axis=1))
    found: Array = (answers > THRESHOLD).astype(np.int64)
    return found


def flipped(answers: Array, expected: Array, output: OutputName) -> Array:
    """Return of which rows the label differs, shape (n_samples,)."""
    apart: Array = labels(answers, output) != labels(expected, output)
    return apart


def margins(expected: Array, output: OutputName) -> Array:
    """Return how far each row is from another label, shape (n_samples,).

    Examples
    --------
    >>> margins(np.array([[0.25, 0.625, 0.125]]), "softmax")
    array([0.375])
    """
    exact = expected.astype(np.float64)
    if output == "linear":
        return np.full(len(exact), np.inf)
    if output == "softmax":
        second, first = np.partition(exact, -2, axis=1)[:, -2:].T
        return np.asarray(first - second)
    return np.abs(exact - THRESHOLD)


def reach(expected: Array, tolerance: Tolerance) -> Array:
    """Return by how much each row's margin may shrink within its tolerance, shape (n_samples,)."""
    if tolerance.output != "softmax":
        return tolerance.per_row
    others = tolerance.per_row.copy()
    rows, first = np.arange(len(others)), expected.argmax(axis=1)
    others[rows, first] = -np.inf
    widest: Array = tolerance.per_row[rows, first] + others.max(axis=1)
    return widest


def flip_in_words(answer: Array, expected: Array, row: int, output: OutputName) -> str:
    """Return from what to what a row went."""
    if output == "softmax":
        before, after = int(expected[row].argmax()), int(answer[row].argmax())
        return (
            f"class {before} ({expected[row, before]:.6f}, then {answer[row, before]:.6f}) to class {after} "
            f"({expected[row, after]:.6f}, then {answer[row, after]:.6f})"
        )
    return f"{expected[row]:.6f} to {answer[row]:.6f}"


def place_in_words(at: tuple[np.intp, ...]) -> str:
    """Return where in the answers something is: the row, and the output where there are several.

    Examples
    --------
    >>> place_in_words((3,)), place_in_words((3, 1))
    ('row 3', 'row 3, output 1')
    """
    return f"row {at[0]}" if len(at) == 1 else f"row {at[0]}, output {at[1]}"
