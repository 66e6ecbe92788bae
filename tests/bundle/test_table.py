"""What a manifest says of columns: read back as it was, and the receiver's `encode` makes the same numbers of cells."""

from __future__ import annotations

import datetime
import string
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.bundle import check as receiver
from throughline.bundle.table import columns_of, describe_table, port_names
from throughline.data.cells import cells_of_rows
from throughline.data.encode import encode
from throughline.spec import Column

COLUMNS = (
    Column(name="Größe", source="Größe", fill=-0.25, flag_missing=True),
    Column(name="city", source="city", encoding="category", labels=("7", "Bern", "Zürich"), has_other=True),
    Column(name="member", source="member", encoding="boolean", labels=("nein", "ja"), flag_missing=True),
    *(
        Column(name=f"seen {part}", source="seen", encoding=part, date_format="%d.%m.%Y")
        for part in ("year", "month", "day", "weekday", "hour", "days")
    ),
    Column(name="born days", source="born", encoding="days"),
)
TABLE: Any = msgspec.to_builtins(describe_table(COLUMNS, "y"))
MOMENTS = st.datetimes(min_value=datetime.datetime(1800, 1, 1)).map(lambda at: at.replace(microsecond=0))
EMPTY = st.sampled_from(["", " ", "NA", "n/a", "Null", "NaN", "?"])
ROWS = st.fixed_dictionaries(
    {
        "Größe": EMPTY | st.floats(-1e12, 1e12).map(repr) | st.integers(-(10**6), 10**6).map(str),
        "city": EMPTY
        | st.sampled_from(["Bern", " Bern ", "bern", "7", "7.0", "7.5", "Zürich", "Zu\u0308rich"])
        | st.text(string.ascii_letters + "äöü", min_size=1, max_size=5),
        "member": EMPTY | st.sampled_from(["ja", "NEIN", " Ja"]),
        "seen": EMPTY
        | MOMENTS.map(lambda at: at.strftime("%d.%m.%Y"))
        | MOMENTS.map(lambda at: at.strftime("%d.%m.%Y %H:%M:%S"))
        | MOMENTS.map(lambda at: at.strftime("%Y/%m/%d %H:%M")),
        "born": EMPTY | MOMENTS.map(lambda at: at.isoformat()) | MOMENTS.map(lambda at: f"{at.isoformat()}+02:00"),
    }
)


@settings(max_examples=150, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=6))
def test_the_receiver_encodes_as_we_do(rows: list[dict[str, str]]) -> None:
    wanted = encode(cells_of_rows(rows), COLUMNS)
    found = receiver.encode(TABLE, rows)
    assert (found.dtype, found.shape) == (wanted.dtype, wanted.shape)
    np.testing.assert_array_equal(found, wanted)


def test_columns_are_read_back() -> None:
    described = describe_table(COLUMNS, "y")
    rows = [{"Größe": "1", "city": "Bern", "member": "JA", "seen": "2026-01-31", "born": "1990-01-01"}]
    cells = cells_of_rows(rows)
    np.testing.assert_array_equal(encode(cells, columns_of(described)), encode(cells, COLUMNS))
    for column, again in zip(COLUMNS, columns_of(described), strict=True):
        for name in ("name", "source", "encoding", "labels", "fill", "flag_missing", "date_format", "n_features"):
            assert getattr(again, name) == getattr(column, name)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"Größe": "old"}, "'old' cannot be in the column 'Größe'"),
        ({"member": "maybe"}, "'maybe' cannot be in the column 'member'"),
        ({"seen": "01/31/2026"}, "'01/31/2026' cannot be in the column 'seen'"),
    ],
)
def test_the_receiver_refuses_what_we_refuse(row: dict[str, str], said: str) -> None:
    empty = {column["source"]: "" for column in TABLE["columns"]}
    with pytest.raises(ValueError, match=said):
        receiver.encode(TABLE, [empty | row])
    with pytest.raises(ValueError, match="row 2 must have every column of the table, but has no 'city'"):
        receiver.encode(TABLE, [empty, {name: "" for name in empty if name != "city"}])


def test_examples_are_checked() -> None:
    receiver.check_table({"table": TABLE})
    receiver.check_table({"table": None})
    receiver.check_table({})
    for place, column in enumerate(TABLE["columns"]):
        for example in range(len(column["examples"])):
            wrong = msgspec.json.decode(msgspec.json.encode(TABLE))
            number = wrong["columns"][place]["examples"][example]["number"]
            wrong["columns"][place]["examples"][example]["number"] = 3.5 if number is None else number + 1
            with pytest.raises(receiver.Mismatch, match="must become") as caught:
                receiver.check_table({"table": wrong})
            assert caught.value.check == "table"


@given(st.lists(st.text(min_size=1, max_size=4), min_size=1, max_size=8, unique=True))
def test_ports_are_names_that_differ_in_more_than_letters_sizes(names: list[str]) -> None:
    ports = port_names(tuple(Column(name=name, source=name) for name in names))
    assert len({port.lower() for port in ports}) == len(names)
    assert all(port.isascii() and port.isidentifier() for port in ports)
