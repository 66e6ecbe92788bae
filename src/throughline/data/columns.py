"""From kinds to columns of a network: labels, parts of dates and flags, as the training rows have them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from throughline.data.cells import Cells
from throughline.data.kinds import Decision
from throughline.data.moment_text import PARTS, part_of_moments
from throughline.data.values import as_moments, as_texts
from throughline.errors import DataError, quoted
from throughline.spec import Column

if TYPE_CHECKING:
    import polars as pl

# A label gets a feature of its own, and so a weight a unit, only if this many training rows can teach it.
LEAST_ROWS_OF_LABEL = 5
# The most frequent ones. Each is a feature in every exported graph; what is learned of rarer ones is noise mostly.
MOST_LABELS = 50
# What all rows would have as float32 features.
MOST_CELLS_OF_FEATURES = 1_000_000_000


def learn_columns(training: Cells, decisions: list[Decision], n_rows: int) -> tuple[tuple[Column, ...], list[Decision]]:
    """Return the columns of a network.

    Parameters
    ----------
    training : Cells
        Training rows alone.
    decisions : list of Decision
    n_rows : int
        Rows of all parts.

    Returns
    -------
    columns : tuple of Column
    decisions : list of Decision
        The same; a column that teaches nothing in the training rows is left out, with the reason.

    Raises
    ------
    DataError
        If no column is left, or the features of all rows would be too many.
    """
    columns: list[Column] = []
    final: list[Decision] = []
    for decision in decisions:
        made = _columns_of(training.frame[decision.name], decision) if decision.used else []
        columns += made
        final.append(decision if made or not decision.used else _left_out(decision))
    if not columns:
        reasons = "; ".join(f"{quoted(decision.name)}: {decision.reason}" for decision in final[:3])
        received = f"none of {len(final)} ({reasons})" if final else "none"
        remedy = "add such columns, or choose with --kind what they are"
        raise DataError("--data", "a table with columns to predict from", received, remedy)
    n_features = sum(column.n_features for column in columns)
    if n_features * n_rows > MOST_CELLS_OF_FEATURES:
        widest = max(columns, key=lambda column: column.n_features)
        allowed = f"a table of at most {MOST_CELLS_OF_FEATURES:,} numbers when every label has a column"
        received = f"{n_rows:,} rows of {n_features:,}, of which {widest.n_features:,} are {quoted(widest.source)}"
        raise DataError("--data", allowed, received, "leave it out with --drop, or pass fewer rows")
    return tuple(columns), final


def _left_out(decision: Decision) -> Decision:
    why = {
        "category": f"no text stands in as many as {LEAST_ROWS_OF_LABEL} training rows",
        "date": "no part of it varies in the training rows",
    }.get(decision.kind, "empty in every training row")
    return replace(decision, kind="constant", reason=why)


def _columns_of(cells: pl.Series, decision: Decision) -> list[Column]:
    name, flag_missing = decision.name, cells.has_nulls()
    if decision.kind == "date":
        return _parts(cells, decision)
    if cells.null_count() == len(cells):
        return []
    if decision.kind == "category":
        labels, has_other = _labels(as_texts(cells))
        if not labels:
            return []
        return [
            Column(
                name=name,
                source=name,
                encoding="category",
                labels=labels,
                has_other=has_other,
                flag_missing=flag_missing,
            )
        ]
    if decision.kind == "boolean":
        return [Column(name=name, source=name, encoding="boolean", labels=decision.labels, flag_missing=flag_missing)]
    return [Column(name=name, source=name, flag_missing=flag_missing)]


def _labels(texts: pl.Series) -> tuple[tuple[str, ...], bool]:
    """Return the frequent texts in sorted order, and whether there are others."""
    counted = texts.drop_nulls().value_counts(name="n")
    frequent = counted.filter(counted["n"] >= LEAST_ROWS_OF_LABEL).sort(["n", texts.name], descending=[True, False])
    kept = frequent[texts.name].head(MOST_LABELS).sort().to_list()
    return tuple(kept), len(kept) < len(counted)


def _parts(cells: pl.Series, decision: Decision) -> list[Column]:
    """Return the parts of a date that vary; only the first says that the cell is empty."""
    moments = as_moments(cells, decision.date_format)
    varying = [part for part in PARTS if part_of_moments(moments, part).drop_nulls().n_unique() > 1]
    return [
        Column(
            name=f"{decision.name} {part}",
            source=decision.name,
            encoding=part,  # type: ignore[arg-type]  # PARTS are encodings
            date_format=decision.date_format,
            flag_missing=cells.has_nulls() and part == varying[0],
        )
        for part in varying
    ]
