"""Specs check themselves, travel as JSON and have a digest."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from throughline.errors import SpecError, UsageError
from throughline.spec import NetworkSpec, Task, TrainSpec

TASK = Task(name="t", kind="binary", feature_names=("a", "b"), class_names=("no", "yes"), source="by hand")
SPECS = [NetworkSpec(n_inputs=20), TrainSpec(), TASK]
# Another allowed value for each field that the first value of `SPECS` does not have.
OTHER = {
    NetworkSpec: {
        "n_inputs": 21,
        "hidden_units": (64, 33),
        "hidden_activation": "tanh",
        "dropout": 0.25,
        "dtype": "float64",
        "seed": 1,
    },
    TrainSpec: {
        "learning_rate": 1e-3,
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
ONLY_ONE_VALUE = {"init", "loss", "optimizer"}


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


def test_spec_is_frozen_and_hashable():
    spec = NetworkSpec(n_inputs=2)
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.seed = 3
    assert len({spec, NetworkSpec(n_inputs=2), NetworkSpec(n_inputs=3)}) == 2


@pytest.mark.parametrize(
    ("sizes", "n_parameters"), [((20, 64, 32), 3457), ((3, 5), 26), ((1, 1), 4), ((2, 3, 4, 5), 9 + 16 + 25 + 6)]
)
def test_number_of_parameters(sizes, n_parameters):
    spec = NetworkSpec(n_inputs=sizes[0], hidden_units=sizes[1:])
    assert spec.layer_sizes == (*sizes, 1)
    assert spec.n_parameters == n_parameters


# --- what is refused -------------------------------------------------------------------------------------------------

NAN, INFINITY = float("nan"), float("inf")
REFUSED = [
    *[(NetworkSpec, "n_inputs", value) for value in (0, -1)],
    *[(NetworkSpec, "hidden_units", value) for value in ((), (0,), (64, -2))],
    *[(NetworkSpec, "dropout", value) for value in (-0.1, 1.0, 1.5, NAN)],
    *[(NetworkSpec, "seed", value) for value in (-1,)],
    *[(NetworkSpec, "hidden_activation", value) for value in ("gelu", "RELU", "")],
    *[(NetworkSpec, "dtype", value) for value in ("float16", "int32")],
    *[(NetworkSpec, "init", value) for value in ("zeros",)],
    *[(TrainSpec, name, value) for name in ("learning_rate", "epsilon") for value in (0.0, -1e-3, NAN, INFINITY)],
    *[(TrainSpec, name, value) for name in ("beta_1", "beta_2") for value in (-0.1, 1.0, NAN)],
    *[(TrainSpec, name, value) for name in ("batch_size", "max_epochs", "patience") for value in (0, -3)],
    *[(TrainSpec, "shuffle_seed", value) for value in (-1,)],
    *[(TrainSpec, "epsilon_placement", value) for value in ("inside",)],
    *[(TrainSpec, "loss", value) for value in ("hinge",)],
    *[(TrainSpec, "optimizer", value) for value in ("sgd",)],
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
        '{"n_inputs": 20, "hidden_activation": "gelu"}',
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
        hidden_units=st.lists(st.integers(1, 10**4), min_size=1, max_size=5).map(tuple),
        hidden_activation=st.sampled_from(["relu", "tanh", "sigmoid"]),
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
