"""The trajectory of PyTorch: its layers, its autograd, its stock optimizers.

What must be aligned, and where PyTorch differs:

- the loss is taken from the logits, without the clipping at -100 that `BCELoss` has;
- Adam adds epsilon after the bias correction. ``epsilon / sqrt(1 - beta_2**t)`` there is epsilon before it;
- the velocity of SGD adds up gradients, not steps: where the rate changes, gradients are multiplied by it beforehand,
  and the optimizer's own rate is 1.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from throughline.frameworks import torch_net
from throughline.frameworks.torch_net import PyTorchNN, linear_layers, set_option
from throughline.parity.feed import Batch
from throughline.parity.stepper import Step
from throughline.spec import NetworkSpec, TrainSpec
from throughline.weights import Weights

ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "tanh": torch.tanh,
    "sigmoid": torch.sigmoid,
    "gelu": functional.gelu,
    "linear": lambda z: z,
}
# Loss of each row from logits and targets of shape (n_samples, n_outputs).
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "sigmoid": lambda z, y: functional.binary_cross_entropy_with_logits(z, y, reduction="none")[:, 0],
    "softmax": lambda z, y: functional.cross_entropy(z, y, reduction="none"),
    "linear": lambda z, y: functional.mse_loss(z, y, reduction="none")[:, 0],
}


class TorchStepper:
    """A `PyTorchNN` in training."""

    def __init__(self, network: PyTorchNN, spec: NetworkSpec, train: TrainSpec) -> None:
        self.network, self.spec, self.train = network, spec, train
        self.optimizer = torch_net.make_optimizer(network, train)
        self.optimizer.register_step_pre_hook(lambda *_: self._align_optimizer())  # after its penalty and schedule
        self.n_steps = 0

    def step(self, batch: Batch) -> Step:
        """Do one step: zero_grad, forward, loss, backward, step."""
        self.optimizer.zero_grad()
        z = self._forward(batch)
        loss = self._loss(z[-1], batch)
        loss.backward()
        self.optimizer.step()
        self.n_steps += 1
        return Step(loss.item(), [layer.detach().numpy() for layer in z])

    def weights(self) -> Weights:
        """Return copies of the present weights."""
        return torch_net.get_weights(self.network)

    def _forward(self, batch: Batch) -> list[Tensor]:
        a = (torch.from_numpy(batch.X) - self.network.mean) / self.network.std
        *hidden, last = linear_layers(self.network)
        z: list[Tensor] = []
        for i, layer in enumerate(hidden):
            z.append(layer(a))
            if batch.gates is None:
                a = ACTIVATIONS[self.spec.hidden_activation](z[-1])
            else:
                a = z[-1] * torch.from_numpy(batch.gates[i])
            if batch.masks is not None:
                a = a * torch.from_numpy(batch.masks[i])
        return [*z, last(a)]

    def _loss(self, logits: Tensor, batch: Batch) -> Tensor:
        losses = LOSSES[self.spec.output](logits, torch.from_numpy(batch.y))
        if batch.row_weights is None:
            return losses.mean()
        weights = torch.from_numpy(batch.row_weights)
        divisor = weights.sum() if self.train.weight_mean == "weights" else len(weights)
        return (losses * weights).sum() / divisor

    def _align_optimizer(self) -> None:
        """Give the stock optimizer, for its next step, the settings that make it follow the spec's rules."""
        train, t = self.train, self.n_steps + 1
        if train.optimizer in ("adam", "adamw") and train.epsilon_placement == "before_correction":
            set_option(self.optimizer, "eps", train.epsilon / math.sqrt(1 - train.beta_2**t))
        rate_inside = train.optimizer in ("momentum", "nesterov") and train.momentum_form == "rate_inside"
        if rate_inside and train.schedule != "constant":
            set_option(self.optimizer, "lr", 1.0)
            for parameter in self.network.parameters():
                assert parameter.grad is not None  # backward has run
                parameter.grad.mul_(train.learning_rate_at(t - 1))


def start(network: NetworkSpec, train: TrainSpec, weights: Weights) -> TorchStepper:
    """Return the network before its first step."""
    return TorchStepper(torch_net.build(network, weights), network, train)
