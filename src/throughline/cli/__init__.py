"""The command line: one file per topic; a command parses, calls one library function, and prints."""

from __future__ import annotations

from cyclopts import App

from throughline import __version__

app = App(
    name="throughline",
    help="One neural network, from a hand-written gradient to every runtime it can be deployed on, measured.",
    version=__version__,
    help_format="markdown",
    suppress_keyboard_interrupt=False,  # `throughline.__main__` says what happened and sets the exit status
    help_epilogue="Exit status: 0 done, 1 a verification failed, 2 misuse, 130 interrupted.",
)
# Named by path, so that a command's file is imported when the command is called. The order is that of `--help`.
COMMANDS = {
    "run": ("throughline.cli.run:run", "Tell the seven chapters on real rows and prove every exported file."),
    "report": ("throughline.cli.report:report", "Write report and talking points of a finished run again."),
    "formats": ("throughline.cli.listing:formats", "List the deployment formats."),
    "tasks": ("throughline.cli.listing:tasks", "List the built-in tasks."),
}
for order, (name, (function, summary)) in enumerate(COMMANDS.items()):
    app.command(function, name=name, help=summary, sort_key=order)
