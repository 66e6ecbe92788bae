"""What a format is, and what runs its files.

A `Format` describes one deployment format: how to export to it, how to load it, which framework its
runtime must do without, and how its parameters are stored, from which the tolerance is derived.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np

from throughline.errors import DataError
from throughline.weights import Array


class Runner(ABC):
    """A loaded artefact that answers raw rows; a context manager.

    The base class owns the checks; a format only says how its runtime is called in `_predict`.

    Attributes
    ----------
    facts : dict of str to str or int
        What was read back from file and runtime: versions, opset, threads, names.
    """

    def __init__(self, facts: dict[str, str | int]) -> None:
        self.facts = facts

    def predict(self, X: Array) -> Array:
        """Return the probabilities of class 1.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features), float32
            Raw rows.

        Returns
        -------
        ndarray
            Whatever the runtime answered; shape and values are judged by `verify`.
        """
        if X.ndim != 2 or X.dtype != np.float32:
            raise DataError(
                "rows", "a float32 array of shape (n_samples, n_features)", f"{X.dtype} {X.shape}", "convert"
            )
        return np.asarray(self._predict(np.ascontiguousarray(X)))

    @abstractmethod
    def _predict(self, X: Array) -> Any:
        """Call the runtime."""

    def close(self) -> None:  # noqa: B027 (most runtimes are freed with their object)
        """Free what the runtime holds."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


@dataclass(frozen=True, kw_only=True)
class Format:
    """One deployment format.

    Attributes
    ----------
    name, title : str
        Name in files and on the command line; name for people.
    chapter, order : int
        The chapter that tells of it, and its place there.
    framework : {"keras", "torch"}
        Where the network was trained, and whose answers are the reference.
    made_from : str
        "network" for the live network, or the name of the format whose file is converted.
    suffix : str
        What follows the name in the file name; a folder where it begins with a slash.
    runtime : str
        What loads it, for people.
    preload : tuple of str
        Modules that the runtime needs; imported before the clock starts.
    environment : mapping
        Environment variables of the process that runs it.
    forbidden : tuple of str
        Modules that must not be imported when it runs: the framework it leaves behind.
    export : callable
        ``export(source, path) -> facts``; `source` is the network, or the path of the `made_from` file.
    load : callable
        ``load(path) -> Runner``.
    stored_as : {"float32", "float16"}
        Type in which kernels are stored; decides the tolerance.
    good_for : str
        One clause on why this format exists.
    """

    name: str
    title: str
    chapter: int
    order: int
    framework: Literal["keras", "torch"]
    made_from: str = "network"
    suffix: str
    runtime: str
    preload: tuple[str, ...]
    forbidden: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    export: Callable[[Any, Path], dict[str, str | int]]
    load: Callable[[Path], Runner]
    stored_as: Literal["float32", "float16"] = "float32"
    good_for: str


def file_size_bytes(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return sum(file.stat().st_size for file in files)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file, or of the names and contents of all files in a folder."""
    if path.is_file():
        return hashlib.sha256(path.read_bytes()).hexdigest()
    sha = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        sha.update(f"{file.relative_to(path).as_posix()} {file.stat().st_size}\n".encode())
        sha.update(file.read_bytes())
    return sha.hexdigest()
