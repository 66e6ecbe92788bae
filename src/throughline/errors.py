"""Everything that can go wrong, in one tree.

ThroughlineError
├── UsageError               what was given cannot be used           exit status 2
│   ├── SpecError            a field of a spec is out of its range
│   ├── DataError            a table or an array that cannot be trained on
│   ├── OutputError          a place where nothing can be written
│   └── MissingPackageError  an extra that is not installed
├── VerificationError        an artefact is not the model it came from  exit status 1
│   ├── ForeignModuleError   the artefact needed the framework it was meant to leave behind
│   ├── DamagedFileError     the file is missing, another one than was recorded, or does not open
│   ├── PortNameError        inputs or outputs are called otherwise
│   ├── PortTypeError        inputs or outputs have another type
│   ├── AxisError            the batch is not free
│   ├── OutputShapeError     wrong number of rows or outputs; nothing compared counts as wrong
│   ├── WeightError          a stored number is not the network's
│   ├── OutputValueError     a difference no rounding explains
│   │   └── NotFiniteError   NaN or infinity
│   ├── LabelFlipError       rows changed their label although their margin forbids it
│   ├── MetricError          rows that cannot flip do not account for the difference in accuracy
│   ├── BatchError           a row's answer depends on the batch it came in
│   └── HygieneError         the file names this machine, carries code, or lacks a part
├── DivergenceError          a training whose loss is not finite       exit status 1
└── WorkerError              a child process died or was stopped     exit status 1

A message is one sentence with the parameter, what is allowed, what came and what to do.
"""

from __future__ import annotations

from pathlib import PurePath

LONGEST_QUOTE = 60


def quoted(value: object) -> str:
    """Put a value in quotation marks for a message: on one line, printable, and cut if long, unless it is a path.

    Examples
    --------
    >>> print(quoted("Zürich"), quoted("9" * 70))
    'Zürich' '999999999999999999999999999999999999999999999999999999999...'
    """
    text = "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in str(value))
    whole = len(text) <= LONGEST_QUOTE or isinstance(value, PurePath)
    return f"'{text}'" if whole else f"'{text[: LONGEST_QUOTE - 3]}...'"


class ThroughlineError(Exception):
    """Base of all errors that Throughline raises on purpose."""

    exit_status = 1


class UsageError(ThroughlineError):
    """What was given cannot be used.

    Parameters
    ----------
    parameter : str
        Name of the argument, as the caller wrote it.
    allowed : str
        What it may be; reads on after "must be".
    received : str
        What came instead.
    remedy : str
        What to do about it.

    Examples
    --------
    >>> print(UsageError("--seed", "a whole number from 0", "-1", "leave it out or pass a number such as 7"))
    --seed must be a whole number from 0, but got -1: leave it out or pass a number such as 7.
    """

    exit_status = 2

    def __init__(self, parameter: str, allowed: str, received: str, remedy: str) -> None:
        super().__init__(parameter, allowed, received, remedy)
        self.parameter, self.allowed, self.received, self.remedy = parameter, allowed, received, remedy

    def __str__(self) -> str:
        return f"{self.parameter} must be {self.allowed}, but got {self.received}: {self.remedy}."


class SpecError(UsageError):
    """A field of a spec is out of its range."""


class DataError(UsageError):
    """A table or an array that cannot be trained on."""


class OutputError(UsageError):
    """A place where nothing can be written."""


class MissingPackageError(UsageError):
    """A package that an optional part needs is not installed."""


class VerificationError(ThroughlineError):
    """An artefact does not give the answers of the network it came from."""


class ForeignModuleError(VerificationError):
    """The runtime of an artefact imported the framework that the artefact is meant to leave behind."""


class DamagedFileError(VerificationError):
    """An artefact is missing, is another file than was recorded, or its runtime does not open it."""


class PortNameError(VerificationError):
    """An artefact calls its inputs or outputs otherwise than was agreed."""


class PortTypeError(VerificationError):
    """An artefact takes or gives numbers of another type than was agreed."""


class AxisError(VerificationError):
    """An artefact does not take any number of rows."""


class OutputShapeError(VerificationError):
    """An artefact answered with the wrong number of rows or outputs, or with none."""


class WeightError(VerificationError):
    """An artefact stores a number that is not the network's, or cannot be read back."""


class OutputValueError(VerificationError):
    """An artefact answered with NaN or infinity, or differs by more than rounding explains."""


class NotFiniteError(OutputValueError):
    """An artefact answered with NaN or infinity."""


class LabelFlipError(VerificationError):
    """A row changed its label although it lies further from the threshold than the tolerance."""


class MetricError(VerificationError):
    """The accuracy of an artefact differs by more rows than may flip."""


class BatchError(VerificationError):
    """A row's answer depends on the batch it came in."""


class HygieneError(VerificationError):
    """An artefact names the machine that made it, carries code or foreign operators, or lacks a part."""


class DivergenceError(ThroughlineError):
    """The loss of a training is no longer finite."""


class WorkerError(ThroughlineError):
    """A child process died, was stopped, or raised something unforeseen."""
