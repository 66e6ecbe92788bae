"""What a framework offers to a comparison: one training step at a time, nothing left to its defaults."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, cast

from throughline.frameworks.base import PRELOAD
from throughline.parity.feed import Batch
from throughline.spec import NetworkSpec, TrainSpec
from throughline.weights import Array, Weights

PRELOADS = PRELOAD | {"sklearn": ["numpy", "sklearn.neural_network"]}


@dataclass(frozen=True)
class Step:
    """What a training step found on its way.

    Attributes
    ----------
    loss : float
        Of the batch, before the weights moved, class weights in it and the penalty not.
    z : list of ndarray of shape (n_samples, fan_out)
        The pre-activations of each layer, as the framework computed them.
    """

    loss: float
    z: list[Array]


class Stepper(Protocol):
    """A network in training."""

    def step(self, batch: Batch) -> Step:
        """Do one step: forward, backward, update."""

    def weights(self) -> Weights:
        """Return copies of the present weights."""


def start(framework: str, network: NetworkSpec, train: TrainSpec, weights: Weights) -> Stepper:
    """Return the network of a framework before its first step.

    Parameters
    ----------
    framework : {"numpy", "keras", "torch", "sklearn"}
    network, train : NetworkSpec, TrainSpec
    weights : Weights
        Where to start.
    """
    module = importlib.import_module(f"throughline.parity.{framework}_stepper")
    begin = cast(Callable[[NetworkSpec, TrainSpec, Weights], Stepper], module.start)
    return begin(network, train, weights)
