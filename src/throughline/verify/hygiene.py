"""What a deployed file should not carry: paths and names of the machine that made it, stack traces, code.

Every file of an artefact is read, and every member of those that are zip archives. Nothing is executed: pickles are
taken apart by the standard library's disassembler, which only says what they would import.
"""

from __future__ import annotations

import getpass
import pickletools
import re
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from throughline.formats.base import Format
from throughline.verify.record import Finding

# Folders in which people and their temporary files live; what follows must look like a name, so that chance in the
# bytes of weights does not.
LOCAL_PATH = re.compile(
    rb"(?:/(?:home|Users|root|tmp|var/folders|private/var|mnt|work|builds?)/[\w.@+-]{2,}/[\w.@+/-]{2,}"
    rb"|[A-Z]:\\{1,2}(?:Users|Documents and Settings)\\{1,2}[\w.@+ -]{2,}"
    rb"|[\w./-]*(?:site|dist)-packages/[\w./-]{2,})"
)
STACK_TRACE = re.compile(rb'Traceback \(most recent call last\)|File "[^"\x00-\x1f]{2,200}", line \d+')
# Names that say nothing about anyone, or are words of their own.
ANONYMOUS = {"root", "user", "users", "admin", "runner", "ubuntu", "jovyan", "nobody", "builder", "default", "model"}
SHORTEST_NAME = 4
# What the archives of PyTorch have to import to give their tensors back, and nothing beyond it.
HARMLESS_IMPORTS = re.compile(
    r"__torch__\.[\w.]+ \w+"
    r"|collections OrderedDict"
    r"|torch\._utils _rebuild_(?:tensor_v2|parameter)"
    r"|torch (?:\w+Storage|float32|float64|device|Size)"
    r"|torch\.jit\._pickle \w+"
    r"|torch\.storage \w+Storage"
)
LONGEST_QUOTE = 80


def scan(path: Path, form: Format | None = None, foreign_operators: list[str] | None = None) -> list[Finding]:
    """Read an artefact and return what should not be in it.

    Parameters
    ----------
    path : Path
        A file, or a folder with all files below it.
    form : Format, optional
        Says which parts must be there.
    foreign_operators : list of str, optional
        As the format's own `read_foreign_operators` found them.

    Returns
    -------
    list of Finding
        One of a kind for each place, the worst kinds first.
    """
    found = [
        Finding(kind="missing part", where=path.name, what=f"{part} is not there")
        for part in (form.parts if form else ())
        if not _has_part(path, part)
    ]
    found += [Finding(kind="foreign operator", where=path.name, what=name) for name in foreign_operators or []]
    contents = list(read_contents(path))
    for where, content in contents:
        found += _pickles(where, content)
    for where, content in contents:
        found += _words(where, content)
    return found


def read_contents(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each file, and of each member of those that are zip archives."""
    for file in [path] if path.is_file() else sorted(file for file in path.rglob("*") if file.is_file()):
        where = file.name if path.is_file() else file.relative_to(path).as_posix()
        if not zipfile.is_zipfile(file):
            yield where, file.read_bytes()
            continue
        # A damaged archive is for the check of the file to name.
        with suppress(zipfile.BadZipFile, OSError, EOFError), zipfile.ZipFile(file) as archive:
            yield from ((f"{where}:{name}", archive.read(name)) for name in archive.namelist())


def _has_part(path: Path, part: str) -> bool:
    if path.is_dir():
        return (path / part).is_file()
    try:
        with zipfile.ZipFile(path) as archive:
            return part in archive.namelist()
    except (zipfile.BadZipFile, OSError):
        return False


def _words(where: str, content: bytes) -> Iterator[Finding]:
    path = LOCAL_PATH.search(content)
    if path:
        yield Finding(kind="local path", where=where, what=_printable(path.group()))
    trace = STACK_TRACE.search(content)
    if trace:
        yield Finding(kind="stack trace", where=where, what=_printable(trace.group()))
    name = user_name()
    if name and re.search(rb"(?<![A-Za-z0-9])" + re.escape(name.encode()) + rb"(?![A-Za-z0-9])", content):
        yield Finding(kind="user name", where=where, what=name)


def user_name() -> str:
    """Return the name of who runs this, or an empty text if it names nobody."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may have a user without a name
        return ""
    return "" if name.lower() in ANONYMOUS or len(name) < SHORTEST_NAME else name


def _pickles(where: str, content: bytes) -> Iterator[Finding]:
    """Say what a pickle would import beyond tensors; every other file ends the disassembler at once."""
    if not where.endswith((".pkl", ".pickle", ".p", ".joblib")) and content[:1] != b"\x80":
        return
    strings: list[str] = []
    imports: list[str] = []
    try:
        for opcode, argument, _ in pickletools.genops(content):
            if opcode.name == "GLOBAL":
                imports.append(str(argument))
            elif opcode.name == "STACK_GLOBAL":
                imports.append(" ".join(strings[-2:]))
            elif isinstance(argument, str):
                strings.append(argument)
    except Exception:  # it says of what it cannot read whatever comes to it
        if not imports:
            return
    foreign = sorted({name for name in imports if not HARMLESS_IMPORTS.fullmatch(name)})
    if foreign:
        yield Finding(kind="pickle", where=where, what=f"imports {_printable(', '.join(foreign).encode())}")


def _printable(quote: bytes) -> str:
    text = "".join(c if c.isprintable() else "?" for c in quote.decode("utf-8", "replace"))
    return text if len(text) <= LONGEST_QUOTE else f"{text[: LONGEST_QUOTE - 3]}..."
