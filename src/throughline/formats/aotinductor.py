"""AOTInductor: the network compiled ahead of time to machine code, in a package that PyTorch or libtorch loads.

The code is made for the processor of the exporting machine, and its instruction set is noted in the record. Loading the
package runs that code: take one only from where you would take a program.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

from throughline.formats.base import ExportInputs, Facts, Format, Route, Runner
from throughline.formats.torch_export import export_graph
from throughline.formats.torchscript import cpu_facts
from throughline.weights import Array

METADATA_NAME = ".wrapper_metadata.json"
# No precompiled header: it is used once here. No line tables: they name the files of the exporting machine.
OPTIONS = {"aot_inductor.precompile_headers": False, "aot_inductor.enable_line_tables": False}


def export(inputs: ExportInputs, path: Path) -> Facts:
    """Compile the graph of `torch.export` with the system's C++ compiler; nothing is left in its cache."""
    import torch
    from torch._inductor import aoti_compile_and_package
    from torch._inductor.utils import fresh_cache

    with tempfile.TemporaryDirectory() as folder, fresh_cache(dir=folder):
        aoti_compile_and_package(export_graph(inputs.network), package_path=str(path), inductor_configs=OPTIONS)
    metadata = drop_sources(path)
    return {
        "exporter": "torch._inductor.aoti_compile_and_package",
        "torch": torch.__version__,
        "instruction_set": metadata["AOTI_CPU_ISA"],
        "machine_code_for": metadata["AOTI_MACHINE"],
    }


def drop_sources(path: Path) -> Any:
    """Rewrite a package without C++ sources and without the folders of the exporting machine.

    Parameters
    ----------
    path : Path
        As ``aoti_compile_and_package`` wrote it.

    Returns
    -------
    dict of str to str
        What the package says of its machine code, such as ``AOTI_CPU_ISA`` and ``AOTI_MACHINE``.
    """
    import torch

    archive = torch._C.PyTorchFileReader(str(path))
    records = {name: archive.get_record(name) for name in archive.get_all_records()}
    writer = torch._C.PyTorchFileWriter(str(path))
    for name, content in records.items():
        if name.endswith(".cpp") or name in ("version", "byteorder", ".data/serialization_id", ".data/version"):
            continue
        kept = _without_folders(content) if name.endswith(".so") else content
        writer.write_record(name, kept, len(kept))
    writer.write_end_of_file()
    return json.loads(next(content for name, content in records.items() if name.endswith(METADATA_NAME)))


def _without_folders(code: bytes) -> bytes:
    # Checks in PyTorch's headers name their source file. The names are replaced by as many slashes, which keeps every
    # address in the machine code where it was.
    import torch

    folders = [str(Path(torch.__file__).parent.parent), tempfile.gettempdir()]
    for folder in folders:
        code = code.replace(folder.encode() + b"/", b"/" * (len(folder.encode()) + 1))
    return code


def read_facts(path: Path) -> Facts:
    """Return for which processor the code was compiled, and the versions of the archive, as the file states them."""
    with zipfile.ZipFile(path) as archive:
        metadata = next(name for name in archive.namelist() if name.endswith(METADATA_NAME))
        compiled = json.loads(archive.read(metadata))
        (version,) = (name for name in archive.namelist() if name.endswith("/archive_version"))
        return {
            "archive_version": int(archive.read(version)),
            "instruction_set_of_file": compiled["AOTI_CPU_ISA"],
            "machine_code_for": compiled["AOTI_MACHINE"],
            "device": compiled["AOTI_DEVICE_KEY"],
        }


class AotInductorRunner(Runner):
    """Calls the compiled code; the Python class is not needed."""

    def __init__(self, path: Path) -> None:
        import torch

        torch.set_num_threads(1)
        self._program = torch._inductor.aoti_load_package(str(path))
        super().__init__(
            {"runtime": f"PyTorch {torch.__version__}", **cpu_facts()},
        )

    def _predict(self, X: Array) -> Any:
        import torch

        with torch.inference_mode():
            return self._program(torch.from_numpy(X)).numpy()


FORMAT = Format(
    name="aotinductor",
    title="AOTInductor",
    chapter=4,
    order=2,
    framework="torch",
    routes=(Route(framework="torch", export=export),),
    suffix=".pt2",
    runtime="PyTorch or libtorch",
    runs_on="servers with the same processor",
    preload=("torch", "torch._inductor"),
    programs=("g++",),
    forbidden=("tensorflow", "keras", "throughline.frameworks.torch_net"),
    load=AotInductorRunner,
    opener="aotinductor",
    distributions=("torch",),
    read_facts=read_facts,
    stores_bare_arrays=True,
    good_for="a C++ server that wants machine code instead of a graph to interpret",
)
