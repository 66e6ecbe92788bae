"""The same training in every framework: losses that coincide, faults that do not go unnoticed, gates that explain."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from itertools import combinations

import msgspec
import pytest

from throughline.parity.compare import compare_trajectories
from throughline.parity.page import parity_page
from throughline.parity.record import CaseRecord, ParityRecord
from throughline.parity.tasks import OPTIMIZERS, Case, make_case

N_STEPS = 50
# Its children import TensorFlow and PyTorch, each in a process of its own.
pytestmark = pytest.mark.xdist_group("tensorflow")


def changed(case: Case, network: dict | None = None, train: dict | None = None) -> Case:
    return dataclasses.replace(
        case,
        network=dataclasses.replace(case.network, **network or {}),
        train=dataclasses.replace(case.train, **train or {}),
    )


ADAM = make_case("seed", "adam", "float64", 0.0, 3)
CASES = {
    **{optimizer: make_case("seed", optimizer, "float64", 0.0, 3) for optimizer in OPTIMIZERS},
    **{f"deep {optimizer}": make_case("deep", optimizer, "float64", 0.3, 3) for optimizer in OPTIMIZERS},
    "regression": make_case("regression", "adam", "float64", 0.0, 3),
    "regression sgd": make_case("regression", "sgd", "float64", 0.0, 4),
    "float32": make_case("seed", "adam", "float32", 0.3, 3),
    "gelu, class weights, penalty": changed(
        make_case("seed", "adam", "float64", 0.2, 3),
        {"hidden_activation": "gelu"},
        {"class_weight": (1.0, 3.0), "l2": 0.01},
    ),
    "tanh, class weights, penalty": changed(
        make_case("deep", "momentum", "float64", 0.0, 3),
        {"hidden_activation": "tanh"},
        {"class_weight": (1.0, 3.0, 0.5), "weight_mean": "weights", "l2": 0.01},
    ),
    "no hidden layer, epsilon after": changed(
        make_case("seed", "adamw", "float64", 0.0, 5),
        {"hidden_units": ()},
        {"epsilon_placement": "after_correction", "epsilon": 1e-3},
    ),
    "momentum, rate in steps": changed(
        make_case("seed", "momentum", "float64", 0.0, 6), train={"schedule": "step", "schedule_steps": 7}
    ),
    "nesterov, rate cosine": changed(
        make_case("seed", "nesterov", "float64", 0.0, 7),
        {"hidden_activation": "sigmoid"},
        {"schedule": "cosine", "schedule_steps": 40, "last_batch": "drop", "batch_size": 700},
    ),
}


@pytest.fixture(scope="session")
def record() -> ParityRecord:
    """All cases in one go: a framework is imported once."""
    cases = [
        dataclasses.replace(case, network=dataclasses.replace(case.network, seed=number))
        for number, case in enumerate(CASES.values())  # the seed keeps their names and files apart
    ]
    return compare_trajectories(cases, N_STEPS)


@pytest.fixture(scope="session")
def found(record: ParityRecord) -> Callable[[str], CaseRecord]:
    by_name = dict(zip(CASES, record.cases, strict=True))
    return by_name.__getitem__


@pytest.mark.parametrize("name", CASES)
def test_losses_coincide_at_every_step_and_weights_at_the_end(found, name):
    case = found(name)
    assert case.diverged == {}
    assert {"numpy", "keras", "torch"} <= set(case.frameworks)
    assert [(pair.first, pair.second) for pair in case.pairs] == [*combinations(case.frameworks, 2)]
    assert case.met
    for pair in case.pairs:
        assert pair.loss <= (1e-13 if case.dtype == "float64" else 1e-6)
        assert pair.weights <= (1e-12 if case.dtype == "float64" else 1e-4)
        assert pair.departure is None
    # Two networks that stand still would agree, too; with dropout the losses of single batches say little.
    assert case.dropout > 0 or case.last_loss < case.first_loss


@pytest.mark.parametrize("name", CASES)
def test_scikit_learn_joins_where_it_can(found, name):
    case = found(name)
    expected = not (case.dropout or case.optimizer in ("rmsprop", "adamw"))
    assert ("sklearn" in case.frameworks) == expected
    assert bool(case.left_out) != expected
    for reason in case.left_out.values():
        assert re.match(r"(dropout|optimizer|epsilon_placement) must be .* for scikit-learn, but got ", reason)


def test_record_travels_as_json_and_is_told_on_a_page(record):
    assert msgspec.json.decode(record.to_json(), type=ParityRecord) == record
    page = parity_page(record)
    assert f"**{len(CASES)} of {len(CASES)} trainings meet their bars.**" in page
    assert page.count("| met |") == len(CASES)
    assert "nan" not in page


@pytest.mark.parametrize(
    ("framework", "change", "other"),
    [
        ("torch", {"beta_2": 0.9989}, "numpy"),
        ("sklearn", {"epsilon": 1.1e-7}, "numpy"),
        ("numpy", {"l2": 1e-6}, "sklearn"),
    ],
)
def test_a_wrong_constant_in_one_framework_is_caught(framework, change, other):
    record = compare_trajectories([ADAM], N_STEPS, (framework, other), changes={framework: change})
    (pair,) = record.cases[0].pairs
    assert not record.met
    assert pair.loss > 100 * record.bars["float64"].loss
    assert pair.departure is not None
    assert pair.departure.forced_loss is None or pair.departure.forced_loss > record.bars["float64"].loss
