"""What a run shows in the terminal: live while it works, tables at the end."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from throughline.cli.display_table import table_lines
from throughline.cli.time_spent import longest_sentence, time_table
from throughline.progress import ChapterDone, ChapterStarted, Event, Stage, TableRead
from throughline.record import Bar, EquivalenceTest, Evaluation, FormatRecord, RunRecord
from throughline.score import ACCURACY, Score, score_of, scores_of
from throughline.spec import FRAMEWORK_TITLES

MET, MISSED = Text("✓", style="green"), Text("✗", style="bold red")


class RunDisplay:
    """Shows chapters as they end and processes while they work; a context manager.

    On a terminal the lower lines are live. Elsewhere, in a log for instance, each chapter is one line.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._lock = threading.Lock()
        self._stages: dict[str, tuple[str, float]] = {}
        self._chapter = ""
        self._spinner = Spinner("dots")
        self._live = Live(console=console, get_renderable=self._working, refresh_per_second=8, transient=True)

    def on_event(self, event: Event) -> None:
        """Take an event from any thread."""
        with self._lock:
            if isinstance(event, Stage):
                self._note_stage(event)
                return
            if isinstance(event, TableRead):
                self._console.print(table_lines(event.record))
                return
            self._chapter = f"{event.number} {event.title}" if isinstance(event, ChapterStarted) else ""
        if isinstance(event, ChapterDone):
            self._console.print(_chapter_lines(event))

    def _note_stage(self, stage: Stage) -> None:
        if not stage.text:
            self._stages.pop(stage.process, None)
            return
        since = self._stages.get(stage.process, ("", time.perf_counter()))[1]
        self._stages[stage.process] = (stage.text, since)

    def _working(self) -> RenderableType:
        with self._lock:
            rows = [(process, *entry) for process, entry in self._stages.items() if process != "run"]
            chapter = self._chapter
        table = Table.grid(padding=(0, 2))
        for process, text, since in rows:
            table.add_row("   ", Text(process, style="cyan"), f"{time.perf_counter() - since:5.1f} s", text)
        self._spinner.update(text=f" chapter {chapter}" if chapter else " …")
        return Group(self._spinner, table)

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._console.is_terminal:
            self._live.stop()


def print_summary(console: Console, record: RunRecord, folder: Path) -> None:
    """Print the table of the frameworks, the table of the formats, and where everything was written."""
    console.print()
    if record.trainings():
        console.print(_framework_table(record), "")
    if sentences := choice_sentences(record):
        console.print(*sentences, "", sep="\n")
    if record.evaluation and record.evaluation.equivalence:
        console.print(equivalence_sentence(record.evaluation.equivalence), "")
    if record.formats:
        console.print(_format_table(record.formats, score_of(record.task.kind)), "")
    if not all(entry.told for entry in record.formats):
        console.print(time_table(record), "")
    for entry in record.formats:
        if entry.status != "passed":
            style = "bold red" if entry.status == "failed" else "yellow"
            console.print(Text(f"{entry.title} {entry.status.replace('_', ' ')}: {entry.reason}", style=style))
    missed = [bar for bar in record.bars if not bar.met]
    n_met = len(record.bars) - len(missed)
    console.print(Text(f"{n_met} of {len(record.bars)} bars met", style="red" if missed else "green"), end="")
    console.print(f", {_proof_sentence(record.formats)}; {record.wall_s:.1f} s.")
    if record.table is not None and record.spans:
        console.print(Text(longest_sentence(record)))
    for name in ("report.html", "talking_points.md", "record.json", "models"):
        console.print(Text(f"  {folder / name}"), soft_wrap=True)


def _chapter_lines(event: ChapterDone) -> RenderableType:
    lines = [Text.assemble((f"{event.number} {event.title}", "bold"), (f"  {event.elapsed_s:.1f} s", "dim"))]
    lines += [Text.assemble("  ", MET if bar.met else MISSED, " ", bar_sentence(bar)) for bar in event.bars]
    return Group(*lines)


def bar_sentence(bar: Bar) -> str:
    """Say what was measured against what was asked.

    Examples
    --------
    >>> from throughline.record import make_bar
    >>> bar_sentence(make_bar(1, "perceptron test accuracy", 0.985, "above", 0.95))
    'perceptron test accuracy 98.5 % (above 95 %)'
    >>> bar_sentence(make_bar(3, "Keras validation R²", 0.4695, "above", 0, "ratio"))
    'Keras validation R² 0.469 (above 0)'
    """
    if bar.unit == "percent":
        return f"{bar.text} {100 * bar.measured:.1f} % ({bar.kind} {100 * bar.required:.4g} %)"
    if bar.unit == "ratio":
        return f"{bar.text} {bar.measured:.3f} ({bar.kind} {bar.required:g})"
    return f"{bar.text} {bar.measured:.1e} ({bar.kind} {bar.required:g})"


def equivalence_sentence(test: EquivalenceTest) -> str:
    """Say whether two frameworks are equally good over the seeds, and how sure that is.

    Examples
    --------
    >>> from throughline.record import EquivalenceTest
    >>> found = {"difference": -0.0021, "low": -0.0033, "high": -0.0009, "p_value": 4e-7, "equivalent": True}
    >>> test = EquivalenceTest(frameworks=("keras", "torch"), margin=0.01, n_seeds=10, **found)
    >>> for part in equivalence_sentence(test).split(": "):
    ...     print(part)
    Keras minus PyTorch over 10 seeds
    -0.21 points of accuracy (90 % interval -0.33 to -0.09), equivalent within 1 point
    """
    first, second = (FRAMEWORK_TITLES[name] for name in test.frameworks)
    verdict = "equivalent" if test.equivalent else "not shown to be equivalent"
    if test.metric == "accuracy":
        found = f"{100 * test.difference:+.2f} points of accuracy"
        interval, margin = f"{100 * test.low:+.2f} to {100 * test.high:+.2f}", f"{100 * test.margin:g} point"
    else:
        found, interval = f"{test.difference:+.3f} of {test.metric}", f"{test.low:+.3f} to {test.high:+.3f}"
        margin = f"{test.margin:g}"
    seeds = f"over {test.n_seeds} seeds"
    return f"{first} minus {second} {seeds}: {found} (90 % interval {interval}), {verdict} within {margin}"


def _written(value: float, score: Score) -> str:
    return f"{value:.1%}" if score.unit == "percent" else f"{value:.3f}"


def choice_sentences(record: RunRecord) -> list[str]:
    """Say what was chosen away from the usual: weights of rows and classes, scaling, thresholds."""
    sentences = []
    if record.train.class_weight is not None:
        weights = zip(record.task.class_names, record.train.class_weight, strict=True)
        said = ", ".join(f"{weight:.2f} for {name}" for name, weight in weights)
        sentences.append(f"Class weights in training: {said}.")
    if record.network.scaling == "robust":
        sentences.append("Scaled by median and interquartile range.")
    found = record.evaluation
    if found is not None and found.weighted_by:
        sentences.append(
            f"Losses and test figures are weighted by {found.weighted_by}; in validation accuracies, accuracies of "
            "files and McNemar's test every row counts once."
        )
    if found is not None and found.threshold_rule == "best":
        said = ", ".join(f"{network.framework} {_threshold(network)}" for network in found.networks)
        sentences.append(f"Thresholds with the highest F1 on the validation rows: {said}.")
    return sentences


def _threshold(network: Evaluation) -> str:
    plain = network.plain_accuracy or network.accuracy
    return f"{network.threshold:g} (at 0.5, every row counted once, {plain.value:.1%} of the test rows are right)"


def _framework_table(record: RunRecord) -> Table:
    score, scores = score_of(record.task.kind), scores_of(record.evaluation)
    columns = [f"val {score.short}", f"test {score.short}", "95 % interval"]
    networks = {network.framework: network for network in record.evaluation.networks} if record.evaluation else {}
    areas = ["ROC/PR AUC"] if networks else []
    table = _table("network", "epochs", "best", "fit s", "val loss", *columns, *areas)
    to = "–" if score == ACCURACY else " to "  # of numbers that may be below zero, a dash would be read as a minus
    for training in record.trainings():
        found = scores.get(training.framework)
        table.add_row(
            training.framework,
            str(len(training.losses)),
            str(training.best_epoch),
            f"{training.fit_s:.2f}",
            f"{training.val_loss:.4f}" if score == ACCURACY else f"{training.val_loss:.4g}",
            _written(training.val_accuracy, score),
            _written(found.value, score) if found else "–",
            f"{_written(found.low, score)}{to}{_written(found.high, score)}" if found else "–",
            *([_areas(networks.get(training.framework))] if areas else []),
        )
    return table


def _areas(network: Evaluation | None) -> str:
    return f"{network.roc_auc:.3f}/{network.average_precision:.3f}" if network else "–"


def _format_table(formats: list[FormatRecord], score: Score) -> Table:
    # Where one format comes from several frameworks, a column says which, and the verdict is cut to make room for it.
    beyond = not all(entry.told for entry in formats)
    origin = ["from"] if beyond else []
    flips = ["flips"] if score == ACCURACY else []  # an amount is no label
    columns = ["bytes", "differs", "allowed", *flips, score.short, "µs/row"]
    table = _table("format", *origin, *columns, "verdict")
    for entry in formats:
        names = [entry.title, entry.framework] if beyond else [entry.title]
        if entry.status == "not_run":
            table.add_row(*names, *["–"] * len(columns), "not run")
            continue
        if not entry.checks:  # it failed before it answered: zeros would look like measurements
            table.add_row(*names, f"{entry.size_bytes:,}", *["–"] * (len(columns) - 1), _failed(entry), style="red")
            continue
        verdict = entry.verdict.split(" ")[0] if beyond else entry.verdict
        table.add_row(
            *names,
            f"{entry.size_bytes:,}",
            f"{entry.largest_difference:.1e}",
            f"{entry.tolerance:.1e}",
            *([str(entry.n_flips)] if flips else []),
            _written(entry.test_accuracy, score),
            f"{entry.latency_us:.1f}",
            verdict if entry.status == "passed" else _failed(entry),
            style="" if entry.status == "passed" else "red",
        )
    return table


def _failed(entry: FormatRecord) -> str:
    """Say which check failed; records of before there were named checks have a verdict at most."""
    return f"FAILED {entry.failed_check or entry.verdict}".strip()


def _table(*columns: str) -> Table:
    # Eighty columns hold all of it when only the verdict may wrap.
    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        left = column in ("network", "format", "from", "verdict")
        table.add_column(column, justify="left" if left else "right", no_wrap=column != "verdict")
    return table


def _proof_sentence(formats: list[FormatRecord]) -> str:
    counts = {status: sum(entry.status == status for entry in formats) for status in ("passed", "failed", "not_run")}
    parts = [f"{counts['passed']} of {len(formats)} exported files proven"]
    parts += [f"{counts[key]} {key.replace('_', ' ')}" for key in ("failed", "not_run") if counts[key]]
    return ", ".join(parts)
