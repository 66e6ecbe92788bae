#!/usr/bin/env python3
"""Prove, on this machine, that the files of this bundle still give the answers they were sent with.

    python check.py                        every artefact, one after another
    python check.py onnx-float32           only those that are named
    python check.py --json                 one JSON document instead of text

It needs Python 3.10 or newer, NumPy, and the runtime of each artefact that it is to prove: `manifest.json` says which
version, and what is missing is said together with the line that installs it. Nothing is installed, fetched or written;
only the C99 source is compiled, in a temporary folder. An artefact is opened in a process of its own.

It is meant to be read, and to be imported: where the model was trained on a table, `encode` makes of its raw rows the
numbers that an artefact takes, by nothing but `manifest.json`:

    from check import encode, read_manifest
    rows = encode(read_manifest(Path("send"))["table"], [{"city": "Bern", "age": "31"}])

`main` is at the end, `RUNTIMES` says how each kind of file is opened, and `prove` holds the checks. They are made in
this order, and the first that fails ends the check of an artefact:

    intact     every file is there, none was added, and each has the SHA-256 of SHA256SUMS and of manifest.json
    table      `encode` gives for the examples in the manifest the numbers that stand beside them
    names      inputs and outputs are called what the manifest says
    types      and have the types it says
    shapes     and the axes it says; as many answers come back as rows were given, in any batch, for every output
    values     no answer is further from that of the source network than the tolerance of its row, and none is further
               from what this very file answered when the bundle was made than the arithmetic of another processor
               explains; every output of every row has its own tolerance
    labels     where an output tells classes, no label differs from the one it had then, but for rows within their
               tolerance of the threshold
    batches    a row's answer does not depend on the rows beside it: in batches of every size that the manifest lists

A checksum inside a bundle tells damage, not intent: who can change a file can change its checksum. The line
"bundle ..." is the SHA-256 of SHA256SUMS; compare it with what the sender told you by another way. No program can vouch
for itself: `sha256sum -c SHA256SUMS` vouches for this one. Opening an artefact gives its runtime a file from outside;
`aotinductor` is machine code, and `c99` is compiled, so take those from where you would take a program.

Exit status
    0   every artefact that was asked for passed
    1   something is not as it was sent: a file is damaged, missing or was added, or an artefact failed a check
    2   misuse: no such artefact or option, or this is not the folder of a bundle
    3   nothing failed, but a runtime is missing here, so not everything was proven
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import importlib.metadata
import importlib.util
import io
import json
import math
import os
import platform
import re
import shutil
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from datetime import time as time_of_day
from functools import partial
from pathlib import Path
from typing import Any

try:
    import numpy as np
except ModuleNotFoundError:
    print("check.py must be run with NumPy, but it is not installed: pip install numpy.", file=sys.stderr)
    raise SystemExit(3) from None

PASSED, FAILED, MISUSE, MISSING = 0, 1, 2, 3
FORMAT_VERSION = 2
MANIFEST, SUMS = "manifest.json", "SHA256SUMS"
KINDS = ("answers", "tolerance", "repeats")  # of arrays that each artefact has, in the order of `Rows`
WARM_UP_CALLS, TIMED_CALLS, TIMED_S = 20, 400, 0.3
# One thread, no accelerator, no messages about the user's habits to anyone.
ENVIRONMENT = {
    "CUDA_VISIBLE_DEVICES": "-1",
    "KERAS_BACKEND": "tensorflow",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "OPENVINO_TELEMETRY_DISABLE": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "PYTHONSAFEPATH": "1",  # a file of the bundle must not pass for a package
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
}


class Mismatch(Exception):
    """Something is not as the manifest says; `check` is one of the names in the list above."""

    def __init__(self, check: str, said: str) -> None:
        super().__init__(said)
        self.check = check


@dataclass
class Opened:
    """An artefact in its runtime.

    `inputs` and `outputs` are what the file itself says, in its own order: a name, a type and a shape each, None where
    it says nothing and None for an axis that is free; empty where it says nothing at all. `answer` takes one array for
    each input and returns one for each output.
    """

    runtime: str
    answer: Callable[[list[Any]], list[Any]]
    inputs: list[dict[str, Any]] = field(default_factory=list)
    outputs: list[dict[str, Any]] = field(default_factory=list)


# ---------------------------------------------------------------------------------------------------------------------
# How each kind of file is opened


def open_onnx(path: Path) -> Opened:
    """ONNX Runtime, on the CPU, with one thread."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    short = {"float": "float32", "double": "float64"}  # all others are called as in NumPy

    def described(entry: Any) -> dict[str, Any]:
        inner = entry.type.removeprefix("tensor(").removesuffix(")")
        return tensor(entry.name, short.get(inner, inner), entry.shape)

    sources, targets = session.get_inputs(), session.get_outputs()
    names = [entry.name for entry in sources]

    def answer(arrays: list[Any]) -> list[Any]:
        found: list[Any] = session.run(None, dict(zip(names, arrays, strict=True)))
        return found

    runtime = f"ONNX Runtime {onnxruntime.__version__}"
    return Opened(runtime, answer, [described(entry) for entry in sources], [described(entry) for entry in targets])


def open_litert(path: Path) -> Opened:
    """LiteRT's interpreter, with one thread, resized to each batch; names are those of its signature."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    signature = interpreter.get_signature_runner("serving_default")
    sources, targets = signature.get_input_details(), signature.get_output_details()
    places, results = ([entry["index"] for entry in details.values()] for details in (sources, targets))
    n_rows = 0

    def described(name: str, details: Any) -> dict[str, Any]:
        # `shape` says 1 where the batch is free; `shape_signature` says -1.
        return tensor(name, np.dtype(details["dtype"]).name, details["shape_signature"].tolist())

    def answer(arrays: list[Any]) -> list[Any]:
        nonlocal n_rows
        if len(arrays[0]) != n_rows:
            for place, array in zip(places, arrays, strict=True):
                interpreter.resize_tensor_input(place, array.shape)
            interpreter.allocate_tensors()
            n_rows = len(arrays[0])
        for place, array in zip(places, arrays, strict=True):
            interpreter.set_tensor(place, array)
        interpreter.invoke()
        return [interpreter.get_tensor(result) for result in results]

    inputs, outputs = ([described(*entry) for entry in details.items()] for details in (sources, targets))
    return Opened(f"LiteRT {version('ai-edge-litert')}", answer, inputs, outputs)


def open_savedmodel(path: Path, called: str = "serving_default") -> Opened:
    """TensorFlow, through the signature that a server calls."""
    import tensorflow as tf

    # The loaded object owns the variables: `answer` keeps it, or they would be freed.
    loaded = tf.saved_model.load(str(path), tags=["serve"])
    signature = loaded.signatures[called]
    sources, targets = signature.structured_input_signature[1], signature.structured_outputs
    if called != "serving_default":  # TensorFlow gives the inputs of a signature in no order
        sources = dict(sorted(sources.items()))

    def answer(arrays: list[Any], owner: Any = loaded) -> list[Any]:
        given = {name: tf.constant(array) for name, array in zip(sources, arrays, strict=True)}
        found = signature(**given)
        return [found[name].numpy() for name in targets]

    inputs, outputs = (
        [tensor(name, entry.dtype.name, entry.shape.as_list()) for name, entry in entries.items()]
        for entries in (sources, targets)
    )
    return Opened(f"TensorFlow {tf.__version__}", answer, inputs, outputs)


def open_keras(path: Path) -> Opened:
    """Keras, in safe mode: nothing from the file is executed."""
    import keras

    network = keras.saving.load_model(path, compile=False, safe_mode=True)
    # Inputs in a dictionary or a list are given as the network was built to take them.
    structure = getattr(network, "_inputs_struct", None)
    names = getattr(network, "output_names", [network.outputs[0].name])

    def answer(arrays: list[Any]) -> list[Any]:
        packed = arrays[0] if structure is None else keras.tree.pack_sequence_as(structure, arrays)
        return flat(network.predict_on_batch(packed))

    inputs = [tensor(entry.name, entry.dtype, entry.shape) for entry in network.inputs]
    outputs = [tensor(name, each.dtype, each.shape) for name, each in zip(names, network.outputs, strict=True)]
    return Opened(f"Keras {keras.__version__}", answer, inputs, outputs)


def open_torchscript(path: Path) -> Opened:
    """PyTorch's TorchScript interpreter; the file keeps the names of its arguments, and neither types nor shapes."""
    import torch

    torch.set_num_threads(1)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning)
        program = torch.jit.load(str(path), map_location="cpu").eval()
    arguments = program.forward.schema.arguments[1:]
    inputs = [tensor(argument.name, None, None) for argument in arguments]
    return Opened(f"PyTorch {torch.__version__}", torch_caller(program), inputs)


def open_torch_export(path: Path) -> Opened:
    """PyTorch's exported graph; pickled objects in the archive are refused."""
    import torch

    torch.set_num_threads(1)
    program = torch.export.load(path)
    values = {node.name: node.meta.get("val") for node in program.graph.nodes}
    signature = program.graph_signature
    inputs, outputs = (
        [tensor(name, str(values[name].dtype).split(".")[-1], values[name].shape) for name in names]
        for names in (signature.user_inputs, signature.user_outputs)
    )
    return Opened(f"PyTorch {torch.__version__}", torch_caller(program.module()), inputs, outputs)


def open_aotinductor(path: Path) -> Opened:
    """Machine code that PyTorch loads; it names nothing."""
    import torch
    import torch._inductor

    torch.set_num_threads(1)
    program = torch._inductor.aoti_load_package(str(path))
    return Opened(f"PyTorch {torch.__version__}", torch_caller(program))


def open_executorch(path: Path) -> Opened:
    """ExecuTorch, whose Python binding takes and gives PyTorch tensors."""
    from executorch.runtime import Runtime

    program = Runtime.get().load_program(path)
    method = program.load_method("forward")

    def call(*tensors: Any, owner: Any = program) -> Any:
        return method.execute(list(tensors))

    return Opened(f"ExecuTorch {version('executorch')}", torch_caller(call))


def open_openvino_in_float32(path: Path) -> Opened:
    """OpenVINO, asked for float32: on some processors it would compute in bfloat16."""
    return open_openvino(path, {"INFERENCE_PRECISION_HINT": "f32"})


def open_openvino(path: Path, hint: dict[str, str] | None = None) -> Opened:
    """OpenVINO on the CPU, with one thread and a precision of its own choice."""
    import openvino

    settings = {"INFERENCE_NUM_THREADS": 1, **(hint or {})}
    compiled = openvino.Core().compile_model(str(path / "network.xml"), "CPU", settings)
    request = compiled.create_infer_request()

    def described(port: Any) -> dict[str, Any]:
        shape = [None if axis.is_dynamic else axis.get_length() for axis in port.partial_shape]
        name = min(port.get_names(), default=None)  # a port may have several
        return tensor(name, np.dtype(port.element_type.to_dtype()).name, shape)

    def answer(arrays: list[Any]) -> list[Any]:
        found = request.infer(dict(enumerate(arrays)))
        return [found[port].copy() for port in compiled.outputs]  # the request reuses its memory

    inputs, outputs = ([described(port) for port in ports] for ports in (compiled.inputs, compiled.outputs))
    return Opened(f"OpenVINO {version('openvino')}", answer, inputs, outputs)


def open_neutral(path: Path) -> Opened:
    """NumPy, from the arrays of the safetensors file and the specification beside it: no package reads them for us."""
    with (path / "weights.safetensors").open("rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        body = file.read()
    spec = json.loads((path / "spec.json").read_text(encoding="utf-8"))
    if json.loads(header.pop("__metadata__")["network_spec"]) != spec:
        raise Mismatch("intact", "spec.json is not the specification inside weights.safetensors")
    types = {"F32": "<f4", "F64": "<f8"}
    arrays = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        arrays[name] = np.frombuffer(body[start:end], types[entry["dtype"]]).reshape(entry["shape"])
    mean, std = arrays["scaling.mean"], arrays["scaling.std"]
    kernels = [arrays[f"dense_{layer}.kernel"] for layer in range(1, len(spec["hidden_units"]) + 2)]
    biases = [arrays[f"dense_{layer}.bias"] for layer in range(1, len(spec["hidden_units"]) + 2)]
    hidden, output = ACTIVATIONS[spec["hidden_activation"]], ACTIVATIONS[spec.get("output", "sigmoid")]

    def answer(arrays: list[Any]) -> list[Any]:
        a = features((arrays[0].astype(mean.dtype) - mean) / std, spec.get("columns", []))
        for kernel, bias in list(zip(kernels, biases, strict=True))[:-1]:
            a = hidden(a @ kernel + bias)
        return [output(a @ kernels[-1] + biases[-1])]

    inputs, outputs = tensor(None, mean.dtype.name, [None, len(mean)]), tensor(None, mean.dtype.name, None)
    return Opened(f"NumPy {np.__version__}", answer, [inputs], [outputs])


def features(scaled: Any, columns: list[dict[str, Any]]) -> Any:
    """Return what the first layer takes of rows that are scaled: numbers without gaps, flags, a 1 for each label."""
    if not columns:
        return scaled
    made = []
    for i, column in enumerate(columns):
        if column["encoding"] != "category":
            made.append(np.where(np.isnan(scaled[:, i]), np.asarray(column["fill"], scaled.dtype), scaled[:, i]))
    made += [np.isnan(scaled[:, i]) for i, column in enumerate(columns) if column["flag_missing"]]
    for i, column in enumerate(columns):
        if column["encoding"] == "category":
            made += [np.abs(scaled[:, i] - code) < 0.5 for code in range(len(column["labels"]) + 1)]
    return np.stack(made, axis=1).astype(scaled.dtype)


def sigmoid(z: Any) -> Any:
    """Return 1 / (1 + exp(-z)) without overflow."""
    small = np.exp(-np.abs(z))
    return np.where(z >= 0, 1 / (1 + small), small / (1 + small)).astype(z.dtype)


def softmax(z: Any) -> Any:
    """Return the probability of each class."""
    powers = np.exp(z - z.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def gelu(z: Any) -> Any:
    """Return z times the normal distribution at z; NumPy has no error function, the standard library has."""
    erf = np.vectorize(math.erf, otypes=[np.float64])
    return (0.5 * z * (1 + erf(z / math.sqrt(2)))).astype(z.dtype)


ACTIVATIONS: dict[str, Callable[[Any], Any]] = {
    "relu": lambda z: np.maximum(z, 0),
    "tanh": np.tanh,
    "sigmoid": sigmoid,
    "softmax": softmax,
    "gelu": gelu,
    "linear": lambda z: z,
}

C_LOOP = """\
#include "network.h"
#include <stddef.h>
void predict_rows(const float rows[], size_t n_rows, float answers[]);
void predict_rows(const float rows[], size_t n_rows, float answers[])
{
    for (size_t k = 0U; k < n_rows; ++k) {
        network_predict(&rows[k * NETWORK_N_INPUTS], &answers[k * NETWORK_N_OUTPUTS]);
    }
}
size_t n_inputs(void);
size_t n_inputs(void) { return NETWORK_N_INPUTS; }
size_t n_outputs(void);
size_t n_outputs(void) { return NETWORK_N_OUTPUTS; }
"""


def open_c99(path: Path) -> Opened:
    """Compile with the system's C compiler, every warning an error, with a loop over rows around the function."""
    with tempfile.TemporaryDirectory() as folder:
        loop, library = Path(folder) / "loop.c", Path(folder) / "network.so"
        loop.write_text(C_LOOP, encoding="ascii")
        command = ["cc", "-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O2", "-fPIC"]
        command += ["-shared", f"-I{path}", str(path / "network.c"), str(loop), "-o", str(library), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise Mismatch("intact", f"the source does not compile: {(done.stderr.splitlines() or ['no message'])[0]}")
        functions = ctypes.CDLL(str(library))  # stays loaded when the file is gone
    functions.predict_rows.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
    functions.predict_rows.restype = None
    for count in (functions.n_inputs, functions.n_outputs):
        count.restype = ctypes.c_size_t
    n_inputs, n_outputs = functions.n_inputs(), functions.n_outputs()

    def answer(arrays: list[Any]) -> list[Any]:
        (X,) = arrays
        if X.shape[1:] != (n_inputs,) or X.dtype != np.float32:  # C would read on behind the row
            raise Mismatch("shapes", f"it takes {n_inputs} features, but rows are {X.dtype} {X.shape[1:]}")
        answers = np.empty((len(X), n_outputs), np.float32)
        functions.predict_rows(X.ctypes.data, len(X), answers.ctypes.data)
        return [answers]

    said = subprocess.run(["cc", "-dumpfullversion"], capture_output=True, text=True, check=False).stdout.strip()
    inputs, outputs = ([tensor(None, "float32", [None, n])] for n in (n_inputs, n_outputs))
    return Opened(f"cc {said}", answer, inputs, outputs)


def torch_caller(program: Any) -> Callable[[list[Any]], list[Any]]:
    """Return a function from NumPy arrays to NumPy arrays."""
    import torch

    def answer(arrays: list[Any]) -> list[Any]:
        with torch.inference_mode():
            found = flat(program(*(torch.from_numpy(array) for array in arrays)))
        # Some runtimes hand out their own memory, which the next call overwrites.
        return [each.numpy().copy() for each in found if isinstance(each, torch.Tensor)]

    return answer


def flat(found: Any) -> list[Any]:
    """Return the answers of a call in their order, however it has packed them."""
    if isinstance(found, dict):
        found = list(found.values())
    if isinstance(found, list | tuple):
        return [each for entry in found for each in flat(entry)]
    return [found]


def tensor(name: str | None, dtype: str | None, shape: Any) -> dict[str, Any]:
    """Describe an input or an output as plain data; whatever is not a number of rows or columns is a free axis."""
    axes = None if shape is None else [axis if isinstance(axis, int) and axis >= 0 else None for axis in shape]
    return {"name": name, "dtype": dtype, "shape": axes}


def version(package: str) -> str:
    """Return the installed version of a package."""
    return importlib.metadata.version(package)


@dataclass(frozen=True)
class Runtime:
    """What opens a file, the modules it imports, and the programs and variables it needs."""

    open: Callable[[Path], Opened]
    modules: tuple[str, ...] = ()
    programs: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


# The manifest says of each artefact which of these opens it.
RUNTIMES = {
    "onnxruntime": Runtime(open_onnx, ("onnxruntime",)),
    "litert": Runtime(open_litert, ("ai_edge_litert",)),
    # TensorFlow would import Keras on its own, unless it is told to use its predecessor.
    "savedmodel": Runtime(open_savedmodel, ("tensorflow",), environment={"TF_USE_LEGACY_KERAS": "1"}),
    "savedmodel-columns": Runtime(
        partial(open_savedmodel, called="columns"), ("tensorflow",), environment={"TF_USE_LEGACY_KERAS": "1"}
    ),
    "keras": Runtime(open_keras, ("tensorflow", "keras")),
    "torchscript": Runtime(open_torchscript, ("torch",)),
    # Without this variable the archive's own pickles, if it had any, would be run.
    "torch-export": Runtime(open_torch_export, ("torch",), environment={"TORCH_FORCE_WEIGHTS_ONLY_LOAD": "1"}),
    "aotinductor": Runtime(open_aotinductor, ("torch",)),
    "executorch": Runtime(open_executorch, ("torch", "executorch")),
    "openvino-float32": Runtime(open_openvino_in_float32, ("openvino",)),
    "openvino": Runtime(open_openvino, ("openvino",)),
    "neutral": Runtime(open_neutral),
    "c99": Runtime(open_c99, programs=("cc",)),
}


# ---------------------------------------------------------------------------------------------------------------------
# From the cells of a table to the numbers of a row


def encode(table: dict[str, Any], rows: list[dict[str, str]]) -> Any:
    """Return raw rows as float32, shape (n_rows, n_columns), NaN where a cell is empty.

    `table` is that of the manifest, and a row has a text for each column of the table, by its name; others are ignored.
    Numbers are written with a decimal point. A `ValueError` says which cell cannot be what its column is.
    """
    names = {column["source"]: None for column in table["columns"]}
    for number, row in enumerate(rows, start=1):
        if absent := [name for name in names if name not in row]:
            raise ValueError(f"row {number} must have every column of the table, but has no '{absent[0]}'")
    made = [[number_of(table, column, row[column["source"]]) for column in table["columns"]] for row in rows]
    return np.array(made, np.float32).reshape(len(rows), len(table["columns"]))


def number_of(table: dict[str, Any], column: dict[str, Any], cell: str) -> float:
    """Return what a cell becomes."""
    text = cell.strip()
    if text.lower() in table["missing"]:
        return math.nan
    try:
        if column["encoding"] == "number":
            return float(text)
        if column["codes"]:
            plain = re.sub(r"^([+-]?[0-9]+)\.0+$", r"\1", text)  # 1.0 and 1 are the same text
            if column["other"] is None:
                return float(column["codes"][plain.lower()])
            return float(column["codes"].get(plain, column["other"]))
        return DATE_PARTS[column["encoding"]](moment_of(text, column["date_format"]))
    except (ValueError, KeyError):
        raise ValueError(f"'{cell}' cannot be in the column '{column['source']}' ({column['encoding']})") from None


def moment_of(text: str, date_format: str) -> datetime:
    """Return a date, perhaps with a time of day; one with a time zone is brought to UTC."""
    date, *clock = re.split("[T ]", text, maxsplit=1)
    for known in dict.fromkeys((date_format or "%Y-%m-%d", "%Y-%m-%d", "%Y/%m/%d", "%Y.%m.%d")):
        try:
            day = datetime.strptime(date, known)
            break
        except ValueError:
            continue
    else:
        raise ValueError(text)
    at = time_of_day.fromisoformat((clock[0] if clock else "00:00").replace("Z", "+00:00"))
    return datetime.combine(day, at.replace(tzinfo=None)) - (at.utcoffset() or timedelta(0))


DATE_PARTS: dict[str, Callable[[datetime], float]] = {
    "year": lambda moment: moment.year,
    "month": lambda moment: moment.month,
    "day": lambda moment: moment.day,
    "weekday": lambda moment: moment.isoweekday(),
    "hour": lambda moment: moment.hour,
    "days": lambda moment: (moment - datetime(1970, 1, 1)) / timedelta(days=1),
}


def check_table(manifest: dict[str, Any]) -> None:
    """Make sure that cells become the numbers that they were when the bundle was made."""
    table = manifest.get("table") or {"columns": []}
    for column in table["columns"]:
        for example in column["examples"]:
            number = np.float32(number_of(table, column, example["cell"]))
            wanted = math.nan if example["number"] is None else example["number"]
            if number != np.float32(wanted) and not (np.isnan(number) and math.isnan(wanted)):
                said = f"'{example['cell']}' in '{column['source']}' must become {wanted:g}, but becomes {number:g}"
                raise Mismatch("table", said)


# ---------------------------------------------------------------------------------------------------------------------
# What is checked


def check_files(folder: Path) -> str:
    """Hold every file against SHA256SUMS and the manifest, and return the checksum that stands for the whole bundle."""
    found: dict[str, str] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise Mismatch("intact", f"{name} must be a file or a folder, but is a link or something else")
        if path.is_file() and name != SUMS:
            found[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    listed = (folder / SUMS).read_bytes()
    wanted = {line[66:]: line[:64] for line in listed.decode("utf-8", errors="replace").splitlines()}
    for name in sorted({*wanted, *found}):
        if name not in found:
            raise Mismatch("intact", f"{name} is listed in {SUMS}, but is not here")
        if name not in wanted:
            raise Mismatch("intact", f"{name} is here, but is not listed in {SUMS}")
        if wanted[name] != found[name]:
            raise Mismatch("intact", f"{name} must have the SHA-256 {wanted[name]}, but has {found[name]}")
    if listed != b"".join(f"{sha256}  {name}\n".encode() for name, sha256 in sorted(found.items())):
        raise Mismatch("intact", f"{SUMS} is not written as it was sent")
    in_manifest = read_manifest(folder)["files"]
    if in_manifest != {name: sha256 for name, sha256 in found.items() if name != MANIFEST}:
        raise Mismatch("intact", f"{MANIFEST} lists other files or checksums than {SUMS}")
    return hashlib.sha256(listed).hexdigest()


def read_manifest(folder: Path) -> dict[str, Any]:
    """Read what the sender says of the bundle."""
    manifest: dict[str, Any] = json.loads((folder / MANIFEST).read_bytes())
    return manifest


@dataclass
class Rows:
    """What an artefact is asked and what it must answer: by input or output, an array with an entry for each row."""

    inputs: dict[str, Any]
    expected: dict[str, Any]  # of the source network
    own: dict[str, Any]  # of this very file, when the bundle was made
    tolerance: dict[str, Any]  # how far a row may be from `expected`
    repeats: dict[str, Any]  # and how far from `own`
    labels: Any = None  # true classes, if they are known
    values: Any = None  # true values, where the answer is one


def read_rows(folder: Path, manifest: dict[str, Any], name: str) -> Rows:
    """Read what belongs to an artefact; pickled objects are refused."""
    inputs, outputs = ([entry["name"] for entry in manifest[kind]] for kind in ("inputs", "outputs"))
    with np.load(folder / manifest["rows"]["path"], allow_pickle=False) as arrays:
        own, tolerance, repeats = ({each: arrays[f"{kind}.{name}.{each}"] for each in outputs} for kind in KINDS)
        expected = {output: arrays[f"expected.{output}"] for output in outputs}
        labels, values = (arrays[each] if each in arrays.files else None for each in ("labels", "values"))
        given = {each: arrays[f"input.{each}"] for each in inputs}
        given |= {each: arrays[each] for each in arrays.files if each.startswith("column.")}
        return Rows(given, expected, own, tolerance, repeats, labels, values)


def files_to_run(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return everything that answers rows: artefacts, and files that take the columns of the table."""
    found: list[dict[str, Any]] = [*manifest["artefacts"], *manifest.get("column_graphs", [])]
    return found


def prove(folder: Path, manifest: dict[str, Any], artefact: dict[str, Any]) -> dict[str, Any]:
    """Make all checks of one artefact and time it; raise `Mismatch` at the first that fails."""
    rows = read_rows(folder, manifest, artefact["name"])
    check_rows(manifest, rows)
    check_table(manifest)

    started = time.perf_counter()
    opened = RUNTIMES[artefact["opener"]].open(folder / artefact["path"])
    load_s = time.perf_counter() - started
    for kind, said in (("input", opened.inputs), ("output", opened.outputs)):
        check_tensors(kind, said, artefact[f"{kind}s"], [entry["name"] for entry in manifest[f"{kind}s"]], manifest)

    sizes = batch_sizes(manifest, artefact)
    given = [rows.inputs[entry["of"]] for entry in artefact["inputs"]]  # in the order of the file
    answers = [in_batches(opened.answer, given, size, artefact, rows) for size in sizes]
    worst, n_changed, accuracy, r2 = {"share": -1.0}, 0, None, None
    for output in rows.expected:
        every = [answer[output] for answer in answers]
        found = check_output(output, sizes, every, rows)
        worst = max(worst, found, key=lambda each: each["share"])
        if manifest["classes"] and manifest["classes"]["output"] == output:
            threshold = manifest["classes"]["threshold"]
            for answer in every:
                check_labels(answer, rows.own[output], rows.repeats[output], threshold)
            whole, before = labels(every[-1], threshold), labels(rows.own[output], threshold)
            n_changed = int(np.count_nonzero(whole != before))
            accuracy = None if rows.labels is None else float(np.mean(whole == rows.labels))
        elif rows.values is not None:
            r2 = r2_of(every[-1], rows.values)
    for output in rows.expected:
        check_batches(output, [answer[output] for answer in answers], rows.repeats[output])
    n_rows, seconds = min(sizes), seconds_of_a_call(opened.answer, given, min(sizes))
    return {
        "runtime": opened.runtime,
        "n_rows": manifest["rows"]["n_rows"],
        "output": worst["output"],
        "largest_difference": worst["difference"],
        "tolerance": worst["tolerance"],
        "difference_from_earlier": worst["from_earlier"],
        "n_labels_changed": n_changed,
        "accuracy": accuracy,
        "r2": r2,
        "load_s": load_s,
        "latency_rows": n_rows,
        "latency_us": 1e6 * float(np.median(seconds)),
        "latency_p95_us": 1e6 * float(np.quantile(seconds, 0.95)),
    }


def batch_sizes(manifest: dict[str, Any], artefact: dict[str, Any]) -> list[int]:
    """Return in how many rows at a time an artefact is asked, from few to all, or to as many as it can take."""
    most = min(manifest["rows"]["n_rows"], artefact["largest_batch"] or manifest["rows"]["n_rows"])
    return sorted({min(size, most) for size in manifest["rows"]["batch_sizes"]})


def check_rows(manifest: dict[str, Any], rows: Rows) -> None:
    """Make sure that there is something to compare, and that the tolerances are not so wide as to prove nothing."""
    n_rows, sizes = manifest["rows"]["n_rows"], manifest["rows"]["batch_sizes"]
    if not n_rows or not sizes or not manifest["inputs"] or not manifest["outputs"]:
        raise Mismatch("intact", f"there must be rows, batch sizes, inputs and outputs, but there are {n_rows} rows")
    by_row = [rows.inputs, rows.expected, rows.own, rows.tolerance, rows.repeats]
    if any(len(array) != n_rows for arrays in by_row for array in arrays.values()):
        raise Mismatch("intact", f"there must be {n_rows} rows, and as many answers and tolerances")
    for kind, arrays in (("inputs", rows.inputs), ("outputs", rows.expected)):
        for entry in manifest[kind]:
            array = arrays[entry["name"]]
            if array.dtype != entry["dtype"] or not fits(array.shape[1:], entry["shape"][1:]):
                said = f"{entry['dtype']} {entry['shape']}, but are {array.dtype} {array.shape}"
                raise Mismatch("intact", f"the rows of {entry['name']} must be {said}")
    for arrays in by_row[1:]:
        for array in arrays.values():
            if not np.isfinite(array).all():
                raise Mismatch("intact", "answers and tolerances must be finite numbers")
    for entry in manifest["outputs"]:
        widest = entry["useful_tolerance"]
        usual = max(np.median(allowed[entry["name"]]) for allowed in (rows.tolerance, rows.repeats))
        if widest is not None and usual > min(widest, np.ptp(rows.expected[entry["name"]])):
            raise Mismatch("intact", f"tolerances must be at most {widest:.2g} for the usual row")


def fits(shape: tuple[int, ...], wanted: list[int | None]) -> bool:
    """Return whether a shape is the wanted one, in which a free axis is None."""
    return len(shape) == len(wanted) and all(axis in (None, size) for size, axis in zip(shape, wanted, strict=True))


def check_tensors(
    kind: str, said: list[dict[str, Any]], wanted: list[dict[str, Any]], known: list[str], manifest: dict[str, Any]
) -> None:
    """Compare what the file says of its inputs or outputs with the manifest: names, then types, then shapes."""
    of = [entry["of"] for entry in wanted]
    if kind == "input" and any(name.startswith("column.") for name in of):  # it takes the columns of the table
        known = [f"column.{column['name']}" for column in manifest["table"]["columns"]]
        if set(of) != set(known):
            raise Mismatch("names", f"the inputs must be {', '.join(known)}, but are {', '.join(of)}")
    if len(set(of)) != len(of) or not set(of) <= set(known) or (kind == "output" and set(of) != set(known)):
        raise Mismatch("names", f"the {kind}s must be those of the model, {', '.join(known)}, but are {', '.join(of)}")
    if said and len(said) != len(wanted):
        raise Mismatch("names", f"there must be {len(wanted)} {kind}s, but there are {len(said)}")
    silent = said or [tensor(None, None, None)] * len(wanted)
    for check, key in (("names", "name"), ("types", "dtype"), ("shapes", "shape")):
        for here, there in zip(silent, wanted, strict=True):
            if here[key] != there[key]:
                raise Mismatch(check, f"the {key} of an {kind} must be {there[key]}, but is {here[key]}")


def in_batches(
    answer: Callable[[list[Any]], list[Any]], given: list[Any], size: int, artefact: dict[str, Any], rows: Rows
) -> dict[str, Any]:
    """Answer all rows, `size` at a time, the last batch as it comes; return all answers by output."""
    found: dict[str, list[Any]] = {entry["of"]: [] for entry in artefact["outputs"]}
    for start in range(0, len(given[0]), size):
        batch = [np.ascontiguousarray(array[start : start + size]) for array in given]
        answers = [np.asarray(array) for array in answer(batch)]
        if len(answers) != len(found):
            raise Mismatch("shapes", f"there must be {len(found)} answers to a call, but there are {len(answers)}")
        for (output, parts), array in zip(found.items(), answers, strict=True):
            wanted = (len(batch[0]), *rows.own[output].shape[1:])
            if array.shape != wanted:
                said = f"{len(batch[0])} rows must give '{output}' of shape {wanted}, but gave {array.shape}"
                raise Mismatch("shapes", said)
            if array.dtype != rows.own[output].dtype:
                raise Mismatch("types", f"answers must be {rows.own[output].dtype}, but are {array.dtype}")
            parts.append(array)
    return {output: np.concatenate(parts) for output, parts in found.items()}


def apart(answer: Any, wanted: Any, allowed: Any) -> Any:
    """Return how far answers are off: each, where each has a tolerance; else of a row the one that is furthest off."""
    difference = np.abs(answer.astype(np.float64) - wanted.astype(np.float64))
    if difference.size == allowed.size:
        return difference.reshape(allowed.shape)
    return difference.reshape(len(difference), -1).max(axis=1, initial=0.0)


def worst_of(difference: Any, allowed: Any) -> tuple[int, float, float, int]:
    """Return the row that is furthest beyond its tolerance, by how much it is off and may be, and how many rows are."""
    beyond = (difference - allowed).reshape(len(difference), -1)
    row, place = np.unravel_index(int(np.argmax(beyond)), beyond.shape)
    at = [
        float(np.broadcast_to(each.reshape(len(each), -1), beyond.shape)[row, place]) for each in (difference, allowed)
    ]
    return int(row), at[0], at[1], int(np.count_nonzero((beyond > 0).any(axis=1)))


def check_output(output: str, sizes: list[int], answers: list[Any], rows: Rows) -> dict[str, Any]:
    """Compare an output row by row, in every batch size; return its largest differences."""
    references = (
        ("that of the source network", rows.expected[output], rows.tolerance[output]),
        ("its own earlier answer", rows.own[output], rows.repeats[output]),
    )
    largest = []
    for what, wanted, allowed in references:
        if answers[0].shape != wanted.shape:
            raise Mismatch("shapes", f"'{output}' must have the shape {wanted.shape}, but has {answers[0].shape}")
        for size, answer in zip(sizes, answers, strict=True):
            if not np.isfinite(answer).all():
                raise Mismatch("values", f"{np.count_nonzero(~np.isfinite(answer))} answers are NaN or infinite")
            difference = apart(answer, wanted, allowed)
            if (difference > allowed).any():
                row, found, most, n_rows = worst_of(difference, allowed)
                said = f"'{output}' of row {row} differs by {found:.1e} from {what}, "
                said += f"allowed {most:.1e}, in batches of {size}; "
                raise Mismatch("values", said + f"{n_rows} of {len(allowed)} rows do")
        largest.append(np.max([apart(answer, wanted, allowed) for answer in answers], axis=0))
    allowed = rows.tolerance[output]
    share = np.divide(largest[0], allowed, out=np.zeros(allowed.shape), where=allowed > 0)
    return {
        "output": output,
        "share": float(share.max()),
        "difference": float(largest[0].max()),
        "tolerance": float(allowed.max()),
        "from_earlier": float(largest[1].max()),
    }


def check_labels(answer: Any, own: Any, allowed: Any, threshold: float | None) -> None:
    """Let a label change only where the earlier answer lies within its tolerance of the threshold."""
    if threshold is None:
        first, second = np.sort(own, axis=1)[:, -1], np.sort(own, axis=1)[:, -2]
        margin, allowed = (first - second) / 2, allowed.reshape(len(allowed), -1).max(axis=1)
    else:
        margin = np.abs(own.reshape(len(own)) - threshold)
    changed = (labels(answer, threshold) != labels(own, threshold)) & (margin > allowed)
    if changed.any():
        raise Mismatch("labels", f"{np.count_nonzero(changed)} labels changed, row {int(np.argmax(changed))} the first")


def labels(answer: Any, threshold: float | None) -> Any:
    """Return the class of each row: beyond the threshold, or the most probable of several."""
    return answer.argmax(axis=1) if threshold is None else (answer.reshape(len(answer)) > threshold).astype(np.int64)


def check_batches(output: str, answers: list[Any], allowed: Any) -> None:
    """Make sure that no answer depends on the rows beside it by more than rounding explains."""
    difference = apart(np.max(answers, axis=0), np.min(answers, axis=0), allowed)
    if (difference > allowed).any():
        row, found, most, _ = worst_of(difference, allowed)
        raise Mismatch("batches", f"'{output}' of row {row} differs by {found:.1e} between batches, allowed {most:.1e}")


def r2_of(answer: Any, values: Any) -> float:
    """Return the coefficient of determination: 1 is right in every row, 0 as good as their mean."""
    left = np.square(values.astype(np.float64) - answer.reshape(len(values)).astype(np.float64)).sum()
    return 1.0 - float(left / np.square(values.astype(np.float64) - values.mean(dtype=np.float64)).sum())


def seconds_of_a_call(answer: Callable[[list[Any]], list[Any]], given: list[Any], size: int) -> Any:
    """Time single rows, or as many as a call must have, one after another, after a warm-up."""
    starts = range(0, len(given[0]) - size + 1, size)
    batches = [[np.ascontiguousarray(array[start : start + size]) for array in given] for start in starts]
    until = time.perf_counter() + TIMED_S
    for i in range(WARM_UP_CALLS):
        answer(batches[i % len(batches)])
        if time.perf_counter() > until:
            break
    seconds: list[float] = []
    until = time.perf_counter() + TIMED_S
    while len(seconds) < TIMED_CALLS and (len(seconds) < 3 or time.perf_counter() < until):
        batch = batches[len(seconds) % len(batches)]
        started = time.perf_counter()
        answer(batch)
        seconds.append(time.perf_counter() - started)
    return np.array(seconds)


# ---------------------------------------------------------------------------------------------------------------------
# One process an artefact, and what is said of it


def check_artefact(folder: Path, manifest: dict[str, Any], artefact: dict[str, Any]) -> dict[str, Any]:
    """Check one artefact in this process; return its status with the figures, or with what is wrong or missing."""
    runtime = RUNTIMES[artefact["opener"]]
    missing = [module for module in runtime.modules if importlib.util.find_spec(module) is None]
    if missing:
        install = " ".join(f"'{name}=={release}'" for name, release in artefact["requires"].items())
        return {"status": "not_run", "reason": f"{', '.join(missing)} is not installed: pip install {install}"}
    programs = [program for program in runtime.programs if shutil.which(program) is None]
    if programs:
        return {"status": "not_run", "reason": f"the program {programs[0]} is not here: install a C compiler"}
    try:
        return {"status": "passed", **prove(folder, manifest, artefact)}
    except Mismatch as error:
        return {"status": "failed", "check": error.check, "reason": str(error)}
    except Exception as error:  # whatever a runtime raises at a file that it cannot open or run
        said = " ".join(str(error).split()) or "no message"
        return {"status": "failed", "check": "runs", "reason": f"{type(error).__name__}: {said[:300]}"}


def check_in_a_process(folder: Path, artefact: dict[str, Any]) -> dict[str, Any]:
    """Check one artefact in a process of its own, so that no runtime meets another; a crash is a failure."""
    command = [sys.executable, str(folder / Path(__file__).name), "--child", artefact["name"]]
    environment = os.environ | ENVIRONMENT | RUNTIMES[artefact["opener"]].environment
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    try:
        result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (IndexError, ValueError):
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        return {"status": "failed", "check": "runs", "reason": f"its process ended with {done.returncode}: {last}"}
    return result


def sentence(result: dict[str, Any]) -> str:
    """Say in words what was found of an artefact."""
    if result["status"] == "failed":
        return f"FAILED    {result['check']}: {result['reason']}"
    if result["status"] == "not_run":
        return f"NOT RUN   {result['reason']}"
    accuracy = "" if result["accuracy"] is None else f"accuracy {result['accuracy']:.1%}, "
    accuracy = accuracy if result["r2"] is None else f"R² {result['r2']:.3f}, "
    timed = "one row" if result["latency_rows"] == 1 else f"{result['latency_rows']} rows"
    return (
        f"passed    differs by {result['largest_difference']:.1e} of {result['tolerance']:.1e} allowed, "
        f"{accuracy}{timed} {result['latency_us']:.1f} µs "
        f"(p95 {result['latency_p95_us']:.1f}), {result['runtime']}"
    )


def main(arguments: list[str]) -> int:
    """Check the files, then each artefact; return the exit status."""
    parser = argparse.ArgumentParser(description="Prove that this bundle still gives the answers it was sent with.")
    parser.add_argument("artefacts", nargs="*", metavar="ARTEFACT", help="names from manifest.json; all if none")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal without a sign must not end the check
    folder = Path(__file__).resolve().parent
    if not (folder / MANIFEST).is_file() and not (folder / SUMS).is_file():
        print(f"check.py must lie in a bundle, beside {MANIFEST} and {SUMS}, but does not.", file=sys.stderr)
        return MISUSE
    if given.child:  # the files were checked by the parent
        manifest = read_manifest(folder)
        (artefact,) = (entry for entry in files_to_run(manifest) if entry["name"] == given.artefacts[0])
        print("\n" + json.dumps(check_artefact(folder, manifest, artefact)))
        sys.stdout.flush()
        os._exit(0)  # the teardown of a large runtime takes a second and has nothing left to do
    try:
        bundle = check_files(folder)
        manifest = read_manifest(folder)
        if manifest["format_version"] != FORMAT_VERSION:
            said = f"{MANIFEST} must have format version {FORMAT_VERSION}, but has {manifest['format_version']}"
            raise Mismatch("intact", said)
    except (Mismatch, KeyError, ValueError, OSError) as error:
        if given.json:
            print(json.dumps({"bundle": None, "exit_status": FAILED, "reason": str(error), "artefacts": {}}, indent=1))
        print(f"FAILED    intact: {error}.", file=sys.stderr)
        return FAILED
    known = {entry["name"]: entry for entry in files_to_run(manifest)}
    for name in given.artefacts:
        if name not in known:
            print(f"ARTEFACT must be one of {', '.join(known)}, but got '{name}'.", file=sys.stderr)
            return MISUSE
    wanted = [known[name] for name in given.artefacts] or list(known.values())
    if not given.json:
        print(f"{manifest['name']}: {len(manifest['files']) + 2} files are as they were sent.")
        print(f"bundle {bundle}")
        print(f"{manifest['rows']['n_rows']} rows, {platform.machine()}, Python {platform.python_version()}\n")
    results = {}
    for artefact in wanted:
        results[artefact["name"]] = check_in_a_process(folder, artefact)
        if not given.json:
            print(f"{artefact['name']:<17} {sentence(results[artefact['name']])}", flush=True)
    found = [result["status"] for result in results.values()]
    counts = {each: found.count(each) for each in ("passed", "failed", "not_run")}
    status = FAILED if counts["failed"] or not results else MISSING if counts["not_run"] else PASSED
    if given.json:
        print(json.dumps({"bundle": bundle, "exit_status": status, "artefacts": results}, indent=1))
    else:
        print(f"\n{counts['passed']} of {len(results)} artefacts proven", end="")
        print("".join(f", {counts[key]} {key.replace('_', ' ')}" for key in ("failed", "not_run") if counts[key]) + ".")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
