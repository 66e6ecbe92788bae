"""A PyTorch module, an exported program or a TorchScript program."""

from __future__ import annotations

import contextlib
import inspect
import os
import pickle
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from throughline.errors import DataError, ThroughlineError, UsageError
from throughline.own_model.noise import Noise
from throughline.own_model.opened import OpenedModel, Shape, call_factory, in_order, plain_name
from throughline.own_model.program_archive import load_program
from throughline.own_model.source import Source, neutral_weights
from throughline.weights import Array

# Whose inputs an int8 file rounds.
PRODUCTS = ("convolution", "_convolution", "mm", "addmm", "bmm", "baddbmm", "matmul", "linear")
DTYPES = ("float16", "float32", "float64")  # of parameters, that NumPy has too


def open_torch(source: Source, sample: Mapping[str, Array]) -> TorchModel:
    """Load the module, with pickled objects refused unless the file is trusted."""
    import torch

    torch.manual_seed(0)
    torch.set_num_threads(1)
    with _jit_is_deprecated():
        module, program = _load(source)
    if source.state:
        module.load_state_dict(torch.load(source.state, weights_only=True))
    if source.kind == "neutral":
        from throughline.formats.onnx_float32 import INPUT_NAME

        (rows,) = in_order([INPUT_NAME], sample)
        _, spec = neutral_weights(Path(source.path))
        # Named as in Keras, which makes some of its formats.
        return TorchModel(module, None, {INPUT_NAME: rows}, [spec.output_name])
    return TorchModel(module, program, sample)


def _load(source: Source) -> tuple[Any, Any]:
    """Return the module, and the exported program if the file holds one."""
    import torch

    if source.kind == "neutral":
        from throughline.frameworks import torch_net

        weights, spec = neutral_weights(Path(source.path))
        return torch_net.build(spec, weights), None
    if source.kind == "factory":
        module = call_factory(source)
        if not isinstance(module, torch.nn.Module):
            received = f"{type(module).__module__}.{type(module).__name__}"
            raise UsageError("MODEL", "a factory of an nn.Module or a keras.Model", received, "return the model itself")
        return module.eval(), None
    try:
        if source.kind == "pt2":
            if not source.trust:
                os.environ["TORCH_FORCE_WEIGHTS_ONLY_LOAD"] = "1"  # it asks for weights_only=False in so many words
            program = load_program(Path(source.path), source.trust)
            return program.module(), program
        if source.kind == "torchscript":
            return torch.jit.load(source.path, map_location="cpu").eval(), None
        module = torch.load(source.path, map_location="cpu", weights_only=False)
    except ThroughlineError:
        raise
    except pickle.UnpicklingError as error:
        received = "pickled objects in it" if source.kind == "pt2" else str(error).splitlines()[0]
        raise DataError("MODEL", "a file of tensors alone", received, "add --trust if you trust it") from error
    except Exception as error:  # a damaged or foreign file makes each loader raise something else
        said = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
        raise DataError("MODEL", "a file that PyTorch loads", said, "save it again with this version") from error
    if not isinstance(module, torch.nn.Module):
        received = f"a pickled {type(module).__name__}"
        raise DataError("MODEL", "a whole module", received, "build it in file.py:factory and load the weights there")
    return module.eval(), None


class TorchModel(OpenedModel):
    """Answers without gradients, outside the fused paths that hide what happens inside."""

    def __init__(
        self, module: Any, program: Any, sample: Mapping[str, Array], outputs: Sequence[str] | None = None
    ) -> None:
        self.module, self.program, self._outputs = module, program, outputs
        names, optional = (list(sample), 0) if outputs else _arguments(module, program)
        if len(sample) > len(names) > 0 or len(sample) < len(names) - optional:
            in_order(names, sample)  # which says what is missing or too much
        # Arguments with a default that the sample leaves out keep it.
        named = [name for name in names if name in sample]
        used = named if len(named) == len(sample) else names[: len(sample)]
        self.inputs = used or [name or f"input_{i}" for i, name in enumerate(sample)]
        if used != names[: len(used)]:
            raise DataError("--sample", f"the first arguments, {', '.join(names)}", ", ".join(used), "give all of them")
        declared = _declared_inputs(program) if program is not None else []
        self.shapes: list[Shape | None] = [shape for _, shape in declared] or [None] * len(self.inputs)
        self.dtypes = [dtype for dtype, _ in declared] or self._found_dtypes(in_order(self.inputs, sample))

    def _found_dtypes(self, arrays: Sequence[Array]) -> list[str]:
        """Return the types that a module takes, which does not say: whole numbers may be codes, or mere numbers."""
        own = next((str(e.dtype).removeprefix("torch.") for e in self._stored() if e.is_floating_point()), "float32")
        if own not in DTYPES:
            raise DataError("MODEL", f"a module in {', '.join(DTYPES)}", own, "convert it with module.float()")
        of_codes = {"f": own, "b": "bool"}
        guessed = [of_codes.get(array.dtype.kind, "int64") for array in arrays]
        for dtypes in (guessed, [own] * len(arrays)):
            with contextlib.suppress(Exception):  # whatever a module raises that gets another type
                self.answer([array[:1].astype(dtype) for array, dtype in zip(arrays, dtypes, strict=True)])
                return dtypes
        return guessed

    def _stored(self) -> list[Any]:
        return [*self.module.parameters(), *self.module.buffers()]

    def answer(self, arrays: Sequence[Array]) -> dict[str, Array]:
        """Answer in one batch."""
        import torch

        with torch.no_grad(), _unfused(), _jit_is_deprecated():
            result = self.module(*(torch.from_numpy(array) for array in arrays))
        found = named_outputs(result)
        names = self._outputs or [name for name, _ in found]
        return {name: tensor.detach().numpy().copy() for name, (_, tensor) in zip(names, found, strict=True)}

    @contextmanager
    def disturbed(self, noise: Noise, rng: np.random.Generator) -> Iterator[bool]:
        """Move parameters and buffers, and what goes into each product."""
        import torch

        floats = [entry for entry in self._stored() if entry.is_floating_point()]
        before = [entry.detach().clone() for entry in floats]
        with torch.no_grad():
            for entry, values in zip(floats, before, strict=True):
                entry.copy_(torch.from_numpy(np.array(noise.weight(values.numpy(), rng))))
        try:
            with _moved_products(noise, rng) if noise.moves_values else contextlib.nullcontext():
                yield bool(floats)
        finally:
            with torch.no_grad():
                for entry, values in zip(floats, before, strict=True):
                    entry.copy_(values)

    @property
    def n_parameters(self) -> int:
        """Numbers in parameters and buffers."""
        return sum(entry.numel() for entry in self._stored())


def _arguments(module: Any, program: Any) -> tuple[list[str], int]:
    """Return the names of what a module is called with, and how many of them may be left out."""
    if program is not None:
        return [plain_name(name) for name in program.graph_signature.user_inputs], 0
    schema = getattr(getattr(module, "forward", None), "schema", None)
    if schema is not None:
        arguments = schema.arguments[1:]
        return [entry.name for entry in arguments], sum(entry.has_default_value() for entry in arguments)
    parameters = [
        entry
        for entry in inspect.signature(module.forward).parameters.values()
        if entry.kind in (entry.POSITIONAL_ONLY, entry.POSITIONAL_OR_KEYWORD)
    ]
    return [entry.name for entry in parameters], sum(entry.default is not entry.empty for entry in parameters)


def _declared_inputs(program: Any) -> list[tuple[str, Shape | None]]:
    """Return type and shape of each input, without the batch axis, as the program keeps them."""
    wanted = set(program.graph_signature.user_inputs)
    tensors = [node.meta["val"] for node in program.graph.nodes if node.op == "placeholder" and node.name in wanted]
    return [
        (str(t.dtype).removeprefix("torch."), tuple(n if isinstance(n, int) else None for n in t.shape[1:]))
        for t in tensors
    ]


def named_outputs(result: Any) -> list[tuple[str, Any]]:
    """Return all tensors of a nested answer with names: those of a dictionary's keys, or numbers."""
    import torch

    leaves, _ = torch.utils._pytree.tree_flatten_with_path(result)
    tensors = [(path, leaf) for path, leaf in leaves if isinstance(leaf, torch.Tensor)]
    if isinstance(result, dict):
        return [("_".join(plain_name(_key(entry)) for entry in path), leaf) for path, leaf in tensors]
    return [(f"output_{i}" if len(tensors) > 1 else "output", leaf) for i, (_, leaf) in enumerate(tensors)]


def _key(entry: Any) -> str:
    return str(getattr(entry, "key", getattr(entry, "idx", entry)))


@contextmanager
def _unfused() -> Iterator[None]:
    """Let attention run as products that can be seen, the way it is exported."""
    import torch
    from torch.nn.attention import SDPBackend, sdpa_kernel

    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):
            yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)


def _moved_products(noise: Noise, rng: np.random.Generator) -> Any:
    """Return a mode under which every product takes in values that were rounded."""
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    def moved(value: Any) -> Any:
        if not isinstance(value, torch.Tensor) or not value.is_floating_point():
            return value
        return torch.from_numpy(np.array(noise.value(value.detach().numpy(), rng)))

    class Moved(TorchDispatchMode):
        def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
            if func.overloadpacket.__name__ in PRODUCTS:
                args = tuple(moved(value) for value in args)
            return func(*args, **(kwargs or {}))

    return Moved()  # type: ignore[no-untyped-call]  # torch's own constructor


@contextmanager
def _jit_is_deprecated() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", category=DeprecationWarning, message=".*torch.jit.*")
        yield


def save_state(model: TorchModel, folder: Path) -> str:
    """Keep the weights of a factory's module, so that every process has the same."""
    import torch

    path = folder / "source.state.pt"
    torch.save(model.module.state_dict(), path)
    return str(path)
