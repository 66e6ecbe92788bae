"""Tables as people have them: those that are read, and for each of the others its sentence."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import re
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from throughline.data.encode import LARGEST_NUMBER
from throughline.data.table import TableRequest, read_table
from throughline.data.tasks import Table
from throughline.errors import DataError

ROWS = [f"{i}.5,{-i},{'no' if i % 2 else 'yes'}" for i in range(24)]


def table_text(*lines: str, header: str = "a,b,y", rows: list[str] = ROWS) -> str:
    """Return a CSV text with `lines` first, followed by good rows."""
    return "\n".join([header, *lines, *rows]) + "\n"


def read(folder: Path, content: str | bytes, target: str = "y", name: str = "table.csv") -> Table:
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_path(path, target)


def read_path(path: Path | str, target: str = "y", **known: Any) -> Table:
    return read_table(TableRequest(data=path, target=target, **known), seed=0)


def zipped(**members: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.csv", content)
    return buffer.getvalue()


GOOD = table_text()
READABLE: dict[str, str | bytes] = {
    "plain": GOOD,
    "byte order mark": b"\xef\xbb\xbf" + GOOD.encode(),
    "crlf": GOOD.replace("\n", "\r\n"),
    "no newline at the end": GOOD.rstrip("\n"),
    "empty lines first": "\n\n" + GOOD,
    "empty lines between": GOOD.replace("\n", "\n\n"),
    "empty lines last": GOOD + "\n\n\n",
    "rows of commas last, from a spreadsheet": GOOD + ",,\n,,\n",
    "blanks around everything": GOOD.replace(",", " , ").replace("\n", " \n "),
    "everything quoted": "\n".join(",".join(f'"{cell}"' for cell in line.split(",")) for line in GOOD.splitlines()),
    "exponents and signs": GOOD.replace("0.5,0,", "+5e-1,-0.0,"),
    "semicolons": GOOD.replace(",", ";"),
    "semicolons and decimal commas": GOOD.replace(",", ";").replace(".", ","),
    "tabs": GOOD.replace(",", "\t"),
    "bars": GOOD.replace(",", "|"),
    "decimal commas in quotes": re.sub(r"(\d+)\.5", r'"\1,5"', GOOD),
    "utf-16": GOOD.encode("utf-16"),
    "utf-16 without a mark": GOOD.encode("utf-16-le"),
    "utf-32": GOOD.encode("utf-32"),
    "old line ends": GOOD.replace("\n", "\r"),
    "gzip": gzip.compress(GOOD.encode()),
    "bzip2": bz2.compress(GOOD.encode()),
    "xz": lzma.compress(GOOD.encode()),
    "zip": zipped(table=GOOD),
    "gzip of utf-16 with semicolons": gzip.compress(GOOD.replace(",", ";").encode("utf-16")),
}


@pytest.mark.parametrize("content", READABLE.values(), ids=READABLE)
def test_readable(content: str | bytes, tmp_path: Path) -> None:
    table = read(tmp_path, content)
    i = np.arange(24)
    np.testing.assert_array_equal(table.X, np.column_stack([i + 0.5, -i]).astype(np.float32))
    np.testing.assert_array_equal(table.y, 1 - i % 2)
    assert (table.X.dtype, table.y.dtype) == (np.float32, np.int64)
    assert table.task.feature_names == ("a", "b")
    assert table.task.class_names == ("no", "yes")
    assert (table.task.name, table.task.source) == ("table", "table.csv")


def test_names_may_be_anything_but_empty(tmp_path: Path) -> None:
    table = read(tmp_path, table_text(header='"größe, in cm","two\nlines",my target'), target="my target")
    assert table.task.feature_names == ("größe, in cm", "two\nlines")


def test_target_may_stand_anywhere_and_have_blanks(tmp_path: Path) -> None:
    table = read(tmp_path, table_text(header="y,b,a", rows=[f"{i % 2},{i % 3},{-i}" for i in range(20)]), target=" y ")
    assert table.task.feature_names == ("b", "a")
    np.testing.assert_array_equal(table.X[:, 1], -np.arange(20))


def test_a_constant_column_is_left_out_with_a_warning_and_kept_if_asked_for(tmp_path: Path) -> None:
    text = table_text(rows=[f"7,{-i},{i % 2}" for i in range(20)])
    table = read(tmp_path, text)
    assert table.task.feature_names == ("b",)
    assert [warning.text for warning in table.record.warnings if warning.column == "a"] == [
        "'a' is left out: constant, every cell is '7'"
    ]
    kept = read_path(tmp_path / "table.csv", kinds={"a": "number"})
    assert kept.task.feature_names == ("a", "b")
    assert np.ptp(kept.X[:, 0]) == 0


# content, target, and what the sentence must say
REFUSED: dict[str, tuple[str | bytes, str, list[str]]] = {
    "empty": ("", "y", ["--data", "table.csv', which is empty"]),
    "only blanks": (" \n\t\r\n ", "y", ["which is empty"]),
    "only a byte order mark": (b"\xef\xbb\xbf", "y", ["which is empty"]),
    "only a header": ("a,b,y\n", "y", ["which has only a header"]),
    "only a header and commas": ("a,b,y\n\n,,\n , ,\n", "y", ["which has only a header"]),
    "a damaged archive": (b"PK\x03\x04" + b"x" * 50, "y", ["an archive that is damaged"]),
    "two files in an archive": (zipped(a=GOOD, b=GOOD), "y", ["an archive with one file in it", "2 files"]),
    "half of a gzip": (gzip.compress(GOOD.encode())[:60], "y", ["a packed file that can be unpacked"]),
    "half of a Parquet file": (b"PAR1" + b"x" * 50, "y", ["a whole Parquet file"]),
    "a PDF": (b"%PDF-1.7\n", "y", ["which is PDF"]),
    "a database": (b"SQLite format 3\0" + b"x" * 50, "y", ["sqlite:///FILE?table=NAME"]),
    "a page": ("<html><table></table></html>", "y", ["HTML"]),
    "a byte that is no text": (GOOD.encode() + b"1,\x01,yes\n", "y", ["byte 0x01 in line 26"]),
    "utf-8 with a byte of latin-1": (
        table_text("1,2,ä", "1,2,ö").encode() + b"1,2,\xe9\n",
        "y",
        ["0xE9 in line 28", "UTF-8 throughout"],
    ),
    "bytes of no encoding": (GOOD.encode() + b"1,\x81\xff,yes\n", "y", ["0x81 in line 26", "Latin-1"]),
    "unclear thousands": (
        table_text(header="a;b;y", rows=[f"1,{100 + i};2;{i % 2}" for i in range(24)]),
        "y",
        ["'1,100' in column 'a', line 2", "decimal sign"],
    ),
    "unclear dates": (
        table_text(header="a,b,y", rows=[f"0{1 + i % 9}/02/2026,2,{i % 2}" for i in range(24)]),
        "y",
        ["'01/02/2026' in column 'a', line 2", "read in one way"],
    ),
    "a date among numbers": (table_text("2026-01-02,2,yes"), "y", ["'2026-01-02' in column 'a', line 2"]),
    "a text among dates": (
        table_text("soon,2,1", rows=[f"2026-02-0{1 + i % 9},2,{i % 2}" for i in range(24)]),
        "y",
        ["'soon' in column 'a', line 2", "here dates, as 24 of its 25"],
    ),
    "long line": (table_text("1,2,yes,4", "1,2,no"), "y", ["got 4 instead of 3 in line 2"]),
    "long line after quoted newlines": (table_text('1,2,"y\nes"', "", "1,2,3,4"), "y", ["4 instead of 3 in line 5"]),
    "short line": (table_text("1,2,yes", "", "1,2"), "y", ["2 instead of 3 in line 4"]),
    "short line without a feature": (
        table_text("yes", header="y,a,b", rows=["yes,1,2", "no,1,2"] * 10),
        "y",
        ["1 instead of 3 in line 2"],
    ),
    "trailing commas": (GOOD.replace("\n", ",\n"), "y", ["no name for column 4"]),
    "trailing commas below the header": (table_text("1,2,yes,"), "y", ["4 instead of 3 in line 2"]),
    "comment above the header": ("# mine\n" + GOOD, "y", ["3 instead of 1 in line 2"]),
    "open quote": (table_text('1,"2,yes'), "y", ["line 2 of", "quotation mark"]),
    "text after a quote": (table_text('"1"0,2,yes'), "y", ["line 2 of", "quotation mark"]),
    "quote within": (table_text('1"0,2,yes'), "y", ["line 2 of", "quotation mark inside a value"]),
    "no such column": (GOOD, "Y", ["--target", "'a', 'b', 'y'", "got 'Y': pass one of these"]),
    "no such column of many": (
        table_text(header=",".join(f"c{i}" for i in range(30)), rows=["1," * 29 + "1"]),
        "y",
        ["'c7' and 22 more"],
    ),
    "repeated names": (table_text(header="a,a,y"), "y", ["'a' more than once"]),
    "repeated names with blanks": (table_text(header="a,a ,y"), "y", ["'a' more than once"]),
    "repeated target": (table_text(header="a,y,y"), "y", ["'y' more than once"]),
    "unnamed row numbers": (table_text(header=",b,y"), "y", ["no name for column 1", "only counts the rows"]),
    "only the target": ("y\n0\n1\n", "y", ["only the target 'y'", "add such columns"]),
    "one class": (GOOD.replace("yes", "no"), "y", ["two or more values", "only 'no' in 'y'"]),
    "three classes": (table_text("1,2,maybe"), "y", ["at least 10 rows", "got 1 of 'maybe'"]),
    "more classes than rows allow": (
        table_text(rows=[f"{-i},2,c{i % 30}" for i in range(99)]),
        "y",
        ["at least 10 rows of each class", "got 30 classes in 99 rows of 'y'", "'c15' and 22 more"],
    ),
    "nothing to predict": (table_text(rows=["1,2,"] * 30), "y", ["nothing in 'y'"]),
    "nothing to predict from": (
        table_text(rows=[f"1,2,{i % 2}" for i in range(30)]),
        "y",
        ["none of 2 ('a': every cell is '1'; 'b': every cell is '2')"],
    ),
    "rare class": (table_text(rows=["1,2,0"] * 30 + ["1,2,1"]), "y", ["at least 10 rows", "got 1 of '1'"]),
    "twelve rows": (table_text(rows=ROWS[:12]), "y", ["at least 10 rows", "got 6 of 'no'"]),
    "text": (table_text("1,tall,yes"), "y", ["--data", "'tall' in column 'b', line 2"]),
    "text after newlines in quotes": (
        table_text('1,2,"\nyes"', "", "1,tall,yes"),
        "y",
        ["'tall' in column 'b', line 5"],
    ),
    "text after a header of two lines": (table_text("x,2,yes", header='"a\nb",b,y'), "y", ["'a\\nb', line 3"]),
    "text after empty lines": ("\n\n" + table_text("x,2,yes"), "y", ["column 'a', line 4"]),
    "text in a file with crlf": (table_text("1,2,yes", "x,2,yes").replace("\n", "\r\n"), "y", ["line 3"]),
    "text in the last row": (GOOD + "1,x,yes", "y", ["line 26"]),
    "infinity": (table_text("-inf,2,yes"), "y", ["'-inf' in column 'a', line 2"]),
    "beyond float64": (table_text("1e400,2,yes"), "y", ["'1e400' in column 'a'", "numbers from -1e18 to 1e18"]),
    "beyond float32": (table_text("1e39,2,yes"), "y", ["'1e39'"]),
    "huge whole number": (table_text("9" * 80 + ",2,yes"), "y", ["'" + "9" * 57 + "...'"]),
    "underscore": (table_text("1_000,2,yes"), "y", ["'1_000'"]),
    "long text": (table_text(f"1,{'long ' * 50},yes"), "y", ["long lo...' in column 'b', line 2"]),
}


@pytest.mark.parametrize(("content", "target", "fragments"), REFUSED.values(), ids=REFUSED)
def test_refused(content: str | bytes, target: str, fragments: list[str], tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(tmp_path, content, target)
    message = str(caught.value)
    for fragment in fragments:
        assert fragment in message
    assert_reads_well(message.replace(str(tmp_path), ""))


def assert_reads_well(message: str) -> None:
    """Check the form that all refusals share."""
    assert message.startswith("--")
    assert " must be " in message
    assert ", but got " in message
    assert message.endswith(".")
    assert ".." not in message.replace("...'", "")
    assert "\n" not in message
    assert "PosixPath" not in message
    assert len(message) < 400


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.csv").mkdir()
    os.symlink(tmp_path / "loop.csv", tmp_path / "loop.csv")
    (tmp_path / "file.csv").write_text(GOOD)
    expected = {
        "missing.csv": "No such file or directory",
        "folder.csv": "which is a folder or a device",
        "loop.csv": "symbolic links",
        "file.csv/below.csv": "Not a directory",
        "x" * 300 + ".csv": "File name too long",
        "table.xlsx": "No such file or directory",
        "bad\udcff.csv": "'bad\\udcff.csv'",
    }
    for name, fragment in expected.items():
        path = tmp_path / name if "\udcff" not in name else Path(name)
        with pytest.raises(DataError, match="--data must be") as caught:
            read_path(path)
        assert fragment in str(caught.value)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="2026-11-22: named pipes are made on POSIX only")
def test_a_pipe_is_refused_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.csv")
    with pytest.raises(DataError, match="a folder or a device"):
        read_path(tmp_path / "pipe.csv")


LIMIT = float(np.float32(LARGEST_NUMBER))  # as float32 has it, a little below
FLOATS = st.floats(-LIMIT, LIMIT, width=32) | st.floats(-1e3, 1e3, width=32)
TABLES = npst.arrays(np.float32, st.tuples(st.integers(20, 40), st.integers(1, 5)), elements=FLOATS)


@settings(max_examples=30, deadline=None)
@given(X=TABLES)
def test_what_polars_writes_is_read_back_exactly(X: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> None:
    labels = [i % 2 for i in range(len(X))]
    buffer = io.BytesIO()
    pl.DataFrame(X, schema=[f"x{i}" for i in range(X.shape[1])]).with_columns(y=pl.Series(labels)).write_csv(buffer)
    (path := tmp_path_factory.getbasetemp() / "written.csv").write_bytes(buffer.getvalue())
    table = read_path(path, kinds={f"x{i}": "number" for i in range(X.shape[1])})
    np.testing.assert_array_equal(table.X, X)
    np.testing.assert_array_equal(table.y, labels)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (("yes", "no"), ("no", "yes")),
        (("10", "9"), ("9", "10")),
        (("-1", "1"), ("-1", "1")),
        (("b", "2"), ("2", "b")),
        (("1.0", "0.0"), ("0.0", "1.0")),
        (("True", "False"), ("False", "True")),
        (("b", "B"), ("B", "b")),
    ],
)
def test_labels_are_coded_in_sorted_order_numbers_first(
    labels: tuple[str, str], expected: tuple[str, str], tmp_path: Path
) -> None:
    table = read(tmp_path, table_text(rows=[f"{-i},0,{labels[i % 2]}" for i in range(20)]))
    assert table.task.class_names == expected
    assert [table.task.class_names[code] for code in table.y] == [labels[i % 2] for i in range(20)]
