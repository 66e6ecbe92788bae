"""A ReLU gate that flips is found, named and proven; what it does not explain stays unexplained."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from throughline.parity import numpy_stepper
from throughline.parity.departure import count_flips, first_flip, first_step_over
from throughline.parity.feed import draw_feed
from throughline.parity.follow import Follower, Trajectory, load_trajectory
from throughline.parity.judge import Judgement
from throughline.parity.page import departure_sentence
from throughline.parity.record import BARS, CaseRecord
from throughline.parity.tasks import make_case, scaled_rows
from throughline.weights import initial_weights

N_STEPS = 300
CASE = make_case("deep", "sgd", "float32", 0.0, 1)


class Nudged:
    """A stepper that moves one bias by a hair before one step, as rounding might have."""

    def __init__(self, stepper, step, layer, unit, by):
        self.stepper, self.at, self.layer, self.unit, self.by = stepper, step, layer, unit, by

    def step(self, batch):
        if self.stepper.n_steps == self.at:
            self.stepper.network.mlp.biases[self.layer][self.unit] += self.by
        return self.stepper.step(batch)

    def weights(self):
        return self.stepper.weights()


def follow(nudge=None, forced=None, case=CASE):
    X, y, mean, std = scaled_rows(case.task, case.network.seed)
    initial = initial_weights(case.network, mean, std)
    stepper = numpy_stepper.start(case.network, case.train, initial)
    if nudge is not None:
        stepper = Nudged(stepper, *nudge)
    feed = draw_feed(case.network, case.train, X, y, N_STEPS)
    follower = Follower(stepper, initial, case.network, case.train, feed, forced)
    assert follower.run() == ""
    return follower.trajectory()


@pytest.fixture(scope="module")
def plain() -> Trajectory:
    return follow()


@pytest.fixture(scope="module")
def nudge(plain):
    return nudge_across_zero(plain, steps=(110, 200))


def nudge_across_zero(plain: Trajectory, steps: tuple[int, int]):
    """The pre-activation of the third layer that comes closest to 0 in some steps, and what pushes it across."""
    index, z = plain.near_index, plain.near_z
    low, high = steps
    candidates = np.flatnonzero((index[:, 0] >= low) & (index[:, 0] < high) & (index[:, 1] == 2) & (z != 0))
    closest = candidates[np.abs(z[candidates]).argmin()]
    step, layer, _, unit = (int(i) for i in index[closest])
    return step, layer, unit, np.float32(-2 * z[closest])


@pytest.fixture(scope="module")
def other(nudge) -> Trajectory:
    return follow(nudge)


def judge(first, second, case=CASE):
    return Judgement.judge(case, ("numpy", "torch"), {"numpy": first, "torch": second})


def test_a_flipped_gate_is_named_and_proven(plain, other, nudge):
    step, layer, unit, by = nudge
    assert abs(by) < 1e-4
    judged = judge(plain, other)
    assert judged.step is not None
    assert judged.forced == ("numpy", "torch")
    judged.take_proof(follow(forced=other.gates), other)
    pair = judged.record()
    flip = pair.departure.flip
    assert (flip.step, flip.layer, flip.unit) == (step, layer + 1, unit)
    assert flip.pre_activations["numpy"] * flip.pre_activations["torch"] < 0
    assert pair.departure.n_forced >= 1
    assert pair.departure.forced_loss < BARS["float32"].loss < pair.loss
    assert pair.departure.forced_loss < pair.loss / 100
    said = departure_sentence(case_record(pair), pair)
    assert f"the gate of unit {unit} in hidden layer {layer + 1} flipped" in said
    assert "NumPy stays within" in said
    assert pair.met


def test_a_flipped_gate_excuses_nothing_in_the_first_hundred_steps(plain):
    early = follow(nudge_across_zero(plain, steps=(20, 60)))
    judged = judge(plain, early)
    judged.forced_loss = 0.0
    pair = judged.record()
    assert pair.early_loss > BARS["float32"].early_loss
    assert not pair.met


def test_float64_has_no_such_excuse(plain, other):
    case = dataclasses.replace(CASE, network=dataclasses.replace(CASE.network, dtype="float64"))
    judged = judge(plain, other, case)
    judged.forced_loss = 0.0
    assert not judged.record().met


def test_what_the_gates_do_not_explain_is_no_pass(plain):
    mistaken = follow(case=dataclasses.replace(CASE, train=dataclasses.replace(CASE.train, l2=1e-3)))
    judged = judge(plain, mistaken)
    if judged.flip is not None:
        judged.take_proof(follow(forced=mistaken.gates), mistaken)
        assert judged.forced_loss > BARS["float32"].loss
    assert not judged.record().met
    said = departure_sentence(case_record(judged.record()), judged.record())
    assert "still departs by" in said or "not explained" in said


def test_forcing_its_own_gates_changes_nothing(plain):
    again = follow(forced=plain.gates)
    assert count_flips(again, plain) == 0
    np.testing.assert_array_equal(again.losses, plain.losses)


def test_a_trajectory_survives_its_file(plain, tmp_path):
    plain.save(tmp_path / "t.npz")
    back = load_trajectory(tmp_path / "t.npz")
    for name in ("losses", "near_index", "near_z"):
        np.testing.assert_array_equal(getattr(back, name), getattr(plain, name))
    for name in ("parameters", "gates"):
        for mine, theirs in zip(getattr(back, name), getattr(plain, name), strict=True):
            np.testing.assert_array_equal(mine, theirs)
            assert mine.dtype == theirs.dtype


def test_a_gate_far_from_0_is_no_rounding():
    gates = [np.zeros((3, 2, 4), bool), np.zeros((3, 2, 5), bool)]
    other_gates = [gate.copy() for gate in gates]
    other_gates[1][2, 1, 3] = True
    none = {"losses": np.zeros(3), "parameters": []}
    index, no_index = np.array([[2, 1, 1, 3]]), np.zeros((0, 4), np.int64)
    near = Trajectory(**none, gates=gates, near_index=index, near_z=np.array([-1e-8]))
    far = Trajectory(**none, gates=other_gates, near_index=no_index, near_z=np.zeros(0))
    close = Trajectory(**none, gates=other_gates, near_index=index, near_z=np.array([2e-8]))
    assert first_flip(("a", "b"), near, far) is None
    flip = first_flip(("a", "b"), near, close)
    assert (flip.step, flip.layer, flip.row, flip.unit) == (2, 2, 1, 3)
    assert flip.pre_activations == {"a": -1e-8, "b": 2e-8}
    assert first_flip(("a", "b"), near, near) is None


def test_the_first_hundred_steps_have_a_narrower_bar():
    bars = BARS["float32"]
    differences = np.full(300, 5e-6)
    assert first_step_over(differences, bars) == 0
    differences[:100] = 1e-7
    assert first_step_over(differences, bars) is None
    differences[250:] = 2e-5
    assert first_step_over(differences, bars) == 250


def case_record(pair) -> CaseRecord:
    return CaseRecord(
        task="deep",
        optimizer="sgd",
        dtype="float32",
        layer_sizes=[20, 64, 64, 64, 64, 3],
        dropout=0.0,
        frameworks=["numpy", "torch"],
        left_out={},
        diverged={},
        good_weights={},
        pairs=[pair],
        first_loss=1.0,
        last_loss=0.5,
    )
