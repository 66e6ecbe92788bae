"""A comparison told in Markdown: docs/parity.md, every figure from the record."""

from __future__ import annotations

from throughline.parity.expressible import TITLES
from throughline.parity.record import N_EARLY_STEPS, CaseRecord, Pair, ParityRecord

SHOWN_PACKAGES = ("numpy", "keras", "tensorflow", "tensorflow-cpu", "torch", "scikit-learn")
# The two that a column compares; scikit-learn, where it takes part, with whichever is furthest from it.
COLUMNS = (("numpy", "keras"), ("numpy", "torch"), ("keras", "torch"))

ALIGNED = """\
- **Start**: the same weights, drawn once and rounded to float32, in both types of arithmetic.
- **Rows**: the same batches in the same order; the last batch of an epoch is smaller and is kept.
- **Dropout**: explicit masks, drawn once from the seed. Each framework has its own random numbers otherwise.
- **Loss**: from logits. From probabilities Keras clips them at 1e-7, PyTorch stops the logarithm at -100, and
  scikit-learn clips at the spacing of the type and loses the digits of a confident mistake.
- **Adam's epsilon**: joins the root before the bias correction (Keras, scikit-learn) or after it (PyTorch). Here it is
  before; PyTorch is given epsilon / sqrt(1 - beta_2^t) at step t.
- **RMSprop's epsilon**: under the root in Keras, beside it in PyTorch. Here it is beside; Keras' step is written out.
- **Momentum**: the velocity adds up steps in Keras and scikit-learn, gradients in PyTorch. The same while the rate is.
- **Keras and float32**: it rounds Python numbers to float32 on their way into a tensor, whatever the type of the
  network: 0.9 becomes 0.89999998. The learning rate follows `set_floatx`, SGD's momentum is passed as a float64, and
  Adam's bias correction, which in float32 loses half its digits, is written out in float64.
- **scikit-learn**: its alpha is divided by the rows of the batch, its squared error is halved; both are made up for.
"""


def parity_page(record: ParityRecord) -> str:
    """Return the page.

    Parameters
    ----------
    record : ParityRecord
    """
    n_met = sum(case.met for case in record.cases)
    parts = [
        "# One network, several frameworks, one trajectory\n",
        "Written by `throughline parity --write docs/parity.md`; every figure is measured. Do not edit it by hand.\n",
        f"Each training is done by every framework that can express it, in a process of its own, for {record.n_steps:,}"
        " steps: the same start, the same batches, the same masks. The figures are the largest difference of the loss "
        "at any step between two frameworks, and the largest difference of any weight after the last step.\n",
        f"**{n_met} of {len(record.cases)} trainings meet their bars.** {_bars_sentence(record)}\n",
        *(part for dtype in record.bars if (part := _table(record, dtype))),
        *_diverged(record),
        *_departures(record),
        "## Who is left out\n",
        *_left_out(record),
        "\n## What had to be aligned\n",
        "Nothing below is a matter of one framework being right. Each is a default or a rule in which they differ, and "
        "each of them alone makes two trainings of the same network part.\n",
        ALIGNED,
        "## Made with\n",
        f"Seed {record.seed}; Python {record.environment.python}, "
        + ", ".join(f"{name} {v}" for name, v in record.environment.packages.items() if name in SHOWN_PACKAGES)
        + ".",
    ]
    return "\n".join(parts) + "\n"


def departure_sentences(record: ParityRecord) -> list[str]:
    """Return a sentence for each two trajectories that part by more than their bar."""
    return [
        departure_sentence(case, pair) for case in record.cases for pair in case.pairs if pair.departure is not None
    ]


def departure_sentence(case: CaseRecord, pair: Pair) -> str:
    """Say where two trajectories part, because of which gate, and what became of them with that gate forced."""
    assert pair.departure is not None
    departure, flip = pair.departure, pair.departure.flip
    first, second = TITLES[pair.first], TITLES[pair.second]
    text = (
        f"{case_name(case)}: {first} and {second} part at step {departure.step}, by up to {pair.loss:.1e} at step "
        f"{pair.loss_step}."
    )
    if flip is None:
        return f"{text} No gate had flipped by then: it is not explained."
    signs = " and ".join(f"{z:+.1e} in {TITLES[name]}" for name, z in flip.pre_activations.items())
    text += (
        f" At step {flip.step}, for row {flip.row} of the batch, the gate of unit {flip.unit} in hidden layer "
        f"{flip.layer} flipped: its pre-activation was {signs}."
    )
    if departure.forced_loss is None:
        return f"{text} There is no second run to prove it by."
    other = second if departure.forced == pair.first else first
    own = "1 of them is" if departure.n_forced == 1 else f"{departure.n_forced:,} of them are"
    verdict = "stays within" if pair.met else "still departs by"
    return (
        f"{text} Run again with the gates of {other}, from there to the end ({own} not its own), "
        f"{TITLES[departure.forced]} {verdict} {departure.forced_loss:.1e} of it."
    )


def case_name(case: CaseRecord) -> str:
    """Return the name of a case in words."""
    dropout = f", dropout {case.dropout:g}" if case.dropout else ""
    return f"{'-'.join(map(str, case.layer_sizes))}, {case.optimizer}, {case.dtype}{dropout}"


def row_of(case: CaseRecord) -> list[str]:
    """Return the figures of a case: loss by pair, loss with scikit-learn, weights."""
    by_names = {(pair.first, pair.second): pair for pair in case.pairs}
    cells = [_figure(by_names[names].loss) if names in by_names else "–" for names in COLUMNS]
    sklearn = [pair.loss for pair in case.pairs if "sklearn" in (pair.first, pair.second)]
    cells.append(_figure(max(sklearn)) if sklearn else "–")
    cells.append(_figure(max(pair.weights for pair in case.pairs)) if case.pairs else "–")
    return cells


def _figure(value: float) -> str:
    return f"{value:.1e}"


def _bars_sentence(record: ParityRecord) -> str:
    wide, narrow = record.bars["float64"], record.bars["float32"]
    return (
        f"In float64 the bar is {wide.loss:.0e} for the loss and {wide.weights:.0e} for the weights. In float32 it is "
        f"{narrow.early_loss:.0e} for the loss of the first {N_EARLY_STEPS} steps and {narrow.loss:.0e} after them, "
        "unless a ReLU gate that flipped is proven to be the cause."
    )


def _table(record: ParityRecord, dtype: str) -> str:
    cases = [case for case in record.cases if case.dtype == dtype]
    if not cases:
        return ""
    titles = [f"{TITLES[a]} – {TITLES[b]}" for a, b in COLUMNS]
    head = [
        "network",
        "optimizer",
        "dropout",
        *titles,
        "scikit-learn – any",
        "weights",
        f"loss after {record.n_steps:,}",
        "",
    ]
    lines = [f"## {dtype}\n", _line(head), _line(["---"] * 3 + ["---:"] * 6 + ["---"])]
    for case in cases:
        verdict = "met" if case.met else "**missed**"
        if case.met and any(pair.departure for pair in case.pairs):
            verdict = "met, a gate flipped"
        name = "-".join(map(str, case.layer_sizes))
        last = "–" if case.last_loss is None else f"{case.last_loss:.3f}"
        lines.append(_line([name, case.optimizer, f"{case.dropout:g}", *row_of(case), last, verdict]))
    return "\n".join(lines) + "\n"


def _line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _diverged(record: ParityRecord) -> list[str]:
    said = [f"- {case_name(case)}: {text}" for case in record.cases for text in case.diverged.values()]
    return ["## What broke down\n", *said, ""] if said else []


def _departures(record: ParityRecord) -> list[str]:
    sentences = departure_sentences(record)
    if not sentences:
        return []
    explanation = (
        "A pre-activation within rounding of 0 can be positive in one framework and negative in the other. The gate of "
        "that unit is then open for that row in one and shut in the other, and from there on the two are different "
        "trainings. The proof: run one of them again with the gates of the other. Up to the flip they are its own, so "
        "that nothing changes; if the gate was the cause, the two now stay together to the end.\n"
    )
    return ["## Where float32 parts\n", explanation, *(f"- {sentence}" for sentence in sentences), ""]


def _left_out(record: ParityRecord) -> list[str]:
    reasons = dict.fromkeys(reason for case in record.cases for reason in case.left_out.values())
    if not reasons:
        return ["Nobody."]
    return [f"- {reason}" for reason in reasons]
