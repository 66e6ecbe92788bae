"""The page: a matrix of models and formats, the differences, and every refusal in the exporter's own words."""

from __future__ import annotations

from collections.abc import Mapping

from throughline.formats import load_formats
from throughline.own_model.record import ArtefactRecord, ExportRecord

HEAD = """# Compatibility

What happened when models that nobody here wrote were brought to every format with `throughline export`. Weights are
random, because none are downloaded; architectures are those of `keras.applications` and of PyTorch's own layers. This
page is written by `python -m throughline.own_model.compatibility --write docs/compatibility.md` from the records in
[compatibility/](compatibility/); no number in it is typed.

Each artefact was loaded alone, in a process without the framework it leaves behind, and answered the same {n_rows} rows
in batches of 1, 2 and {n_rows}. A cell shows the largest difference from the source model's own answers, as a share of
the row's largest number, and the verdict: `=` identical, `≈` rounding, `16` explained by float16 weights, `8` explained
by int8. **failed** means that the difference, or the width of the tolerance, proves the file to be unfit; a number
refers to the refusals below.

"""
SIGNS = {"identical": "=", "rounding": "≈", "explained (float16 weights)": "16", "explained (int8)": "8"}


def compatibility_page(records: Mapping[str, ExportRecord]) -> str:
    """Return the page in Markdown.

    Parameters
    ----------
    records : mapping of str to ExportRecord
        By the model's name for people.
    """
    names = [name for name in load_formats() if any(_of(record, name) for record in records.values())]
    reasons: dict[str, int] = {}
    lines = [f"| model | parameters | {' | '.join(names)} |", f"| --- | ---: |{' --- |' * len(names)}"]
    for title, record in records.items():
        cells = [_cell(_of(record, name), reasons) for name in names]
        lines.append(f"| {title} | {record.n_parameters:,} | {' | '.join(cells)} |")
    counted = [entry for record in records.values() for entry in record.artefacts]
    counts = {status: sum(entry.status == status for entry in counted) for status in ("passed", "failed", "not_run")}
    first = next(iter(records.values()))
    summary = (
        f"{len(records)} models, {len(counted)} attempts: {counts['passed']} proven, {counts['failed']} failed, "
        f"{counts['not_run']} not run."
    )
    versions = ", ".join(f"{name} {version}" for name, version in first.versions.items())
    refusals = [f"{number}. {reason}" for reason, number in reasons.items()]
    failed = [
        f"- {title}, {entry.title}: {entry.reason}"
        for title, record in records.items()
        for entry in record.artefacts
        if entry.status == "failed"
    ]
    parts = [HEAD.format(n_rows=first.n_rows) + "\n".join(lines), summary]
    parts += ["## Failed\n\n" + "\n".join(failed)] if failed else []
    parts += ["## Not run, and why\n\n" + "\n".join(refusals)] if refusals else []
    parts += ["## Made with\n\n" + versions + "."]
    return "\n\n".join(parts) + "\n"


def _of(record: ExportRecord, name: str) -> ArtefactRecord | None:
    return next((entry for entry in record.artefacts if entry.name == name), None)


def _cell(entry: ArtefactRecord | None, reasons: dict[str, int]) -> str:
    if entry is None:
        return ""
    if entry.status == "not_run":
        return f"[{reasons.setdefault(entry.reason, len(reasons) + 1)}]"
    if entry.status == "failed":
        return "**failed**"
    largest = max((check.relative_difference for check in entry.outputs), default=0.0)
    sign = SIGNS.get(entry.verdict, entry.verdict)
    return sign if largest == 0 else f"{sign} {largest:.0e}"
