"""Files whose columns have types: Parquet, Arrow, spreadsheets; and tables of DuckDB and SQLite."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.data.cells import Cells, clean, said_of_sample, series_of_values, step_of_sample
from throughline.data.csv_file import check_names, first_line
from throughline.data.location import Location
from throughline.errors import DataError, MissingPackageError, quoted

if TYPE_CHECKING:
    import sqlite3

    import polars as pl


def read_parquet(path: Path, sha256: str) -> Cells:
    """Read a Parquet file; its rows are counted first, which takes its last bytes alone."""
    import polars as pl

    return _from_lazy(path, "Parquet", sha256, lambda: pl.scan_parquet(path))


def read_arrow(path: Path, sha256: str) -> Cells:
    """Read an Arrow file, which is also called Feather or IPC."""
    import polars as pl

    return _from_lazy(path, "Arrow", sha256, lambda: pl.scan_ipc(path))


def read_arrow_stream(path: Path, sha256: str) -> Cells:
    """Read an Arrow stream, which has no end to count the rows from."""
    import polars as pl

    return _from_lazy(path, "Arrow stream", sha256, lambda: pl.read_ipc_stream(path).lazy())


def _from_lazy(path: Path, form: str, sha256: str, scan: Callable[[], pl.LazyFrame]) -> Cells:
    import polars as pl

    try:
        scanned = scan()
        n_rows = int(scanned.select(pl.len()).collect().item())
        n_columns = len(scanned.collect_schema())
        step = step_of_sample(n_rows, n_columns)
        frame = (scanned if step == 1 else scanned.gather_every(step)).collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _not_whole(path, form, error) from error
    return _finish(path, frame, {"format": form}, n_rows, step, sha256)


def _not_whole(path: Path, form: str, error: Exception) -> DataError:
    return DataError("--data", f"a whole {form} file", f"{quoted(path)} ({first_line(error)})", "write it again")


def part_of_file(path: Path, frame: pl.DataFrame, n_before: int) -> Cells:
    """Return some rows of a file as cells that know where they stand."""
    names = [name.strip() for name in frame.columns]
    check_names(names, path)
    named = frame.rename(dict(zip(frame.columns, names, strict=True)))
    return clean(Cells(path.name, named, place=lambda row: f"row {n_before + row + 1} of {quoted(path)}"))


def _finish(path: Path, frame: pl.DataFrame, found: dict[str, str], n_rows: int, step: int, sha256: str) -> Cells:
    if not frame.width or not len(frame):
        received = f"{quoted(path)}, which has {'only a header' if frame.width else 'no columns'}"
        raise DataError("--data", "a table with rows", received, "check the file")
    names = [name.strip() for name in frame.columns]
    check_names(names, path)
    cells = Cells(
        name=path.name,
        frame=frame.rename(dict(zip(frame.columns, names, strict=True))),
        found=found | said_of_sample(step, n_rows),
        n_rows=n_rows,
        sha256=sha256,
        place=lambda row: f"row {row * step + 1} of {quoted(path)}",
    )
    return clean(cells)


def rows_of_file(path: Path, form: str, scan: Callable[[], pl.LazyFrame], n_at_a_time: int) -> Iterator[pl.DataFrame]:
    """Give the rows of a Parquet or Arrow file, so many at a time."""
    import polars as pl

    try:
        yield from scan().collect_batches(chunk_size=n_at_a_time)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _not_whole(path, form, error) from error


def read_spreadsheet(path: Path, sha256: str) -> Cells:
    """Read the first sheet of an Excel or OpenDocument file.

    Raises
    ------
    MissingPackageError
        If the extra is not installed.
    """
    if find_spec("fastexcel") is None:
        received = f"{quoted(path)}, a spreadsheet"
        raise MissingPackageError(
            "--data", "CSV, Parquet or Arrow as long as the extra is missing", received, _install("excel")
        )
    import fastexcel
    import polars as pl

    try:
        book = fastexcel.read_excel(path)
        sheet = book.sheet_names[0]
        frame = pl.DataFrame(book.load_sheet(0))
    except (fastexcel.FastExcelError, pl.exceptions.PolarsError, IndexError) as error:
        received = f"{quoted(path)} ({str(error).strip().splitlines()[0].rstrip('.')})"
        raise DataError("--data", "a spreadsheet that can be read", received, "save it again, or as CSV") from error
    filled = frame.select(pl.any_horizontal(pl.all().is_not_null())).to_series() if frame.width else pl.Series([True])
    found = {"format": "spreadsheet", "sheet": sheet}
    return _finish(path, frame.filter(filled), found, int(filled.sum()), 1, sha256)


def _install(extra: str) -> str:
    return f"type pip install 'throughline[{extra}]'"


def read_database(location: Location, sha256: str) -> Cells:
    """Read one table of a database, which is opened for reading alone."""
    frame, n_rows, step = (_from_duckdb if location.engine == "duckdb" else _from_sqlite)(location)
    title = {"duckdb": "DuckDB", "sqlite": "SQLite"}[location.engine]
    cells = _finish(location.path, frame, {"format": title, "table": location.table}, n_rows, step, sha256)
    return cells


def _named(table: str) -> str:
    """Return a name as SQL quotes it."""
    return '"' + table.replace('"', '""') + '"'


def _known_table(location: Location, tables: list[str]) -> str:
    if location.table not in tables:
        known = ", ".join(map(quoted, sorted(tables)[:8])) or "none"
        allowed = f"the address of a table in {quoted(location.path)}, which has {known}"
        raise DataError("--data", allowed, quoted(location.table), "name one of these after ?table=")
    return _named(location.table)


def rows_of_database(location: Location, n_at_a_time: int) -> Iterator[pl.DataFrame]:
    """Give the rows of a table in a database, so many at a time, each cell with its own type."""
    import polars as pl

    with _connected(location) as connection:
        cursor = connection.execute(f"SELECT * FROM {_named(location.table)}")
        names = [description[0] for description in cursor.description]
        while rows := cursor.fetchmany(n_at_a_time):
            columns = zip(names, zip(*rows, strict=True), strict=True)
            yield pl.DataFrame([series_of_values(name, list(column)) for name, column in columns])


@contextlib.contextmanager
def _connected(location: Location) -> Iterator[Any]:
    """Open a database for reading alone, and make sure that the table is in it."""
    if location.engine == "sqlite":
        import sqlite3

        errors: type[Exception] = sqlite3.Error
        query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
    else:
        errors, query = _duckdb(location).Error, "SELECT table_name FROM information_schema.tables"
    try:
        connect = _opened if location.engine == "sqlite" else partial(_duckdb(location).connect, read_only=True)
        with connect(location.path) as connection:
            _known_table(location, [name for (name,) in connection.execute(query).fetchall()])
            yield connection
    except errors as error:
        raise _no_database(location, error) from error


def _duckdb(location: Location) -> Any:
    if find_spec("duckdb") is None:
        received = f"{quoted(location.path)}, a table of DuckDB"
        allowed = "a file, or a table of SQLite, as long as the extra is missing"
        raise MissingPackageError("--data", allowed, received, _install("duckdb"))
    import duckdb

    return duckdb


def _from_duckdb(location: Location) -> tuple[pl.DataFrame, int, int]:
    import polars as pl

    duckdb = _duckdb(location)
    try:
        with duckdb.connect(str(location.path), read_only=True) as connection:
            tables = [
                name for (name,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
            ]
            table = _known_table(location, tables)
            n_rows = connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
            n_columns = len(connection.execute(f"SELECT * FROM {table} LIMIT 0").description or ())
            step = step_of_sample(n_rows, n_columns)
            return pl.DataFrame(connection.sql(f"SELECT * FROM {table}")).gather_every(step), n_rows, step
    except duckdb.Error as error:
        raise _no_database(location, error) from error


def _from_sqlite(location: Location) -> tuple[pl.DataFrame, int, int]:
    import sqlite3

    import polars as pl

    try:
        with _opened(location.path) as connection:
            query = "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')"
            table = _known_table(location, [name for (name,) in connection.execute(query)])
            n_rows = connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]
            cursor = connection.execute(f"SELECT * FROM {table}")
            names = [description[0] for description in cursor.description]
            step = step_of_sample(n_rows, len(names))
            rows = [row for i, row in enumerate(cursor) if i % step == 0]
    except sqlite3.Error as error:
        raise _no_database(location, error) from error
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    # SQLite has a type for each cell, not for a column.
    return (
        pl.DataFrame([series_of_values(name, list(column)) for name, column in zip(names, columns, strict=True)]),
        n_rows,
        step,
    )


@contextlib.contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    import sqlite3

    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        yield connection
    finally:
        connection.close()


def _no_database(location: Location, error: Exception) -> DataError:
    received = f"{quoted(location.path)} ({str(error).strip().splitlines()[0].rstrip('.')})"
    title = {"duckdb": "DuckDB", "sqlite": "SQLite"}[location.engine]
    return DataError("--data", f"a database of {title}", received, "check the path")
