"""The seed's network in PyTorch under a setting of the ledger."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from throughline.parity.ledger.setting import DROPOUT, LEARNING_RATE, Setting
from throughline.weights import Array

BETAS = (0.9, 0.999)


class KerasBatchNorm(nn.Module):
    """Batch normalisation by Keras' rules: 0.99 of the running figures is kept, and the variance is the biased one."""

    kept, epsilon = 0.99, 1e-3

    def __init__(self, units: int, dtype: torch.dtype) -> None:
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(units, dtype=dtype))
        self.beta = nn.Parameter(torch.zeros(units, dtype=dtype))
        self.register_buffer("mean", torch.zeros(units, dtype=dtype))
        self.register_buffer("variance", torch.ones(units, dtype=dtype))

    def forward(self, z: Tensor) -> Tensor:
        """Normalise by the batch in training, by the running figures otherwise."""
        mean, variance = self.get_buffer("mean"), self.get_buffer("variance")
        if self.training:
            batch_mean, batch_variance = z.mean(0), z.var(0, correction=0)
            mean.mul_(self.kept).add_((1 - self.kept) * batch_mean.detach())
            variance.mul_(self.kept).add_((1 - self.kept) * batch_variance.detach())
            mean, variance = batch_mean, batch_variance
        return (z - mean) / torch.sqrt(variance + self.epsilon) * self.gamma + self.beta


class TorchLearner:
    """A network in training.

    Parameters
    ----------
    setting : Setting
    n_features : int
    hidden_units : sequence of int
    """

    def __init__(self, setting: Setting, n_features: int, hidden_units: Sequence[int]) -> None:
        self.setting, self.dtype = setting, getattr(torch, setting.dtype)
        sizes = [n_features, *hidden_units, 1]
        self.linear = [nn.Linear(fan_in, fan_out, dtype=self.dtype) for fan_in, fan_out in pairwise(sizes)]
        self.norms = nn.ModuleList(self._norm(units) for units in hidden_units)
        self._begin_norms = [{name: value.clone() for name, value in n.state_dict().items()} for n in self.norms]

    def begin(self, seed: int, parameters: Sequence[Array] | None) -> None:
        """Go back before the first step: to these kernels and biases, or to those that PyTorch draws."""
        torch.manual_seed(seed)
        for layer in self.linear:
            layer.reset_parameters()
        if parameters is not None:
            with torch.no_grad():
                for layer, kernel, bias in zip(self.linear, parameters[0::2], parameters[1::2], strict=True):
                    layer.weight.copy_(torch.from_numpy(kernel.T.copy()))
                    layer.bias.copy_(torch.from_numpy(bias))
        for norm, state in zip(self.norms, self._begin_norms, strict=True):
            norm.load_state_dict(state)
        trained = [p for module in (*self.linear, self.norms) for p in module.parameters()]
        epsilon = 1e-8 if self.setting.optimizer == "stock" else self.setting.epsilon
        self.optimizer = torch.optim.Adam(trained, LEARNING_RATE, BETAS, epsilon)
        self.n_steps = 0

    def shuffled(self, n_rows: int) -> Array:
        """Return an order of the rows as PyTorch draws it."""
        order: Array = torch.randperm(n_rows).numpy()
        return order

    def step(self, X: Array, y: Array, masks: Sequence[Array] | None) -> None:
        """Do one step; without masks dropout is PyTorch's own."""
        self.norms.train()
        self.optimizer.zero_grad()
        self._loss(self._forward(X, masks, training=True), torch.from_numpy(y)).backward()
        if self.setting.l2 > 0:
            for layer in self.linear:
                assert layer.weight.grad is not None  # `backward` has just put it there
                layer.weight.grad.add_(layer.weight.detach(), alpha=self.setting.l2)
        self.n_steps += 1
        if self.setting.optimizer == "aligned" and self.setting.epsilon_placement == "before_correction":
            # PyTorch adds epsilon after the correction: this much there is epsilon before it.
            for group in self.optimizer.param_groups:
                group["eps"] = self.setting.epsilon / math.sqrt(1 - BETAS[1] ** self.n_steps)
        self.optimizer.step()

    def logits(self, X: Array) -> Array:
        """Return the logits of rows, dropout off, shape (n_samples,)."""
        self.norms.eval()
        with torch.inference_mode():
            answered: Array = self._forward(X, None, training=False).numpy()
        return answered

    def _norm(self, units: int) -> nn.Module:
        if self.setting.batch_norm == "none":
            return nn.Identity()
        if self.setting.batch_norm == "keras":
            return KerasBatchNorm(units, self.dtype)
        return nn.BatchNorm1d(units, dtype=self.dtype)

    def _forward(self, X: Array, masks: Sequence[Array] | None, *, training: bool) -> Tensor:
        a = torch.from_numpy(X)
        *hidden, last = self.linear
        for i, (layer, norm) in enumerate(zip(hidden, self.norms, strict=True)):
            a = torch.relu(norm(layer(a)))
            if masks is not None:
                a = a * torch.from_numpy(masks[i])
            elif training:
                a = functional.dropout(a, DROPOUT)
        logits: Tensor = last(a)[:, 0]
        return logits

    def _loss(self, logits: Tensor, y: Tensor) -> Tensor:
        if self.setting.loss_from == "logits":
            return functional.binary_cross_entropy_with_logits(logits, y)
        return functional.binary_cross_entropy(torch.sigmoid(logits), y)
