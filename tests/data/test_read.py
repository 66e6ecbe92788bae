"""The same table in every form of file gives the same rows; and files that are no tables are refused."""

from __future__ import annotations

import gzip
import os
import shutil
import sqlite3
import subprocess
import sys
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.data import cells as cells_module
from throughline.data import csv_file
from throughline.data.location import locate, unchanged
from throughline.data.read import read_cells
from throughline.data.split import split_rows
from throughline.data.table import TableRequest, read_table
from throughline.data.tasks import Table
from throughline.errors import DataError, MissingPackageError

LABELS = ["Bern", "Zürich", 'say "hi"', "a, b; c", "two\nlines", "7 km", "naïve"]


def typed_frame(n: int, seed: int, share_missing: float) -> pl.DataFrame:
    """Return a table with a column of every kind, and a target with two classes."""
    rng = np.random.default_rng(seed)
    begin = datetime(2019, 12, 30)
    frame = pl.DataFrame(
        {
            "amount": rng.normal(10.0 ** rng.integers(-3, 5), 100, n).round(3),
            "small": rng.uniform(0, 1, n).astype(np.float32),
            "count": rng.integers(-1000, 100_000, n),
            "city": rng.choice(LABELS, n),
            "paid": rng.choice([True, False], n),
            "born": [date(1970, 1, 1) + timedelta(days=int(days)) for days in rng.integers(0, 20_000, n)],
            "seen": [begin + timedelta(seconds=int(s)) for s in rng.integers(0, 40_000_000, n)],
        }
    )
    empty = rng.uniform(size=(n, frame.width)) < share_missing
    frame = frame.with_columns(
        pl.when(pl.Series(empty[:, i])).then(None).otherwise(pl.col(name)).alias(name)
        for i, name in enumerate(frame.columns)
    )
    return frame.with_columns(outcome=pl.Series(np.where(np.arange(n) % 3 == 0, "yes", "no")))


def read(path: Path | str, **known: Any) -> Table:
    return read_table(TableRequest(data=path, target="outcome", **known), seed=0)


def assert_same(found: Table, wanted: Table) -> None:
    assert found.columns == wanted.columns
    np.testing.assert_array_equal(found.X, wanted.X)
    np.testing.assert_array_equal(found.y, wanted.y)
    assert split_rows(found, 0).sha256 == split_rows(wanted, 0).sha256


DIALECTS = {
    "commas": {"separator": ","},
    "semicolons and decimal commas": {"separator": ";", "decimal_comma": True},
    "tabs, quoted": {"separator": "\t", "quote_style": "always"},
    "bars, NA": {"separator": "|", "null_value": "NA"},
    "commas, N/A, bom": {"separator": ",", "null_value": "N/A", "include_bom": True},
    "decimal commas in quotes": {"separator": ",", "decimal_comma": True, "quote_style": "non_numeric"},
}


@settings(max_examples=8, deadline=None)
@given(st.integers(60, 150), st.integers(0, 2**32 - 1), st.sampled_from([0.0, 0.1]), st.sampled_from(sorted(DIALECTS)))
def test_a_frame_as_csv_and_as_parquet_is_the_same_table(
    tmp_path_factory: pytest.TempPathFactory, n: int, seed: int, share_missing: float, dialect: str
) -> None:
    folder, frame = tmp_path_factory.getbasetemp(), typed_frame(n, seed, share_missing)
    frame.write_parquet(folder / "frame.parquet")
    frame.write_csv(folder / "frame.csv", **DIALECTS[dialect])
    assert_same(read(folder / "frame.csv"), read(folder / "frame.parquet"))


@pytest.fixture(scope="module")
def frame() -> pl.DataFrame:
    return typed_frame(120, 7, 0.1)


@pytest.fixture(scope="module")
def wanted(frame: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Table:
    path = tmp_path_factory.mktemp("wanted") / "frame.parquet"
    frame.write_parquet(path)
    return read(path)


def test_arrow(frame: pl.DataFrame, wanted: Table, tmp_path: Path) -> None:
    frame.write_ipc(tmp_path / "frame.feather", compression="lz4")
    frame.write_ipc_stream(tmp_path / "frame.arrows")
    for name, form in (("frame.feather", "Arrow"), ("frame.arrows", "Arrow stream")):
        found = read(tmp_path / name)
        assert_same(found, wanted)
        assert found.record.found["format"] == form


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "latin-1", "cp1252"])
def test_encodings(encoding: str, frame: pl.DataFrame, wanted: Table, tmp_path: Path) -> None:
    text = frame.write_csv()
    (tmp_path / "frame.csv").write_bytes(text.encode(encoding))
    found = read(tmp_path / "frame.csv")
    assert_same(found, wanted)
    assert found.record.found["encoding"] == {"cp1252": "Latin-1"}.get(encoding, encoding.title().replace("Utf", "UTF"))


def test_windows_1252_is_told_from_latin_1(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes("price,y\n€ 1,a\n".encode("cp1252"))
    cells = read_cells(tmp_path / "a.csv")
    assert cells.found["encoding"] == "Windows-1252"
    assert cells.frame["price"].to_list() == ["€ 1"]


@pytest.mark.skipif(shutil.which("zstd") is None, reason="2026-11-22: zstd is not installed")
def test_zstandard(frame: pl.DataFrame, wanted: Table, tmp_path: Path) -> None:
    frame.write_csv(tmp_path / "frame.csv")
    subprocess.run(["zstd", "-q", str(tmp_path / "frame.csv")], check=True)
    assert_same(read(tmp_path / "frame.csv.zst"), wanted)


def test_sqlite(frame: pl.DataFrame, wanted: Table, tmp_path: Path) -> None:
    texts = frame.with_columns(pl.col("born", "seen").cast(pl.String))
    with sqlite3.connect(tmp_path / "shop.db") as connection:
        connection.execute(f"CREATE TABLE visits ({', '.join(frame.columns)})")
        connection.executemany(f"INSERT INTO visits VALUES ({','.join('?' * frame.width)})", texts.rows())
    connection.close()
    found = read(f"sqlite:///{tmp_path / 'shop.db'}?table=visits")
    names = [i for i, name in enumerate(wanted.task.feature_names) if name != "paid"]  # SQLite has no truth values
    np.testing.assert_array_equal(found.X, wanted.X)
    assert [found.columns[i] for i in names] == [wanted.columns[i] for i in names]
    assert (found.task.name, found.task.source) == ("visits", "shop.db?table=visits")
    with pytest.raises(DataError, match=r"shop\.db', which has 'visits', but got 'visit'"):
        read(f"sqlite:///{os.path.relpath(tmp_path / 'shop.db')}?table=visit")


def test_duckdb(frame: pl.DataFrame, wanted: Table, tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "shop.duckdb")) as connection:
        frame.write_parquet(tmp_path / "frame.parquet")
        connection.execute(f"CREATE TABLE visits AS SELECT * FROM '{tmp_path / 'frame.parquet'}'")
    assert_same(read(f"duckdb:///{tmp_path / 'shop.duckdb'}?table=visits"), wanted)


def test_a_spreadsheet(frame: pl.DataFrame, wanted: Table, tmp_path: Path) -> None:
    frame.write_excel(tmp_path / "frame.xlsx")
    found = read(tmp_path / "frame.xlsx")
    np.testing.assert_allclose(found.X, wanted.X, rtol=1e-6)
    assert found.record.found["format"] == "spreadsheet"


def test_an_extra_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from throughline.data import typed_file

    monkeypatch.setattr(typed_file, "find_spec", lambda name: None)
    (tmp_path / "a.xls").write_bytes(b"\xd0\xcf\x11\xe0" + b"x" * 40)
    with pytest.raises(MissingPackageError, match=r"pip install 'throughline\[excel\]'"):
        read(tmp_path / "a.xls")
    with pytest.raises(MissingPackageError, match=r"pip install 'throughline\[duckdb\]'"):
        read(f"duckdb:///{tmp_path / 'a.xls'}?table=t")


@pytest.mark.parametrize(
    "address", ["sqlite:///?table=t", "sqlite:///a.db", "mysql://h/d?table=t", "duckdb://a?table=t"]
)
def test_addresses_of_nothing_are_refused(address: str) -> None:
    with pytest.raises(DataError, match="--data must be a file, duckdb:///FILE"):
        locate(address)


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_text("no database, but long enough to be looked at " * 20)
    with pytest.raises(DataError, match="a database of SQLite"):
        read(f"sqlite:///{tmp_path / 'a.db'}?table=t")


def test_a_parquet_file_with_nothing_in_it(tmp_path: Path) -> None:
    pl.DataFrame({"a": pl.Series([], dtype=pl.Float64), "outcome": pl.Series([], dtype=pl.String)}).write_parquet(
        tmp_path / "a.parquet"
    )
    with pytest.raises(DataError, match="which has only a header"):
        read(tmp_path / "a.parquet")


def test_a_wrong_cell_of_a_parquet_file_has_a_row(tmp_path: Path) -> None:
    y = ["a", "b"] * 20
    pl.DataFrame({"x": [0.5] * 39 + [float("inf")], "outcome": y}).write_parquet(tmp_path / "a.parquet")
    with pytest.raises(DataError, match=r"'inf' in column 'x', row 40 of .*a.parquet'"):
        read(tmp_path / "a.parquet")


@pytest.mark.parametrize("how", ["grows", "same size and time"])
def test_a_file_that_changes_while_it_is_read_is_refused(how: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("a,b\n1,2\n")
    status = path.stat()

    def read_while_it_changes() -> None:
        with unchanged(path):
            path.write_text("a,b\n1,2\n3,4\n" if how == "grows" else "a,b\n1,3\n")
            os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))

    with pytest.raises(DataError, match="which changed while it was read"):
        read_while_it_changes()


def test_a_table_that_is_too_large_is_sampled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    n = 600
    frame = pl.DataFrame({"x": np.arange(n) * 0.5 + 0.25, "outcome": ["a", "b", "b"] * 200})
    frame.write_csv(tmp_path / "a.csv")
    frame.write_parquet(tmp_path / "a.parquet")
    monkeypatch.setattr(cells_module, "MOST_CELLS", 300)
    whole = read_cells(tmp_path / "a.csv")
    monkeypatch.setattr(csv_file, "MOST_BYTES", 1000)
    for cells in (whole, read_cells(tmp_path / "a.csv"), read_cells(tmp_path / "a.parquet")):
        assert cells.found["rows"] == "a sample: every 4th of 600"
        assert (cells.n_rows, len(cells)) == (n, 150)
        np.testing.assert_array_equal(cells.frame["x"].cast(pl.Float64), np.arange(0, n, 4) * 0.5 + 0.25)
    assert whole.place(3) == f"line 14 of '{tmp_path / 'a.csv'}'"
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(frame.write_csv().encode()))
    with pytest.raises(DataError, match="unpack"):
        read_cells(tmp_path / "a.csv.gz")


def test_reading_loads_no_framework(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("a,outcome\n" + "".join(f"{-i},{i % 2}\n" for i in range(40)))
    script = (
        "import sys; from throughline.data.table import TableRequest, read_table;"
        f"read_table(TableRequest(data={str(tmp_path / 'a.csv')!r}, target='outcome'), 0);"
        "print([m for m in ('torch', 'tensorflow', 'keras', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
