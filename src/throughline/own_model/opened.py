"""A loaded model: it names its inputs, answers them, and lets itself be disturbed as a type's rounding would."""

from __future__ import annotations

import importlib.util
import re
import sys
import traceback
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from throughline.errors import DataError, ForeignModuleError, UsageError, quoted
from throughline.own_model.noise import Noise
from throughline.own_model.source import Source
from throughline.weights import Array

# In which process a model is opened: the framework there, and what is imported before the call comes.
PRELOAD: dict[str, list[str]] = {
    "keras": ["!sklearn", "!matplotlib", "!torch", "tensorflow", "keras"],
    # Keras takes a hidden TensorFlow for an imported one: `check_apart` says that it stayed out instead.
    "keras-on-torch": ["!sklearn", "!matplotlib", "torch", "keras"],
    "torch": ["!tensorflow", "torch"],
    "savedmodel": ["!keras", "!torch", "tensorflow"],
    "onnx": ["onnx", "onnxruntime"],
}
ENVIRONMENT: dict[str, dict[str, str]] = {
    "keras": {"KERAS_BACKEND": "tensorflow"},
    "keras-on-torch": {"KERAS_BACKEND": "torch"},
    "torch": {},
    "savedmodel": {"TF_USE_LEGACY_KERAS": "1"},
    "onnx": {},
}
Shape = tuple[int | None, ...]


class OpenedModel(ABC):
    """A model in its framework.

    Attributes
    ----------
    inputs : list of str
        Names, in the order of the model's own arguments.
    dtypes : list of str
        One an input.
    shapes : list of tuple or None
        Of each input without the batch axis, None for what is free; None where the model does not say.
    scales_inputs : bool
        Whether the first thing it does is to scale its inputs, which an int8 file then takes in float32.
    """

    inputs: list[str]
    dtypes: list[str]
    shapes: Sequence[Shape | None]
    scales_inputs: bool = False

    @abstractmethod
    def answer(self, arrays: Sequence[Array]) -> dict[str, Array]:
        """Return all outputs by name, for inputs in the order of `inputs`."""

    @abstractmethod
    @contextmanager
    def disturbed(self, noise: Noise, rng: np.random.Generator) -> Iterator[bool]:
        """Move parameters, and inner values where the noise says so, until the context ends.

        Yields whether there was anything to move.
        """

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """Numbers that are stored."""

    def can_move_values(self) -> bool:
        """Return whether inner values can be reached."""
        return True


def aligned(
    names: Sequence[str], dtypes: Sequence[str], shapes: Sequence[Shape | None], sample: Mapping[str, Array]
) -> list[Array]:
    """Put sample arrays in the order of a model's inputs, in its types.

    Parameters
    ----------
    names, dtypes : sequence of str
        Of the model's inputs.
    shapes : sequence of tuple or None
        Without the batch axis, None for what is free.
    sample : mapping of str to ndarray

    Returns
    -------
    list of ndarray

    Raises
    ------
    DataError
        If an array is missing, has another shape, or does not fit into the type of its input.

    Examples
    --------
    >>> aligned(["a"], ["float32"], [(2,)], {"": np.array([[1, 2], [3, 4]])})[0].dtype
    dtype('float32')
    """
    found = in_order(names, sample)
    for name, array, shape in zip(names, found, shapes, strict=True):
        if shape is not None and not _fits(array.shape[1:], shape):
            allowed = f"rows of shape {_shape_in_words(shape)}"
            remedy = "save what the model takes, with one row for each example"
            raise DataError(f"--sample {name}", allowed, _shape_in_words(array.shape[1:]), remedy)
    return [_converted(name, array, dtype) for name, array, dtype in zip(names, found, dtypes, strict=True)]


def in_order(names: Sequence[str], sample: Mapping[str, Array]) -> list[Array]:
    """Return sample arrays by name; the only array is that of the only input, and NumPy's ``arr_0`` the first.

    Raises
    ------
    DataError
        If names or their number differ.
    """
    if len(sample) == len(names) and set(names) == set(sample):
        return [sample[name] for name in names]
    if len(sample) == len(names) and (len(names) == 1 or list(sample) == [f"arr_{i}" for i in range(len(names))]):
        return list(sample.values())
    allowed = f"one array for each input ({', '.join(names)})"
    received = f"{len(sample)}: {', '.join(name or 'one without a name' for name in sample)}"
    raise DataError("--sample", allowed, received, "save them with np.savez under these names")


def _fits(found: tuple[int, ...], wanted: Shape) -> bool:
    return len(found) == len(wanted) and all(n in (None, m) for n, m in zip(wanted, found, strict=True))


def _shape_in_words(shape: Shape) -> str:
    return "(" + ", ".join("any" if n is None else str(n) for n in shape) + ")"


def _converted(name: str, array: Array, dtype: str) -> Array:
    """Return an array in the type of its input, unless that would change what it says."""
    with np.errstate(over="ignore", invalid="ignore"):
        moved = array.astype(dtype)
        same = np.isfinite(moved).all() if moved.dtype.kind == "f" else np.array_equal(moved.astype(np.float64), array)
    if not same:
        kind = "finite in" if moved.dtype.kind == "f" else "whole numbers that fit into"
        low, high = array.min(), array.max()
        received = f"{array.dtype} from {low:g} to {high:g}"
        raise DataError(f"--sample {name}", f"{kind} the model's {dtype}", received, "save what the model takes")
    return np.ascontiguousarray(moved)


def plain_name(name: str) -> str:
    """Return a name that every format can hold.

    Examples
    --------
    >>> plain_name("block/out:0")
    'block_out_0'
    """
    return re.sub(r"\W", "_", name)


def call_factory(source: Source) -> Any:
    """Run the user's file and call its function.

    Raises
    ------
    UsageError
        If the function is not there, or raises something.
    """
    path = Path(source.path)
    sys.path.insert(0, str(path.parent))  # the file may import its neighbours
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None  # the suffix is .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    with _users_errors(path):
        spec.loader.exec_module(module)
    factory = getattr(module, source.factory, None)
    if not callable(factory):
        names = ", ".join(name for name in vars(module) if callable(getattr(module, name)) and name[0] != "_")
        raise UsageError("MODEL", f"a function of {quoted(path.name)} ({names})", quoted(source.factory), "name one")
    with _users_errors(path):
        return factory()


@contextmanager
def _users_errors(path: Path) -> Iterator[None]:
    """Say what went wrong in the user's file, and in which line of it."""
    try:
        yield
    except (Exception, SystemExit) as error:
        traceback.print_exc()
        lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
        where = f" in line {lines[-1]}" if lines else ""
        said = (str(error).strip().splitlines() or ["no message"])[0].rstrip(".")
        received = f"{type(error).__name__}{where} ({said})"
        raise UsageError("MODEL", f"a file that runs, {quoted(path.name)}", received, "correct it") from error


def check_apart() -> None:
    """Check that TensorFlow and PyTorch did not both come into this process.

    Raises
    ------
    ForeignModuleError
        If they did.
    """
    if sys.modules.get("tensorflow") is not None and sys.modules.get("torch") is not None:
        raise ForeignModuleError("TensorFlow and PyTorch must not share a process, but the model imports both.")


def open_model(source: Source, process: str, sample: Mapping[str, Array]) -> OpenedModel:
    """Load the model in the framework of this process.

    Parameters
    ----------
    source : Source
    process : str
        A key of `PRELOAD`.
    sample : mapping of str to ndarray
        Names and types of its arrays are what a PyTorch module's inputs are told by.
    """
    if process in ("keras", "keras-on-torch"):
        from throughline.own_model.keras_model import open_keras

        return open_keras(source)
    if process == "torch":
        from throughline.own_model.torch_model import open_torch

        return open_torch(source, sample)
    if process == "savedmodel":
        from throughline.own_model.tensorflow_model import open_savedmodel

        return open_savedmodel(source)
    from throughline.own_model.onnx_model import open_onnx

    return open_onnx(source)
