"""The same training as `mlp`, compiled: a whole epoch as one flat list of NumPy calls on memory that is already there.

`MLP.train_step` spends most of its time around the mathematics: allocating results, adding biases, looking up
attributes, entering functions. For 20-64-32-1 and 32 rows its matrix products take a twelfth of it. Everything that a
step will do is known once sizes, batch and optimizer are, so it can be written down in advance::

    tape = [(W1.T.dot, (x.T, z1)), (maximum into a1, (z1, 0)), (W2.T.dot, (a1, z2)), ...]
    for call, arguments in tape:
        call(*arguments)

That loop is the whole training. The tricks, each with what undoing it costs a step of that network (docs/experiments.md
says how it was measured):

1. **Nothing is allocated.** Every call writes into a buffer made beforehand (`out`); buffers start at multiples of 64
   bytes, where vector instructions load fastest.
2. **The bias is a row of the kernel, and 1 is a feature.** Parameters of a layer are one array ``[kernel; bias]`` of
   shape (fan_in + 1, fan_out), activations end in a row of ones: one product gives z with its bias, one product gives
   the gradients of both.
3. **Activations are features-first**, (units + 1, n_rows), so that the row of ones is contiguous memory, a view without
   it is too, and no product needs a copy.
4. **All parameters are one flat array**, and so are their gradients and the optimizer's memory: Adam takes eight calls
   for the network, not fourteen for each array.
5. **Constants leave the loop.** 1/n, a factor 2 and Adam's bias corrections change only a step's two scalars, which are
   computed for all steps of the epoch at once (`_AdamSteps`).
6. **Losses are computed once an epoch**, from the logits of all steps, which are written side by side as they arise.
7. **Rows are shuffled once an epoch** into one array; batches are views of it.
8. **Dropout masks are drawn for many steps at once**, from 16 random bits each; a ReLU's gate and the mask that
   follows it are one array on the way back.
9. **Operands have the same shape or are 0-d arrays.** Broadcasting a Python float or a row costs more than the
   arithmetic.
10. **A large network is updated in chunks** that stay in the cache through all calls of the optimizer.
11. **Subnormal numbers are flushed once an epoch.** The memory of a dead unit decays until it is subnormal, and then
    arithmetic on it takes a hundred times as long.

The results are those of `MLP.train_step` up to rounding: a property-based test compares 1,000 steps for every
activation, loss and optimizer.
"""

import math
from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from .activations import FloatArray
from .mlp import MLP
from .optimizers import Adam, AdamW, GradientDescent, Optimizer, RMSprop

Call = tuple[Callable[..., Any], tuple[Any, ...]]
Tape = list[Call]

ALIGNMENT_BYTES = 64
STEPS_OF_MASKS = 64
# Parameters that the optimizer takes through all its calls before the next: their arrays stay in the cache.
CHUNK = 65536
# Far above the subnormal range of float32 (1e-38), far below any gradient that matters.
FLUSH_BELOW = 1e-20


def aligned(shape: tuple[int, ...], dtype: npt.DTypeLike) -> FloatArray:
    """Return zeros whose first byte lies at a multiple of 64."""
    dtype = np.dtype(dtype)
    n_bytes = math.prod(shape) * dtype.itemsize
    raw = np.zeros(n_bytes + ALIGNMENT_BYTES, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT_BYTES
    array: FloatArray = raw[start : start + n_bytes].view(dtype).reshape(shape)
    return array


class Plan:
    """Training of one network, compiled for a number of rows and a batch size.

    Parameters
    ----------
    mlp : MLP
        Its parameters are the start; `write_back` gives it the present ones.
    optimizer : Adam or GradientDescent
        Its settings are read; its memory is kept here.
    n_samples, batch_size : int
        Rows of an epoch and of a step; the last step has what is left.
    weighted : bool, default=False
        Whether `run_epoch` gets sample weights.
    mask_seed : int, default=0
        Seed of the dropout masks.
    loss_factor : float, default=1.0
        What the loss is multiplied by before the penalty joins it and the gradient is taken; `epoch` returns losses
        without it. scikit-learn, for one, descends on half of the squared error.

    Attributes
    ----------
    n_steps : int
        Steps of an epoch.
    t : int
        Steps taken since the beginning.

    Examples
    --------
    >>> import numpy as np
    >>> rng = np.random.default_rng(0)
    >>> X, y = rng.normal(size=(100, 3)), rng.integers(0, 2, (100, 1))
    >>> plain, planned = MLP((3, 8, 1)), MLP((3, 8, 1))
    >>> history = plain.fit(X, y, optimizer=Adam(), n_epochs=1, batch_size=32, shuffle=False)
    >>> plan = Plan(planned, Adam(), n_samples=100, batch_size=32)
    >>> losses = plan.run_epoch(X, y)
    >>> bool(np.allclose(losses, history.step_losses, rtol=0, atol=1e-14))
    True
    """

    def __init__(
        self,
        mlp: MLP,
        optimizer: Optimizer,
        *,
        n_samples: int,
        batch_size: int,
        weighted: bool = False,
        mask_seed: int = 0,
        loss_factor: float = 1.0,
    ) -> None:
        self.mlp, self.dtype, self.weighted = mlp, mlp.dtype, weighted
        self.n_samples, self.batch_size = n_samples, min(batch_size, n_samples)
        self._scale = loss_factor * _SCALES[mlp.loss.name](self.batch_size, mlp.layer_sizes[-1])
        self.starts = range(0, n_samples, self.batch_size)
        self.n_steps, self.t = len(self.starts), 0
        self._allocate_parameters(optimizer)
        self._allocate_rows()
        self._masks = _Masks(mlp, self.batch_size, mask_seed) if any(mlp.dropout) else None
        self._tape = self._compile()

    # --- memory --------------------------------------------------------------------------------------------------

    def _allocate_parameters(self, optimizer: Optimizer) -> None:
        sizes = self.mlp.layer_sizes
        shapes = [(fan_in + 1, fan_out) for fan_in, fan_out in pairwise(sizes)]
        n = sum(math.prod(shape) for shape in shapes)
        self._optimizer: Any = optimizer
        self._steps = _STEPS[type(optimizer)](optimizer, n, self.n_steps, self.dtype)
        self.P, self.G, self._T = aligned((n,), self.dtype), self._steps.G, aligned((n,), self.dtype)
        ends = np.cumsum([math.prod(shape) for shape in shapes])
        self._W = [self.P[end - math.prod(s) : end].reshape(s) for s, end in zip(shapes, ends, strict=True)]
        self._dW = [self.G[end - math.prod(s) : end].reshape(s) for s, end in zip(shapes, ends, strict=True)]
        for W, kernel, bias in zip(self._W, self.mlp.kernels, self.mlp.biases, strict=True):
            W[:-1], W[-1] = kernel, bias
        self._is_kernel, self._strengths = aligned((n,), self.dtype), np.zeros(self.n_steps, self.dtype)
        self._squares, self._penalties = np.zeros(self.n_steps, self.dtype), np.zeros(self.n_steps)
        for shape, end in zip(shapes, ends, strict=True):
            self._is_kernel[end - math.prod(shape) : end - shape[1]] = 1  # all rows but the last, the bias

    def _allocate_rows(self) -> None:
        n, n_inputs, n_outputs = self.n_samples, self.mlp.layer_sizes[0], self.mlp.layer_sizes[-1]
        self._X = aligned((n, n_inputs + 1), self.dtype)  # batch-major: a batch is a contiguous view
        self._rows_of_steps = np.diff([*self.starts, n])
        self._weights = aligned((n * n_outputs if self.weighted else 0,), self.dtype)
        # Step after step, each (n_outputs, n_rows): what the loss needs, features-first.
        self._logits, self._y = aligned((n * n_outputs,), self.dtype), aligned((n * n_outputs,), self.dtype)

    def _step_view(self, flat: FloatArray, step: int) -> FloatArray:
        k, start = self.mlp.layer_sizes[-1], self.starts[step]
        n_rows = min(self.batch_size, self.n_samples - start)
        return flat[start * k : (start + n_rows) * k].reshape(k, n_rows)

    # --- compiling -----------------------------------------------------------------------------------------------

    def _compile(self) -> Tape:
        buffers = {
            n_rows: _StepBuffers(self.mlp, n_rows) for n_rows in {self.batch_size, self._n_rows(self.n_steps - 1)}
        }
        tape: Tape = []
        for step in range(self.n_steps):
            n_rows = self._n_rows(step)
            rows = self._X[self.starts[step] : self.starts[step] + n_rows]
            masks = None
            if self._masks is not None:
                if step % STEPS_OF_MASKS == 0:
                    tape.append((self._masks.draw, ()))
                masks = self._masks.of_step(step, n_rows)
            tape += self._forward_and_backward(step, rows, buffers[n_rows], masks)
            if self.mlp.l2 > 0:
                strength, squares = (a[step : step + 1].reshape(()) for a in (self._strengths, self._squares))
                tape += [
                    (np.multiply, (self.P, self._is_kernel, self._T)),
                    (self._T.dot, (self.P, squares)),
                    (np.multiply, (self._T, strength, self._T)),
                    (np.add, (self.G, self._T, self.G)),
                ]
            if n_rows != self.batch_size:  # its mean is over fewer rows: bring the gradient to the common scale
                ratio = np.array(self.batch_size / n_rows, self.dtype)
                tape.append((np.multiply, (self.G, ratio, self.G)))
            tape += self._steps.calls(step, self.P, self._T)
        return tape

    def _n_rows(self, step: int) -> int:
        return min(self.batch_size, self.n_samples - self.starts[step])

    def _forward_and_backward(
        self, step: int, rows: FloatArray, b: "_StepBuffers", masks: list[FloatArray | None] | None
    ) -> Tape:
        tape: Tape = []
        last = len(self._W) - 1
        logits = self._step_view(self._logits, step)
        a = rows.T  # (fan_in + 1, n_rows)
        for layer, W in enumerate(self._W[:-1]):
            mask = masks[layer] if masks else None
            tape.append((W.T.dot, (a, b.f[layer])))  # (fan_out, fan_in + 1) @ (fan_in + 1, n_rows)
            tape += b.activate[layer]
            if mask is not None:
                tape.append((np.multiply, (b.f[layer], mask, b.a[layer][:-1])))
            a = b.a[layer]
        tape.append((self._W[last].T.dot, (a, logits)))
        tape += _LOSS_GRADIENTS[self.mlp.loss.name](logits, self._step_view(self._y, step), b.d[last], b.spare)
        if self.weighted:
            tape.append((np.multiply, (b.d[last], self._step_view(self._weights, step), b.d[last])))
        tape += b.gates(masks)
        for layer in range(last, 0, -1):
            tape.append((b.a[layer - 1].dot, (b.d[layer].T, self._dW[layer])))
            tape.append((self._W[layer][:-1].dot, (b.d[layer], b.d[layer - 1])))
            tape.append((np.multiply, (b.d[layer - 1], b.gate[layer - 1], b.d[layer - 1])))
        tape.append((rows.T.dot, (b.d[0].T, self._dW[0])))
        return tape

    # --- running -------------------------------------------------------------------------------------------------

    def load(self, X: FloatArray, y: FloatArray, sample_weight: FloatArray | None = None) -> None:
        """Copy the rows that the coming epochs visit; once for all of them.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
        y : ndarray of shape (n_samples, n_outputs)
        sample_weight : ndarray of shape (n_samples,), optional
            How often each row counts; for a plan that is `weighted`.
        """
        self._source = aligned(self._X.shape, self.dtype)
        self._source[:, :-1], self._source[:, -1] = X, 1
        self._source_y = np.array(y, self.dtype)
        _PREPARE_TARGETS[self.mlp.loss.name](self._source_y)
        self._source_weights = np.ones(self.n_samples) if sample_weight is None else np.array(sample_weight, float)

    def unload(self) -> None:
        """Let go of the rows."""
        del self._source, self._source_y, self._source_weights

    def run_epoch(
        self,
        X: FloatArray,
        y: FloatArray,
        order: npt.NDArray[np.intp] | None = None,
        sample_weight: FloatArray | None = None,
    ) -> FloatArray:
        """Load the rows and take all steps of one epoch: `load` and `epoch` in one."""
        self.load(X, y, sample_weight)
        return self.epoch(order)

    @np.errstate(over="ignore", invalid="ignore", under="ignore")  # one that diverges raises, so it need not warn
    def epoch(self, order: npt.NDArray[np.intp] | None = None) -> FloatArray:
        """Take all steps of one epoch over the rows that were loaded.

        Parameters
        ----------
        order : ndarray of shape (n_samples,), optional
            In which order the rows are visited; as they are without it.

        Returns
        -------
        ndarray of shape (n_steps,), float64
            The loss of each batch before its step, without the penalty.

        Raises
        ------
        FloatingPointError
            If a loss is not finite: the training diverged.
        """
        weights = self._order_rows(np.arange(self.n_samples) if order is None else order)
        if self.mlp.l2 > 0:
            self._prepare_penalties(weights)
        self._steps.prepare(self.t, self._scale)
        for call, arguments in self._tape:
            call(*arguments)
        self.t += self.n_steps
        memory = self._steps.memory
        memory[np.abs(memory) < FLUSH_BELOW] = 0
        return self._losses(weights)

    def _order_rows(self, order: npt.NDArray[np.intp]) -> FloatArray:
        """Put the rows into the buffers in their order; return the weights in that order."""
        # With mode="clip" take writes straight into `out`; with the default it goes through a copy.
        np.take(self._source, order, axis=0, out=self._X, mode="clip")
        self._to_steps(np.take(self._source_y, order, axis=0, mode="clip"), self._y)
        weights: FloatArray = np.take(self._source_weights, order, mode="clip")
        if self.weighted:  # so that their mean is 1 and the mean over the batch stays one
            sums = np.add.reduceat(weights, np.array(self.starts))
            sums[sums == 0] = np.inf  # rows of no weight move nothing
            means = np.repeat(sums / self._rows_of_steps, self._rows_of_steps)
            of_outputs = np.repeat((weights / means)[:, None], self.mlp.layer_sizes[-1], axis=1)
            self._to_steps(of_outputs.astype(self.dtype), self._weights)
        return weights

    def _to_steps(self, rows: FloatArray, flat: FloatArray) -> None:
        """Write rows (n_samples, k) step after step, each step as (k, n_rows)."""
        k, n_even = rows.shape[1], self.n_samples - self.n_samples % self.batch_size
        even = rows[:n_even].reshape(-1, self.batch_size, k)
        flat[: n_even * k].reshape(-1, k, self.batch_size)[...] = even.transpose(0, 2, 1)
        flat[n_even * k :].reshape(k, -1)[...] = rows[n_even:].T

    def _prepare_penalties(self, weights: FloatArray) -> None:
        # l2 / n kernel belongs to the true gradient, G is 1 / scale of it; the ragged step is brought to scale later.
        n = np.add.reduceat(weights, np.array(self.starts))
        n[n == 0] = np.inf
        self._penalties[...] = self.mlp.l2 / n
        self._strengths[...] = self._penalties / (self._scale * self.batch_size / self._rows_of_steps)

    def _losses(self, weights: FloatArray) -> FloatArray:
        """Return the mean loss of each step, from the logits that all of them left behind."""
        k = self.mlp.layer_sizes[-1]
        n_even = self.n_samples - self.n_samples % self.batch_size
        losses = np.empty(self.n_steps)
        for part, n_rows in (
            (slice(0, n_even * k), self.batch_size),
            (slice(n_even * k, None), self._n_rows(self.n_steps - 1)),
        ):
            z, y = (flat[part].reshape(-1, k, n_rows).astype(np.float64) for flat in (self._logits, self._y))
            if len(z):
                w = weights[part.start // k : part.stop and part.stop // k].reshape(-1, n_rows)
                of_rows = _LOSS_VALUES[self.mlp.loss.name](z, y)  # (n_steps, n_rows)
                steps = slice(0, len(z)) if part.start == 0 else slice(-1, None)
                sums = w.sum(axis=1)
                losses[steps] = (of_rows * w).sum(axis=1) / np.where(sums == 0, np.inf, sums)
        if not np.isfinite(losses).all():
            step = int(np.argmin(np.isfinite(losses)))
            raise FloatingPointError(f"Training diverged: the loss is {losses[step]} in step {step} of the epoch.")
        return losses

    def penalties(self) -> FloatArray:
        """Return what the L2 penalty adds to the losses that the last epoch returned, shape (n_steps,)."""
        return self._penalties / 2 * self._squares

    @property
    def layers(self) -> list[FloatArray]:
        """The present parameters, first layer first: views (fan_in + 1, fan_out) whose last row is the bias."""
        return self._W

    def write_back(self) -> None:
        """Copy the present parameters into the `MLP`."""
        for W, kernel, bias in zip(self._W, self.mlp.kernels, self.mlp.biases, strict=True):
            kernel[...], bias[...] = W[:-1], W[-1]

    # --- stopping and going on ---------------------------------------------------------------------------------------

    def change_learning_rate(self, rate: float) -> None:
        """Take other steps from now on; what momentum has gathered keeps the length it has, as in scikit-learn."""
        self._steps.change_learning_rate(rate)

    def state(self) -> dict[str, Any]:
        """Return a copy of all that training changes, for `load_state`: a plan that has it goes on bit for bit."""
        return {
            "parameters": self.P.copy(),
            "memory": self._steps.memory.copy(),
            "learning_rate": self._optimizer.learning_rate,
            "scale": self._scale,
            "t": self.t,
            "masks": None if self._masks is None else self._masks.bits.state,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go on from a `state`, of this plan or of one for the same network and optimizer and another batch size."""
        self.P[...], self.t = state["parameters"], state["t"]
        self._steps.memory[...], self._optimizer.learning_rate = state["memory"], state["learning_rate"]
        if state["scale"] != self._scale:
            self._steps.rescale(state["scale"] / self._scale)
        if self._masks is not None and state["masks"] is not None:
            self._masks.bits.state = state["masks"]

    def masks_of_step(self, step: int) -> list[FloatArray | None] | None:
        """Return the dropout masks that `step` of the last epoch used, as `MLP.forward` takes them."""
        if self._masks is None:
            return None
        return [None if m is None else m.T.copy() for m in self._masks.of_step(step, self._n_rows(step))]


class _StepBuffers:
    """Activations and gradients of one step with a given number of rows, each (units, n_rows)."""

    def __init__(self, mlp: MLP, n_rows: int) -> None:
        hidden = mlp.layer_sizes[1:-1]
        ends = np.cumsum([units + 1 for units in hidden]).tolist()
        # One block for all layers, so that the gates of a ReLU network take two calls in all.
        self._block, self._gates = (aligned((sum(hidden) + len(hidden), n_rows), mlp.dtype) for _ in range(2))
        self._on = np.zeros(self._block.shape, bool)
        self.a = [self._block[end - units - 1 : end] for units, end in zip(hidden, ends, strict=True)]
        self.gate = [self._gates[end - units - 1 : end - 1] for units, end in zip(hidden, ends, strict=True)]
        # f(z) before dropout: where nothing is dropped, the activation itself.
        self.f = [
            aligned((units, n_rows), mlp.dtype) if rate > 0 else a[:-1]
            for a, units, rate in zip(self.a, hidden, mlp.dropout, strict=True)
        ]
        self.d = [aligned((units, n_rows), mlp.dtype) for units in mlp.layer_sizes[1:]]
        self.spare = aligned((mlp.layer_sizes[-1] + 1, n_rows), mlp.dtype)  # for the softmax
        for a in self.a:
            a[-1] = 1
        # Made once for all steps: the constants they read (zeros, for one) then stay in the cache from step to step.
        self.activate = [_ACTIVATE[f.name](z) for f, z in zip(mlp.hidden, self.f, strict=True)]
        self._plain_gates = self._compile_gates([activation.name for activation in mlp.hidden])

    def _compile_gates(self, names: list[str]) -> list[Tape]:
        if names and set(names) == {"relu"}:
            return [_relu_gate(self._block, self._gates, self._on), *[[]] * (len(names) - 1)]
        return [_GATES[name](f, gate) for name, f, gate in zip(names, self.f, self.gate, strict=True)]

    def gates(self, masks: list[FloatArray | None] | None) -> Tape:
        """Return the calls that fill `gate`: what d(loss)/da is multiplied by to give d(loss)/dz."""
        tape: Tape = [call for calls in self._plain_gates for call in calls]
        for gate, mask in zip(self.gate, masks or [], strict=False):
            if mask is not None:
                tape.append((np.multiply, (gate, mask, gate)))
        return tape


class _Masks:
    """Inverted dropout masks, 0 or 1 / (1 - rate), for `STEPS_OF_MASKS` steps at a time."""

    def __init__(self, mlp: MLP, batch_size: int, seed: int) -> None:
        self._rates, self._units = mlp.dropout, mlp.layer_sizes[1:-1]
        self.bits = np.random.default_rng(seed).bit_generator
        self._masks = [
            aligned((STEPS_OF_MASKS, units * batch_size), mlp.dtype) if rate > 0 else None
            for units, rate in zip(self._units, self._rates, strict=True)
        ]

    def draw(self) -> None:
        """Draw anew: a value is kept where its 16 bits are at least rate * 2**16."""
        for rate, mask in zip(self._rates, self._masks, strict=True):
            if mask is not None:
                words = self.bits.random_raw(-(-mask.size // 4)).view(np.uint16)[: mask.size]
                np.copyto(mask, (words >= round(rate * 2**16)).reshape(mask.shape))
                mask *= 1 / (1 - rate)

    def of_step(self, step: int, n_rows: int) -> list[FloatArray | None]:
        """Return the masks of a step, (units, n_rows) each; None where nothing is dropped."""
        return [
            None if mask is None else mask[step % STEPS_OF_MASKS, : units * n_rows].reshape(units, n_rows)
            for units, mask in zip(self._units, self._masks, strict=True)
        ]


# --- activations, in place, and their gates ---------------------------------------------------------------------------


def _scalar(value: float, like: FloatArray) -> FloatArray:
    return np.array(value, like.dtype)


def _relu(z: FloatArray) -> Tape:
    # `out` bound in advance: given by position it warns, given by name it is parsed at every call.
    return [(partial(np.maximum, out=z), (z, np.zeros_like(z)))]


def _sigmoid(z: FloatArray) -> Tape:
    half = _scalar(0.5, z)  # sigmoid(z) = (1 + tanh(z / 2)) / 2 cannot overflow
    return [(np.multiply, (z, half, z)), (np.tanh, (z, z)), (np.multiply, (z, half, z)), (np.add, (z, half, z))]


def _relu_gate(a: FloatArray, gate: FloatArray, on: npt.NDArray[np.bool_]) -> Tape:
    return [(np.greater, (a, np.zeros_like(a), on)), (np.copyto, (gate, on))]


_ACTIVATE: dict[str, Callable[[FloatArray], Tape]] = {
    "linear": lambda z: [],
    "relu": _relu,
    "tanh": lambda z: [(np.tanh, (z, z))],
    "sigmoid": _sigmoid,
}


def compile_activation(name: str, z: FloatArray) -> Tape:
    """Return the calls that put an activation function in the place of its argument."""
    return _ACTIVATE[name](z)


_GATES: dict[str, Callable[[FloatArray, FloatArray], Tape]] = {
    "linear": lambda f, gate: [(np.copyto, (gate, np.ones_like(gate)))],
    "relu": lambda f, gate: _relu_gate(f, gate, np.zeros(f.shape, bool)),
    "tanh": lambda f, gate: [(np.multiply, (f, f, gate)), (np.subtract, (np.ones_like(gate), gate, gate))],
    "sigmoid": lambda f, gate: [(np.subtract, (np.ones_like(gate), f, gate)), (np.multiply, (gate, f, gate))],
}


# --- losses: the gradient in the logits times a constant that the step's scalars take back ----------------------------


def _sigmoid_gradient(z: FloatArray, t: FloatArray, d: FloatArray, spare: FloatArray) -> Tape:
    # With t = 1 - 2y: tanh(z / 2) + t = 2 (p - y), three calls instead of the five of 1 / (1 + exp(-z)) - y.
    return [(np.multiply, (z, _scalar(0.5, z), d)), (np.tanh, (d, d)), (np.add, (d, t, d))]


def _softmax_gradient(z: FloatArray, y: FloatArray, d: FloatArray, spare: FloatArray) -> Tape:
    k, sums, largest = len(z), spare[:-1], spare[-1:]
    return [
        (partial(np.maximum.reduce, axis=0, keepdims=True, out=largest), (z,)),
        (np.subtract, (z, largest, d)),
        (np.exp, (d, d)),
        (np.ones((k, k), z.dtype).dot, (d, sums)),  # each sum k times over, so that the division is same-shape
        (np.divide, (d, sums, d)),
        (np.subtract, (d, y, d)),
    ]


_LOSS_GRADIENTS: dict[str, Callable[[FloatArray, FloatArray, FloatArray, FloatArray], Tape]] = {
    "binary_cross_entropy": _sigmoid_gradient,
    "categorical_cross_entropy": _softmax_gradient,
    "mean_squared_error": lambda z, y, d, spare: [(np.subtract, (z, y, d))],
}
# What the above must be multiplied by to be the gradient of the mean loss, from batch size and number of outputs.
_SCALES: dict[str, Callable[[int, int], float]] = {
    "binary_cross_entropy": lambda n_rows, k: 1 / (2 * n_rows),
    "categorical_cross_entropy": lambda n_rows, k: 1 / n_rows,
    "mean_squared_error": lambda n_rows, k: 2 / (n_rows * k),
}


def _prepare_signs(y: FloatArray) -> None:
    np.multiply(y, -2, out=y)
    np.add(y, 1, out=y)


_PREPARE_TARGETS: dict[str, Callable[[FloatArray], None]] = {
    "binary_cross_entropy": _prepare_signs,
    "categorical_cross_entropy": lambda y: None,
    "mean_squared_error": lambda y: None,
}


def _log_loss_values(z: FloatArray, t: FloatArray) -> FloatArray:
    losses = np.maximum(z, 0) - (1 - t) / 2 * z + np.log1p(np.exp(-np.abs(z)))  # (n_steps, k, n_rows)
    return np.asarray(losses.sum(axis=1))


def _cross_entropy_values(z: FloatArray, y: FloatArray) -> FloatArray:
    shifted = z - z.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return np.asarray(-(y * log_p).sum(axis=1))


_LOSS_VALUES: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "binary_cross_entropy": _log_loss_values,
    "categorical_cross_entropy": _cross_entropy_values,
    "mean_squared_error": lambda z, y: np.square(z - y).mean(axis=1),
}


# --- optimizers: the fewest passes over the flat array, and the scalars of all steps of an epoch ----------------------


class _AdamSteps:
    """Adam in eight calls.

    The memory is kept without its factors: m' = beta_1 m' + g and v' = beta_2 v' + g^2, so that decay and sum are one
    call each for both. With g a multiple 1 / c of the true gradient, m = (1 - beta_1) c m' and
    v = (1 - beta_2) c^2 v', and the step of either form of Adam becomes ``a_t m' / (sqrt(v') + e_t)``.
    """

    def __init__(self, optimizer: Adam, n_parameters: int, n_steps: int, dtype: npt.DTypeLike) -> None:
        self._optimizer = optimizer
        self.memory, self._new = (aligned((2, n_parameters), dtype) for _ in range(2))
        self.G, self._squares = self._new
        self._decay = aligned((2, min(n_parameters, CHUNK)), dtype)
        self._decay[0], self._decay[1] = optimizer.beta_1, optimizer.beta_2
        self._a, self._e = np.zeros(n_steps, dtype), np.zeros(n_steps, dtype)

    def prepare(self, t: int, c: float) -> None:
        """Compute the scalars of the steps t + 1, t + 2, ... in double precision."""
        o = self._optimizer
        steps = t + 1 + np.arange(len(self._a))
        correction_1, correction_2 = 1 - o.beta_1**steps, 1 - o.beta_2**steps
        if o.epsilon_inside_correction:
            self._a[...] = o.learning_rate * np.sqrt(correction_2) / correction_1
            divisor: FloatArray | float = c * math.sqrt(1 - o.beta_2)
        else:
            self._a[...] = o.learning_rate / correction_1
            divisor = c * np.sqrt((1 - o.beta_2) / correction_2)
        self._a *= (1 - o.beta_1) * c / divisor
        self._e[...] = o.epsilon / divisor

    def change_learning_rate(self, rate: float) -> None:
        """Use another rate from the next epoch on; the memory does not contain it."""
        self._optimizer.learning_rate = rate

    def rescale(self, ratio: float) -> None:
        """Adapt the memory to gradients of another scale."""
        self.memory *= np.array([[ratio], [ratio**2]])

    def calls(self, step: int, P: FloatArray, T: FloatArray) -> Tape:
        """Return the calls that move the parameters."""
        a, e = self._a[step : step + 1].reshape(()), self._e[step : step + 1].reshape(())
        tape: Tape = []
        for start in range(0, len(P), CHUNK):  # one round for a small network
            part = slice(start, start + CHUNK)
            memory, new, (m, v) = self.memory[:, part], self._new[:, part], self.memory[:, part]
            g, squares, p, t = self.G[part], self._squares[part], P[part], T[: len(P[part])]
            tape += [
                (np.multiply, (g, g, squares)),
                (np.multiply, (memory, self._decay[:, : len(p)], memory)),
                (np.add, (memory, new, memory)),
                (np.sqrt, (v, t)),
                (np.add, (t, e, t)),
                (np.divide, (m, t, t)),
                (np.multiply, (t, a, t)),
                (np.subtract, (p, t, p)),
            ]
        return tape


class _DescentSteps:
    """Gradient descent in two calls, with momentum in four or six."""

    def __init__(self, optimizer: GradientDescent, n_parameters: int, n_steps: int, dtype: npt.DTypeLike) -> None:
        self._optimizer = optimizer
        self.G, self.memory = aligned((n_parameters,), dtype), aligned((n_parameters,), dtype)
        self._rate = np.zeros((), dtype)

    def prepare(self, t: int, c: float) -> None:
        """Take back the scale of the gradient with the learning rate."""
        self._rate[...] = self._optimizer.learning_rate * c

    def change_learning_rate(self, rate: float) -> None:
        """Use another rate from the next epoch on; the velocity times the rate stays what it was."""
        if rate != self._optimizer.learning_rate:
            self.memory *= self._optimizer.learning_rate / rate
        self._optimizer.learning_rate = rate

    def rescale(self, ratio: float) -> None:
        """Adapt the memory to gradients of another scale."""
        self.memory *= ratio

    def calls(self, step: int, P: FloatArray, T: FloatArray) -> Tape:
        """Return the calls that move the parameters."""
        G, V, rate = self.G, self.memory, self._rate
        if self._optimizer.momentum == 0:
            return [(np.multiply, (G, rate, T)), (np.subtract, (P, T, P))]
        momentum = _scalar(self._optimizer.momentum, V)
        tape: Tape = [(np.multiply, (V, momentum, V)), (np.add, (V, G, V))]
        if self._optimizer.nesterov:
            tape += [(np.multiply, (V, momentum, T)), (np.add, (T, G, T)), (np.multiply, (T, rate, T))]
        else:
            tape.append((np.multiply, (V, rate, T)))
        return [*tape, (np.subtract, (P, T, P))]


class _AdamWSteps(_AdamSteps):
    """AdamW in nine calls: the parameters shrink first."""

    def __init__(self, optimizer: AdamW, n_parameters: int, n_steps: int, dtype: npt.DTypeLike) -> None:
        super().__init__(optimizer, n_parameters, n_steps, dtype)
        self._kept = np.zeros((), dtype)

    def prepare(self, t: int, c: float) -> None:
        """Compute the scalars of the steps and the share of a parameter that is kept."""
        super().prepare(t, c)
        assert isinstance(self._optimizer, AdamW)
        self._kept[...] = 1 - self._optimizer.learning_rate * self._optimizer.weight_decay

    def calls(self, step: int, P: FloatArray, T: FloatArray) -> Tape:
        """Return the calls that move the parameters."""
        return [(np.multiply, (P, self._kept, P)), *super().calls(step, P, T)]


class _RMSpropSteps:
    """RMSprop in eight calls, its memory kept without its factor as Adam's is."""

    def __init__(self, optimizer: RMSprop, n_parameters: int, n_steps: int, dtype: npt.DTypeLike) -> None:
        self._optimizer = optimizer
        self.G, self.memory, self._squares = (aligned((n_parameters,), dtype) for _ in range(3))
        self._a, self._e, self._rho = np.zeros((), dtype), np.zeros((), dtype), np.array(optimizer.rho, dtype)

    def prepare(self, t: int, c: float) -> None:
        """Bring learning rate and epsilon to the scale of the memory."""
        divisor = c * math.sqrt(1 - self._optimizer.rho)
        self._a[...] = self._optimizer.learning_rate * c / divisor
        self._e[...] = self._optimizer.epsilon / divisor

    def change_learning_rate(self, rate: float) -> None:
        """Use another rate from the next epoch on; the memory does not contain it."""
        self._optimizer.learning_rate = rate

    def rescale(self, ratio: float) -> None:
        """Adapt the memory to gradients of another scale."""
        self.memory *= ratio**2

    def calls(self, step: int, P: FloatArray, T: FloatArray) -> Tape:
        """Return the calls that move the parameters."""
        return [
            (np.multiply, (self.G, self.G, self._squares)),
            (np.multiply, (self.memory, self._rho, self.memory)),
            (np.add, (self.memory, self._squares, self.memory)),
            (np.sqrt, (self.memory, T)),
            (np.add, (T, self._e, T)),
            (np.divide, (self.G, T, T)),
            (np.multiply, (T, self._a, T)),
            (np.subtract, (P, T, P)),
        ]


_STEPS: dict[type, Any] = {
    Adam: _AdamSteps,
    AdamW: _AdamWSteps,
    GradientDescent: _DescentSteps,
    RMSprop: _RMSpropSteps,
}
