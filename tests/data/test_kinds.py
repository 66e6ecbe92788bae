"""What columns are taken for, why, and how that is overruled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.data.cells import Cells, cells_of_rows
from throughline.data.kinds import Decision, decide_kinds
from throughline.data.moment_text import moments_of_texts
from throughline.data.number_text import decimal_sign, numbers_of_texts
from throughline.errors import DataError, UsageError

N = 60
RNG = np.random.default_rng(0)


def decide(values: list[object], name: str = "c", asked: str | None = None) -> Decision:
    cells = cells_of_rows([{name: value} for value in values])
    cells = Cells("rows", cells.frame, decimal_sign(cells.frame))
    return decide_kinds(cells, {}, {name: asked} if asked else {})[0]


COLUMNS: dict[str, tuple[list[object], str, str]] = {
    "numbers": (list(RNG.normal(size=N)), "number", "numbers"),
    "numbers as text": ([f"{i}.5" for i in range(N)], "number", "numbers in every filled cell"),
    "few whole numbers": ([i % 3 for i in range(N)], "number", "numbers"),
    "truth values": ([i % 2 == 0 for i in range(N)], "boolean", "truth values"),
    "yes and no": ([("Yes", "no", "YES", None)[i % 4] for i in range(N)], "boolean", "only 'no' and 'yes'"),
    "yes alone, or empty": ([("yes", None)[i % 2] for i in range(N)], "category", "1 texts in 30 filled cells"),
    "cities": ([("Bern", "Rome")[i % 2] for i in range(N)], "category", "2 texts in 60 filled cells"),
    "dates": ([f"2026-01-{1 + i % 28:02}" for i in range(N)], "date", "dates in every filled cell"),
    "German dates": ([f"{1 + i % 28}.1.2026" for i in range(N)], "date", "dates in every filled cell"),
    "moments": ([f"2026-01-01T{i % 24:02}:30:00Z" for i in range(N)], "date", "dates in every filled cell"),
    "codes of a letter and a number": ([f"A{i}" for i in range(N)], "identifier", "60 texts in 60 filled cells"),
    "row numbers": (list(range(1, N + 1)), "identifier", "counts the rows from 1"),
    "remarks": (
        [f"patient {i} felt much better" for i in range(N)],
        "text",
        "60 texts in 60 filled cells, 5 words each",
    ),
    "always the same": (["x"] * N, "constant", "every cell is 'x'"),
    "always empty": (["NA"] * N, "constant", "every cell is empty"),
    "lists": ([[1, 2]] * N, "unusable", "cells of the type List(Int64) are no numbers, texts or dates"),
}


@pytest.mark.parametrize(("values", "kind", "reason"), COLUMNS.values(), ids=COLUMNS)
def test_kinds(values: list[object], kind: str, reason: str) -> None:
    found = decide(values)
    assert found.kind == kind
    assert found.reason.startswith(reason)
    assert found.used == (kind in ("number", "boolean", "category", "date"))
    assert found.n_missing == sum(value in (None, "NA") for value in values)


@pytest.mark.parametrize("name", ["id", "patient_id", "patientId", "Row ID", "uuid"])
def test_distinct_whole_numbers_are_identifiers_under_such_names_alone(name: str) -> None:
    values: list[object] = [int(value) for value in RNG.permutation(10 * N)[:N]]
    assert decide(values, name).kind == "identifier"
    assert decide(values, "valid").kind == decide(values, "width").kind == "number"
    assert decide([values[0], *values[:-1]], name).kind == "number"
    assert decide(values, name, asked="number").kind == "number"


def test_kinds_that_are_asked_for() -> None:
    ones: list[object] = [("1", "2")[i % 2] for i in range(N)]
    assert decide(ones, asked="category").kind == "category"
    assert decide(ones, asked="boolean").labels == ("1", "2")
    assert decide(ones, asked="identifier").used is False
    assert decide(ones, asked="category").chosen
    with pytest.raises(DataError, match="boolean for a column with two values, but got 3"):
        decide([*ones, "3"], asked="boolean")
    with pytest.raises(DataError, match="here dates, as --kind says of 'c', but got '1' in column 'c', row 1"):
        decide(ones, asked="date")
    with pytest.raises(UsageError, match=r"--kind must be COLUMN= followed by one of number, .* but got 'float'"):
        decide(ones, asked="float")
    with pytest.raises(UsageError, match="--kind must be given for columns of the file, but got 'd'"):
        decide_kinds(cells_of_rows([{"c": 1}]), {}, {"d": "number"})
    with pytest.raises(UsageError, match="'c', target"):
        decide_kinds(cells_of_rows([{"c": 1}]), {"c": "target"}, {"c": "number"})


def test_one_cell_of_another_kind_is_quoted_with_its_row() -> None:
    with pytest.raises(DataError, match=r"here numbers, as 3 of its 4 filled cells are, but got 'low' in .*, row 3"):
        decide([1, 2, "low", 4])


@given(st.floats(-1e15, 1e15).map(lambda value: round(value, 3)), st.sampled_from(["", ",", " ", "\u202f", "'"]))
def test_numbers_in_either_convention(value: float, thousands: str) -> None:
    import polars as pl

    point = f"{value:,.3f}".replace(",", thousands)
    comma = f"{value:,.3f}".replace(",", "#").replace(".", ",").replace("#", "." if thousands == "," else thousands)
    assert numbers_of_texts(pl.Series([point]), ".").to_list() == [float(f"{value:.3f}")]
    assert numbers_of_texts(pl.Series([comma]), ",").to_list() == [float(f"{value:.3f}")]


@given(st.text(max_size=12))
def test_what_python_takes_for_no_number_is_none(text: str) -> None:
    import polars as pl

    found = numbers_of_texts(pl.Series([text.strip()], dtype=pl.String), ".").item()
    try:
        wanted = float(text.strip()) if "_" not in text and text.strip().isascii() else None
    except ValueError:
        wanted = None
    if wanted is not None and found is not None:
        assert found == wanted or (found != found and wanted != wanted)
    elif found is not None:  # thousands
        assert any(sign in text for sign in ", '\u00a0\u202f\u2019")


@given(st.datetimes(), st.sampled_from(["%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M:%S", "%Y/%m/%d", "%d.%m.%Y %H:%M"]))
def test_moments_are_read_as_they_were_written(moment: object, form: str) -> None:
    from datetime import datetime

    import polars as pl

    assert isinstance(moment, datetime)
    text = moment.replace(year=max(moment.year, 1000)).strftime(form)
    order = "%d.%m.%Y" if form.startswith("%d") else ""
    assert moments_of_texts(pl.Series([text]), order).to_list() == [datetime.strptime(text, form)]
