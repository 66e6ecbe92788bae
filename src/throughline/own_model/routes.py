"""Which formats a model gets to, through which exporter, and in one sentence why not to the others."""

from __future__ import annotations

import ast
import importlib.util
from dataclasses import dataclass
from pathlib import Path

from throughline.errors import UsageError, quoted
from throughline.own_model.source import Source

HERE = "throughline.own_model."
# What a model is a model of; ours is built anew in either framework.
FAMILIES = {
    "keras": "keras",
    "savedmodel": "tensorflow",
    "pt2": "torch",
    "torchscript": "torch",
    "pickle": "torch",
    "onnx": "onnx",
    "neutral": "ours",
}
# The process in which a family's own answers are taken.
SOURCE_PROCESS = {"keras": "keras", "tensorflow": "savedmodel", "torch": "torch", "onnx": "onnx", "ours": "torch"}


@dataclass(frozen=True)
class Route:
    """One way to a format.

    Attributes
    ----------
    process : str
        A key of `throughline.own_model.opened.PRELOAD`, or of `CONVERTERS` where a file alone is converted.
    export : str
        ``"module:function"``.
    made_from : str
        Format whose file is converted; empty for the model itself, "MODEL" where its own file is converted.
    extra : str
        The extra that brings what this route needs beyond the format's own packages.
    """

    process: str
    export: str
    made_from: str = ""
    extra: str = ""

    @property
    def missing(self) -> str:
        """What is not installed for this route, with the line that installs it; empty if nothing."""
        names = [name for name in EXTRAS.get(self.extra, ()) if importlib.util.find_spec(name) is None]
        return f"{', '.join(names)} is not installed: pip install 'throughline[{self.extra}]'" if names else ""


# What the extras of routes bring.
EXTRAS = {"litert-torch": ("litert_torch", "ai_edge_quantizer")}
# Processes that see a file and no model: what they import before the call comes.
CONVERTERS: dict[str, list[str]] = {
    "tensorflow": ["!torch", "tensorflow"],
    "onnx-file": ["onnx", "onnxruntime"],
    "openvino": ["openvino"],
    "numpy": ["numpy"],
    "quantizer": ["!torch", "!tensorflow", "ai_edge_quantizer"],
}
TFLITE = ("tflite-float32", "tflite-float16", "tflite-dynamic", "tflite-int8")
TORCH = ("torchscript", "torch-export", "aotinductor", "executorch", "onnx-float32")
ONNX_FILES = ("onnx-float16", "onnx-int8")
OPENVINO = ("openvino", "openvino-default")


def _tflite(made_from: str) -> dict[str, Route]:
    return {
        name: Route("tensorflow", HERE + f"tensorflow_exports:export_{name.replace('-', '_')}", made_from)
        for name in TFLITE
    }


def _litert() -> dict[str, Route]:
    """TFLite from PyTorch: one batch size, and the shorter types from the file in float32."""
    exports, extra = HERE + "litert_exports:export_", "litert-torch"
    first, *others = TFLITE
    return {first: Route("torch", exports + "float32", extra=extra)} | {
        name: Route("quantizer", exports + name.removeprefix("tflite-"), first, extra) for name in others
    }


def _openvino(made_from: str) -> dict[str, Route]:
    return {name: Route("openvino", HERE + "openvino_exports:export", made_from) for name in OPENVINO}


def _torch(process: str) -> dict[str, Route]:
    return {name: Route(process, HERE + f"torch_exports:export_{name.replace('-', '_')}") for name in TORCH}


def _onnx_files(made_from: str) -> dict[str, Route]:
    return {
        name: Route("onnx-file", HERE + f"onnx_exports:export_{name.removeprefix('onnx-')}", made_from)
        for name in ONNX_FILES
    }


_OF_KERAS = {
    "keras": Route("keras", HERE + "keras_exports:export_keras"),
    "savedmodel": Route("keras", HERE + "keras_exports:export_savedmodel"),
    **_tflite("savedmodel"),
}
ROUTES: dict[str, dict[str, Route]] = {
    "keras": {
        **_OF_KERAS,
        **_torch("keras-on-torch"),
        **_onnx_files("onnx-float32"),
        **_openvino("savedmodel"),
    },
    "torch": {**_torch("torch"), **_litert(), **_onnx_files("onnx-float32"), **_openvino("onnx-float32")},
    "ours": {
        **_OF_KERAS,
        **_torch("torch"),
        **_onnx_files("onnx-float32"),
        **_openvino("onnx-float32"),
        "neutral": Route("numpy", HERE + "neutral_exports:export_neutral", "MODEL"),
        "c99": Route("numpy", HERE + "neutral_exports:export_c99", "MODEL"),
    },
    "tensorflow": {**_tflite("MODEL"), **_openvino("MODEL")},
    "onnx": {**_onnx_files("MODEL"), **_openvino("MODEL")},
}
_DENSE_ALONE = "it holds the package's own dense networks alone; throughline run --formats makes it"
_TF2ONNX = "the way from TensorFlow's graphs is tf2onnx, which is no part of this installation; export the .keras file"
REASONS: dict[tuple[str, str], str] = {
    ("torch", "keras"): "a graph of PyTorch operators has no Keras layers to be turned into",
    ("torch", "savedmodel"): "PyTorch has no exporter to TensorFlow",
    **{("tensorflow", name): _TF2ONNX for name in ("onnx-float32", *ONNX_FILES)},
    ("tensorflow", "keras"): "a SavedModel is a graph of operators, without the layers of a .keras file",
    ("tensorflow", "savedmodel"): "MODEL is one itself",
    ("onnx", "onnx-float32"): "MODEL is one itself",
}
_ELSEWHERE = {
    "tensorflow": "TensorFlow has no exporter to PyTorch",
    "onnx": "ONNX has no importer to {framework} in this installation",
}


def find_route(family: str, format_name: str) -> Route | str:
    """Return the route, or a sentence on why there is none.

    Examples
    --------
    >>> find_route("torch", "savedmodel")
    'PyTorch has no exporter to TensorFlow'
    >>> find_route("keras", "onnx-float32").process
    'keras-on-torch'
    """
    route = ROUTES[family].get(format_name)
    if route is not None:
        return route
    if format_name in ("c99", "neutral"):
        return _DENSE_ALONE
    framework = "PyTorch" if format_name in TORCH else "TensorFlow"
    return REASONS.get((family, format_name)) or _ELSEWHERE[family].format(framework=framework)


def find_family(source: Source) -> str:
    """Tell the framework of a model; a factory's by what its file imports, before anything of it is run.

    Raises
    ------
    UsageError
        If the file imports neither framework, or both.
    """
    if source.kind != "factory":
        return FAMILIES[source.kind]
    try:
        tree = ast.parse(Path(source.path).read_text(encoding="utf-8"))
    except (SyntaxError, ValueError) as error:
        raise UsageError("MODEL", "Python code", f"{quoted(source.path)} ({error})", "correct it") from error
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    roots = {name.split(".")[0] for name in imported}
    of_keras, of_torch = bool(roots & {"keras", "tensorflow"}), "torch" in roots
    if of_keras == of_torch:
        received = "both" if of_keras else "neither"
        remedy = "import the one that it builds on; the two never share a process"
        raise UsageError("MODEL", "a file that imports keras or torch", received, remedy)
    return "keras" if of_keras else "torch"
