"""Numbers that know from which field of a record they come, and texts that remember it.

`cite` copies a record, and every number in the copy carries its field. Arithmetic keeps it: a size over a size comes
from ``formats[tflite-float16].size_bytes / formats[tflite-float32].size_bytes``. Where such a number is written into a
text, two characters that nobody sees enclose it; `marked_figures` finds them, `unmarked` takes them out. So a sentence
is bound to its fields by being written, and no template says a field twice.
"""

from __future__ import annotations

import dataclasses
import math
import re
from abc import abstractmethod
from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any, Self, TypeVar

_FIRST, _LAST, _CLOSE = 0xF0000, 0xFFFFD, "\U0010fffd"  # planes for private use: in no alphabet, no digit, no space
_MARKED = re.compile(f"([{chr(_FIRST)}-{chr(_LAST)}])([^{chr(_FIRST)}-{chr(_LAST)}{_CLOSE}]*){_CLOSE}")
_MARKS = re.compile(f"[{chr(_FIRST)}-{chr(_LAST)}{_CLOSE}]")
# What only pictures show, which is most of a record, and what is written to be typed.
_NOT_READ = {"picture", "roc", "precision_recall", "rounds", "arguments"}
_NOISE_DIGITS = 8  # rounding to so many decimals only takes the noise out of a product

_fields: list[str] = []
_places: dict[str, int] = {}
_short_names: dict[str, str] = {}  # what a property computes -> the property
Returned = TypeVar("Returned")


class Cited:
    """A number with the field that it comes from; see `CitedFloat` and `CitedInt`."""

    field: str

    @property
    @abstractmethod
    def plain(self) -> Any:
        """The number alone."""

    def __str__(self) -> str:
        return marked(str(self.plain), self.field)

    def __format__(self, spec: str) -> str:
        return marked(format(self.plain, spec), self.field)

    def __round__(self, digits: int | None = None) -> Any:
        rounded = round(self.plain) if digits is None else round(self.plain, digits)
        return cite(rounded, self.field) if digits is not None and digits >= _NOISE_DIGITS else rounded

    def __neg__(self) -> Any:
        return cite(-self.plain, f"-{_operand(self.field)}")

    def __abs__(self) -> Any:
        return cite(abs(self.plain), f"abs({self.field})")

    def __ceil__(self) -> Any:
        return cite(math.ceil(self.plain), f"ceil({self.field})")


class CitedFloat(Cited, float):  # type: ignore[misc]  # rounding keeps the field
    """A float with the field that it comes from."""

    def __new__(cls, value: float, field: str) -> Self:
        """Make a number of a value and its field."""
        number = super().__new__(cls, value)
        number.field = field
        return number

    @property
    def plain(self) -> float:
        """The number alone."""
        return float.__float__(self)


class CitedInt(Cited, int):  # type: ignore[misc]  # rounding keeps the field
    """A whole number with the field that it comes from."""

    def __new__(cls, value: int, field: str) -> Self:
        """Make a number of a value and its field."""
        number = super().__new__(cls, value)
        number.field = field
        return number

    @property
    def plain(self) -> int:
        """The number alone."""
        return int.__int__(self)


class CitedList(list[Any]):
    """A list with the field that it comes from."""

    field: str = ""


class CitedTuple(tuple[Any, ...]):
    """A tuple with the field that it comes from."""

    field: str = ""


def _operand(field: str) -> str:
    return f"({field})" if re.search(r" [-+*/] |^-", field) else field


def _derived(name: str, sign: str) -> None:
    """Give both classes an operator whose result names both of its operands."""

    def operate(left: Cited, right: Any) -> Any:
        if isinstance(right, bool) or not isinstance(right, int | float):
            return NotImplemented
        found = getattr(left.plain, name)(plain(right))
        if found is NotImplemented:  # an int leaves it to the float
            found = getattr(float(left.plain), name)(plain(right))
        return cite(found, f"{_operand(left.field)} {sign} {_operand(_written(right))}")

    def operate_from_right(right: Any, left: Any) -> Any:
        if isinstance(left, bool) or not isinstance(left, int | float):
            return NotImplemented
        if sign == "+" and left == 0:  # where `sum` begins
            return right
        found = getattr(float(left) if isinstance(right, float) else left, name)(right.plain)
        if found is NotImplemented:
            found = getattr(float(left), name)(right.plain)
        return cite(found, f"{_operand(_written(left))} {sign} {_operand(right.field)}")

    for kind in (CitedFloat, CitedInt):
        setattr(kind, name, operate)
        setattr(kind, name.replace("__", "__r", 1), operate_from_right)


def _written(number: Any) -> str:
    return number.field if isinstance(number, Cited) else repr(number)


for _name, _sign in (("__add__", "+"), ("__sub__", "-"), ("__mul__", "*"), ("__truediv__", "/")):
    _derived(_name, _sign)


def cite(value: Any, field: str = "") -> Any:
    """Return a copy in which every number carries its field.

    Parameters
    ----------
    value : dataclass, list, tuple, dict or number
    field : str
        Where `value` itself stands.

    Returns
    -------
    same type as `value`
        Numbers are still numbers: they compare and compute as before.

    Examples
    --------
    >>> from throughline.record import Interval
    >>> interval = cite(Interval(value=0.94, low=0.92, high=0.95), "evaluation.networks[keras].accuracy")
    >>> interval.low.field, (interval.high - interval.low) < 0.04
    ('evaluation.networks[keras].accuracy.low', True)
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, float):
        return CitedFloat(value, field)
    if isinstance(value, int):
        return CitedInt(value, field)
    if isinstance(value, list | tuple):
        items = [cite(item, f"{field}[{key}]") for key, item in zip(keys_of(value), value, strict=True)]
        many = CitedTuple(items) if isinstance(value, tuple) else CitedList(items)
        many.field = field
        return many
    if isinstance(value, dict):
        return {key: cite(item, f"{field}[{key}]") for key, item in value.items()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        inside = f"{field}." if field else ""
        found = {part.name: getattr(value, part.name) for part in dataclasses.fields(value)}
        cited = type(value)(
            **{name: item if name in _NOT_READ else cite(item, inside + name) for name, item in found.items()}
        )
        _name_properties(cited, inside)
        return cited
    return value


def _name_properties(cited: Any, inside: str) -> None:
    for name, member in vars(type(cited)).items():
        found = getattr(cited, name) if isinstance(member, property) else None
        # What a property only passes on has a name already, and in another record it may pass on something else.
        if isinstance(found, Cited) and re.search(r" [-+*/] |\(|^-", found.field):
            _short_names[found.field] = inside + name


def keys_of(items: Sequence[Any]) -> list[str]:
    """Return what to call the items by: their names where one alone has it, otherwise their places.

    Examples
    --------
    >>> from throughline.record import make_bar
    >>> keys_of([0.2, 0.4]), keys_of([make_bar(1, "accuracy", 0.9, "above", 0.8)])
    (['0', '1'], ['accuracy'])
    """
    names = [named(item) for item in items]
    return [name if name is not None and names.index(name) == place else str(place) for place, name in enumerate(names)]


def named(item: Any) -> str | None:
    """Return the name by which an item of a list is called, if it has one that fits into brackets."""
    name = getattr(item, "name", None) or getattr(item, "framework", None) or getattr(item, "text", None)
    fits = isinstance(name, str) and re.fullmatch(r"[\w .,'’()-]+", name) and not name.isdecimal()
    return name if fits and not hasattr(item, "start_s") else None


def plain(value: Any) -> Any:
    """Return a number without its field, and a list or tuple of such numbers; anything else as it is."""
    if isinstance(value, Cited):
        return value.plain
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


def length(items: Any) -> int:
    """Return the number of items, which for a list of the record is a figure of the record.

    Examples
    --------
    >>> length(cite([0.4, 0.3], "keras.losses")).field
    'len(keras.losses)'
    """
    return CitedInt(len(items), f"len({items.field})") if is_cited(items) else len(items)


def counted_from(items: Any, n: int, field: str) -> int:
    """Return a number that was counted in a list of a record; if the record is cited, with how to count it again.

    Examples
    --------
    >>> counted_from(cite([1, 1, 0], "flips"), 2, "count(flips, 1)").field
    'count(flips, 1)'
    >>> type(counted_from([1, 1, 0], 2, "count(flips, 1)")).__name__
    'int'
    """
    return CitedInt(n, field) if is_cited(items) else n


def is_cited(items: Any) -> bool:
    """Whether a list or a tuple belongs to a cited record."""
    return isinstance(items, CitedList | CitedTuple)


def says_its_field(write: Callable[..., str]) -> Callable[..., str]:
    """Let a function that writes a number mark the text with the field of its first argument."""

    @wraps(write)
    def writing(value: Any, *arguments: Any, **options: Any) -> str:
        text = write(plain(value), *map(plain, arguments), **{name: plain(option) for name, option in options.items()})
        return marked(text, value.field) if isinstance(value, Cited) else text

    return writing


def marked(text: str, field: str) -> str:
    """Enclose a figure in marks that stand for its field; a text without a figure is left alone."""
    if not any(character.isdigit() for character in text):
        return text
    field = _short_names.get(field, field)
    place = _places.setdefault(field, len(_fields))
    if place == len(_fields):
        _fields.append(field)
    return f"{chr(_FIRST + place)}{text}{_CLOSE}" if _FIRST + place <= _LAST else text


def unmarked(text: str) -> str:
    """Take all marks out of a text.

    Examples
    --------
    >>> unmarked(f"{cite(12, 'perceptron.n_mistakes')} mistakes")
    '12 mistakes'
    """
    return _MARKS.sub("", text)


def marked_figures(text: str) -> Iterator[tuple[str, str]]:
    """Yield each marked figure of a text with its field, in order.

    Examples
    --------
    >>> list(marked_figures(f"{cite(12, 'perceptron.n_mistakes')} mistakes"))
    [('12', 'perceptron.n_mistakes')]
    """
    for match in _MARKED.finditer(text):
        if (field := _field_of(match[1])) is not None:
            yield match[2], field


def replace_marks(text: str, write: Callable[[str, str], str]) -> str:
    """Replace each marked figure by ``write(figure, field)``, and take out marks that are left."""

    def replaced(match: re.Match[str]) -> str:
        field = _field_of(match[1])
        return match[2] if field is None else write(match[2], field)

    return unmarked(_MARKED.sub(replaced, text))


def _field_of(mark: str) -> str | None:
    place = ord(mark) - _FIRST
    return _fields[place] if place < len(_fields) else None
