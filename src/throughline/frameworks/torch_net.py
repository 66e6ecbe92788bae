"""Chapter 4: the same network in PyTorch, with the training loop written out.

No ``from __future__ import annotations`` here: TorchScript reads the annotations and does not resolve strings.
"""

import copy
import itertools
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from throughline.data.features import HALF_A_CODE, select
from throughline.data.split import Split
from throughline.frameworks.base import Epoch, OnEpoch, Stopping, divergence, refuse_other_than_stock
from throughline.frameworks.rows import answers, batches, row_weights, score, targets
from throughline.spec import NetworkSpec, TrainSpec
from throughline.weights import Array, Weights

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "gelu": nn.GELU,
    "linear": nn.Identity,
}
OUTPUTS: dict[str, Callable[[], nn.Module]] = {
    "sigmoid": nn.Sigmoid,
    "softmax": lambda: nn.Softmax(dim=1),
    "linear": nn.Identity,
}


class PyTorchNN(nn.Module):
    """Dense network from raw rows to the answer.

    Parameters
    ----------
    spec : NetworkSpec
        Architecture: hidden layers, each followed by activation and dropout, then the output.

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
        self.columns = Columns(spec) if spec.columns else nn.Identity()
        layers: list[nn.Module] = []
        for fan_in, fan_out in zip(spec.layer_sizes[:-2], spec.hidden_units, strict=True):
            layers += [
                nn.Linear(fan_in, fan_out, dtype=dtype),
                ACTIVATIONS[spec.hidden_activation](),
                nn.Dropout(spec.dropout),
            ]
        layers += [nn.Linear(spec.layer_sizes[-2], spec.n_outputs, dtype=dtype), OUTPUTS[spec.output]()]
        self.layers = nn.Sequential(*layers)
        self.output = spec.output

    def forward(self, x: Tensor) -> Tensor:
        """Map raw rows of shape (n_samples, n_inputs) to answers of shape (n_samples, n_outputs)."""
        answers: Tensor = self.layers(self.columns((x - self.mean) / self.std))
        return answers


class Columns(nn.Module):
    """Selects the features of scaled rows, as `data.features.select_features` does.

    Parameters
    ----------
    spec : NetworkSpec
        With columns.
    """

    numbers: Tensor
    fills: Tensor
    flags: Tensor
    labels: Tensor
    codes: Tensor

    def __init__(self, spec: NetworkSpec) -> None:
        super().__init__()
        chosen, dtype = select(spec.columns), getattr(torch, spec.dtype)
        for name in ("numbers", "flags", "labels", "fills", "codes"):
            values = torch.from_numpy(getattr(chosen, name))
            # torch.export cannot save a tensor without elements (torch 2.13): what is not used has one.
            values = values if len(values) else torch.zeros(1, dtype=values.dtype)
            self.register_buffer(name, values.to(dtype) if name in ("fills", "codes") else values, persistent=False)
        self.has_numbers, self.has_flags = len(chosen.numbers) > 0, len(chosen.flags) > 0
        self.has_labels, self.half_a_code = len(chosen.labels) > 0, HALF_A_CODE

    def forward(self, x: Tensor) -> Tensor:
        """Map scaled rows of shape (n_samples, n_inputs) to features of shape (n_samples, n_features)."""
        features: list[Tensor] = []
        if self.has_numbers:
            numbers = x.index_select(1, self.numbers)
            features.append(torch.where(numbers.isnan(), self.fills, numbers))
        if self.has_flags:
            features.append(x.index_select(1, self.flags).isnan().to(x.dtype))
        if self.has_labels:
            distance = (x.index_select(1, self.labels) - self.codes).abs()
            features.append((distance < self.half_a_code).to(x.dtype))
        return torch.cat(features, dim=1)


def build(spec: NetworkSpec, weights: Weights) -> PyTorchNN:
    """Return a `PyTorchNN` with these weights, in evaluation mode."""
    torch.manual_seed(spec.seed)
    network = PyTorchNN(spec)
    set_weights(network, weights)
    return network.eval()


def get_weights(network: PyTorchNN) -> Weights:
    """Return copies of all weights; PyTorch keeps kernels as (fan_out, fan_in), so they are transposed."""
    linear = linear_layers(network)
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
        for layer, kernel, bias in zip(linear_layers(network), weights.kernels, weights.biases, strict=True):
            layer.weight.copy_(torch.from_numpy(kernel.T.copy()))
            layer.bias.copy_(torch.from_numpy(bias))


def fit(network: PyTorchNN, spec: TrainSpec, split: Split, on_epoch: OnEpoch) -> list[Epoch]:
    """Train with an explicit loop and early stopping on the validation loss."""
    spec.check_fits(network.output, n_outputs(network))
    weights = _weights(network, spec, split.y_train, split.weights_train)
    weights_val = _weights(network, spec, split.y_val, split.weights_val)
    refuse_other_than_stock("torch", spec, weighted=weights is not None)
    torch.manual_seed(spec.shuffle_seed)
    optimizer = make_optimizer(network, spec)
    loss_function = _loss_function(network.output, spec)
    X, y = _tensors(network, split.X_train, split.y_train)
    X_val, y_val = _tensors(network, split.X_val, split.y_val)
    epochs: list[Epoch] = []
    initial, stopping = copy.deepcopy(network.state_dict()), Stopping(spec)

    for number in range(1, spec.max_epochs + 1):
        network.train()
        totals = []
        for rows in _batches(len(X), spec):
            optimizer.zero_grad()
            loss = loss_function(network(X[rows]), y[rows], None if weights is None else weights[rows])
            loss.backward()
            optimizer.step()
            totals.append(loss.detach() * len(rows))

        network.eval()
        with torch.no_grad():
            answered = network(X_val)
            val_loss = loss_function(answered, y_val, weights_val).item()
        loss_of_epoch = float(sum(totals)) / min(len(X), len(totals) * spec.batch_size)
        if not math.isfinite(loss_of_epoch + val_loss):
            failure = divergence("torch", number, [float(total) for total in totals], val_loss, get_weights(network))
            network.load_state_dict(stopping.good or initial)
            raise failure
        val_accuracy = score(answers(answered.numpy()), split.y_val, network.output)
        epochs.append(Epoch(number, loss_of_epoch, val_loss, val_accuracy))
        on_epoch(epochs[-1])
        if stopping.after(epochs[-1], lambda: copy.deepcopy(network.state_dict())):
            break

    network.load_state_dict(stopping.kept)
    return epochs


def predict(network: PyTorchNN, X: Array) -> Array:
    """Return probabilities or values, shape (n_samples,), or (n_samples, n_classes) under softmax."""
    with torch.inference_mode():
        return answers(network(torch.from_numpy(np.ascontiguousarray(X)).to(network.mean.dtype)).numpy())


def gradients(network: PyTorchNN, X: Array, y: Array) -> list[Array]:
    """Return the gradients that autograd finds, dropout off; kernels as (fan_in, fan_out)."""
    network.zero_grad()
    inputs, wanted = _tensors(network, X, y)
    LOSSES[network.output](network(inputs), wanted).mean().backward()
    return [p.grad.numpy().T.copy() for p in network.parameters() if p.grad is not None]


def n_outputs(network: PyTorchNN) -> int:
    """Return how many outputs the network has."""
    return linear_layers(network)[-1].out_features


def make_optimizer(network: PyTorchNN, spec: TrainSpec) -> torch.optim.Optimizer:
    """Return the stock optimizer that the spec names, with its penalty and its schedule.

    Both join just before each step, so that the loop need not know of them.
    """
    parameters, rate, betas = network.parameters(), spec.learning_rate, (spec.beta_1, spec.beta_2)
    optimizer: torch.optim.Optimizer
    if spec.optimizer == "sgd":
        optimizer = torch.optim.SGD(parameters, rate)
    elif spec.optimizer in ("momentum", "nesterov"):
        optimizer = torch.optim.SGD(parameters, rate, spec.momentum, nesterov=spec.optimizer == "nesterov")
    elif spec.optimizer == "rmsprop":
        optimizer = torch.optim.RMSprop(parameters, rate, alpha=spec.rho, eps=spec.epsilon)
    elif spec.optimizer == "adam":
        optimizer = torch.optim.Adam(parameters, rate, betas, spec.epsilon)
    else:
        optimizer = torch.optim.AdamW(parameters, rate, betas, spec.epsilon, spec.weight_decay)
    if spec.l2 > 0:
        # PyTorch's weight_decay would take biases too, and means another thing in AdamW.
        optimizer.register_step_pre_hook(lambda *_: _add_penalty(network, spec.l2))
    if spec.schedule != "constant":
        steps = itertools.count()
        optimizer.register_step_pre_hook(lambda *_: set_option(optimizer, "lr", spec.learning_rate_at(next(steps))))
    return optimizer


def set_option(optimizer: torch.optim.Optimizer, name: str, value: float) -> None:
    """Change a hyperparameter of all parameters, by PyTorch's name for it."""
    for group in optimizer.param_groups:
        group[name] = value


def _add_penalty(network: PyTorchNN, l2: float) -> None:
    for layer in linear_layers(network):
        assert layer.weight.grad is not None  # backward has run
        layer.weight.grad.add_(layer.weight.detach(), alpha=l2)


def _cross_entropy_of_classes(probabilities: Tensor, wanted: Tensor) -> Tensor:
    # The logarithm of 0 is infinite: BCELoss stops at -100, this at the smallest normal number, -87 in float32.
    return -(wanted * probabilities.clamp_min(torch.finfo(probabilities.dtype).tiny).log()).sum(dim=1)


# Loss of each row, from answers and targets of shape (n_samples, n_outputs).
LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "sigmoid": nn.BCELoss(reduction="none"),
    "softmax": _cross_entropy_of_classes,
    "linear": nn.MSELoss(reduction="none"),
}


def _loss_function(output: str, spec: TrainSpec) -> Callable[[Tensor, Tensor, Tensor | None], Tensor]:
    """Return the mean loss of a batch, of answers, targets, and the weights of its rows if there are any."""
    plain = nn.BCELoss() if output == "sigmoid" else lambda answered, wanted: LOSSES[output](answered, wanted).mean()

    def loss_function(answered: Tensor, wanted: Tensor, weights: Tensor | None) -> Tensor:
        if weights is None:
            return plain(answered, wanted)
        divisor = weights.sum() if spec.weight_mean == "weights" else len(weights)
        return (weights * LOSSES[output](answered, wanted).reshape(-1)).sum() / divisor

    return loss_function


def _weights(network: PyTorchNN, spec: TrainSpec, y: Array, own: Array | None) -> Tensor | None:
    weights = row_weights(y, spec, _dtype_name(network), own)
    return None if weights is None else torch.from_numpy(weights)


def _batches(n_rows: int, spec: TrainSpec) -> list[Tensor]:
    order = torch.randperm(n_rows) if spec.shuffle else torch.arange(n_rows)
    return [torch.from_numpy(rows) for rows in batches(order.numpy(), spec)]


def _tensors(network: PyTorchNN, X: Array, y: Array) -> tuple[Tensor, Tensor]:
    wanted = targets(y, network.output, n_outputs(network), _dtype_name(network))
    return torch.from_numpy(np.ascontiguousarray(X)).to(network.mean.dtype), torch.from_numpy(wanted)


def _dtype_name(network: PyTorchNN) -> str:
    return str(network.mean.dtype).removeprefix("torch.")


def linear_layers(network: PyTorchNN) -> list[nn.Linear]:
    """Return the layers with parameters, input to output."""
    return [layer for layer in network.layers if isinstance(layer, nn.Linear)]
