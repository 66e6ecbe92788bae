"""The folded solutions of the notebook's exercises: prose to its reader, and code that can be run to see that it works.

A solution is a ``<details>`` in a Markdown cell, which GitHub and Jupyter show folded, with one fenced piece of Python.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nbformat import NotebookNode

SOLUTION = re.compile(r"^<details>$.*?^```python\n(.*?)\n```$.*?^</details>$", re.MULTILINE | re.DOTALL)


def solutions(notebook: NotebookNode) -> Iterator[tuple[int, str]]:
    """Find the folded solutions.

    Parameters
    ----------
    notebook : NotebookNode

    Yields
    ------
    place : int
        Of the cell that asks.
    code : str
    """
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "markdown":
            yield from ((place, found[1]) for found in SOLUTION.finditer(cell.source))


def with_solutions(notebook: NotebookNode) -> NotebookNode:
    """Return a copy of a notebook in which each solution is a cell of code behind the cell that asks."""
    from nbformat.v4 import new_code_cell

    solved = copy.deepcopy(notebook)
    for place, code in reversed(list(solutions(notebook))):
        solved.cells.insert(place + 1, new_code_cell(code))  # type: ignore[no-untyped-call]
    return solved
