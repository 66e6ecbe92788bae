"""What an exporter may draw on, and the child process in which it works."""

from __future__ import annotations

import importlib
import re
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from throughline.own_model.opened import PRELOAD, OpenedModel, check_apart, open_model
from throughline.own_model.source import Source
from throughline.processes import Emit
from throughline.weights import Array

LONGEST_REASON = 240


@dataclass(frozen=True, kw_only=True)
class ExportInputs:
    """What an exporter may draw on.

    Attributes
    ----------
    opened : OpenedModel or None
        None where a file is converted.
    file : Path or None
        The file to convert.
    names : list of str
        Of the inputs.
    arrays : list of ndarray
        The sample, from which int8 files learn their ranges.
    output_names : list of str
    fixed_batch : int or None
        The only batch size that the source can do; None where it is free.
    scales_inputs : bool
        Whether the first thing the model does is to scale its inputs.
    """

    opened: OpenedModel | None
    file: Path | None
    names: list[str]
    arrays: list[Array]
    output_names: list[str]
    fixed_batch: int | None
    scales_inputs: bool


def export_artefact(
    source: dict[str, Any],
    process: str,
    export: str,
    file: str,
    path: str,
    work: str,
    described: dict[str, Any],
    emit: Emit,
) -> dict[str, Any]:
    """Make one artefact in this process.

    Parameters
    ----------
    source : dict
        Fields of `Source`.
    process : str
        A key of `PRELOAD`, or the name of a converter.
    export : str
        ``"module:function"``.
    file : str
        What is converted; empty for the model itself.
    path : str
        What to write.
    work : str
        The folder with ``inputs.npz``.
    described : dict
        What `answer_source` returned.
    emit : callable
        Receives ``{"stage": ...}``.

    Returns
    -------
    dict
        ``facts`` and ``export_s``; or ``refused``, a sentence, where the exporter could not do it; or ``broken``, where
        the fault is ours.
    """
    with np.load(Path(work) / "inputs.npz", allow_pickle=False) as found:
        sample = {name: found[name] for name in found.files}
    module, function = export.split(":")
    started = time.perf_counter()
    try:
        inputs = ExportInputs(
            opened=open_model(Source(**source), process, sample) if process in PRELOAD and not file else None,
            file=Path(file) if file else None,
            names=list(sample),
            arrays=list(sample.values()),
            output_names=list(described["outputs"]),
            fixed_batch=described["batch_sizes"][0] if len(described["batch_sizes"]) == 1 else None,
            scales_inputs=described["scales_inputs"],
        )
        facts = getattr(importlib.import_module(module), function)(inputs, Path(path))
        check_apart()
    except Exception as error:
        traceback.print_exc()  # into the log of this process
        return {"broken" if _is_ours(error) else "refused": one_sentence(error)}
    return {"facts": facts, "export_s": time.perf_counter() - started}


def _is_ours(error: BaseException) -> bool:
    """Return whether the error arose in this package, and not in the library that it called."""
    from throughline.errors import ThroughlineError

    frames = traceback.extract_tb(error.__traceback__)
    here = str(Path(__file__).resolve().parents[1])
    return bool(frames) and frames[-1].filename.startswith(here) and not isinstance(error, ThroughlineError)


def one_sentence(error: BaseException) -> str:
    r"""Return what an exporter said, on one line and without places of this machine.

    Examples
    --------
    >>> one_sentence(ValueError("no such operator: /opt/lib/x.py:3\nTrace ..."))
    'ValueError: no such operator: x.py:3'
    """
    plain = re.sub(r"\x1b\[[0-9;]*m", "", str(error))
    lines = [line.strip() for line in plain.splitlines() if _tells(line)]
    said = lines[0] if lines else "no message"
    # Converters that end in C++ put the reason on a line of its own.
    for line in lines:
        if "error:" in line:
            said = re.sub(r"^loc\(.*\): ", "", line.split("error:", 1)[1].strip())
            break
    said = re.sub(r"(/[\w.+-]+)+/([\w.+-]+)", r"\2", said)
    said = said if len(said) <= LONGEST_REASON else said[: LONGEST_REASON - 3] + "..."
    return f"{type(error).__name__}: {said}"


def _tells(line: str) -> bool:
    # Keras says first where it happened, and what happened below.
    return any(character.isalpha() for character in line) and not line.startswith(
        ("Traceback", "Exception encountered when calling")
    )
