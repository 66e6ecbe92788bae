"""A run whose exported files are damaged before they are proven: each fails by the check that names the damage."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import msgspec
import numpy as np
import pytest

from throughline.background import Background
from throughline.data.scaling import fit_scaling
from throughline.data.split import Split
from throughline.formats import find_format
from throughline.formats.base import FrameworkName
from throughline.record import CHECKS, FormatRecord
from throughline.spec import NetworkSpec, TrainSpec
from throughline.verify.prove import TrainedNetwork
from throughline.weights import Weights, initial_weights

pytestmark = pytest.mark.xdist_group("torch")

Edit = Callable[[bytes, Weights], bytes]
SOURCE: FrameworkName = "torch"


def cut_in_half(content: bytes, weights: Weights) -> bytes:
    return content[: len(content) // 2]


def one_bit_of_a_weight(content: bytes, weights: Weights) -> bytes:
    # Bit 16 of the first number of the last kernel, which is a single column, so that no layout turns it around.
    kernel = weights.kernels[-1].tobytes()
    assert content.count(kernel) == 1
    at = content.index(kernel) + 2
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def another_name(content: bytes, weights: Weights) -> bytes:
    return content.replace(b"features", b"whatever")  # as long, so that the file stays whole


DAMAGES: dict[str, tuple[str, Edit, str]] = {
    "half a file": ("onnx-float32", cut_in_half, "file"),
    "a bit of a weight": ("onnx-float32", one_bit_of_a_weight, "weights"),
    "another name": ("onnx-float32", another_name, "names"),
    "half a file of weights": ("neutral", cut_in_half, "file"),
    "a bit in a file of weights": ("neutral", one_bit_of_a_weight, "weights"),
}


def small_split() -> Split:
    rng = np.random.default_rng(3)
    X = rng.normal(size=(600, 4)).astype(np.float32) * [1, 10, 100, 0.1] + [0, 50, 0, 1]
    y = (X[:, 0] + X[:, 1] / 10 > 5).astype(np.int64)
    X = X.astype(np.float32)
    return Split(X[:360], y[:360], X[360:480], y[360:480], X[480:], y[480:])


@pytest.fixture(scope="module")
def proven(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FormatRecord]:
    """Train once, and prove the sound files and each damaged one in the same background."""
    folder, work = tmp_path_factory.mktemp("run"), tmp_path_factory.mktemp("work")
    split = small_split()
    spec = NetworkSpec(n_inputs=4, hidden_units=(8, 4), seed=3)
    names = sorted({name for name, _, _ in DAMAGES.values()})
    with Background(folder, work, lambda event: None) as background:
        trained = background.train(SOURCE, TrainSpec(max_epochs=3, patience=None, keep="last"), names)
        background.provide(split, initial_weights(spec, *fit_scaling(split.X_train)), spec)
        network = trained.result()
        records = {name: background.verify(find_format(name), SOURCE, trained).result() for name in names}
        for damage, (name, edit, _) in DAMAGES.items():
            damaged = with_damage(network, name, edit, folder / damage.replace(" ", "-"))
            records[damage] = background.verify(find_format(name), SOURCE, damaged).result()
    return records


def with_damage(network: TrainedNetwork, name: str, edit: Edit, folder: Path) -> Future[TrainedNetwork]:
    """Return the network as if one of its files had been damaged after the export: a copy is, in a folder beside."""
    original = Path(network.exports[name]["path"])
    folder.mkdir()
    path = folder / original.name
    if original.is_dir():
        shutil.copytree(original, path)
    else:
        shutil.copy(original, path)
    file = path if path.is_file() else max(path.iterdir(), key=lambda file: file.stat().st_size)
    before = file.read_bytes()
    file.write_bytes(edit(before, network.weights))
    assert file.read_bytes() != before
    exports = network.exports | {name: network.exports[name] | {"path": str(path)}}
    future: Future[TrainedNetwork] = Future()
    future.set_result(dataclasses.replace(network, exports=exports))
    return future


@pytest.mark.parametrize("name", sorted({name for name, _, _ in DAMAGES.values()}))
def test_a_sound_file_passes_every_check_in_its_order(proven: dict[str, FormatRecord], name: str) -> None:
    record = proven[name]
    assert (record.status, record.reason, record.failed_check) == ("passed", "", "")
    assert [check.name for check in record.named_checks] == list(CHECKS)
    assert record.certificate is not None
    assert record.certificate.n_rows == 120
    assert [(check.batch_size, check.n_rows) for check in record.checks] == [(n, 120) for n in (1, 2, 7, 33, 1000, 120)]
    assert min(record.load_s, record.latency_us, record.rows_per_s) > 0


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_fails_by_the_check_that_names_the_damage(proven: dict[str, FormatRecord], damage: str) -> None:
    record, (name, _, check) = proven[damage], DAMAGES[damage]
    assert (record.name, record.status, record.failed_check) == (name, "failed", check)
    assert record.reason.startswith(f"check '{check}': ")
    before = record.named_checks[: CHECKS.index(check)]
    assert {entry.status for entry in before} <= {"passed", "not_run"}
    assert msgspec.json.decode(msgspec.json.encode(record), type=FormatRecord) == record
