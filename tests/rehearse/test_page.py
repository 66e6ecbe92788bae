from __future__ import annotations

import dataclasses
import json
import re
from pathlib import Path

import pytest

from throughline.errors import OutputError
from throughline.record import RunRecord
from throughline.rehearse.page import render_page, write_page
from throughline.report.speaker import Speaker
from throughline.report.walks import compose_walk


def data_of(page: str) -> dict[str, object]:
    (text,) = re.findall(r'<script id="data" type="application/json">(.*?)</script>', page, re.DOTALL)
    found: dict[str, object] = json.loads(text)
    return found


def test_the_page_tells_the_same_script(record: RunRecord) -> None:
    page = render_page(record, Speaker(120))
    data = data_of(page)
    walks = data["walks"]
    assert isinstance(walks, list)
    assert [walk["name"] for walk in walks[:3]] == ["full", "quick", "deep: 1. Perceptron"]
    for kind, walk in (("full", walks[0]), ("quick", walks[1])):
        expected = compose_walk(record, kind, Speaker(120))  # type: ignore[arg-type]
        assert " ".join(word[0] for word in walk["words"]) == " ".join(p.text for p in expected.passages)
        assert walk["seconds"] == pytest.approx(expected.seconds, abs=1e-3)
    assert data["wpm"] == 120
    assert page == render_page(record, Speaker(120))


def test_the_page_fetches_nothing(record: RunRecord) -> None:
    page = render_page(record, Speaker())
    assert not re.search(r"https?:|//[a-z]|@import|url\(|<link|<img|src=|fetch\(|XMLHttp|WebSocket", page)


def test_names_from_data_cannot_leave_their_place(record: RunRecord) -> None:
    evil = '</script><script>alert("x")</script>'
    task = dataclasses.replace(record.task, name=evil)
    page = render_page(dataclasses.replace(record, name=evil, task=task), Speaker())
    assert "alert" not in page.replace("\\u003c/script\\u003e", "").split('id="data"')[0].split("<title>")[0]
    assert page.count("<script") == 2
    assert page.count("</script>") == 2


def test_it_is_written_whole_or_refused(record: RunRecord, tmp_path: Path) -> None:
    write_page(record, Speaker(), tmp_path / "prompt.html")
    assert (tmp_path / "prompt.html").read_text(encoding="utf-8") == render_page(record, Speaker())
    assert [path.name for path in tmp_path.iterdir()] == ["prompt.html"]
    with pytest.raises(OutputError, match="--html must be a file in a folder that exists"):
        write_page(record, Speaker(), tmp_path / "none" / "prompt.html")
