"""What a reader can change about the notebook: the cell that is tagged "parameters", written anew."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from throughline.errors import UsageError

if TYPE_CHECKING:
    from nbformat import NotebookNode

TAG = "parameters"


@dataclass(frozen=True, kw_only=True)
class Parameters:
    """Values of the parameters cell; paths are relative to the notebook.

    Attributes
    ----------
    run : str or None
        Folder of a finished run; None: the notebook runs itself.
    task : str or None
        A built-in task.
    data, target : str or None
        A CSV file and its target column, instead of a task.
    seed : int

    Examples
    --------
    >>> print(Parameters(run=".", data="../patients.csv", target="outcome").to_source())
    RUN = "."  # this run is told, from its record; None: run anew
    TASK = None
    DATA = "../patients.csv"
    TARGET = "outcome"
    SEED = 0
    """

    run: str | None = None
    task: str | None = None
    data: str | None = None
    target: str | None = None
    seed: int = 0

    def to_source(self) -> str:
        """Write the cell."""
        lines = [f"{name.upper()} = {_literal(value)}" for name, value in dataclasses.asdict(self).items()]
        if self.run is not None:
            lines[0] += "  # this run is told, from its record; None: run anew"
        return "\n".join(lines)

    def put_into(self, notebook: NotebookNode) -> None:
        """Write the cell into a notebook.

        Raises
        ------
        UsageError
            If the notebook has no parameters, or more than one cell of them.
        """
        cells = [cell for cell in notebook.cells if TAG in cell.metadata.get("tags", [])]
        if len(cells) != 1:
            received = f"{len(cells)} of them"
            raise UsageError("SOURCE", f"a notebook with one cell tagged '{TAG}'", received, "tag the cell")
        cells[0].source = self.to_source()


def _literal(value: str | int | None) -> str:
    # What JSON escapes in a text, Python reads alike.
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str) else repr(value)
