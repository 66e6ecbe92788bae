"""Fill ``docs/compatibility.md``: ``python -m throughline.own_model.compatibility --write docs/compatibility.md``.

A model at a time; what is done already lies in ``docs/compatibility/NAME.json`` and is not done again.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from throughline.errors import ThroughlineError
from throughline.output import write_whole
from throughline.own_model.compatibility.models import MODELS, Model
from throughline.own_model.compatibility.page import compatibility_page
from throughline.own_model.export import export_model
from throughline.own_model.opened import ENVIRONMENT, PRELOAD
from throughline.own_model.record import ExportRecord, read_record
from throughline.processes import Child
from throughline.progress import Event, Stage


def main(arguments: list[str] | None = None) -> int:
    """Export each model that is not done, and write the page from all that are."""
    parser = argparse.ArgumentParser(prog="python -m throughline.own_model.compatibility", description=__doc__)
    parser.add_argument("--write", type=Path, default=Path("docs/compatibility.md"), help="the page")
    parser.add_argument("--only", default="", help="names of models, separated by commas")
    parser.add_argument("--again", action="store_true", help="do also what is done")
    parser.add_argument("--to", default="all", help="formats, as for throughline export")
    chosen = parser.parse_args(arguments)
    records_folder: Path = chosen.write.with_suffix("")
    records_folder.mkdir(parents=True, exist_ok=True)
    names = [name.strip() for name in chosen.only.split(",") if name.strip()] or list(MODELS)
    unknown = [name for name in names if name not in MODELS]
    if unknown:
        parser.error(f"--only must be names out of {', '.join(MODELS)}, but got '{unknown[0]}'; choose some of these")
    failed = False
    for number, name in enumerate(names, start=1):
        path = _record_path(records_folder, name)
        if path.exists() and not chosen.again:
            continue
        print(f"{number} of {len(names)}: {name}", file=sys.stderr, flush=True)
        try:
            record = measure(MODELS[name], chosen.to)
        except ThroughlineError as error:
            print(f"{name}: {error}", file=sys.stderr)
            failed = True
            continue
        write_whole(path, record.to_json())
        _write_page(chosen.write, records_folder)
    _write_page(chosen.write, records_folder)
    return int(failed)


def measure(model: Model, to: str = "all") -> ExportRecord:
    """Export one model to all formats in a folder that is thrown away; return the record."""
    with tempfile.TemporaryDirectory(prefix="throughline-compatibility-") as folder:
        work = Path(folder)
        sample = work / "rows.npz"
        np.savez(sample, **model.rows(np.random.default_rng(1)))  # type: ignore[arg-type]  # numpy/numpy#29226
        given = str(_trained(model, work)) if model.trained else model.factory
        record, _ = export_model(given, sample, to, None, work / "out", False, _Shown())
    return record


def _trained(model: Model, work: Path) -> Path:
    """Train in a process of TensorFlow's own and return the file."""
    path = work / f"{model.name}.keras"
    show = _Shown()
    show(Stage(model.name, "train"))
    with Child("train", preload=PRELOAD["keras"], log=work / "train.log", environment=ENVIRONMENT["keras"]) as child:
        accuracy = child.call(
            "throughline.own_model.compatibility.keras_architectures:save_application",
            {"name": model.name, "path": str(path)},
        )
    show(Stage(model.name, f"{accuracy:.0%} of the training pictures are told right"))
    return path


class _Shown:
    """Prints a line for each stage, with the seconds since the first."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    def __call__(self, event: Event) -> None:
        if isinstance(event, Stage) and event.text:
            elapsed = time.perf_counter() - self._started
            print(f"  {elapsed:6.1f} s  {event.process}: {event.text}", file=sys.stderr, flush=True)


def _record_path(folder: Path, name: str) -> Path:
    return folder / ("-".join(name.lower().split()) + ".json")


def _write_page(page: Path, folder: Path) -> None:
    records = {name: read_record(path.read_bytes()) for name in MODELS if (path := _record_path(folder, name)).exists()}
    if records:
        write_whole(page, compatibility_page(records))


if __name__ == "__main__":
    sys.exit(main())
