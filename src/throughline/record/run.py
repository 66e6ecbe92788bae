"""The record of a run, written and read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from throughline.errors import DataError, quoted
from throughline.record.bars import Bar
from throughline.record.bench import BenchRecord
from throughline.record.environment import Environment, Span
from throughline.record.evaluation import EvaluationRecord
from throughline.record.formats import FormatRecord
from throughline.record.ledger import LedgerRecord
from throughline.record.rows import SplitRecord, TableRecord
from throughline.record.training import MlpRecord, PerceptronRecord, TrainingRecord
from throughline.spec import NetworkSpec, Task, TrainSpec

SCHEMA_VERSION = 1
# Figures that a second run of the same seed need not repeat: clocks, and what names the moment or the machine.
NOT_REPRODUCED = {
    "created",
    "name",
    "environment",
    "spans",
    "wall_s",
    "fit_s",
    "export_s",
    "load_s",
    "latency_us",
    "rows_per_s",
    "sha256",
    "said",  # by a check, of the sha256 too
}


@dataclass(frozen=True, kw_only=True)
class RunRecord:
    """Everything a run measured; see the head of this module."""

    schema_version: int
    name: str
    created: str
    arguments: dict[str, Any]
    seed: int
    chapters: list[int]
    task: Task
    split: SplitRecord
    network: NetworkSpec
    train: TrainSpec
    perceptron: PerceptronRecord | None
    mlp: MlpRecord | None
    keras: TrainingRecord | None
    pytorch: TrainingRecord | None
    evaluation: EvaluationRecord | None
    formats: list[FormatRecord]
    bars: list[Bar]
    spans: list[Span]
    wall_s: float
    environment: Environment
    ledger: LedgerRecord | None = None
    bench: BenchRecord | None = None
    table: TableRecord | None = None

    @property
    def verified(self) -> bool:
        """Whether no artefact failed; one that could not run here is not a failure, but is shown."""
        return all(entry.status != "failed" for entry in self.formats)

    def trainings(self) -> list[TrainingRecord]:
        """Return the trainings on the run's task, in the order of the chapters."""
        found = [self.mlp.training if self.mlp else None, self.keras, self.pytorch]
        return [training for training in found if training is not None]

    def format_named(self, name: str) -> FormatRecord | None:
        """Return the record of a format, or None if it was not exported."""
        return next((entry for entry in self.formats if entry.name == name), None)

    def seconds_by_chapter(self) -> dict[int, float]:
        """Add up the spans of each chapter; spans run side by side, so the sum exceeds the wall time."""
        totals: dict[int, float] = {}
        for span in self.spans:
            totals[span.chapter] = totals.get(span.chapter, 0.0) + span.seconds
        return dict(sorted(totals.items()))

    def to_json(self) -> str:
        """Write the record as indented JSON.

        Raises
        ------
        ValueError
            If a figure is NaN or infinite: JSON has no word for it, and nothing here may be unmeasured.
        """
        return json.dumps(msgspec.to_builtins(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"


class _Versioned(msgspec.Struct):
    schema_version: int


def load_record(path: Path) -> RunRecord:
    """Read a ``record.json``, or the one in a run's folder.

    Raises
    ------
    DataError
        If it is missing, damaged, or of another schema version.
    """
    remedy = "pass the folder of a finished run"
    try:
        file = path / "record.json" if path.is_dir() else path
        raw = file.read_bytes()
        version = msgspec.json.decode(raw, type=_Versioned).schema_version
        if version == SCHEMA_VERSION:
            return msgspec.json.decode(raw, type=RunRecord)
    except OSError as error:
        allowed = "the folder of a run or its record.json"
        raise DataError("RUN", allowed, f"{quoted(path)} ({error.strerror})", remedy) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        allowed = f"a whole record of schema version {SCHEMA_VERSION}"
        raise DataError("RUN", allowed, f"{quoted(file)} ({error})", remedy) from error
    remedy = "read it with the release of Throughline that wrote it, or run again"
    allowed, received = f"a record of schema version {SCHEMA_VERSION}", f"version {version} in {quoted(file)}"
    raise DataError("RUN", allowed, received, remedy)


def reproducible_figures(value: Any) -> Any:
    """Return the record as plain data without clocks, machine and file hashes, for comparing two runs."""
    data = msgspec.to_builtins(value)
    return _without(data)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of `RunRecord`; ``docs/record.schema.json`` is written from it."""
    return msgspec.json.schema(RunRecord)


def _without(data: Any) -> Any:
    if isinstance(data, dict):
        return {key: _without(value) for key, value in data.items() if key not in NOT_REPRODUCED}
    if isinstance(data, list | tuple):
        return [_without(value) for value in data]
    return data
