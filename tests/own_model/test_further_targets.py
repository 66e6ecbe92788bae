"""Models of one's own as machine code, for OpenVINO and for ExecuTorch: one export, what can be made here."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from throughline.own_model.record import ArtefactRecord, read_record

HERE = Path(__file__).parent
pytestmark = pytest.mark.xdist_group("torch")
EXTRA = {"openvino": "openvino", "openvino-default": "openvino", "executorch": "executorch"}


@pytest.fixture(scope="module")
def artefacts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, ArtefactRecord]:
    folder = tmp_path_factory.mktemp("targets")
    rng = np.random.default_rng(2)
    rows = {"left": rng.normal(size=(7, 5)), "right": rng.normal(size=(7, 3))}
    np.savez(folder / "rows.npz", **rows)
    model = f"{HERE / 'torch_models.py'}:two_in_two_out"
    command = [sys.executable, "-m", "throughline", "export", model, "--sample", str(folder / "rows.npz"), "--json"]
    done = subprocess.run(
        [*command, "--to", ",".join([*EXTRA, "aotinductor"]), "--out", str(folder / "out")],
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return {entry.name: entry for entry in read_record(done.stdout).artefacts}


@pytest.mark.parametrize("name", EXTRA)
def test_two_inputs_and_outputs_in_an_extra_runtime(name: str, artefacts: dict[str, ArtefactRecord]) -> None:
    entry = artefacts[name]
    if importlib.util.find_spec(EXTRA[name]) is None:
        assert entry.reason == f"{EXTRA[name]} is not installed: pip install 'throughline[{EXTRA[name]}]'"
        pytest.skip(f"2026-11-22: {EXTRA[name]} is an extra")
    assert entry.status == "passed"
    assert [check.name for check in entry.outputs] == ["three", "one"]
    bfloat16 = ("explained (bfloat16 compute)",) if name == "openvino-default" else ()
    assert entry.verdict in ("identical", "rounding", *bfloat16)


@pytest.mark.skipif(shutil.which("g++") is None, reason="2026-11-22: AOTInductor calls the system's C++ compiler")
def test_two_inputs_and_outputs_as_machine_code(artefacts: dict[str, ArtefactRecord]) -> None:
    assert artefacts["aotinductor"].status == "passed"
    assert artefacts["aotinductor"].verdict in ("identical", "rounding")
    assert artefacts["aotinductor"].facts["instruction_set"]
