"""What the networks of a run answer, and what they are judged by, as one says it: classes, or amounts."""

from __future__ import annotations

import re
from collections.abc import Sequence

from throughline.claims.cited import is_cited, marked
from throughline.record import Interval, RunRecord
from throughline.report.spoken import amount, count_words, counted, decimal, percent, ratio, signed

LONGEST_NAME = 4  # words of a class
LOSS_DIGITS = 3
# "12" alone could be taken for a figure; of any other name with digits `claims.backing` knows that it is a name.
_LIKE_A_FIGURE = re.compile(r"[\d.]{1,3}")


def gives_amounts(record: RunRecord) -> bool:
    """Whether the networks answer with amounts."""
    return record.network.output == "linear"


def has_several(record: RunRecord) -> bool:
    """Whether there are more than two classes."""
    return record.network.output == "softmax"


def output_layer(record: RunRecord) -> str:
    """Say what the networks end in."""
    if has_several(record):
        return f"{counted(record.network.n_outputs, 'softmax unit')}, one for each class"
    return f"one {record.network.output} unit"


def answer_of(record: RunRecord, plural: bool = False) -> str:
    """Name what a network answers a row with."""
    one, many = ("amount", "amounts") if gives_amounts(record) else ("probability", "probabilities")
    return many if plural else one


def score_name(record: RunRecord) -> str:
    """Name what the networks are judged by: accuracy, or R²."""
    return "R²" if gives_amounts(record) else "accuracy"


def score(record: RunRecord, value: float, apart_from: Sequence[float] = ()) -> str:
    """Write an accuracy as a percentage, and R² as a number."""
    return signed(value, ratio, apart_from) if gives_amounts(record) else percent(value, apart_from)


def reaches(record: RunRecord, value: float) -> str:
    """Say a score behind "gets" or "reaches": "94.2 %", or "an R² of 0.31"."""
    return f"an R² of {score(record, value)}" if gives_amounts(record) else score(record, value)


def loss(record: RunRecord, value: float, apart_from: Sequence[float] = (), digits: int = LOSS_DIGITS) -> str:
    """Write a loss; where answers are amounts, it is in the target's unit, squared."""
    return amount(value, apart_from) if gives_amounts(record) else decimal(value, digits, apart_from)


def scores_on_test_rows(record: RunRecord) -> dict[str, Interval]:
    """Return what each network reached on the test rows, by framework; nothing where none was evaluated."""
    if record.evaluation is None:
        return {}
    found = {network.framework: network.accuracy for network in record.evaluation.networks}
    return found | {network.framework: network.r2 for network in record.evaluation.amounts}


def class_name(record: RunRecord, code: int) -> str:
    """Return "class" and the name of a class as they are said; a name too long for that is not said."""
    names = record.task.class_names
    name = " ".join(names[code].split())
    if not 0 < count_words(name) <= LONGEST_NAME:
        return "the last class" if code == len(names) - 1 else "one class"
    if name.lower().startswith("class "):
        return name
    cited = is_cited(names) and _LIKE_A_FIGURE.fullmatch(name)
    return f"class {marked(name, f'task.class_names[{code}]') if cited else name}"
