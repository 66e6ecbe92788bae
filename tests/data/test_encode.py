"""Encoded rows against scikit-learn, one row at a time against all at once, and every wrong cell by name."""

from __future__ import annotations

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from throughline.data.cells import cells_of_rows
from throughline.data.columns import LEAST_ROWS_OF_LABEL, MOST_LABELS, learn_columns
from throughline.data.encode import encode, unused_columns
from throughline.data.features import features, fit_columns
from throughline.data.kinds import Decision
from throughline.errors import DataError
from throughline.spec import Column

COLUMNS = (
    Column(name="age", source="age"),
    Column(name="city", source="city", encoding="category", labels=("Bern", "Rome", "7")),
    Column(name="member", source="member", encoding="boolean", labels=("no", "yes")),
    Column(name="seen day", source="seen", encoding="day", date_format="%d.%m.%Y"),
    Column(name="seen days", source="seen", encoding="days", date_format="%d.%m.%Y"),
)
ROWS = st.fixed_dictionaries(
    {
        "age": st.none() | st.integers(-1000, 1000) | st.sampled_from(["31", "1.5", " -2 ", "NaN"]),
        "city": st.none() | st.sampled_from(["Bern", "Rome", "Oslo", "7", "7.0", " Bern", "bern", "?"]),
        "member": st.none() | st.sampled_from(["yes", "NO", "n/a"]),
        "seen": st.none() | st.dates().filter(lambda day: day.year > 1000).map(lambda day: day.strftime("%d.%m.%Y")),
    }
)


@settings(max_examples=60, deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_a_row_is_encoded_alone_as_among_others_in_any_order(rows, random) -> None:
    together = encode(cells_of_rows(rows), COLUMNS)
    assert (together.dtype, together.shape) == (np.float32, (len(rows), len(COLUMNS)))
    alone = np.concatenate([encode(cells_of_rows([row]), COLUMNS) for row in rows])
    np.testing.assert_array_equal(alone, together)
    order = random.sample(range(len(rows)), len(rows))
    names = random.sample(sorted(rows[0]), len(rows[0]))
    shuffled = [{name: rows[i][name] for name in names} for i in order]
    np.testing.assert_array_equal(encode(cells_of_rows(shuffled), COLUMNS), together[order])


def test_columns_and_rows_survive_json() -> None:
    columns = tuple(Column.from_json(column.to_json()) for column in COLUMNS)
    rows = json.loads('[{"age": 31.5, "city": 7, "member": true, "seen": "2026-01-31", "more": 1}]')
    cells = cells_of_rows(rows)
    np.testing.assert_array_equal(encode(cells, columns), [[31.5, 2, 1, 31, 20484]])
    assert unused_columns(cells, columns) == ["more"]


@settings(max_examples=25, deadline=None)
@given(st.integers(30, 80), st.integers(0, 2**32 - 1))
def test_equals_a_column_transformer(n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    frame = pl.DataFrame({"x": rng.normal(50, 9, n), "z": rng.integers(0, 9, n), "c": rng.choice(list("ab"), n)})
    empty = pl.Series(rng.uniform(size=n) < 0.2)
    frame = frame.with_columns(x=pl.when(empty).then(None).otherwise("x"))
    train, cells = frame[: n // 2], cells_of_rows(frame.to_dicts())
    kinds = [Decision(name, kind, "") for name, kind in (("x", "number"), ("z", "number"), ("c", "category"))]
    columns, _ = learn_columns(cells.take(np.arange(n // 2)), kinds, n)
    X = encode(cells, columns)
    columns, mean, std = fit_columns(X[: n // 2], columns)
    found = features(X, columns, mean, std)

    labels = [list(columns[2].labels)]
    wanted = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), [0, 1]),
            ("flags", MissingIndicator(features="all"), [0] if columns[0].flag_missing else []),
            ("labels", OneHotEncoder(categories=labels, handle_unknown="ignore", sparse_output=False), [2]),
        ]
    )
    as_objects = frame.to_numpy().astype(object)
    as_objects[:, 0] = frame["x"].fill_null(float("nan")).to_numpy().astype(np.float32)
    wanted.fit(as_objects[: n // 2])
    np.testing.assert_allclose(found[:, :-1], wanted.transform(as_objects).astype(float), rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(found[:, -1], ~frame["c"].is_in(labels[0]).to_numpy())
    assert len(train) == n // 2


WRONG = {
    "text for a number": ({"age": "old"}, "numbers in column 'age', but got 'old' in column 'age', row 2"),
    "infinity": ({"age": float("inf")}, "numbers from -1e18 to 1e18, but got 'inf' in column 'age', row 2"),
    "another word": ({"member": "maybe"}, "'no' or 'yes' in column 'member', but got 'maybe'"),
    "number for a boolean": ({"member": "2"}, "'no' or 'yes' in column 'member', but got '2'"),
    "no date": ({"seen": "soon"}, "dates such as %d.%m.%Y in column 'seen', but got 'soon'"),
    "number for a date": ({"seen": "31"}, "dates such as %d.%m.%Y in column 'seen', but got '31'"),
    "day and month exchanged": ({"seen": "01/31/2026"}, "got '01/31/2026' in column 'seen'"),
}


@pytest.mark.parametrize(("change", "sentence"), WRONG.values(), ids=WRONG)
def test_wrong_cells_are_told_by_column_value_and_row(change: dict[str, object], sentence: str) -> None:
    good = {"age": 31, "city": "Bern", "member": "yes", "seen": "31.01.2026"}
    with pytest.raises(DataError) as caught:
        encode(cells_of_rows([good, good | change]), COLUMNS, "rows")
    assert sentence in str(caught.value)
    assert str(caught.value).startswith("rows must be ")


def test_a_missing_column_is_named() -> None:
    with pytest.raises(DataError, match="every column of the network, but got 'rows' without 'city' and 2 more"):
        encode(cells_of_rows([{"age": 3}]), COLUMNS, "rows")
    with pytest.raises(DataError, match="rows must be one or more, but got none"):
        cells_of_rows([])


def test_labels_are_the_frequent_ones_of_the_training_rows() -> None:
    counts = {f"c{i:03}": LEAST_ROWS_OF_LABEL + i for i in range(MOST_LABELS + 10)}
    texts = [name for name, count in counts.items() for _ in range(count)] + ["rare"] * (LEAST_ROWS_OF_LABEL - 1)
    cells = cells_of_rows([{"c": text} for text in texts])
    (column,), _ = learn_columns(cells, [Decision("c", "category", "")], len(texts))
    assert column.labels == tuple(sorted(counts)[10:])
    assert column.has_other
    few = cells.take(np.arange(LEAST_ROWS_OF_LABEL, 2 * LEAST_ROWS_OF_LABEL + 1))
    (column,), _ = learn_columns(few, [Decision("c", "category", "")], len(texts))
    assert (column.labels, column.has_other) == (("c001",), False)
    with pytest.raises(DataError, match="'c': no text stands in as many as 5 training rows"):
        learn_columns(cells.take(np.array([0, 20, 40])), [Decision("c", "category", "")], len(texts))


def test_a_billion_cells_are_refused_with_the_widest_column_named() -> None:
    rows = [{"wide": f"c{i % 40}", "x": i} for i in range(400)]
    decisions = [Decision("x", "number", ""), Decision("wide", "category", "")]
    with pytest.raises(DataError, match=r"at most 1,000,000,000 numbers .* of which 41 are 'wide'"):
        learn_columns(cells_of_rows(rows), decisions, 30_000_000)


def test_only_parts_of_a_date_that_vary_are_columns() -> None:
    rows = [{"d": f"2026-03-{day:02}"} for day in range(1, 29)] + [{"d": None}]
    columns, _ = learn_columns(cells_of_rows(rows), [Decision("d", "date", "")], len(rows))
    assert [(column.encoding, column.flag_missing) for column in columns] == [
        ("day", True),
        ("weekday", False),
        ("days", False),
    ]
