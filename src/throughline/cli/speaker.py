"""Options that say who speaks; several commands have them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from throughline.cli.numbers import whole_number

WordsPerMinute = Annotated[
    int,
    Parameter(
        converter=whole_number("--wpm", "a whole number from 100 to 200", "150"),
        help="Pace of the talking points, words a minute, 100 to 200. Default: 150.",
    ),
]
Resume = Annotated[
    Path | None, Parameter(help="TOML file with projects of your own, woven into the talking points. Default: none.")
]
