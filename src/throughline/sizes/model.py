"""Fit sizes, and find from where on one format is smaller than another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from throughline.formats.base import Format
from throughline.sizes.record import Export, SizeModel, counts
from throughline.spec import NetworkSpec

N_INPUTS = 20
LARGEST = 4096  # of the family, in units of the second layer: seventeen million parameters
BYTES = {"float32": 4, "float16": 2, "int8": 1}
NEAR = 1.1


def family(k: int) -> NetworkSpec:
    """Return the network of the family with `k` units in its second layer: 20-2k-k-1; the seed network has 32."""
    return NetworkSpec(n_inputs=N_INPUTS, hidden_units=(2 * k, k), seed=k)


def fit(form: Format, exported: Sequence[tuple[NetworkSpec, int]]) -> SizeModel:
    """Fit fixed bytes, bytes an entry of a kernel and bytes a unit, by least squares of relative errors.

    The least norm among equal fits leaves a coefficient at 0 that no export has anything to say about.

    Parameters
    ----------
    form : Format
    exported : sequence of (NetworkSpec, int)
        Networks and their sizes; at least four.

    Returns
    -------
    SizeModel
    """
    sizes = np.array([size for _, size in exported], np.float64)
    columns = np.array([(1, *counts(spec, form.short_from)) for spec, _ in exported], np.float64)
    found, *_ = np.linalg.lstsq(columns / sizes[:, None], np.ones(len(sizes)), rcond=None)
    return SizeModel(
        name=form.name,
        title=form.title,
        runtime=form.runtime,
        stored_as=form.stored_as,
        fixed=float(found[0]),
        per_weight=float(found[1]),
        per_unit=float(found[2]),
        per_weight_kept=float(found[3]),
        per_unit_kept=float(found[4]),
        short_from=form.short_from,
        n_inputs=exported[0][0].n_inputs,
        largest_error=float(np.abs(columns @ found / sizes - 1).max()),
        exports=[
            Export(layer_sizes=list(spec.layer_sizes), n_parameters=spec.n_parameters, size_bytes=size)
            for spec, size in exported
        ],
    )


def crossing(short: SizeModel, base: SizeModel) -> int | None:
    """Return the smallest k from which on every network of the family is predicted to be smaller in the short one."""
    smaller = (_ratios(short, base) < 1) & _has_short_kernels(short)
    return _from_where_on(smaller)


def near_full_gain(short: SizeModel, base: SizeModel) -> int | None:
    """Return the smallest k from which on the ratio is within a tenth of what the types alone would give."""
    return _from_where_on(_ratios(short, base) <= NEAR * ratio_of_types(short))


def ratio_of_types(short: SizeModel) -> float:
    """Return the share of float32 that a number takes in the short type."""
    return BYTES[short.stored_as] / BYTES["float32"]


def _ratios(short: SizeModel, base: SizeModel) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    specs = [family(k) for k in range(1, LARGEST + 1)]
    return np.array([short.predict(spec) / base.predict(spec) for spec in specs])


def _has_short_kernels(short: SizeModel) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    # Without any the two files are the same but for rounding of the fit.
    return np.array([counts(family(k), short.short_from)[0] > 0 for k in range(1, LARGEST + 1)])


def _from_where_on(holds: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int | None:
    fails = np.flatnonzero(~holds)
    if len(fails) == 0:
        return 1
    last = int(fails[-1])  # k is one more than its position
    return None if last == len(holds) - 1 else last + 2
