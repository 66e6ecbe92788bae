"""A table in parts is the table as a whole: same cells, same decimal sign, same refusals, in every kind of file."""

from __future__ import annotations

import bz2
import gzip
import lzma
import sqlite3
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.data import stream
from throughline.data.cells import Cells
from throughline.data.encode import encode
from throughline.data.read import read_cells
from throughline.data.stream import stream_cells
from throughline.data.values import as_texts
from throughline.errors import DataError
from throughline.spec import Column

FRAME = pl.DataFrame(
    {
        "Stadt": ["Köln", "Zürich", None, "Genève", "Rom", "Bern", "?"],
        "Größe": ["1,5", "2,25", "", "1.234,5", "-7", "8,0", "9"],
        "n": ["1", "2", "3", "NA", "5", "6", "7"],
    }
)
COLUMNS = (
    Column(name="Stadt", source="Stadt", encoding="category", labels=("Köln", "Rom")),
    Column(name="Größe", source="Größe"),
    Column(name="n", source="n"),
)


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take every text file for a large one."""
    monkeypatch.setattr(stream, "MOST_BYTES_AT_ONCE", -1)


def text(separator: str = ";") -> str:
    return FRAME.write_csv(separator=separator, null_value="")


def texts_of(cells: Cells) -> list[tuple[str | None, ...]]:
    return pl.DataFrame([as_texts(series) for series in cells.frame]).rows()


def write_sqlite(path: Path) -> str:
    with sqlite3.connect(path) as connection:
        connection.execute('CREATE TABLE t ("Stadt", "Größe", n)')
        rows = [(city, size, int(n) if n.isdigit() else n) for city, size, n in FRAME.rows()]
        connection.executemany("INSERT INTO t VALUES (?, ?, ?)", rows)
    connection.close()
    return f"sqlite:///{path}?table=t"


def write_duckdb(path: Path) -> str:
    with duckdb.connect(str(path)) as connection:
        FRAME.write_parquet(path.with_suffix(".parquet"))
        connection.execute(f"CREATE TABLE t AS SELECT * FROM '{path.with_suffix('.parquet')}'")
    return f"duckdb:///{path}?table=t"


def write_bytes(content: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(content)
        return path

    return write


def write_frame(name: str) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path = path.with_suffix(".xlsx")  # the library for spreadsheets asks for that
        getattr(FRAME, name)(path)
        return path

    return write


TABLES: dict[str, Callable[[Path], Path | str]] = {
    "utf-8": write_bytes(text().encode()),
    "tabs": write_bytes(text("\t").encode()),
    "byte order mark": write_bytes(text().encode("utf-8-sig")),
    "utf-16": write_bytes(text().encode("utf-16")),
    "latin-1": write_bytes(text().encode("latin-1")),
    "cp1252": write_bytes(text().replace("Bern", "€").encode("cp1252")),
    "old mac": write_bytes(text().replace("\n", "\r").encode()),
    "gzip": write_bytes(gzip.compress(text().encode("latin-1"))),
    "bzip2": write_bytes(bz2.compress(text().encode())),
    "xz": write_bytes(lzma.compress(text().encode())),
    "blank lines": write_bytes(text().replace("Rom", "\n;;\nRom").encode() + b"\n\n"),
    "parquet": write_frame("write_parquet"),
    "arrow": write_frame("write_ipc"),
    "arrow stream": write_frame("write_ipc_stream"),
    "spreadsheet": write_frame("write_excel"),
    "sqlite": write_sqlite,
    "duckdb": write_duckdb,
}


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize("write", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("n_rows", [1, 3, 100])
def test_parts_are_the_whole(write: Callable[[Path], Path | str], n_rows: int, tmp_path: Path) -> None:
    given = write(tmp_path / "table")
    whole, parts = read_cells(given), list(stream_cells(given, n_rows))
    assert all(0 < len(part) <= n_rows for part in parts)
    assert {part.decimal for part in parts} == {whole.decimal}
    # A cell of SQLite has a type of its own, so that a part may have another one than the whole.
    assert [row for part in parts for row in texts_of(part)] == texts_of(whole)
    if whole.decimal == ",":
        np.testing.assert_array_equal(np.concatenate([encode(part, COLUMNS) for part in parts]), encode(whole, COLUMNS))


@settings(max_examples=40, deadline=None)
@given(
    cells=st.lists(
        st.sampled_from(["1,5", "1.5", "1,234", "1.234,5", "1,234.5", "7", "", "a, b"]), min_size=1, max_size=9
    )
)
def test_the_decimal_sign_is_that_of_the_whole_file(cells: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("sign") / "table.csv"
    path.write_text("x;y\n" + "".join(f"{cell};1\n" for cell in cells), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "MOST_BYTES_AT_ONCE", -1)
        assert {part.decimal for part in stream_cells(path, 100)} == {read_cells(path).decimal}


@pytest.mark.usefixtures("in_parts")
def test_a_row_is_found_again_across_parts(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("x,y\n" + "1,2\n" * 5 + "\n" + "old,2\n", encoding="utf-8")
    *_, last = stream_cells(path, 2)
    with pytest.raises(DataError, match=r"got 'old' in column 'x', row 7 of '.*table\.csv'"):
        encode(last, (Column(name="x", source="x"),))


REFUSED = {
    "empty": (b"", "a CSV file with a header and rows"),
    "header alone": (b"a,b\n", "only a header"),
    "a line too long": (b"a,b\n1,2\n1,2,3\n", "a CSV file with lines that can be read"),
    "two columns of a name": (b"a,a\n1,2\n", "distinct column names"),
    "a zero byte": (b"a,b\n1,\x00\n", "zero byte in line 2"),
    "damaged UTF-8": ("a,b\näöüß,2\n".encode() + b"\xff,1\n", "UTF-8 throughout or not at all"),
    "a picture": (b"\x89PNG....", "is a picture"),
}


@pytest.mark.usefixtures("in_parts")
@pytest.mark.parametrize(("content", "said"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_table_is_refused_in_parts_too(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_bytes(content)
    with pytest.raises(DataError, match=said):
        list(stream_cells(path))


@pytest.mark.usefixtures("in_parts")
def test_a_file_that_changes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    path.write_text("x,y\n" + "1,2\n" * 9, encoding="utf-8")
    parts = stream_cells(path, 3)
    next(parts)
    with path.open("a", encoding="utf-8") as file:
        file.write("3,4\n")
    with pytest.raises(DataError, match="changed while it was read"):
        list(parts)


def test_no_row_is_sampled_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.parquet"
    pl.DataFrame({"x": range(1000)}).write_parquet(path)
    monkeypatch.setattr("throughline.data.cells.MOST_CELLS", 10)
    assert len(read_cells(path)) == 10
    assert sum(len(part) for part in stream_cells(path, 64)) == 1000


@pytest.mark.parametrize("address", ["sqlite:///{}?table=no", "sqlite:///{}.db?table=t", "duckdb:///{}?table=t"])
def test_databases_without_the_table(address: str, tmp_path: Path) -> None:
    write_sqlite(tmp_path / "a")
    with pytest.raises(DataError, match="--data must be"):
        list(stream_cells(address.format(tmp_path / "a")))
