"""Whole numbers as options."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cyclopts import Token

from throughline.errors import UsageError, quoted


def whole_number(name: str, allowed: str, example: str = "7") -> Callable[[type, Sequence[Token]], int]:
    """Return a converter that refuses what is no whole number; cyclopts would round 1.5 to what nobody asked for."""

    def convert(type_: type, tokens: Sequence[Token]) -> int:
        try:
            return int(tokens[0].value)
        except ValueError as error:
            raise UsageError(name, allowed, quoted(tokens[0].value), f"pass for example {name} {example}") from error

    return convert
