"""What a format is, how a network gets there, and what runs its files.

A `Format` describes one deployment format: the routes that lead to it, how to load it, which framework its
runtime must do without, and how its parameters are stored, from which the tolerance is derived.

Every format can be made out of every framework's network. A `Route` begins in one framework, or in none where the
neutral `Weights` suffice; a network of another framework is first rebuilt there from its `Weights`.
"""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np

from throughline.errors import DataError
from throughline.spec import FRAMEWORK_TITLES, NAME_OF_OUTPUT, NetworkSpec
from throughline.weights import Array, Weights

FrameworkName = Literal["keras", "torch"]
Facts = dict[str, str | int]
EXPORTING_FRAMEWORKS: tuple[FrameworkName, FrameworkName] = ("keras", "torch")


@dataclass(frozen=True, kw_only=True)
class Port:
    """One input or output, as the file declares it.

    Attributes
    ----------
    name, dtype : str
        Empty where the file does not say.
    shape : list of (int or None), or None
        None in the place of a free axis; None altogether where the file does not say.
    """

    name: str = ""
    dtype: str = ""
    shape: list[int | None] | None = None


class Runner(ABC):
    """A loaded artefact that answers raw rows; a context manager.

    The base class owns the checks; a format only says how its runtime is called in `_predict`.

    Attributes
    ----------
    facts : dict of str to str or int
        What was read back from file and runtime: versions, opset, threads, names.
    inputs, outputs : list of Port
        What the file declares; empty where it declares nothing.
    """

    def __init__(self, facts: dict[str, str | int], inputs: Sequence[Port] = (), outputs: Sequence[Port] = ()) -> None:
        self.facts = facts
        self.inputs, self.outputs = list(inputs), list(outputs)

    def predict(self, X: Array) -> Array:
        """Return the probabilities of class 1 or of each class, or the values.

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
class ExportInputs:
    """What an exporter may draw on.

    Attributes
    ----------
    network : object
        Live network of the framework in which the route begins.
    spec : NetworkSpec
    weights : Weights
        The same network in the neutral form.
    rows : ndarray of shape (n_samples, n_features), float32
        Raw rows of the training split, for ranges of activations; never those on which the file is judged.
    files : mapping of str to Path
        Artefacts made before from the same network, by format.
    """

    network: Any
    spec: NetworkSpec
    weights: Weights
    rows: Array
    files: Mapping[str, Path]


@dataclass(frozen=True, kw_only=True)
class Route:
    """One way from a network to a file.

    Attributes
    ----------
    framework : {"keras", "torch", "any"}
        Whose network the exporter takes; "any" where `Weights` are enough.
    made_from : str
        "network", "weights", or the name of the format whose file is converted.
    export : callable
        ``export(inputs, path) -> facts``.
    """

    framework: Literal["keras", "torch", "any"]
    made_from: str = "network"
    export: Callable[[ExportInputs, Path], Facts]


@dataclass(frozen=True, kw_only=True)
class LayerSteps:
    """How far apart the numbers are that an int8 file can store around one dense layer; 0 stands for float32.

    Attributes
    ----------
    kernel : list of float
        Step of the kernel, one an output unit.
    input : float or None
        Step of the layer's input; None where every row gets its own from its largest value.
    input_range : (float, float) or None
        What the input is clipped to.
    pre_activation : float
        Step of the sums before the activation, where they are stored.
    pre_activation_range : (float, float) or None
    """

    kernel: list[float]
    input: float | None
    input_range: tuple[float, float] | None = None
    pre_activation: float = 0.0
    pre_activation_range: tuple[float, float] | None = None


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """What an int8 file rounds and how coarsely, read back from it.

    Attributes
    ----------
    layers : list of LayerSteps
        Input to output.
    output : float
        Step of the probability; 0 stands for float32.
    """

    layers: list[LayerSteps]
    output: float = 0.0


@dataclass(frozen=True, kw_only=True)
class StoredArray:
    """One array of parameters as a file holds it.

    Attributes
    ----------
    values : ndarray
        Laid out as in `Weights`, in the type of the file; integers without their step.
    step : ndarray or None
        What one stands for, where integers are stored: one step for all, or one for each output unit.
    """

    values: Array
    step: Array | None = None


# By the names of `Weights.named_arrays`; the scaling only where it is stored as mean and standard deviation. A first
# layer that takes raw rows, since the scaling was folded into it, has this name before "kernel" and "bias".
FOLDED = "folded_1."
Parameters = dict[str, StoredArray]


def named_parameters(layers: Iterable[tuple[StoredArray, StoredArray | None]]) -> Parameters:
    """Name kernel and bias of each dense layer, input to output, as far as the file has a bias."""
    named: Parameters = {}
    for i, (kernel, bias) in enumerate(layers, start=1):
        named |= {f"dense_{i}.kernel": kernel} | ({f"dense_{i}.bias": bias} if bias is not None else {})
    return named


@dataclass(frozen=True, kw_only=True)
class Format:
    """One deployment format.

    Attributes
    ----------
    name, title : str
        Name in files and on the command line; name for people.
    chapter, order : int
        The chapter that tells of it, and its place there; chapter 8 is why there are several formats.
    framework : {"keras", "torch"}
        The framework whose network a run exports when nothing else is asked for.
    routes : tuple of Route
        In the order of preference.
    in_every_run : bool
        Whether its chapter exports it unasked.
    suffix : str
        What follows the name in the file name; a folder where it begins with a slash.
    runtime : str
        What loads it, for people.
    runs_on : str
        Where that runtime exists, for people.
    largest_batch : int or None
        Most rows in one call, where the file fixes that; None where the batch is free.
    preload : tuple of str
        Modules that the runtime needs; imported before the clock starts, or hidden where "!" leads.
    packages : tuple of str
        Modules that the exporters need beside their framework.
    programs : tuple of str
        Programs of the system that exporter or runtime call.
    extra : str
        The extra that installs what the default installation lacks; empty if there is none.
    environment : mapping
        Environment variables of the process that runs it.
    forbidden : tuple of str
        Modules that must not be imported when it runs: the framework it leaves behind.
    load : callable
        ``load(path) -> Runner``.
    opener : str
        Entry of ``RUNTIMES`` in `bundle.check` that opens the file without this package; empty where there is none, and
        then the format goes into no bundle.
    distributions : tuple of str
        What a receiver installs to run it, NumPy aside.
    stored_as : {"float32", "float16", "int8"}
        Type in which kernels are stored; decides the tolerance.
    short_from : int
        Kernels with fewer entries stay in float32.
    computed_in : {"float32", "bfloat16", "int8"}
        Coarsest type in which the runtime multiplies; decides the tolerance.
    read_quantization : callable or None
        ``read_quantization(path) -> Quantization`` of an int8 file.
    port_names : (str, str) or None
        What the file calls its input and its output, of a network with one probability; None where it has no names.
    parts : tuple of str
        Files that must lie in its folder, or members of its archive.
    read_foreign_operators : callable or None
        ``read_foreign_operators(path) -> list of str``: operators of the file that its plain runtime does not have.
    read_facts : callable or None
        ``read_facts(path) -> facts``: versions that the file itself states, where its runtime does not say them.
    read_parameters : callable or None
        ``read_parameters(path) -> Parameters``: what the file stores, read without answering a row.
    stores_bare_arrays : bool
        Whether, where nothing reads them, kernels and biases lie bit for bit among its bytes.
    read_layers : callable or None
        ``read_layers(path, X) -> list of ndarray``: the pre-activations of each dense layer on some rows.
    good_for : str
        One clause on why this format exists.
    """

    name: str
    title: str
    chapter: int
    order: int
    framework: FrameworkName
    routes: tuple[Route, ...]
    in_every_run: bool = False
    suffix: str
    runtime: str
    runs_on: str
    largest_batch: int | None = None
    preload: tuple[str, ...]
    packages: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    extra: str = ""
    forbidden: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)
    load: Callable[[Path], Runner]
    opener: str = ""
    distributions: tuple[str, ...] = ()
    stored_as: Literal["float32", "float16", "int8"] = "float32"
    short_from: int = 0
    computed_in: Literal["float32", "bfloat16", "int8"] = "float32"
    read_quantization: Callable[[Path], Quantization] | None = None
    port_names: tuple[str, str] | None = None
    parts: tuple[str, ...] = ()
    read_foreign_operators: Callable[[Path], list[str]] | None = None
    read_facts: Callable[[Path], Facts] | None = None
    read_parameters: Callable[[Path], Parameters] | None = None
    stores_bare_arrays: bool = False
    read_layers: Callable[[Path, Array], list[Array]] | None = None
    good_for: str

    def route_from(self, source: str) -> Route:
        """Return the route that a framework's network takes: its own, else one that needs none, else the first."""
        for framework in (source, "any"):
            for route in self.routes:
                if route.framework == framework:
                    return route
        return self.routes[0]

    def names_for(self, spec: NetworkSpec) -> tuple[str, str] | None:
        """Return what the file of a network calls its input and its output, or None where it has no names for them.

        Examples
        --------
        >>> from throughline.formats import find_format
        >>> find_format("onnx-float32").names_for(NetworkSpec(n_inputs=2, output="linear"))
        ('features', 'value')
        """
        if self.port_names is None or self.port_names[1] != NAME_OF_OUTPUT["sigmoid"]:
            return self.port_names  # what it calls the answer does not depend on what that is
        return self.port_names[0], spec.output_name

    def is_told(self, source: FrameworkName) -> bool:
        """Return whether a run exports it unasked from the network of `source`."""
        return self.in_every_run and source == self.framework

    def exporting_framework(self, source: FrameworkName) -> FrameworkName:
        """Return the framework in whose process the network of `source` is exported."""
        framework = self.route_from(source).framework
        return source if framework == "any" else framework


def describe_route(form: Format, source: FrameworkName, formats: Mapping[str, Format]) -> str:
    """Return the stations from a framework's network to the file.

    Examples
    --------
    >>> from throughline.formats import find_format, load_formats
    >>> describe_route(find_format("tflite-float16"), "torch", load_formats())
    'PyTorch > weights > Keras > TensorFlow SavedModel > TFLite float16'
    """
    route = form.route_from(source)
    if route.made_from in formats:
        return f"{describe_route(formats[route.made_from], source, formats)} > {form.title}"
    stations = [FRAMEWORK_TITLES[source]]
    if route.framework not in (source, "any"):
        stations += ["weights", FRAMEWORK_TITLES[route.framework]]
    elif route.made_from == "weights":
        stations.append("weights")
    return " > ".join([*stations, form.title])


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
