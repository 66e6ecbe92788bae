"""A person's own projects, tied to the chapters that they show: what ``resume.toml`` says.

    [[project]]
    name = "Fraud Radar"
    technology = "PyTorch and ONNX Runtime"
    result = "an answer takes 8 ms instead of 40"
    chapters = [4, 7]

What stands there is the person's own word; nothing of it is measured here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path

import msgspec

from throughline.errors import DataError, quoted
from throughline.report.phrases import Sentence
from throughline.report.spoken import count_words

PARAMETER = "--resume"
# Said together with ten words around them, a project takes a third of a slow minute at most.
MOST_WORDS = {"name": 6, "technology": 8, "result": 16}
# The first project of a chapter comes before any figure of the chapter; further ones wait until there is room.
FIRST, FURTHER = 40, 7


class Project(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A project of the person's own.

    Attributes
    ----------
    name, technology : str
        What it is called, and what it was made with, as said aloud.
    result : str
        What came of it, as a clause that can follow a colon.
    chapters : tuple of int
        The chapters in which it is told; 8 is why there are several formats.
    """

    name: str
    technology: str
    result: str
    chapters: tuple[int, ...]


class _Resume(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    project: tuple[Project, ...]


def load_resume(path: Path) -> tuple[Project, ...]:
    """Read the projects.

    Parameters
    ----------
    path : Path
        A TOML file with one ``[[project]]`` or more.

    Raises
    ------
    DataError
        If the file cannot be read, is not of that form, or holds what is too long to be said.
    """
    remedy = "give every [[project]] a name, a technology, a result and chapters such as [4, 7]"
    try:
        text = path.read_bytes().decode("utf-8")
        projects = msgspec.convert(tomllib.loads(text), type=_Resume).project
    except OSError as error:
        received = f"{quoted(path)} ({error.strerror})"
        raise DataError(PARAMETER, "a TOML file that can be read", received, "check its name") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError, msgspec.ValidationError, ValueError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise DataError(PARAMETER, "a TOML file of projects", f"{quoted(path)} ({reason})", remedy) from error
    for project in projects:
        _check(project)
    if not projects:
        raise DataError(PARAMETER, "a TOML file with at least one project", f"none in {quoted(path)}", remedy)
    return projects


def project_sentences(projects: Sequence[Project], chapter: int) -> list[Sentence]:
    """Return a sentence for each project that the chapter shows."""
    told = [project for project in projects if chapter in project.chapters]
    return [Sentence(_sentence(project), FURTHER if i else FIRST) for i, project in enumerate(told)]


def _sentence(project: Project) -> str:
    name, technology, result = (
        " ".join(part.split()).rstrip(".") for part in (project.name, project.technology, project.result)
    )
    return f"I used this in {name}, with {technology}: {result}."


def _check(project: Project) -> None:
    for part, most in MOST_WORDS.items():
        text = getattr(project, part)
        if not 1 <= count_words(text) <= most or not text.isprintable():
            allowed = f"a file whose projects have a {part} of 1 to {most} words as spoken, on one line"
            raise DataError(PARAMETER, allowed, quoted(text), "say it in fewer words" if text.strip() else "fill it in")
    unknown = sorted(set(project.chapters) - set(range(1, 9)))
    if unknown or not project.chapters:
        received = f"{', '.join(map(str, unknown)) or 'none'} for {quoted(project.name)}"
        allowed = "a file whose projects have chapters from 1 to 8"
        raise DataError(PARAMETER, allowed, received, "8 is why there are several formats")
