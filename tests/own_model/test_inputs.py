"""What is brought: models and samples, and every way to get them wrong."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.__main__ import _exit_status
from throughline.errors import DataError, UsageError
from throughline.own_model.export_inputs import one_sentence
from throughline.own_model.opened import aligned, in_order
from throughline.own_model.routes import find_family, find_route
from throughline.own_model.sample import read_labels, read_sample
from throughline.own_model.source import Source, find_source

HERE = Path(__file__).parent
ROWS = np.arange(20.0).reshape(5, 4)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".csv", ".parquet"])
def test_the_same_rows_come_out_of_every_file(suffix, tmp_path):
    path = tmp_path / f"rows{suffix}"
    frame = pl.DataFrame(ROWS, schema=list("abcd"))
    if suffix == ".npy":
        np.save(path, ROWS)
    elif suffix == ".npz":
        np.savez(path, rows=ROWS)
    elif suffix == ".csv":
        frame.write_csv(path)
    else:
        frame.write_parquet(path)
    ((name, found),) = read_sample(path).items()
    assert name == ("rows" if suffix == ".npz" else "")
    np.testing.assert_array_equal(found, ROWS)


def test_a_sample_with_pickled_objects_is_refused(tmp_path):
    path = tmp_path / "rows.npy"
    np.save(path, np.array([{"a": 1}] * 5, dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match="with pickled objects, which could run code: save plain arrays"):
        read_sample(path)


@pytest.mark.parametrize(
    "arrays",
    [{"a": ROWS, "b": ROWS[:3]}, {"a": ROWS[:3]}, {"a": np.full((5, 2), np.nan)}, {"a": np.array(list("abcde"))}],
)
def test_samples_that_cannot_be_used_are_refused(arrays, tmp_path):
    np.savez(tmp_path / "rows.npz", **arrays)
    with pytest.raises(DataError):
        read_sample(tmp_path / "rows.npz")


SAVED = {
    ".npy": lambda path: np.save(path, ROWS),
    ".npz": lambda path: np.savez_compressed(path, rows=ROWS),
    ".csv": lambda path: pl.DataFrame(ROWS).write_csv(path),
}


@pytest.mark.parametrize("suffix", SAVED)
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_damaged_samples_are_refused_or_read(suffix, data, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / f"damaged{suffix}"
    SAVED[suffix](path)
    content = bytearray(path.read_bytes())
    if data.draw(st.booleans()):
        content = content[: data.draw(st.integers(0, len(content) - 1))]
    else:
        for place in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=4)):
            content[place] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(content)
    try:
        (found,) = read_sample(path).values()
    except DataError:  # nothing else may come
        return
    assert np.isfinite(found).all()
    assert len(found) >= 4


def test_damaged_parquet_is_refused(tmp_path):
    path = tmp_path / "rows.parquet"
    pl.DataFrame(ROWS).write_parquet(path)
    whole = path.read_bytes()
    # Polars raises, panics, and panics in another thread.
    for damaged in (whole[:-9], whole[: len(whole) // 2], whole[:4] + bytes(len(whole) - 16) + whole[-12:]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match=r"--sample must be an \.npz, .* that can be read"):
            read_sample(path)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": ROWS[:0]}, "but got x \\(0, 4\\): add rows"),
        ({"x": ROWS[:1]}, "but got x \\(1, 4\\): add rows"),
        ({"x": np.zeros((5, 0))}, "but got x \\(5, 0\\): add rows"),
        ({"x": np.float32(3)}, "but got x \\(\\): add rows"),
        ({}, "but got no array"),
        ({"x": np.where(ROWS == 6, np.nan, ROWS)}, "NaN or infinity in row 1"),
        ({"x": ROWS.astype(complex)}, "numbers, but got the type complex128"),
        ({"x": ROWS.astype("M8[s]")}, "numbers, but got the type datetime64"),
    ],
)
def test_what_is_wrong_with_a_sample_is_said(arrays, said, tmp_path):
    np.savez(tmp_path / "rows.npz", **arrays)
    with pytest.raises(DataError, match=said):
        read_sample(tmp_path / "rows.npz")


def test_an_archive_with_other_files_in_it_is_refused(tmp_path):
    np.savez(tmp_path / "rows.npz", x=ROWS)
    with zipfile.ZipFile(tmp_path / "rows.npz", "a") as archive:
        archive.writestr("readme.txt", "hello")
    with pytest.raises(DataError, match=r"--sample readme\.txt must be numbers"):
        read_sample(tmp_path / "rows.npz")


@given(st.permutations(["a", "b", "c"]))
def test_arrays_are_put_in_order_by_name(names):
    sample = {name: np.full((4, 1), ord(name)) for name in names}
    found = aligned(["a", "b", "c"], ["float32", "int64", "float64"], [(1,), (None,), None], sample)
    assert [array[0, 0] for array in found] == [ord("a"), ord("b"), ord("c")]
    assert [array.dtype.name for array in found] == ["float32", "int64", "float64"]


def test_several_arrays_without_names_come_as_numpy_names_them():
    sample = {"arr_0": ROWS, "arr_1": ROWS + 1}
    np.testing.assert_array_equal(in_order(["left", "right"], sample)[1], ROWS + 1)
    # Were the order of names that do not fit taken, two inputs of one shape could be swapped unseen.
    with pytest.raises(DataError, match="one array for each input"):
        in_order(["left", "right"], {"rigth": ROWS, "left": ROWS})


def test_whole_numbers_of_a_table_stay_whole(tmp_path):
    (tmp_path / "rows.csv").write_text("a,b\n" + "1,2\n" * 5)
    assert read_sample(tmp_path / "rows.csv")[""].dtype == np.int64


def test_folders_of_exports_tell_models_apart():
    paths = {"/m/churn.v2.keras": "churn.v2", "/m/net.onnx": "net"}
    assert all(Source("keras", path).name == name for path, name in paths.items())
    assert Source("savedmodel", "/m/churn/1").name == "churn-1"


@pytest.mark.parametrize("text", ["a,b\n1,x\n" * 3, "a,b\n1,\n2,3\n4,5\n6,7\n", ""])
def test_tables_with_words_or_gaps_are_refused(text, tmp_path):
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(DataError):
        read_sample(tmp_path / "rows.csv")


def test_labels_from_text_and_array(tmp_path):
    (tmp_path / "y.txt").write_text("0\n2\n1\n")
    np.save(tmp_path / "y.npy", [0, 2, 1])
    assert read_labels(tmp_path / "y.txt", 3).tolist() == read_labels(tmp_path / "y.npy", 3).tolist() == [0, 2, 1]
    with pytest.raises(DataError, match="4 class numbers"):
        read_labels(tmp_path / "y.txt", 4)


def test_a_pickled_file_needs_trust(tmp_path):
    path = tmp_path / "model.pt"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("model/data.pkl", b"")
    with pytest.raises(DataError, match="pickled PyTorch file that could run code"):
        find_source(str(path), trust=False)
    assert find_source(str(path), trust=True).kind == "pickle"


def test_the_family_of_a_factory_is_told_without_running_it(tmp_path):
    path = tmp_path / "net.py"
    path.write_text("import torch\nraise SystemExit('it was run')\n")
    assert find_family(Source("factory", str(path), "build")) == "torch"
    for text, said in (("import torch, keras\n", "both"), ("import numpy\n", "neither")):
        path.write_text(text)
        with pytest.raises(UsageError, match=said):
            find_family(Source("factory", str(path), "build"))


def test_every_family_has_a_route_or_a_reason_for_every_format():
    from throughline.formats import load_formats
    from throughline.own_model.routes import ROUTES
    from throughline.own_model.runners import RUNNERS

    for family, routes in ROUTES.items():
        assert routes
        for name in load_formats():
            route = find_route(family, name)
            assert route
            assert isinstance(route, str) or name in RUNNERS


def test_a_reason_names_no_place_of_this_machine():
    said = one_sentence(RuntimeError("Traceback\nfailed in /some/where/lib/torch/x.py:3\n more"))
    assert said == "RuntimeError: failed in x.py:3"
    nested = one_sentence(
        RuntimeError("Exception encountered when calling Functional.call().\n\n\x1b[1mno such op\x1b[0m")
    )
    assert nested == "RuntimeError: no such op"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere.keras"], "MODEL must be"),
        ([str(HERE / "torch_models.py")], "add a colon and the name of the function"),
        ([f"{HERE / 'torch_models.py'}:images", "--to", "onnxx"], "--to must be all, or names out of"),
        ([f"{HERE / 'torch_models.py'}:images", "--to", ""], "--to must be"),
        ([f"{HERE / 'torch_models.py'}:images"], "--sample must be"),
    ],
)
def test_misuse_is_refused_in_a_sentence(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert _exit_status(["export", *arguments, "--sample", "missing.npy"]) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
