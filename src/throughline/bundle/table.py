"""What a manifest says of the columns of a table, and how they are read back from it."""

from __future__ import annotations

import math
import re

from throughline.bundle.manifest import Example, Table, TableColumn
from throughline.data.cells import MISSING, cells_of_rows
from throughline.data.encode import encode
from throughline.spec import NAME_OF_OUTPUT, Column

# What else is a name in the graphs that take columns.
TAKEN = frozenset({"features", *NAME_OF_OUTPUT.values()})
NO_LABEL = "another text"


def describe_table(columns: tuple[Column, ...], target: str) -> Table:
    """Say what becomes of each cell, so that someone without this package can do the same.

    Parameters
    ----------
    columns : tuple of Column
    target : str
        The column that is predicted.

    Examples
    --------
    >>> city = Column(name="city", source="city", encoding="category", labels=("Bern", "Rome"))
    >>> (entry,) = describe_table((city,), "price").columns
    >>> entry.codes, entry.other
    ({'Bern': 0.0, 'Rome': 1.0}, 2.0)
    >>> [(example.cell, example.number) for example in entry.examples]
    [('Bern', 0.0), ('Rome', 1.0), ('another text', 2.0), ('', None)]
    """
    described = [
        TableColumn(
            name=column.name,
            source=column.source,
            encoding=column.encoding,
            codes={label: float(code) for code, label in enumerate(column.labels)},
            other=float(len(column.labels)) if column.is_category else None,
            date_format=column.date_format,
            fill=column.fill,
            flag_missing=column.flag_missing,
            port=port,
            dtype="string" if column.labels else "float32",
            examples=_examples(column),
        )
        for column, port in zip(columns, port_names(columns), strict=True)
    ]
    return Table(target=target, missing=list(MISSING), columns=described)


def columns_of(table: Table) -> tuple[Column, ...]:
    """Return the columns that a manifest describes: `describe_table` backwards."""
    return tuple(
        Column(
            name=entry.name,
            source=entry.source,
            encoding=entry.encoding,  # type: ignore[arg-type]  # Column checks it
            labels=tuple(sorted(entry.codes, key=entry.codes.__getitem__)),
            date_format=entry.date_format,
            fill=entry.fill,
            flag_missing=entry.flag_missing,
        )
        for entry in table.columns
    )


def port_names(columns: tuple[Column, ...]) -> list[str]:
    """Return a name for each column that every graph can hold; TensorFlow takes no distinction of small and capital.

    Examples
    --------
    >>> port_names(tuple(Column(name=name, source=name) for name in ("age", "Age", "zip code", "value")))
    ['age', 'Age_2', 'zip_code', 'value_2']
    """
    found: list[str] = []
    taken = set(TAKEN)
    for column in columns:
        plain = re.sub(r"\W", "_", column.name, flags=re.ASCII)
        plain = plain if plain[:1].isalpha() else f"column_{plain}"
        name, number = plain, 1
        while name.lower() in taken:
            number += 1
            name = f"{plain}_{number}"
        taken.add(name.lower())
        found.append(name)
    return found


def _examples(column: Column) -> list[Example]:
    """Return cells of each sort, with what `encode` makes of them."""
    if column.encoding == "number":
        texts = ["1.5", "-20", "1e3"]
    elif column.labels:
        ends = dict.fromkeys((column.labels[0], column.labels[-1]))
        other = NO_LABEL if NO_LABEL not in column.labels else f"{''.join(column.labels)}-"
        texts = [*ends, other] if column.is_category else [*ends, column.labels[-1].upper()]
    else:
        day_first = column.date_format or "%Y-%m-%d"
        written = day_first.replace("%Y", "2026").replace("%m", "01").replace("%d", "31")
        texts = [written, f"{written} 18:30", "2026-01-31T06:00:00"]
    numbers = encode(cells_of_rows({column.source: text} for text in [*texts, ""]), (column,))[:, 0].tolist()
    return [
        Example(cell=text, number=None if math.isnan(number) else number)
        for text, number in zip([*texts, ""], numbers, strict=True)
    ]
