"""Prediction on memory that is already there, for one row as for many.

The passes of a trained network are the forward half of `scratch.plan`: the bias is a row of the kernel, activations are
features-first and end in a row of ones, every call writes into a buffer. Many rows go through in blocks that stay in
the processor's cache. A single row skips what a matrix needs.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np

from ..scratch.activations import FloatArray
from ..scratch.plan import Tape, aligned, compile_activation

# Rows of a block: 64 units of 256 rows in float32 are 64 KiB, which a second-level cache holds several times.
BLOCK = 256
# Times this, finite numbers add up to a finite one: the cheapest way to see that all of them are.
SMALL = 2.0**-32
# Passes for other numbers of rows that are kept, the last used ones.
KEPT = 4


class Predictor:
    """The forward pass of a trained network, compiled.

    Parameters
    ----------
    layers : list of ndarray of shape (fan_in + 1, fan_out)
        Kernels, the bias as their last row. They are used as they are, not copied: what changes them changes answers.
    hidden : str
        Activation of the hidden layers, a key of `scratch.ACTIVATIONS`.

    Notes
    -----
    Buffers belong to a thread: several may predict with one network at a time.

    Examples
    --------
    >>> layer = np.array([[1.0], [2.0], [0.5]])  # 1 x_1 + 2 x_2 + 0.5
    >>> Predictor([layer], "relu").logits(np.array([[10.0, 1.0]]))
    array([[12.5]])
    """

    def __init__(self, layers: list[FloatArray], hidden: str) -> None:
        self.layers, self._hidden = layers, hidden
        self.kernels, self.biases = [W[:-1] for W in layers], [W[-1] for W in layers]
        self.n_inputs, self.n_outputs = layers[0].shape[0] - 1, layers[-1].shape[1]
        self.dtype = layers[0].dtype
        self._mine = threading.local()
        # ``row(X, fitted)``: the logit of one row, or None if that is not simple; see `_compile_row`.
        self.row: Callable[[Any, Mapping[str, Any]], float | None] = (
            self._compile_row(hidden) if self.n_outputs == 1 else _no_answer
        )

    def holds(self, kernels: Sequence[FloatArray], biases: Sequence[FloatArray]) -> bool:
        """Tell whether these very arrays, not equal ones, are the parameters."""
        # Lists compare their elements by identity first, faster than a loop here could. Where two are not the same,
        # `==` gives an array, whose truth is asked for in vain.
        try:
            return self.kernels == kernels and self.biases == biases
        except ValueError:
            return False

    def logits(self, X: FloatArray) -> FloatArray | None:
        """Return the pre-activations of the last layer, or None if a number in `X` is not finite.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            Rows in the dtype of the layers.

        Returns
        -------
        ndarray of shape (n_samples, n_outputs)
            In memory of its own, or None.
        """
        n = len(X)
        out = np.empty((self.n_outputs, n), self.dtype)
        for start in range(0, n, BLOCK):
            block = X[start : start + BLOCK]
            logits = self._pass(len(block)).run(block)
            if logits is None:
                return None
            out[:, start : start + BLOCK] = logits
        return out.T if self.n_outputs == 1 else np.ascontiguousarray(out.T)

    def _compile_row(self, hidden: str) -> Callable[[Any, Mapping[str, Any]], float | None]:
        """Return the forward pass for one row, every activation a vector.

        A function that remembers its buffers and checks what it is given, rather than methods that look things up and
        call each other: at three microseconds in all, looking up is a tenth of the time. The thread that asks first
        owns the buffers; the others are answered by `logits`.
        """
        layers, dtype = self.layers, self.dtype
        row = aligned((len(layers[0]),), dtype)
        row[-1] = 1
        x = row[:-1]
        steps: list[tuple[Callable[..., Any], FloatArray, FloatArray, Callable[..., Any], FloatArray, FloatArray]] = []
        outs = [aligned((W.shape[1] + 1,), dtype) for W in layers[:-1]]
        zs = [out[:-1] for out in outs] + [aligned((1,), dtype)]
        for out, z, W, next_z in zip(outs, zs, layers[1:], zs[1:], strict=False):
            out[-1] = 1
            # fmax takes `out` by position, a tenth of a microsecond less. It hides NaN, of which there is none here.
            activate = np.fmax if hidden == "relu" else partial(_run, compile_activation(hidden, z))
            steps.append((activate, z, np.zeros_like(z), out.dot, W, next_z))
        first, first_W, first_z, result = row.dot, layers[0], zs[0], zs[-1].item
        one_sum, array, shape = first_z[:1].item, np.ndarray, (1, len(x))
        kernels, biases, thread = self.kernels, self.biases, threading.get_ident
        owner = 0

        def answer(X: Any, fitted: Mapping[str, Any]) -> float | None:
            nonlocal owner
            if type(X) is not array or X.shape != shape or X.dtype is not dtype or "feature_names_in_" in fitted:
                return None
            try:  # as in `holds`
                if kernels != fitted["coefs_"] or biases != fitted["intercepts_"]:
                    return None
            except ValueError:
                return None
            if thread() != owner:
                if owner:
                    return None
                owner = thread()
            x[...] = X
            first(first_W, first_z)
            # Each of these sums has every number of the row in it, and a product with infinity or NaN is one again,
            # also with a weight of 0: if one sum is finite, the row is. Its difference to itself is 0 then, else NaN.
            one = one_sum()
            if one - one:
                return None
            for activate, z, zeros, dot, W, next_z in steps:
                activate(z, zeros, z)
                dot(W, next_z)
            return result()

        return answer

    def _pass(self, n_rows: int) -> _Pass:
        passes: dict[int, _Pass] = self._mine.__dict__.setdefault("passes", {})
        found = passes.pop(n_rows, None) or _Pass(self.layers, self._hidden, n_rows)
        passes[n_rows] = found  # now the last used
        while len(passes) > KEPT:
            del passes[next(iter(passes))]
        return found


def pack(coefs: Sequence[FloatArray], intercepts: Sequence[FloatArray]) -> list[FloatArray]:
    """Return one new array a layer, the bias below the kernel.

    They lie in one block as those of a `scratch.plan.Plan` do: how an array is aligned decides in which order a product
    is summed, and a copy of an estimator should answer as the original does, to the last bit.
    """
    shapes = [(len(coef) + 1, coef.shape[1]) for coef in coefs]
    ends = np.cumsum([math.prod(shape) for shape in shapes]).tolist()
    dtype = np.dtype(coefs[0].dtype.type)  # one that was unpickled is equal to NumPy's own, but not the same object
    block = aligned((ends[-1],), dtype)
    layers = [block[end - math.prod(shape) : end].reshape(shape) for shape, end in zip(shapes, ends, strict=True)]
    for layer, coef, intercept in zip(layers, coefs, intercepts, strict=True):
        layer[:-1], layer[-1] = coef, intercept
    return layers


class _Pass:
    """The forward pass for a number of rows."""

    def __init__(self, layers: list[FloatArray], hidden: str, n_rows: int) -> None:
        self._rows = aligned((n_rows, len(layers[0])), layers[0].dtype)
        self._rows[:, -1] = 1
        self._X, a = self._rows[:, :-1], self._rows.T
        self._flat = self._rows.ravel()  # a view
        self._small = np.full_like(self._flat, SMALL)
        self._tape: Tape = []
        for W in layers[:-1]:
            block = aligned((W.shape[1] + 1, n_rows), W.dtype)
            block[-1] = 1
            self._tape += [(W.T.dot, (a, block[:-1])), *compile_activation(hidden, block[:-1])]
            a = block
        self._logits = aligned((layers[-1].shape[1], n_rows), layers[-1].dtype)
        self._tape.append((layers[-1].T.dot, (a, self._logits)))

    def run(self, X: FloatArray) -> FloatArray | None:
        """Return the logits, (n_outputs, n_rows), in a buffer that the next call overwrites; None as `logits` does."""
        self._X[...] = X
        if not math.isfinite(self._flat.dot(self._small)):
            return None
        for call, arguments in self._tape:
            call(*arguments)
        return self._logits


def _no_answer(X: Any, fitted: Mapping[str, Any]) -> None:
    return


def _run(tape: Tape, *_: FloatArray) -> None:
    for call, arguments in tape:
        call(*arguments)
