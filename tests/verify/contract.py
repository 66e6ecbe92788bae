"""What runs in child processes for the tests of the worker."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import throughline.formats
from throughline.processes import Emit
from throughline.verify.worker import run_artifact

BESIDE = Path(__file__).parent / "beside"


def run_with_formats_beside(emit: Emit, **arguments: str) -> dict[str, Any]:
    """Run a file of a format that is described in the folder `beside`, as if it lay in the package."""
    throughline.formats.__path__.append(str(BESIDE))
    return run_artifact(**arguments, emit=emit)
