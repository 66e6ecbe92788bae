"""The teleprompter as a person uses it: keys pressed by Textual's pilot, on a clock that the test turns."""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from throughline.errors import OutputError
from throughline.record import RunRecord
from throughline.rehearse import store as store_module
from throughline.rehearse.app import HelpScreen, Teleprompter
from throughline.rehearse.drill import DrillScreen, Question, pick
from throughline.rehearse.history import read_history
from throughline.rehearse.prompt import Prompt
from throughline.rehearse.schedule import EASY, reviewed
from throughline.rehearse.script import TimedScript, timed
from throughline.rehearse.store import Store
from throughline.report.follow_ups import follow_ups
from throughline.report.walks import compose_walk

Act = Callable[["Stage"], Awaitable[None]]


class Stage:
    """An app under test, its pilot and its clock."""

    def __init__(self, app: Teleprompter, pilot: Pilot[None], turn: list[float]) -> None:
        self.app, self.pilot, self._turn = app, pilot, turn

    async def wait(self, seconds: float) -> None:
        self.app.tick()
        self._turn[0] += seconds
        self.app.tick()
        await self.pilot.pause()

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    @property
    def clocks(self) -> str:
        return str(self.app.screen_stack[0].query_one("#clocks", Static).content)

    @property
    def text(self) -> str:
        return self.app.screen_stack[0].query_one(Prompt).render().plain


@pytest.fixture
def questions(record: RunRecord) -> list[Question]:
    return [Question(3, "Keras", asked) for asked in follow_ups(record, 3)]


@pytest.fixture
def play(script: TimedScript, questions: list[Question], tmp_path: Path) -> Callable[..., Teleprompter]:
    def play(
        act: Act, size: tuple[int, int] = (80, 24), told: TimedScript = script, drill: bool = False
    ) -> Teleprompter:
        turn = [0.0]

        async def perform() -> Teleprompter:
            with Store(tmp_path / "rehearsals.sqlite3") as store:
                draw = random.Random(0)
                app = Teleprompter(told, questions, store, "a-run", draw, lambda: turn[0], drill=drill)
                async with app.run_test(size=size) as pilot:
                    await pilot.pause()
                    await act(Stage(app, pilot, turn))
            return app

        return asyncio.run(perform())

    return play


def test_space_begins_and_holds_and_p_pauses(play: Callable[..., Teleprompter]) -> None:
    async def act(stage: Stage) -> None:
        assert "space to begin" in stage.clocks
        await stage.wait(5)
        assert "walk 0:00" in stage.clocks
        await stage.press("space")
        await stage.wait(5)
        assert "walk 0:05" in stage.clocks
        assert "on time" in stage.clocks
        await stage.press("space")
        await stage.wait(6)
        assert "held" in stage.clocks
        assert "walk 0:11" in stage.clocks
        assert "0:06 behind" in stage.clocks
        await stage.press("p")
        await stage.wait(100)
        assert "paused" in stage.clocks
        assert "walk 0:11" in stage.clocks

    play(act)


def test_back_and_on_move_by_sentences_and_up_and_down_by_chapters(play: Callable[..., Teleprompter]) -> None:
    async def act(stage: Stage) -> None:
        reading = stage.app.reading
        await stage.press("space", "right")
        assert reading.script.words[reading.index].sentence == 1
        assert "ahead" in stage.clocks
        await stage.press("left")
        assert reading.index == 0
        await stage.press("down", "down")
        assert "3. Keras   3 of 8" in stage.clocks
        await stage.press("up")
        assert "2. Multi-layer perceptron   2 of 8" in stage.clocks
        await stage.press("plus", "plus", "minus")
        assert "155 words a minute" in stage.clocks

    play(act)


def test_figures_are_hidden_until_they_were_said(play: Callable[..., Teleprompter]) -> None:
    async def act(stage: Stage) -> None:
        script = stage.app.reading.script
        figure = next(i for i, word in enumerate(script.words) if word.is_number and len(word.text) > 2)
        text = script.words[figure].text
        await stage.press("space", "n")
        assert "numbers hidden" in stage.clocks
        await stage.wait(script.words[figure].start_s + 0.01)
        assert stage.app.reading.index == figure
        assert text not in stage.text
        await stage.wait(script.words[figure].end_s - script.words[figure].start_s)
        assert text in stage.text
        await stage.press("n")
        assert "▒" not in stage.text

    play(act)


def test_key_points_take_the_place_of_the_text(play: Callable[..., Teleprompter], script: TimedScript) -> None:
    async def act(stage: Stage) -> None:
        await stage.press("k")
        assert stage.text.count("•") == len(script.passages[0].key_points)
        await stage.press("down", "k")
        assert "•" not in stage.text
        assert script.passages[1].text.split(".")[0] in " ".join(stage.text.split())

    play(act, size=(100, 40))


def test_lines_can_be_made_shorter_and_longer(play: Callable[..., Teleprompter]) -> None:
    async def act(stage: Stage) -> None:
        def longest() -> int:
            return max(len(line.strip()) for line in stage.text.splitlines())

        usual = longest()
        await stage.press(*["left_square_bracket"] * 5)
        assert longest() <= usual - 15
        await stage.press(*["right_square_bracket"] * 15)
        assert longest() > usual
        assert longest() <= 100

    play(act, size=(120, 40))


def test_the_line_that_is_read_stays_in_sight(play: Callable[..., Teleprompter], script: TimedScript) -> None:
    async def act(stage: Stage) -> None:
        await stage.press("space")
        for _ in range(30):
            await stage.wait(script.seconds / 31)
            word = script.words[stage.app.reading.index]
            assert word.text in stage.text

    play(act, size=(60, 20))


def test_times_are_kept_once_the_walk_is_told(
    play: Callable[..., Teleprompter], record: RunRecord, tmp_path: Path
) -> None:
    quick = timed(compose_walk(record, "quick"))

    async def act(stage: Stage) -> None:
        await stage.press("space")
        await stage.wait(quick.seconds_of(0) + 1)
        await stage.press("space")
        await stage.wait(20)
        await stage.press("space")
        await stage.wait(quick.seconds)
        assert stage.app.reading.finished
        assert "0:20 behind" in stage.clocks
        assert "3. Keras ·" in stage.text
        await stage.press("q")

    app = play(act, told=quick)
    assert app.failure is None
    with Store(tmp_path / "rehearsals.sqlite3") as store:
        found = read_history(store)
        ((grade_of_first,), (grade_of_second,), *_) = store.rows("SELECT grade FROM chapters ORDER BY rowid")
    assert found.n_talks == 1
    assert [p.chapter for p in found.chapters if p.n_told] == [3, 4, 6, 7]
    assert found.chapters[3].best_off_s == pytest.approx(20, abs=0.5)
    assert (grade_of_first, grade_of_second) == (3, 1)


def test_one_who_ends_early_keeps_the_chapters_that_were_told(
    play: Callable[..., Teleprompter], script: TimedScript, tmp_path: Path
) -> None:
    async def act(stage: Stage) -> None:
        await stage.press("space")
        await stage.wait(script.seconds_of(0) + 3)
        await stage.press("q")

    play(act)
    with Store(tmp_path / "rehearsals.sqlite3") as store:
        assert store.rows("SELECT finished, walk, run FROM talks") == [(0, "full", "a-run")]
        assert store.rows("SELECT chapter FROM chapters") == [(1,)]


def test_one_who_tells_nothing_leaves_no_trace(play: Callable[..., Teleprompter], tmp_path: Path) -> None:
    async def act(stage: Stage) -> None:
        await stage.press("space", "q")

    play(act)
    with Store(tmp_path / "rehearsals.sqlite3") as store:
        assert store.rows("SELECT count(*) FROM talks") == [(0,)]


def test_a_drill_asks_reveals_grades_and_asks_again(
    play: Callable[..., Teleprompter], questions: list[Question], tmp_path: Path
) -> None:
    asked: list[str] = []

    async def act(stage: Stage) -> None:
        await stage.press("space")
        await stage.wait(3)
        await stage.press("d")
        screen = stage.app.screen
        assert isinstance(screen, DrillScreen)
        for grade in "1234":
            assert screen.question is not None
            asked.append(screen.question.asked.key)
            answer = screen.query_one("#answer", Static)
            assert str(answer.content) == "Answer aloud, then look."
            await stage.press("3")  # nothing can be graded unseen
            await stage.wait(8)
            await stage.press("space")
            assert str(answer.content) == screen.question.asked.answer
            await stage.press(grade)
        assert "walk 0:03" in stage.clocks  # the talk waits
        await stage.press("escape")
        assert not isinstance(stage.app.screen, DrillScreen)

    play(act)
    assert sorted(asked) == sorted(question.asked.key for question in questions)  # new ones come before the old
    with Store(tmp_path / "rehearsals.sqlite3") as store:
        kept = store.rows("SELECT question, chapter, seconds, grade FROM answers ORDER BY rowid")
    assert kept == [(key, 3, 8.0, grade) for key, grade in zip(asked, (1, 2, 3, 4), strict=True)]


def test_a_question_that_is_not_due_is_asked_only_when_no_other_is(questions: list[Question]) -> None:
    now = datetime.now(UTC)
    cards = {question.asked.key: reviewed(None, EASY, now) for question in questions[1:]}
    draw = random.Random(0)
    assert {pick(questions, cards, now, draw, None) for _ in range(20)} == {questions[0]}
    assert questions[0] not in {pick(questions, cards, now, draw, questions[0]) for _ in range(20)}
    assert pick(questions[:1], cards, now, draw, questions[0]) == questions[0]


def test_drill_can_be_what_it_begins_with(play: Callable[..., Teleprompter]) -> None:
    async def act(stage: Stage) -> None:
        assert isinstance(stage.app.screen, DrillScreen)

    play(act, drill=True)


def test_help_lists_the_keys_and_the_talk_waits(play: Callable[..., Teleprompter]) -> None:
    async def act(stage: Stage) -> None:
        await stage.press("space", "question_mark")
        assert isinstance(stage.app.screen, HelpScreen)
        await stage.wait(50)
        assert stage.app.reading.talk_s == 0
        await stage.press("escape")
        await stage.wait(2)
        assert stage.app.reading.talk_s == pytest.approx(2)

    play(act)


@pytest.mark.parametrize("size", [(39, 24), (80, 9), (5, 2)])
def test_a_window_that_is_too_small_says_so_and_time_waits(
    play: Callable[..., Teleprompter], size: tuple[int, int]
) -> None:
    async def act(stage: Stage) -> None:
        small = stage.app.query_one("#small", Static)
        await stage.press("space")
        await stage.wait(30)
        assert small.display
        assert "at least 40 × 10" in str(small.content)
        assert stage.app.reading.talk_s == 0
        await stage.pilot.resize_terminal(80, 24)
        await stage.pilot.pause()
        assert not small.display
        await stage.wait(4)
        assert stage.app.reading.talk_s == pytest.approx(4)

    play(act, size=size)


def test_a_database_that_another_process_holds_ends_it_with_a_sentence(
    play: Callable[..., Teleprompter], script: TimedScript, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "WAIT_S", 0.05)

    async def act(stage: Stage) -> None:
        other = sqlite3.connect(tmp_path / "rehearsals.sqlite3", isolation_level=None)
        other.execute("BEGIN EXCLUSIVE")
        await stage.press("space")
        await stage.wait(script.seconds_of(0) + 1)
        await stage.press("q")
        other.close()

    app = play(act)
    assert isinstance(app.failure, OutputError)
    assert "another process holds" in str(app.failure)


@pytest.mark.parametrize("size", [(60, 20), (120, 40)])
def test_what_is_drawn_fits_the_window(play: Callable[..., Teleprompter], size: tuple[int, int]) -> None:
    async def act(stage: Stage) -> None:
        for keys in (["space"], ["k"], ["k", "n"], ["down", "down"], ["d"], ["space"], ["escape", "question_mark"]):
            await stage.press(*keys)
            await stage.wait(9)
            for widget in stage.app.screen.query(Static):
                if widget.display and widget.id != "small":
                    lines = str(widget.content).splitlines()
                    room = max(1, widget.content_size.width)
                    needed = sum(-(-max(1, len(line)) // room) for line in lines)
                    assert needed <= max(widget.content_size.height, 1) + (widget.id in ("answer", "question"))
        assert all(len(line) <= size[0] for line in stage.text.splitlines())

    play(act, size=size)
