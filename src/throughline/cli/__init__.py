"""The command line: one file per topic; a command parses, calls one library function, and prints.

A command's docstring is its help, examples included. The files are light: what is heavy is imported inside
the commands, so that `--help` and `--version` wait for none of it.
"""

from __future__ import annotations

from collections.abc import Callable

from cyclopts import App, Parameter

from throughline import __version__
from throughline.cli import (
    bench,
    bundle,
    claims,
    compare,
    drill,
    export,
    listing,
    notebook,
    parity,
    predict,
    rehearse,
    report,
    run,
    sizes,
    verify,
)

app = App(
    name="throughline",
    help="One neural network, from a hand-written gradient to every runtime it can be deployed on, measured.",
    version=__version__,
    help_format="plaintext",  # Markdown and its highlighter would take half as long again to import
    default_parameter=Parameter(negative="", show_default=False),
    suppress_keyboard_interrupt=False,  # `throughline.__main__` says what happened and sets the exit status
    help_epilogue="Exit status: 0 done, 1 a verification failed, 2 misuse, 130 interrupted.",
)
# In the order of `--help`.
COMMANDS: tuple[Callable[..., int], ...] = (
    *(run.run, report.report, compare.compare, notebook.notebook, rehearse.rehearse, claims.claims, verify.verify),
    *(bundle.bundle, predict.predict, bench.bench, sizes.sizes, export.export, parity.parity),
    *(listing.formats, listing.tasks),
)
for order, command in enumerate(COMMANDS):
    app.command(command, sort_key=order)
# Commands that have commands of their own.
GROUPS: tuple[App, ...] = (drill.app,)
for order, group in enumerate(GROUPS, start=len(COMMANDS)):
    group.sort_key = order
    app.command(group)
