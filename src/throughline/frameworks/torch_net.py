"""Chapter 4: the same network in PyTorch, with the training loop written out.

No ``from __future__ import annotations`` here: TorchScript reads the annotations and does not resolve strings.
"""

import copy

import numpy as np
import torch
from torch import Tensor, nn

from throughline.data.split import Split
from throughline.frameworks.base import Epoch, OnEpoch, refuse_other_epsilon
from throughline.spec import NetworkSpec, TrainSpec
from throughline.weights import Array, Weights

ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "tanh": nn.Tanh, "sigmoid": nn.Sigmoid}


class PyTorchNN(nn.Module):
    """Dense network from raw rows to the probability of class 1.

    Parameters
    ----------
    spec : NetworkSpec
        Architecture: hidden layers, each followed by activation and dropout, then one sigmoid unit.

    Examples
    --------
    >>> network = PyTorchNN(NetworkSpec(n_inputs=20))
    >>> network.eval()(torch.zeros(3, 20)).shape
    torch.Size([3, 1])
    """

    mean: Tensor
    std: Tensor

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        dtype = getattr(torch, spec.dtype)
        # Buffers, not parameters: they are saved and exported with the network but never trained.
        self.register_buffer("mean", torch.zeros(spec.n_inputs, dtype=dtype))
        self.register_buffer("std", torch.ones(spec.n_inputs, dtype=dtype))
        layers: list[nn.Module] = []
        for fan_in, fan_out in zip(spec.layer_sizes[:-2], spec.hidden_units, strict=True):
            layers += [
                nn.Linear(fan_in, fan_out, dtype=dtype),
                ACTIVATIONS[spec.hidden_activation](),
                nn.Dropout(spec.dropout),
            ]
        layers += [nn.Linear(spec.hidden_units[-1], 1, dtype=dtype), nn.Sigmoid()]
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map raw rows of shape (n_samples, n_inputs) to probabilities of shape (n_samples, 1)."""
        probabilities: Tensor = self.layers((x - self.mean) / self.std)
        return probabilities


def build(spec: NetworkSpec, weights: Weights) -> PyTorchNN:
    """Return a `PyTorchNN` with these weights, in evaluation mode."""
    torch.manual_seed(spec.seed)
    network = PyTorchNN(spec)
    set_weights(network, weights)
    return network.eval()


def get_weights(network: PyTorchNN) -> Weights:
    """Return copies of all weights; PyTorch keeps kernels as (fan_out, fan_in), so they are transposed."""
    linear = _linear_layers(network)
    return Weights(
        network.mean.numpy().copy(),
        network.std.numpy().copy(),
        tuple(layer.weight.detach().numpy().T.copy() for layer in linear),
        tuple(layer.bias.detach().numpy().copy() for layer in linear),
    )


def set_weights(network: PyTorchNN, weights: Weights) -> None:
    """Overwrite all weights, scaling included."""
    with torch.no_grad():
        network.mean.copy_(torch.from_numpy(weights.mean))
        network.std.copy_(torch.from_numpy(weights.std))
        for layer, kernel, bias in zip(_linear_layers(network), weights.kernels, weights.biases, strict=True):
            layer.weight.copy_(torch.from_numpy(kernel.T.copy()))
            layer.bias.copy_(torch.from_numpy(bias))


def fit(network: PyTorchNN, spec: TrainSpec, split: Split, on_epoch: OnEpoch) -> list[Epoch]:
    """Train with an explicit loop and early stopping on the validation loss."""
    refuse_other_epsilon("torch", "after_correction", spec)
    torch.manual_seed(spec.shuffle_seed)
    optimizer = torch.optim.Adam(
        network.parameters(), lr=spec.learning_rate, betas=(spec.beta_1, spec.beta_2), eps=spec.epsilon
    )
    loss_function = nn.BCELoss()
    X, y = _tensors(network, split.X_train, split.y_train)
    X_val, y_val = _tensors(network, split.X_val, split.y_val)
    epochs: list[Epoch] = []
    best_loss, best_state, best_number = float("inf"), network.state_dict(), 0

    for number in range(1, spec.max_epochs + 1):
        network.train()
        total = torch.zeros(())
        for rows in torch.randperm(len(X)).split(spec.batch_size):
            optimizer.zero_grad()
            loss = loss_function(network(X[rows]), y[rows])
            loss.backward()
            optimizer.step()
            total += loss.detach() * len(rows)

        network.eval()
        with torch.no_grad():
            probabilities = network(X_val)
            val_loss = loss_function(probabilities, y_val).item()
            val_accuracy = ((probabilities > 0.5) == (y_val > 0.5)).double().mean().item()
        epochs.append(Epoch(number, total.item() / len(X), val_loss, val_accuracy))
        on_epoch(epochs[-1])
        if val_loss < best_loss:
            best_loss, best_state, best_number = val_loss, copy.deepcopy(network.state_dict()), number
        if number - best_number >= spec.patience:
            break

    network.load_state_dict(best_state)
    return epochs


def predict(network: PyTorchNN, X: Array) -> Array:
    """Return the probability of class 1, shape (n_samples,)."""
    with torch.inference_mode():
        probabilities: Array = network(torch.from_numpy(np.ascontiguousarray(X)).to(network.mean.dtype)).numpy()
    return probabilities[:, 0]


def gradients(network: PyTorchNN, X: Array, y: Array) -> list[Array]:
    """Return the gradients that autograd finds, dropout off; kernels as (fan_in, fan_out)."""
    network.zero_grad()
    inputs, labels = _tensors(network, X, y)
    nn.BCELoss()(network(inputs), labels).backward()
    return [p.grad.numpy().T.copy() for p in network.parameters() if p.grad is not None]


def _tensors(network: PyTorchNN, X: Array, y: Array) -> tuple[Tensor, Tensor]:
    dtype = network.mean.dtype
    return torch.from_numpy(np.ascontiguousarray(X)).to(dtype), torch.from_numpy(y).to(dtype)[:, None]


def _linear_layers(network: PyTorchNN) -> list[nn.Linear]:
    return [layer for layer in network.layers if isinstance(layer, nn.Linear)]
