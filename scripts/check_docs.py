"""Check that the documents still fit the project. Started by `make check`.

- every relative link in a Markdown file leads to a file, and its #part to a heading;
- every `make NAME` that a document tells the reader to type is in the Makefile;
- CHANGELOG.md knows the package's version, or has its changes under Unreleased.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SKIPPED = {".venv", "runs", "build", "dist", "node_modules"}


def documents() -> list[Path]:
    """Return every Markdown file of the project."""
    found = [path for path in ROOT.rglob("*.md") if not SKIPPED.intersection(path.relative_to(ROOT).parts)]
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(ROOT).parts[:-1]))


def prose(path: Path) -> str:
    """Return a document without its fenced blocks."""
    return re.sub(r"^(```|~~~).*?^\1", "", path.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """Return the #parts that a code host gives a document's headings."""
    headings = re.findall(r"^#+ +(.*?) *$", prose(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(path: Path) -> Iterator[str]:
    """Tell which relative links of a document lead nowhere."""
    text = re.sub(r"`[^`\n]*`", "", prose(path))
    for target in re.findall(r"\]\(<?([^)\s>]+)>?[^)]*\)", text):
        if re.match(r"[a-z][a-z0-9+.-]*:", target):
            continue
        name, _, part = target.partition("#")
        to = (path.parent / name).resolve() if name else path
        if not to.exists():
            yield f"links to {target}, which does not exist"
        elif part and to.suffix == ".md" and part not in anchors(to):
            yield f"links to {target}, and {to.name} has no such heading"


def unknown_recipes(path: Path, recipes: set[str]) -> Iterator[str]:
    """Tell which `make NAME` of a document the Makefile does not have."""
    text = path.read_text(encoding="utf-8")
    typed = re.findall(r"(?:`|^ *\$? *)make ([a-z][\w-]*)", text, re.MULTILINE)
    for name in sorted(set(typed) - recipes):
        yield f"tells the reader to type `make {name}`, which the Makefile does not have"


def changelog_problems() -> Iterator[str]:
    """Tell whether the changelog has lost the package's version."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    source = (ROOT / project["tool"]["hatch"]["version"]["path"]).read_text(encoding="utf-8")
    version = re.search(r"__version__ = \"(.+?)\"", source)
    headings = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    if version is None or not {version.group(1), "Unreleased"}.intersection(headings):
        yield f"has headings for {', '.join(headings)}: neither the package's version nor Unreleased"


def main() -> int:
    """Print every problem, and return 1 if there is one."""
    recipes = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    problems = [(ROOT / "CHANGELOG.md", problem) for problem in changelog_problems()]
    for path in documents():
        problems += [(path, problem) for problem in (*broken_links(path), *unknown_recipes(path, recipes))]
    for path, problem in problems:
        print(f"{path.relative_to(ROOT)}: {problem}")
    print(f"{len(documents())} documents, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
