"""The command ``throughline``; heavy imports wait until a command needs them."""

from __future__ import annotations

import io
import os
import signal
import sys
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cyclopts import CycloptsError

INTERRUPTED = 130
BROKEN_PIPE = 141
LONGEST_WORD = 60


def main() -> None:
    """Run a command and exit: 0 done, 1 a verification failed, 2 misuse, 130 interrupted."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without a tick must not end a run
    try:
        status = _exit_status(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # the reader had enough, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        status = BROKEN_PIPE
    sys.exit(status)


def _exit_status(arguments: list[str]) -> int:
    from cyclopts import CycloptsError

    from throughline.cli import app
    from throughline.errors import ThroughlineError

    try:
        status: int = app(arguments, exit_on_error=False, print_error=False, result_action="return_value")
    except KeyboardInterrupt:
        print("throughline: interrupted; nothing was written.", file=sys.stderr)
        return INTERRUPTED
    except ThroughlineError as error:
        print(f"throughline: {error}", file=sys.stderr)
        return error.exit_status
    except CycloptsError as error:
        print(f"throughline: {_one_sentence(error)}", file=sys.stderr)
        return 2
    return status or 0


def _one_sentence(error: CycloptsError) -> str:
    """Say what cyclopts found wrong with the arguments, and where the right ones are listed."""
    from cyclopts import MissingArgumentError, UnusedCliTokensError

    from throughline.errors import quoted

    command = " ".join(("throughline", *(error.command_chain or ())))
    if isinstance(error, UnusedCliTokensError) and error.unused_tokens:
        said = f"'{command}' has no use for {quoted(error.unused_tokens[0])}."
    elif isinstance(error, MissingArgumentError) and error.argument:
        said = f"{error.argument.name} must be given a value, but got none."
    else:
        said = " ".join(
            word if len(word) <= LONGEST_WORD else word[:LONGEST_WORD] + "..." for word in str(error).split()
        )
    return f"{said} See '{command} --help'."


def _as_interrupt(signum: int, frame: FrameType | None) -> None:
    # A polite kill takes the same way out as Ctrl-C: children stopped, nothing half-written.
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
