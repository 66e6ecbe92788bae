"""No false alarm: fifty random sound networks through the real exporters pass every check."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from throughline.formats import find_format
from throughline.formats.base import file_sha256
from throughline.frameworks.base import PRELOAD
from throughline.processes import Child
from throughline.spec import NetworkSpec
from throughline.verify.artefact import Expected, Network, examined_from, judge
from throughline.verify.record import CHECKS
from throughline.verify.reference import numpy_answers
from throughline.verify.tolerance import derive_tolerance
from throughline.weights import Weights, initial_weights

N_NETWORKS = 50
N_ROWS = 200
ACTIVATIONS = ("relu", "tanh", "sigmoid", "gelu", "linear")
SMALLEST, LARGEST = (1, (4,)), (100, (256, 256))
FORMATS = {"torch": ("onnx-float32", "torchscript", "c99"), "keras": ("tflite-float32",)}


def random_network(number):
    """Sizes from 1-4-1 to 100-256-256-1, the ends included; columns with unlike scales; each activation ten times."""
    rng = np.random.default_rng(number)
    n_inputs = int(np.round(10 ** rng.uniform(0, 2)))
    hidden = tuple(int(np.round(10 ** rng.uniform(np.log10(4), np.log10(256)))) for _ in range(rng.integers(1, 3)))
    if number in (0, 1):
        n_inputs, hidden = (SMALLEST, LARGEST)[number]
    spec = NetworkSpec(
        n_inputs=n_inputs, hidden_units=hidden, hidden_activation=ACTIVATIONS[number % len(ACTIVATIONS)], seed=number
    )
    std = 10.0 ** rng.uniform(-2, 3, n_inputs)
    drawn = initial_weights(spec, std * rng.uniform(-2, 2, n_inputs), std)
    gain = np.float32(10.0 ** rng.uniform(-0.3, 0.5))
    biases = tuple(rng.normal(scale=0.3, size=bias.shape).astype(np.float32) for bias in drawn.biases)
    weights = Weights(drawn.mean, drawn.std, tuple(gain * kernel for kernel in drawn.kernels), biases)
    X = (weights.mean + weights.std * rng.normal(size=(N_ROWS, n_inputs))).astype(np.float32)
    return spec, weights, X


def test_the_networks_are_those_that_were_asked_for():
    networks = [random_network(number)[0] for number in range(N_NETWORKS)]
    assert (networks[0].layer_sizes, networks[1].layer_sizes) == ((1, 4, 1), (100, 256, 256, 1))
    assert {name: sum(spec.hidden_activation == name for spec in networks) for name in ACTIVATIONS} == dict.fromkeys(
        ACTIVATIONS, 10
    )


@pytest.mark.parametrize(
    "framework",
    [
        pytest.param("torch", marks=pytest.mark.xdist_group("torch")),
        pytest.param("keras", marks=pytest.mark.xdist_group("tensorflow")),
    ],
)
def test_no_false_alarm_in_fifty_random_networks(framework, tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent), prepend=os.pathsep)
    networks = [random_network(number) for number in range(N_NETWORKS)]
    for number, (spec, weights, X) in enumerate(networks):
        weights.save(tmp_path / f"{number}.safetensors", spec)
        np.save(tmp_path / f"{number}.npy", X)
    arguments = {"framework": framework, "folder": str(tmp_path), "names": FORMATS[framework], "n": N_NETWORKS}
    with Child(framework, preload=PRELOAD[framework], log=tmp_path / "export.log") as child:
        made = child.call("contract:export_networks", arguments)
    alarms = {}
    for name in FORMATS[framework]:
        form = find_format(name)
        assert {key: file["error"] for key, file in made[name].items() if "error" in file} == {}
        jobs = [
            {
                "format_name": name,
                "path": made[name][str(number)]["path"],
                "rows": str(tmp_path / f"{number}.npy"),
                "answers": str(tmp_path / f"{name}-{number}.npz"),
            }
            for number in range(N_NETWORKS)
        ]
        with Child(name, preload=form.preload, log=tmp_path / f"{name}.log", environment=form.environment) as child:
            examined = child.call("throughline.verify.worker:examine_artifacts", {"jobs": jobs})
        for number, (job, (spec, weights, X)) in enumerate(zip(jobs, networks, strict=True)):
            answers = examined_from(examined[number], Path(job["answers"]))
            found = judge(expected(form, Path(job["path"]), spec, weights, X), partial(lambda kept: kept, answers))
            n_passed = sum(check.status == "passed" for check in found.checks)
            if found.failed or n_passed < len(CHECKS) - (form.port_names is None):
                alarms[name, number, spec.hidden_activation] = [check.said for check in found.failed]
    assert alarms == {}


def expected(form, path, spec, weights, X):
    answers = numpy_answers(spec, weights, X)
    return Expected(
        form=form,
        path=path,
        X=X,
        answers=answers,
        tolerance=derive_tolerance(spec, weights, X, form.stored_as),
        labels=(answers > np.median(answers)).astype(int),
        sha256=file_sha256(path),
        port_names=form.port_names,
        network=Network(spec=spec, weights=weights, path=path),
    )
