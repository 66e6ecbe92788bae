"""Options that say who speaks; several commands have them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, Token

from throughline.errors import UsageError, quoted


def _words(type_: type, tokens: Sequence[Token]) -> int:
    # On its own, cyclopts would round 150.5 to a pace that nobody asked for.
    try:
        return int(tokens[0].value)
    except ValueError as error:
        allowed, received = "a whole number from 100 to 200", quoted(tokens[0].value)
        raise UsageError("--wpm", allowed, received, "pass for example --wpm 150") from error


WordsPerMinute = Annotated[
    int, Parameter(converter=_words, help="Pace of the talking points, words a minute, 100 to 200. Default: 150.")
]
Resume = Annotated[
    Path | None, Parameter(help="TOML file with projects of your own, woven into the talking points. Default: none.")
]
