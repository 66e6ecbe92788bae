"""An archive of `torch.export`, and what in it would be run as Python when PyTorch loads it.

`torch.export.load` unpickles objects that are no tensors, loads machine code of AOTInductor, hands the sizes of a graph
to ``sympy.sympify``, which evaluates them, and passes its guards to ``exec`` (torch 2.13). A file from elsewhere is
therefore read here first: sizes and guards may be arithmetic, and nothing else of these may be in it.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from throughline.errors import DataError, quoted

ALLOWED = "a program of tensors and operators alone"
PICKLED = ("custom_obj", "opaque_obj")
MACHINE_CODE = "data/aotinductor"
# What `sympy.srepr` and the printer of guards write, beside `torch.utils._sympy.functions`.
FUNCTIONS = frozenset(
    {"Symbol", "Integer", "Float", "Rational", "Add", "Mul", "Pow", "Max", "Min", "Abs", "And", "Or", "Not"}
    | {"Equality", "Unequality", "GreaterThan", "LessThan", "StrictGreaterThan", "StrictLessThan"}
    | {"Eq", "Ne", "Ge", "Gt", "Le", "Lt", "max", "min", "abs"}
)
METHODS = ("size", "ceil", "floor", "trunc", "sqrt")
PLAIN = (
    *(ast.Expression, ast.BoolOp, ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.Subscript, ast.Tuple),
    *(ast.Name, ast.Load, ast.keyword, ast.boolop, ast.operator, ast.unaryop, ast.cmpop),
)


def load_program(path: Path, trust: bool) -> Any:
    """Load the exported program.

    Parameters
    ----------
    path : Path
    trust : bool
        Whether what is in it may be run.

    Returns
    -------
    torch.export.ExportedProgram

    Raises
    ------
    DataError
        If it is not trusted and would run code, or does not hold one program.
    """
    import torch
    from torch.export.pt2_archive._package import load_pt2

    if trust:
        return torch.export.load(path)
    _refuse_code(path)
    programs = load_pt2(str(path)).exported_programs  # `torch.export.load` would try an older reader as well
    if len(programs) != 1:
        raise DataError("MODEL", "an archive with one program", f"{len(programs)} in it", "save one a file")
    return next(iter(programs.values()))


def _refuse_code(path: Path) -> None:
    import torch

    archive = torch._C.PyTorchFileReader(str(path))  # as PyTorch itself reads names, which zipfile may see otherwise
    for name in archive.get_all_records():
        lowered = name.lower()
        if any(word in lowered for word in PICKLED):
            raise DataError("MODEL", ALLOWED, "pickled objects in it", "add --trust to load them")
        if MACHINE_CODE in lowered:
            received = "machine code of AOTInductor in it"
            raise DataError("MODEL", ALLOWED, received, "export the program that it was compiled from")
        if "models/" in lowered:
            for text in _expressions(json.loads(archive.get_record(name))):
                if not is_arithmetic(text):
                    raise DataError("MODEL", ALLOWED, f"the size {quoted(text)}", "add --trust to have it evaluated")


def _expressions(entry: Any) -> Iterator[str]:
    """Yield whatever of a stored graph PyTorch evaluates."""
    if isinstance(entry, dict):
        for key, value in entry.items():
            if key == "expr_str":
                yield str(value)
            elif key == "guards_code":
                yield from (str(guard) for guard in value)
            else:
                yield from _expressions(value)
    elif isinstance(entry, list):
        for value in entry:
            yield from _expressions(value)


def is_arithmetic(text: str) -> bool:
    """Return whether an expression is sums, products and comparisons of numbers, symbols and sizes.

    Parameters
    ----------
    text : str

    Examples
    --------
    >>> is_arithmetic("FloorDiv(Symbol('s0', positive=True), 2)"), is_arithmetic("L['x'].size()[0] % 2 == 0")
    (True, True)
    >>> is_arithmetic("__import__('os').getpid()"), is_arithmetic("exec('s0')")
    (False, False)
    """
    from torch.utils._sympy import functions

    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    called = FUNCTIONS | set(functions.__all__)
    return all(_is_plain(node, called) for node in ast.walk(tree))


def _is_plain(node: ast.AST, called: frozenset[str]) -> bool:
    if isinstance(node, ast.Constant):
        # Names of symbols and inputs are words.
        return re.fullmatch(r"\w+", node.value) is not None if isinstance(node.value, str) else node.value is not ...
    if isinstance(node, ast.Call):
        by_name = isinstance(node.func, ast.Name) and node.func.id in called
        return by_name or isinstance(node.func, ast.Attribute)
    if isinstance(node, ast.Attribute):
        return node.attr in METHODS
    return isinstance(node, PLAIN)
