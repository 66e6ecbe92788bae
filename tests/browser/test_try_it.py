"""The report of a real run in a real browser, from a disk and with the network cut: its model answers as in Python."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from throughline.held_out import FILE_NAME, HeldOut, load_held_out

from .chromium import Chromium

pytestmark = pytest.mark.xdist_group("run")
STATE = "document.getElementById('try').dataset"


@pytest.fixture(scope="module")
def rows(finished_run: Any) -> HeldOut:
    return load_held_out(finished_run.folder / "models" / FILE_NAME)


@pytest.fixture
def page(chromium: Chromium, finished_run: Any) -> Chromium:
    chromium.open(finished_run.folder / "report.html")
    chromium.wait_for(f"{STATE}.state === 'ready' && {STATE}.probability")
    return chromium


def settled(page: Chromium, change: str) -> float:
    """Do something to the page, and return the probability when the model has answered."""
    page.evaluate(f"delete {STATE}.probability; {change}")
    page.wait_for(f"{STATE}.probability")
    return float(page.evaluate(f"{STATE}.probability"))


def enter(name: str, value: object) -> str:
    return f"(() => {{ const c = document.getElementById('{name}'); c.value = {json.dumps(value)}; c.oninput(); }})()"


def python_answers(finished_run: Any, X: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    import onnxruntime

    (entry,) = (entry for entry in finished_run.record.formats if entry.name == "onnx-float32")
    session = onnxruntime.InferenceSession(finished_run.folder / entry.path, providers=["CPUExecutionProvider"])
    (answers,) = session.run(None, {"features": X})
    return np.asarray(answers).reshape(-1)


def test_every_held_out_row_has_pythons_answer(page: Chromium, rows: HeldOut, finished_run: Any) -> None:
    assert len(rows.X) == finished_run.record.split.n_test
    np.testing.assert_array_equal(rows.answers, python_answers(finished_run, rows.X))
    found = np.array(
        [settled(page, enter("try-number", number)) for number in range(1, len(rows.X) + 1)], dtype=np.float64
    )
    differences = np.abs(found - rows.answers)
    assert (differences <= rows.tolerance).all()
    told = json.loads(page.evaluate(f"JSON.stringify({STATE})"))
    assert told["rows"] == str(len(rows.X))
    assert float(told["difference"]) <= rows.tolerance.max()
    assert "Same answers as Python within" in page.evaluate("document.getElementById('try-check').textContent")
    assert np.ptp(found) > 0.5  # rows of both classes, or nothing was shown


def test_sliders_and_fields_ask_the_model(page: Chromium, rows: HeldOut, finished_run: Any) -> None:
    settled(page, enter("try-number", 5))
    asked = rows.X[4].copy()
    for feature in (0, 7, 29):
        slider = f"document.querySelectorAll('.feature input[type=range]')[{feature}]"
        moved = settled(page, f"{slider}.value = {float(rows.quantiles[4, feature])}; {slider}.oninput()")
        asked[feature] = np.float32(page.evaluate(f"{slider}.valueAsNumber"))
        shown = page.evaluate(f"document.getElementById('try-value-{feature}').value")
        assert np.float32(shown) == asked[feature]
        assert moved == pytest.approx(python_answers(finished_run, asked[None])[0], abs=1e-5)
    far = float(rows.quantiles[4, 3] * 3)
    moved = settled(page, enter("try-value-3", str(far)))
    asked[3] = far
    assert moved == pytest.approx(python_answers(finished_run, asked[None])[0], abs=1e-5)
    assert "outside of training" in page.evaluate("document.getElementById('try-beyond-3').textContent")
    label = finished_run.record.task.class_names[int(moved > 0.5)]
    assert page.evaluate("document.getElementById('try-label').textContent") == f"answer: {label}"


def test_keys_move_a_slider_and_the_answer_is_read_out(page: Chromium) -> None:
    before = page.evaluate("document.getElementById('try-value-0').value")
    page.evaluate(f"delete {STATE}.probability; document.querySelector('.feature input[type=range]').focus()")
    page.press("ArrowRight", 39)
    page.wait_for(f"{STATE}.probability")
    assert float(page.evaluate("document.getElementById('try-value-0').value")) > float(before)
    page.wait_for("/%/.test(document.getElementById('try-spoken').textContent)")


def test_features_are_found_by_a_part_of_their_name(page: Chromium, finished_run: Any) -> None:
    page.evaluate(enter("try-search", "WORST radius"))
    visible = page.evaluate(
        "[...document.querySelectorAll('.feature')].filter((f) => f.checkVisibility()).map((f) => f.innerText.trim())"
    )
    assert visible == ["worst radius"]


def test_nothing_is_fetched_and_nothing_complained_of(page: Chromium, finished_run: Any) -> None:
    page.evaluate("document.getElementById('try-notices').click()")
    page.wait_for("document.getElementById('try-licence').textContent.includes('MIT License')")
    assert page.complaints == []
    assert page.requests[0] == (finished_run.folder / "report.html").as_uri()
    assert [address for address in page.requests[1:] if not address.startswith("blob:null/")] == []


def test_a_page_that_asks_for_the_network_would_be_noticed(chromium: Chromium, tmp_path: Path) -> None:
    path = tmp_path / "asks.html"
    path.write_text("<script>fetch('https://example.org/x').catch(() => console.error('cut'))</script>")
    chromium.open(path)
    chromium.wait_for("true")
    while "cut" not in chromium.complaints:
        chromium.evaluate("new Promise((done) => setTimeout(done, 20))")
    assert "https://example.org/x" in chromium.requests


@pytest.mark.parametrize("width", [390, 320])
def test_the_page_fits_a_phone(chromium: Chromium, finished_run: Any, width: int) -> None:
    chromium.open(finished_run.folder / "report.html", width=width, height=844)
    chromium.wait_for(f"{STATE}.state === 'ready'")
    chromium.evaluate("document.getElementById('try-panel').scrollIntoView()")
    assert chromium.evaluate("document.documentElement.scrollWidth") == width
    right = "Math.max(...[...document.querySelectorAll('#try *')].map((e) => e.getBoundingClientRect().right))"
    assert chromium.evaluate(right) <= width
    assert chromium.complaints == []


def test_a_model_with_other_answers_is_not_offered(
    chromium: Chromium, finished_run: Any, rows: HeldOut, tmp_path: Path
) -> None:
    from throughline.report.page import write_report
    from throughline.report.try_it import Panel, offer

    panel = offer(finished_run.record, finished_run.folder)
    assert isinstance(panel, Panel)
    other = np.where(np.arange(len(rows.X)) == 3, 1 - rows.answers, rows.answers)
    data = panel.data | {"answers": base64.b64encode(other.astype("<f4").tobytes()).decode()}  # type: ignore[operator]
    write_report(finished_run.record, tmp_path / "report.html", dataclasses.replace(panel, data=data))
    chromium.open(tmp_path / "report.html")
    chromium.wait_for(f"{STATE}.state === 'failed'")
    told = chromium.evaluate("document.getElementById('try-check').textContent")
    assert told.startswith(f"In this browser 1 of {len(rows.X)} held-out rows differ")
    assert chromium.evaluate("document.getElementById('try-panel').hidden")


def test_print_leaves_the_panel_out(page: Chromium) -> None:
    page.call("Emulation.setEmulatedMedia", media="print")
    try:
        assert not page.evaluate("document.getElementById('try-panel').checkVisibility()")
        assert page.evaluate("document.querySelector('.in-print').checkVisibility()")
    finally:
        page.call("Emulation.setEmulatedMedia", media="")
