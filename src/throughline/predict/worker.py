"""What the child of a prediction does: open a file once, and answer rows as often as it is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from throughline.processes import Emit

# The one file of this process, and what each of its inputs takes.
_OPENED: list[tuple[Any, list[str]]] = []


def open_file(opener: str, path: str, ports: dict[str, str] | None, emit: Emit) -> str:
    """Open a file as its receiver does, and return what runs it.

    Parameters
    ----------
    opener : str
        An entry of `check.RUNTIMES`.
    path : str
    ports : dict of str to str or None
        Of a file that takes columns: which of the arrays each of its inputs takes.
    emit : callable
        Not used.
    """
    from throughline.bundle.check import RUNTIMES

    opened = RUNTIMES[opener].open(Path(path))
    taken = ["features"] if ports is None else [ports[entry["name"]] for entry in opened.inputs]
    _OPENED[:] = [(opened, taken)]
    return opened.runtime


def answer_rows(rows: str, answers: str, most: int | None, emit: Emit) -> None:
    """Answer the rows of an .npz file, at most so many in a call, into an .npy file of shape (n_rows, n_outputs)."""
    ((opened, taken),) = _OPENED
    with np.load(rows, allow_pickle=False) as arrays:
        given = [arrays[name] for name in taken]
    size = most or len(given[0])
    parts = []
    for start in range(0, len(given[0]), size):
        (part,) = opened.answer([np.ascontiguousarray(array[start : start + size]) for array in given])
        parts.append(np.asarray(part).reshape(min(size, len(given[0]) - start), -1))
    np.save(answers, np.concatenate(parts))
