"""Read a bundle; nothing in it is executed."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec

from throughline.bundle.check import Mismatch, Rows, check_files, check_rows, read_rows
from throughline.bundle.manifest import (
    FORMAT_VERSION,
    MANIFEST_NAME,
    SUMS_NAME,
    Artefact,
    Manifest,
)
from throughline.errors import DamagedFileError, DataError, VerificationError, quoted

REMEDY = "pass the folder that 'throughline bundle' wrote"


@dataclass(frozen=True)
class Bundle:
    """A bundle on disk."""

    folder: Path
    manifest: Manifest

    def path_of(self, artefact: Artefact) -> Path:
        """Return where an artefact lies."""
        return self.folder / artefact.path

    def load_rows(self, artefact: str) -> Rows:
        """Read the held-out rows with what belongs to an artefact; pickled objects are refused.

        Raises
        ------
        VerificationError
            If an array is missing, has another length or type, or the file is damaged.
        """
        try:
            rows = read_rows(self.folder, self.manifest.to_builtins(), artefact)
            check_rows(self.manifest.to_builtins(), rows)
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile, Mismatch) as error:
            name = self.manifest.rows.path
            raise VerificationError(f"{name} cannot be read as the rows of the bundle: {error}.") from error
        return rows

    def require_intact(self) -> str:
        """Hold every file against its checksum, and return the one that stands for the whole bundle.

        Raises
        ------
        DamagedFileError
            If a file is damaged or missing, or was added.
        """
        return require_intact(self.folder)


def require_intact(folder: Path) -> str:
    """Hold every file of a bundle against its checksum, though its manifest may not be read.

    Raises
    ------
    DamagedFileError
        If a file is damaged or missing, or was added.
    """
    try:
        return check_files(folder)
    except (Mismatch, KeyError, ValueError, OSError) as error:
        raise DamagedFileError(f"The bundle {quoted(folder)} is not as it was written: {error}.") from error


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
    inside = [*manifest.files, manifest.rows.path, *(artefact.path for artefact in manifest.files_to_run)]
    for name in inside:
        if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts or "\\" in name or ":" in name:
            raise DataError("BUNDLE", "made of files inside its folder", quoted(name), "do not trust this bundle")
    return Bundle(path, manifest)
