"""Specs check themselves, travel as JSON and have a digest."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.errors import SpecError, UsageError
from throughline.spec import Column, NetworkSpec, Task, TrainSpec

TASK = Task(name="t", kind="binary", feature_names=("a", "b"), class_names=("no", "yes"), source="by hand")
SPECS = [NetworkSpec(n_inputs=20), TrainSpec(), TASK]
# Another allowed value for each field that the first value of `SPECS` does not have.
OTHER = {
    NetworkSpec: {
        "n_inputs": 21,
        "columns": tuple(Column(name=f"x{i}", source="file") for i in range(20)),
        "scaling": "robust",
        "hidden_units": (64, 33),
        "hidden_activation": "tanh",
        "output": "linear",
        "dropout": 0.25,
        "dtype": "float64",
        "seed": 1,
    },
    TrainSpec: {
        "loss": "mean_squared_error",
        "l2": 0.01,
        "optimizer": "nesterov",
        "learning_rate": 1e-3,
        "schedule": "cosine",
        "schedule_steps": 10,
        "decay_rate": 0.1,
        "momentum": 0.8,
        "momentum_form": "rate_inside",
        "rho": 0.99,
        "root_epsilon": "outside",
        "weight_decay": 0.004,
        "class_weight": (1.0, 2.0),
        "weight_mean": "weights",
        "last_batch": "drop",
        "shuffle": False,
        "min_delta": 1e-4,
        "keep": "last",
        "beta_1": 0.8,
        "beta_2": 0.99,
        "epsilon": 1e-8,
        "epsilon_placement": "after_correction",
        "batch_size": 31,
        "max_epochs": 49,
        "patience": 6,
        "shuffle_seed": 1,
    },
    Task: {
        "name": "u",
        "kind": "regression",
        "feature_names": ("b", "a"),
        "class_names": ("yes", "no"),
        "source": "a file",
    },
}
ONLY_ONE_VALUE = {"init", "n_outputs"}  # n_outputs goes with softmax


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_json_brings_back_an_equal_spec(spec):
    assert type(spec).from_json(spec.to_json()) == spec
    assert type(spec).from_json(spec.to_json().encode()) == spec


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_json_is_canonical(spec):
    text = spec.to_json()
    assert list(json.loads(text)) == sorted(field.name for field in dataclasses.fields(spec))
    assert not set(text) & set(" \n") or spec is TASK  # whose values have blanks
    assert text == type(spec)(**dict(reversed(vars(spec).items()))).to_json()


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: type(spec).__name__)
def test_digest_changes_with_every_field(spec):
    others = OTHER[type(spec)]
    assert {field.name for field in dataclasses.fields(spec)} == others.keys() | (
        ONLY_ONE_VALUE & {field.name for field in dataclasses.fields(spec)}
    )
    digests = {dataclasses.replace(spec, **{name: value}).digest for name, value in others.items()}
    assert len(digests | {spec.digest}) == len(others) + 1


def test_digest_is_the_same_in_every_release():
    # Written down once: a change of these breaks the names of runs that others have kept.
    assert NetworkSpec(n_inputs=20).digest == "69596843353649e1"
    assert TrainSpec().digest == "c56f385ccbaead20"


def test_columns_travel_as_json_and_are_checked():
    city = Column(name="city", source="city", encoding="category", labels=("Bern", "Rome"), flag_missing=True)
    spec = NetworkSpec(n_inputs=2, columns=(city, Column(name="age", source="age", fill=0.25)))
    assert NetworkSpec.from_json(spec.to_json()) == spec
    assert spec.layer_sizes == (5, 64, 32, 1)
    for changes, said in (
        ({"labels": ()}, "labels must be two for a boolean, one or more for a category, none for the others"),
        ({"labels": ("Bern", "Bern")}, "labels must be distinct texts"),
        ({"encoding": "boolean", "labels": ("no",)}, "labels must be two for a boolean"),
        ({"encoding": "number"}, "labels must be two for a boolean"),
        ({"fill": float("nan")}, "fill must be a finite number"),
    ):
        with pytest.raises(SpecError, match=said):
            dataclasses.replace(city, **changes)
    with pytest.raises(SpecError, match="columns must be one for each of 3 inputs, or none, but got 2"):
        dataclasses.replace(spec, n_inputs=3)


def test_softmax_has_an_output_for_each_class():
    spec = NetworkSpec(n_inputs=20, output="softmax", n_outputs=3)
    assert spec.layer_sizes == (20, 64, 32, 3)
    assert spec.loss == "categorical_cross_entropy"
    assert NetworkSpec.from_json(spec.to_json()) == spec
    with pytest.raises(SpecError, match="n_outputs must be 2 or more for a softmax output, but got 1: "):
        NetworkSpec(n_inputs=20, output="softmax")


def test_fields_that_came_later_leave_old_digests_alone():
    old = {"n_inputs": 20, "hidden_units": [64, 32], "dtype": "float64"}
    assert NetworkSpec.from_json(json.dumps(old)).digest == NetworkSpec(n_inputs=20, dtype="float64").digest
    assert NetworkSpec.from_json(json.dumps(old)).to_json() == NetworkSpec(n_inputs=20, dtype="float64").to_json()
    for spec in SPECS:
        assert {field.name for field in dataclasses.fields(spec)} >= spec.ADDED


def test_learning_rates_follow_their_formulas():
    for schedule, at_5, at_10, at_25 in (
        ("constant", 2.0, 2.0, 2.0),
        ("step", 2.0, 0.5, 0.125),
        ("exponential", 1.0, 0.5, 2.0 * 0.25**2.5),
        ("cosine", 1.0, 0.0, 0.0),
    ):
        spec = TrainSpec(learning_rate=2.0, schedule=schedule, schedule_steps=10, decay_rate=0.25)
        assert [spec.learning_rate_at(step) for step in (0, 5, 10, 25)] == pytest.approx([2.0, at_5, at_10, at_25])


@pytest.mark.parametrize(
    ("changes", "output", "n_outputs", "field"),
    [
        ({}, "softmax", 3, "loss"),
        ({"loss": "mean_squared_error"}, "sigmoid", 1, "loss"),
        ({"class_weight": (1.0, 2.0, 3.0)}, "sigmoid", 1, "class_weight"),
        ({"loss": "categorical_cross_entropy", "class_weight": (1.0, 2.0)}, "softmax", 3, "class_weight"),
        ({"loss": "mean_squared_error", "class_weight": (1.0, 2.0)}, "linear", 1, "class_weight"),
    ],
)
def test_training_that_does_not_fit_the_network_is_refused(changes, output, n_outputs, field):
    with pytest.raises(SpecError) as raised:
        TrainSpec(**changes).check_fits(output, n_outputs)
    assert raised.value.parameter == field


def test_spec_is_frozen_and_hashable():
    spec = NetworkSpec(n_inputs=2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.seed = 3
    assert len({spec, NetworkSpec(n_inputs=2), NetworkSpec(n_inputs=3)}) == 2


@pytest.mark.parametrize(
    ("sizes", "n_parameters"),
    [((20, 64, 32), 3457), ((3, 5), 26), ((1, 1), 4), ((2, 3, 4, 5), 9 + 16 + 25 + 6), ((7,), 8)],
)
def test_number_of_parameters(sizes, n_parameters):
    spec = NetworkSpec(n_inputs=sizes[0], hidden_units=sizes[1:])
    assert spec.layer_sizes == (*sizes, 1)
    assert spec.n_parameters == n_parameters


# --- what is refused -------------------------------------------------------------------------------------------------

NAN, INFINITY = float("nan"), float("inf")
REFUSED = [
    *[(NetworkSpec, "n_inputs", value) for value in (0, -1)],
    *[(NetworkSpec, "hidden_units", value) for value in ((0,), (64, -2))],
    *[(NetworkSpec, "n_outputs", value) for value in (0, 2)],
    *[(NetworkSpec, "dropout", value) for value in (-0.1, 1.0, 1.5, NAN)],
    *[(NetworkSpec, "seed", value) for value in (-1,)],
    *[(NetworkSpec, "hidden_activation", value) for value in ("swish", "RELU", "")],
    *[(NetworkSpec, "dtype", value) for value in ("float16", "int32")],
    *[(NetworkSpec, "init", value) for value in ("zeros",)],
    *[(NetworkSpec, "scaling", value) for value in ("minmax",)],
    *[(TrainSpec, name, value) for name in ("learning_rate", "epsilon") for value in (0.0, -1e-3, NAN, INFINITY)],
    *[(TrainSpec, name, value) for name in ("beta_1", "beta_2", "rho") for value in (-0.1, 1.0, NAN)],
    *[
        (TrainSpec, name, value)
        for name in ("batch_size", "max_epochs", "patience", "schedule_steps")
        for value in (0, -3)
    ],
    *[(TrainSpec, name, value) for name in ("l2", "weight_decay", "min_delta") for value in (-0.1, NAN, INFINITY)],
    *[(TrainSpec, "momentum", value) for value in (0.0, 1.0, NAN)],
    *[(TrainSpec, "decay_rate", value) for value in (0.0, 1.1, NAN)],
    *[(TrainSpec, "class_weight", value) for value in ((), (1.0,), (1.0, 0.0), (1.0, NAN))],
    *[(TrainSpec, "schedule", value) for value in ("linear",)],
    *[(TrainSpec, "momentum_form", value) for value in ("inside",)],
    *[(TrainSpec, "root_epsilon", value) for value in ("before_correction",)],
    *[(TrainSpec, "shuffle_seed", value) for value in (-1,)],
    *[(TrainSpec, "epsilon_placement", value) for value in ("inside",)],
    *[(TrainSpec, "loss", value) for value in ("hinge",)],
    *[(TrainSpec, "optimizer", value) for value in ("lion",)],
    *[(Task, "kind", value) for value in ("ranking",)],
]


@pytest.mark.parametrize(("kind", "field", "value"), REFUSED, ids=lambda value: getattr(value, "__name__", str(value)))
def test_value_out_of_range_is_refused_by_its_name(kind, field, value):
    spec = next(spec for spec in SPECS if type(spec) is kind)
    with pytest.raises(SpecError) as raised:
        dataclasses.replace(spec, **{field: value})
    assert raised.value.parameter == field
    assert raised.value.received == repr(value)
    assert str(raised.value).startswith(f"{field} must be ")
    assert raised.value.exit_status == UsageError.exit_status == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "null",
        "[]",
        "{",
        "{}",
        '{"n_inputs": "20"}',
        '{"n_inputs": 2.5}',
        '{"n_inputs": 20, "hidden_units": [64, "32"]}',
        '{"n_inputs": 20, "hidden_activation": "swish"}',
        '{"n_inputs": 20, "dropout": null}',
        '{"n_inputs": 0}',
        '{"n_inputs": 20, "dropout": 1.0}',
    ],
)
def test_json_that_is_no_spec_is_refused(text):
    with pytest.raises(SpecError):
        NetworkSpec.from_json(text)


def test_bytes_that_are_no_text_are_refused():
    with pytest.raises(SpecError):
        NetworkSpec.from_json(b'{"n_inputs": 20, "init": "\xff"}')


@given(
    st.builds(
        NetworkSpec,
        n_inputs=st.integers(1, 10**6),
        hidden_units=st.lists(st.integers(1, 10**4), max_size=5).map(tuple),
        hidden_activation=st.sampled_from(["relu", "tanh", "sigmoid", "gelu", "linear"]),
        dropout=st.floats(0, 1, exclude_max=True),
        dtype=st.sampled_from(["float32", "float64"]),
        seed=st.integers(0, 2**63 - 1),
    )
)
def test_every_allowed_spec_survives_the_way_through_json(spec):
    back = NetworkSpec.from_json(spec.to_json())
    assert back == spec
    assert back.digest == spec.digest
    assert len(spec.digest) == 16
