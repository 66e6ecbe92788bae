"""Write the figures of Markdown files anew from the fields that they cite: ``python -m throughline.claims.fill``.

A figure keeps its shape, that is its unit, its decimals and whether it is a word; only its value comes from the record.
With ``--run`` the default task is run first, and its record is kept.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

from throughline.claims.check import Sources
from throughline.claims.fields import MissingFieldError
from throughline.claims.figures import SCALES, UNITS, Figure, find_figures
from throughline.claims.passages import CITATIONS
from throughline.errors import DataError, ThroughlineError, quoted
from throughline.output import write_whole
from throughline.record import RunRecord, load_record
from throughline.report.spoken import SUPERSCRIPTS, say_whole


def fill(document: str, sources: Sources) -> str:
    """Return a Markdown text whose cited figures are those of their fields.

    Parameters
    ----------
    document : str
    sources : Sources

    Returns
    -------
    str

    Raises
    ------
    DataError
        If a field is missing, or a figure that a comment cites is not in the block above it.
    """
    written, end = "", 0
    for comment in CITATIONS.finditer(document):
        above = document[end : comment.start()]
        block = len(above.rstrip()) and above.rstrip().rfind("\n\n") + 1
        text, lines, at = above[block:], [], 0
        for line in filter(None, map(str.strip, comment[1].splitlines())):
            old, _, field = line.partition(" = ")
            new = _filled(old, field, sources)
            found = re.compile(rf"(?<![\w.,]){re.escape(old)}(?![\w]|[.,]\d)").search(text, at)
            if found is None:
                remedy = "write it there, or take it out of the comment"
                raise DataError("FILE", f"one that says {old} above its comment", quoted(text.strip()), remedy)
            text = text[: found.start()] + new + text[found.end() :]
            at = found.start() + len(new)
            lines.append(f"{new} = {field}\n")
        written += above[:block] + text + comment[0].replace(comment[1], "".join(lines))
        end = comment.end()
    return written + document[end:]


def _filled(old: str, field: str, sources: Sources) -> str:
    figures = list(find_figures(old))
    try:
        value = sources.read(field)
    except MissingFieldError as error:
        received = quoted(field)
        raise DataError("FIELD", "one that the record has", received, "see throughline claims RUN --json") from error
    if len(figures) != 1 or isinstance(value, bool) or not isinstance(value, int | float):
        raise DataError(
            "FILE", "one that cites a number for each figure", quoted(f"{old} = {field}"), "mend the comment"
        )
    return old.replace(figures[0].text, shaped_like(figures[0], value))


def shaped_like(figure: Figure, value: float) -> str:
    """Write a value as a figure is written.

    Examples
    --------
    >>> from throughline.claims.figures import find_figures
    >>> [shaped_like(next(find_figures(text)), 94.4) for text in ("nine seconds", "18.1 s", "2 minutes", "about 20 s")]
    ['ninety-four seconds', '94.4 s', '2 minutes', '90 s']
    """
    scaled = value / UNITS.get(figure.unit, 1.0)
    if figure.text[0].isalpha():
        number, unit = figure.text.rsplit(" ", 1)
        plain = number.split(" ")[-1] not in SCALES
        return f"{say_whole(round(scaled)) if plain else f'{scaled:,.0f}'} {unit}"
    if "10" in figure.text and (power := re.search(r"× 10[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+", figure.text)):
        decimals = len(figure.text[: power.start()].strip().partition(".")[2])
        mantissa, exponent = f"{scaled:.{decimals}e}".split("e")
        return f"{mantissa} × 10{str(int(exponent)).translate(SUPERSCRIPTS)}"
    digits = re.match(r"[−+-]?[\d,]*\d(?:\.\d+)?", figure.text)
    assert digits is not None  # every other figure begins so
    decimals = len(digits[0].partition(".")[2])
    return f"{round(scaled / figure.step) * figure.step:,.{decimals}f}".replace("-", "−") + figure.text[digits.end() :]


def main(arguments: list[str] | None = None) -> int:
    """Fill the files given; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m throughline.claims.fill", description="Fill in cited figures.")
    parser.add_argument("record", type=Path, help="record.json whose fields the files cite")
    parser.add_argument("files", nargs="+", type=Path, help="Markdown files")
    parser.add_argument("--run", action="store_true", help="run the default task first, and keep its record")
    given = parser.parse_args(arguments)
    try:
        if given.run:
            write_whole(given.record, _measured().to_json())
        record = load_record(given.record)
        for path in given.files:
            write_whole(path, fill(path.read_text(encoding="utf-8"), Sources(record, path.parent)))
    except ThroughlineError as error:
        print(f"throughline: {error}", file=sys.stderr)
        return error.exit_status
    return 0


def _measured() -> RunRecord:
    from throughline.run import RunRequest, run

    with tempfile.TemporaryDirectory() as folder:
        record, _ = run(RunRequest(out=Path(folder) / "readme"))
    return record


if __name__ == "__main__":
    sys.exit(main())
