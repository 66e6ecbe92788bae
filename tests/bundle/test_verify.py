"""Every fault that can be planted in a bundle is found by ``throughline verify``, by the check that names it."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from throughline.bundle import load_bundle
from throughline.bundle.build import sign
from throughline.bundle.verify import find_bundle, verify_bundle
from throughline.errors import DataError
from throughline.formats.base import file_sha256
from throughline.record import CHECKS
from throughline.verify.artefact import Search
from throughline.verify.finished_run import VerifyRequest
from throughline.verify.record import VerifyRecord

from .contract import sign_again, spoil

pytestmark = pytest.mark.xdist_group("run")
ONNX = "models/onnx-float32.onnx"
NO_SEARCH = Search(most_rows=0)


def verified(path: Path) -> VerifyRecord:
    return verify_bundle(VerifyRequest(path=path, search=NO_SEARCH))


def test_a_sound_bundle_is_verified_with_its_own_weights(
    bundle_folder: Path, bundled: list[str], finished_run: Any
) -> None:
    done = finished_run.call(["verify", str(bundle_folder), "--search", "0.2", "--json"])
    assert done.returncode == 0, done.stderr
    record = msgspec.json.decode(done.stdout, type=VerifyRecord)
    assert [entry.name for entry in record.artefacts] == bundled
    assert (record.n_rows, record.left_out, [check.status for check in record.whole]) == (114, {}, ["passed"])
    for entry in record.artefacts:
        assert [check.name for check in entry.checks] == list(CHECKS)
        assert entry.status == "passed"
        assert entry.implementation is not None
        assert 0 < entry.implementation <= entry.tolerance
        assert entry.conversion is not None
        assert entry.worst is not None
        assert entry.certificate is not None
        assert entry.accuracy is not None
        assert entry.accuracy > 0.9
    assert "the bundle, file: every file is as it was sent; bundle " in done.stderr
    assert f"{len(bundled)} of {len(bundled)} artefacts verified" in done.stderr


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


def test_a_flipped_bit_in_any_file_fails_before_anything_is_opened(copy: Path, bundled: list[str]) -> None:
    for path in sorted(path for path in copy.rglob("*") if path.is_file()):
        sound = path.read_bytes()
        flip(path)
        record = verified(copy)
        name = path.relative_to(copy).as_posix()
        assert not record.passed, name
        assert [(check.name, check.status, check.error) for check in record.whole] == [
            ("file", "failed", "DamagedFileError")
        ]
        assert name in record.whole[0].said or name == "SHA256SUMS"
        assert {entry.status for entry in record.artefacts} <= {"not_run"}
        assert len(record.artefacts) in ((0, len(bundled)) if name == "manifest.json" else (len(bundled),))
        path.write_bytes(sound)


def exchange(folder: Path) -> None:
    first, second = folder / ONNX, folder / "models/onnx-int8.onnx"
    contents = first.read_bytes(), second.read_bytes()
    first.write_bytes(contents[1])
    second.write_bytes(contents[0])


UNSIGNED: dict[str, tuple[Callable[[Path], object], str]] = {
    "artefacts swapped": (exchange, "must have the SHA-256"),
    "artefact missing": (lambda folder: (folder / ONNX).unlink(), "is listed in SHA256SUMS, but is not here"),
    "file added": (lambda folder: (folder / "models" / "x.bin").write_bytes(b"x"), "is here, but is not listed"),
    "manifest missing": (lambda folder: (folder / "manifest.json").unlink(), "manifest.json is listed in SHA256SUMS"),
    "checksums missing": (lambda folder: (folder / "SHA256SUMS").unlink(), "SHA256SUMS"),
}


@pytest.mark.parametrize(("damage", "said"), UNSIGNED.values(), ids=UNSIGNED)
def test_damage_is_found_by_the_checksums(damage: Callable[[Path], object], said: str, copy: Path) -> None:
    damage(copy)
    record = verified(copy / ONNX)
    assert not record.passed
    assert (record.whole[0].name, record.whole[0].error) == ("file", "DamagedFileError")
    assert said in record.whole[0].said


def of_onnx(manifest: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = next(entry for entry in manifest["artefacts"] if entry["name"] == "onnx-float32")
    return found


def other_artefact(folder: Path) -> None:
    shutil.copyfile(folder / "models/onnx-int8.onnx", folder / ONNX)
    sha256 = file_sha256(folder / ONNX)
    sign_again(folder, lambda m: of_onnx(m).update(sha256=sha256))


def flipped_and_signed(folder: Path) -> None:
    flip(folder / ONNX)
    sign_again(folder)


def without_artefact(folder: Path) -> None:
    (folder / ONNX).unlink()
    sign_again(folder)


def array(name: str, change: Callable[[Any], object]) -> Callable[[Path], None]:
    return lambda folder: spoil(folder, lambda arrays: arrays.update({name: change(arrays[name])}))


def manifest(change: Callable[[dict[str, Any]], None]) -> Callable[[Path], None]:
    return lambda folder: sign_again(folder, change)


SIGNED: dict[str, tuple[Callable[[Path], None], str, str]] = {
    "another artefact": (other_artefact, "values", "OutputValueError"),
    "artefact missing": (without_artefact, "file", "DamagedFileError"),
    "old checksum in the manifest": (flipped_and_signed, "file", "DamagedFileError"),
    "name": (manifest(lambda m: of_onnx(m)["inputs"][0].update(name="x")), "names", "PortNameError"),
    "type": (manifest(lambda m: of_onnx(m)["inputs"][0].update(dtype="float64")), "dtypes", "PortTypeError"),
    "shape": (manifest(lambda m: of_onnx(m)["inputs"][0].update(shape=[1, 30])), "shapes", "OutputShapeError"),
    "other rows": (array("input.features", lambda X: X[::-1].copy()), "values", "OutputValueError"),
    "other earlier answers": (
        array("answers.onnx-float32.probability", lambda p: p[::-1]),
        "values",
        "OutputValueError",
    ),
    "other labels": (array("labels", lambda y: 1 - y), "metric", "MetricError"),
    "tolerance that proves nothing": (
        array("tolerance.onnx-float32.probability", np.ones_like),
        "file",
        "VerificationError",
    ),
}


@pytest.mark.parametrize(("damage", "check", "error"), SIGNED.values(), ids=SIGNED)
def test_damage_that_was_signed_is_found_by_the_check_that_names_it(
    damage: Callable[[Path], None], check: str, error: str, copy: Path
) -> None:
    damage(copy)
    record = verified(copy / ONNX)
    assert not record.passed
    assert record.whole[0].status == "passed"
    (entry,) = record.artefacts
    assert (entry.failed[0].name, entry.failed[0].error) == (check, error), entry.failed


def test_expected_answers_that_are_not_those_of_the_weights(copy: Path) -> None:
    spoil(copy, lambda arrays: arrays["expected.probability"].__setitem__(7, 0.5))
    record = verified(copy / ONNX)
    assert [(check.name, check.status) for check in record.whole] == [("file", "passed"), ("values", "failed")]
    assert "row 7 differs" in record.whole[1].said


def test_weights_that_are_not_those_of_the_manifest_are_not_used(copy: Path) -> None:
    sign_again(copy, lambda m: m["trained"].update(weights_digest="0" * 64))
    record = verified(copy / ONNX)
    assert not record.passed
    assert [(check.name, check.error) for check in record.whole if check.status == "failed"] == [
        ("file", "DamagedFileError")
    ]
    assert set(record.left_out) == {"worst case", "implementation error", "layer by layer"}


def test_without_weights_the_bundle_says_what_could_not_be_asked(copy: Path) -> None:
    bundle = load_bundle(copy)
    shutil.rmtree(copy / "models" / "neutral")
    kept = [entry for entry in bundle.manifest.artefacts if entry.name != "neutral"]
    sign(copy, dataclasses.replace(bundle.manifest, artefacts=kept))
    record = verified(copy / "models" / "tflite-float16.tflite")
    assert record.passed
    (entry,) = record.artefacts
    assert (entry.worst, entry.implementation, entry.verdict) == (None, None, "explained (float16 weights)")
    assert set(record.left_out.values()) == {"the bundle has no weights: put the format neutral into it"}
    other_artefact(copy)
    (entry,) = verified(copy / ONNX).artefacts
    assert (entry.failed[0].name, entry.failed[0].error) == ("values", "OutputValueError")


def test_which_artefact_a_path_means(bundle_folder: Path, tmp_path: Path) -> None:
    assert find_bundle(bundle_folder / "models" / "c99" / "network.c") == bundle_folder
    assert find_bundle(tmp_path) is None
    (bundle_folder.parent / "record.json").write_text("{}")  # a run around it does not hide it
    assert find_bundle(bundle_folder / ONNX) == bundle_folder
    with pytest.raises(DataError, match=r"BUNDLE must be one of its artefacts, models/.* but got 'MODEL_CARD\.md'"):
        verified(bundle_folder / "MODEL_CARD.md")


def test_rows_are_not_taken_for_a_bundle(bundle_folder: Path, finished_run: Any) -> None:
    done = finished_run.call(["verify", str(bundle_folder), "--rows", str(finished_run.data)])
    assert done.returncode == 2
    assert "--rows must be left out for a bundle" in done.stderr
