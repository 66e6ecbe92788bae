"""Archives of `torch.export` that would run code are refused before PyTorch reads them."""

from __future__ import annotations

import json
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from throughline.errors import DataError
from throughline.own_model.program_archive import is_arithmetic, load_program

pytestmark = pytest.mark.xdist_group("torch")
Records = dict[str, bytes]


class Mark:
    """Writes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("program") / "net.pt2"
    batch = torch.export.Dim("batch", max=64)
    program = torch.export.export(torch.nn.Linear(3, 2), (torch.ones(2, 3),), dynamic_shapes=({0: batch},))
    torch.export.save(program, path)
    return path


def changed(archive: Path, folder: Path, change: Callable[[Records], None]) -> Path:
    with zipfile.ZipFile(archive) as source:
        records = {name: source.read(name) for name in source.namelist()}
    change(records)
    path = folder / "net.pt2"
    with zipfile.ZipFile(path, "w") as target:
        for name, content in records.items():
            target.writestr(name, content)
    return path


def graph_change(change: Callable[[dict[str, Any]], None]) -> Callable[[Records], None]:
    def of_records(records: Records) -> None:
        (name,) = (name for name in records if name.endswith("models/model.json"))
        graph = json.loads(records[name])
        change(graph)
        records[name] = json.dumps(graph).encode()

    return of_records


def in_every_size(text: str) -> Callable[[Any], None]:
    def walk(entry: Any) -> None:
        for value in entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else ():
            walk(value)
        if isinstance(entry, dict) and "expr_str" in entry:
            entry["expr_str"] = text

    return walk


def test_a_program_of_tensors_loads_and_answers(archive: Path) -> None:
    rows = torch.ones(5, 3)
    answers = load_program(archive, trust=False).module()(rows)
    np.testing.assert_array_equal(answers.detach(), torch.export.load(archive).module()(rows).detach())


def test_what_is_refused_would_have_been_run(archive: Path, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    code = f"__import__('pathlib').Path({str(mark)!r}).touch() is None"
    path = changed(archive, tmp_path, graph_change(lambda graph: graph.update(guards_code=[code])))
    with pytest.raises(DataError, match="add --trust to have it evaluated"):
        load_program(path, trust=False)
    assert not mark.exists()
    load_program(path, trust=True).module()(torch.ones(5, 3))
    assert mark.exists()


@pytest.mark.parametrize(
    "name", ["custom_obj_0", "opaque_obj_0", "OPAQUE_OBJ_0", "opaque_obj_0/x", "opaque_obj_0/../tensor_0"]
)
def test_pickled_objects_are_refused_under_any_name(name: str, archive: Path, tmp_path: Path) -> None:
    def add(records: Records) -> None:
        root = next(iter(records)).split("/")[0]
        records[f"{root}/data/constants/{name}"] = pickle.dumps(Mark(tmp_path / "mark"))

    with pytest.raises(DataError, match="pickled objects in it: add --trust"):
        load_program(changed(archive, tmp_path, add), trust=False)
    assert not (tmp_path / "mark").exists()


def test_machine_code_is_refused(archive: Path, tmp_path: Path) -> None:
    def add(records: Records) -> None:
        records[f"{next(iter(records)).split('/')[0]}/data/aotinductor/model/x.so"] = b"\x7fELF"

    with pytest.raises(DataError, match="machine code of AOTInductor in it"):
        load_program(changed(archive, tmp_path, add), trust=False)


def test_code_in_a_size_is_refused(archive: Path, tmp_path: Path) -> None:
    code = f"__import__('pathlib').Path({str(tmp_path / 'mark')!r}).touch()"
    with pytest.raises(DataError, match="the size '__import__"):
        load_program(changed(archive, tmp_path, graph_change(in_every_size(code))), trust=False)
    assert not (tmp_path / "mark").exists()


SIZES = st.recursive(
    st.integers(0, 99).map(str)
    | st.sampled_from(["s0", "Symbol('s1', positive=True, integer=True)", "L['x'].size()[0]"]),
    lambda inner: st.builds("FloorDiv({}, {})".format, inner, inner) | st.builds("({} + 2*{})".format, inner, inner),
    max_leaves=6,
)


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(SIZES, SIZES)
def test_sizes_and_guards_are_arithmetic(left: str, right: str) -> None:
    assert is_arithmetic(left)
    assert is_arithmetic(f"{left} <= {right}")


@settings(deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
@given(
    SIZES,
    st.sampled_from(["exec({})", "({}).__class__", "(lambda: {})()", "[{}][0].real", "L[{}]()", "{} or open('a b')"]),
)
def test_anything_else_is_not(size: str, code: str) -> None:
    assert not is_arithmetic(code.format(size))
