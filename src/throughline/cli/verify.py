"""``throughline verify``: prove again what a run left or a bundle holds, and test the verifier itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from throughline.errors import UsageError, quoted

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from throughline.verify.record import Verification, VerifyRecord
    from throughline.verify.self_test import Cell, SelfTest

MOST_FLIPS_SHOWN = 5
MOST_COLUMNS = 6  # of the matrix, that fit beside the longest name of a fault
# Eleven columns beside the longest name of a format fit into eighty.
SHORT_CHECKS = {
    "names": "name",
    "dtypes": "type",
    "shapes": "shape",
    "weights": "wts",
    "values": "value",
    "labels": "label",
    "metric": "score",
    "batches": "batch",
    "hygiene": "tidy",
}


def verify(
    run: Annotated[
        Path | None,
        Parameter(name="RUN-OR-BUNDLE", help="Folder of a finished run or a bundle, or one artefact in it."),
    ] = None,
    /,
    *,
    rows: Annotated[Path | None, Parameter(help="Rows as .npz (X, y), .npy or .csv. Default: the run's own.")] = None,
    source: Annotated[
        bool, Parameter(negative="--no-source", help="Ask the source network in its framework, too. Default: yes.")
    ] = True,
    search: Annotated[float, Parameter(help="Seconds to search for the worst input. Default: 2; 0: not.")] = 2.0,
    self_test: Annotated[bool, Parameter(help="Build in faults and see which check catches each.")] = False,
    formats: Annotated[str, Parameter(help="With --self-test: names such as onnx-float32,c99, or all.")] = "",
    write: Annotated[Path | None, Parameter(help="With --self-test: write the matrix as a page in Markdown.")] = None,
    seed: Annotated[int, Parameter(help="With --self-test: seed of rows and network. Default: 0.")] = 0,
    json: Annotated[bool, Parameter(help="Print the record as JSON on standard output.")] = False,
) -> int:
    """Verify every artefact of a finished run or of a bundle, or one of them, against record or manifest.

    Each file is loaded alone in its own runtime. Checked in this order: the file's checksum, names, types, axes,
    shapes, the weights that it stores, values, labels, metric, independence of the batch, and whether it says anything
    of the machine that made it. What is expected is computed from the kept weights in NumPy; the held-out rows are made
    again. A bundle brings its rows and what they must give; all its checksums must be right before anything is opened.

    With --self-test, fifteen faults are built into sound files instead, to show that each is caught.

    For example:

        throughline verify runs/patients
        throughline verify runs/patients/models/torch/onnx-float32.onnx
        throughline verify runs/patients --rows patients.csv --json
        throughline verify send
        throughline verify --self-test
        throughline verify --self-test --formats onnx-int8,tflite-int8
        throughline verify --self-test --formats all --write docs/detection.md
    """
    from rich.console import Console

    console = Console(stderr=json, highlight=False, markup=False, emoji=False)
    if self_test:
        if run is not None or rows is not None:
            given = quoted(run if run is not None else rows)
            raise UsageError("RUN and --rows", "left out with --self-test", given, "choose one of the two")
        return _self_test(console, formats, seed, write, json)
    if run is None:
        allowed = "the folder of a run or a bundle, or an artefact in it"
        raise UsageError("RUN", allowed, "none", "pass one, or --self-test")
    if formats or seed or write:
        given = quoted(formats or seed or write)
        raise UsageError("--formats, --seed and --write", "left out without --self-test", given, "add --self-test")
    if not search >= 0:
        raise UsageError("--search", "seconds from 0", str(search), "pass 0 for no search")
    from throughline.bundle.verify import find_bundle, verify_bundle
    from throughline.verify.artefact import Search
    from throughline.verify.finished_run import VerifyRequest
    from throughline.verify.finished_run import verify as verify_run
    from throughline.verify.worst_case import MOST_ROWS

    most_rows = int(MOST_ROWS * max(1.0, search / 2)) if search else 0
    request = VerifyRequest(path=run, rows=rows, source=source, search=Search(most_rows=most_rows, longest_s=search))
    with console.status("verify") as status:
        verify_it = verify_run if find_bundle(run) is None else verify_bundle
        record = verify_it(request, lambda said: status.update(f"verify {said}"))
    _print(console, record)
    if json:
        print(record.to_json(), end="")
    return 0 if record.passed else 1


def _print(console: Console, record: VerifyRecord) -> None:
    from rich.text import Text

    from throughline.spec import FRAMEWORK_TITLES
    from throughline.verify.certificate import certificate_sentence

    console.print(f"{record.run}: {record.rows}")
    for check in record.whole:
        style = "bold red" if check.status == "failed" else ""
        beside = f" [{check.error}]" if check.error else ""
        console.print(Text(f"the bundle, {check.name}: {check.said}{beside}", style=style), soft_wrap=True)
    console.print(_check_table(record), "")
    console.print(_figure_table(record), "")
    for entry in record.artefacts:
        where = f"{entry.title} from {FRAMEWORK_TITLES.get(entry.framework, entry.framework)}"
        if entry.status == "not_run":
            console.print(Text(f"{where} not run: {entry.reason}", style="yellow"))
        for check in entry.failed:
            console.print(Text(f"{where}, {check.name}: {check.said} [{check.error}]", style="bold red"))
        if entry.status == "failed" and entry.layers_reason:
            console.print(f"  layer by layer: {entry.layers_reason}")
        for finding in entry.findings[1:]:
            console.print(f"  also a {finding.kind} in {finding.where}: {finding.what}")
        for flip in entry.flips[:MOST_FLIPS_SHOWN]:
            before, after = flip.classes
            console.print(
                f"  {where}, row {flip.row} flipped from class {before} to {after}: {flip.expected:.6f} to "
                f"{flip.answered:.6f}, margin {flip.margin:.1e}, allowed {flip.allowed:.1e}"
            )
        if len(entry.flips) > MOST_FLIPS_SHOWN:
            console.print(f"  and {len(entry.flips) - MOST_FLIPS_SHOWN} more; see --json")
    for reason in dict.fromkeys(record.left_out.values()):
        asked = ", ".join(name for name, because in record.left_out.items() if because == reason)
        console.print(Text(f"not run: {asked}: {reason}", style="yellow"))
    judged = [entry for entry in record.artefacts if entry.certificate is not None]
    if judged:
        widest = max(judged, key=lambda entry: entry.certificate.largest_difference if entry.certificate else 0.0)
        assert widest.certificate is not None  # it was chosen for it
        console.print(f"{widest.title}, the furthest away: {certificate_sentence(widest.certificate)}.")
    counts = {status: sum(e.status == status for e in record.artefacts) for status in ("passed", "failed", "not_run")}
    said = f"{counts['passed']} of {len(record.artefacts)} artefacts verified"
    console.print(Text(said, style="green" if record.passed else "bold red"), end="")
    beyond = "".join(f", {counts[key]} {key.replace('_', ' ')}" for key in ("failed", "not_run") if counts[key])
    console.print(f"{beyond}; {record.wall_s:.1f} s.")


def _check_table(record: VerifyRecord) -> Table:
    from throughline.record import CHECKS

    marks = {"passed": "✓", "failed": "✗", "not_run": "–"}
    table = _table("artefact", *(SHORT_CHECKS.get(name, name) for name in CHECKS))
    for entry in record.artefacts:
        by_name = {check.name: marks[check.status] for check in entry.checks}
        style = {"passed": "", "failed": "red", "not_run": "yellow"}[entry.status]
        table.add_row(_short(entry), *(by_name.get(name, "–") for name in CHECKS), style=style)
    return table


def _figure_table(record: VerifyRecord) -> Table:
    table = _table("artefact", "to NumPy", "to source", "allowed", "worst", "flips", "score", "verdict")
    for entry in record.artefacts:
        worst = entry.worst.difference if entry.worst else None
        table.add_row(
            _short(entry),
            _number(entry.implementation),
            _number(entry.conversion),
            _number(entry.tolerance or None),
            _number(worst),
            str(entry.certificate.n_flips) if entry.certificate else "–",
            _metric(entry),
            entry.verdict.split(" ")[0] or "–",
        )
    return table


def _metric(entry: Verification) -> str:
    """Return the accuracy, or the root mean square error of values."""
    if entry.error is not None:
        return f"{entry.error:.3g}"
    return "–" if entry.accuracy is None else f"{entry.accuracy:.1%}"


def _short(entry: Verification) -> str:
    return f"{entry.name} {entry.framework}"


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.1e}"


def _table(*columns: str) -> Table:
    from rich.table import Table

    table = Table(box=None, header_style="bold", pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        left = column in ("artefact", "fault", "verdict")
        table.add_column(column, justify="left" if left else "right", no_wrap=True)
    return table


def _self_test(console: Console, formats: str, seed: int, write: Path | None, json: bool) -> int:
    from throughline.output import write_whole
    from throughline.verify.detection_page import detection_page
    from throughline.verify.self_test import DEFAULT_FORMATS, all_columns, find_column, run_self_test

    if not 0 <= seed < 2**32:
        raise UsageError("--seed", "a whole number from 0 to 4294967295", str(seed), "pass for example --seed 7")
    if write is not None and not write.parent.is_dir():
        raise UsageError("--write", "a file in a folder that exists", quoted(write), "make the folder first")
    asked = tuple(dict.fromkeys(name.strip() for name in formats.split(",") if name.strip()))
    names = all_columns() if asked == ("all",) else asked or DEFAULT_FORMATS
    for name in names:
        find_column(name)  # raises
    with console.status("self-test") as status:
        matrix = run_self_test(names, seed, lambda said: status.update(said))
    _print_matrix(console, matrix)
    if write is not None:
        write_whole(write, detection_page(matrix))
    if json:
        print(matrix.to_json(), end="")
    return 0 if matrix.passed else 1


def _print_matrix(console: Console, matrix: SelfTest) -> None:
    from rich.text import Text

    numbered = list(enumerate(matrix.formats, start=1))
    for start in range(0, len(numbered), MOST_COLUMNS):
        part = numbered[start : start + MOST_COLUMNS]
        table = _table("fault", *(str(number) for number, _ in part))
        for fault in matrix.faults:
            table.add_row(fault, *(_mark(matrix.cell(fault, form)) for _, form in part))
        console.print(table, "")
    console.print(", ".join(f"{number} {name}" for number, name in enumerate(matrix.formats, start=1)), "")
    for cell in matrix.wrong:
        beside = f" (caught by '{cell.check}')" if cell.check else ""
        console.print(Text(f"{cell.fault} in {cell.format}: {cell.outcome}{beside}. {cell.said}", style="bold red"))
    for name in matrix.untested:
        console.print(Text(f"{name} is in none of these formats", style="yellow"))
    refused = {cell.fault: cell for cell in matrix.cells if cell.outcome == "refused"}
    for cell in refused.values():
        console.print(f"{cell.fault} in {cell.format} is barred, the exporter makes no such file: {cell.said}")
    caught, missed = (sum(cell.outcome == outcome for cell in matrix.cells) for outcome in ("caught", "missed"))
    sound = [cell for cell in matrix.cells if cell.outcome in ("passed", "false alarm")]
    n_alarms = sum(cell.outcome == "false alarm" for cell in sound)
    said = f"{caught} of {caught + missed} faults caught, {n_alarms} false alarms in {len(sound)} sound files"
    sizes = "-".join(map(str, matrix.network))
    console.print(Text(said, style="green" if matrix.passed else "bold red"), end="")
    console.print(f"; network {sizes}, {matrix.n_rows:,} rows, {matrix.wall_s:.1f} s.")


def _mark(cell: Cell) -> str:
    marks = {"passed": "sound", "refused": "barred", "none": "–", "not_run": "not run"}
    if cell.outcome in marks:
        return marks[cell.outcome]
    return cell.check if cell.outcome == "caught" else cell.outcome.upper()
