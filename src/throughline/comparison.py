"""Several runs side by side: their figures, bars and formats, and what was asked of them differently.

    Comparison
    ├── runs          names, in the order given; the first is the one that the others are held against
    ├── arguments     what was asked or was there differently: arguments, rows, network, versions
    ├── figures       each with its interval where the record has one
    ├── bars          what each chapter reached
    └── formats       every exported file

Two figures differ beyond their intervals if the intervals share no value. That is stricter than a test of their
difference: what is not marked may differ all the same, and a figure without an interval is never marked.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from throughline.errors import UsageError
from throughline.record import Bar, FormatRecord, Interval, RunRecord
from throughline.score import ACCURACY, score_of
from throughline.spec import FRAMEWORK_TITLES

Unit = Literal["percent", "points", "number", "ratio", "amount", "small", "count", "seconds", "bytes", "microseconds"]
# Scores of a network: where they stand, what they are called, how they are written.
SCORES: dict[str, tuple[str, Unit]] = {
    "roc_auc": ("ROC AUC", "number"),
    "average_precision": ("average precision", "number"),
    "log_loss": ("log loss", "number"),
    "brier": ("Brier score", "number"),
}
AMOUNT_SCORES: dict[str, tuple[str, Unit]] = {
    "r2": ("R²", "ratio"),
    "rmse": ("RMSE", "amount"),
    "mae": ("mean absolute error", "amount"),
    "bias": ("bias", "amount"),
}
PLACES = ("out", "name")  # arguments that say where to write


@dataclass(frozen=True, kw_only=True)
class Reading:
    """A figure of one run.

    Attributes
    ----------
    value : float
    low, high : float or None
        Its interval, if the record has one.
    beyond : bool
        Whether that interval shares no value with the first run's.
    """

    value: float
    low: float | None = None
    high: float | None = None
    beyond: bool = False


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure of all runs; None where a run does not have it."""

    title: str
    field: str
    unit: Unit
    readings: list[Reading | None]

    @property
    def beyond(self) -> bool:
        """Whether any run differs from the first beyond their intervals."""
        return any(reading.beyond for reading in self.readings if reading)


@dataclass(frozen=True, kw_only=True)
class BarRow:
    """A bar of all runs; None where a run does not have it."""

    chapter: int
    text: str
    bars: list[Bar | None]


@dataclass(frozen=True, kw_only=True)
class FormatRow:
    """A format of all runs; None where a run does not have it."""

    title: str
    framework: str
    entries: list[FormatRecord | None]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Something that was asked for, or was there, differently; "–" where a run has none."""

    name: str
    values: list[str]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """See the head of this module.

    Attributes
    ----------
    amounts : bool
        Whether the runs answer amounts; classes otherwise.
    same_test_rows : bool
        Whether all runs split the same rows in the same way.
    """

    runs: list[str]
    amounts: bool
    same_test_rows: bool
    arguments: list[Difference]
    figures: list[Figure]
    bars: list[BarRow]
    formats: list[FormatRow]

    def to_json(self) -> str:
        """Write the comparison as indented JSON."""
        return json.dumps(msgspec.to_builtins(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def compare_runs(records: Sequence[RunRecord]) -> Comparison:
    """Lay several runs side by side.

    Parameters
    ----------
    records : sequence of RunRecord
        Two or more; the first is the one that the others are held against.

    Returns
    -------
    Comparison

    Raises
    ------
    UsageError
        If there are fewer than two, or their tasks are not of one kind, so that they share no score.
    """
    if len(records) < 2:
        raise UsageError("RUN", "two or more folders of finished runs", str(len(records)), "add another")
    if len({record.task.kind for record in records}) > 1:
        received = ", ".join(
            f"{record.task.kind} in {name}" for name, record in zip(_names(records), records, strict=True)
        )
        raise UsageError("RUN", "runs on tasks of one kind", received, "compare each kind apart")
    return Comparison(
        runs=_names(records),
        amounts=score_of(records[0].task.kind) != ACCURACY,
        same_test_rows=len({record.split.sha256 for record in records}) == 1,
        arguments=[
            Difference(name=name, values=values)
            for name, values in _side_by_side([_asked(record) for record in records]).items()
            if len(set(values)) > 1
        ],
        figures=_figures(records),
        bars=[
            BarRow(chapter=chapter, text=text, bars=bars)
            for (chapter, text), bars in _matched(
                [{(bar.chapter, bar.text): bar for bar in record.bars} for record in records]
            )
        ],
        formats=[
            FormatRow(title=title, framework=framework, entries=entries)
            for (title, framework), entries in _matched(
                [{(entry.title, entry.framework): entry for entry in record.formats} for record in records]
            )
        ],
    )


def _names(records: Sequence[RunRecord]) -> list[str]:
    """Return the runs' names, numbered where two are called the same."""
    names = [record.name for record in records]
    return [f"{name} ({i})" if names.count(name) > 1 else name for i, name in enumerate(names, start=1)]


def _matched(columns: Sequence[dict[Any, Any]]) -> Iterator[tuple[Any, list[Any]]]:
    """Give each key of any column with its values in all of them, in the order in which keys first appear."""
    for key in dict.fromkeys(key for column in columns for key in column):
        yield key, [column.get(key) for column in columns]


def _side_by_side(columns: Sequence[dict[str, str]]) -> dict[str, list[str]]:
    return {name: ["–" if value is None else value for value in values] for name, values in _matched(columns)}


def _asked(record: RunRecord) -> dict[str, str]:
    """Return what was asked of a run and on what it ran, as text."""
    network, train = msgspec.to_builtins(record.network), msgspec.to_builtins(record.train)
    asked = {f"--{name.replace('_', '-')}": value for name, value in record.arguments.items() if name not in PLACES}
    asked["--seed"] = record.seed
    found = {name: _text(value) for name, value in asked.items() if value is not None}
    found |= {"task": record.task.name, "rows": record.split.sha256[:12]}
    columns = network.pop("columns")  # too long to be told; two that differ have different digests
    network["columns"] = f"{len(columns)}, {_digest(columns)}" if columns else "none"
    found |= {f"network.{name}": _text(value) for name, value in network.items()}
    found |= {f"train.{name}": _text(value) for name, value in train.items()}
    environment = record.environment
    found |= {"throughline": environment.throughline, "Python": environment.python, "system": environment.system}
    found |= {"machine": environment.machine, "cores": str(environment.n_cpus)}
    return found | dict(sorted(environment.packages.items()))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]


def _text(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _figures(records: Sequence[RunRecord]) -> list[Figure]:
    figures = []
    for (field, title, unit), readings in _matched([dict(_read(record)) for record in records]):
        marked = [reading and _marked(reading, readings[0]) for reading in readings]
        figures.append(Figure(title=title, field=field, unit=unit, readings=marked))
    return figures


def _marked(reading: Reading, first: Reading | None) -> Reading:
    if first is None or None in (reading.low, reading.high, first.low, first.high):
        return reading
    beyond = reading.low > first.high or reading.high < first.low  # type: ignore[operator]  # None was ruled out
    return Reading(value=reading.value, low=reading.low, high=reading.high, beyond=beyond)


def _read(record: RunRecord) -> Iterator[tuple[tuple[str, str, Unit], Reading]]:
    """Give the figures of a run by field, title and unit, in the order of the chapters."""
    if record.perceptron:
        found = record.perceptron
        yield ("perceptron.test_accuracy", "Perceptron, accuracy", "percent"), Reading(value=found.test_accuracy)
        yield ("perceptron.n_mistakes", "Perceptron, mistakes", "count"), Reading(value=found.n_mistakes)
        yield ("perceptron.novikoff_bound", "Novikoff’s bound", "count"), Reading(value=found.novikoff_bound)
    if record.mlp:
        error = Reading(value=record.mlp.gradient.largest_relative_error)
        yield ("mlp.gradient.largest_relative_error", "Gradient, relative error", "small"), error
    for network in record.evaluation.networks if record.evaluation else []:
        place, title = f"evaluation.networks[{network.framework}]", FRAMEWORK_TITLES[network.framework]
        yield (f"{place}.accuracy", f"{title}, accuracy", "percent"), _with_interval(network.accuracy)
        for score, (name, unit) in SCORES.items():
            value: float = getattr(network, score)
            interval = network.intervals.get(score)
            yield (
                (f"{place}.{score}", f"{title}, {name}", unit),
                (_with_interval(interval) if interval else Reading(value=value)),
            )
    for answered in record.evaluation.amounts if record.evaluation else []:
        framework = answered.framework
        for score, (name, unit) in AMOUNT_SCORES.items():
            title = f"{FRAMEWORK_TITLES[framework]}, {name}"
            yield (f"evaluation.amounts[{framework}].{score}", title, unit), _with_interval(getattr(answered, score))
    test = record.evaluation.equivalence if record.evaluation else None
    if test:
        first, second = (FRAMEWORK_TITLES[name] for name in test.frameworks)
        reading = Reading(value=test.difference, low=test.low, high=test.high)
        what, unit = ("points", "points") if test.metric == "accuracy" else (test.metric, "ratio")
        yield ("evaluation.equivalence", f"{first} minus {second}, {what}", unit), reading
    loss: Unit = "number" if score_of(record.task.kind) == ACCURACY else "amount"
    for training in record.trainings():
        title = FRAMEWORK_TITLES[training.framework]
        place = {"numpy": "mlp.training", "keras": "keras", "torch": "pytorch"}[training.framework]
        yield (f"{place}.val_loss", f"{title}, validation loss", loss), Reading(value=training.val_loss)
        yield (f"{place}.best_epoch", f"{title}, best epoch", "count"), Reading(value=training.best_epoch)
        yield (f"{place}.fit_s", f"{title}, training", "seconds"), Reading(value=training.fit_s)
    yield ("wall_s", "Whole run", "seconds"), Reading(value=record.wall_s)


def _with_interval(interval: Interval) -> Reading:
    return Reading(value=interval.value, low=interval.low, high=interval.high)


def format_columns(comparison: Comparison) -> dict[str, tuple[str, Unit, Callable[[FormatRecord], float]]]:
    """Return what is written of a format: by its title the field, the unit, and how to read it."""
    columns: dict[str, tuple[str, Unit, Callable[[FormatRecord], float]]] = {
        "size": ("size_bytes", "bytes", lambda entry: entry.size_bytes),
        "differs": ("largest_difference", "small", lambda entry: entry.largest_difference),
        "flips": ("n_flips", "count", lambda entry: entry.n_flips),
        "accuracy": ("test_accuracy", "percent", lambda entry: entry.test_accuracy),
        "R²": ("test_accuracy", "ratio", lambda entry: entry.test_accuracy),
        "one row": ("latency_us", "microseconds", lambda entry: entry.latency_us),
    }
    left_out = {"flips", "accuracy"} if comparison.amounts else {"R²"}
    return {title: column for title, column in columns.items() if title not in left_out}
