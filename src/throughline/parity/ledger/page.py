"""The ledger told in Markdown: docs/ledger.md, every figure from the record."""

from __future__ import annotations

from throughline.parity.page import SHOWN_PACKAGES
from throughline.record import LedgerLine, LedgerRecord


def ledger_page(record: LedgerRecord) -> str:
    """Return the page.

    Parameters
    ----------
    record : LedgerRecord
    """
    test = record.equivalence
    verdict = "equivalent" if test.equivalent else "not shown to be equivalent"
    parts = [
        "# Which default is responsible\n",
        "Written by `throughline parity --ledger --write docs/ledger.md`; every figure is measured. Do not edit it by "
        "hand.\n",
        "A 20-64-32-1 network, dropout 0.3, Adam, batches of 32, is trained in Keras and in PyTorch for "
        f"{record.n_steps:,} steps on {record.n_train:,} rows, with {len(record.seeds)} seeds. It begins aligned: the "
        "same weights, batches, masks and formulas, in float64, where both have the same loss to the last digits. Then "
        "one framework's default after the other is switched back on, and in the end all.\n",
        f"**Stock Keras and stock PyTorch differ in accuracy by {_points(test.difference)} percentage points** on "
        f"{record.n_test:,} test rows (90 % interval {_points(test.low)} to {_points(test.high)}): {verdict} within "
        f"{100 * test.margin:g} point, by two one-sided t-tests over the seeds (p = {test.p_value:.1e}).\n",
        "- **Gap**: how far apart the losses on the training rows are after the last step, dropout off; median over "
        "the seeds, with the smallest and the largest.",
        "- **Share**: the gap as a part of that of the stock frameworks. Shares need not add up to 100 %, and where "
        "the range over the seeds is wide a share is uncertain.",
        "- **Accuracy**: Keras minus the other, in percentage points, mean over the seeds with its 95 % interval.\n",
        "| switched back on | Keras | PyTorch | gap in loss | share | accuracy |",
        "| --- | --- | --- | ---: | ---: | ---: |",
        *(_row(line) for line in record.lines),
        "\n## In a sentence each\n",
        *(f"- **{line.title[0].upper()}{line.title[1:]}.** {line.sentence}" for line in record.lines),
        "\n## Made with\n",
        f"Seeds {record.seeds[0]} to {record.seeds[-1]}; Python {record.environment.python}, "
        + ", ".join(f"{name} {v}" for name, v in record.environment.packages.items() if name in SHOWN_PACKAGES)
        + ".",
    ]
    return "\n".join(parts) + "\n"


def _row(line: LedgerLine) -> str:
    other = line.torch_does if line.torch_stands_for == "PyTorch" else f"{line.torch_stands_for}: {line.torch_does}"
    gap = f"{line.gap:.1e} ({line.gap_low:.0e} to {line.gap_high:.0e})"
    interval = line.accuracy_difference
    accuracy = f"{_points(interval.value)} ({_points(interval.low)} to {_points(interval.high)})"
    return f"| {line.title} | {line.keras_does} | {other} | {gap} | {line.share:.1%} | {accuracy} |"


def _points(share: float) -> str:
    return f"{100 * share:+.2f}"
