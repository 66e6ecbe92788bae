"""C99: one header and one source file, for whatever has a C compiler and no room for a runtime.

The source holds the numbers as constants, so they may lie in flash memory, and one function that takes a raw row. It
allocates nothing, calls nothing but `math.h`, and keeps no state, so it may be called from several tasks at once.
"""

from __future__ import annotations

import ctypes
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from throughline.data.features import HALF_A_CODE, select
from throughline.errors import MissingPackageError, SpecError, VerificationError
from throughline.formats.base import (
    ExportInputs,
    Facts,
    Format,
    Parameters,
    Port,
    Route,
    Runner,
    StoredArray,
    named_parameters,
)
from throughline.spec import NetworkSpec
from throughline.weights import Array, Weights

HEADER_NAME, SOURCE_NAME = "network.h", "network.c"
NUMBERS_IN_A_LINE = 6
# How an activation is written in C, and whether it needs math.h. A NaN must stay one: every comparison with it is
# false, so ReLU asks for what is below 0 and leaves the rest alone.
ACTIVATIONS: dict[str, tuple[str, bool]] = {
    "relu": ("(z < 0.0f) ? 0.0f : z", False),
    "tanh": ("tanhf(z)", True),
    "sigmoid": ("1.0f / (1.0f + expf(-z))", True),
    "gelu": ("0.5f * z * (1.0f + erff(z * 0.707106781f))", True),
    "linear": ("z", False),
}
MEANINGS = {
    "sigmoid": "the probability of class 1",
    "softmax": "the probability of each class",
    "linear": "the value",
}
COMPILER = "cc"
COMPILER_OPTIONS = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-O2", "-fPIC", "-shared"]

HEADER = """\
/*
 * A dense network, $sizes, made by Throughline.
 *
 * Constants take $constants_bytes bytes, the layers on the stack $stack_bytes.
 * Weights: sha256 $digest
 */

#ifndef NETWORK_H
#define NETWORK_H

#define NETWORK_N_INPUTS $n_inputs
#define NETWORK_N_OUTPUTS $n_outputs

/* Takes one raw row in the order of training$what, scales it, and answers $meaning. */
void network_predict(const float features[NETWORK_N_INPUTS], float answer[NETWORK_N_OUTPUTS]);

#endif
"""

SOURCE = """\
/* Scaling and weights as trained: nine digits give every float32 back exactly. Kernels lie unit by unit. */

#include "network.h"

$math#include <stddef.h>

$constants
$activations/* answer[j] = bias[j] + the sum over i of kernel[j][i] * input[i] */
static void dense(const float kernel[], const float bias[], const float input[], size_t n_inputs,
                  float answer[], size_t n_units)
{
    for (size_t j = 0U; j < n_units; ++j) {
        float sum = bias[j];
        for (size_t i = 0U; i < n_inputs; ++i) {
            sum += kernel[(j * n_inputs) + i] * input[i];
        }
        answer[j] = sum;
    }
}

void network_predict(const float features[NETWORK_N_INPUTS], float answer[NETWORK_N_OUTPUTS])
{
    float layer_0[$n_features];
$buffers
    for (size_t i = 0U; i < NETWORK_N_INPUTS; ++i) {
        $scaled[i] = (features[i] - mean[i]) / std[i];
    }
$selection$layers}
"""

SOFTMAX = """\
/* The largest is subtracted first, so that no exponential overflows. */
static void apply_softmax(float z[], size_t n_units)
{
    float largest = z[0];
    float sum = 0.0f;
    for (size_t j = 1U; j < n_units; ++j) {
        largest = (z[j] > largest) ? z[j] : largest;
    }
    for (size_t j = 0U; j < n_units; ++j) {
        z[j] = expf(z[j] - largest);
        sum += z[j];
    }
    for (size_t j = 0U; j < n_units; ++j) {
        z[j] = z[j] / sum;
    }
}

"""

# Compiled beside the source so that many rows cost one call from Python; no part of the artefact.
LOOP = """\
#include "network.h"
#include <stddef.h>

void predict_rows(const float rows[], size_t n_rows, float answers[]);

void predict_rows(const float rows[], size_t n_rows, float answers[])
{
    for (size_t k = 0U; k < n_rows; ++k) {
        network_predict(&rows[k * NETWORK_N_INPUTS], &answers[k * NETWORK_N_OUTPUTS]);
    }
}
"""


def export(inputs: ExportInputs, path: Path) -> Facts:
    """Write header and source; the arithmetic is in float32 whatever the network was trained in."""
    path.mkdir()
    header, source = write_c(inputs.spec, inputs.weights.astype("float32"))
    (path / HEADER_NAME).write_text(header, encoding="ascii")
    (path / SOURCE_NAME).write_text(source, encoding="ascii")
    return {
        "exporter": "throughline.formats.c99",
        "language": "C99",
        "constants_bytes": _constants_bytes(inputs.weights),
    }


def write_c(spec: NetworkSpec, weights: Weights) -> tuple[str, str]:
    """Return the text of header and source.

    Parameters
    ----------
    spec : NetworkSpec
    weights : Weights
        In float32.

    Returns
    -------
    header, source : str
    """
    activations = [spec.hidden_activation] * len(spec.hidden_units) + [spec.output]
    unknown = sorted(set(activations) - {*ACTIVATIONS, "softmax"})
    if unknown:
        raise SpecError("activation", f"one of {', '.join(ACTIVATIONS)}", unknown[0], "deploy another format")
    used = sorted(set(activations) - {"linear"})
    header = Template(HEADER).substitute(
        sizes="-".join(map(str, spec.layer_sizes)),
        digest=weights.digest,
        constants_bytes=_constants_bytes(weights),
        stack_bytes=4 * sum(spec.layer_sizes[:-1]),
        n_inputs=spec.n_inputs,
        n_outputs=spec.layer_sizes[-1],
        meaning=MEANINGS[spec.output],
        what=", NaN where a number is missing and codes for categories" if spec.columns else "",
    )
    source = Template(SOURCE).substitute(
        math="#include <math.h>\n" if any(name == "softmax" or ACTIVATIONS[name][1] for name in used) else "",
        constants="\n".join([*_selection_constants(spec), *_constants(weights)]),
        n_features=spec.n_features if spec.columns else "NETWORK_N_INPUTS",
        selection=_selection(spec),
        scaled="scaled" if spec.columns else "layer_0",
        activations="".join(_activation(name) for name in used),
        buffers=("    float scaled[NETWORK_N_INPUTS];\n" if spec.columns else "")
        + "".join(f"    float layer_{i}[{n}];\n" for i, n in enumerate(spec.hidden_units, start=1)),
        layers="".join(_layer(i, spec.layer_sizes, name) for i, name in enumerate(activations, start=1)),
    )
    return header, source


def _constants(weights: Weights) -> list[str]:
    named = [("mean", weights.mean), ("std", weights.std)]
    for i, (kernel, bias) in enumerate(zip(weights.kernels, weights.biases, strict=True), start=1):
        named += [(f"kernel_{i}", kernel.T), (f"bias_{i}", bias)]
    return [_constant(name, np.ravel(values)) for name, values in named]


def _selection_constants(spec: NetworkSpec) -> list[str]:
    """Return what `_selection` reads: where each feature comes from, fills and codes."""
    if not spec.columns:
        return []
    chosen = select(spec.columns)
    places = [("numbers", chosen.numbers), ("flags", chosen.flags), ("labels", chosen.labels)]
    indices = [
        f"static const size_t {name}[{len(values)}] = {{{', '.join(f'{value}U' for value in values)}}};\n"
        for name, values in places
        if len(values)
    ]
    return indices + [_constant(n, v) for n, v in (("fills", chosen.fills), ("codes", chosen.codes)) if len(v)]


def _selection(spec: NetworkSpec) -> str:
    """Return the loops that select the features; only NaN differs from itself."""
    if not spec.columns:
        return ""
    chosen, text, at = select(spec.columns), "", 0
    near = " && ".join(f"scaled[labels[i]] {than} {HALF_A_CODE}f" for than in ("> codes[i] -", "< codes[i] +"))
    for names, value in (
        (chosen.numbers, "(scaled[numbers[i]] != scaled[numbers[i]]) ? fills[i] : scaled[numbers[i]]"),
        (chosen.flags, "(scaled[flags[i]] != scaled[flags[i]]) ? 1.0f : 0.0f"),
        (chosen.labels, f"({near}) ? 1.0f : 0.0f"),
    ):
        if len(names):
            text += f"    for (size_t i = 0U; i < {len(names)}U; ++i) {{\n"
            text += f"        layer_0[{at}U + i] = {value};\n    }}\n"
        at += len(names)
    return text


def _constant(name: str, values: Array) -> str:
    numbers = [_number(value) for value in values]
    lines = [numbers[at : at + NUMBERS_IN_A_LINE] for at in range(0, len(numbers), NUMBERS_IN_A_LINE)]
    body = ",\n".join("    " + ", ".join(line) for line in lines)
    return f"static const float {name}[{len(numbers)}] = {{\n{body}\n}};\n"


def _number(value: float) -> str:
    text = f"{value:.9g}"
    return f"{text}f" if set(text) & set(".e") else f"{text}.0f"


def _activation(name: str) -> str:
    if name == "softmax":
        return SOFTMAX
    return f"static float apply_{name}(float z)\n{{\n    return {ACTIVATIONS[name][0]};\n}}\n\n"


def _layer(i: int, sizes: tuple[int, ...], activation: str) -> str:
    source, target = f"layer_{i - 1}", "answer" if i == len(sizes) - 1 else f"layer_{i}"
    n_inputs, n_units = f"{sizes[i - 1]}U", f"{sizes[i]}U"
    lines = [f"    dense(kernel_{i}, bias_{i}, {source}, {n_inputs}, {target}, {n_units});"]
    if activation == "softmax":
        lines.append(f"    apply_softmax({target}, {n_units});")
    elif activation != "linear":
        lines += [
            f"    for (size_t j = 0U; j < {n_units}; ++j) {{",
            f"        {target}[j] = apply_{activation}({target}[j]);",
            "    }",
        ]
    return "\n".join(lines) + "\n"


def _constants_bytes(weights: Weights) -> int:
    return 4 * sum(array.size for array in weights.named_arrays().values())


def read_facts(path: Path) -> Facts:
    """Return the digest of the weights, as the header states it."""
    stated = re.search(r"Weights: sha256 (\w+)", (path / HEADER_NAME).read_text(encoding="ascii"))
    return {"weights_digest": stated.group(1)} if stated else {}


def read_parameters(path: Path) -> Parameters:
    """Read the constants of the source, which is not compiled for it."""
    source = (path / SOURCE_NAME).read_text(encoding="ascii")
    arrays = {
        name: np.array([number.strip().rstrip("f") for number in numbers.split(",")], np.float32)
        for name, numbers in re.findall(r"static const float (\w+)\[\d+\] = \{([^}]*)\}", source)
    }
    n_layers = sum(name.startswith("kernel_") for name in arrays)
    layers = named_parameters(
        (
            # Kernels lie unit by unit.
            StoredArray(values=arrays[f"kernel_{i}"].reshape(len(arrays[f"bias_{i}"]), -1).T),
            StoredArray(values=arrays[f"bias_{i}"]),
        )
        for i in range(1, n_layers + 1)
    )
    return layers | {f"scaling.{name}": StoredArray(values=arrays[name]) for name in ("mean", "std")}


class C99Runner(Runner):
    """Compiles the two files with the system's compiler, warnings being errors, and calls the function."""

    def __init__(self, path: Path) -> None:
        compiler = shutil.which(COMPILER)
        if compiler is None:
            raise MissingPackageError("a C compiler", f"found as '{COMPILER}'", "none", "install GCC or Clang")
        self._folder = tempfile.TemporaryDirectory()
        library = Path(self._folder.name) / "network.so"
        loop = Path(self._folder.name) / "loop.c"
        loop.write_text(LOOP, encoding="ascii")
        files = [f"-I{path}", str(path / SOURCE_NAME), str(loop), "-o", str(library), "-lm"]
        done = subprocess.run([compiler, *COMPILER_OPTIONS, *files], capture_output=True, text=True, check=False)
        if done.returncode:
            self._folder.cleanup()
            raise VerificationError(f"The source does not compile: {done.stderr.strip().splitlines()[0]}")
        self._predict_rows = ctypes.CDLL(str(library)).predict_rows
        self._predict_rows.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_void_p]
        self._predict_rows.restype = None
        header = (path / HEADER_NAME).read_text(encoding="ascii")
        self._n_inputs, self._n_outputs = (_defined(header, name) for name in ("N_INPUTS", "N_OUTPUTS"))
        version = subprocess.run([compiler, "-dumpfullversion"], capture_output=True, text=True, check=False)
        super().__init__(
            {
                "runtime": f"{COMPILER} {version.stdout.strip()}",
                "options": " ".join(COMPILER_OPTIONS),
                "library_bytes": library.stat().st_size,
                "threads": 1,
            },
            # The function takes one row; the loop over the rows is the caller's.
            [Port(name="features", dtype="float32", shape=[None, self._n_inputs])],
            [Port(name="answer", dtype="float32", shape=[None, self._n_outputs])],
        )

    def _predict(self, X: Array) -> Any:
        if X.shape[1] != self._n_inputs:  # C would read on behind the row
            raise VerificationError(f"The network takes {self._n_inputs} features, but rows have {X.shape[1]}.")
        answers = np.empty((len(X), self._n_outputs), np.float32)
        self._predict_rows(X.ctypes.data, len(X), answers.ctypes.data)
        return answers

    def close(self) -> None:
        """Remove what was compiled."""
        self._folder.cleanup()


def _defined(header: str, name: str) -> int:
    (line,) = (line for line in header.splitlines() if line.startswith(f"#define NETWORK_{name} "))
    return int(line.split()[-1])


FORMAT = Format(
    name="c99",
    title="C99 source",
    chapter=8,
    order=1,
    framework="torch",
    routes=(Route(framework="any", made_from="weights", export=export),),
    suffix="/",
    runtime="a C compiler",
    runs_on="firmware, anything with a C compiler",
    preload=("numpy",),
    programs=(COMPILER,),
    forbidden=("tensorflow", "keras", "torch"),
    load=C99Runner,
    opener="c99",
    port_names=("features", "answer"),
    parts=(HEADER_NAME, SOURCE_NAME),
    read_facts=read_facts,
    read_parameters=read_parameters,
    good_for="firmware: no runtime, no allocation, constants that stay in flash memory",
)
