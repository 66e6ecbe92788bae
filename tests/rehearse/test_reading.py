from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from throughline.rehearse.reading import Reading
from throughline.rehearse.script import TimedScript, timed
from throughline.report.walks import Passage, Walk


def begun(script: TimedScript) -> Reading:
    reading = Reading(script)
    reading.paused = False
    return reading


def test_nothing_moves_before_the_speaker_begins(script: TimedScript) -> None:
    reading = Reading(script)
    reading.advance(10)
    assert (reading.position_s, reading.talk_s, reading.index) == (0, 0, 0)


def test_at_the_planned_pace_the_plan_is_met(script: TimedScript) -> None:
    reading = begun(script)
    while not reading.finished:
        reading.advance(0.1)
        assert abs(reading.lead_s) < 0.11
    told = reading.told()
    assert [time.chapter for time in told] == [passage.chapter for passage in script.passages]
    for time in told:
        assert time.spoken_s == pytest.approx(time.planned_s, abs=0.2)


def test_one_who_holds_falls_behind_and_one_who_skips_gets_ahead(script: TimedScript) -> None:
    reading = begun(script)
    reading.held = True
    reading.advance(7)
    assert reading.lead_s == pytest.approx(-7)
    reading.held, reading.paused = False, True
    reading.advance(99)
    assert reading.talk_s == pytest.approx(7)
    reading.next_sentence()
    assert reading.script.words[reading.index].sentence == 1
    assert reading.lead_s == pytest.approx(reading.position_s - 7)


def test_back_goes_to_the_beginning_of_the_sentence_and_then_to_the_one_before(script: TimedScript) -> None:
    reading = begun(script)
    reading.next_sentence()
    reading.advance(3)
    start = next(word.start_s for word in script.words if word.sentence == 1)
    reading.back()
    assert reading.position_s == start
    reading.back()
    assert reading.position_s == 0
    reading.back()
    assert reading.position_s == 0


def test_a_faster_pace_covers_more_text_within_limits(script: TimedScript) -> None:
    reading = begun(script)
    reading.change_pace(30)
    reading.advance(10)
    assert reading.position_s == pytest.approx(12)
    for _ in range(50):
        reading.change_pace(5)
    assert reading.wpm == 200
    reading.change_pace(-999)
    assert reading.wpm == 100


def test_a_chapter_that_was_jumped_over_was_not_told(script: TimedScript) -> None:
    reading = begun(script)
    reading.advance(5)
    reading.go_to_passage(3)
    reading.advance(script.seconds_of(3) + 1)
    assert [time.chapter for time in reading.told()] == [script.passages[3].chapter]
    reading.go_to_passage(99)
    assert reading.passage == 4


def test_the_last_sentence_ends_the_walk(script: TimedScript) -> None:
    reading = begun(script)
    for _ in range(script.words[-1].sentence + 1):
        reading.advance(0.2)
        reading.next_sentence()
    assert reading.finished
    talk_s = reading.talk_s
    reading.advance(10)
    assert reading.talk_s == talk_s
    assert len(reading.told()) == len(script.passages)


moves = st.lists(
    st.one_of(st.floats(0, 30), st.sampled_from(["back", "next", "hold", "pause", "fast", "slow"]), st.integers(-2, 9)),
    max_size=40,
)
SMALL = timed(
    Walk("full", 120, tuple(Passage(n, f"C{n}", "One two three. Four 5.5 % six. Seven.", (), 12) for n in (1, 2, 3)))
)


@settings(max_examples=150, deadline=None)
@given(moves)
def test_whatever_is_pressed_the_clocks_stay_consistent(pressed: list[float | str | int]) -> None:
    reading = begun(SMALL)
    for move in pressed:
        match move:
            case float():
                reading.advance(move)
            case "back":
                reading.back()
            case "next":
                reading.next_sentence()
            case "hold":
                reading.held = not reading.held
            case "pause":
                reading.paused = not reading.paused
            case "fast" | "slow":
                reading.change_pace(15 if move == "fast" else -15)
            case int():
                reading.go_to_passage(move)
        assert 0 <= reading.position_s <= SMALL.seconds
        assert 0 <= reading.index < len(SMALL.words)
        assert sum(time.spoken_s for time in reading.told()) <= reading.talk_s + 1e-6
        assert reading.finished == (reading.position_s == SMALL.seconds)
