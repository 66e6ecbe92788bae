"""What the notebook shows besides pictures: the package's own code, sentences with measured figures, tables."""

from __future__ import annotations

import ast
import dataclasses
import importlib.util
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from IPython.display import DisplayHandle, Markdown, display

from throughline.claims.claim import ToldClaim, tell_all
from throughline.data.split import Split
from throughline.data.tasks import TASKS
from throughline.errors import ThroughlineError
from throughline.progress import ChapterDone, ChapterStarted, Event
from throughline.record import RunRecord
from throughline.report.formatting import amount, count, percent
from throughline.report.speaker import Speaker
from throughline.report.spoken import count_words
from throughline.report.talking_points import escape_markdown, talking_points
from throughline.weights import Array

CLOCKS = ("seconds", "microseconds")  # what a claim is written in that another build would measure anew
UNBROKEN = "\N{NO-BREAK SPACE}"
BEFORE_UNIT = re.compile(r" (?=[%×])|(?<=×) ")
VERDICTS = {"held": "held", "contradicted": "**contradicted**"}
CLOCK = re.compile(r"\b(?:micro|milli)?seconds?\b|\bminutes?\b")


def source(name: str, start: str = "", stop: str = "") -> None:
    """Show a piece of the package's code, docstrings left out.

    The file is read, not imported: the code of a framework is shown without loading the framework.

    Parameters
    ----------
    name : str
        Module below ``throughline`` and what to show of it, such as ``"scratch.mlp:MLP.forward"``.
    start, stop : str, optional
        Show from the first line that contains `start` to before the next one that contains `stop`.
    """
    module, _, path = name.partition(":")
    found = importlib.util.find_spec(f"throughline.{module}")
    if found is None or found.origin is None:
        raise ValueError(f"name must begin with a module of throughline, got {name!r}.")
    text = Path(found.origin).read_text(encoding="utf-8")
    lines = _without_docstrings(text, _find(ast.parse(text), path.split(".")))
    if start:
        lines = lines[next(i for i, line in enumerate(lines) if start in line) :]
    if stop:
        lines = lines[: next(i for i, line in enumerate(lines) if i and stop in line)]
    margin = min(len(line) - len(line.lstrip()) for line in lines if line)
    body = "\n".join(line[margin:] for line in lines).strip("\n")
    _markdown(f"```python\n# throughline/{module.replace('.', '/')}.py, {path}\n{body}\n```")


def say(text: str) -> None:
    """Show a paragraph of Markdown; its figures were put in by the cell."""
    _markdown(" ".join(text.split()))


def table(head: Sequence[str], rows: Iterable[Sequence[object]], left: int = 1, without: Sequence[str] = ()) -> None:
    """Show a table; the first `left` columns are set left, the others right.

    Parameters
    ----------
    head : sequence of str
        Column names.
    rows : iterable of sequence
        Cells, shown as str gives them.
    left : int
        Columns of words.
    without : sequence of str
        Columns to leave out, by their names.
    """
    rules = [":--" if i < left else "--:" for i in range(len(head))]
    lines = [head, rules, *([str(cell).replace("|", "\\|") for cell in row] for row in rows)]
    kept = [i for i, name in enumerate(head) if name not in without]
    _markdown("\n".join(f"| {' | '.join(line[i] for i in kept)} |" for line in lines))


def rows(record: RunRecord, split: Split) -> None:
    """Show what is asked of the run's rows, and how many there are of what in each part."""
    task, target = record.task, record.arguments.get("target")
    if target is None:
        say(f"**{task.name}**: {TASKS[task.name].__doc__}")
    else:
        asked = {
            "binary": f"is `{target}` " + " or ".join(f"`{name}`" for name in task.class_names),
            "multiclass": f"which of {count(len(task.class_names))} classes is `{target}`",
            "regression": f"how much is `{target}`",
        }
        say(f"**{task.name}**, from `{task.source}`: {asked[task.kind]}?")
    parts = {
        "training": (split.X_train, split.y_train),
        "validation": (split.X_val, split.y_val),
        "test": (split.X_test, split.y_test),
    }
    heads, read = _of_target(record)
    table(
        ("part", "rows", "features", *heads),
        [(name, count(len(X)), X.shape[1], *read(y)) for name, (X, y) in parts.items()],
    )


def _of_target(record: RunRecord) -> tuple[list[str], Callable[[Array], list[str]]]:
    """Return what is told of the target in each part, and how it is read from its values."""
    if record.task.kind == "regression":
        return ["mean of the target", "standard deviation"], lambda y: [amount(y.mean()), amount(y.std())]
    if record.task.kind == "multiclass":
        return ["share of the largest class"], lambda y: [percent(np.bincount(y).max() / len(y))]
    return [f"share of '{record.task.class_names[1]}'"], lambda y: [percent(y.mean())]


def run(record: RunRecord) -> None:
    """Show which finished run is told: its name, its date, and what came of its proofs."""
    n_passed = sum(entry.status == "passed" for entry in record.formats)
    proven = f"{count(n_passed)} of {count(len(record.formats))} exported files proven"
    say(f"The run **{escape_markdown(record.name)}** of {record.created[:10]}, seed {record.seed}: {proven}.")


def claims(record: RunRecord, chapter: int) -> list[ToldClaim]:
    """Show the claims of a chapter with value, bar and verdict.

    Left out are claims whose field the record does not have, and those that quote a clock.

    Parameters
    ----------
    record : RunRecord
    chapter : int
        1 to 7; 8 for the formats together, 0 for the run.

    Returns
    -------
    list of ToldClaim
        Those that are shown.

    Raises
    ------
    ThroughlineError
        If there is none, since nothing would have been held against the record.
    """
    told = [t for t in tell_all(record, chapter) if t.verdict != "missing" and t.claim.write not in CLOCKS]
    if not told:
        raise ThroughlineError(f"The record says nothing to the claims of chapter {chapter}.")
    rows = [
        (escape_markdown(t.text), *(BEFORE_UNIT.sub(UNBROKEN, s) for s in (t.shown_value, t.shown_bar)), t.verdict)
        for t in told
    ]
    table(("claim", "measured", "bar", "verdict"), [(*row, VERDICTS[verdict]) for *row, verdict in rows])
    return told


def talking_point(record: RunRecord, chapter: int) -> None:
    """Show the script of a chapter, and its key points; nothing where the record gives a chapter no script.

    Sentences that quote a clock are left out, since they would differ in every build of the notebook; the run's own
    ``talking_points.md`` has them.
    """
    point = next((point for point in talking_points(_without_flutter(record)) if point.chapter == chapter), None)
    if point is None:
        return
    script = " ".join(s for s in re.split(r"(?<=[.!?]) (?=[A-Z])", point.script) if not CLOCK.search(s))
    seconds = round(Speaker().seconds_for(count_words(script)))
    keys = "\n".join(f"> - {escape_markdown(key)}" for key in point.key_points if not CLOCK.search(key))
    head = f"> **Say it aloud: {escape_markdown(point.title)}** (about {seconds} s)"
    _markdown(f"{head}\n>\n> {escape_markdown(script)}\n>\n{keys}")


class Progress:
    """Listens to a run and shows one line for each chapter, in place."""

    def __init__(self) -> None:
        self._lines: dict[int, str] = {}
        self._handle: DisplayHandle | None = None

    def __call__(self, event: Event) -> None:
        """Take an event; what the single processes do is not shown."""
        if isinstance(event, ChapterStarted):
            self._lines[event.number] = f"{event.number}. {event.title} …"
        elif isinstance(event, ChapterDone):
            met = sum(bar.met for bar in event.bars)
            self._lines[event.number] = f"{event.number}. {event.title}: {met} of {len(event.bars)} bars met"
        else:
            return
        shown = Markdown("\n".join(self._lines.values()))  # type: ignore[no-untyped-call]  # IPython has no types here
        if self._handle is None:
            self._handle = display(shown, display_id="progress")  # type: ignore[no-untyped-call]
        else:
            self._handle.update(shown)  # type: ignore[no-untyped-call]


def _markdown(text: str) -> None:
    display(Markdown(text))  # type: ignore[no-untyped-call]  # IPython has no types here


def _without_flutter(record: RunRecord) -> RunRecord:
    """Steady what differs between two runs of the same seed, since the length of one sentence decides what others fit.

    Keras numbers its functions anew in every export, which moves the size of a SavedModel by some bytes.
    """
    formats = [
        dataclasses.replace(
            entry,
            size_bytes=round(entry.size_bytes, -3) if entry.name == "savedmodel" else entry.size_bytes,
            latency_us=float(place),  # not shown: sentences with clocks are left out
        )
        for place, entry in enumerate(record.formats, start=1)
    ]
    return dataclasses.replace(record, formats=formats)


def _find(tree: ast.AST, path: Sequence[str]) -> Any:
    for part in path:
        children = ast.iter_child_nodes(tree)
        tree = next(node for node in children if getattr(node, "name", _assigned(node)) == part)
    return tree


def _assigned(node: ast.AST) -> str | None:
    target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
    return target.id if isinstance(target, ast.Name) else None


def _without_docstrings(text: str, node: Any) -> list[str]:
    dropped: set[int] = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(inner) and len(inner.body) > 1:
            first = inner.body[0]
            dropped |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
            following = (first.end_lineno or first.lineno) + 1
            if not text.splitlines()[following - 1].strip():
                dropped.add(following)
    first_line = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
    numbered = list(enumerate(text.splitlines(), start=1))[first_line - 1 : node.end_lineno]
    return [line.rstrip() for number, line in numbered if number not in dropped]
