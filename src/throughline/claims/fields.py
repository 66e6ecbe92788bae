"""Read a field of a record by the name under which a text cites it.

A field is a path, ``keras.val_accuracy`` or ``formats[tflite-float16].size_bytes``, or a small sum over paths:
``+ - * /``, ``len``, ``sum``, ``min``, ``max``, ``abs``, ``ceil``, ``count(list, value)``
and ``distinct(value, value)``. An attribute of a list is the list of
that attribute. Nothing else is understood, and nothing is executed.
"""

from __future__ import annotations

import ast
import dataclasses
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

from throughline.claims.cited import named

_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: lambda a, b: a + b,
    ast.Sub: lambda a, b: a - b,
    ast.Mult: lambda a, b: a * b,
    ast.Div: lambda a, b: a / b,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": len,
    "sum": sum,
    "min": min,
    "max": max,
    "abs": abs,
    "ceil": math.ceil,
    "count": lambda items, value: sum(item == value for item in items),
    "distinct": lambda *items: len(set(items)),
}


class MissingFieldError(LookupError):
    """The record does not have this field, or nothing was measured for it."""


def read_field(data: Any, field: str) -> Any:
    """Return what stands in a field.

    Parameters
    ----------
    data : dataclass or mapping
        A record, or a document read from JSON.
    field : str

    Returns
    -------
    object
        Never None.

    Raises
    ------
    MissingFieldError
        If there is no such field, or it is None.

    Examples
    --------
    >>> read_field({"formats": [{"name": "a", "size": 3}, {"name": "b", "size": 4}]}, "formats[b].size / sum(formats.size)")
    0.5714285714285714
    """  # noqa: E501
    # What stands in brackets is a name or a place, whatever characters it has.
    quoted = re.sub(r"\[([^\[\]]+)\]", lambda found: f"[{_key(found[1])!r}]", field)
    try:
        found = _value(ast.parse(quoted, mode="eval").body, data)
    except (SyntaxError, LookupError, TypeError, ValueError, ZeroDivisionError) as error:
        raise MissingFieldError(field) from error
    if found is None:
        raise MissingFieldError(field)
    return found


def _key(text: str) -> int | str:
    return int(text) if re.fullmatch(r"-?\d+", text) else text


def _value(node: ast.expr, data: Any) -> Any:
    match node:
        case ast.Name(id=name):
            return _member(data, name)
        case ast.Attribute(value=inner, attr=name):
            return _member(_value(inner, data), name)
        case ast.Subscript(value=inner, slice=ast.Constant(value=int() | str() as key)):
            return _item(_value(inner, data), key)
        case ast.Subscript(value=inner, slice=ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() as key))):
            return _item(_value(inner, data), -key)
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_value(inner, data)
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _OPERATORS:
            return _OPERATORS[type(operator)](_value(left, data), _value(right, data))
        case ast.Call(func=ast.Name(id=name), args=arguments, keywords=[]) if name in _FUNCTIONS:
            return _FUNCTIONS[name](*(_value(argument, data) for argument in arguments))
    raise LookupError(ast.unparse(node))


def _member(data: Any, name: str) -> Any:
    if isinstance(data, list | tuple):
        return [_member(item, name) for item in data]
    if isinstance(data, Mapping):
        return data[name]
    known = dataclasses.is_dataclass(data) and (
        name in {part.name for part in dataclasses.fields(data)}
        or isinstance(getattr(type(data), name, None), property)
    )
    if not known:
        raise LookupError(name)
    return getattr(data, name)


def _item(data: Any, key: int | str) -> Any:
    if isinstance(key, int) or isinstance(data, Mapping):
        return data[key]
    for item in data:
        name = item.get("name") if isinstance(item, Mapping) else named(item)
        if name == key:
            return item
    raise LookupError(key)
