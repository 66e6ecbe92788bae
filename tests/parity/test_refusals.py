"""A spec that a framework cannot express is refused before training; a training that breaks down says where."""

from __future__ import annotations

import dataclasses
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest

from throughline.errors import SpecError, UsageError
from throughline.parity.compare import compare_trajectories
from throughline.parity.expressible import FRAMEWORKS, check_expressible
from throughline.parity.page import parity_page
from throughline.parity.tasks import make_case
from throughline.weights import load_weights

CASE = make_case("seed", "adam", "float64", 0.0, 1)
SCHEDULED = {"optimizer": "momentum", "schedule": "cosine", "momentum_form": "rate_outside"}


@pytest.mark.parametrize(
    ("framework", "network", "train", "field"),
    [
        ("sklearn", {"dropout": 0.2}, {}, "dropout"),
        ("sklearn", {"hidden_activation": "gelu"}, {}, "hidden_activation"),
        ("sklearn", {}, {"optimizer": "rmsprop"}, "optimizer"),
        ("sklearn", {}, {"optimizer": "adamw"}, "optimizer"),
        ("sklearn", {}, {"epsilon_placement": "after_correction"}, "epsilon_placement"),
        ("sklearn", {}, {"class_weight": (1.0, 2.0)}, "weight_mean"),
        ("sklearn", {}, SCHEDULED, "momentum_form"),
        ("keras", {}, SCHEDULED, "momentum_form"),
        ("torch", {}, {"optimizer": "rmsprop", "root_epsilon": "inside"}, "root_epsilon"),
    ],
)
def test_what_a_framework_cannot_express_names_field_framework_and_remedy(framework, network, train, field):
    titles = {"sklearn": "scikit-learn", "keras": "Keras", "torch": "PyTorch"}
    network, train = dataclasses.replace(CASE.network, **network), dataclasses.replace(CASE.train, **train)
    with pytest.raises(SpecError) as raised:
        check_expressible(framework, network, train)
    assert raised.value.parameter == field
    assert raised.value.allowed.endswith(f"for {titles[framework]}")
    assert raised.value.remedy
    check_expressible("numpy", network, train)  # which can do all of it


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("field", ["epsilon_placement", "root_epsilon", "momentum_form"])
def test_a_rule_left_open_is_refused(framework, field):
    with pytest.raises(SpecError, match=f"{field} must be one rule for all"):
        check_expressible(framework, CASE.network, dataclasses.replace(CASE.train, **{field: "own"}))


def test_a_framework_that_was_asked_for_is_refused_before_anything_is_trained():
    case = make_case("seed", "rmsprop", "float64", 0.0, 1)
    with pytest.raises(SpecError, match="optimizer must be sgd, momentum, nesterov or adam for scikit-learn"):
        compare_trajectories([case], 5, ("numpy", "sklearn"))


@pytest.mark.parametrize(
    ("cases", "n_steps", "frameworks", "parameter"),
    [
        ([], 5, (), "cases"),
        ([CASE], 0, (), "--steps"),
        ([CASE], 5, ("numpy", "jax"), "--framework"),
        ([CASE], 5, ("numpy",), "--framework"),
    ],
)
def test_nothing_to_compare_is_refused(cases, n_steps, frameworks, parameter):
    with pytest.raises(UsageError) as raised:
        compare_trajectories(cases, n_steps, frameworks)
    assert raised.value.parameter == parameter


@pytest.mark.parametrize("arguments", [("shallow", "adam", "float64"), ("seed", "lion", "float64")])
def test_unknown_names_are_refused_with_the_known_ones(arguments):
    with pytest.raises(UsageError, match=r"must be one of .*, but got '"):
        make_case(*arguments, dropout=0.0, seed=0)


def test_divergence_names_step_layer_and_largest_weight_and_keeps_good_weights(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    case = make_case("regression", "sgd", "float64", 0.0, 1)
    wild = dataclasses.replace(case, train=dataclasses.replace(case.train, learning_rate=50.0))
    record = compare_trajectories([wild, case], 60, ("numpy", "sklearn"))
    broken, sound = record.cases
    assert not broken.met
    assert not record.met
    assert sound.met
    assert broken.diverged.keys() == {"numpy", "sklearn"}
    for framework, said in broken.diverged.items():
        assert re.search(r"diverged in step \d+: the loss is .* layer .* the largest .* is in layer \d\.$", said), said
        weights, spec = load_weights(Path(broken.good_weights[framework]))
        assert spec == wild.network
        assert all(np.isfinite(array).all() for array in weights.parameters)
    assert "**1 of 2 trainings meet their bars.**" in parity_page(record)
    assert "diverged" in parity_page(record)
    assert "safetensors" not in parity_page(record)  # where it lies is a matter of this machine
