"""Faults in a live PyTorch network, before it is exported.

No ``from __future__ import annotations`` here, as in `frameworks.torch_net`: TorchScript reads the annotations.
"""

import torch
from torch import Tensor, nn

from throughline.frameworks.torch_net import OUTPUTS, PyTorchNN


class DropoutLeftOn(nn.Module):
    """Inverted dropout that does not ask whether it is training; exporters drop `nn.Dropout` whatever its mode."""

    def __init__(self, p: float) -> None:
        super().__init__()
        self.p = p

    def forward(self, x: Tensor) -> Tensor:
        """Drop and scale up."""
        kept = (torch.rand_like(x) >= self.p).to(x.dtype)
        return x * kept / (1.0 - self.p)


class TwoAnswers(nn.Module):
    """Gives each answer twice."""

    def forward(self, x: Tensor) -> Tensor:
        """Put both beside each other."""
        return torch.cat([x, x], 1)


class OneRow(nn.Module):
    """Takes what comes for one row, whatever came."""

    def __init__(self, n_inputs: int) -> None:
        super().__init__()
        self.n_inputs = n_inputs

    def forward(self, x: Tensor) -> Tensor:
        """Lay it out as one row."""
        return x.reshape(1, self.n_inputs)


def leave_dropout_on(network: PyTorchNN) -> PyTorchNN:
    """Replace each dropout by one that is always on."""
    for index, layer in enumerate(network.layers):
        if isinstance(layer, nn.Dropout):
            network.layers[index] = DropoutLeftOn(layer.p)
    return network


def apply_sigmoid_twice(network: PyTorchNN) -> PyTorchNN:
    """Append the output function once more: a sigmoid, or a softmax."""
    network.layers.append(OUTPUTS[network.output]())
    return network


def answer_twice(network: PyTorchNN) -> PyTorchNN:
    """Append what doubles each answer."""
    network.layers.append(TwoAnswers())
    return network


def answer_one_row(network: PyTorchNN) -> PyTorchNN:
    """Begin with what takes one row alone."""
    network.layers.insert(0, OneRow(len(network.mean)))
    return network
