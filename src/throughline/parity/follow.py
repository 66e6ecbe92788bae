"""What a child process does: take a framework through all steps of a case and write down every loss."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from throughline.frameworks.base import describe_weights
from throughline.parity.expressible import TITLES
from throughline.parity.feed import Batch, Feed, load_feed, pack, unpack
from throughline.parity.stepper import Step, Stepper, start
from throughline.processes import Emit
from throughline.spec import NetworkSpec, TrainSpec
from throughline.weights import Array, Weights, load_weights

# Pre-activations this close to 0 are written down: rounding flips no gate that is further away.
NEAR_0 = 1e-3


@dataclass
class Trajectory:
    """What a training left behind.

    Attributes
    ----------
    losses : ndarray of shape (n_steps,), float64
    parameters : list of ndarray
        After the last step, in the order of `Weights.parameters`.
    gates : list of ndarray of shape (n_steps, batch_size, units), bool
        For each hidden ReLU layer which units were open: pre-activation above 0 and not dropped; empty for other
        activations.
    near_index : ndarray of shape (n, 4), int64
        Step, layer, row and unit of each hidden pre-activation close to 0.
    near_z : ndarray of shape (n,), float64
        These pre-activations.
    """

    losses: Array
    parameters: list[Array]
    gates: list[Array]
    near_index: Array
    near_z: Array

    def z_at(self, where: tuple[int, int, int, int]) -> float | None:
        """Return a hidden pre-activation by step, layer, row and unit, or None if it was not close to 0."""
        found = np.flatnonzero((self.near_index == where).all(axis=1))
        return float(self.near_z[found[0]]) if len(found) else None

    def save(self, path: Path) -> None:
        """Write everything as .npz."""
        parameters = {f"parameter_{i}": array for i, array in enumerate(self.parameters)}
        rest = {"losses": self.losses, "near_index": self.near_index, "near_z": self.near_z}
        np.savez(path, allow_pickle=False, **rest | parameters | pack("gates", self.gates))


def load_trajectory(path: Path) -> Trajectory:
    """Read what `Trajectory.save` wrote; pickled objects are refused."""
    with np.load(path, allow_pickle=False) as arrays:
        n_parameters = sum(name.startswith("parameter_") for name in arrays)
        return Trajectory(
            losses=arrays["losses"],
            parameters=[arrays[f"parameter_{i}"] for i in range(n_parameters)],
            gates=unpack("gates", arrays),
            near_index=arrays["near_index"],
            near_z=arrays["near_z"],
        )


def follow_all(framework: str, jobs: list[dict[str, str]], emit: Emit) -> list[str]:
    """Do several trainings in one process: importing a framework takes longer than most of them.

    Parameters
    ----------
    framework : {"numpy", "keras", "torch", "sklearn"}
    jobs : list of dict
        For each training its ``name``, the specs ``network`` and ``train`` as JSON, the files ``feed`` and ``initial``,
        the file to write, ``out``, and in ``gates`` the trajectory whose gates are to be forced, or nothing.
    emit : callable
        Receives ``{"case": ..., "number": ..., "of": ...}``.

    Returns
    -------
    list of str
        For each job nothing, or how it diverged.
    """
    said = []
    for number, job in enumerate(jobs, start=1):
        emit({"case": job["name"], "number": number, "of": len(jobs)})
        network, train = NetworkSpec.from_json(job["network"]), TrainSpec.from_json(job["train"])
        initial, _ = load_weights(Path(job["initial"]))
        gates = load_trajectory(Path(job["gates"])).gates if job["gates"] else None
        stepper = start(framework, network, train, initial)
        follower = Follower(stepper, initial, network, train, load_feed(Path(job["feed"])), gates)
        out = Path(job["out"])
        broken = follower.run()
        if broken:
            broken = f"Training in {TITLES[framework]} diverged in {broken}."
            follower.good.save(good_weights_path(out), network)
        else:
            follower.trajectory().save(out)
        said.append(broken)
    return said


def good_weights_path(out: Path) -> Path:
    """Return where a training that diverges leaves its last good weights, instead of its trajectory."""
    return out.with_suffix(".good.safetensors")


@dataclass
class Follower:
    """Takes a network through its steps.

    Attributes
    ----------
    good, present : Weights
        Before the last step whose loss was finite; before the step that is next.
    """

    stepper: Stepper
    present: Weights
    network: NetworkSpec
    train: TrainSpec
    feed: Feed
    forced: Sequence[Array] | None = None
    losses: list[float] = field(default_factory=list)
    gates: list[Array] = field(default_factory=list)
    near: list[tuple[Array, Array]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.good = self.present
        if self.network.hidden_activation == "relu":
            shape = self.feed.order.shape
            self.gates = [np.zeros((*shape, units), bool) for units in self.network.hidden_units]

    @np.errstate(over="ignore", invalid="ignore", divide="ignore")  # what is not finite is looked for and named
    def run(self) -> str:
        """Do all steps; return nothing, or where the training broke down."""
        for number in range(self.feed.n_steps):
            batch = self.feed.batch(number, self.network, self.train, self.forced)
            step = self.stepper.step(batch)
            if not math.isfinite(step.loss):
                return f"step {number}: {_broken_layer(step)}; before it, {describe_weights(self.present)}"
            self.losses.append(step.loss)
            self._note_gates(number, batch, step)
            self.good, self.present = self.present, self.stepper.weights()
        if not all(np.isfinite(array).all() for array in self.present.parameters):
            return f"step {self.feed.n_steps - 1}: {describe_weights(self.present)}"
        return ""

    def trajectory(self) -> Trajectory:
        """Return what is known after the last step."""
        index, z = (
            (np.concatenate(part) for part in zip(*self.near, strict=True)) if self.near else (_NONE, _NONE[:, 0])
        )
        return Trajectory(np.array(self.losses), self.present.parameters, self.gates, index, z)

    def _note_gates(self, number: int, batch: Batch, step: Step) -> None:
        for layer, gates in enumerate(self.gates):
            z = step.z[layer]
            # Where dropout has shut a unit, its gate does nothing, whichever way it stands.
            kept = np.ones(z.shape, bool) if batch.masks is None else batch.masks[layer] > 0
            gates[number, : len(z)] = (z > 0) & kept
            row, unit = np.nonzero((np.abs(z) < NEAR_0) & kept)
            index = np.column_stack([np.full_like(row, number), np.full_like(row, layer), row, unit])
            self.near.append((index, z[row, unit].astype(np.float64)))


_NONE = np.zeros((0, 4))


def _broken_layer(step: Step) -> str:
    broken = [layer for layer, z in enumerate(step.z, start=1) if not np.isfinite(z).all()]
    where = (
        f"the first layer whose pre-activations are not finite is {broken[0]}" if broken else "all layers are finite"
    )
    return f"the loss is {step.loss}, {where}"
