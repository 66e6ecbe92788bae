"""The same training as `mlp`, compiled: a whole epoch as one flat list of NumPy calls on memory that is already there.

`MLP.train_step` spends most of its time around the mathematics: allocating results, adding biases, looking up
attributes, entering functions. For 20-64-32-1 and 32 rows its matrix products take a twelfth of it. Everything that a
step will do is known once sizes, batch and optimizer are, so it can be written down in advance::

    tape = [(W1.T.dot, (x.T, z1)), (maximum into a1, (z1, 0)), (W2.T.dot, (a1, z2)), ...]
    for call, arguments in tape:
        call(*arguments)

That loop is the whole training. These are the tricks; docs/experiments.md has what undoing one of them costs a step of
that network, measured, and what did not work:

1. **Nothing is allocated.** Every call writes into a buffer made beforehand (`out`); buffers start at multiples of 64
   bytes, where vector instructions load fastest.
2. **The bias is a row of the kernel, and 1 is a feature.** Parameters of a layer are one array ``[kernel; bias]`` of
   shape (fan_in + 1, fan_out), activations end in a row of ones: one product gives z with its bias, one product gives
   the gradients of both.
3. **Activations are features-first**, (units + 1, n_rows), so that the row of ones is contiguous memory, a view without
   it is too, and no product needs a copy.
4. **All parameters are one flat array**, and so are their gradients and the optimizer's memory: Adam takes ten calls
   for the network, not fourteen for each array.
5. **Constants leave the loop.** 1/n, a factor 2 and Adam's bias corrections change only a step's two scalars, which are
   computed for all steps of the epoch at once (`_AdamSteps`).
6. **What ReLUs pass on unchanged is put where it costs nothing**: a half that the binary loss wants, and the factors of
   dropout (`_Absorbed`).
7. **Losses are computed once an epoch**, from the logits of all steps, which are written side by side as they arise.
8. **Rows are shuffled once an epoch** into one array; batches are views of it.
9. **Dropout masks are drawn for many steps at once**, from 16 random bits each. The gates of a whole ReLU network are
   one call, masks included: a unit is open where it gave more than 0 (`_relu_gate`).
10. **Operands have the same shape or are 0-d arrays.** Broadcasting a row costs more than the arithmetic.
11. **Matrices are turned round before a product** that is slow otherwise (`is_turned`).
12. **Calls that are the same in every step are made once** (`_Step`): a plan of 240 steps compiles in half the time.
13. **A large network is updated in chunks** that stay in the cache through all calls of the optimizer.
14. **Subnormal numbers are flushed** now and then. The memory of a dead unit decays until it is subnormal, and then
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

from .activations import ACTIVATIONS, FloatArray
from .mlp import MLP
from .optimizers import Adam, AdamW, GradientDescent, Optimizer, RMSprop

Call = tuple[Callable[..., Any], tuple[Any, ...]]
Tape = list[Call]

ALIGNMENT_BYTES = 64
STEPS_OF_MASKS = 64
# Parameters that the optimizer takes through all its calls before the next: their arrays stay in the cache.
CHUNK = 65536
# See `is_turned`. OpenBLAS takes its kernels for small matrices up to this many multiplications.
SMALL_PRODUCT = 1_000_000
TURN_FROM_UNITS, TURN_FROM_BYTES = 16, 8192
# Far above the subnormal range of float32 (1e-38), far below any gradient that matters.
FLUSH_BELOW = 1e-20
FLUSH_STEPS = 200  # 0.9**200 = 7e-10: what was above that bound is far from subnormal still


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
        self._absorbed = _Absorbed(mlp)
        scale = _SCALES[mlp.loss.name](self.batch_size, mlp.layer_sizes[-1])
        self._scale = loss_factor * scale / self._absorbed.of_logits
        self.starts = range(0, n_samples, self.batch_size)
        self.n_steps, self.t = len(self.starts), 0
        self._allocate_parameters(optimizer)
        self._allocate_rows()
        self._masks = _Masks(mlp, self.batch_size, mask_seed, self._absorbed) if any(mlp.dropout) else None
        self._tape = self._compile()

    # --- memory --------------------------------------------------------------------------------------------------

    def _allocate_parameters(self, optimizer: Optimizer) -> None:
        sizes = self.mlp.layer_sizes
        shapes = [(fan_in + 1, fan_out) for fan_in, fan_out in pairwise(sizes)]
        n = sum(math.prod(shape) for shape in shapes)
        self._optimizer: Any = optimizer
        self.P, self._T = aligned((n,), self.dtype), aligned((n,), self.dtype)
        self._steps = _STEPS[type(optimizer)](optimizer, self.P, self._T, self.n_steps)
        self.G = self._steps.G
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
        steps = {
            n_rows: _Step(self.mlp, n_rows, self._W, self._dW, self._absorbed)
            for n_rows in {self.batch_size, self._n_rows(self.n_steps - 1)}
        }
        tape: Tape = []
        for step in range(self.n_steps):
            n_rows = self._n_rows(step)
            if self._masks is not None and step % STEPS_OF_MASKS == 0:
                tape.append((self._masks.draw, ()))
            tape += steps[n_rows].calls(
                self._X[self.starts[step] : self.starts[step] + n_rows],
                self._step_view(self._logits, step),
                self._step_view(self._y, step),
                self._step_view(self._weights, step) if self.weighted else None,
                self._masks.of_step(step, n_rows) if self._masks is not None else [None] * len(self._W[:-1]),
            )
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
            tape += self._steps.calls(step)
        return tape

    def _n_rows(self, step: int) -> int:
        return min(self.batch_size, self.n_samples - self.starts[step])

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
        np.multiply(X, self._absorbed.of_rows, out=self._source[:, :-1], casting="unsafe")
        self._source[:, -1] = self._absorbed.of_rows
        self._are_in_order = False
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

    @np.errstate(all="ignore")  # one that diverges raises, so it need not warn; and NumPy need not look for flags
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
        if order is not None or not self._are_in_order:
            self._order_rows(np.arange(self.n_samples) if order is None else order)
            self._are_in_order = order is None
        if self.mlp.l2 > 0:
            self._prepare_penalties()
        self._steps.prepare(self.t, self._scale)
        for call, arguments in self._tape:
            call(*arguments)
        self.t += self.n_steps
        if self.t // FLUSH_STEPS > (self.t - self.n_steps) // FLUSH_STEPS:
            memory = self._steps.memory
            memory[np.abs(memory) < FLUSH_BELOW] = 0
        return self._losses()

    def _order_rows(self, order: npt.NDArray[np.intp]) -> None:
        """Put the rows into the buffers in their order, and their weights."""
        # With mode="clip" take writes straight into `out`; with the default it goes through a copy.
        np.take(self._source, order, axis=0, out=self._X, mode="clip")
        self._to_steps(np.take(self._source_y, order, axis=0, mode="clip"), self._y)
        if self.weighted:  # so that their mean is 1 and the mean over the batch stays one
            weights = self._ordered_weights = np.take(self._source_weights, order, mode="clip")
            sums = np.add.reduceat(weights, np.array(self.starts))
            sums[sums == 0] = np.inf  # rows of no weight move nothing
            means = np.repeat(sums / self._rows_of_steps, self._rows_of_steps)
            of_outputs = np.repeat((weights / means)[:, None], self.mlp.layer_sizes[-1], axis=1)
            self._to_steps(of_outputs.astype(self.dtype), self._weights)

    def _to_steps(self, rows: FloatArray, flat: FloatArray) -> None:
        """Write rows (n_samples, k) step after step, each step as (k, n_rows)."""
        k, n_even = rows.shape[1], self.n_samples - self.n_samples % self.batch_size
        even = rows[:n_even].reshape(-1, self.batch_size, k)
        flat[: n_even * k].reshape(-1, k, self.batch_size)[...] = even.transpose(0, 2, 1)
        flat[n_even * k :].reshape(k, -1)[...] = rows[n_even:].T

    def _prepare_penalties(self) -> None:
        # l2 / n kernel belongs to the true gradient, G is 1 / scale of it; the ragged step is brought to scale later.
        n = self._rows_of_steps.astype(float)
        if self.weighted:
            n = np.add.reduceat(self._ordered_weights, np.array(self.starts))
            n[n == 0] = np.inf
        self._penalties[...] = self.mlp.l2 / n
        self._strengths[...] = self._penalties / (self._scale * self.batch_size / self._rows_of_steps)

    def _losses(self) -> FloatArray:
        """Return the mean loss of each step, from the logits that all of them left behind."""
        k, n_even = self.mlp.layer_sizes[-1], self.n_samples - self.n_samples % self.batch_size
        losses = []
        for part, n_rows in ((slice(0, n_even), self.batch_size), (slice(n_even, None), self.n_samples - n_even)):
            if n_rows == 0:
                continue
            flat = slice(part.start * k, part.stop and part.stop * k)
            z, y = (array[flat].astype(np.float64) for array in (self._logits, self._y))
            if self._absorbed.of_logits != 1:
                z *= 1 / self._absorbed.of_logits
            of_rows = _LOSS_VALUES[self.mlp.loss.name](z.reshape(-1, k, n_rows), y.reshape(-1, k, n_rows))
            if self.weighted:
                w = self._ordered_weights[part].reshape(-1, n_rows)
                sums = w.sum(axis=1)
                losses.append((of_rows * w).sum(axis=1) / np.where(sums == 0, np.inf, sums))
            else:
                losses.append(of_rows.mean(axis=1))
        return self._checked(np.concatenate(losses))

    def _checked(self, losses: FloatArray) -> FloatArray:
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
        """Take other steps from now on, as the optimizer would with another `learning_rate`."""
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
        masks = zip(self._masks.of_step(step, self._n_rows(step)), self.mlp.dropout, strict=True)
        return [None if m is None else (m.T > 0) * (1 / (1 - rate)) for m, rate in masks]


class _Absorbed:
    """Factors that a network of ReLUs passes on unchanged, so that they cost no calls.

    relu(c z) = c relu(z) for c > 0: if rows and their 1 are stored times c, every activation, the logits and the
    gradients of all parameters are c times theirs. Two calls vanish that way. The derivative of the binary loss wants
    z / 2, which is what c = 1/2 delivers. And dropout's factor 1 / (1 - rate) can be left out of the masks: the 1 of
    each layer shrinks by 1 - rate, as its masked activations do on average, and c makes up for the product of all.
    """

    def __init__(self, mlp: MLP) -> None:
        kept = [1 - rate for rate in mlp.dropout]
        self.possible = all(activation.name == "relu" for activation in mlp.hidden)
        halved = mlp.loss.name == "binary_cross_entropy"
        self.of_logits = 0.5 if self.possible and halved else 1.0
        self.of_rows = self.of_logits / math.prod(kept) if self.possible else 1.0
        ones = [self.of_rows * math.prod(kept[: layer + 1]) for layer in range(len(kept))]
        self.ones = ones if self.possible else [1.0] * len(kept)


class _Step:
    """Activations and gradients of a step with a given number of rows, each (units, n_rows), and its calls.

    Steps differ in the rows they read and where their logits go. All other calls are made once and shared.
    """

    def __init__(self, mlp: MLP, n_rows: int, W: list[FloatArray], dW: list[FloatArray], absorbed: _Absorbed) -> None:
        self._mlp, self._W, self._dW, self._absorbed = mlp, W, dW, absorbed
        hidden = mlp.layer_sizes[1:-1]
        ends = np.cumsum([units + 1 for units in hidden]).tolist()
        # One block for all layers, so that the gates of a ReLU network take two calls in all.
        self._block = aligned((sum(hidden) + len(hidden), n_rows), mlp.dtype)
        self._gates = aligned(self._block.shape, _gate_dtype(mlp, absorbed))
        self._a = [self._block[end - units - 1 : end] for units, end in zip(hidden, ends, strict=True)]
        self._gate = [self._gates[end - units - 1 : end - 1] for units, end in zip(hidden, ends, strict=True)]
        for a, one in zip(self._a, absorbed.ones, strict=True):
            a[-1] = one
        # f(z) before dropout: the activation itself, unless both are needed on the way back.
        self._f = [
            a[:-1] if rate == 0 or absorbed.possible else aligned((units, n_rows), mlp.dtype)
            for a, units, rate in zip(self._a, hidden, mlp.dropout, strict=True)
        ]
        self._d = [aligned((units, n_rows), mlp.dtype) for units in mlp.layer_sizes[1:]]
        self._spare = aligned((mlp.layer_sizes[-1] + 1, n_rows), mlp.dtype)  # for the softmax
        # (fan_out, fan_in + 1) @ (fan_in + 1, n_rows); the first layer reads the rows of the step.
        self._products = [(W[i].T.dot, (self._a[i - 1], self._f[i])) for i in range(1, len(hidden))]
        self._activate = [
            [(_gelu_and_slope, (z, gate))] if f.name == "gelu" else _ACTIVATE[f.name](z)
            for f, z, gate in zip(mlp.hidden, self._f, self._gate, strict=True)
        ]
        self._open_gates = self._compile_gates([activation.name for activation in mlp.hidden])
        self._backward = self._compile_backward()

    def _compile_gates(self, names: list[str]) -> Tape:
        """Return the calls that fill the gates: what d(loss)/da is multiplied by to give d(loss)/dz."""
        if names and self._absorbed.possible:
            return _relu_gate(self._block, self._gates)
        gates = zip(names, self._f, self._gate, strict=True)
        return [call for name, f, gate in gates for call in _GATES[name](f, gate)]

    def _compile_backward(self) -> Tape:
        tape: Tape = []
        for layer in range(len(self._W) - 1, 0, -1):
            d, below, gate = self._d[layer], self._d[layer - 1], self._gate[layer - 1]
            tape += self._gradient(self._a[layer - 1], d, self._dW[layer])
            tape.append((self._W[layer][:-1].dot, (d, below)))
            below = below.view(gate.dtype)
            tape.append((np.multiply, (below, gate, below)))
        return tape

    def _gradient(self, a: FloatArray, d: FloatArray, dW: FloatArray) -> Tape:
        """Return the calls for ``dW = a @ d.T``."""
        if not is_turned(dW, d):
            return [(a.dot, (d.T, dW))]
        turned = aligned((d.shape[1], d.shape[0]), d.dtype)
        return [(np.copyto, (turned, d.T)), (a.dot, (turned, dW))]

    def calls(
        self,
        rows: FloatArray,
        logits: FloatArray,
        targets: FloatArray,
        weights: FloatArray | None,
        masks: list[FloatArray | None],
    ) -> Tape:
        """Return the calls that leave the logits of the rows and the gradient of all parameters behind."""
        tape: Tape = []
        for layer, mask in enumerate(masks):
            tape.append(self._products[layer - 1] if layer else (self._W[0].T.dot, (rows.T, self._f[0])))
            if mask is not None and self._absorbed.possible:  # relu(z) mask = relu(z mask)
                tape.append((np.multiply, (self._f[layer], mask, self._f[layer])))
            tape += self._activate[layer]
            if mask is not None and not self._absorbed.possible:
                tape.append((np.multiply, (self._f[layer], mask, self._a[layer][:-1])))
        d = self._d[-1]
        tape.append((self._W[-1].T.dot, (self._a[-1] if self._a else rows.T, logits)))
        tape += _LOSS_GRADIENTS[self._mlp.loss.name](logits, targets, d, self._spare, self._absorbed.of_logits)
        if weights is not None:
            tape.append((np.multiply, (d, weights, d)))
        tape += self._open_gates
        if not self._absorbed.possible:
            gates = zip(self._gate, masks, strict=True)
            tape += [(np.multiply, (gate, mask, gate)) for gate, mask in gates if mask is not None]
        tape += self._backward
        tape.append((rows.T.dot, (self._d[0].T, self._dW[0])))
        return tape


def is_turned(dW: FloatArray, d: FloatArray) -> bool:
    """Tell whether ``dW = a @ d.T`` is faster with d turned round first, by a call of its own.

    OpenBLAS has kernels of its own for small products. The one whose right operand is transposed takes twice as long as
    the others, and turning that operand first takes less than the difference, unless it is very small or narrow.
    """
    is_small = dW.size * d.shape[1] <= SMALL_PRODUCT
    return is_small and dW.shape[1] >= TURN_FROM_UNITS and d.nbytes >= TURN_FROM_BYTES


class _Masks:
    """Dropout masks for `STEPS_OF_MASKS` steps at a time: 0, or 1 / (1 - rate) where that factor is not absorbed."""

    def __init__(self, mlp: MLP, batch_size: int, seed: int, absorbed: _Absorbed) -> None:
        self._rates, self._units, self._absorbed = mlp.dropout, mlp.layer_sizes[1:-1], absorbed
        self.bits = np.random.SFC64(seed)  # the fastest of NumPy's generators
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
                if not self._absorbed.possible:
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


def _gelu(z: FloatArray) -> None:
    z[...] = ACTIVATIONS["gelu"].forward(z)


def _gelu_and_slope(z: FloatArray, slope: FloatArray) -> None:
    # The one slope here that does not follow from the value: it is computed on the way forward, while z is there.
    a = ACTIVATIONS["gelu"].forward(z)
    slope[...] = ACTIVATIONS["gelu"].derivative(z, a)
    z[...] = a


def _relu(z: FloatArray) -> Tape:
    # `out` bound in advance: given by position it warns, given by name it is parsed at every call.
    return [(partial(np.maximum, out=z), (z, np.zeros_like(z)))]


def _sigmoid(z: FloatArray) -> Tape:
    half = _scalar(0.5, z)  # sigmoid(z) = (1 + tanh(z / 2)) / 2 cannot overflow
    return [(np.multiply, (z, half, z)), (np.tanh, (z, z)), (np.multiply, (z, half, z)), (np.add, (z, half, z))]


def _gate_dtype(mlp: MLP, absorbed: "_Absorbed") -> npt.DTypeLike:
    # int64 products are slow where processors lack an instruction for them.
    return np.int32 if absorbed.possible and mlp.dtype == np.float32 else mlp.dtype


def _relu_gate(a: FloatArray, gate: npt.NDArray[Any]) -> Tape:
    if gate.dtype == np.int32:
        # The bits of a float, read as an integer, are 0 for 0.0 and at least 1 above it (at most 0 for -0.0). Times
        # the bits of a gradient this 0 or 1 clears or keeps it: one call instead of two, and no mixed types.
        return [(partial(np.minimum, out=gate), (a.view(np.int32), np.ones_like(gate)))]
    on = np.zeros(a.shape, bool)
    return [(np.greater, (a, _scalar(0, a), on)), (np.copyto, (gate, on))]


_ACTIVATE: dict[str, Callable[[FloatArray], Tape]] = {
    "linear": lambda z: [],
    "relu": _relu,
    "tanh": lambda z: [(np.tanh, (z, z))],
    "sigmoid": _sigmoid,
    "gelu": lambda z: [(_gelu, (z,))],
}


def compile_activation(name: str, z: FloatArray) -> Tape:
    """Return the calls that put an activation function in the place of its argument."""
    return _ACTIVATE[name](z)


_GATES: dict[str, Callable[[FloatArray, FloatArray], Tape]] = {
    "linear": lambda f, gate: [(np.copyto, (gate, np.ones_like(gate)))],
    "relu": _relu_gate,
    "tanh": lambda f, gate: [(np.multiply, (f, f, gate)), (np.subtract, (np.ones_like(gate), gate, gate))],
    "gelu": lambda f, gate: [],
    "sigmoid": lambda f, gate: [(np.subtract, (np.ones_like(gate), f, gate)), (np.multiply, (gate, f, gate))],
}


# --- losses: the gradient in the logits times a constant that the step's scalars take back ----------------------------


def _sigmoid_gradient(z: FloatArray, t: FloatArray, d: FloatArray, spare: FloatArray, scale: float) -> Tape:
    # With t = 1 - 2y: tanh(z / 2) + t = 2 (p - y), two or three calls instead of the five of 1 / (1 + exp(-z)) - y.
    if scale == 0.5:  # the half is absorbed already
        return [(np.tanh, (z, d)), (np.add, (d, t, d))]
    return [(np.multiply, (z, _scalar(0.5, z), d)), (np.tanh, (d, d)), (np.add, (d, t, d))]


def _softmax_gradient(z: FloatArray, y: FloatArray, d: FloatArray, spare: FloatArray, scale: float) -> Tape:
    k, sums, largest = len(z), spare[:-1], spare[-1:]
    return [
        (partial(np.maximum.reduce, axis=0, keepdims=True, out=largest), (z,)),
        (np.subtract, (z, largest, d)),
        (np.exp, (d, d)),
        (np.ones((k, k), z.dtype).dot, (d, sums)),  # each sum k times over, so that the division is same-shape
        (np.divide, (d, sums, d)),
        (np.subtract, (d, y, d)),
    ]


_LOSS_GRADIENTS: dict[str, Callable[[FloatArray, FloatArray, FloatArray, FloatArray, float], Tape]] = {
    "binary_cross_entropy": _sigmoid_gradient,
    "categorical_cross_entropy": _softmax_gradient,
    "mean_squared_error": lambda z, y, d, spare, scale: [(np.subtract, (z, y, d))],
    "half_poisson_deviance": lambda z, y, d, spare, scale: [(np.exp, (z, d)), (np.subtract, (d, y, d))],
}
# What the above must be multiplied by to be the gradient of the mean loss, from batch size and number of outputs.
_SCALES: dict[str, Callable[[int, int], float]] = {
    "binary_cross_entropy": lambda n_rows, k: 1 / (2 * n_rows),
    "categorical_cross_entropy": lambda n_rows, k: 1 / n_rows,
    "mean_squared_error": lambda n_rows, k: 2 / (n_rows * k),
    "half_poisson_deviance": lambda n_rows, k: 1 / n_rows,
}


def _prepare_signs(y: FloatArray) -> None:
    np.multiply(y, -2, out=y)
    np.add(y, 1, out=y)


_PREPARE_TARGETS: dict[str, Callable[[FloatArray], None]] = {
    "binary_cross_entropy": _prepare_signs,
    "categorical_cross_entropy": lambda y: None,
    "mean_squared_error": lambda y: None,
    "half_poisson_deviance": lambda y: None,
}


def _log_loss_values(z: FloatArray, t: FloatArray) -> FloatArray:
    # (|z| + t z) / 2 + log(1 + exp(-|z|)); all of shape (n_steps, k, n_rows), and in place, as each epoch pays for it.
    size = np.abs(z)
    t *= z
    t += size
    t *= 0.5
    np.negative(size, out=size)
    np.exp(size, out=size)
    np.log1p(size, out=size)
    t += size
    return t[:, 0] if t.shape[1] == 1 else np.asarray(t.sum(axis=1))


def _cross_entropy_values(z: FloatArray, y: FloatArray) -> FloatArray:
    shifted = z - z.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return np.asarray(-(y * log_p).sum(axis=1))


def _half_poisson_deviance_values(z: FloatArray, y: FloatArray) -> FloatArray:
    # y (e^t - 1 - t) with t = z - log y, and e^z where nothing was counted, as in `losses`.
    counted = y > 0
    t = z - np.log(y, out=np.zeros_like(y), where=counted)
    return np.asarray(np.where(counted, y * (np.expm1(t) - t), np.exp(z)).sum(axis=1))


_LOSS_VALUES: dict[str, Callable[[FloatArray, FloatArray], FloatArray]] = {
    "binary_cross_entropy": _log_loss_values,
    "categorical_cross_entropy": _cross_entropy_values,
    "mean_squared_error": lambda z, y: np.square(z - y).mean(axis=1),
    "half_poisson_deviance": _half_poisson_deviance_values,
}


# --- optimizers: the fewest passes over the flat array, and the scalars of all steps of an epoch ----------------------


class _AdamSteps:
    """Adam in ten calls.

    The memory is kept without its factors: m' = beta_1 m' + g and v' = beta_2 v' + g^2. With g a multiple 1 / c of the
    true gradient, m = (1 - beta_1) c m' and v = (1 - beta_2) c^2 v', and the step of either form of Adam becomes
    ``a_t m' / (sqrt(v') + e_t)``.
    """

    def __init__(self, optimizer: Adam, P: FloatArray, T: FloatArray, n_steps: int) -> None:
        self._optimizer = optimizer
        self.memory, self.G = aligned((2, len(P)), P.dtype), aligned(P.shape, P.dtype)
        self._a, self._e = np.zeros(n_steps, P.dtype), np.zeros(n_steps, P.dtype)
        decay_m, decay_v = _scalar(optimizer.beta_1, P), _scalar(optimizer.beta_2, P)
        self._parts: list[tuple[Tape, FloatArray, Call, Call]] = []
        for start in range(0, len(P), CHUNK):  # one for a small network
            part = slice(start, start + CHUNK)
            p, g, (m, v) = P[part], self.G[part], self.memory[:, part]
            t = T[: len(p)]
            before: Tape = [
                (np.multiply, (m, decay_m, m)),
                (np.add, (m, g, m)),
                (np.multiply, (g, g, t)),
                (np.multiply, (v, decay_v, v)),
                (np.add, (v, t, v)),
                (np.sqrt, (v, t)),
            ]
            self._parts.append((before, t, (np.divide, (m, t, t)), (np.subtract, (p, t, p))))

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

    def calls(self, step: int) -> Tape:
        """Return the calls that move the parameters."""
        a, e = self._a[step : step + 1].reshape(()), self._e[step : step + 1].reshape(())
        tape: Tape = []
        for before, t, divide, subtract in self._parts:
            tape += [*before, (np.add, (t, e, t)), divide, (np.multiply, (t, a, t)), subtract]
        return tape


class _DescentSteps:
    """Gradient descent in two calls, with momentum in four or six."""

    def __init__(self, optimizer: GradientDescent, P: FloatArray, T: FloatArray, n_steps: int) -> None:
        self._optimizer = optimizer
        self.G, self.memory = (aligned(P.shape, P.dtype) for _ in range(2))
        self._rate = np.zeros((), P.dtype)
        self._calls = self._compile(P, T)

    def _compile(self, P: FloatArray, T: FloatArray) -> Tape:
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

    def prepare(self, t: int, c: float) -> None:
        """Take back the scale of the gradient with the learning rate."""
        self._rate[...] = self._optimizer.learning_rate * c

    def change_learning_rate(self, rate: float) -> None:
        """Use another rate from the next epoch on; a velocity that contains the rate keeps the length it has."""
        if rate != self._optimizer.learning_rate and self._optimizer.rate_in_velocity:
            self.memory *= self._optimizer.learning_rate / rate
        self._optimizer.learning_rate = rate

    def rescale(self, ratio: float) -> None:
        """Adapt the memory to gradients of another scale."""
        self.memory *= ratio

    def calls(self, step: int) -> Tape:
        """Return the calls that move the parameters; all steps have the same."""
        return self._calls


class _AdamWSteps(_AdamSteps):
    """AdamW in eleven calls: the parameters shrink first."""

    def __init__(self, optimizer: AdamW, P: FloatArray, T: FloatArray, n_steps: int) -> None:
        super().__init__(optimizer, P, T, n_steps)
        self._kept = np.zeros((), P.dtype)
        self._shrink: Call = (np.multiply, (P, self._kept, P))

    def prepare(self, t: int, c: float) -> None:
        """Compute the scalars of the steps and the share of a parameter that is kept."""
        super().prepare(t, c)
        assert isinstance(self._optimizer, AdamW)
        self._kept[...] = 1 - self._optimizer.learning_rate * self._optimizer.weight_decay

    def calls(self, step: int) -> Tape:
        """Return the calls that move the parameters."""
        return [self._shrink, *super().calls(step)]


class _RMSpropSteps:
    """RMSprop in eight calls, its memory kept without its factor as Adam's is."""

    def __init__(self, optimizer: RMSprop, P: FloatArray, T: FloatArray, n_steps: int) -> None:
        self._optimizer = optimizer
        self.G, self.memory, squares = (aligned(P.shape, P.dtype) for _ in range(3))
        self._a, self._e, rho = (np.array(value, P.dtype) for value in (0, 0, optimizer.rho))
        inside: Tape = [(np.add, (self.memory, self._e, T)), (np.sqrt, (T, T))]
        outside: Tape = [(np.sqrt, (self.memory, T)), (np.add, (T, self._e, T))]
        self._calls: Tape = [
            (np.multiply, (self.G, self.G, squares)),
            (np.multiply, (self.memory, rho, self.memory)),
            (np.add, (self.memory, squares, self.memory)),
            *(inside if optimizer.epsilon_inside_root else outside),
            (np.divide, (self.G, T, T)),
            (np.multiply, (T, self._a, T)),
            (np.subtract, (P, T, P)),
        ]

    def prepare(self, t: int, c: float) -> None:
        """Bring learning rate and epsilon to the scale of the memory."""
        divisor = c * math.sqrt(1 - self._optimizer.rho)
        self._a[...] = self._optimizer.learning_rate * c / divisor
        self._e[...] = self._optimizer.epsilon / divisor ** (2 if self._optimizer.epsilon_inside_root else 1)

    def change_learning_rate(self, rate: float) -> None:
        """Use another rate from the next epoch on; the memory does not contain it."""
        self._optimizer.learning_rate = rate

    def rescale(self, ratio: float) -> None:
        """Adapt the memory to gradients of another scale."""
        self.memory *= ratio**2

    def calls(self, step: int) -> Tape:
        """Return the calls that move the parameters; all steps have the same."""
        return self._calls


_STEPS: dict[type, Any] = {
    Adam: _AdamSteps,
    AdamW: _AdamWSteps,
    GradientDescent: _DescentSteps,
    RMSprop: _RMSpropSteps,
}
