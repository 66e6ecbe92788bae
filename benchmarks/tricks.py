"""What each trick of `throughline.scratch.plan` gains: undo one at a time and time the same step.

    python benchmarks/tricks.py [--rounds N] [--json]

The dated result goes to benchmarks/results/, and the table in docs/experiments.md is written from it.

Every variant is the plan's own tape with some calls exchanged for what one would have written without the trick, on the
same memory; it is checked to give the same loss before its time counts. Rounds are interleaved, plan and variants in
turn, on one thread; the figure is the median over rounds of the difference to the plan in the same round.
"""

from __future__ import annotations

import argparse
import datetime
import json
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from threadpoolctl import threadpool_limits

from throughline.scratch import MLP, Adam, Plan
from throughline.scratch.plan import Call, Tape, aligned

SIZES, BATCH_SIZE, N_SAMPLES = (20, 64, 32, 1), 32, 7680
ORDER = np.random.default_rng(1).permutation(N_SAMPLES)
RESULTS = Path(__file__).parent / "results"
DOCS = Path(__file__).parent.parent / "docs" / "experiments.md"
BEGIN, END = "<!-- tricks: begin -->", "<!-- tricks: end -->"


def make_plan() -> Plan:
    """Return a plan of the seed network with its rows loaded."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(N_SAMPLES, SIZES[0])).astype(np.float32)
    y = (X[:, :1] + X[:, 1:2] > 0).astype(np.float32)
    plan = Plan(MLP(SIZES, dtype=np.float32, seed=1), Adam(), n_samples=N_SAMPLES, batch_size=BATCH_SIZE)
    plan.load(X, y)
    return plan


def is_dot(call: Callable[..., object]) -> bool:
    """Tell whether a call is the bound `dot` of an array."""
    return getattr(call, "__name__", "") == "dot"


def is_relu(call: Call) -> bool:
    """Tell whether a call is that of a ReLU."""
    return isinstance(call[0], partial) and call[0].func is np.maximum


def exchange(tape: Tape, change: Callable[[Call], list[Call]]) -> Tape:
    """Return a tape in which each call is exchanged for those that `change` makes of it."""
    return [new for call in tape for new in change(call)]


def matmul_for_dot(plan: Plan) -> Tape:
    """`np.matmul` dispatches through more layers than the array's own method."""

    def change(call: Call) -> list[Call]:
        f, arguments = call
        return [(np.matmul, (f.__self__, *arguments))] if is_dot(f) else [call]

    return exchange(plan._tape, change)


def function_for_method(plan: Plan) -> Tape:
    """`np.dot(a, b, out)` instead of the method that was bound in advance."""

    def change(call: Call) -> list[Call]:
        f, arguments = call
        return [(np.dot, (f.__self__, *arguments))] if is_dot(f) else [call]

    return exchange(plan._tape, change)


def python_scalars(plan: Plan) -> Tape:
    """Constants as Python floats, converted at every call; the scalars of the step stay 0-d arrays."""

    def change(call: Call) -> list[Call]:
        f, arguments = call
        # The scalars of the step are views of one array for all steps; constants are arrays of their own.
        return [(f, tuple(float(x) if x.shape == () and x.base is None else x for x in arguments))]

    return exchange(plan._tape, change)


def relu_against_a_scalar(plan: Plan) -> Tape:
    """`maximum(z, 0)`: the scalar must be cast and broadcast."""

    def change(call: Call) -> list[Call]:
        f, arguments = call
        if is_relu(call):
            return [(f, (arguments[0], 0.0))]
        return [call]

    return exchange(plan._tape, change)


def relu_out_by_position(plan: Plan) -> Tape:
    """`maximum(z, zeros, z)`: NumPy deprecates the third position and makes a warning object a call."""

    def change(call: Call) -> list[Call]:
        f, arguments = call
        if is_relu(call):
            return [(np.maximum, (*arguments, f.keywords["out"]))]
        return [call]

    return exchange(plan._tape, change)


def allocate_products(plan: Plan) -> Tape:
    """Products that return new arrays, which are then copied where they belong."""

    def change(call: Call) -> list[Call]:
        f, arguments = call
        if not is_dot(f):
            return [call]
        a, (b, out) = f.__self__, arguments
        return [(lambda a=a, b=b, out=out: np.copyto(out, a @ b), ())]

    return exchange(plan._tape, change)


def losses_every_step(plan: Plan) -> Tape:
    """Compute the loss of each batch when it arises, as a training loop usually does."""
    logits, targets, losses = plan._step_view(plan._logits, 0), plan._step_view(plan._y, 0), []

    def loss() -> None:
        losses.append(
            float((np.maximum(logits, 0) - (1 - targets) / 2 * logits + np.log1p(np.exp(-np.abs(logits)))).mean())
        )

    n = len(plan._tape) // plan.n_steps
    return [call for step in range(plan.n_steps) for call in [*plan._tape[step * n : (step + 1) * n], (loss, ())]]


def rows_gathered_each_step(plan: Plan) -> Tape:
    """Each batch taken from the rows by its own index array."""
    n = len(plan._tape) // plan.n_steps
    tape: Tape = []
    for step in range(plan.n_steps):
        batch = slice(step * BATCH_SIZE, (step + 1) * BATCH_SIZE)
        gather = partial(np.take, axis=0, out=plan._X[batch], mode="clip")
        tape.append((gather, (plan._source, ORDER[batch])))
        tape += plan._tape[step * n : (step + 1) * n]
    return tape


def adam_by_the_book(plan: Plan) -> Tape:
    """Adam's formulas in their order, array by array as they stand in the network, in place."""
    n = len(plan._tape) // plan.n_steps
    steps, (m_all, v_all) = plan._steps, plan._steps.memory
    a_all, e_all = steps._a, steps._e
    b1, b2 = np.float32(0.9), np.float32(0.999)
    ends = np.cumsum([W.size for W in plan._W])
    slices = [slice(end - W.size, end) for W, end in zip(plan._W, ends, strict=True)]

    def update(step: int) -> None:
        for s in slices:
            m, v, g = m_all[s], v_all[s], plan.G[s]
            m *= b1
            m += g
            v *= b2
            v += g * g
            plan.P[s] -= a_all[step] * m / (np.sqrt(v) + e_all[step])

    return [
        call
        for step in range(plan.n_steps)
        for call in [*plan._tape[step * n : (step + 1) * n - 10], (partial(update, step), ())]
    ]


def one_gate_a_layer(plan: Plan) -> Tape:
    """Open the gates of each layer by a call of its own instead of one for all."""

    def change(call: Call) -> list[Call]:
        f, arguments = call
        if isinstance(f, partial) and f.func is np.minimum:
            middle, out = SIZES[1] + 1, f.keywords["out"]
            parts = (slice(None, middle), slice(middle, None))
            return [(partial(np.minimum, out=out[part]), tuple(x[part] for x in arguments)) for part in parts]
        return [call]

    return exchange(plan._tape, change)


def gates_by_comparison(plan: Plan) -> Tape:
    """Gates as floats, by a comparison and a conversion, in the place of one integer minimum."""
    gates: dict[int, np.ndarray] = {}

    def change(call: Call) -> list[Call]:
        f, arguments = call
        if isinstance(f, partial) and f.func is np.minimum:
            out, a = f.keywords["out"], arguments[0].view(np.float32)
            floats = gates[out.ctypes.data] = aligned(out.shape, np.float32)
            on, zero = np.empty(a.shape, bool), np.zeros((), np.float32)
            return [(np.greater, (a, zero, on)), (np.copyto, (floats, on))]
        if f is np.multiply and arguments[0].dtype == np.int32:
            d, gate = arguments[0].view(np.float32), arguments[1]
            (start, floats), *_ = gates.items()
            first = (gate.ctypes.data - start) // (4 * gate.shape[1])
            return [(np.multiply, (d, floats[first : first + len(gate)], d))]
        return [call]

    return exchange(plan._tape, change)


def half_as_a_call(plan: Plan) -> Tape:
    """Halve the logits for the loss by a product, instead of absorbing it; here it is a product with 1."""
    one = np.ones((), np.float32)

    def change(call: Call) -> list[Call]:
        f, (*_, out) = call
        return [call, (np.multiply, (out, one, out))] if f is np.tanh else [call]

    return exchange(plan._tape, change)


def error_state_every_step(plan: Plan) -> Tape:
    """`np.errstate` entered and left in each step."""
    n = len(plan._tape) // plan.n_steps

    def one(part: Tape) -> None:
        with np.errstate(over="ignore"):
            for f, arguments in part:
                f(*arguments)

    return [(one, (plan._tape[step * n : (step + 1) * n],)) for step in range(plan.n_steps)]


def the_plan(plan: Plan) -> Tape:
    """Return the tape as it is."""
    return plan._tape


UNDONE = (
    losses_every_step,
    adam_by_the_book,
    allocate_products,
    matmul_for_dot,
    function_for_method,
    relu_out_by_position,
    relu_against_a_scalar,
    rows_gathered_each_step,
    python_scalars,
    one_gate_a_layer,
    gates_by_comparison,
    half_as_a_call,
    error_state_every_step,
)


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Time the plan and every variant in turn; return microseconds a step."""
    variants = {}
    for make in (the_plan, *UNDONE):
        plan = make_plan()
        plan._tape = make(plan)
        variants[make.__name__] = (plan, [])
    expected = None
    for name, (plan, _) in variants.items():
        losses = plan.epoch(ORDER)
        expected = losses if expected is None else expected
        if not np.allclose(losses, expected, atol=1e-5):
            raise AssertionError(f"{name} does not compute the same: {np.abs(losses - expected).max()}")
    for i in range(rounds):
        for plan, seconds in variants.values():
            started = time.perf_counter()
            for f, arguments in plan._tape:
                f(*arguments)
            seconds.append((time.perf_counter() - started) / plan.n_steps * 1e6)
        print(f"round {i + 1} of {rounds}", file=sys.stderr, end="\r")
    base = variants["the_plan"][1]
    return {
        name: {
            "median_us": statistics.median(seconds),
            "min_us": min(seconds),
            "median_ratio": statistics.median(s / b for s, b in zip(seconds, base, strict=True)),
            "median_difference_us": statistics.median(s - b for s, b in zip(seconds, base, strict=True)),
        }
        for name, (_, seconds) in variants.items()
    }


def table(figures: dict[str, dict[str, float]]) -> str:
    """Return the figures as a Markdown table, the dearest trick to lose first."""
    lines = ["| undone | µs a step | difference | ratio |", "| --- | ---: | ---: | ---: |"]
    for name, row in sorted(figures.items(), key=lambda item: -item[1]["median_ratio"]):
        text = "nothing: the plan" if name == "the_plan" else name.replace("_", " ")
        difference = f"{row['median_difference_us']:+.1f}"
        lines.append(f"| {text} | {row['median_us']:.1f} | {difference} | {row['median_ratio']:.2f} |")
    return "\n".join(lines)


def write_docs(result: dict[str, object], figures: dict[str, dict[str, float]]) -> None:
    """Replace the table in docs/experiments.md."""
    head, rest = DOCS.read_text(encoding="utf-8").split(BEGIN)
    tail = rest.split(END)[1]
    measured = f"Measured {result['date']}: {result['what']}, NumPy {result['numpy']}, {result['machine']}."
    DOCS.write_text(f"{head}{BEGIN}\n{measured}\n\n{table(figures)}\n{END}{tail}", encoding="utf-8")


def main() -> None:
    """Measure, print and write the dated result file."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    warnings.simplefilter("ignore", DeprecationWarning)  # one variant is deprecated, which is what it measures
    with threadpool_limits(1), np.errstate(all="ignore"):
        figures = measure(options.rounds)
    result = {
        "date": datetime.date.today().isoformat(),
        "what": f"microseconds a step, {'-'.join(map(str, SIZES))}, batch {BATCH_SIZE}, Adam, float32, one thread",
        "numpy": np.__version__,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "figures": figures,
    }
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / f"tricks-{result['date']}.json").write_text(json.dumps(result, indent=1) + "\n")
    write_docs(result, figures)
    print(json.dumps(result, indent=1) if options.json else table(figures))


if __name__ == "__main__":
    main()
