"""From a jupytext source to an executed .ipynb that comes out the same every time.

What would differ from one build to the next is not written: cell ids are hashes of the cells, there are no times of
execution, and nothing names the machine. A notebook with a warning, an error or a local path in its outputs is refused.
"""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import io
import os
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import MissingPackageError, ThroughlineError, UsageError

if TYPE_CHECKING:
    from nbformat import NotebookNode

CELL_TIMEOUT_S = 600
NEEDED = ("ipykernel", "jupytext", "nbclient", "nbformat")
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    # Without the version of Python, which would change the file from machine to machine.
    "language_info": {
        "file_extension": ".py",
        "mimetype": "text/x-python",
        "name": "python",
        "nbconvert_exporter": "python",
        "pygments_lexer": "ipython3",
    },
}
LOCAL_PATH = re.compile(r"(?<![\w.:/])/(?:home|mnt|opt|private|root|tmp|usr|var|Users)/|\b[A-Z]:\\\\?\w")
ADDRESS = re.compile(r"\b0x[0-9a-f]{8,}\b")


def build_notebook(source: Path, out: Path) -> None:
    """Convert, execute and write a notebook; it appears whole or not at all.

    The kernel is this interpreter, whichever kernels are installed, and reads no settings of the user.

    Parameters
    ----------
    source : Path
        Python file in jupytext's percent format.
    out : Path
        The .ipynb to write; an older one is replaced.

    Raises
    ------
    UsageError
        If the source cannot be read.
    MissingPackageError
        If the packages that execute notebooks are not installed.
    ThroughlineError
        If a cell failed, or the outputs hold what `find_faults` finds.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        remedy = "install them with pip install 'throughline[notebook]'"
        raise MissingPackageError("the environment", f"one with {', '.join(NEEDED)}", f"none of {missing}", remedy)
    import jupytext
    import nbformat

    try:
        notebook = jupytext.read(source)
    except OSError as error:
        raise UsageError(
            "SOURCE", "a file that can be read", f"{source} ({error.strerror})", "check the path"
        ) from error
    _execute(notebook, source)
    _make_steady(notebook)
    if faults := list(find_faults(notebook)):
        raise ThroughlineError(f"{source.name} was executed, but its outputs are not fit to keep: {'; '.join(faults)}.")
    beside = out.with_name(f".{out.stem}.new.ipynb")
    text = nbformat.writes(notebook, version=4)  # type: ignore[no-untyped-call]
    beside.write_text(text.rstrip("\n") + "\n", encoding="utf-8")
    os.replace(beside, out)


def find_faults(notebook: NotebookNode) -> Iterator[str]:
    """Tell what a kept notebook must not hold: code that was not run, errors, warnings, local paths, addresses.

    Parameters
    ----------
    notebook : NotebookNode

    Yields
    ------
    str
        One clause a fault.
    """
    for number, cell in enumerate(notebook.cells):
        if cell.cell_type != "code":
            continue
        if cell.execution_count is None:
            yield f"cell {number} was not executed"
        for output in cell.outputs:
            if output.output_type == "error":
                yield f"cell {number} ends in {output.ename}"
            if output.output_type == "stream" and output.name == "stderr":
                yield f"cell {number} wrote to stderr: {output.text.strip()[:200]!r}"
            for text in _texts(output):
                if found := _local_path(text) or ADDRESS.search(text):
                    yield f"cell {number} shows something of this machine: {found[0]!r}"


def _execute(notebook: NotebookNode, source: Path) -> None:
    import matplotlib.font_manager  # noqa: F401  # builds the font cache, where it is missing, outside of the notebook
    from jupyter_client.kernelspec import KernelSpecManager
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError

    client = NotebookClient(
        notebook,
        kernel_name="python3",
        timeout=CELL_TIMEOUT_S,
        record_timing=False,
        coalesce_streams=True,
        # What libraries write to the file descriptors themselves belongs to a terminal, not into a cell.
        extra_arguments=["--IPKernelApp.capture_fd_output=False", "--IPKernelApp.log_level=ERROR"],
        resources={"metadata": {"path": str(source.resolve().parent)}},
    )
    # Without any folder to look in, Jupyter falls back to the kernel of the interpreter that asks.
    specs = KernelSpecManager()
    specs.kernel_dirs = []
    client.create_kernel_manager().kernel_spec_manager = specs
    with tempfile.TemporaryDirectory() as settings:
        # Its temporary files too: a kernel that is ended at a failed cell removes nothing itself.
        own = dict.fromkeys(("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "TMPDIR"), settings)
        environment = os.environ | own | {"PYTHONHASHSEED": "0"}
        environment.pop("PYTHONWARNINGS", None)
        try:
            client.execute(env=environment)
        except CellExecutionError as error:
            plain = re.sub(r"\x1b\[[\d;]*m", "", str(error))
            raise ThroughlineError(f"{source.name} failed with {error.ename}: {error.evalue}\n{plain}") from error


def _make_steady(notebook: NotebookNode) -> None:
    notebook.metadata.clear()
    notebook.metadata.update(METADATA)
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = _smaller(output.data["image/png"])
        seen[cell.source] += 1
        cell.id = hashlib.sha256(f"{seen[cell.source]} {cell.cell_type}\n{cell.source}".encode()).hexdigest()[:12]


def _smaller(png: str) -> str:
    """Write a picture with a palette: a third of the bytes, and no eye sees the difference in a plot."""
    from PIL import Image

    written = io.BytesIO()
    with Image.open(io.BytesIO(base64.b64decode(png))) as picture:
        few = picture.convert("RGB").quantize(256, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        few.save(written, "PNG", optimize=True)
    return base64.b64encode(written.getvalue()).decode()


def _texts(output: Any) -> Iterator[str]:
    if output.output_type == "stream":
        yield output.text
    elif output.output_type == "error":
        yield "\n".join(output.traceback)
    else:
        yield from (content for kind, content in output.data.items() if kind.startswith("text/"))


def _local_path(text: str) -> list[str] | None:
    own = {str(Path.home()), tempfile.gettempdir(), sys.prefix, sys.base_prefix, os.getcwd()} - {os.sep}
    if found := [path for path in sorted(own) if path + os.sep in text]:
        return found
    return [match[0]] if (match := LOCAL_PATH.search(text)) else None
