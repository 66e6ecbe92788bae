"""Words can be read on every ground they stand on, in light and in dark, and so can the lines of the plots."""

from __future__ import annotations

import re
from importlib import resources

import pytest

CSS = resources.files("throughline.report").joinpath("templates", "report.css").read_text(encoding="utf-8")
LIGHT, DARK = (
    dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
    for block in re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
)
WORDS = [
    *((word, ground) for word in ("ink", "ink-soft", "accent") for ground in ("paper", "card", "wash")),
    *((word, ground) for word in ("good", "bad", "hold") for ground in (f"{word}-wash", "card")),
    *(("ink", f"{state}-wash") for state in ("good", "bad", "hold")),
]
LINES = ["class-0", "class-1", "numpy", "keras", "torch", "bad", "ink", "accent"]


def contrast(first: str, second: str) -> float:
    """Ratio of relative luminances, WCAG 2.2 section 1.4.3."""
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


def luminance(colour: str) -> float:
    shares = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_contrast_of_black_and_white() -> None:
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("word", "ground"), WORDS)
def test_words_stand_out(colours: dict[str, str], word: str, ground: str) -> None:
    assert contrast(colours[word], colours[ground]) >= 4.5


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize("line", LINES)
def test_lines_stand_out(colours: dict[str, str], line: str) -> None:
    assert contrast(colours[line], colours["card"]) >= 3


def test_dark_replaces_every_colour() -> None:
    assert LIGHT.keys() == DARK.keys()
