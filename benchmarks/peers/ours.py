"""Our engines, and the floor under them."""

import time
from itertools import pairwise, product
from typing import Any

from tasks import Data, FloatArray, Task, make_mlp, make_optimizer

from throughline.scratch import Plan
from throughline.scratch.plan import Call, Tape, aligned, is_turned


class Planned:
    """`throughline.scratch.Plan`."""

    epsilon_inside = False

    def __init__(self, task: Task, data: Data) -> None:
        self._mlp = make_mlp(task, data)
        self._plan = Plan(self._mlp, make_optimizer(task), n_samples=task.n_rows, batch_size=task.batch_size)
        self._plan.load(data.X, data.y)  # as the other peers make their tensors, once

    @staticmethod
    def candidates(task: Task) -> list[dict[str, Any]]:
        """Return the one way there is."""
        return [{}]

    def run(self, n: int) -> None:
        """Run n epochs."""
        for _ in range(n):
            self._plan.epoch()

    def result(self) -> list[FloatArray]:
        """Return the parameters."""
        self._plan.write_back()
        return self._mlp.parameters


class Readable:
    """`throughline.scratch.MLP.train_step`, the code that the notebook shows."""

    epsilon_inside = False
    candidates = Planned.candidates

    def __init__(self, task: Task, data: Data) -> None:
        import numpy as np

        self._mlp, self._optimizer = make_mlp(task, data), make_optimizer(task)
        self._rng = np.random.default_rng(0)
        self._batches = [
            (data.X[start : start + task.batch_size], data.y[start : start + task.batch_size])
            for start in range(0, task.n_rows, task.batch_size)
        ]

    def run(self, n: int) -> None:
        """Run n epochs."""
        for _ in range(n):
            for X, y in self._batches:
                self._mlp.train_step(X, y, self._optimizer, self._mlp.draw_masks(len(X), self._rng))

    def result(self) -> list[FloatArray]:
        """Return the parameters."""
        return self._mlp.parameters


class Products:
    """The matrix products of a step in our layout, each a bound ``dot`` into memory that is there; nothing else."""

    epsilon_inside = False
    candidates = Planned.candidates

    def __init__(self, task: Task, data: Data) -> None:
        n = task.batch_size
        W = [aligned((i + 1, o), task.dtype) for i, o in pairwise(task.sizes)]
        dW = [aligned(w.shape, task.dtype) for w in W]
        a = [aligned((units + 1, n), task.dtype) for units in task.sizes[1:-1]]
        d = [aligned((units, n), task.dtype) for units in task.sizes[1:]]
        turned = [aligned((n, units), task.dtype) for units in task.sizes[1:]]
        rows = aligned((task.n_rows, task.sizes[0] + 1), task.dtype)
        rows[:, :-1] = data.X
        for array in (*W, *a, *d, *turned):
            array[...] = 0.01  # ordinary numbers: zeros or subnormals could take another time
        self._tape: Tape = []
        for start in range(0, task.n_rows, n):
            batch = rows[start : start + n]
            z = [*(x[:-1] for x in a), d[-1]]
            self._tape += [(w.T.dot, (x, out)) for w, x, out in zip(W, [batch.T, *a], z, strict=True)]
            for layer in range(len(W) - 1, 0, -1):
                as_rows = turned[layer] if is_turned(dW[layer], d[layer]) else d[layer].T
                self._tape.append((a[layer - 1].dot, (as_rows, dW[layer])))
                self._tape.append((W[layer][:-1].dot, (d[layer], d[layer - 1])))
            self._tape.append((batch.T.dot, (d[0].T, dW[0])))

    def run(self, n: int) -> None:
        """Run the products of n epochs."""
        for _ in range(n):
            for call, arguments in self._tape:
                call(*arguments)

    def result(self) -> None:
        """Return nothing: no network is trained."""
        return


class Floor(Products):
    """The same products, each in the layout of its operands that is fastest by itself."""

    def __init__(self, task: Task, data: Data) -> None:
        n, step = task.batch_size, []
        for layer, (i, o) in enumerate(pairwise(task.sizes)):
            step += [_fastest(n, i + 1, o, task.dtype), _fastest(i + 1, n, o, task.dtype)]  # forward, gradient of W
            if layer:
                step.append(_fastest(n, o, i, task.dtype))  # gradient of a
        self._tape = step * task.n_steps


def _fastest(rows: int, inner: int, columns: int, dtype: str) -> Call:
    """Return the product (rows, inner) @ (inner, columns) with operands as they lie or transposed, or all turned."""
    best: tuple[float, Call] | None = None
    for turn_a, turn_b, turn_all in product((False, True), repeat=3):
        a = aligned((inner, rows), dtype).T if turn_a else aligned((rows, inner), dtype)
        b = aligned((columns, inner), dtype).T if turn_b else aligned((inner, columns), dtype)
        if turn_all:
            a, b = b.T, a.T
        out = aligned((len(a), b.shape[1]), dtype)
        a[...], b[...] = 0.01, 0.01
        times = []
        for _ in range(20):
            begin = time.perf_counter()
            a.dot(b, out)
            times.append(time.perf_counter() - begin)
        if best is None or min(times) < best[0]:
            best = min(times), (a.dot, (b, out))
    assert best is not None
    return best[1]
