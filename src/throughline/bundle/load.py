"""Read a bundle; nothing in it is executed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec
import numpy as np

from throughline.bundle.manifest import (
    FORMAT_VERSION,
    MANIFEST_NAME,
    SUMS_NAME,
    Artefact,
    Manifest,
)
from throughline.errors import DataError, VerificationError, quoted
from throughline.weights import Array

REMEDY = "pass the folder that 'throughline bundle' wrote"


@dataclass(frozen=True)
class BundleRows:
    """Held-out rows, and what they must give.

    Attributes
    ----------
    X : ndarray of shape (n_rows, n_features), float32
    y : ndarray of shape (n_rows,)
    expected : ndarray of shape (n_rows, n_outputs)
        Answers of the trained network.
    answers, tolerance, repeats : dict of str to ndarray
        By artefact: what it answered when the bundle was made, shape (n_rows, n_outputs); how far each row may be from
        `expected`, and how far from `answers`, both of shape (n_rows,).
    """

    X: Array
    y: Array
    expected: Array
    answers: dict[str, Array]
    tolerance: dict[str, Array]
    repeats: dict[str, Array]


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk."""

    folder: Path
    manifest: Manifest

    def path_of(self, artefact: Artefact) -> Path:
        """Return where an artefact lies."""
        return self.folder / artefact.path

    def load_rows(self) -> BundleRows:
        """Read the held-out rows; pickled objects are refused.

        Raises
        ------
        VerificationError
            If an array is missing, has another length, or the file is damaged.
        """
        names = [artefact.name for artefact in self.manifest.artefacts]
        path = self.folder / self.manifest.rows.path
        try:
            with np.load(path, allow_pickle=False) as arrays:
                kinds = [{name: arrays[f"{kind}.{name}"] for name in names} for kind in _KINDS]
                rows = BundleRows(arrays["X"], arrays["y"], arrays["expected"], *kinds)
        except (OSError, ValueError, KeyError) as error:
            raise VerificationError(f"{path.name} cannot be read as the rows of the bundle: {error}.") from error
        own = [array for kind in kinds for array in kind.values()]
        for array in (rows.X, rows.y, rows.expected, *own):
            if len(array) != self.manifest.rows.n_rows:
                said = f"{len(array)} in one of its arrays"
                raise VerificationError(f"{path.name} must have {self.manifest.rows.n_rows} rows, but has {said}.")
        return rows

    def require_intact(self) -> str:
        """Hold every file against its checksum, and return the one that stands for the whole bundle.

        Raises
        ------
        VerificationError
            If a file is damaged or missing, or was added.
        """
        from throughline.bundle.check import Mismatch, check_files

        try:
            return check_files(self.folder)
        except (Mismatch, KeyError, ValueError, OSError) as error:
            raise VerificationError(f"The bundle {quoted(self.folder)} is not as it was written: {error}.") from error


_KINDS = ("answers", "tolerance", "repeats")


class _Versioned(msgspec.Struct):
    format_version: int


def is_bundle(path: Path) -> bool:
    """Return whether a folder claims to be a bundle."""
    return (path / MANIFEST_NAME).is_file() or (path / SUMS_NAME).is_file()


def load_bundle(path: Path) -> Bundle:
    """Read the manifest of a bundle, and make sure that every path in it stays inside.

    Parameters
    ----------
    path : Path
        The folder.

    Returns
    -------
    Bundle
        `Bundle.require_intact` checks the files.

    Raises
    ------
    DataError
        If it is no bundle, is damaged, or has another format version.
    """
    file = path / MANIFEST_NAME
    allowed = f"a bundle of format version {FORMAT_VERSION}"
    try:
        raw = file.read_bytes()
        version = msgspec.json.decode(raw, type=_Versioned).format_version
        if version != FORMAT_VERSION:
            raise DataError("BUNDLE", allowed, f"version {version} in {quoted(file)}", "use the release that wrote it")
        manifest = msgspec.json.decode(raw, type=Manifest)
    except OSError as error:
        raise DataError("BUNDLE", allowed, f"{quoted(path)} ({error.strerror})", REMEDY) from error
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DataError("BUNDLE", allowed, f"{quoted(file)} ({error})", REMEDY) from error
    inside = [*manifest.files, manifest.rows.path, *(artefact.path for artefact in manifest.artefacts)]
    for name in inside:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name or ":" in name:
            raise DataError("BUNDLE", "made of files inside its folder", quoted(name), "do not trust this bundle")
    return Bundle(path, manifest)
