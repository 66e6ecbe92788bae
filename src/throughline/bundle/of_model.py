"""A model of one's own: what `throughline export` has made of it and proven, with the arrays it was judged by."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import numpy as np

from throughline.bundle.content import Content, Piece
from throughline.bundle.manifest import Brought, Classes, Parity
from throughline.errors import DataError, UsageError, VerificationError, quoted
from throughline.evaluate import THRESHOLD
from throughline.formats import load_formats
from throughline.formats.base import Format, file_sha256
from throughline.own_model.export import PROOF_NAME, export_model
from throughline.own_model.judge import labels_of, tolerances, useful_tolerance
from throughline.own_model.noise import NOISE_OF_FORMAT, ROUNDING
from throughline.own_model.record import ArtefactRecord, ExportRecord, read_record
from throughline.own_model.torch_exports import LARGEST_BATCH
from throughline.progress import OnEvent
from throughline.weights import Array

RECORD_NAME = "record.json"


def is_export(path: Path) -> bool:
    """Return whether a folder is one that `throughline export` has left."""
    return (path / RECORD_NAME).is_file() and (path / PROOF_NAME).is_file()


def export_and_gather(
    model: str,
    sample: Path,
    names: Sequence[str],
    labels: Path | None,
    trust: bool,
    strict: bool,
    work: Path,
    on_event: OnEvent,
) -> Content:
    """Export a model to a folder of our own first, and gather from there.

    Parameters
    ----------
    model, sample, labels, trust :
        As for `export_model`.
    names : sequence of str
        Formats.
    strict : bool
        As for `gather`.
    work : Path
        Folder for what is made.
    on_event : callable
    """
    _, folder = export_model(model, sample, ",".join(names), labels, work / "export", trust, on_event)
    return gather(folder, [load_formats()[name] for name in names], strict)


def gather(folder: Path, forms: Sequence[Format], strict: bool) -> Content:
    """Gather what an export has left.

    Parameters
    ----------
    folder : Path
    forms : sequence of Format
    strict : bool
        Whether each of the formats must be there; otherwise those that cannot be made are left out with their reason.

    Returns
    -------
    Content

    Raises
    ------
    VerificationError
        If an artefact was not proven, or is another one now.
    """
    record, arrays = _read(folder)
    proof = _Proof(arrays)

    pieces, left_out = [], {}
    for form in forms:
        entry = next((entry for entry in record.artefacts if entry.name == form.name), None)
        if entry is None or entry.status == "not_run":
            reason = "the export did not make it" if entry is None else entry.reason
            if strict:
                raise UsageError(
                    "--to", f"formats that {record.model} gets to", f"{quoted(form.name)}: {reason}", _REMEDY
                )
            left_out[form.name] = reason
        else:
            pieces.append(_piece(folder, form, entry, proof))
    if not pieces:
        received = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise UsageError("--to", f"formats that {record.model} gets to", received, _REMEDY)
    return Content(
        name=record.model,
        inputs=proof.inputs,
        expected=proof.expected,
        labels=proof.labels,
        classes=_classes(proof),
        useful_tolerance={name: useful_tolerance(values) for name, values in proof.expected.items()},
        batch_sizes=record.batch_sizes,
        free_batch=not record.refused_batch_sizes,
        brought=Brought(
            model=record.model,
            kind=record.kind,
            n_parameters=record.n_parameters,
            refused_batch_sizes=record.refused_batch_sizes,
            accuracy=record.accuracy,
        ),
        pieces=pieces,
        left_out=left_out,
    )


_REMEDY = "leave it out"


class _Proof:
    """What the artefacts were judged by."""

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        def of(kind: str) -> dict[str, Array]:
            return {n.removeprefix(f"{kind}:"): array for n, array in arrays.items() if n.startswith(f"{kind}:")}

        self.inputs, self.noise, self.labels = of("inputs"), of("noise"), arrays.get("labels")
        by_size: dict[int, dict[str, Array]] = {}
        for name, array in of("source").items():
            size, output = name.split("/", 1)
            by_size.setdefault(int(size), {})[output] = array
        self.expected = by_size[max(by_size)]
        self._by_size = by_size

    def apart(self, output: str) -> Array:
        """Return how far the source's own answers to each row lie apart in different batches."""
        every = np.stack([answers[output].astype(np.float64) for answers in self._by_size.values()])
        apart: Array = np.ptp(every, axis=0).reshape(every.shape[1], -1).max(axis=1)
        return apart


def _read(folder: Path) -> tuple[ExportRecord, dict[str, Array]]:
    try:
        record = read_record((folder / RECORD_NAME).read_bytes())
        with np.load(folder / PROOF_NAME, allow_pickle=False) as found:
            return record, {name: found[name] for name in found.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, msgspec.MsgspecError) as error:
        received = f"{quoted(folder)} ({error})"
        raise DataError("MODEL", "a folder that throughline export has left", received, "export again") from error


def _piece(folder: Path, form: Format, entry: ArtefactRecord, proof: _Proof) -> Piece:
    path, worst = folder / entry.path, entry.worst
    if entry.status != "passed" or worst is None:
        raise VerificationError(f"{form.title} cannot go into the bundle: {entry.reason.rstrip('.')}.")
    if not path.exists() or file_sha256(path) != entry.sha256:
        raise VerificationError(f"{form.title}, {quoted(path)}, is missing or no longer what was proven: export again.")
    noise = NOISE_OF_FORMAT.get(form.name, ROUNDING.name)
    # In batches of one size the artefact is held against answers in batches of another.
    both = {
        output: [allowed + proof.apart(output) for allowed in tolerances(output, values, proof.noise, noise)]
        for output, values in proof.expected.items()
    }
    return Piece(
        form=form,
        path=path,
        parity=Parity(
            verdict=entry.verdict,
            output=worst.name,
            largest_difference=worst.largest_difference,
            tolerance=worst.tolerance,
            share_of_tolerance=worst.share_of_tolerance,
            n_flips=None if proof.labels is None else entry.n_flips,
            tolerance_reason=entry.tolerance_reason,
            accuracy=entry.accuracy,
            route=f"{entry.made_from or 'the model'} > {form.title}",
            facts=entry.facts,
        ),
        tolerance={output: tolerance for output, (_, tolerance) in both.items()},
        rounding={output: rounding for output, (rounding, _) in both.items()},
        largest_batch=max(LARGEST_BATCH, len(next(iter(proof.inputs.values())))) if form.largest_batch else None,
    )


def _classes(proof: _Proof) -> Classes | None:
    """Return the first output that tells classes; none where nobody has given labels, since it may tell anything."""
    if proof.labels is None:
        return None
    for output, values in proof.expected.items():
        if values.dtype.kind == "f" and labels_of(values) is not None:
            of_many = values.ndim == 2 and values.shape[1] > 1
            return Classes(output=output, threshold=None if of_many else THRESHOLD, names=[])
    return None
