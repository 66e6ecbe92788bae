"""Exported files, and what was found when each was loaded alone."""

from __future__ import annotations

from dataclasses import dataclass, field

from throughline.record.checks import Certificate, Check, Status


@dataclass(frozen=True, kw_only=True)
class BatchCheck:
    """An artefact's answers at one batch size, against its source network.

    Attributes
    ----------
    batch_size : int
    n_rows : int
        Rows answered; all test rows at every batch size, over again where they do not fill one batch.
    largest_difference, mean_difference : float
        Of the answers.
    n_flips : int
        Rows whose label differs.
    """

    batch_size: int
    n_rows: int
    largest_difference: float
    mean_difference: float
    n_flips: int


@dataclass(frozen=True, kw_only=True)
class FormatRecord:
    """One exported file and what it answered, loaded alone in its own runtime.

    Attributes
    ----------
    name, title, chapter, runtime, good_for, stored_as, computed_in :
        As in `formats.base.Format`; chapter 8 is why there are several formats.
    framework : {"keras", "torch"}
        Where the network was trained, and whose answers are the reference.
    route : str
        The stations from that framework's network to the file.
    told : bool
        Whether its chapter exports it unasked, and speaks of it.
    status : {"passed", "failed", "not_run"}
    reason : str
        Which check failed first and why, or why it did not run; empty when passed.
    verdict : {"identical", "rounding", "explained (float16 weights)", "explained (bfloat16 compute)", \
"explained (int8)", "unexplained", ""}
        What explains the largest difference.
    path : str
        Relative to the run's folder.
    size_bytes : int
    named_checks : list of Check
        In their order; none of a file that was not made or not run, nor in records of before there were any.
    certificate : Certificate or None
        Of the labels; None where answers are values or were not compared.
    checks : list of BatchCheck
        Answers by batch size, each size once; all rows at once are among them.
    largest_difference, mean_difference, n_flips :
        The worst over all batch sizes and uneven batches.
    tolerance : float
        Largest difference that rounding of this network explains on these rows, derived in
        `verify.tolerance`; the check itself is made row by row.
    share_of_tolerance : float
        Largest share of its own tolerance that any row used; above 1 is a failure.
    tolerance_reason : str
    numpy_largest_difference : float
        Against the plain NumPy network with the same weights, float64.
    batch_difference : float
        Largest difference between one row's answers in different batches.
    test_accuracy : float
        Where answers are values, R^2.
    latency_us : float
        Median time of one row, microseconds.
    rows_per_s : float
        All test rows at once.
    load_s, export_s : float
    facts : dict
        Read back from exporter, file and runtime.
    """

    name: str
    title: str
    chapter: int
    framework: str
    runtime: str
    good_for: str
    stored_as: str
    status: Status
    reason: str
    computed_in: str = "float32"
    route: str = ""
    told: bool = True
    verdict: str = ""
    path: str = ""
    size_bytes: int = 0
    sha256: str = ""
    named_checks: list[Check] = field(default_factory=list)
    certificate: Certificate | None = None
    checks: list[BatchCheck] = field(default_factory=list)
    largest_difference: float = 0.0
    mean_difference: float = 0.0
    n_flips: int = 0
    tolerance: float = 0.0
    share_of_tolerance: float = 0.0
    tolerance_reason: str = ""
    numpy_largest_difference: float = 0.0
    batch_difference: float = 0.0
    test_accuracy: float = 0.0
    latency_us: float = 0.0
    rows_per_s: float = 0.0
    load_s: float = 0.0
    export_s: float = 0.0
    facts: dict[str, str | int] = field(default_factory=dict)

    @property
    def failed_check(self) -> str:
        """Name of the first check that failed, which names the fault; empty if none did."""
        return next((check.name for check in self.named_checks if check.status == "failed"), "")
