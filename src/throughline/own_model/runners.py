"""Run one artefact alone, with as many inputs and outputs as it has: a child process that gets file and rows."""

from __future__ import annotations

import sys
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from throughline.errors import ForeignModuleError
from throughline.formats import find_format
from throughline.formats.savedmodel import SIGNATURE, TAGS
from throughline.own_model.answers import Answer, answer_in_batches
from throughline.processes import Emit
from throughline.weights import Array

Load = Callable[[Path, list[str], list[str]], Answer]


def run_artefact(
    format_name: str, path: str, inputs: str, outputs: list[str], batch_sizes: list[int], answers: str, emit: Emit
) -> dict[str, Any]:
    """Load an artefact and answer the sample at every batch size.

    Parameters
    ----------
    format_name, path : str
    inputs : str
        An .npz file, one array an input, in the order of the model's arguments.
    outputs : list of str
        Names, in the order of the model's outputs.
    batch_sizes : list of int
    answers : str
        Where to write the answers, .npz with ``batch size/output``.
    emit : callable
        Not used.

    Returns
    -------
    dict
        ``load_s`` and ``seconds`` for the whole sample at the largest batch size.

    Raises
    ------
    ForeignModuleError
        If the runtime imported a framework that the artefact is meant to leave behind.
    """
    form = find_format(format_name)
    with np.load(inputs, allow_pickle=False) as found:
        names, arrays = list(found.files), [found[name] for name in found.files]
    started = time.perf_counter()
    answer = RUNNERS[format_name](Path(path), names, outputs)
    load_s = time.perf_counter() - started
    answered: dict[str, Array] = {}
    seconds = 0.0
    for size in batch_sizes:
        started = time.perf_counter()
        for name, values in answer_in_batches(answer, arrays, size).items():
            answered[f"{size}/{name}"] = values
        seconds = time.perf_counter() - started
    foreign = sorted(name for name in form.forbidden if sys.modules.get(name) is not None)
    if foreign:
        raise ForeignModuleError(f"Running {form.title} must not import {', '.join(foreign)}, but it did.")
    np.savez(answers, **answered)  # type: ignore[arg-type]  # numpy/numpy#29226
    return {"load_s": load_s, "seconds": seconds}


def _positional(call: Callable[..., Any], outputs: list[str]) -> Answer:
    """Answer with a function of PyTorch tensors."""
    import torch

    torch.set_num_threads(1)

    def answer(arrays: Sequence[Array]) -> dict[str, Array]:
        with torch.inference_mode():
            result = call(*(torch.from_numpy(array) for array in arrays))
        leaves = [leaf for leaf in torch.utils._pytree.tree_leaves(result) if isinstance(leaf, torch.Tensor)]
        # Runtimes hand out memory that the next call overwrites.
        return dict(zip(outputs, (leaf.numpy().copy() for leaf in leaves), strict=True))

    return answer


def _load_torchscript(path: Path, names: list[str], outputs: list[str]) -> Answer:
    import torch

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*torch.jit.*")
        return _positional(torch.jit.load(str(path), map_location="cpu").eval(), outputs)


def _load_program(path: Path, names: list[str], outputs: list[str]) -> Answer:
    import torch

    return _positional(torch.export.load(path).module(), outputs)


def _load_aotinductor(path: Path, names: list[str], outputs: list[str]) -> Answer:
    import torch

    return _positional(torch._inductor.aoti_load_package(str(path)), outputs)


def _load_executorch(path: Path, names: list[str], outputs: list[str]) -> Answer:
    from executorch.runtime import Runtime

    program = Runtime.get().load_program(path)
    method = program.load_method("forward")

    def call(*tensors: Any) -> Any:
        _ = program  # the method lives as long as its program does
        return method.execute(list(tensors))

    return _positional(call, outputs)


def _load_onnx(path: Path, names: list[str], outputs: list[str]) -> Answer:
    from throughline.own_model.onnx_model import session

    loaded = session(str(path))
    own_names = [entry.name for entry in loaded.get_inputs()]

    def answer(arrays: Sequence[Array]) -> dict[str, Array]:
        # An input that the answers do not depend on may be gone from the graph.
        given = dict(zip(names, arrays, strict=True))
        fed = given if set(own_names) <= set(given) else dict(zip(own_names, arrays, strict=True))
        found = loaded.run(None, {name: fed[name] for name in own_names})
        return dict(zip(outputs, (np.asarray(value) for value in found), strict=True))

    return answer


def _load_tflite(path: Path, names: list[str], outputs: list[str]) -> Answer:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path), num_threads=1)
    signature = interpreter.get_signature_runner(SIGNATURE)
    details = signature.get_input_details()
    # litert-torch numbers inputs and outputs instead of naming them.
    numbered = not set(names) <= set(details)
    own_names = in_order(details) if numbered else names
    own_outputs = in_order(signature.get_output_details()) if numbered else outputs

    def answer(arrays: Sequence[Array]) -> dict[str, Array]:
        _ = interpreter  # the signature lives as long as its interpreter does
        # Whole numbers of 64 bits may be of 32 in the file.
        given = {n: a.astype(details[n]["dtype"]) for n, a in zip(own_names, arrays, strict=True)}
        found = _by_name(signature(**given), own_outputs)
        return dict(zip(outputs, found.values(), strict=True))

    return answer


def in_order(numbered: Iterable[str]) -> list[str]:
    """Return names that end in numbers in the order of these numbers.

    Examples
    --------
    >>> in_order(["args_10", "args_2", "args_0"])
    ['args_0', 'args_2', 'args_10']
    """
    return sorted(numbered, key=lambda name: int(name.rpartition("_")[2]))


def _load_savedmodel(path: Path, names: list[str], outputs: list[str]) -> Answer:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path), tags=TAGS)

    def answer(arrays: Sequence[Array]) -> dict[str, Array]:
        given = {name: tf.constant(array) for name, array in zip(names, arrays, strict=True)}
        return _by_name({name: value.numpy() for name, value in loaded.signatures[SIGNATURE](**given).items()}, outputs)

    return answer


def _by_name(found: dict[str, Any], outputs: list[str]) -> dict[str, Array]:
    from throughline.own_model.opened import plain_name

    plain = {plain_name(name): np.asarray(value).copy() for name, value in found.items()}
    return {name: plain[name] for name in outputs}


def _load_keras(path: Path, names: list[str], outputs: list[str]) -> Answer:
    import keras

    from throughline.own_model.keras_model import KerasModel

    opened = KerasModel(keras.saving.load_model(path, compile=False, safe_mode=True))
    return lambda arrays: dict(zip(outputs, opened.answer(arrays).values(), strict=True))


def _load_openvino(hint: str) -> Load:
    def load(path: Path, names: list[str], outputs: list[str]) -> Answer:
        import openvino

        from throughline.formats.openvino_ir import GRAPH_NAME, PRECISION

        options = {"INFERENCE_NUM_THREADS": 1} | ({PRECISION: hint} if hint else {})
        compiled = openvino.Core().compile_model(str(path / GRAPH_NAME), "CPU", options)
        request = compiled.create_infer_request()
        places = [_place(port, names, number) for number, port in enumerate(compiled.inputs)]
        ports = _ordered(compiled.outputs, outputs)

        def answer(arrays: Sequence[Array]) -> dict[str, Array]:
            found = request.infer({number: arrays[place] for number, place in enumerate(places)})
            return {name: found[port].copy() for name, port in zip(outputs, ports, strict=True)}

        return answer

    return load


def _place(port: Any, names: list[str], number: int) -> int:
    """Return which of the model's inputs a port is; TensorFlow puts its own words around the name."""
    plain = {entry.split(":")[0].removeprefix("serving_default_") for entry in port.get_names()}
    return next((place for place, name in enumerate(names) if name in plain), number)


def _ordered(ports: Sequence[Any], outputs: list[str]) -> list[Any]:
    by_name = {name: port for port in ports for name in port.get_names()}
    return [by_name[name] for name in outputs] if set(outputs) <= set(by_name) else list(ports)


def _load_of_network(name: str) -> Load:
    """Load a format that holds nothing but the package's own networks."""

    def load(path: Path, names: list[str], outputs: list[str]) -> Answer:
        runner = find_format(name).load(path)
        (output,) = outputs
        # One probability a row comes without its axis from NumPy.
        return lambda arrays: {output: runner.predict(arrays[0]).reshape(len(arrays[0]), -1)}

    return load


RUNNERS: dict[str, Load] = {
    "keras": _load_keras,
    "savedmodel": _load_savedmodel,
    "tflite-float32": _load_tflite,
    "tflite-float16": _load_tflite,
    "tflite-dynamic": _load_tflite,
    "tflite-int8": _load_tflite,
    "torchscript": _load_torchscript,
    "torch-export": _load_program,
    "aotinductor": _load_aotinductor,
    "executorch": _load_executorch,
    "onnx-float32": _load_onnx,
    "onnx-float16": _load_onnx,
    "onnx-int8": _load_onnx,
    "openvino": _load_openvino("f32"),
    "openvino-default": _load_openvino(""),
    "neutral": _load_of_network("neutral"),
    "c99": _load_of_network("c99"),
}
