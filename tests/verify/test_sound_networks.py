"""No false alarm: random sound networks of every size, activation and output pass every check in the real formats."""

from __future__ import annotations

import dataclasses
import subprocess
import sys

import msgspec
import pytest

from throughline.formats import find_format, load_formats
from throughline.formats.availability import missing_runtime
from throughline.record import CHECKS
from throughline.verify.sound_networks.draw import ACTIVATIONS, N_NETWORKS, OUTPUTS, draw
from throughline.verify.sound_networks.measure import Measurement, measure, routes

# Every activation with every output, the smallest and the largest network among them.
EACH_PAIR = range(len(ACTIVATIONS) * len(OUTPUTS))
FEW = (0, 7, 8)  # one for each output
# Exported in milliseconds, in a second or so, and in more than that.
QUICK = ("torchscript", "c99", "neutral")
USUAL = ("onnx-float32", "onnx-float16", "onnx-int8", "tflite-float16", "tflite-int8")
COMPILED = ("aotinductor", "executorch")  # half a minute a network: by `python -m throughline.verify.sound_networks`
OTHERS = tuple(name for name in load_formats() if name not in (*QUICK, *USUAL, *COMPILED))


def test_the_networks_are_those_that_were_asked_for():
    specs = [draw(number).spec for number in range(N_NETWORKS)]
    assert N_NETWORKS == 50
    assert (specs[0].layer_sizes, specs[1].layer_sizes) == ((1, 4, 1), (100, 256, 256, 10))
    assert {spec.hidden_activation for spec in specs} == set(ACTIVATIONS)
    assert {(specs[i].hidden_activation, specs[i].output) for i in EACH_PAIR} == {
        (activation, output) for activation in ACTIVATIONS for output in OUTPUTS
    }
    assert {specs[number].output for number in FEW} == set(OUTPUTS)
    assert max(spec.n_inputs for spec in specs) <= 100
    assert max(max(spec.hidden_units) for spec in specs) == 256


def framework(name):
    group = {"keras": "tensorflow"}.get(name, name)
    return pytest.param(name, marks=pytest.mark.xdist_group(group))


@pytest.mark.parametrize("source", [framework("torch"), framework("keras")])
@pytest.mark.parametrize(
    ("names", "numbers"), [(QUICK, range(N_NETWORKS)), (USUAL, EACH_PAIR), (OTHERS, FEW)], ids=["quick", "usual", "few"]
)
def test_no_false_alarm(source, names, numbers, tmp_path):
    names = [name for framework, name in routes(names) if framework == source]
    names = [name for name in names if not missing_runtime(find_format(name))]
    if not names:
        assert source == "keras"  # what needs no framework is made by PyTorch's process
        return
    found = measure({number: draw(number) for number in numbers}, names, tmp_path, sources=(source,))
    assert [(o.format, o.number, o.sizes, o.activation, o.output, o.alarm) for o in found if o.alarm] == []
    assert len(found) == len(names) * len(numbers)
    for outcome in found:
        no_names = find_format(outcome.format).port_names is None
        assert outcome.n_checks == len(CHECKS) - no_names - (outcome.output == "linear")
        assert 0 <= outcome.share <= 1
        assert outcome.verdict in ("identical", "rounding") or outcome.verdict.startswith("explained (")


def test_the_command_writes_the_page_and_measures_a_format_again_in_its_place(tmp_path):
    page = tmp_path / "sound.md"
    command = [sys.executable, "-m", "throughline.verify.sound_networks", "--write", str(page), "--formats", "neutral"]
    done = subprocess.run([*command, "--networks", "3"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, f"0 false alarms in 1 formats; {page}\n"), done.stderr
    kept = msgspec.json.decode((tmp_path / "sound" / "neutral.json").read_bytes(), type=Measurement)
    assert [outcome.sizes for outcome in kept.outcomes] == [list(draw(number).spec.layer_sizes) for number in range(3)]
    assert "3 random networks from 1-4-1 to\n100-256-256-10" in page.read_text()
    assert "3 files: 3 passed every check, 0 too coarse, 0 false alarms." in page.read_text()
    # An alarm in what is kept is told, and ends the command with 1.
    outcomes = [
        dataclasses.replace(kept.outcomes[0], alarm="values: The difference in row 3 is 1."),
        *kept.outcomes[1:],
    ]
    (tmp_path / "sound" / "neutral.json").write_text(dataclasses.replace(kept, outcomes=outcomes).to_json())
    done = subprocess.run([*command, "--networks", "0"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, f"1 false alarms in 1 formats; {page}\n")
    assert "- safetensors, network 0 (1-4-1, relu, sigmoid): values: The difference" in page.read_text()


def test_the_command_refuses_what_it_cannot_measure(tmp_path):
    command = [sys.executable, "-m", "throughline.verify.sound_networks", "--write", str(tmp_path / "sound.md")]
    for arguments, said in (
        (["--formats", "onnx"], "format must be one of"),
        (["--networks", "-1"], "--networks must be a whole number from 0, but got -1"),
        (["--networks", "0"], "--networks must be above 0 while"),
    ):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert said in done.stderr
        assert "Traceback" not in done.stderr
