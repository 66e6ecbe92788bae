"""Export networks of several sizes, fit, and measure again on both sides of every crossing."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from throughline.environment import describe_environment
from throughline.errors import UsageError
from throughline.formats import load_formats, with_made_from
from throughline.formats.availability import missing_runtime
from throughline.formats.base import Format
from throughline.frameworks.base import PRELOAD
from throughline.processes import Child, Emit
from throughline.progress import OnEvent, Stage, ignore
from throughline.sizes.model import crossing, family, fit, near_full_gain, ratio_of_types
from throughline.sizes.record import Payoff, SizeModel, SizesRecord

KS = (1, 2, 4, 8, 16, 32, 64, 128, 256)
LEAST_KS = 4  # for three coefficients and an error


def measured_formats() -> list[Format]:
    """Return the formats of the runtimes that have float32 and shorter types, as far as they can be made here."""
    known = [form for form in load_formats().values() if not missing_runtime(form)]
    types: dict[str, set[str]] = {}
    for form in known:
        types.setdefault(form.runtime, set()).add(form.stored_as)
    return [form for form in known if {"float32"} < types[form.runtime]]


def measure_sizes(ks: tuple[int, ...] = KS, on_event: OnEvent = ignore) -> SizesRecord:
    """Measure.

    Parameters
    ----------
    ks : tuple of int
        Members of `sizes.model.family`, at least `LEAST_KS`.
    on_event : callable, optional

    Returns
    -------
    SizesRecord
    """
    started = time.perf_counter()
    if len(set(ks)) < LEAST_KS:
        raise UsageError("ks", f"at least {LEAST_KS} sizes", str(len(set(ks))), "pass more")
    forms = measured_formats()
    with contextlib.ExitStack() as stack:
        work = Path(stack.enter_context(TemporaryDirectory()))
        children = {
            framework: stack.enter_context(Child(framework, preload=PRELOAD[framework], log=work / f"{framework}.log"))
            for framework in dict.fromkeys(form.framework for form in forms)
        }

        def sizes_of(wanted: list[Format], ks: list[int]) -> dict[str, list[int]]:
            found: dict[str, list[int]] = {}
            for framework, child in children.items():
                names = with_made_from([form.name for form in wanted if form.framework == framework], framework)
                if names:
                    arguments = {"framework": framework, "names": names, "ks": ks}
                    found |= child.call("throughline.sizes.worker:export_sizes", arguments, _told(framework, on_event))
                    on_event(Stage(framework, ""))
            return found

        sizes = sizes_of(forms, list(ks))
        models = {
            form.name: fit(form, [(family(k), s) for k, s in zip(ks, sizes[form.name], strict=True)]) for form in forms
        }
        payoffs = [
            _payoff(form, models[form.name], base, models[base.name], sizes_of)
            for form in forms
            if form.stored_as != "float32"
            for base in forms
            if (base.runtime, base.stored_as) == (form.runtime, "float32")
        ]
    return SizesRecord(
        models=list(models.values()),
        payoffs=payoffs,
        wall_s=round(time.perf_counter() - started, 3),
        environment=describe_environment(),
    )


def _told(framework: str, on_event: OnEvent) -> Emit:
    return lambda message: on_event(Stage(framework, message["stage"]))


def _payoff(
    form: Format,
    short: SizeModel,
    base: Format,
    long: SizeModel,
    sizes_of: Callable[[list[Format], list[int]], dict[str, list[int]]],
) -> Payoff:
    """Predict the crossing and measure the networks next to it."""
    k, full = crossing(short, long), near_full_gain(short, long)
    sides: dict[int, tuple[int, int, int]] = {}
    if k is not None:
        ks = [k - 1, k] if k > 1 else [k]
        sizes = sizes_of([form, base], ks)
        for position, each in enumerate(ks):
            sides[each] = (family(each).n_parameters, sizes[form.name][position], sizes[base.name][position])
    below, above = (sides.get(k - 1), sides[k]) if k is not None else (None, None)
    return Payoff(
        name=form.name,
        base=base.name,
        n_parameters=None if k is None else family(k).n_parameters,
        just_below=below,
        just_above=above,
        confirmed=above is not None and above[1] < above[2] and (below is None or below[1] >= below[2]),
        near_full_gain=None if full is None else family(full).n_parameters,
        ratio_of_types=ratio_of_types(short),
    )
