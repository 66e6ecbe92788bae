"""JAX without a library on top: an epoch is one compiled function, a scan over its batches."""

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from tasks import BETA_1, BETA_2, EPSILON, LEARNING_RATE, Data, FloatArray, Task

Tree = list[jax.Array]
State = tuple[Tree, Tree, Tree, jax.Array, jax.Array]  # parameters, both memories of Adam, steps taken, random key


class Scan:
    """`jax.jit` of `jax.lax.scan`."""

    epsilon_inside = False

    def __init__(self, task: Task, data: Data, masks: str = "") -> None:
        jax.config.update("jax_enable_x64", task.dtype == "float64")
        self._task, self._masks = task, masks
        shape = (task.n_steps, task.batch_size, -1)
        self._X, self._y = jnp.asarray(data.X.reshape(shape)), jnp.asarray(data.y.reshape(shape))
        p = [jnp.array(w) for w in data.parameters]
        m, v = ([jnp.zeros_like(w) for w in p] for _ in range(2))
        self._state: State = (p, m, v, jnp.zeros((), jnp.int32), jax.random.key(0, impl="rbg"))
        self._epoch = jax.jit(self._scan, donate_argnums=0)
        self.losses: Any = None

    @staticmethod
    def candidates(task: Task) -> list[dict[str, Any]]:
        """Return the ways to draw dropout masks; without dropout there is one way."""
        return [{"masks": "step"}, {"masks": "epoch"}, {"masks": "bernoulli"}] if task.dropout else [{}]

    def run(self, n: int) -> None:
        """Run n epochs."""
        for _ in range(n):
            self._state, self.losses = self._epoch(self._state, self._X, self._y)
        jax.block_until_ready(self._state[0])

    def result(self) -> list[FloatArray]:
        """Return the parameters."""
        return [np.asarray(w) for w in self._state[0]]

    def _scan(self, state: State, X: jax.Array, y: jax.Array) -> tuple[State, jax.Array]:
        *rest, key = state
        key, of_epoch = jax.random.split(key)
        drawn = self._bits(of_epoch, (self._task.n_steps,)) if self._masks == "epoch" else None
        keys = jax.random.split(of_epoch, self._task.n_steps) if self._masks in {"step", "bernoulli"} else None
        carry, losses = jax.lax.scan(self._step, tuple(rest), (X, y, keys, drawn))
        return (*carry, key), losses

    def _step(self, state: tuple[Any, ...], batch: tuple[Any, ...]) -> tuple[tuple[Any, ...], jax.Array]:
        p, m, v, t = state
        X, y, key, drawn = batch
        loss, g = jax.value_and_grad(self._loss)(p, X, y, self._dropout(key, drawn))
        if self._task.optimizer == "sgd":
            return ([w - LEARNING_RATE * g_w for w, g_w in zip(p, g, strict=True)], m, v, t), loss
        t = t + 1
        m = jax.tree.map(lambda m_w, g_w: BETA_1 * m_w + (1 - BETA_1) * g_w, m, g)
        v = jax.tree.map(lambda v_w, g_w: BETA_2 * v_w + (1 - BETA_2) * g_w * g_w, v, g)
        steps = t.astype(self._task.dtype)
        rate, root = LEARNING_RATE / (1 - BETA_1**steps), jnp.sqrt(1 - BETA_2**steps)
        p = jax.tree.map(lambda w, m_w, v_w: w - rate * m_w / (jnp.sqrt(v_w) / root + EPSILON), p, m, v)
        return (p, m, v, t), loss

    def _loss(self, p: Tree, X: jax.Array, y: jax.Array, kept: list[Any]) -> jax.Array:
        a = X
        for i in range(0, len(p) - 2, 2):
            a = jax.nn.relu(a @ p[i] + p[i + 1])
            if kept:
                a = jnp.where(kept[i // 2], a / (1 - self._task.dropout), 0)
        z = a @ p[-2] + p[-1]
        if z.shape[1] == 1:
            return jnp.mean(jnp.maximum(z, 0) - y * z + jnp.log1p(jnp.exp(-jnp.abs(z))))
        return -jnp.mean(jnp.sum(y * jax.nn.log_softmax(z), axis=1))

    def _dropout(self, key: Any, drawn: Any) -> list[Any]:
        """Return which outputs of each hidden layer are kept."""
        task = self._task
        if not task.dropout:
            return []
        if self._masks == "bernoulli":
            hidden = list(zip(jax.random.split(key, len(task.sizes) - 2), task.sizes[1:-1], strict=True))
            return [jax.random.bernoulli(k, 1 - task.dropout, (task.batch_size, units)) for k, units in hidden]
        bits = drawn if self._masks == "epoch" else self._bits(key, ())
        kept: list[Any] = jnp.split(bits >= round(task.dropout * 2**16), np.cumsum(task.sizes[1:-2]), axis=1)
        return kept

    def _bits(self, key: Any, steps: tuple[int, ...]) -> jax.Array:
        shape = (*steps, self._task.batch_size, sum(self._task.sizes[1:-1]))
        return partial(jax.random.bits, dtype=jnp.uint16)(key, shape)
