"""The input with the largest disagreement between an artefact and NumPy, searched without gradients.

Held-out rows say what happens to rows as they come. This asks the other question: inside the range of the rows, how far
apart can the two get? Differential evolution [1]_ answers it: it needs answers alone, no gradient, and it moves where
disagreements are. What it finds is a lower bound on the worst case, and says so: nobody has looked at all inputs.

References
----------
.. [1] R. Storn, K. Price, "Differential Evolution: A Simple and Efficient Heuristic for Global Optimization over
   Continuous Spaces", J. Global Optimization 11, 1997. Scheme DE/current-to-best/1/bin.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np

from throughline.formats import find_format
from throughline.formats.base import Runner
from throughline.processes import Emit
from throughline.verify.reference import numpy_answers
from throughline.weights import Array, load_weights

POPULATION = 256
MOST_ROWS = 50 * POPULATION
LONGEST_S = 2.0
STEP, CROSSOVER = 0.7, 0.5


def search_in_child(
    format_name: str, path: str, weights: str, rows: str, found: str, most_rows: int, longest_s: float, emit: Emit
) -> dict[str, Any]:
    """Load an artefact and search.

    Parameters
    ----------
    format_name, path, rows : str
        As in `worker.examine_artifact`.
    weights : str
        File written by `Weights.save`, of the same network.
    found : str
        Where to write the row that was found, .npy.
    most_rows : int
    longest_s : float
        Where the search ends, whichever comes first.
    emit : callable
        Not used.

    Returns
    -------
    dict
        ``expected``, ``answered`` (None where it is NaN or infinite), the ``output`` whose they are, ``n_evaluated``
        and ``seconds``.
    """
    kept, spec = load_weights(Path(weights))
    kept = kept.astype("float64")
    with find_format(format_name).load(Path(path)) as runner:

        def answer(X: Array) -> tuple[Array, Array]:
            expected = numpy_answers(spec, kept, X)
            return _answered(runner, X, expected.shape), expected

        row, figures = search(answer, np.load(rows, allow_pickle=False), most_rows, longest_s)
    np.save(found, row)
    return figures


def _answered(runner: Runner, X: Array, shape: tuple[int, ...]) -> Array:
    return runner.predict(X).reshape(shape).astype(np.float64)


def search(
    answer: Any, X: Array, most_rows: int = MOST_ROWS, longest_s: float = LONGEST_S, seed: int = 0
) -> tuple[Array, dict[str, Any]]:
    """Return the row with the largest disagreement that was found.

    Parameters
    ----------
    answer : callable
        ``answer(X) -> (answered, expected)``, each of shape (n_samples,) or (n_samples, n_outputs).
    X : ndarray of shape (n_samples, n_features), float32
        Rows whose smallest and largest values bound the search, column by column.
    most_rows : int
    longest_s : float
    seed : int
        Of the search.

    Returns
    -------
    row : ndarray of shape (n_features,), float32
    figures : dict
        ``expected``, ``answered`` (None where it is NaN or infinite), the ``output`` whose they are, ``n_evaluated``
        and ``seconds``.
    """
    started, rng = time.perf_counter(), np.random.default_rng(seed)
    # NaN stands for an empty cell: it stays one, and bounds nothing unless all cells are empty.
    low, high = np.fmin.reduce(X), np.fmax.reduce(X)
    gap = _gap(*answer(X))
    # Half begins at the rows that are furthest apart already, half anywhere in the box.
    best = np.argsort(-gap)[: POPULATION // 2]
    anywhere = (low + (high - low) * rng.random((POPULATION - len(best), X.shape[1]))).astype(np.float32)
    members = np.concatenate([X[best], anywhere])
    answered, expected = answer(members)
    gap = _gap(answered, expected)
    n_evaluated = len(X) + len(members)
    while n_evaluated + len(members) <= most_rows and time.perf_counter() - started < longest_s:
        others = np.stack([rng.permutation(len(members)) for _ in range(2)])
        leader = members[gap.argmax()]
        moved = members + STEP * (leader - members) * rng.random((len(members), 1))
        moved = moved + STEP * (members[others[0]] - members[others[1]])
        crossed = rng.random(members.shape) < CROSSOVER
        tried = np.clip(np.where(crossed, moved, members), low, high).astype(np.float32)
        tried_answers = answer(tried)
        tried_gap = _gap(*tried_answers)
        better = tried_gap > gap
        members[better], gap[better] = tried[better], tried_gap[better]
        answered[better], expected[better] = tried_answers[0][better], tried_answers[1][better]
        n_evaluated += len(members)
    at = int(gap.argmax())
    of_worst, wanted = answered[at].reshape(-1), expected[at].reshape(-1)
    output = int(_apart(of_worst, wanted).argmax())
    worst = of_worst[output]
    figures = {
        "expected": float(wanted[output]),
        "answered": float(worst) if np.isfinite(worst) else None,
        "output": output,
        "n_evaluated": n_evaluated,
        "seconds": time.perf_counter() - started,
    }
    return members[at], figures


def _gap(answered: Array, expected: Array) -> Array:
    """Return how far each row's answers lie apart, at the output where they do most."""
    gap: Array = _apart(answered, expected).reshape(len(answered), -1).max(axis=1)
    return gap


def _apart(answered: Array, expected: Array) -> Array:
    # An answer that is not a number is the largest disagreement there is.
    apart: Array = np.nan_to_num(np.abs(answered - expected), nan=np.inf)
    return apart
