"""The page: what is remarkable, a matrix to scan, every refusal, and each model's figures; all from the records."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from throughline.formats import load_formats
from throughline.own_model.compatibility.remarkable import Records, attempts, remarkable
from throughline.own_model.record import ArtefactRecord, ExportRecord

HEAD = """# Compatibility

What happened when models that nobody here wrote were brought to every format with `throughline export`. Those of
`keras.applications` were trained for fifty steps on coloured patterns, since nothing is downloaded and a deep network
as it was drawn answers rounding more than pictures; the others are built of Keras' and PyTorch's own layers and have
their first weights. This page is written by `python -m throughline.own_model.compatibility --write
docs/compatibility.md` from the records in [compatibility/](compatibility/); no number in it is typed. The command
goes on where it stopped; a new record of one model needs `--only NAME --again`.
"""
KEY = """Each file was loaded alone, in a process without the framework it leaves behind, and answered the same {n_rows}
rows in batches of 1, 2 and {n_rows}. `=` identical, `≈` rounding, `16` explained by float16 weights, `b` by bfloat16
compute, `8` by int8; after a point, in how many rows another class is on top; `/1` for a file that takes one row at a
time; `–` was not tried, since to compile a deep network to machine code takes minutes. **failed** is explained under
[Failed](#failed), a number under [Not run, and why](#not-run-and-why)."""
SIGNS = {
    "identical": "=",
    "rounding": "≈",
    "explained (float16 weights)": "16",
    "explained (bfloat16 compute)": "b",
    "explained (int8)": "8",
}
FIGURES = "| format | bytes | export, s | difference | of the answer | tolerance | share | rows | flips | verdict |"
LEGEND = """`difference` is the largest between the file's answers and the source's own, `of the answer` the same as a
share of the row's largest number, `tolerance` what is allowed in the row that came closest to it, `share` how close.
`rows` are those that prove something: their tolerance is narrower than rows differ among themselves. Fewer than half
fail the file; where some are missing, its passing is the weaker by them. Seconds were taken while other work ran
beside."""


def compatibility_page(records: Records) -> str:
    """Return the page in Markdown.

    Parameters
    ----------
    records : mapping of str to ExportRecord
        By the model's name for people.
    """
    left_out = _reasons_of_columns(records)
    names = [name for name in load_formats() if name not in left_out and _any_of(records, name)]
    reasons: dict[str, int] = {}
    matrix = [f"| model | parameters | {' | '.join(names)} |", f"| --- | ---: |{' :-: |' * len(names)}"]
    for title, record in records.items():
        cells = [_cell(_of(record, name), reasons) for name in names]
        matrix.append(f"| [{title}](#{_anchor(title)}) | {record.n_parameters:,} | {' | '.join(cells)} |")
    first = next(iter(records.values()))
    parts = [HEAD, "\n".join(f"- {sentence}" for sentence in remarkable(records)), "## Matrix", "\n".join(matrix)]
    parts += [KEY.format(n_rows=first.n_rows), _left_out(left_out)]
    parts += ["## Failed", "\n".join(_failures(records)) or "Nothing."]
    parts += [
        "## Not run, and why",
        "\n".join(f"{number}. {reason}" for reason, number in reasons.items()) or "Nothing.",
    ]
    parts += ["## Model by model", LEGEND]
    for title, record in records.items():
        parts += [f"### {title}", _about(record), _figures(record)]
    versions = dict(item for record in records.values() for item in record.versions.items())
    parts += ["## Made with", ", ".join(f"{name} {version}" for name, version in versions.items()) + "."]
    return "\n\n".join(part.strip() for part in parts if part) + "\n"


def _of(record: ExportRecord, name: str) -> ArtefactRecord | None:
    return next((entry for entry in record.artefacts if entry.name == name), None)


def _any_of(records: Records, name: str) -> bool:
    return any(_of(record, name) for record in records.values())


def _reasons_of_columns(records: Records) -> dict[str, str]:
    """Return the formats that no model gets to, with the one reason that all of them share."""
    found: dict[str, str] = {}
    for name in load_formats():
        said = {(entry.status, entry.reason) for record in records.values() if (entry := _of(record, name))}
        if len(said) == 1 and len(records) > 1 and (only := next(iter(said)))[0] == "not_run":
            found[name] = only[1]
    return found


def _left_out(reasons: Mapping[str, str]) -> str:
    grouped: dict[str, list[str]] = {}
    for name, reason in reasons.items():
        grouped.setdefault(reason, []).append(name)
    return " ".join(f"No column for {', '.join(names)}: {reason}." for reason, names in grouped.items())


def _cell(entry: ArtefactRecord | None, reasons: dict[str, int]) -> str:
    if entry is None:
        return "–"
    if entry.status == "not_run":
        return str(reasons.setdefault(entry.reason, len(reasons) + 1))
    if entry.status == "failed":
        return "**failed**"
    flips = f" ·{entry.n_flips}" if entry.n_flips else ""
    return f"`{SIGNS.get(entry.verdict, entry.verdict)}`{_batch(entry)}{flips}"


def _batch(entry: ArtefactRecord) -> str:
    size = entry.facts.get("fixed_batch")
    return f" /{size}" if size else ""


def _failures(records: Records) -> Iterator[str]:
    for title, entry in attempts(records):
        if entry.status == "failed":
            flips = f" The class on top is another in {entry.n_flips} rows." if entry.n_flips else ""
            yield f"- {title}, {entry.title}: {entry.reason}{flips}"


def _anchor(title: str) -> str:
    return "-".join(title.lower().split())


def _about(record: ExportRecord) -> str:
    shapes = [
        ", ".join(f"{name} {shape}" for name, shape in ports.items()) for ports in (record.inputs, record.outputs)
    ]
    refused = "".join(
        f" It cannot answer {size} rows itself: {reason}." for size, reason in record.refused_batch_sizes.items()
    )
    return f"{shapes[0]} → {shapes[1]}; {record.n_parameters:,} numbers; {record.wall_s:,.0f} s in all.{refused}"


def _figures(record: ExportRecord) -> str:
    lines = [FIGURES, "| --- |" + " ---: |" * 8 + " --- |"]
    for entry in record.artefacts:
        worst = entry.worst
        size = f"| {entry.name}{_batch(entry)} | {entry.size_bytes:,} | {entry.export_s:.1f} |"
        if worst is not None:
            flips = "–" if entry.n_flips is None else str(entry.n_flips)
            verdict = "**failed**" if entry.status == "failed" else entry.verdict
            telling = "–" if worst.n_telling is None else f"{worst.n_telling} of {record.n_rows}"
            differences = f"{_short(worst.largest_difference)} | {_short(worst.relative_difference)}"
            lines.append(
                f"{size} {differences} | {worst.tolerance:.1e} | {worst.share_of_tolerance:.2g} | {telling} | {flips} "
                f"| {verdict} |"
            )
        elif entry.status == "failed":
            lines.append(f"{size} – | – | – | – | – | – | **failed** |")
    return "\n".join(lines)


def _short(difference: float) -> str:
    return f"{difference:.1e}" if difference else "0"
