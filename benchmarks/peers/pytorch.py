"""PyTorch, eager and compiled."""

from typing import Any, ClassVar

import torch
from tasks import BETA_1, BETA_2, EPSILON, LEARNING_RATE, Data, FloatArray, Task
from torch import Tensor, nn

F = nn.functional


def _batches(task: Task, data: Data) -> list[tuple[Tensor, Tensor]]:
    """Return the batches as tensors, targets as their loss wants them."""
    y = torch.tensor(data.y)
    targets = y if task.sizes[-1] == 1 else y.argmax(dim=1)
    return list(zip(torch.tensor(data.X).split(task.batch_size), targets.split(task.batch_size), strict=True))


def _set_up(task: Task) -> None:
    torch.set_num_threads(task.threads)
    torch.set_flush_denormal(True)
    torch.manual_seed(0)


class Eager:
    """A Sequential, its loss and a fused optimizer."""

    epsilon_inside = False

    def __init__(self, task: Task, data: Data) -> None:
        _set_up(task)
        self._batches, self._model = _batches(task, data), nn.Sequential()
        self._linear: list[nn.Linear] = []
        for kernel, bias in zip(data.parameters[::2], data.parameters[1::2], strict=True):
            if self._linear:
                self._model.append(nn.ReLU())
                if task.dropout:
                    self._model.append(nn.Dropout(task.dropout))
            fan_in, fan_out = kernel.shape
            linear = nn.Linear(fan_in, fan_out, dtype=getattr(torch, task.dtype))
            with torch.no_grad():
                linear.weight.copy_(torch.tensor(kernel.T))
                linear.bias.copy_(torch.tensor(bias))
            self._linear.append(linear)
            self._model.append(linear)
        self._loss = F.binary_cross_entropy_with_logits if task.sizes[-1] == 1 else F.cross_entropy
        if task.optimizer == "sgd":
            self._optimizer: Any = torch.optim.SGD(self._model.parameters(), LEARNING_RATE, fused=True)
        else:
            betas = (BETA_1, BETA_2)
            self._optimizer = torch.optim.Adam(self._model.parameters(), LEARNING_RATE, betas, EPSILON, fused=True)
        self.losses: list[Tensor] = []

    @staticmethod
    def candidates(task: Task) -> list[dict[str, Any]]:
        """Return the one way there is."""
        return [{}]

    def run(self, n: int) -> None:
        """Run n epochs."""
        model, loss_of, optimizer = self._model, self._loss, self._optimizer
        for _ in range(n):
            self.losses = []
            for X, y in self._batches:
                loss = loss_of(model(X), y)
                loss.backward()
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
                self.losses.append(loss.detach())

    def result(self) -> list[FloatArray]:
        """Return the parameters, kernels as (fan_in, fan_out)."""
        pairs = [(linear.weight.detach().numpy().T, linear.bias.detach().numpy()) for linear in self._linear]
        return [array for pair in pairs for array in pair]


class Compiled:
    """One step, gradient and update included, as one graph."""

    epsilon_inside = False
    candidates = Eager.candidates
    options: ClassVar[dict[str, Any]] = {"cpp_wrapper": True}

    def __init__(self, task: Task, data: Data) -> None:
        _set_up(task)
        # Without guards a second network would be given the first one's code.
        torch._dynamo.reset()
        self._task, self._batches = task, _batches(task, data)
        self._parameters = [torch.tensor(w) for w in data.parameters]
        self._m = [torch.zeros_like(w) for w in self._parameters]
        self._v = [torch.zeros_like(w) for w in self._parameters]
        self._t = torch.zeros(1, dtype=torch.float64)
        update = self._descent if task.optimizer == "sgd" else self._adam
        loss_of = self._loss_of

        def step(p: list[Tensor], m: list[Tensor], v: list[Tensor], t: Tensor, X: Tensor, y: Tensor) -> Any:
            gradients, loss = torch.func.grad_and_value(loss_of)(p, X, y)
            update(p, gradients, m, v, t)
            return loss

        self._step: Any = torch.compile(step, fullgraph=True, dynamic=False, options=self.options)
        self.losses: list[Tensor] = []

    def _loss_of(self, parameters: list[Tensor], X: Tensor, y: Tensor) -> Tensor:
        a = X
        for i in range(0, len(parameters), 2):
            a = torch.addmm(parameters[i + 1], a, parameters[i])
            if i < len(parameters) - 2:
                a = F.dropout(torch.relu(a), self._task.dropout) if self._task.dropout else torch.relu(a)
        return F.binary_cross_entropy_with_logits(a, y) if self._task.sizes[-1] == 1 else F.cross_entropy(a, y)

    @staticmethod
    def _descent(p: list[Tensor], gradients: list[Tensor], m: list[Tensor], v: list[Tensor], t: Tensor) -> None:
        for w, g in zip(p, gradients, strict=True):
            w.sub_(g, alpha=LEARNING_RATE)

    @staticmethod
    def _adam(p: list[Tensor], gradients: list[Tensor], m: list[Tensor], v: list[Tensor], t: Tensor) -> None:
        t.add_(1)
        rate = (LEARNING_RATE / (1 - BETA_1**t)).to(p[0].dtype)
        root = torch.sqrt(1 - BETA_2**t).to(p[0].dtype)
        for w, g, m_w, v_w in zip(p, gradients, m, v, strict=True):
            m_w.mul_(BETA_1).add_(g, alpha=1 - BETA_1)
            v_w.mul_(BETA_2).addcmul_(g, g, value=1 - BETA_2)
            w.sub_(rate * m_w / (v_w.sqrt() / root + EPSILON))

    def run(self, n: int) -> None:
        """Run n epochs."""
        step, p, m, v, t = self._step, self._parameters, self._m, self._v, self._t
        with torch.no_grad():
            for _ in range(n):
                self.losses = [step(p, m, v, t, X, y) for X, y in self._batches]

    def result(self) -> list[FloatArray]:
        """Return the parameters."""
        return [w.numpy() for w in self._parameters]


class Bare(Compiled):
    """The same without the checks before every call that the graph still fits."""

    options: ClassVar[dict[str, Any]] = {"cpp_wrapper": True, "guard_filter_fn": torch.compiler.skip_all_guards_unsafe}
