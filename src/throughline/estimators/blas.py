"""How many threads the matrix products of a training use: one, unless they are large.

OpenBLAS wakes its threads for every product. For a network of a few thousand weights that costs more than the product,
and much more when another process wants the cores (docs/experiments.md).
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from functools import cache
from itertools import pairwise
from typing import Any

# Multiply-adds of a step's largest product from which more threads may pay. On two cores they lost at 2**25.6 (784-512,
# 128 rows) even in their best rounds; at 2**26.6 (784-1024) they win a third on a quiet machine and lose on a busy one.
WORTH_THREADS = 2**26


@cache
def _controller() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()  # looking for the libraries takes milliseconds, so it is done once


def single_thread_if_small(layer_sizes: tuple[int, ...], n_rows: int) -> AbstractContextManager[Any]:
    """Return a context in which BLAS has one thread if every product of a step is small.

    Parameters
    ----------
    layer_sizes : tuple of int
        Units of each layer, inputs and outputs included.
    n_rows : int
        Rows of a step.

    Examples
    --------
    >>> with single_thread_if_small((20, 64, 32, 1), 32):
    ...     pass
    """
    largest = max(n_rows * fan_in * fan_out for fan_in, fan_out in pairwise(layer_sizes))
    if largest >= WORTH_THREADS:
        return nullcontext()
    context: AbstractContextManager[Any] = _controller().limit(limits=1, user_api="blas")
    return context
