"""From PyTorch, or from Keras on PyTorch: TorchScript, `torch.export`, AOTInductor, ExecuTorch, ONNX."""

from __future__ import annotations

import contextlib
import inspect
import io
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from throughline.formats.base import Facts
from throughline.own_model.export_inputs import ExportInputs, one_sentence
from throughline.own_model.keras_model import KerasModel
from throughline.own_model.torch_model import TorchModel, named_outputs

CONVOLUTIONS = ("conv1d", "conv2d", "conv3d", "convolution")
LARGEST_BATCH = 64  # of an ExecuTorch program, which reserves its memory beforehand


def flat_module(inputs: ExportInputs) -> Any:
    """Return the model as a module from tensors to a tuple of tensors, in the order of its inputs and outputs."""
    import torch

    opened = inputs.opened

    class Flat(torch.nn.Module):
        def __init__(self, model: Any) -> None:
            super().__init__()
            self.model = model

        def forward(self, *tensors: Any) -> Any:
            if isinstance(opened, KerasModel):
                return tuple(opened.call(tensors))
            return tuple(tensor for _, tensor in named_outputs(self.model(*tensors)))

    # The names of its arguments become those of the exported program.
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    named = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in inputs.names]
    Flat.forward.__signature__ = inspect.Signature([own, *named])  # type: ignore[attr-defined]  # Python's own hook
    assert isinstance(opened, KerasModel | TorchModel)  # what these processes open
    if isinstance(opened, TorchModel):
        flat = Flat(opened.module)
        return flat if opened.program is not None else flat.eval()  # a program's mode was fixed when it was exported
    return Flat(opened.model).eval()


def example(inputs: ExportInputs) -> tuple[Any, ...]:
    """Return two rows of the sample, since sizes 0 and 1 would be frozen, or as many as the source demands."""
    import torch

    size = inputs.fixed_batch or 2
    return tuple(torch.from_numpy(array[:size].copy()) for array in inputs.arrays)


def exported_program(inputs: ExportInputs, largest_batch: int | None = None) -> Any:
    """Return the `torch.export` program with a free batch axis, without places of this machine."""
    import torch

    free = inputs.fixed_batch is None
    batch = torch.export.Dim("batch", max=largest_batch) if free else None
    shapes = tuple({0: batch} if free else {} for _ in inputs.arrays)
    with _quiet():
        program = torch.export.export(flat_module(inputs), example(inputs), dynamic_shapes=shapes, strict=False)
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
    return program


def export_torch_export(inputs: ExportInputs, path: Path) -> Facts:
    """Export the graph and save it with its weights."""
    import torch

    torch.export.save(exported_program(inputs), path)
    return {"exporter": "torch.export.export", "torch": torch.__version__}


def export_torchscript(inputs: ExportInputs, path: Path) -> Facts:
    """Script the module, or record one call of it where scripting refuses; the facts say which, and why."""
    import torch

    from throughline.formats.torchscript import drop_debug_records

    facts: Facts = {"exporter": "torch.jit.script", "torch": torch.__version__}
    opened = inputs.opened
    with _quiet(), torch.no_grad():
        try:
            if not isinstance(opened, TorchModel) or opened.program is not None:
                raise TypeError("only a module of its own class can be scripted")
            program = torch.jit.script(opened.module)
        except Exception as error:  # scripting fails in many ways
            program = torch.jit.trace(flat_module(inputs), example(inputs), check_trace=False)
            facts |= {"exporter": "torch.jit.trace", "not_scripted": one_sentence(error)}
        program.save(str(path))
    drop_debug_records(path)
    return facts


def export_aotinductor(inputs: ExportInputs, path: Path) -> Facts:
    """Compile the graph with the system's C++ compiler."""
    import torch
    from torch._inductor import aoti_compile_and_package
    from torch._inductor.utils import fresh_cache

    from throughline.formats.aotinductor import OPTIONS, drop_sources

    program = exported_program(inputs).run_decompositions({})  # Keras writes in place, which Inductor does not take
    with tempfile.TemporaryDirectory() as folder, fresh_cache(dir=folder), _quiet():
        aoti_compile_and_package(program, package_path=str(path), inductor_configs=OPTIONS)
    metadata = drop_sources(path)
    return {
        "exporter": "torch._inductor.aoti_compile_and_package",
        "torch": torch.__version__,
        "instruction_set": metadata["AOTI_CPU_ISA"],
    }


def export_executorch(inputs: ExportInputs, path: Path) -> Facts:
    """Lower the graph and hand to XNNPACK what it can compute."""
    import importlib.metadata

    from executorch.backends.xnnpack.partition.xnnpack_partitioner import XnnpackPartitioner
    from executorch.exir import to_edge_transform_and_lower

    with _quiet():
        graph = _with_constant_kernels(exported_program(inputs, max(LARGEST_BATCH, len(inputs.arrays[0]))))
        program = to_edge_transform_and_lower(graph, partitioner=[XnnpackPartitioner()]).to_executorch()
    path.write_bytes(program.buffer)
    version = importlib.metadata.version("executorch")
    return {"exporter": "executorch.exir.to_edge_transform_and_lower", "executorch": version}


def _with_constant_kernels(program: Any) -> Any:
    """Compute what depends on parameters alone, and drop copies whose only use is a convolution.

    Keras turns each kernel around on every call, and copies it. XNNPACK takes no convolution whose kernel is computed,
    and ExecuTorch's own copy fails at run time on axes in that order (`_clone_dim_order`, error 0x12).
    """
    import torch
    from executorch.exir.passes.constant_prop_pass import constant_prop_pass

    convolutions = {getattr(torch.ops.aten, name).default for name in CONVOLUTIONS}
    program = program.run_decompositions({})
    for node in list(program.graph.nodes):
        if node.target == torch.ops.aten.clone.default and all(user.target in convolutions for user in node.users):
            node.replace_all_uses_with(node.args[0])
            program.graph.erase_node(node)
    program.graph_module.recompile()
    return constant_prop_pass(program)


def export_onnx_float32(inputs: ExportInputs, path: Path) -> Facts:
    """Export through `torch.export`; a TorchScript program through the older exporter, which alone takes one."""
    import torch

    from throughline.formats.onnx_float32 import OPSET, write_onnx

    opened = inputs.opened
    if isinstance(opened, TorchModel) and isinstance(opened.module, torch.jit.ScriptModule):
        return _export_onnx_from_script(inputs, opened, path)
    program = exported_program(inputs)
    with contextlib.redirect_stdout(io.StringIO()), _quiet():  # the exporter prints its steps
        made = torch.onnx.export(
            program,
            (),
            input_names=inputs.names,
            output_names=inputs.output_names,
            opset_version=OPSET,
            dynamo=True,
            external_data=False,
            verbose=False,
        )
    assert made is not None  # None only where a path was given
    return {"exporter": "torch.onnx.export(dynamo=True)", "torch": torch.__version__} | write_onnx(
        made.model_proto, path
    )


def _export_onnx_from_script(inputs: ExportInputs, opened: TorchModel, path: Path) -> Facts:
    import onnx
    import torch

    from throughline.formats.onnx_float32 import write_onnx

    free = inputs.fixed_batch is None
    names = [*inputs.names, *inputs.output_names]
    with _quiet():
        torch.onnx.export(
            opened.module,
            example(inputs),
            str(path),
            input_names=inputs.names,
            output_names=inputs.output_names,
            dynamic_axes={name: {0: "batch"} for name in names} if free else None,
            opset_version=17,
            dynamo=False,
        )
    return {"exporter": "torch.onnx.export(dynamo=False)", "torch": torch.__version__} | write_onnx(
        onnx.load(path), path
    )


@contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # exporters warn of their own inside
        yield
