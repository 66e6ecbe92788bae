"""The teleprompter page in a real browser, from a disk and with the network cut."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from throughline.rehearse.page import write_page
from throughline.report.speaker import Speaker

from .chromium import Chromium

pytestmark = pytest.mark.xdist_group("run")
SAID = "document.querySelectorAll('#text .said').length"


@pytest.fixture
def page(chromium: Chromium, finished_run: Any, tmp_path: Path) -> Chromium:
    write_page(finished_run.record, Speaker(150), tmp_path / "prompt.html")
    chromium.open(tmp_path / "prompt.html")
    return chromium


def text_of(page: Chromium, name: str) -> Any:
    return page.evaluate(f"document.getElementById('{name}').textContent")


def test_the_text_goes_on_by_itself_until_it_is_held(page: Chromium) -> None:
    assert page.evaluate(SAID) == 0
    page.press(" ", 32)
    page.wait_for(f"{SAID} >= 2")
    page.press(" ", 32)
    assert text_of(page, "go") == "Go on"
    held = page.evaluate(SAID)
    page.evaluate("new Promise((done) => setTimeout(done, 700))")
    assert page.evaluate(SAID) == held


def test_keys_step_by_sentences_and_ask_questions(page: Chromium) -> None:
    page.press("ArrowRight", 39)
    forward = page.evaluate(SAID)
    assert forward >= 3
    page.press("ArrowLeft", 37)
    assert page.evaluate(SAID) == 0
    page.press("d", 68)
    assert page.evaluate("document.getElementById('answer').checkVisibility()") is False
    assert text_of(page, "question").endswith("?")
    page.press("d", 68)
    assert page.evaluate("document.getElementById('answer').checkVisibility()") is True
    page.press("Escape", 27)
    assert page.evaluate("document.getElementById('text').checkVisibility()") is True


def test_numbers_are_hidden_until_they_were_said(page: Chromium) -> None:
    page.press("n", 78)
    masked = "[...document.querySelectorAll('#text .masked')].map((word) => word.textContent)"
    assert len(page.evaluate(masked)) > 3
    page.evaluate("position = walk.seconds; show()")
    assert page.evaluate(masked) == []


def test_nothing_is_fetched_and_nothing_complained_of(page: Chromium) -> None:
    page.evaluate("[...document.querySelectorAll('button')].forEach((button) => button.click())")
    assert page.complaints == []
    assert len(page.requests) == 1


def test_the_page_fits_a_phone(page: Chromium, tmp_path: Path) -> None:
    page.open(tmp_path / "prompt.html", width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    right = "Math.max(...[...document.querySelectorAll('body *')].map((e) => e.getBoundingClientRect().right))"
    assert page.evaluate(right) <= 390
    assert page.evaluate("document.getElementById('go').getBoundingClientRect().bottom") <= 844
