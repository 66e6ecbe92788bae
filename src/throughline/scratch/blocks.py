"""The perceptron rule once more, fast: rows are scored by the block, and not one decision changes.

`perceptron` visits rows one at a time, and Python spends a microsecond on each to find that nothing is to be done. But
between two mistakes the weights stand still, so all those rows can be scored by one matrix-vector product. The tricks,
each with what it gains on 100,000 rows of 20 features (one core, medians; `benchmarks/perceptron.py` measures the
whole)::

    plain loop                                   77 ms         one epoch without a mistake
    jump scan                                     3.1 ms
    jump scan, clean blocks left where they are   1.4 ms

1. **Jump scan.** Score a window of rows with one product, find the first mistake, correct the weights, go on behind it.
   The work is one pass over the data plus about 2 microseconds a mistake. `bytearray.find` finds the mistake: it is
   `memchr`, 0.08 microseconds, where any NumPy call takes 0.25.
2. **Signs move into the rows.** With s = +1 or -1, s (x . coef + b) = (s [x, 1]) . [coef, b]: rows multiplied by their
   signs, with a 1 appended, need one product for the margin and one addition for the correction. A copy of all data
   would be twice the memory, and cost more to write than it saves; a block of 2,048 rows stays in the cache. With
   `np.einsum` all blocks take 1.5 ms; ``X * s[:, None]`` takes 2.4, because its inner loop starts anew for each row.
3. **A clean block is not copied at all.** When mistakes are so rare that a block has less than one, it is scored where
   it lies, and loaded only if the smallest margin is not positive.
4. **Gram block.** When every fifth row is a mistake, a product for each is too much. For 64 rows S take the margins
   m = S w and the Gram matrix G = S S'. A correction with row k adds S[k] to w, so it adds G[k] to m: one addition of
   64 numbers, 0.3 microseconds, whatever the number of features. At 50 % mistakes the epoch
   takes 49 ms; 75 by the jump scan, 126 by the plain loop.
5. **Margins are read while they change.** `enumerate(memoryview(m))` yields Python floats, each read from m when its
   turn comes, after all corrections before it: 0.035 microseconds a row, half of what `m.item(k)` takes.
6. **Corrections of a Gram block are added at its end,** by `np.add.accumulate`, which adds from the first to the last
   by definition, as the loop does. (`np.add.reduce` may add in pairs.) It leaves every weight vector on the way, which
   is what the pocket algorithm wants to see.
7. **The cheaper of the two is chosen block by block,** from the error rate of the last blocks and the number of
   features, by a model with five measured constants (`BlockPerceptron._gram_is_cheaper`).

**Why it is exact.** A block product may sum in another order than the product of one row, and round differently. That
matters only if a margin is so small that rounding could change its sign. `BlockPerceptron._renew_bound` derives how
small; a margin beyond the bound has its sign for certain, one within it is *in doubt* and decided by the very
expression of the plain loop, ``signs[i] * (X[i] @ coef + intercept)``. `doubts` counts them. In 100,000 normal rows of
float64 one was in doubt, the first, where w = 0; in float32, 60 to 418; on a grid of five whole numbers, where margins
of exactly zero occur, 168.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]
IntArray = npt.NDArray[np.intp]

GRAM_ROWS = 64
BLOCK_ROWS = 2048
# Numbers in a block: 512 KiB of float64, so that it stays in a core's second-level cache.
BLOCK_NUMBERS = 1 << 16


@dataclass(frozen=True)
class Epoch:
    """What one pass over the rows came to.

    Parameters
    ----------
    mistakes : int
        Rows that were on the wrong side, or on the boundary, when they were visited.
    loss : float
        Sum over the mistakes of how far: -s (x . coef + intercept), at least 0, before the correction.
    """

    mistakes: int
    loss: float


class BlockPerceptron:
    """The online perceptron rule, run by blocks: same mistakes, same order, same weights to the last bit.

    Parameters
    ----------
    X : ndarray of shape (n_samples, n_features), float64 or float32
        Finite rows. Not copied, so they must not change meanwhile.
    signs : ndarray of shape (n_samples,), dtype of X
        +1 for rows of the positive class, -1 for the others.
    steps : ndarray of shape (n_samples,), float64, or None, default=None
        What each row's correction is multiplied by; None stands for 1 everywhere, and is faster.
    coef : ndarray of shape (n_features,) or None, default=None
        Weights to start from; None stands for zeros.
    intercept : float, default=0.0
        Bias to start from.
    fit_intercept : bool, default=True
        Whether the bias learns. If not, it must be 0.
    average_from : int, default=0
        From which row visited on, counted from 1 over all epochs, weights are averaged; 0 for no average.
    pocket : bool, default=False
        Whether to keep the best weights seen.
    record : bool, default=False
        Whether to keep `updates`.
    method : {'auto', 'jump', 'gram'}, default='auto'
        How blocks are worked; for tests and comparisons.
    block_rows : int or None, default=None
        Rows loaded at once; None chooses by the number of features.

    Attributes
    ----------
    coef : ndarray of shape (n_features,), dtype of X
        Present weights.
    intercept : float
        Present bias, kept in float64 also for float32 rows, as scikit-learn does.
    t : int
        Rows visited.
    doubts : int
        Margins within their rounding bound of zero, which were decided by the product of the one row.
    updates : list of int
        Rows corrected with, in order, if `record`.

    References
    ----------
    Gallant: Perceptron-based learning algorithms, IEEE Transactions on Neural Networks 1, 1990 (the pocket).
    Freund and Schapire: Large margin classification using the perceptron algorithm, Machine Learning 37, 1999 (the
    average).
    Higham: Accuracy and Stability of Numerical Algorithms, 2nd edition, 2002, section 3.1 (the rounding bound).

    Examples
    --------
    >>> import numpy as np
    >>> X = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
    >>> logical_and = BlockPerceptron(X, np.array([-1.0, -1.0, -1.0, 1.0]))
    >>> [logical_and.run_epoch().mistakes for _ in range(9)]
    [2, 3, 3, 2, 2, 3, 2, 1, 0]
    >>> logical_and.coef, logical_and.intercept
    (array([3., 2.]), -4.0)
    """

    def __init__(
        self,
        X: FloatArray,
        signs: FloatArray,
        *,
        steps: npt.NDArray[np.float64] | None = None,
        coef: FloatArray | None = None,
        intercept: float = 0.0,
        fit_intercept: bool = True,
        average_from: int = 0,
        pocket: bool = False,
        record: bool = False,
        method: str = "auto",
        block_rows: int | None = None,
    ) -> None:
        if intercept and not fit_intercept:
            raise ValueError(f"intercept must be 0 where it does not learn, got {intercept!r}.")
        if method not in ("auto", "jump", "gram"):
            raise ValueError(f"method must be 'auto', 'jump' or 'gram', got {method!r}.")
        self.X, self.signs, self.steps, self.method = X, signs, steps, method
        self.n_samples, self.n_features = X.shape
        self.fit_intercept, self.average_from, self.record = fit_intercept, average_from, record
        self.t, self.doubts, self.updates = 0, 0, list[int]()
        self._rate = 0.5  # nothing seen yet: as with a coin
        self._allocate(block_rows)
        self.w[:-1] = 0.0 if coef is None else coef
        self._intercept = self.w[-1] = float(intercept)
        self._largest_step = 1.0 if steps is None else float(np.abs(steps).max(initial=0.0))
        self._lag = np.zeros(len(self.w), np.float64)  # sum of (rows averaged before) * correction
        self._pocket = _Pocket(self) if pocket else None

    def _allocate(self, block_rows: int | None) -> None:
        n_columns, dtype = self.n_features + 1, self.X.dtype
        chosen = block_rows or min(BLOCK_ROWS, max(GRAM_ROWS, BLOCK_NUMBERS // n_columns))
        self.block_rows = max(1, min(chosen, self.n_samples))
        self.w = np.zeros(n_columns, dtype)  # [coef, intercept]
        self.coef = self.w[:-1]
        self._S = np.zeros((self.block_rows, n_columns), dtype)  # rows of the block: s [x, 1], or s [x, 0]
        self._gathered = np.empty((self.block_rows, self.n_features), dtype)
        self._m = np.empty(self.block_rows, dtype)  # margins
        self._found = bytearray(self.block_rows)
        self._hits = np.frombuffer(self._found, np.bool_)  # the same bytes, for NumPy to write
        gram_rows = min(GRAM_ROWS, self.block_rows)
        self._G = np.empty((gram_rows, gram_rows), dtype)
        self._G_rows = list(self._G)
        self._path = np.empty((gram_rows + 1, n_columns), dtype)
        self._views: dict[int, tuple[FloatArray, npt.NDArray[np.bool_]]] = {}
        info = np.finfo(dtype)
        self._narrow = dtype != np.float64
        self._roundoff, self._tiny = float(info.eps) / 2, float(info.tiny)
        self._lowest, self._highest = self._tiny**0.25, float(info.max) ** 0.25

    @property
    def intercept(self) -> float:
        """Present bias."""
        return self._intercept if self._narrow else float(self.w[-1])

    def run_epoch(self, order: IntArray | None = None) -> Epoch:
        """Visit the rows once.

        Parameters
        ----------
        order : ndarray of int of shape (n_visited,), or None, default=None
            Which rows, in this order; None stands for all of them as they lie.

        Returns
        -------
        Epoch
            Mistakes and loss.

        Raises
        ------
        ValueError
            If `X` holds NaN or infinity. That costs nothing extra: the rounding bound needs the sum of squares.
        """
        n_visited = self.n_samples if order is None else len(order)
        mistakes, self._loss = 0, 0.0
        with np.errstate(all="ignore"):  # where a block overflows, everything is in doubt
            for start in range(0, n_visited, self.block_rows):
                self._start, self._order = start, order
                mistakes += self._run_block(min(self.block_rows, n_visited - start))
        if self._pocket is not None:
            self._pocket.look(self.w)
        return Epoch(mistakes, self._loss)

    def _run_block(self, n: int) -> int:
        """Visit `n` rows from `_start` on; return the number of mistakes."""
        window = slice(self._start, self._start + n)
        index: Any = window
        if self._order is None:
            rows = self.X[window]
        else:
            index = self._order[window]
            rows = np.take(self.X, index, axis=0, out=self._gathered[:n], mode="clip")
        signs = self.signs[index]
        self._updated: list[int] = []  # positions in the block
        if self._rate * n < 1 and self._is_clean(rows, signs):
            self._rate *= 0.5
        else:
            np.einsum("ij,i->ij", rows, signs, out=self._S[:n, :-1])
            if self.fit_intercept:
                self._S[:n, -1] = signs
            self._measure_rows(self._S[:n])
            self._step = None if self.steps is None else self.steps[index]
            self._work(n)
            self._book(n)
        self.t += n
        return len(self._updated)

    def _work(self, n: int) -> None:
        """Visit the `n` rows loaded: Gram blocks as long as they are the cheaper, then the jump scan."""
        start = 0
        while n - start >= GRAM_ROWS and self._gram_is_cheaper():
            before = len(self._updated)
            self._gram(start)
            start += GRAM_ROWS
            self._rate += 0.2 * ((len(self._updated) - before) / GRAM_ROWS - self._rate)
        if start < n:
            before = len(self._updated)
            self._jump(start, n)
            self._rate += 0.5 * ((len(self._updated) - before) / (n - start) - self._rate)

    def _gram_is_cheaper(self) -> bool:
        """Compare nanoseconds a row at the present share of mistakes; only the ratios of the constants matter."""
        if self.method != "auto":
            return self.method == "gram"
        jump = 20 + 0.25 * len(self.w) + 1600 * self._rate
        gram = 170 + 0.08 * GRAM_ROWS * len(self.w) + 350 * self._rate
        return gram < jump

    def _is_clean(self, rows: FloatArray, signs: FloatArray) -> bool:
        """Whether every row is on its proper side beyond doubt, judged without loading the block."""
        m = self._m[: len(rows)]
        np.dot(rows, self.coef, out=m)  # (n, n_features) @ (n_features,) -> (n,)
        m += self.w[-1]
        m *= signs
        self._measure_rows(rows)
        self._renew_bound()
        return bool(m.min() > self._bound)

    def _jump(self, start: int, stop: int) -> None:
        """Score a window of rows, find the first mistake, correct, go on behind it."""
        S, w, item, find, less_equal = self._S, self.w, self._m.item, self._found.find, np.less_equal
        special = self._pocket is not None or self._narrow or self._step is not None
        # Nearly twice as far as the next mistake is expected; multiples of 16 suit the vector instructions.
        window = min(self.block_rows, 16 + int(1.8 / max(self._rate, 1e-6)) // 16 * 16)
        updated, loss, renew_at = self._updated, 0.0, -1
        while start < stop:
            if len(updated) >= renew_at:
                self._renew_bound()
                bound, bound_0d, renew_at = self._bound, np.array(self._bound, w.dtype), len(updated) + GRAM_ROWS
            n = window if window < stop - start else stop - start
            m, hits = self._views.get(n) or self._view(n)
            S[start : start + n].dot(w, m)  # (n, n_features + 1) @ (n_features + 1,) -> (n,)
            less_equal(m, bound_0d, hits)
            k = find(1, 0, n)
            while k >= 0 and (margin := item(k)) >= -bound and self._is_right(start + k):
                k = find(1, k + 1, n)
            if k < 0:
                start += n
                continue
            start += k
            loss -= margin
            updated.append(start)
            if special:
                self._correct(start)
            else:
                w += S[start]
            start += 1
        self._loss += loss

    def _view(self, n: int) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
        """Return the first `n` margins and marks; kept, since slicing costs as much as adding."""
        self._views[n] = view = self._m[:n], self._hits[:n]
        return view

    def _correct(self, k: int) -> None:
        """Add row `k` of the block to the weights where something more is to be seen to than the plain case."""
        if self._pocket is not None:
            self._pocket.see(self.w, self.t + k)
        if self._step is None:
            self.w += self._S[k]
        else:
            self.w += self._S[k] * self.w.dtype.type(self._step[k])
        if self._narrow:
            self._correct_wide_intercept(k)

    def _correct_wide_intercept(self, k: int) -> None:
        self._intercept += float(self._S[k, -1]) * (1.0 if self._step is None else float(self._step[k]))
        self.w[-1] = self._intercept

    def _gram(self, start: int) -> None:
        """Work 64 rows whose margins are kept up to date by the rows of their Gram matrix."""
        B = self._S[start : start + GRAM_ROWS]
        self._renew_bound()
        m, add, G_rows, bound = self._m[:GRAM_ROWS], np.add, self._G_rows, self._bound
        np.dot(B, self.w, out=m)  # (64, n_features + 1) @ (n_features + 1,) -> (64,)
        np.dot(B, B.T, out=self._G)  # (64, n_features + 1) @ (n_features + 1, 64) -> (64, 64)
        if self._step is not None:
            self._G *= self._step[start : start + GRAM_ROWS, None].astype(self.w.dtype)  # row k times its step
        waiting: list[int] = []
        loss = 0.0
        for k, margin in enumerate(memoryview(m.data)):
            if margin > bound:
                continue
            if margin >= -bound:  # in doubt: the plain loop's own expression decides, on the weights as they are now
                self._add_waiting(start, waiting)
                waiting = []
                if self._is_right(start + k):
                    continue
            loss -= margin
            waiting.append(k)
            add(m, G_rows[k], m)
        self._loss += loss
        self._add_waiting(start, waiting)

    def _add_waiting(self, start: int, waiting: list[int]) -> None:
        """Add the rows of a Gram block that were mistakes, from the first to the last."""
        if not waiting:
            return
        n, positions = len(waiting), [start + k for k in waiting]
        path = self._path[: n + 1]
        path[0] = self.w
        self._S.take(positions, 0, path[1:], "clip")
        if self._step is not None:
            path[1:] *= self._step[positions, None].astype(self.w.dtype)
        np.add.accumulate(path, 0, None, path)  # path[j]: the weights before mistake j
        self.w[:] = path[n]
        if self._pocket is not None:
            for weights, position in zip(path, positions, strict=False):
                self._pocket.see(weights, self.t + position)
        self._updated += positions
        if self._narrow:
            for position in positions:
                self._correct_wide_intercept(position)

    def _is_right(self, k: int) -> bool:
        """Decide about row `k` of the block as the plain loop does, with the product of the one row."""
        self.doubts += 1
        i = self._start + k if self._order is None else self._order[self._start + k]
        return bool(self.signs[i] * (self.X[i] @ self.coef + self.intercept) > 0)

    def _measure_rows(self, rows: FloatArray) -> None:
        """Set `_length` so that no row of the block is longer, the 1 at its end included; refuse NaN and infinity.

        The root of the sum of all squares costs one product. It is about forty times too long, which in float64 leaves
        the bound tiny; in float32 it would put most margins in doubt, so there the longest row is looked for.
        """
        flat = rows.ravel()
        squares = np.einsum("ij,ij->i", rows, rows).max() if self._narrow else flat.dot(flat) + len(rows)
        self._length = math.sqrt(float(squares) + 1.0)
        if not math.isfinite(self._length) and not np.isfinite(rows).all():
            raise ValueError("X must hold finite numbers only, got NaN or infinity.")

    def _renew_bound(self) -> None:
        """Set how close to 0 a computed margin must be for its sign to be in doubt, for the next 64 corrections.

        Let u be the unit roundoff, D = n_features + 1, x' = s [x, 1]. A product of D terms, in any order, with or
        without fused multiply-add, is wrong by at most D u |x'| . |w| (to first order), and the plain loop's own result
        by (D + 1) u |x'| . |w|. A Gram margin is the sum of k + 1 such products, with k <= 64 more roundings, of rows
        scaled by steps (one more); the plain loop's weights carry one rounding for each of the same k corrections; and
        in float32 the product has a rounded intercept (one more). Together at most (2 D + 2 k + 4) u |x'| . |w|, where
        |x'| . |w| <= |x'| |w| in Euclidean lengths. No row is longer than r (`_length`), so 64 corrections cannot make
        w longer than m = |w| + 64 step r. Twice (2 D + 132) u r m covers the second order and the rounding of the bound
        itself; the smallest normal number covers products that underflow. Where r or m come near the ends of the
        format, everything is in doubt.
        """
        r = self._length
        m = math.sqrt(float(self.w.dot(self.w))) + GRAM_ROWS * self._largest_step * r
        n_roundings = 2 * (2 * len(self.w) + 2 * GRAM_ROWS + 4)
        safe = self._lowest < r < self._highest and m < self._highest
        self._bound = n_roundings * (self._roundoff * r * m + self._tiny) if safe else math.inf

    def _book(self, n: int) -> None:
        """Note what the block's corrections mean for the average and the record."""
        if not self._updated:
            return
        if self.record:
            index = np.array(self._updated) + self._start
            self.updates += (index if self._order is None else self._order[index]).tolist()
        if self.average_from:
            positions = np.array(self._updated)
            missed = np.maximum(self.t + 1 + positions - self.average_from, 0.0)
            if self._step is not None:
                missed *= self._step[positions]
            self._lag += missed @ self._S[positions].astype(np.float64)  # (k,) @ (k, n_features + 1)

    def rest(self, n_rows: int) -> None:
        """Count `n_rows` as visited that are known to be right, for the average."""
        self.t += n_rows

    def averaged(self) -> tuple[FloatArray, float, int]:
        """Return the mean of the weights after each row visited since `average_from`.

        The mean needs no sum of weights: a correction made at the t-th averaged row is missing from the t - 1 before
        it, so the mean of T is the last weights less sum over corrections of (t - 1) / T times the correction. One
        small product for a block of corrections.

        Returns
        -------
        coef : ndarray of shape (n_features,), dtype of X
            Averaged weights.
        intercept : float
            Averaged bias.
        n_averaged : int
            Rows in the mean, 0 or more; with 0 the weights are the present ones.
        """
        n_averaged = max(0, self.t - self.average_from + 1) if self.average_from else 0
        lag = self._lag / max(1, n_averaged)
        coef: FloatArray = (self.coef - lag[:-1]).astype(self.w.dtype)
        return coef, self.intercept - float(lag[-1]), n_averaged

    def pocketed(self) -> tuple[FloatArray, float, float]:
        """Return the best weights seen, by the number of rows they predict correctly; never worse than the present.

        Returns
        -------
        coef : ndarray of shape (n_features,), dtype of X
            Weights.
        intercept : float
            Bias.
        n_right : float
            Rows of `X` that they predict correctly; where rows have steps, the sum of those, so that weights count.
        """
        if self._pocket is None:
            raise ValueError("pocket must be True for the best weights to be kept, got False.")
        self._pocket.look(self.w)
        best = self._pocket.best
        return best[:-1].copy(), float(best[-1]), self._pocket.n_right


class _Pocket:
    """The best weights seen so far (Gallant's pocket with ratchet).

    Weights that survive a long run of rows are probably good. Only when a run is longer than any before are all rows
    counted, and only if more are right than with the weights in the pocket are those replaced: the ratchet. Whether or
    not it turned, the next count waits for a still longer run, so a stream of mistakes costs about as many counts as
    the logarithm of their number. At the end of each epoch the present weights are counted too.
    """

    def __init__(self, trainer: BlockPerceptron) -> None:
        self.X, self.positive, self.steps = trainer.X, trainer.signs > 0, trainer.steps
        self.best, self.n_right = trainer.w.copy(), -math.inf
        self.longest_run, self.last = 0, 0  # rows between mistakes; rows visited up to the last mistake
        self.look(trainer.w)

    def see(self, w: FloatArray, t: int) -> int:
        """Hear that the weights `w` made a mistake at the row visited after `t` others."""
        if t - self.last > self.longest_run:
            self.longest_run = t - self.last
            self.look(w)
        self.last = t + 1
        return self.longest_run

    def look(self, w: FloatArray) -> None:
        """Put `w` into the pocket if it predicts more rows correctly than what is there."""
        is_right = (self.X @ w[:-1] + w[-1] > 0) == self.positive
        n_right = float(np.count_nonzero(is_right) if self.steps is None else self.steps[is_right].sum())
        if n_right > self.n_right:
            self.best, self.n_right = w.copy(), n_right
