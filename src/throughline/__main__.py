"""The command ``throughline``; heavy imports wait until a command needs them."""

from __future__ import annotations

import signal
import sys
from types import FrameType

INTERRUPTED = 130


def main() -> None:
    """Run a command and exit: 0 done, 1 a verification failed, 2 misuse, 130 interrupted."""
    signal.signal(signal.SIGTERM, _as_interrupt)
    sys.exit(_exit_status(sys.argv[1:]))


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
        print(f"throughline: {_one_sentence(error)} See 'throughline --help'.", file=sys.stderr)
        return 2
    return status or 0


def _one_sentence(error: Exception) -> str:
    sentence = " ".join(str(error).split())
    return sentence if sentence.endswith((".", "?")) else sentence + "."


def _as_interrupt(signum: int, frame: FrameType | None) -> None:
    # A polite kill takes the same way out as Ctrl-C: children stopped, nothing half-written.
    raise KeyboardInterrupt


if __name__ == "__main__":
    main()
