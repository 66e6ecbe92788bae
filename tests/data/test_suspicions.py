"""What a table is warned of: planted faults are found with the right figure, and a sound table is not accused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from throughline.data.table import TableRequest, read_table
from throughline.data.tasks import Table
from throughline.errors import DataError, UsageError
from throughline.record import TableWarning

N = 400


def sound_frame() -> pl.DataFrame:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, N)
    return pl.DataFrame(
        {
            "x": rng.normal(size=N) + y,
            "z": rng.uniform(size=N),
            "ward": rng.integers(0, 20, N),
            "seen": rng.integers(0, 1000, N),
            "count": rng.integers(1, 5, N),
            "y": np.where(y == 1, "yes", "no"),
        }
    )


def read(frame: pl.DataFrame, folder: Path, **known: Any) -> Table:
    frame.write_parquet(folder / "t.parquet")
    return read_table(TableRequest(data=folder / "t.parquet", target="y", **known), seed=0)


def warned(frame: pl.DataFrame, folder: Path, **known: Any) -> list[TableWarning]:
    record = read(frame, folder, **known).record
    assert record is not None
    return record.warnings


def test_a_sound_table_is_not_accused(tmp_path: Path) -> None:
    assert warned(sound_frame(), tmp_path) == []


def test_a_column_that_knows_the_answer(tmp_path: Path) -> None:
    frame = sound_frame().with_columns(after=pl.when(pl.col("y") == "yes").then(pl.col("z") + 5).otherwise("z"))
    (found,) = warned(frame, tmp_path)
    assert (found.kind, found.column, found.figure) == ("leakage", "after", 1.0)
    amounts = sound_frame().drop("y").with_columns(y=pl.col("z") * 10)
    assert [w.column for w in warned(amounts, tmp_path) if w.kind == "leakage"] == ["z"]


def test_rows_that_are_in_two_parts(tmp_path: Path) -> None:
    frame = sound_frame()
    (found,) = warned(pl.concat([frame, frame[:100]]), tmp_path)
    table = read(pl.concat([frame, frame[:100]]), tmp_path)
    train = {tuple(row) for row in table.X[table.parts.train]}
    n_repeated = sum(tuple(row) in train for row in table.X[table.parts.test])
    assert (found.kind, found.figure) == ("duplicates", n_repeated / len(table.parts.test))
    assert n_repeated > 0


def test_a_rare_class(tmp_path: Path) -> None:
    y = np.where(np.arange(N) < 20, "yes", "no")
    (found,) = warned(sound_frame().with_columns(y=pl.Series(y)), tmp_path)
    assert (found.kind, found.figure) == ("imbalance", 0.05)
    assert "class weights 0.53, 10.00" in found.text


def test_columns_that_robust_scaling_cannot_scale(tmp_path: Path) -> None:
    mostly = pl.when(pl.int_range(pl.len()) % 10 == 0).then("z").otherwise(0.0).alias("mostly")
    frame = sound_frame().with_columns(mostly, flag=pl.Series(["no", "yes"] * (N // 2)), few=pl.int_range(N) % 20 == 0)
    assert [w.kind for w in warned(frame, tmp_path)] == []
    found = warned(frame, tmp_path, scaling="robust")
    assert [(w.kind, w.column) for w in found] == [("scaling", "mostly"), ("scaling", "few")]
    table = read(frame, tmp_path, scaling="robust")
    mostly_there = table.X[table.parts.train, table.task.feature_names.index("mostly")]
    assert found[0].figure == np.mean(mostly_there == 0)
    assert "scaled by mean and standard deviation" in found[0].text


def test_an_almost_empty_column(tmp_path: Path) -> None:
    almost = pl.when(pl.int_range(pl.len()) % 50 == 0).then("z").alias("z")
    (found,) = warned(sound_frame().with_columns(almost), tmp_path)
    assert (found.kind, found.column) == ("empty", "z")
    assert 0.95 < found.figure < 1


def test_test_rows_that_leave_the_training_range(tmp_path: Path) -> None:
    drifting = sound_frame().with_columns(price=pl.col("seen") * 2.0 + 0.5)
    found = warned(drifting, tmp_path, time="seen")
    assert [(warning.kind, warning.column) for warning in found] == [("range", "price")]
    assert found[0].figure > 0.5
    assert warned(drifting, tmp_path) == []


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    frame = sound_frame().with_columns(id=pl.int_range(N), note=pl.format("note {} of a long day", pl.int_range(N)))
    table = read(frame.with_columns(k=pl.lit(3)), tmp_path, drop=("ward",))
    assert [(warning.kind, warning.column) for warning in table.record.warnings] == [
        ("left out", "id"),
        ("left out", "note"),
        ("left out", "k"),
    ]
    kinds = {column.name: (column.kind, column.used) for column in table.record.columns}
    assert kinds["ward"] == ("dropped", False)
    assert kinds["y"] == ("target", False)
    assert kinds["x"] == ("number", True)


def test_groups_and_weights(tmp_path: Path) -> None:
    table = read(sound_frame(), tmp_path, group="ward", weights="count")
    frame = sound_frame()
    wards = frame["ward"].to_numpy()
    assert not set(wards[table.parts.train]) & set(wards[table.parts.test])
    np.testing.assert_array_equal(table.weights, frame["count"].to_numpy().astype(np.float32))
    assert table.task.feature_names == ("x", "z", "seen")
    assert table.record.split_reason == "by 20 groups of 'ward'"


def test_dates_split_by_time_and_rows_without_a_target_are_counted(tmp_path: Path) -> None:
    frame = sound_frame().with_columns(
        seen=pl.date(2020, 1, 1) + pl.duration(days="seen"),
        y=pl.when(pl.int_range(pl.len()) % 10 == 0).then(None).otherwise("y"),
    )
    table = read(frame, tmp_path, time="seen")
    seen = frame.filter(pl.col("y").is_not_null())["seen"].to_numpy()
    assert seen[table.parts.train].max() < seen[table.parts.validation].min()
    assert (table.record.n_read, table.record.n_without_target, len(table.y)) == (N, 40, 360)


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no such group": ({"group": "w"}, "--group must be a column of 't.parquet', .* but got 'w'"),
    "no such column to drop": ({"drop": ("w",)}, "--drop must be a column of 't.parquet'"),
    "target dropped": ({"drop": ("y",)}, "--drop must be another column than that of the target, but got 'y'"),
    "group and time": ({"group": "ward", "time": "seen"}, "--group must be left out with --time"),
    "text as weight": (
        {"weights": "name"},
        "numbers in every filled cell of 'name', but got 'a' in column 'name', row 1",
    ),
    "negative weight": ({"weights": "x"}, "--weights must be a column of finite numbers above 0, but got '-"),
    "group with an empty cell": (
        {"group": "part"},
        "--group must be a column filled in every row, but got nothing .* row 1",
    ),
    "time without time": ({"time": "name"}, "numbers in every filled cell of 'name'"),
    "time of classes": (
        {"time": "sorted"},
        "--time must be a column that leaves some rows of each class to every part",
    ),
    "few groups": ({"group": "name"}, "--group must be a column with at least 5 groups, but got 2"),
}


@pytest.mark.parametrize(("known", "sentence"), REFUSED.values(), ids=REFUSED)
def test_requests_that_do_not_fit(known: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    frame = sound_frame().with_columns(
        name=pl.Series([("a", "b")[i % 2] for i in range(N)]),
        part=pl.when(pl.int_range(pl.len()) > 0).then("ward"),
        sorted=pl.col("y").rank("ordinal"),
    )
    with pytest.raises((DataError, UsageError), match=sentence):
        read(frame, tmp_path, **known)
