from __future__ import annotations

import re

import pytest

from throughline.record import RunRecord
from throughline.rehearse.printed import printed
from throughline.rehearse.prompt import lay_out, masked
from throughline.rehearse.script import TimedScript, Word, timed
from throughline.report.speaker import Speaker
from throughline.report.walks import Passage as WalkPassage
from throughline.report.walks import Walk, clock, compose_walk


@pytest.mark.parametrize("wpm", [100, 137, 200])
@pytest.mark.parametrize("kind", ["full", "quick"])
def test_words_take_the_time_of_the_walk_and_leave_nothing_out(record: RunRecord, kind: str, wpm: int) -> None:
    walk = compose_walk(record, kind, Speaker(wpm))  # type: ignore[arg-type]
    script = timed(walk)
    assert script.seconds == pytest.approx(walk.seconds)
    for i, passage in enumerate(walk.passages):
        assert " ".join(word.text for word in script.words if word.passage == i) == passage.text
        assert script.seconds_of(i) == pytest.approx(60 * passage.n_words / wpm)
    for word, following in zip(script.words, script.words[1:], strict=False):
        assert word.end_s == following.start_s
        assert 0 <= following.sentence - word.sentence <= 1


def test_a_figure_is_one_word_with_its_power_and_percent_sign() -> None:
    text = "It is 94.2 %, off by 5.9 × 10⁻⁸. On 1,000 rows with float16."
    script = timed(Walk("deep", 150, (WalkPassage(3, "Keras", text, (), 1),)))
    assert [word.text for word in script.words if word.is_number] == ["94.2 %,", "5.9 × 10⁻⁸.", "1,000"]
    assert [masked(word) for word in script.words if word.is_number] == ["▒▒▒▒ %,", "▒▒▒ × ▒▒▒▒.", "▒▒▒▒▒"]
    assert [word.text for word in script.words if word.sentence == 1] == ["On", "1,000", "rows", "with", "float16."]
    # "ninety-four point two percent" takes five times as long as "it".
    percent, it = script.words[2], script.words[0]
    assert percent.end_s - percent.start_s == pytest.approx(5 * (it.end_s - it.start_s))


@pytest.mark.parametrize("width", [24, 40, 62, 100])
def test_lines_hold_every_word_once_and_fit(script: TimedScript, width: int) -> None:
    lines = lay_out(script, width)
    assert [index for line in lines for index in line] == list(range(len(script.words)))
    for line in lines:
        texts = [script.words[index].text for index in line]
        assert len(" ".join(texts)) <= max(width, *map(len, texts), 0)
        assert len({script.words[index].passage for index in line}) <= 1
    assert sum(not line for line in lines) == 2 * len(script.passages) - 1


def test_paper_has_every_sentence_with_the_time_at_which_it_begins(script: TimedScript) -> None:
    text = printed(script)
    assert text.startswith(f"full walk, {clock(script.seconds)} at 150 words a minute\n\n1. Perceptron (0:00, for 0:")
    times = [int(m) * 60 + int(s) for m, s in re.findall(r"^ +(\d+):(\d\d)  \S", text, re.MULTILINE)]
    assert times == sorted(times)
    assert len(times) == script.words[-1].sentence + 1
    for passage in script.passages:
        assert re.sub(r"\s+", " ", passage.text) in re.sub(r"\n +\d+:\d\d  ", " ", text)


def test_a_mask_is_as_wide_as_what_it_hides() -> None:
    for text in ("2.2", "1,234,567.", "0.0012,", "3 × 10⁻¹⁶)", "100 %;", "64-32"):
        assert len(masked(Word(text, 0, 0, 0.0, 1.0, True))) == len(text)
        assert not any(c.isdigit() for c in masked(Word(text, 0, 0, 0.0, 1.0, True)))
