"""What every artefact costs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

import msgspec

from throughline.record.environment import Environment


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A figure of an artefact: the median of the rounds, its 95 % bootstrap interval, and the rounds themselves."""

    median: float
    low: float
    high: float
    rounds: list[float]


@dataclass(frozen=True, kw_only=True)
class ByteAccount:
    """Where the bytes of an artefact go; the parts add up to its size.

    Attributes
    ----------
    weights : int
        Numbers of kernels, biases and scaling.
    quantisation : int
        Steps and zero points.
    graph : int
        Operators, shapes, names of tensors: what says how the numbers are used.
    metadata : int
        What no answer depends on: descriptions, versions, producers.
    padding : int
        Bytes that only align others.
    container : int
        What this account cannot read further: archives, programs, machine code.
    read_from : str
        How it was found out.
    """

    weights: int
    quantisation: int = 0
    graph: int = 0
    metadata: int = 0
    padding: int = 0
    container: int = 0
    read_from: str = ""

    @property
    def total(self) -> int:
        """All parts together."""
        return self.weights + self.quantisation + self.graph + self.metadata + self.padding + self.container


@dataclass(frozen=True, kw_only=True)
class ArtefactBench:
    """What one artefact costs, in its own runtime and processes.

    Attributes
    ----------
    name, title, runtime, stored_as, computed_in :
        As in `formats.base.Format`.
    framework : str
        Whose network it is.
    size_bytes : int
    account : ByteAccount
    predicted_bytes : float or None
        By the line fitted to exports of other networks in this format (`sizes`); None where none was fitted.
    accuracy : float or None
        On the held-out rows; None where their classes are not known.
    figures : dict of str to Measured
        By the names of `bench.figures.FIGURES`; those in `left_out` are missing.
    facts : dict
        Read back from the runtime, threads among it.
    n_threads : int or None
        Most threads that its process had; None where the system does not say.
    processor_share : float
        Processor time over wall time of the largest batches: above 1 more than one thread computed.
    left_out : dict of str to str
        Figures that were not measured, and why.
    """

    name: str
    title: str
    runtime: str
    stored_as: str
    computed_in: str
    framework: str
    size_bytes: int
    account: ByteAccount
    predicted_bytes: float | None
    accuracy: float | None
    figures: dict[str, Measured]
    facts: dict[str, str | int]
    n_threads: int | None
    processor_share: float
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class BenchVerdict:
    """Which artefact has the best figure.

    Attributes
    ----------
    figure : str
    best : list of str
        Titles: one winner, or all those whose interval overlaps that of the best median.
    sentence : str
    """

    figure: str
    best: list[str]
    sentence: str


@dataclass(frozen=True, kw_only=True)
class Processors:
    """What of the machine's processors the measured processes could use.

    Attributes
    ----------
    n_installed, n_allowed : int
        Of the machine, and of this process.
    quota : float or None
        Processors' worth of time that the container allows; None where there is no limit.
    pinned_to : int or None
        The one on which every measured process ran; None where the system cannot pin.
    """

    n_installed: int
    n_allowed: int
    quota: float | None
    pinned_to: int | None


@dataclass(frozen=True, kw_only=True)
class BenchRecord:
    """A benchmark of all artefacts of a run or a bundle.

    Attributes
    ----------
    n_rounds, n_rows : int
        Processes for each artefact; held-out rows.
    not_measured : dict of str to str
        Artefacts that could not run here, and why.
    """

    name: str
    created: str
    n_rounds: int
    n_rows: int
    n_threads: int
    processors: Processors
    artefacts: list[ArtefactBench]
    not_measured: dict[str, str]
    verdicts: list[BenchVerdict]
    wall_s: float
    environment: Environment

    def to_json(self) -> str:
        """Write the benchmark as indented JSON."""
        return json.dumps(msgspec.to_builtins(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
