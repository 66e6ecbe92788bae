"""NumPy as tutorials write it: clear, allocating, one array at a time."""

from typing import Any

import numpy as np
from tasks import BETA_1, BETA_2, EPSILON, LEARNING_RATE, Data, FloatArray, Task


class Textbook:
    """Forward pass, backpropagation and Adam or gradient descent."""

    epsilon_inside = False

    def __init__(self, task: Task, data: Data) -> None:
        self._task, self._data, self._rng = task, data, np.random.default_rng(0)
        self._parameters = [w.copy() for w in data.parameters]
        self._m = [np.zeros_like(w) for w in self._parameters]
        self._v = [np.zeros_like(w) for w in self._parameters]
        self._t = 0
        self.losses: list[float] = []

    @staticmethod
    def candidates(task: Task) -> list[dict[str, Any]]:
        """Return the one way there is."""
        return [{}]

    def run(self, n: int) -> None:
        """Run n epochs."""
        X, y, size = self._data.X, self._data.y, self._task.batch_size
        for _ in range(n):
            self.losses = [self._step(X[i : i + size], y[i : i + size]) for i in range(0, len(X), size)]

    def result(self) -> list[FloatArray]:
        """Return the parameters."""
        return self._parameters

    def _step(self, X: FloatArray, y: FloatArray) -> float:
        kernels, biases, rate = self._parameters[::2], self._parameters[1::2], self._task.dropout
        a, masks = [X], []
        for W, b in zip(kernels[:-1], biases[:-1], strict=True):
            h = np.maximum(a[-1] @ W + b, 0)
            if rate:
                masks.append((self._rng.random(h.shape, dtype=np.float32) >= rate).astype(h.dtype) / (1 - rate))
                h = h * masks[-1]
            a.append(h)
        z = a[-1] @ kernels[-1] + biases[-1]
        if z.shape[1] == 1:
            p = 1 / (1 + np.exp(-z))
            loss = np.mean(np.maximum(z, 0) - y * z + np.log1p(np.exp(-np.abs(z))))
        else:
            e = np.exp(z - z.max(axis=1, keepdims=True))
            p = e / e.sum(axis=1, keepdims=True)
            loss = -np.mean(np.log((p * y).sum(axis=1)))
        d = (p - y) / len(X)
        gradients: list[FloatArray] = []
        for layer in reversed(range(len(kernels))):
            gradients = [a[layer].T @ d, d.sum(axis=0), *gradients]
            if layer:
                d = (d @ kernels[layer].T) * (a[layer] > 0)
                if rate:
                    d = d * masks[layer - 1]
        self._update(gradients)
        return float(loss)

    def _update(self, gradients: list[FloatArray]) -> None:
        if self._task.optimizer == "sgd":
            for w, g in zip(self._parameters, gradients, strict=True):
                w -= LEARNING_RATE * g
            return
        self._t += 1
        for i, g in enumerate(gradients):
            self._m[i] = BETA_1 * self._m[i] + (1 - BETA_1) * g
            self._v[i] = BETA_2 * self._v[i] + (1 - BETA_2) * g**2
            m_hat = self._m[i] / (1 - BETA_1**self._t)
            v_hat = self._v[i] / (1 - BETA_2**self._t)
            self._parameters[i] -= LEARNING_RATE * m_hat / (np.sqrt(v_hat) + EPSILON)
