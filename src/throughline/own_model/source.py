"""What MODEL is, told from the file alone, and what loading it can do to whoever loads it."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from throughline.errors import DataError, UsageError, quoted
from throughline.spec import NetworkSpec
from throughline.weights import Weights, load_weights

Kind = Literal["keras", "savedmodel", "pt2", "torchscript", "pickle", "onnx", "neutral", "factory"]
ALLOWED = "a .keras, .pt2, TorchScript, .onnx or .safetensors file of ours, a SavedModel folder, or file.py:factory"
NEUTRAL_NAME = "weights.safetensors"
TITLES: dict[str, str] = {
    "keras": "Keras file",
    "savedmodel": "TensorFlow SavedModel",
    "pt2": "torch.export program",
    "torchscript": "TorchScript",
    "pickle": "pickled PyTorch module",
    "onnx": "ONNX",
    "neutral": "safetensors of ours",
    "factory": "factory",
}
# Said before the file is loaded.
SAFETY: dict[str, str] = {
    "keras": "Loaded in Keras' safe mode: Python code in the file is refused, not run.",
    "savedmodel": (
        "A SavedModel is a program of TensorFlow operators: it cannot bring Python code, but its operators may read "
        "and write files when it is loaded and run."
    ),
    "pt2": "A graph of operators and tensors: pickled objects, machine code and Python in it are refused, not run.",
    "torchscript": (
        "TorchScript is a program: it cannot bring Python code or unpickle objects, but its operators may read and "
        "write files when it is loaded and run."
    ),
    "pickle": "Trusted: unpickling runs whatever code the file names.",
    "onnx": "A graph of operators: no code is run, and operators from outside ONNX are refused.",
    "neutral": "Numbers and a specification: nothing in it is run.",
    "factory": "The file is Python code, and it is run with your rights.",
}
TRUSTED = "Trusted: code in the file may be run."


@dataclass(frozen=True)
class Source:
    """The model that was brought.

    Attributes
    ----------
    kind : str
    path : str
        File or folder.
    factory : str
        Name of the function, for a Python file.
    trust : bool
        Whether code that came with a file may be run.
    state : str
        Where the weights of a factory's model lie once it has been called, so that every process has the same.
    """

    kind: Kind
    path: str
    factory: str = ""
    trust: bool = False
    state: str = ""

    @property
    def name(self) -> str:
        """Name for people and for folders.

        Examples
        --------
        >>> Source("savedmodel", "/models/churn/3").name, Source("factory", "/models/net.py", "build").name
        ('churn-3', 'net-build')
        """
        path = Path(self.path)
        if self.kind == "factory":
            return f"{path.stem}-{self.factory}"
        if path.name.isdigit():  # servers number the versions of a SavedModel
            return f"{path.parent.name}-{path.name}"
        return path.name if self.kind == "savedmodel" else path.stem

    @property
    def title(self) -> str:
        """What it is."""
        return TITLES[self.kind]

    @property
    def safety(self) -> str:
        """What loading it can do."""
        return TRUSTED if self.trust and self.kind in ("keras", "pt2") else SAFETY[self.kind]


def find_source(model: str, trust: bool) -> Source:
    """Tell what was given.

    Parameters
    ----------
    model : str
        Path, or ``file.py:factory``.
    trust : bool

    Raises
    ------
    UsageError
        If it is none of the allowed kinds.
    """
    file, colon, factory = model.rpartition(":")
    if colon and file.endswith(".py"):
        if not Path(file).is_file():
            raise UsageError("MODEL", ALLOWED, f"{quoted(model)}, and there is no such file", "check the path")
        if not factory.isidentifier():
            raise UsageError("MODEL", "file.py:factory", quoted(model), "name a function of the file")
        return Source("factory", str(Path(file).resolve()), factory, trust)
    path = Path(model)
    if not path.exists():
        raise UsageError("MODEL", ALLOWED, f"{quoted(model)}, which is not there", "check the path")
    return Source(_kind(path, trust), str(path.resolve()), trust=trust)


def _kind(path: Path, trust: bool) -> Kind:
    suffix = path.suffix.lower()
    if path.is_dir():
        if (path / "saved_model.pb").is_file():
            return "savedmodel"
        if (path / NEUTRAL_NAME).is_file():
            return "neutral"
        raise UsageError("MODEL", ALLOWED, f"the folder {quoted(path)} without saved_model.pb", "name the folder in it")
    by_suffix: dict[str, Kind] = {".keras": "keras", ".pt2": "pt2", ".onnx": "onnx", ".safetensors": "neutral"}
    if suffix in by_suffix:
        return by_suffix[suffix]
    if suffix in (".pt", ".pth", ".ts", ".jit"):
        if _is_torchscript(path):
            return "torchscript"
        if trust:
            return "pickle"
        received = f"{quoted(path)}, a pickled PyTorch file that could run code"
        remedy = "build the module in file.py:factory and load its weights there, or add --trust"
        raise DataError("MODEL", ALLOWED, received, remedy)
    if suffix == ".py":
        raise UsageError("MODEL", "file.py:factory", quoted(path), "add a colon and the name of the function")
    raise UsageError("MODEL", ALLOWED, quoted(path), "save it as one of these")


def _is_torchscript(path: Path) -> bool:
    """Return whether the archive holds code of TorchScript; a pickled state has none."""
    if not zipfile.is_zipfile(path):
        return False
    with zipfile.ZipFile(path) as archive:
        return any("/code/" in name for name in archive.namelist())


def neutral_weights(path: Path) -> tuple[Weights, NetworkSpec]:
    """Read safetensors of ours; a folder holds them beside their specification.

    Raises
    ------
    DataError
        If the file is damaged, or none of ours.
    """
    return load_weights(path / NEUTRAL_NAME if path.is_dir() else path)
