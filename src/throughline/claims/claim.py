"""A claim: a sentence with a number, the field that it cites, and what is said when the record contradicts it."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, get_args

from throughline.claims.cited import CitedFloat, CitedInt, cite, says_its_field, unmarked
from throughline.claims.fields import MissingFieldError, read_field
from throughline.record import RunRecord
from throughline.report.spoken import amount, decimal, duration, percent, small
from throughline.spec import TaskKind

if TYPE_CHECKING:
    from jinja2 import Environment, Template

Kind = Literal["above", "at least", "below", "at most", "from"]
Verdict = Literal["held", "contradicted", "missing"]
ALL_KINDS: tuple[TaskKind, ...] = get_args(TaskKind)
CLASSES: tuple[TaskKind, ...] = ("binary", "multiclass")
AMOUNTS: tuple[TaskKind, ...] = ("regression",)
ANY, BUILT_IN, OWN = "any", "built-in", "own"
_COMPARED: dict[str, Callable[[float, float, float], bool]] = {
    "above": lambda value, bar, _: value > bar,
    "at least": lambda value, bar, _: value >= bar,
    "below": lambda value, bar, _: value < bar,
    "at most": lambda value, bar, _: value <= bar,
    "from": lambda value, bar, upper: bar <= value <= upper,
}


@says_its_field
def _points(difference: float, apart_from: Sequence[float] = ()) -> str:
    text = decimal(round(100 * difference, 10), 2, [round(100 * other, 10) for other in apart_from])
    return f"{text} percentage point{'' if text == '1' else 's'}"


def _time(microseconds: float, _: Sequence[float] = ()) -> str:
    return re.sub(r"\b1 (\w+)s\b", r"1 \1", duration(microseconds))


@says_its_field
def _signed_ratio(value: float, apart_from: Sequence[float] = ()) -> str:
    return decimal(value, 2, apart_from).replace("-", "−")


# How a claim rounds; what comes second is never rounded across.
WRITERS: dict[str, Callable[[Any, Sequence[float]], str]] = {
    "percent": percent,
    "points": _points,
    "small": small,
    "ratio": lambda value, apart_from: decimal(value, 2, apart_from),
    "r2": _signed_ratio,
    "amount": amount,
    "count": lambda value, apart_from: decimal(value, 0, apart_from),
    "seconds": lambda value, apart_from: f"{decimal(value, 0, apart_from)} s",
    "microseconds": _time,
}


@dataclass(frozen=True, kw_only=True)
class Claim:
    """A sentence that a record holds up or contradicts.

    Attributes
    ----------
    name : str
    chapter : int
        1 to 7; 8 for the formats together, 0 for the run.
    kinds : tuple of {"binary", "multiclass", "regression"}
        Kinds of task that it is about; a network that answers with amounts has no labels that could change.
    rows : str
        For which rows it was promised: "any"; "built-in" for every built-in task, or the name of one; "own" for tables
        of one's own, of which nobody knows how well they can be told.
    field : str
        What it is about, as `claims.fields.read_field` reads it.
    kind : {"above", "at least", "below", "at most", "from"}
        How the field has to stand to the bar.
    bar : float or str
        A number that was promised, or another field.
    upper : float, optional
        With the kind "from": up to here.
    write : str
        The rounding, one of `WRITERS`.
    interval : str
        The field that has `low` and `high` for this one, if one has.
    held, contradicted : str
        Jinja templates. ``{{ value }}``, ``{{ bar }}``, ``{{ upper }}``, ``{{ low }}`` and ``{{ high }}`` are written
        with the claim's rounding; ``{{ field("NAME") }}`` is any other field, to be passed through one of `WRITERS`.
    """

    name: str
    chapter: int
    field: str
    kind: Kind
    bar: float | str
    upper: float | None = None
    write: str = "percent"
    interval: str = ""
    kinds: tuple[TaskKind, ...] = ALL_KINDS
    rows: str = ANY
    held: str
    contradicted: str

    def is_for(self, record: RunRecord) -> bool:
        """Whether it was made for runs like this one."""
        own = record.table is not None or record.arguments.get("data") is not None
        of_the_run = {ANY, OWN} if own else {ANY, BUILT_IN, record.task.name}
        return record.task.kind in self.kinds and self.rows in of_the_run


@dataclass(frozen=True, kw_only=True)
class ToldClaim:
    """A claim as a record leaves it.

    Attributes
    ----------
    claim : Claim
    verdict : {"held", "contradicted", "missing"}
    value, bar, upper, low, high : float or None
        As recorded.
    text : str
        The sentence; empty if the field is missing.
    shown_value, shown_bar, shown_interval : str
        As written; where the record was cited, their figures carry marks.
    """

    claim: Claim
    verdict: Verdict
    value: float | None = None
    bar: float | None = None
    upper: float | None = None
    low: float | None = None
    high: float | None = None
    text: str = ""
    shown_value: str = ""
    shown_bar: str = ""
    shown_interval: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain data, for JSON."""
        named = {"name": self.claim.name, "chapter": self.claim.chapter, "field": self.claim.field}
        bar = {"kind": self.claim.kind, "bar": self.bar, "upper": self.upper}
        interval = None if self.low is None else {"low": self.low, "high": self.high}
        text = {"text": unmarked(self.text), "shown": unmarked(self.shown_value)}
        return {**named, "value": self.value, "interval": interval, **bar, "verdict": self.verdict, **text}


def roots(record: RunRecord) -> dict[str, Any]:
    """Return what the first word of a field may be: parts of a record, the package's measurement of sizes, claims."""
    from throughline.claims.book import all_claims
    from throughline.sizes.record import load_measured

    parts = {part.name: getattr(record, part.name) for part in dataclasses.fields(record)}
    promised = {claim.name: {"bar": claim.bar, "upper": claim.upper} for claim in all_claims()}
    return {**parts, "sizes": load_measured(), "claims": promised}


def tell(claim: Claim, found: dict[str, Any], *, cited: bool = False) -> ToldClaim:
    """Hold a claim against a record.

    Parameters
    ----------
    claim : Claim
    found : dict
        What `roots` returned.
    cited : bool
        Whether the texts carry marks of their fields.

    Returns
    -------
    ToldClaim
    """

    def read(field: str) -> Any:
        value = read_field(found, field)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise MissingFieldError(field)
        return cite(value, field)

    def promised(name: str) -> Any:
        bar = getattr(claim, name)
        if isinstance(bar, str):
            return read(bar)
        kind = CitedInt if isinstance(bar, int) else CitedFloat
        return kind(bar, f"claims[{claim.name}].{name}")

    try:
        value, bar = read(claim.field), promised("bar")
        upper = promised("upper") if claim.upper is not None else None
        ends = [read(f"{claim.interval}.{end}") for end in ("low", "high")] if claim.interval else None
        verdict: Verdict = "held" if _COMPARED[claim.kind](value, bar, upper or 0.0) else "contradicted"
        shown = _written(claim, value, bar, upper, ends)
        text = _template(claim.held if verdict == "held" else claim.contradicted).render(**shown, field=read)
    except MissingFieldError:
        return ToldClaim(claim=claim, verdict="missing")
    told = ToldClaim(
        claim=claim,
        verdict=verdict,
        value=value.plain,
        bar=bar.plain,
        upper=None if upper is None else upper.plain,
        low=ends[0].plain if ends else None,
        high=ends[1].plain if ends else None,
        text=text,
        shown_value=shown["value"],
        shown_bar=f"from {shown['bar']} to {shown['upper']}"
        if claim.kind == "from"
        else f"{claim.kind} {shown['bar']}",
        shown_interval=f"{shown['low']} to {shown['high']}" if ends else "",
    )
    return told if cited else _without_marks(told)


def _written(claim: Claim, value: Any, bar: Any, upper: Any, ends: list[Any] | None) -> dict[str, str]:
    write = WRITERS[claim.write]
    bars = [bar] if upper is None else [bar, upper]
    # A bar that was promised is written as it was, however many decimals that takes.
    shown = {"value": write(value, bars), "bar": decimal(bar, 4) if claim.write == "ratio" else write(bar, [])}
    if upper is not None:
        shown["upper"] = write(upper, [])
    if ends:
        shown["low"], shown["high"] = (write(end, []) for end in ends)
    return shown


def _without_marks(told: ToldClaim) -> ToldClaim:
    return dataclasses.replace(
        told,
        text=unmarked(told.text),
        shown_value=unmarked(told.shown_value),
        shown_bar=unmarked(told.shown_bar),
        shown_interval=unmarked(told.shown_interval),
    )


@cache
def _template(text: str) -> Template:
    return _environment().from_string(text)


@cache
def _environment() -> Environment:
    from jinja2 import Environment, StrictUndefined

    environment = Environment(undefined=StrictUndefined, autoescape=False)  # a sentence; who lays it out escapes it
    environment.filters.update({name: lambda value, write=write: write(value, []) for name, write in WRITERS.items()})
    environment.filters["about"] = about
    return environment


@says_its_field
def about(value: float) -> str:
    """Write a large number with two digits that count.

    Examples
    --------
    >>> about(38_223)
    'about 38,000'
    """
    return f"about {decimal(float(f'{value:.1e}'), 0)}"


def tell_all(record: RunRecord, chapter: int | None = None, *, cited: bool = False) -> list[ToldClaim]:
    """Hold the claims that were made for runs like this one, all or those of a chapter, against its record.

    Parameters
    ----------
    record : RunRecord
    chapter : int, optional
    cited : bool
        Whether the texts carry marks of their fields, for a page that names them.

    Returns
    -------
    list of ToldClaim
        By chapter.
    """
    from throughline.claims.book import all_claims

    found = roots(record)
    made = (claim for claim in all_claims() if chapter in (None, claim.chapter) and claim.is_for(record))
    return [tell(claim, found, cited=cited) for claim in made]
