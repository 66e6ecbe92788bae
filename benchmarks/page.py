"""The page of the results: docs/benchmarks.md and its plot, from a result file and nothing else."""

from pathlib import Path
from typing import Any

from peers import OURS, PEERS
from plot import svg
from tasks import TASKS

Record = dict[str, Any]

DOCS = Path(__file__).parent.parent / "docs"
LABELS = {name: entry.label for name, entry in PEERS.items()}

HEAD = """\
# How fast it trains

<!-- Written by benchmarks/training.py from benchmarks/results/{file}; change those, not this page. -->

{intro}

![Time of each peer divided by ours](benchmarks.svg)

## How it was measured

- Same network, initial weights, rows, batches, learning rate and optimizer for all. Kernels are transposed for those
  who want them so; both betas of Adam are exact in binary (0.90625 and 0.9990234375), because Keras rounds them.
- Before a time counts, one epoch without dropout: the loss over all rows, computed in float64 from the weights that a
  peer returns, must equal ours within 1e-6 (float32) or 1e-12 (float64). Adam's epsilon stands inside the correction in
  Keras and scikit-learn, outside in the others; each is compared with ours in the same form. A peer that fails, or
  cannot run, is listed with its reason.
- Each peer is a process that stays alive. Rounds are interleaved, A B C A B C, and only one works at a time; it runs an
  epoch untimed, then a round. The ratio is taken within each round; tables give its median and quartiles. 1.0 is ours,
  5.0 took five times as long.
- One thread for matrix products and operators unless the task says 2. JAX is kept to one core by an affinity mask,
  since no option of it does that.
- "First epoch" is what a fresh process waits for the first one after its imports, compilation included, with no
  compiler cache from earlier runs. It is not in the other columns.
"""

TAIL = """\
## What limits the figures

- **{cores} cores of a machine shared with others.** Absolute times drift from run to run by tens of percent; compare
  ratios, and only within this page.
- **20-64-32-1 in 32 rows** is a few microseconds of arithmetic. What separates the peers there is the cost of a call:
  about 0.3 µs in NumPy, several in PyTorch, tens to hundreds where Python dispatches a step. JAX pays it once an epoch,
  and so nothing in Python can be much faster than it without dropout.
- **The floor** is the step's matrix products alone through the same BLAS, each with its operands laid out as is fastest
  for it: no NumPy code can go below it. "Its products alone" are those in the layout that our engine uses. Time over
  them is element-wise work (activations, masks, Adam) and calls.
- **Dropout** is bounded by the generator: peers draw their masks as they do by themselves, JAX from its fastest
  generator and in the fastest of three arrangements.
- **The wide network** is bounded by the processor's arithmetic and memory: all peers are within a small factor. With
  two threads OpenBLAS spins while it waits, and Adam's passes stay on one thread; another process on the machine costs
  it more than it costs others.
- **Keras** pays for `fit` itself at the end of every epoch, which short epochs (30 steps of 256 rows, 28 of digits)
  show; longer ones would look better.
- **scikit-learn** returns to Python for every layer, allocates every result, and computes in the dtype of the rows.
- **Whole processes** read their libraries from a warm disk cache; the first start after a boot is slower for all.

## Reproduce

```
pip install -e . -r benchmarks/requirements.txt
python benchmarks/training.py
```

About twenty minutes on a quiet machine of two cores. `--tasks seed digits --peers jax torch --rounds 7` runs a part of
it and prints the tables; `--page benchmarks/results/{file}` writes this page anew.
"""


def write_page(result: Record, file: str) -> None:
    """Write docs/benchmarks.md and docs/benchmarks.svg.

    Parameters
    ----------
    result : dict
        What the result file holds.
    file : str
        Its name.
    """
    machine, versions = result["machine"], result["versions"]
    blas = ", ".join(f"{pool['internal_api']} {pool['version']} ({pool['architecture']})" for pool in machine["blas"])
    intro = (
        f"Measured on {result['date'][:10]}: {machine['processor']}, {machine['cores']} cores, {machine['system']}, "
        f"Python {machine['python']}, {blas}; {result['rounds']} rounds. "
        + ", ".join(f"{name} {number}" for name, number in sorted(versions.items()))
        + "."
    )
    text = HEAD.format(file=file, intro=intro) + "\n" + tables(result) + "\n" + TAIL.format(file=file, **machine)
    (DOCS / "benchmarks.md").write_text(text)
    (DOCS / "benchmarks.svg").write_text(svg(result, LABELS))


def tables(result: Record) -> str:
    """Return the tables of a result as Markdown."""
    promised, stricter = ([bar for bar in result["bars"] if bar["stricter"] is kind] for kind in (False, True))
    n_met = sum(bar["met"] is True for bar in promised)
    parts = [
        f"## Promised and measured\n\n{n_met} of {len(promised)} bars are met. They were set before measuring.\n\n"
        + _bars(promised),
        "Not promised: the same limits against stronger peers and a lower floor.\n\n" + _bars(stricter),
    ]
    parts += [_task(name, record) for name, record in result["tasks"].items()]
    if "processes" in result:
        parts.append(_processes(result["processes"]))
    if "steady" in result:
        parts.append(_steady(result["steady"]))
    used = {peer for record in result["tasks"].values() for peer in record["peers"]}
    if used:
        lines = [f"- **{entry.label}**: {entry.how}." for name, entry in PEERS.items() if name in used]
        parts.append("## Who is compared\n\n" + "\n".join(lines) + "\n")
    return "\n".join(parts)


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines) + "\n"


def _bars(bars: list[Record]) -> str:
    rows = [
        [
            bar["text"],
            f"{'≤' if bar['at_most'] else '≥'} {bar['limit']:g}",
            "-" if bar["figure"] is None else f"{bar['figure']:.3g}",
            {None: "not measured", True: "met", False: "**missed**"}[bar["met"]],
        ]
        for bar in bars
    ]
    return _table(["what", "bar", "measured", ""], rows)


def _task(name: str, record: Record) -> str:
    task = TASKS[name]
    ours = OURS[task.kind]
    unit = "µs a call" if task.kind == "predict" else "µs a step"
    rows, reasons = [], []
    timed = {peer: figures for peer, figures in record["peers"].items() if "us" in figures}
    for peer, figures in sorted(timed.items(), key=lambda item: item[1]["us"]["median"]):
        ratio, settings = figures.get("ratio"), figures["settings"]
        label = f"**{LABELS[peer]}**" if peer == ours else LABELS[peer]
        chosen = ", ".join(f"`{key}={value}`" for key, value in settings.items())
        rows.append(
            [
                f"{label} ({chosen})" if chosen else label,
                f"{figures['us']['median']:.4g} ({figures['us']['min']:.4g})",
                f"{ratio['median']:.3g} ({ratio['q1']:.3g}-{ratio['q3']:.3g})" if ratio else "-",
                f"{figures['first_epoch_s']:.2g}",
                "-" if figures["difference"] is None else f"{figures['difference']:.1e}",
            ]
        )
    for peer, figures in record["peers"].items():
        if "us" not in figures:
            reasons.append(f"- Not timed: {LABELS[peer]}. {figures['reason']}")
    first = "first call, s" if task.kind == "predict" else "first epoch, s"
    head = ["peer", f"{unit}, median (min)", "ratio, median (quartiles)", first, "differs by"]
    text = f"## `{name}`: {record['title']}\n\n{_table(head, rows)}"
    for peer, what in (("products", "The matrix products alone are"), ("floor", "In their best layouts they are")):
        if peer in timed and ours in timed:
            share = timed[peer]["ratio"]["median"]
            text += f"\n{what} {share:.0%} of our step, which costs {1 / share:.2f} times as much."
    text += "\n" if "products" in timed or "floor" in timed else ""
    return text + ("\n" + "\n".join(reasons) + "\n" if reasons else "")


def _processes(record: Record) -> str:
    rows, reasons = [], []
    for name, figures in record.items():
        if "reason" in figures:
            reasons.append(f"- Not timed: {name}. {figures['reason']}")
            continue
        ratio = figures.get("ratio")
        rows.append(
            [
                "**import, train the seed task for 50 epochs, exit**" if name == "job" else f"`{name}`",
                f"{figures['s']['median']:.2f} ({figures['s']['min']:.2f})",
                f"{ratio['median']:.2f} ({ratio['q1']:.2f}-{ratio['q3']:.2f})" if ratio else "-",
            ]
        )
    head = ["fresh process", "seconds, median (min)", "job / this, median (quartiles)"]
    text = (
        "## `processes`: from start to exit\n\n"
        "5,000 rows, a fifth of them for validation; dropout 0.3, shuffling, best weights kept.\n\n"
    )
    return text + _table(head, rows) + ("\n" + "\n".join(reasons) + "\n" if reasons else "")


def _steady(record: Record) -> str:
    head = "## `steady`: a long training\n\n"
    if "reason" in record:
        return f"{head}Not timed: {record['reason']}\n"
    return (
        f"{head}{record['n_epochs']:,} epochs of 512 rows, 20-64-32-1, Adam. A step took {record['first_us']:.1f} µs "
        f"at the beginning and {record['last_us']:.1f} µs at the end (medians, ratio {record['ratio']:.3f}). The "
        f"process had used at most {record['first_mib']:.1f} MiB after the first epochs and {record['last_mib']:.1f} "
        f"MiB in the end. The last loss was {record['last_loss']:.1e}.\n"
    )
