"""Verify what a finished run left: all its artefacts, or one of them, against its record.

Nothing of the record's verdicts is believed. Checksums are computed anew, rows are rebuilt, and the answers that are
expected come from the kept weights, through NumPy in float64, after their digest was held against the record.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from throughline.environment import describe_environment
from throughline.errors import DamagedFileError, DataError, ThroughlineError, UsageError, quoted
from throughline.formats import load_formats
from throughline.formats.availability import missing_runtime
from throughline.formats.base import Format, Quantization
from throughline.processes import Child
from throughline.record import CHECKS, Check, FormatRecord, RunRecord, load_record
from throughline.spec import FRAMEWORK_TITLES
from throughline.verify.artefact import Expected, Network, Search, verify_artefact
from throughline.verify.checks import check_file
from throughline.verify.held_out import HeldOut, read_rows, rebuild_rows
from throughline.verify.record import Verification, VerifyRecord
from throughline.verify.reference import numpy_answers
from throughline.verify.source import source_answers
from throughline.verify.tolerance import derive_tolerance
from throughline.weights import Array, load_weights

AT_A_TIME = 2
RECORD_NAME = "record.json"

OnArtefact = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class VerifyRequest:
    """What to verify.

    Attributes
    ----------
    path : Path
        Folder of a run, its record.json, or an artefact in it.
    rows : Path or None
        Rows to verify on; None for the run's own.
    source : bool
        Whether to build the source networks in their frameworks as well, for the conversion error.
    search : Search
        How long to search for the worst case.
    """

    path: Path
    rows: Path | None = None
    source: bool = True
    search: Search = field(default_factory=Search)


def verify(request: VerifyRequest, on_artefact: OnArtefact | None = None) -> VerifyRecord:
    """Verify a run's artefacts.

    Parameters
    ----------
    request : VerifyRequest
    on_artefact : callable, optional
        Told, from any thread, what is verified next.

    Returns
    -------
    VerifyRecord

    Raises
    ------
    UsageError
        If there is no run, or the artefact is none of its own.
    DamagedFileError
        If the kept weights are not those of the record.
    """
    started = time.perf_counter()
    folder, record, entries = _find(request.path)
    held_out = read_rows(request.rows, record) if request.rows is not None else rebuild_rows(record)
    networks = {entry.framework: _kept_network(folder, record, entry.framework) for entry in entries}
    tell = on_artefact or (lambda said: None)
    with ExitStack() as stack:
        work = Path(tempfile.mkdtemp(prefix="throughline-"))
        stack.callback(shutil.rmtree, work, ignore_errors=True)
        pool = stack.enter_context(ThreadPoolExecutor(AT_A_TIME))
        sources = {
            framework: pool.submit(_source, request, framework, network, held_out.X, work)
            for framework, network in networks.items()
        }
        answers = {
            framework: numpy_answers(network.spec, network.weights, held_out.X)
            for framework, network in networks.items()
        }

        def judge(entry: FormatRecord) -> Verification:
            tell(f"{entry.title} from {FRAMEWORK_TITLES[entry.framework]}")
            asked = sources[entry.framework].result()
            return _verify_entry(
                folder, entry, networks[entry.framework], answers[entry.framework], asked, held_out, request, work
            )

        artefacts = list(pool.map(judge, entries))
    return VerifyRecord(
        run=record.name,
        rows=held_out.said,
        n_rows=len(held_out.X),
        artefacts=artefacts,
        environment=describe_environment(),
        wall_s=round(time.perf_counter() - started, 3),
    )


def _find(path: Path) -> tuple[Path, RunRecord, list[FormatRecord]]:
    """Return a run's folder, its record, and the entries of the record that are meant."""
    if (path / RECORD_NAME).is_file() or path.name == RECORD_NAME:
        record = load_record(path)
        if not record.formats:
            received = f"{quoted(path)}, which exported none"
            raise UsageError("RUN", "a run with exported files", received, "pass a run of chapters 3, 4, 6 or 7")
        return path if path.is_dir() else path.parent, record, record.formats
    if not path.exists():
        received = f"{quoted(path)}, which is not there"
        raise DataError("RUN", "the folder of a run or an artefact in it", received, "check the path")
    absolute = path.resolve()
    folder = next((parent for parent in absolute.parents if (parent / RECORD_NAME).is_file()), None)
    if folder is None:
        received = f"{quoted(path)}, which lies in none"
        remedy = "pass a file below the folder that throughline run wrote"
        raise DataError("RUN", "the folder of a run or an artefact in it", received, remedy)
    record = load_record(folder)
    inside = absolute.relative_to(folder).as_posix()
    known = [entry for entry in record.formats if entry.path]
    # A path into an artefact's folder, or to the folder around it, means that artefact.
    meant = [e for e in known if inside == e.path or f"{inside}/".startswith(f"{e.path}/")]
    meant = meant or [
        e for e in known if e.path.startswith(f"{inside}/") and e.path.count("/") == inside.count("/") + 1
    ]
    if not meant:
        allowed = f"one of its artefacts, {', '.join(entry.path for entry in known)}"
        raise DataError("RUN", allowed, quoted(inside), "choose one of these, or pass the folder of the run")
    return folder, record, meant


def _kept_network(folder: Path, record: RunRecord, framework: str) -> Network:
    training = next(entry for entry in record.trainings() if entry.framework == framework)
    path = folder / training.weights_path
    if not path.is_file():
        raise DamagedFileError(f"The kept weights {training.weights_path} are not there, so nothing can be expected.")
    try:
        weights, spec = load_weights(path)
    except DataError as error:
        raise DamagedFileError(f"The kept weights {training.weights_path} cannot be read: {error.received}.") from error
    if weights.digest != training.weights_digest:
        raise DamagedFileError(
            f"The kept weights {training.weights_path} have the digest {weights.digest[:12]}..., "
            f"but the record says {training.weights_digest[:12]}..."
        )
    return Network(spec=spec, weights=weights, path=path)


def _source(request: VerifyRequest, framework: str, network: Network, X: Array, work: Path) -> tuple[Array | None, str]:
    if not request.source or not len(X):
        return None, "not asked for" if not request.source else "there are no rows"
    assert network.path is not None  # these weights were read from there
    return source_answers(framework, network.path, X, work)


def _verify_entry(
    folder: Path,
    entry: FormatRecord,
    network: Network,
    answers: Array,
    source: tuple[Array | None, str],
    held_out: HeldOut,
    request: VerifyRequest,
    work: Path,
) -> Verification:
    form = load_formats().get(entry.name)
    named: dict[str, Any] = {"name": entry.name, "title": entry.title, "framework": entry.framework, "path": entry.path}
    if form is None:
        return Verification(**named, status="not_run", reason="this release does not know the format")
    if not entry.path:
        return Verification(**named, status="not_run", reason=f"the run did not make it: {entry.reason}")
    if missing_runtime(form):
        return Verification(**named, status="not_run", reason=missing_runtime(form))
    path = folder / entry.path
    try:
        check_file(path, entry.sha256)
        quantization = read_quantization(form, path, work) if form.read_quantization else None
    except ThroughlineError as error:
        return _unreadable(named, error)
    expected = Expected(
        form=form,
        path=path,
        X=held_out.X,
        answers=answers,
        tolerance=derive_tolerance(
            network.spec, network.weights, held_out.X, form.stored_as, form.computed_in, quantization
        ),
        framework=entry.framework,
        labels=held_out.y,
        sha256=entry.sha256,
        port_names=form.names_for(network.spec),
        recorded_accuracy=entry.test_accuracy if held_out.recorded and entry.checks else None,
        quantization=quantization,
        source_answers=source[0],
        source_reason=source[1],
        network=network,
    )
    return dataclasses.replace(verify_artefact(expected, request.search), path=entry.path)


def read_quantization(form: Format, path: Path, work: Path) -> Quantization:
    """Read the steps of an int8 file in a process of its own, since the library that reads them may be a heavy one.

    Raises
    ------
    ThroughlineError
        If they cannot be read.
    """
    log = work / f"steps-{form.name}-{path.parent.name}.log"
    with Child(f"steps of {form.name}", log=log, environment=form.environment) as child:
        arguments = {"format_name": form.name, "path": str(path)}
        return msgspec.convert(child.call("throughline.verify.worker:read_quantization", arguments), Quantization)


def _unreadable(named: dict[str, Any], error: ThroughlineError) -> Verification:
    """Return the verification of a file that is another one than was recorded, or of which not even steps are read."""
    said = str(error) if isinstance(error, DamagedFileError) else f"Its steps cannot be read: {error}"
    failed = Check(name="file", status="failed", said=said, error=DamagedFileError.__name__)
    others = [Check(name=name, status="not_run", said="the check 'file' failed") for name in CHECKS[1:]]
    return Verification(**named, status="failed", checks=[failed, *others])
