"""What a verification found: plain data, written as JSON and told by the command.

VerifyRecord
└── artefacts: list of Verification
    ├── checks          in their order, each passed, failed or not run
    ├── answers         largest differences by the cut of the rows
    ├── flips, certificate
    ├── conversion, implementation     the two numbers
    ├── worst           the input with the largest disagreement that was found
    ├── layers          where it parts from NumPy, if it failed
    └── findings, facts
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from throughline.record import Certificate, Check, Environment, Status


@dataclass(frozen=True, kw_only=True)
class CutAnswers:
    """Answers to all rows, cut in one way.

    Attributes
    ----------
    cut : str
        A batch size, "all", or "uneven".
    largest_difference, mean_difference : float
        From what was expected.
    n_flips : int
    """

    cut: str
    largest_difference: float
    mean_difference: float
    n_flips: int


@dataclass(frozen=True, kw_only=True)
class Flip:
    """A row whose label differs.

    Attributes
    ----------
    row : int
        From 0.
    expected, answered : float
        Probability of class 1; under softmax of the class that was expected.
    classes : (int, int)
        The label that was expected, and the one that was answered.
    margin : float
        Distance of the expected probability to the threshold; under softmax between the two likeliest classes.
    allowed : float
        By how much the row's own tolerance lets the margin shrink; a larger margin forbids the flip.
    """

    row: int
    expected: float
    answered: float
    classes: tuple[int, int]
    margin: float
    allowed: float


@dataclass(frozen=True, kw_only=True)
class WorstCase:
    """The input with the largest disagreement that a search found inside the range of the rows.

    Attributes
    ----------
    row : list of float
    expected : float
    answered, difference : float or None
        None where the answer is NaN or infinite.
    held_out_difference : float
        The largest on the rows, beside it.
    share_of_tolerance : float or None
        Of the tolerance derived for the row that was found.
    output : int
        Which of several outputs it is that differs most, from 0.
    n_evaluated : int
        Rows that were answered in the search.
    seconds : float
    """

    row: list[float]
    expected: float
    answered: float | None
    difference: float | None
    held_out_difference: float
    share_of_tolerance: float | None
    output: int
    n_evaluated: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class LayerGap:
    """How far one dense layer is from the same layer in NumPy.

    Attributes
    ----------
    layer : int
        From 1.
    largest_difference, allowed : float
        Of its pre-activations, at the worst of them.
    parts : bool
        Whether it exceeds what rounding explains.
    """

    layer: int
    largest_difference: float
    allowed: float
    parts: bool


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something in a file that should not be there, or something that is missing.

    Attributes
    ----------
    kind : {"local path", "user name", "stack trace", "pickle", "foreign operator", "missing part"}
    where : str
        File inside the artefact, or member of an archive.
    what : str
    """

    kind: Literal["local path", "user name", "stack trace", "pickle", "foreign operator", "missing part"]
    where: str
    what: str


@dataclass(frozen=True, kw_only=True)
class Verification:
    """One artefact.

    Attributes
    ----------
    name, title, framework, path : str
        Format; framework whose network it is; path as it was given.
    status : {"passed", "failed", "not_run"}
    reason : str
        Why it could not be run here.
    checks : list of Check
    answers : list of CutAnswers
    verdict : str
        What explains the largest difference; as in `verify.compare`.
    share_of_tolerance : float
        Largest share of its own tolerance that any row used; above 1 is a failure.
    batch_difference : float
        Largest difference between one row's answers in different cuts.
    tolerance : float
        Largest over the rows; each row is judged by its own.
    tolerance_reason : str
    flips : list of Flip
    certificate : Certificate or None
        None where answers are values.
    conversion : float or None
        Largest difference from the source network in its own framework; None where that was not asked.
    conversion_reason : str
        Why it was not.
    implementation : float or None
        Largest difference from the NumPy network with the same weights, in float64.
    accuracy, source_accuracy : float or None
        Of the artefact and of the NumPy network; None without labels, and where answers are values.
    error, source_error : float or None
        Root mean square error of both, where answers are values.
    worst : WorstCase or None
    layers : list of LayerGap
        Only of a failed artefact.
    layers_reason : str
        Why there are none.
    findings : list of Finding
    facts : dict
        Read back from file and runtime.
    seconds : float
    """

    name: str
    title: str
    framework: str
    path: str
    status: Status
    reason: str = ""
    checks: list[Check] = field(default_factory=list)
    answers: list[CutAnswers] = field(default_factory=list)
    verdict: str = ""
    share_of_tolerance: float = 0.0
    batch_difference: float = 0.0
    tolerance: float = 0.0
    tolerance_reason: str = ""
    flips: list[Flip] = field(default_factory=list)
    certificate: Certificate | None = None
    conversion: float | None = None
    conversion_reason: str = ""
    implementation: float | None = None
    accuracy: float | None = None
    source_accuracy: float | None = None
    error: float | None = None
    source_error: float | None = None
    worst: WorstCase | None = None
    layers: list[LayerGap] = field(default_factory=list)
    layers_reason: str = ""
    findings: list[Finding] = field(default_factory=list)
    facts: dict[str, str | int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def failed(self) -> list[Check]:
        """The checks that failed, in their order; the first is the one that names the fault."""
        return [check for check in self.checks if check.status == "failed"]


@dataclass(frozen=True, kw_only=True)
class VerifyRecord:
    """All artefacts that were asked for.

    Attributes
    ----------
    run : str
        Name of the run.
    rows : str
        Which rows, in words.
    n_rows : int
    artefacts : list of Verification
    environment : Environment
    wall_s : float
    whole : list of Check
        Of a bundle: what was found of the folder as a whole.
    left_out : dict of str to str
        What could not be asked of any of the artefacts, and why.
    """

    run: str
    rows: str
    n_rows: int
    artefacts: list[Verification]
    environment: Environment
    wall_s: float
    whole: list[Check] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    @property
    def passed(self) -> bool:
        """Whether something was verified and nothing failed; what could not run here is counted and shown."""
        statuses = [entry.status for entry in self.artefacts]
        if any(check.status == "failed" for check in self.whole):
            return False
        return "failed" not in statuses and "passed" in statuses

    def to_json(self) -> str:
        """Write the record as indented JSON."""
        return json.dumps(msgspec.to_builtins(self), indent=1, ensure_ascii=False, allow_nan=False) + "\n"
