"""A Keras model, on TensorFlow or on PyTorch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from throughline.errors import DataError, UsageError, quoted
from throughline.own_model.noise import Noise
from throughline.own_model.opened import OpenedModel, call_factory, plain_name
from throughline.own_model.source import Source, neutral_weights
from throughline.weights import Array

SCALING_LAYERS = ("Normalization", "Rescaling")
# Their answers lie in [0, 1], and int8 files have a step of 1/256 for them whatever the rows say.
FIXED_STEP = 1 / 256


def open_keras(source: Source) -> KerasModel:
    """Load a `.keras` file in safe mode unless it is trusted, call the factory, or build ours from its weights."""
    import keras

    if source.kind == "neutral":
        from throughline.frameworks import keras_net

        weights, spec = neutral_weights(Path(source.path))
        return KerasModel(keras_net.build(spec, weights))
    if source.kind == "factory":
        if keras.backend.backend() == "tensorflow":  # the function imports TensorFlow wherever it finds it
            keras.utils.set_random_seed(0)
        model = call_factory(source)
        if not isinstance(model, keras.Model):
            received = f"{type(model).__module__}.{type(model).__name__}"
            raise UsageError("MODEL", "a factory of a keras.Model or an nn.Module", received, "return the model itself")
        if source.state:
            model.load_weights(source.state)
        return KerasModel(model)
    try:
        return KerasModel(keras.saving.load_model(source.path, compile=False, safe_mode=not source.trust))
    except (OSError, ValueError, TypeError, KeyError) as error:
        said = str(error).strip().splitlines()[0]
        remedy = "check the file; layers of your own need file.py:factory, Lambda layers --trust"
        raise DataError("MODEL", "a .keras file that loads without its own code", said, remedy) from error


class KerasModel(OpenedModel):
    """Answers with `predict_on_batch`; its layers can be disturbed one by one."""

    def __init__(self, model: Any) -> None:
        import keras

        if not model.built or not getattr(model, "inputs", None):
            allowed = "a Sequential or Functional keras.Model, whose inputs are known"
            remedy = "end the factory with keras.Model(inputs, outputs)"
            raise UsageError("MODEL", allowed, f"the class {quoted(type(model).__name__)}", remedy)
        self.model = model
        self._structure = getattr(model, "_inputs_struct", None)
        names = _keys(self._structure) or [tensor.name for tensor in model.inputs]
        self.inputs = [plain_name(name) for name in names]
        self.dtypes = [str(tensor.dtype) for tensor in model.inputs]
        self.shapes = [tuple(tensor.shape[1:]) for tensor in model.inputs]
        # A Sequential has one output and, unlike a Functional, no name for it but that of its last layer.
        names = getattr(model, "output_names", None) or [model.layers[-1].name]
        names = _keys(getattr(model, "_outputs_struct", None)) or names
        self.outputs = _unique([plain_name(name) for name in names])
        layers = [layer for layer in model._flatten_layers(include_self=False) if not list(layer._layers)]
        self.scales_inputs = any(type(layer).__name__ in SCALING_LAYERS for layer in layers)
        operations = {id(entry): entry for entry in [*layers, *_operations(model, keras)]}
        self._operations = [entry for entry in operations.values() if type(entry).__name__ != "InputLayer"]

    def call(self, tensors: Sequence[Any]) -> list[Any]:
        """Return the outputs as tensors, flat."""
        import keras

        packed = self._packed(tensors)
        return list(keras.tree.flatten(self.model(packed, training=False)))

    def answer(self, arrays: Sequence[Array]) -> dict[str, Array]:
        """Answer in one batch, in the compiled function of Keras."""
        import keras

        found = keras.tree.flatten(self.model.predict_on_batch(self._packed(arrays)))
        return dict(zip(self.outputs, (np.asarray(value) for value in found), strict=True))

    def _packed(self, values: Sequence[Any]) -> Any:
        import keras

        if self._structure is None:
            return values[0] if len(values) == 1 else list(values)
        return keras.tree.pack_sequence_as(self._structure, list(values))

    @contextmanager
    def disturbed(self, noise: Noise, rng: np.random.Generator) -> Iterator[bool]:
        """Move variables, and what each layer puts out."""
        floats = [entry for entry in self.model.weights if str(entry.dtype).startswith("float")]
        before = [np.array(entry) for entry in floats]
        for entry, values in zip(floats, before, strict=True):
            entry.assign(noise.weight(values, rng))
        answer = self.answer
        if noise.moves_values:
            self._patch(noise, rng)
            self.answer = self._answer_eagerly  # type: ignore[method-assign]  # a compiled function would not see it
        try:
            yield bool(floats)
        finally:
            self.answer = answer  # type: ignore[method-assign]
            for operation in self._operations:
                operation.__dict__.pop("call", None)
            for entry, values in zip(floats, before, strict=True):
                entry.assign(values)

    def _answer_eagerly(self, arrays: Sequence[Array]) -> dict[str, Array]:
        return dict(zip(self.outputs, (np.asarray(value) for value in self.call(arrays)), strict=True))

    def _patch(self, noise: Noise, rng: np.random.Generator) -> None:
        import keras

        def moved(tensor: Any, bounded: bool) -> Any:
            values = np.asarray(tensor)
            if values.dtype.kind != "f":
                return tensor
            noisy = noise.value(values, rng)
            if bounded and noise.value_levels:
                noisy = noisy + rng.uniform(-FIXED_STEP / 2, FIXED_STEP / 2, values.shape)
            return keras.ops.convert_to_tensor(noisy.astype(values.dtype))

        for operation in self._operations:
            original, bounded = operation.call, _is_bounded(operation)

            def call(*args: Any, _original: Any = original, _bounded: bool = bounded, **kwargs: Any) -> Any:
                return keras.tree.map_structure(lambda tensor: moved(tensor, _bounded), _original(*args, **kwargs))

            # Past Keras' own attribute tracking, and gone again with one `pop`.
            operation.__dict__["call"] = call

    @property
    def n_parameters(self) -> int:
        """Numbers in all variables."""
        return int(self.model.count_params())


def _operations(model: Any, keras: Any) -> list[Any]:
    """Return operations of a functional graph that are no layers, such as a sum of two branches."""
    return [entry for entry in getattr(model, "operations", []) if not isinstance(entry, keras.Layer)]


def _keys(structure: Any) -> list[str]:
    """Return the keys of a dictionary of tensors in Keras' order; nothing for any other structure."""
    import keras

    if not isinstance(structure, dict) or any(isinstance(value, dict | list | tuple) for value in structure.values()):
        return []
    return [str(key) for key in keras.tree.flatten({key: key for key in structure})]


def _is_bounded(operation: Any) -> bool:
    names = (type(operation).__name__.lower(), getattr(getattr(operation, "activation", None), "__name__", ""))
    return any(name in ("softmax", "sigmoid") for name in names)


def _unique(names: list[str]) -> list[str]:
    return names if len(set(names)) == len(names) else [f"output_{i}" for i in range(len(names))]


def save_state(model: KerasModel, folder: Path) -> str:
    """Keep the weights of a factory's model, so that every process has the same."""
    path = folder / "source.weights.h5"
    model.model.save_weights(path)
    return str(path)
