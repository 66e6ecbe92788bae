"""The teleprompter in a terminal."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.events import Resize
from textual.screen import ModalScreen
from textual.widgets import Static

from throughline.errors import ThroughlineError
from throughline.rehearse.drill import DrillScreen, Question
from throughline.rehearse.printed import heading
from throughline.rehearse.prompt import Prompt
from throughline.rehearse.reading import Reading
from throughline.rehearse.script import TimedScript
from throughline.rehearse.store import Store, Talk
from throughline.report.walks import clock

LEAST_COLUMNS, LEAST_ROWS = 40, 10
TICK_S = 0.1
PACE_STEP, WIDTH_STEP = 5, 4
ON_TIME_S = 2.0  # nearer to the plan than this is neither ahead nor behind
LABEL, FIGURE, AHEAD, BEHIND, MODE = "#93a0ad", "bold #ffffff", "#8fd694", "#ff9f80", "bold #ffc857"
HELP = """\
space      begin; hold the text while the clock goes on
p          pause text and clock
← →        sentence back, sentence on
↑ ↓        chapter before, chapter after
+ -        faster, slower
[ ]        shorter lines, longer lines
k          key points only
n          hide numbers until they were said
d          drill: a question, its answer, your grade
q          end and keep the times
?          close this list"""


class HelpScreen(ModalScreen[None]):
    """All keys."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("question_mark,escape,q,space", "app.pop_screen", "close")]
    CSS = """
    HelpScreen { align: center middle; }
    #help { width: auto; height: auto; padding: 1 3; background: #182028; color: #d5dce4; }
    """

    def compose(self) -> ComposeResult:
        """Show the list."""
        yield Static(HELP, id="help", markup=False)


class Teleprompter(App[None]):
    """A script that scrolls at pace, with clocks.

    Parameters
    ----------
    script : TimedScript
    questions : sequence of Question
        For the drill.
    store : Store
    run : str
        Name of the run, kept with the times.
    draw : random.Random, optional
    now : callable, optional
        A clock in seconds.
    drill : bool, optional
        Begin with the questions.

    Attributes
    ----------
    failure : ThroughlineError or None
        Why times or grades could not be kept; whoever ran the app raises it.
    """

    TITLE = "throughline rehearse"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space", "hold", "hold"),
        Binding("p", "pause", "pause"),
        Binding("left", "say_again", "back"),
        Binding("right", "on", "on"),
        Binding("up", "chapter(-1)", "chapter before"),
        Binding("down", "chapter(1)", "chapter after"),
        Binding("plus,equals_sign", f"pace({PACE_STEP})", "faster"),
        Binding("minus", f"pace(-{PACE_STEP})", "slower"),
        Binding("left_square_bracket", f"widen(-{WIDTH_STEP})", "shorter lines"),
        Binding("right_square_bracket", f"widen({WIDTH_STEP})", "longer lines"),
        Binding("k", "key_points", "key points only"),
        Binding("n", "numbers", "hide numbers"),
        Binding("d", "drill", "drill"),
        Binding("question_mark", "help", "keys"),
        Binding("q,ctrl+c,ctrl+q", "end", "end"),
    ]
    CSS = """
    Screen { background: #101418; layers: base top; }
    #clocks { height: 3; padding: 0 2; background: #182028; }
    #progress { height: 1; background: #101418; }
    #prompt { padding: 1 0 0 0; }
    #keys { height: 1; padding: 0 2; color: #93a0ad; background: #182028; }
    #small { display: none; width: 100%; height: 100%; content-align: center middle; layer: top; background: #101418; }
    .small #small { display: block; }
    """

    def __init__(
        self,
        script: TimedScript,
        questions: Sequence[Question],
        store: Store,
        run: str,
        draw: random.Random | None = None,
        now: Callable[[], float] = time.monotonic,
        drill: bool = False,
    ) -> None:
        super().__init__()
        self.reading = Reading(script)
        self.failure: ThroughlineError | None = None
        self._questions, self._store, self._run = questions, store, run
        self._draw, self._now, self._drill = draw or random.Random(), now, drill
        self._last, self._kept = now(), False
        self._shown: dict[str, str] = {}

    def compose(self) -> ComposeResult:
        """Lay out clocks, text and keys."""
        yield Static(id="clocks")
        yield Static(id="progress")
        yield Prompt(self.reading)
        yield Static("space hold  p pause  ←→ sentence  d drill  ? keys  q end", id="keys", markup=False)
        yield Static(f"Make the window at least {LEAST_COLUMNS} × {LEAST_ROWS}.", id="small", markup=False)

    def on_mount(self) -> None:
        """Start the clock that moves everything."""
        self.set_interval(TICK_S, self.tick)
        self._show()
        if self._drill:
            self.action_drill()

    def on_resize(self, event: Resize) -> None:
        """Say so where there is no room to read."""
        small = event.size.width < LEAST_COLUMNS or event.size.height < LEAST_ROWS
        self.screen_stack[0].set_class(small, "small")

    def tick(self) -> None:
        """Let the time pass that has passed; none does behind another screen or in a window that is too small."""
        now = self._now()
        seconds, self._last = now - self._last, now
        # While the app ends, widgets go before the timer does.
        if len(self.screen_stack) != 1 or self.screen.has_class("small") or not self.query("#clocks, #prompt"):
            return
        before = self.reading.finished
        self.reading.advance(seconds)
        if self.reading.finished and not before:
            self._keep_talk()
        self._show()

    def action_hold(self) -> None:
        """Begin, hold, go on."""
        if self.reading.paused:
            self.reading.paused, self.reading.held = False, False
        else:
            self.reading.held = not self.reading.held
        self._show()

    def action_pause(self) -> None:
        """Stop the clocks too, or let them go on."""
        self.reading.paused = not self.reading.paused
        self._show()

    def action_say_again(self) -> None:
        """Say a sentence again."""
        self.reading.back()
        self._show()

    def action_on(self) -> None:
        """Go on to the next sentence."""
        self.reading.next_sentence()
        if self.reading.finished:
            self._keep_talk()
        self._show()

    def action_chapter(self, step: int) -> None:
        """Go to the beginning of another chapter."""
        self.reading.go_to_passage(self.reading.passage + step)
        self._show()

    def action_pace(self, words: int) -> None:
        """Change the pace."""
        self.reading.change_pace(words)
        self._show()

    def action_widen(self, columns: int) -> None:
        """Change the length of lines."""
        self.query_one(Prompt).widen(columns)
        self._show()

    def action_key_points(self) -> None:
        """Show key points instead of the text, or the text again."""
        prompt = self.query_one(Prompt)
        prompt.key_points_only = not prompt.key_points_only
        self._show()

    def action_numbers(self) -> None:
        """Hide figures until they were said, or show them all."""
        prompt = self.query_one(Prompt)
        prompt.numbers_hidden = not prompt.numbers_hidden
        self._show()

    def action_drill(self) -> None:
        """Ask questions; the talk waits."""
        if self._questions:
            self.push_screen(DrillScreen(self._questions, self._cards, self._keep_answer, self._draw, self._now))

    def action_help(self) -> None:
        """List all keys."""
        self.push_screen(HelpScreen())

    def action_end(self) -> None:
        """Keep the times and leave."""
        self._keep_talk()
        self.exit()

    def _cards(self) -> dict[str, str]:
        try:
            return self._store.cards()
        except ThroughlineError as error:
            self._fail(error)
            return {}

    def _keep_answer(self, question: Question, seconds: float, grade: int) -> None:
        try:
            self._store.keep_answer(self._run, question.asked.key, question.chapter, seconds, grade)
        except ThroughlineError as error:
            self._fail(error)

    def _keep_talk(self) -> None:
        """Keep the times once, if anything was told to its end."""
        told = self.reading.told()
        if self._kept or not told:
            return
        self._kept = True
        script = self.reading.script
        planned_s = sum(time.planned_s for time in told)
        spoken_s = sum(time.spoken_s for time in told)
        talk = Talk(self._run, script.kind, script.wpm, planned_s, spoken_s, self.reading.finished, tuple(told))
        try:
            self._store.keep_talk(talk)
        except ThroughlineError as error:
            self._fail(error)

    def _fail(self, error: ThroughlineError) -> None:
        self.failure = error
        self.exit()

    def _show(self) -> None:
        """Draw again what has changed; ten times a second would be dear otherwise."""
        for name, content in (("#clocks", self._clocks()), ("#progress", self._progress())):
            if self._shown.get(name) != content.markup:
                self._shown[name] = content.markup
                self.query_one(name, Static).update(content, layout=False)
        self.query_one(Prompt).show()

    def _clocks(self) -> Content:
        reading, script = self.reading, self.reading.script
        passage = script.passages[reading.passage]
        place = f"{reading.passage + 1} of {len(script.passages)}" if len(script.passages) > 1 else "deep"
        first = Content.assemble(
            (heading(passage.chapter, passage.title), FIGURE), (f"   {place}   ", LABEL), (self._modes_on(), MODE)
        )
        second = Content.assemble(
            ("chapter ", LABEL),
            (f"{clock(reading.passage_s)} / {clock(script.seconds_of(reading.passage))}", FIGURE),
            ("   walk ", LABEL),
            (f"{clock(reading.talk_s)} / {clock(script.seconds)}", FIGURE),
            ("   ", LABEL),
            self._lead(),
        )
        return Content("\n").join([first, second, self._state()])

    def _lead(self) -> tuple[str, str]:
        lead_s = self.reading.lead_s
        if abs(lead_s) < ON_TIME_S:
            return "on time", AHEAD
        return f"{clock(abs(lead_s))} {'ahead' if lead_s > 0 else 'behind'}", AHEAD if lead_s > 0 else BEHIND

    def _modes_on(self) -> str:
        prompt = self.query_one(Prompt)
        modes = ["key points"] * prompt.key_points_only + ["numbers hidden"] * prompt.numbers_hidden
        return "  ".join(modes)

    def _state(self) -> Content:
        reading = self.reading
        pace = (f"{reading.wpm} words a minute   ", LABEL)
        if reading.finished:
            return Content.assemble(("done   ", AHEAD), ("q to end", LABEL))
        if reading.paused:
            return Content.assemble(pace, ("paused" if reading.talk_s else "space to begin", MODE))
        return Content.assemble(pace, ("held" if reading.held else "", MODE))

    def _progress(self) -> Content:
        """Draw where the text stands, one cell for a share of the walk, a gap at each chapter."""
        width = max(1, self.size.width)
        script = self.reading.script
        done = round(width * self.reading.position_s / script.seconds)
        gaps = {round(width * script.start_of(i) / script.seconds) for i in range(1, len(script.passages))}
        bar = ["╸" if i + 1 in gaps else "━" for i in range(width)]
        return Content.assemble(("".join(bar[:done]), "#ffc857"), ("".join(bar[done:]), "#3a4652"))
