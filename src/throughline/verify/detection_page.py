"""The detection matrix as a page: which check caught which fault in which format, and why some have none."""

from __future__ import annotations

from collections.abc import Iterable

from throughline.verify.self_test import SOUND, Cell, SelfTest, all_columns

HEAD = """# What the verifier catches

Written by `throughline verify --self-test --formats {asked} --write docs/detection.md` on {date}; nothing here is
typed. {left_out}A network {sizes} is trained, every fault is built into it or into its finished files by the real
exporters, and each file is judged on {n_rows:,} held-out rows as any other. A cell names the first check that failed;
it counts as caught only if that is the check named for the fault. *barred*: the exporter makes no such file. A number
in brackets: the fault cannot be in that format, for the reason below. `@keras` is the network of Keras where the format
has a route of its own from there; every other file of the other framework comes from the same exporter and the same
weights.

"""
WORDS = {"passed": "sound", "missed": "**MISSED**", "false alarm": "**FALSE ALARM**", "not_run": "not run"}
LONGEST_REFUSAL = 160


def detection_page(matrix: SelfTest) -> str:
    """Return the page in Markdown.

    Parameters
    ----------
    matrix : SelfTest
    """
    reasons: dict[str, int] = {}
    # Formats are the rows: there are more of them than a page is wide.
    faults = [fault for fault in matrix.faults if fault != SOUND]
    numbers = [str(number) for number in range(1, len(faults) + 1)]
    lines = [f"| format | sound file | {' | '.join(numbers)} |", f"| --- | --- |{' --- |' * len(faults)}"]
    for name in matrix.formats:
        cells = [_cell(matrix.cell(fault, name), reasons) for fault in (SOUND, *faults)]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    caught, missed = (sum(cell.outcome == outcome for cell in matrix.cells) for outcome in ("caught", "missed"))
    sound = [cell for cell in matrix.cells if cell.outcome in ("passed", "false alarm")]
    alarms = sum(cell.outcome == "false alarm" for cell in sound)
    summary = f"{caught} of {caught + missed} faults caught, {alarms} false alarms in {len(sound)} sound files."
    barred = [cell for cell in matrix.cells if cell.outcome == "refused"]
    packages = matrix.environment.packages
    names = ("tensorflow-cpu", "keras", "torch", "onnxruntime", "ai-edge-litert", "openvino", "executorch")
    known = all_columns()
    missing = [name for name in known if name not in matrix.formats]
    asked = "all" if not missing else ",".join(matrix.formats)
    left_out = f"Not asked for: {', '.join(missing)}. " if missing else ""
    parts = [
        HEAD.format(
            asked=asked,
            left_out=left_out,
            date=matrix.date,
            sizes="-".join(map(str, matrix.network)),
            n_rows=matrix.n_rows,
        )
        + "\n".join(lines),
        summary,
        "## The faults\n\n" + _numbered(faults),
    ]
    parts += ["## Where a fault cannot be\n\n" + _numbered(reasons)] if reasons else []
    parts += ["## Barred by the exporter\n\n" + _refusals(barred)] if barred else []
    parts += ["## Also seen by later checks\n\n" + _later(matrix, faults)]
    parts += [f"## Made with\n\n{', '.join(f'{name} {packages[name]}' for name in names if name in packages)}."]
    return "\n\n".join(parts) + "\n"


def _cell(cell: Cell, reasons: dict[str, int]) -> str:
    if cell.outcome == "none" or cell.outcome == "not_run":
        return f"[{reasons.setdefault(cell.said, len(reasons) + 1)}]"
    if cell.outcome == "refused":
        return "*barred*"
    return cell.check if cell.outcome == "caught" else WORDS[cell.outcome]


def _numbered(lines: Iterable[str]) -> str:
    return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, start=1))


def _refusals(barred: list[Cell]) -> str:
    by_reason: dict[tuple[str, str], list[str]] = {}
    for cell in barred:
        by_reason.setdefault((cell.fault, _cut(cell.said)), []).append(cell.format)
    return "\n".join(f"- {fault}, in {', '.join(names)}: {said}" for (fault, said), names in by_reason.items())


def _cut(said: str) -> str:
    line = " ".join(said.replace("<", "(").replace(">", ")").split())
    return line if len(line) <= LONGEST_REFUSAL else f"{line[: LONGEST_REFUSAL - 3]}..."


def _later(matrix: SelfTest, faults: list[str]) -> str:
    """Say which checks behind the first one failed as well, where they all did."""
    lines = ["The first check explains the others, which are made all the same where answers can be compared.", ""]
    for fault in faults:
        caught = [cell for cell in matrix.cells if cell.fault == fault and cell.outcome == "caught"]
        seen = {check: sum(check in cell.also for cell in caught) for cell in caught for check in cell.also}
        if seen:
            words = (f"{check} in {n} of {len(caught)} formats" for check, n in seen.items())
            lines.append(f"- {fault}: {', '.join(words)}")
    return "\n".join(lines)
