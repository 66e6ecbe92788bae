"""A line of the script replaced, and the script run that comes out: the diff of a bug is what trained.

The text is compiled under a name of its own, and `linecache` knows its lines, so that an error inside it shows them.
"""

from __future__ import annotations

import difflib
import functools
import linecache
import sys
from importlib import resources
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from throughline.drill.bug import Bug

SCRIPT = "script.py"
N_CONTEXT_LINES = 2


@functools.cache
def sound_text() -> str:
    """Return the text of the script."""
    return resources.files("throughline.drill").joinpath(SCRIPT).read_text(encoding="utf-8")


def mutated_text(bug: Bug | None) -> str:
    """Return the text of the script with the bug's line in it, or as it is.

    Raises
    ------
    ValueError
        If the script does not have the line exactly once.
    """
    text = sound_text()
    if bug is None:
        return text
    lines = text.splitlines(keepends=True)
    places = [number for number, line in enumerate(lines) if line.strip() == bug.before]
    if len(places) != 1:
        raise ValueError(f"{SCRIPT} must have the line of '{bug.name}' once, but has it {len(places)} times.")
    line = lines[places[0]]
    indent = line[: len(line) - len(line.lstrip())]
    lines[places[0]] = f"{indent}{bug.after}\n" if bug.after else ""
    return "".join(lines)


@functools.cache
def load_script(bug: Bug | None) -> ModuleType:
    """Return the script as a module, with the bug in it if there is one."""
    name = f"throughline.drill.script_with_{bug.name if bug else 'nothing'}".replace("-", "_")
    text = mutated_text(bug)
    file_name = f"<{name}>"
    linecache.cache[file_name] = (len(text), None, text.splitlines(keepends=True), file_name)
    module = ModuleType(name)
    sys.modules[name] = module  # where its dataclasses look for their annotations
    exec(compile(text, file_name, "exec"), module.__dict__)
    return module


def diff(bug: Bug) -> str:
    """Return what the bug changes in the script, as a unified diff without the two lines that name the file."""
    sound, broken = sound_text().splitlines(), mutated_text(bug).splitlines()
    lines = list(difflib.unified_diff(sound, broken, lineterm="", n=N_CONTEXT_LINES))
    return "\n".join(lines[2:])
