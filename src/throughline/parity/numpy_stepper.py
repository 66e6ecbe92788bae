"""The trajectory of `scratch`: the reference that can be read."""

from __future__ import annotations

from dataclasses import dataclass

from throughline.data.scaling import scale
from throughline.frameworks import numpy_net
from throughline.frameworks.numpy_net import NumpyNet
from throughline.parity.feed import Batch
from throughline.parity.stepper import Step
from throughline.scratch import Activation, Adam, GradientDescent, RMSprop
from throughline.spec import NetworkSpec, TrainSpec
from throughline.weights import Array, Weights


@dataclass
class NumpyStepper:
    """A network of `scratch` in training."""

    network: NumpyNet
    train: TrainSpec
    optimizer: GradientDescent | RMSprop | Adam
    n_steps: int = 0

    def step(self, batch: Batch) -> Step:
        """Do one step of backpropagation and of the optimizer."""
        mlp = self.network.mlp
        if batch.gates is not None:
            mlp.hidden = tuple(_gated(gate) for gate in batch.gates)
        X = scale(batch.X, self.network.mean, self.network.std)
        trace, loss, gradients = numpy_net.loss_and_gradients(
            mlp, self.train, X, batch.y, batch.masks, batch.row_weights
        )
        self.optimizer.learning_rate = self.train.learning_rate_at(self.n_steps)
        self.optimizer.update(mlp.parameters, gradients)
        self.n_steps += 1
        return Step(loss, trace.z)

    def weights(self) -> Weights:
        """Return copies of the present weights."""
        return numpy_net.get_weights(self.network)


def start(network: NetworkSpec, train: TrainSpec, weights: Weights) -> NumpyStepper:
    """Return the network before its first step."""
    return NumpyStepper(numpy_net.build(network, weights), train, numpy_net.make_optimizer(train))


def _gated(gate: Array) -> Activation:
    """Return a ReLU that is told when to be open."""
    return Activation("gated", lambda z: z * gate, lambda z, a: gate)
