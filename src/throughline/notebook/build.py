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
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from throughline.errors import MissingPackageError, ThroughlineError, UsageError
from throughline.notebook.exercises import with_solutions
from throughline.notebook.parameters import Parameters
from throughline.output import write_whole

if TYPE_CHECKING:
    from nbclient.exceptions import CellExecutionError
    from nbformat import NotebookNode

OnCell = Callable[[int, int, str], None]

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
HEADING = re.compile(r"^#{1,2} (.+)$", re.MULTILINE)
ESCAPES = re.compile(r"\x1b\[[\d;]*m")
FAILING_LINE = re.compile(r"^-+> \d+ (.+)$", re.MULTILINE)
ADDRESS = re.compile(r"\b0x[0-9a-f]{8,}\b")


def build_notebook(
    source: Path,
    out: Path,
    *,
    parameters: Parameters | None = None,
    folder: Path | None = None,
    solved: bool = False,
    on_cell: OnCell = lambda number, n_cells, title: None,
) -> None:
    """Convert, execute and write a notebook; it appears whole or not at all.

    The kernel is this interpreter, whichever kernels are installed, and reads no settings of the user.

    Parameters
    ----------
    source : Path
        Python file in jupytext's percent format.
    out : Path
        The .ipynb to write; an older one is replaced.
    parameters : Parameters, optional
        Put in place of those in the source.
    folder : Path, optional
        Where the cells are executed; by default beside the source.
    solved : bool
        Whether the folded solutions are executed as well, each behind its exercise.
    on_cell : callable, optional
        Told before each cell of code: its number from 1, how many there are, and the heading that it stands under.

    Raises
    ------
    UsageError
        If the source cannot be read.
    MissingPackageError
        If the packages that execute notebooks are not installed.
    CellError
        If a cell failed.
    ThroughlineError
        If the outputs hold what `find_faults` finds.
    """
    require_packages()
    import jupytext
    import nbformat

    try:
        notebook = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent")
    except OSError as error:
        raise UsageError(
            "SOURCE", "a file that can be read", f"{source} ({error.strerror})", "check the path"
        ) from error
    if parameters is not None:
        parameters.put_into(notebook)
    if solved:
        notebook = with_solutions(notebook)
    _execute(notebook, folder or source.parent, on_cell)
    _make_steady(notebook)
    if faults := list(find_faults(notebook)):
        raise ThroughlineError(f"{out.name} was executed, but its outputs are not fit to keep: {'; '.join(faults)}.")
    text = nbformat.writes(notebook, version=4)  # type: ignore[no-untyped-call]
    write_whole(out, text.rstrip("\n") + "\n")


def require_packages() -> None:
    """Refuse to begin where the packages that execute notebooks are missing."""
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        remedy = "install them with pip install 'throughline[notebook]'"
        raise MissingPackageError("the environment", f"one with {', '.join(NEEDED)}", f"none of {missing}", remedy)


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


class CellError(ThroughlineError):
    """A cell failed: where, and at what.

    Attributes
    ----------
    traceback : str
        As Python writes it, for whoever mends the notebook.
    """

    def __init__(self, title: str, error: CellExecutionError) -> None:
        self.traceback = ESCAPES.sub("", str(error))
        at = FAILING_LINE.findall(self.traceback)
        said = " ".join(ESCAPES.sub("", error.evalue).split()) or (at[0].strip() if at else "no more is said")
        super().__init__(f"The cells of '{title}' failed with {error.ename}: {said.rstrip('.')}.")


def _execute(notebook: NotebookNode, folder: Path, on_cell: OnCell) -> None:
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
        resources={"metadata": {"path": str(folder.resolve())}},
    )
    titles = _titles(notebook)
    numbers = {place: number for number, place in enumerate(titles, start=1)}
    running = 0

    def before_cell(cell: NotebookNode, cell_index: int) -> None:
        nonlocal running
        running = cell_index
        on_cell(numbers[cell_index], len(numbers), titles[cell_index])

    client.on_cell_execute = before_cell
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
            # What native libraries write to the terminal is no output of a cell; Python's own errors come as messages.
            client.execute(env=environment, stderr=subprocess.DEVNULL)
        except CellExecutionError as error:
            raise CellError(titles[running], error) from error


def _titles(notebook: NotebookNode) -> dict[int, str]:
    """Return for the place of each cell of code the heading that it stands under."""
    title, titles = "its beginning", {}
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            titles[place] = title
        elif headings := HEADING.findall(cell.source):
            title = headings[-1]
    return titles


def _make_steady(notebook: NotebookNode) -> None:
    notebook.metadata.clear()
    notebook.metadata.update(METADATA)
    seen: Counter[str] = Counter()
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                output.data["image/png"] = _smaller(output.data["image/png"])
        cell.metadata.pop("lines_to_next_cell", None)  # jupytext's, for the way back
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
